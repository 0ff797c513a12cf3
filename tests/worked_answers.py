"""The answers of docs/queries.md, computed a second time: with pandas, from the released files.

Shares no code and no SQL with the analysts' database. `ANSWERS` has a function for each query of
the page, in its order; None where an answer is about the database itself.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

PAGE = Path(__file__).parents[1] / "docs/queries.md"
Row = tuple[Any, ...]
_REFUSED = "-- error: "


@dataclass(frozen=True)
class WorkedQuery:
    """A query of the page; `refusal` is part of the error that the page says it ends in."""

    text: str
    refusal: str = ""


@dataclass(frozen=True)
class Released:
    """What stands in the release folders, and which campaign and days the page asks about."""

    rows: pd.DataFrame  # one row a figure
    releases: pd.DataFrame  # one row a release
    subjects: pd.DataFrame  # one row a released table
    first: str
    second: str
    day: str
    earlier: str

    def of(self, kind: str, every: str, subject: str | None = None) -> pd.DataFrame:
        rows = self.rows
        chosen = (rows["subject_kind"] == kind) & (rows["period_kind"] == every)
        return rows[chosen if subject is None else chosen & (rows["subject_id"] == subject)]

    def figures(
        self, subject: str, segment: str, every: str = "day", kind: str = "campaign"
    ) -> Any:
        """Row by period, of a named segment."""
        found = self.of(kind, every, subject)
        return {row.period: row for row in found[found["segment_id"] == segment].itertuples()}


def worked_queries(names: Mapping[str, str]) -> list[WorkedQuery]:
    """The queries of the page, asked about other campaigns and days."""
    page = PAGE.read_text(encoding="utf-8")
    for name, here in names.items():
        page = page.replace(name, here)
    found = []
    for text in re.findall(r"```sql\n(.*?)```", page, re.DOTALL):
        first = text.splitlines()[0]
        found.append(WorkedQuery(text, first.removeprefix(_REFUSED) if _REFUSED in first else ""))
    return found


def read_released(published: Path, names: Mapping[str, str]) -> Released:
    """Every figure of the release folders; none of these was corrected or withdrawn."""
    rows, releases, subjects = [], [], []
    for folder in sorted((published / "releases").iterdir()):
        facts = json.loads((folder / "release.json").read_text(encoding="utf-8"))
        promise, period = facts["promise"], facts["period"]
        floor = promise["k"] if promise["inference_k"] == "k" else promise["inference_k"]
        rounding = promise["rounding"]
        about = {
            "release_id": facts["id"],
            "subject_kind": facts["kind"],
            "period_kind": period["kind"],
            "period": period["id"],
            "start": date.fromisoformat(period["start"]),
            "end": date.fromisoformat(period["end"]),
            "error": rounding - 1 + max(rounding, floor) + promise["near_jitter"] - 1,
        }
        releases.append(about | {"k": promise["k"], "floor": floor, "rounding": rounding})
        segments = pd.read_parquet(folder / "segments.parquet").set_index("id").to_dict("index")
        of_subject = {
            one["id"]: {
                "subject": one.get("name", one.get("english")),
                "advertiser": one.get("advertiser_name"),
            }
            for one in facts["subjects"]
        }
        subjects += [about | {"subject_id": name} for name in of_subject]
        for row in pd.read_parquet(folder / "figures.parquet").to_dict("records"):
            people = None if pd.isna(row["people"]) else int(row["people"])
            segment = segments[row["segment_id"]]
            rows.append(
                about
                | of_subject[row["subject_id"]]
                | {
                    "subject_id": row["subject_id"],
                    "segment_id": row["segment_id"],
                    "status": row["status"],
                    "people": people,
                    "least": people and max(people - about["error"], promise["k"]),
                    "most": people and people + about["error"],
                    "segment": segment["english"],
                    **{name: segment[name] for name in ("named", "gender", "age", "region")},
                }
            )
    frame = pd.DataFrame(rows)
    frame["people"] = frame["people"].astype(object).where(frame["people"].notna(), None)
    for bound in ("least", "most"):
        frame[bound] = frame[bound].astype(object).where(frame[bound].notna(), None)
    return Released(
        frame,
        pd.DataFrame(releases),
        pd.DataFrame(subjects),
        names.get("cmp-0003", "cmp-0003"),
        names.get("cmp-0001", "cmp-0001"),
        names.get("2026-10-31", "2026-10-31"),
        names.get("2026-10-24", "2026-10-24"),
    )


def _whole(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _sums_by_gender(made: Released) -> list[Row]:
    rows = made.of("campaign", "day", made.first)
    alone = (rows["gender"] != "all") & (rows["age"] == "all") & (rows["region"] == "all")
    found = []
    for period, parts in rows[alone].groupby("period"):
        people = [one for one in parts["people"] if one is not None]
        found.append((f"{made.first} {period} gender", sum(people)))
    return found


def _everyone_by_day(made: Released) -> list[Row]:
    rows = made.figures(made.first, "everyone")
    return [(day, r.status, r.people, r.least, r.most) for day, r in sorted(rows.items())]


def _series(made: Released) -> list[Row]:
    grouped = made.releases.groupby(["subject_kind", "period_kind"])
    return [(*kinds, len(rows), rows["start"].min(), rows["end"].max()) for kinds, rows in grouped]


def _one_figure(made: Released) -> list[Row]:
    row = made.figures(made.first, "men_under_40")[made.day]
    return [(row.status, row.people, row.least, row.most)]


def _by_gender(made: Released) -> list[Row]:
    rows = made.of("campaign", "day", made.first)
    rows = rows[rows["period"] == made.day].set_index("segment_id")
    names = ("men", "not_stated:all:all", "women")
    return [
        (name, *rows.loc[name, ["status", "people"]]) if name in rows.index
        else (name, "suppressed", None)
        for name in names
    ]  # fmt: skip


def _parts(made: Released) -> list[Row]:
    words = {"men": "men", "women": "women", "not_stated:all:all": "people of unstated gender"}
    rows = made.of("campaign", "day", made.first)
    rows = rows[rows["period"] == made.day].set_index("segment_id")
    parts = []
    for name, segment in words.items():
        known = name in rows.index and rows.loc[name, "people"] is not None
        row = rows.loc[name] if known else None
        facts = ("published", row["people"], row["least"], row["most"]) if row is not None else (
            "suppressed", None, None, None)  # fmt: skip
        parts.append((segment, *facts))
    parts.sort(key=lambda part: -(part[2] or 0))
    everyone, published = rows.loc["everyone"], [part for part in parts if part[2]]
    rest = (
        max(0, everyone["least"] - sum(part[4] for part in published)),
        max(0, everyone["most"] - sum(part[3] for part in published)),
    )
    rest = (0, 0) if len(published) == len(parts) else rest
    return [*parts, ("everyone else", "rest", None, *rest)]


def _shares(made: Released) -> list[Row]:
    women, all_people = (made.figures(made.first, name) for name in ("women", "everyone"))
    found: list[Row] = []
    for period, part in women.items():
        whole = all_people[period]
        if part.people is None or whole.people is None:
            found.append((period, "suppressed", None, None, None))
            continue
        most = min(part.most, whole.least) / whole.least
        bounds = (100 * part.least / whole.most, 100 * most)
        found.append((period, "published", 100 * part.people / whole.people, *bounds))
    return found


def _indices(made: Released) -> list[Row]:
    four = [
        made.figures(subject, segment, "month", kind)
        for subject, kind in ((made.first, "campaign"), ("everyone", "audience"))
        for segment in ("women", "everyone")
    ]
    found = []
    for period, part in four[0].items():
        whole, women, everyone = (figures[period] for figures in four[1:])
        share, of_all = part.people / whole.people, women.people / everyone.people
        index = 100 * min(share, 1) / min(of_all, 1)
        least = 100 * part.least / whole.most * everyone.least / min(women.most, everyone.least)
        most = 100 * min(part.most, whole.least) / whole.least * everyone.most / women.least
        found.append((period, "published", index, least, most))
    return found


def _growth(made: Released) -> list[Row]:
    by_day = {row.start: row for row in made.figures(made.first, "everyone").values()}
    found = []
    for day, row in sorted(by_day.items()):
        before = by_day.get(day - timedelta(days=1))
        found.append((row.period, row.people, *_change(before, row)))
    return found


def _change(before: Any, now: Any) -> Row:
    if before is None or before.people is None or now.people is None:
        return (None, None, None, None)
    least, most = now.least - before.most, now.most - before.least
    direction = "more" if least > 0 else "fewer" if most < 0 else "not known"
    return (now.people - before.people, least, most, direction)


def _two_days(made: Released) -> list[Row]:
    rows = made.of("campaign", "day", made.first)
    first, second = (
        {row.segment_id: row for row in rows[rows["period"] == day].itertuples()}
        for day in (made.earlier, made.day)
    )
    found = []
    for name in first.keys() | second.keys():
        one, two = first.get(name), second.get(name)
        counts = tuple(row.people if row is not None else None for row in (one, two))
        change = (None, None, None, None)
        if None not in counts:
            change = _change(one, two)
        found.append((-(counts[0] or 0), name, (one or two).segment, *counts, change[0], change[3]))
    return [row[2:] for row in sorted(found, key=lambda row: row[:2])]


def _repeats(made: Released) -> list[Row]:
    days = made.figures(made.first, "everyone")
    found: list[Row] = []
    for week in made.figures(made.first, "everyone", "week").values():
        parts = [row for row in days.values() if week.start <= row.start <= week.end]
        if len(parts) < 7:
            found.append((week.period, "incomplete", week.people, len(parts), None, None, None))
            continue
        least = sorted((row.least for row in parts), reverse=True)
        repeat = max(
            -((week.most - sum(least[:taken])) // (taken - 1)) for taken in range(2, len(least) + 1)
        )
        most = min(week.most, sum(row.most for row in parts) - week.least)
        total = sum(row.people for row in parts)
        found.append(
            (week.period, "published", week.people, 7, total, max(0, repeat), max(0, most))
        )
    return found


def _union(made: Released) -> list[Row]:
    row = made.figures(made.first, "everyone")[made.day]
    return [("everyone", row.status, row.people)]


def _segment(made: Released) -> list[Row]:
    rows = made.rows[made.rows["segment_id"] == "men_under_40"]
    rows = rows.sort_values(["start", "end", "subject_kind", "subject_id"])
    columns = ("start", "period_kind", "period", "subject_kind", "subject_id", "subject")
    return list(rows[[*columns, "status", "people"]].itertuples(index=False, name=None))


def _grid(made: Released) -> list[Row]:
    rows = made.of("campaign", "day", made.first)
    grid = rows[rows["named"]].pivot(index="start", columns="segment_id", values="people")
    return [
        (day, *(_whole(people) for people in row))
        for day, row in zip(grid.index, grid.to_numpy(), strict=True)
    ]


def _on_a_day(made: Released) -> list[Row]:
    return _table(made, "campaign", made.first, "day", made.day, published=True)[0]


def _table(
    made: Released, kind: str, subject: str, every: str, day: str, *, published: bool = False
) -> tuple[list[Row], list[Row]]:
    """Figures of a subject in the period that holds a day: segment, people; with the period."""
    rows = made.of(kind, every, subject)
    wanted = date.fromisoformat(day)
    rows = rows[[one <= wanted <= two for one, two in zip(rows["start"], rows["end"], strict=True)]]
    found = sorted(
        rows.itertuples(), key=lambda row: (not row.named, -(row.people or 0), row.segment_id)
    )
    kept = [row for row in found if row.people is not None or not published]
    return [(r.segment, r.people) for r in kept], [(r.period, r.segment, r.people) for r in kept]


def _side_by_side(made: Released) -> list[Row]:
    first, second = (made.figures(name, "everyone") for name in (made.first, made.second))
    found = []
    for period in sorted(first.keys() | second.keys()):
        one, two = first.get(period), second.get(period)
        larger = None
        if one is not None and two is not None and one.people and two.people:
            direction = _change(two, one)[3]
            larger = {"more": "first", "fewer": "second"}.get(direction, direction)
        day = date.fromisoformat(period)
        people = [row.people if row is not None else None for row in (one, two)]
        status = [row.status if row is not None else None for row in (one, two)]
        found.append((day, *people, *status, larger))
    return found


def _largest(made: Released) -> list[Row]:
    rows = made.of("campaign", "day")
    rows = rows[(rows["segment_id"] == "everyone") & (rows["period"] == made.day)]
    found = sorted(rows.itertuples(), key=lambda row: (-(row.people or 0), row.subject))
    return [(row.subject, row.advertiser, row.people) for row in found[:5]]


def _men_for_each_woman(made: Released) -> list[Row]:
    found = []
    rows = made.of("campaign", "day")
    for (subject, day), parts in rows.groupby(["subject_id", "start"]):
        people = dict(zip(parts["segment_id"], parts["people"], strict=True))
        if people["men"] is not None and people["women"] is not None:
            found.append((subject, day, people["men"] / people["women"]))
    return found


def _by_region(made: Released) -> list[Row]:
    rows = made.of("campaign", "day")
    rows = rows[(rows["status"] == "published") & (rows["region"].str.len() == len("31"))]
    rows = rows[(rows["gender"] == "all") & (rows["age"] == "all")]
    found = sorted(rows.itertuples(), key=lambda r: (-r.people, r.subject_id, r.start, r.region))
    return [(r.subject_id, r.start, r.people) for r in found]


def _imprecise(made: Released) -> list[Row]:
    rows = [r for r in made.rows.itertuples() if r.people and 10 * (r.most - r.people) > r.people]
    rows.sort(key=lambda r: (r.people, r.subject, r.subject_id, r.period, r.segment_id))
    return [(r.subject, r.period, r.segment_id, r.people, r.least, r.most) for r in rows]


def _promises(made: Released) -> list[Row]:
    columns = ["release_id", "k", "floor", "rounding", "error"]
    return list(made.releases[columns].itertuples(index=False, name=None))


def _in_a_week(made: Released) -> list[Row]:
    return _table(made, "campaign", made.first, "week", made.earlier)[1]


def _in_a_month(made: Released) -> list[Row]:
    return _table(made, "campaign", made.first, "month", made.day)[1]


def _days_a_person(made: Released) -> list[Row]:
    found = []
    days = made.of("campaign", "day")
    for week in made.of("campaign", "week").itertuples():
        in_week = days[[week.start <= day <= week.end for day in days["start"]]]
        tables = made.subjects[
            (made.subjects["subject_kind"] == "campaign")
            & (made.subjects["period_kind"] == "day")
            & (made.subjects["subject_id"] == week.subject_id)
        ]
        ran = sum(week.start <= day <= week.end for day in tables["start"])
        same = in_week["segment_id"] == week.segment_id
        parts = in_week[same & (in_week["subject_id"] == week.subject_id)]["people"]
        known = [people for people in parts if people is not None]
        if week.people and in_week["period"].nunique() == 7 and len(known) == ran:
            total = sum(known)
            ratio = total / week.people
            found.append((week.subject_id, week.period, week.segment_id, week.people, total, ratio))
    return found


def _audience(made: Released) -> list[Row]:
    return _table(made, "audience", "everyone", "month", made.day)[1]


def _interest(made: Released) -> list[Row]:
    return _table(made, "interest", "electronics", "week", made.day)[1]


def _weeks(made: Released) -> list[Row]:
    return _by_period(made, "campaign")


def _interests(made: Released) -> list[Row]:
    return _by_period(made, "interest")


def _by_period(made: Released, kind: str) -> list[Row]:
    rows = made.of(kind, "week")
    rows = rows[rows["segment_id"] == "everyone"]
    found = sorted(rows.itertuples(), key=lambda r: (r.period, -(r.people or 0), r.subject))
    return [(r.period, r.subject, r.people) for r in found]


def _reached(made: Released) -> list[Row]:
    audience = made.figures("everyone", "everyone", "month", "audience")
    rows = made.of("campaign", "month")
    return [
        (r.period, r.subject, 100 * r.people / audience[r.period].people)
        for r in rows[rows["segment_id"] == "everyone"].itertuples()
        if r.people and audience[r.period].people
    ]


Answer = Callable[[Released], list[Row]]
ANSWERS: tuple[Answer | None, ...] = (
    *(
        _everyone_by_day,
        _sums_by_gender,
        None,
        None,
        None,
        None,
        _series,
        _one_figure,
        _by_gender,
        _parts,
        _shares,
    ),
    *(_indices, _growth, _two_days, _repeats, _union, None, None, _segment, _grid, _on_a_day),
    *(_side_by_side, _largest, _men_for_each_woman, _by_region, None, _imprecise, _promises),
    *(_weeks, _in_a_week, _in_a_month, _days_a_person, _audience, _interest, _interests, _reached),
)
# Columns of an answer that a query has and its function has not; and rows in an order of their own.
LEFT_OUT: Mapping[Answer, tuple[int, ...]] = {_by_region: (2,), _promises: (1, 6)}
UNORDERED = frozenset((_promises, _days_a_person, _reached))
# Answers are rounded: how far a number may be from the one computed here.
ROUNDED: Mapping[Answer, float] = {
    _shares: 0.1001, _indices: 1.0001, _men_for_each_woman: 0.0501, _days_a_person: 0.0501,
    _reached: 0.5001,
}  # fmt: skip


def assert_answered(answer: Answer, rows: list[Row], made: Released) -> None:
    """The rows of a query are those that its function computes."""
    left_out, away = LEFT_OUT.get(answer, ()), ROUNDED.get(answer, 0)
    found = [tuple(v for at, v in enumerate(row) if at not in left_out) for row in rows]
    expected = answer(made)
    if answer in UNORDERED:
        found, expected = (sorted(one, key=lambda row: row[:3]) for one in (found, expected))
    assert len(found) == len(expected), answer.__name__
    for one, two in zip(found, expected, strict=True):
        assert len(one) == len(two), answer.__name__
        for value, computed in zip(one, two, strict=True):
            if isinstance(computed, float) and value is not None:
                assert abs(float(value) - computed) <= away, (answer.__name__, one, two)
            else:
                assert value == computed, (answer.__name__, one, two)
