"""The sample world holds every kind of row that intake must settle, in the shares asked for."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sample_worlds import CONTRACT, World, columns, lists_of, raw_rows

from data_samples.dirt import KINDS, kinds_of


def wib_day(moment: datetime) -> date:
    return (moment.astimezone(UTC) + timedelta(hours=7)).date()


def test_sizes_are_those_asked_for(tidy: World) -> None:
    ids = {row["visit_id"] for path in tidy.files("visits") for row in raw_rows(path)}
    assert len(ids) == tidy.options.visits
    users = {row["user_id"] for path in tidy.files("profiles") for row in raw_rows(path)}
    assert 0.98 * tidy.options.people <= len(users) <= tidy.options.people
    campaigns = [row for path in tidy.files("campaigns") for row in raw_rows(path)]
    assert len(campaigns) == 12
    assert len({row["advertiser_id"] for row in campaigns}) == 4


def test_summary_counts_the_rows_that_lie_there(world: World) -> None:
    for table, count in world.summary.rows.items():
        rows = 0
        for path in world.files(table):
            header = ".csv" in path.name
            reader = lists_of(path) if header else raw_rows(path)
            rows += sum(1 for _ in reader) - header
        assert rows == count
    assert world.summary.files == sum(len(world.files(table)) for table in CONTRACT)


def test_bad_rows_of_every_kind_are_there_in_the_share_asked_for(world: World) -> None:
    planted = world.summary.planted
    for table in ("visits", "profiles", "consents"):
        kinds = kinds_of(table, delimited=True)
        counts = [planted[f"{table}.{kind}"] for kind in kinds]
        share = sum(counts) / world.summary.rows[table]
        assert share == pytest.approx(world.options.dirt_share, rel=0.15)
        assert max(counts) <= 2 * min(counts) + 2
    assert any(kind.startswith("requests.") for kind in planted)
    for kind in ("late", "too_late", "redelivered", "repeated_in_file", "repeated_in_other_file"):
        assert planted[f"visits.{kind}"] > 0


def text_cells(world: World, column: str) -> Iterator[str]:
    for path in world.files("visits"):
        if path.suffix != ".parquet":
            for row in raw_rows(path):
                yield str(row[column] or "")


def test_bad_rows_look_as_their_kind_says(world: World) -> None:
    """Found again in the files by patterns that share nothing with the generator."""
    planted = world.summary.planted
    times, users, urls = (list(text_cells(world, c)) for c in ("occurred_at", "user_id", "url"))
    zoned = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

    def matching(pattern: str, cells: list[str]) -> int:
        return sum(1 for cell in cells if re.fullmatch(pattern, cell))

    naive = matching(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d+", times)
    assert naive == planted["visits.naive_time"]
    assert matching(r"\d{10,19}", times) == planted["visits.epoch_time"]
    assert matching(r"(1970|0001|9999)-.*", times) == planted["visits.impossible_time"]
    assert times.count("") == planted["visits.missing_time"]
    assert matching(r"\s+", users) == planted["visits.blank_user"]
    assert matching(r"0+|-1|unknown|[0-]{36}", users) == planted["visits.placeholder_user"]
    assert matching(r".*utm_id=cmp-999999", urls) == planted["visits.unknown_campaign"]
    long = sum(1 for cell in urls if len(cell) > 8_192)
    assert long == planted["visits.too_long"]
    offsets = Counter(match[2] for cell in times if (match := zoned.fullmatch(cell)))
    assert all(offsets[zone] for zone in ("+07:00", "+08:00", "+09:00", "Z"))
    wrong = sum(
        1
        for path in world.files("visits")
        if ".csv" in path.name
        for row in lists_of(path)
        if len(row) != len(columns("visits"))
    )
    assert wrong == planted["visits.too_many_fields"] + planted["visits.too_few_fields"]


def test_respelled_users_are_real_ones(world: World) -> None:
    known = set(world.typed("profiles").column("user_id").to_pylist())
    plain = {user.lstrip("0") if user.isdigit() else user for user in known}
    strange = {user for user in text_cells(world, "user_id") if user and user not in known}
    settled = {u.strip().lower().lstrip("0") if u.strip().isdigit() else u.strip().lower()
               for u in strange}  # fmt: skip
    assert len(settled & plain) >= world.summary.planted["visits.respelled_user"] * 0.8


def test_a_tidy_world_has_no_bad_row(tidy: World) -> None:
    bad = {f"{table}.{kind}" for table in KINDS for kind in kinds_of(table, delimited=True)}
    assert not bad & tidy.summary.planted.keys()
    moments = [row["occurred_at"] for path in tidy.files("visits") for row in raw_rows(path)]
    assert all(
        isinstance(moment, datetime) or datetime.fromisoformat(str(moment)).tzinfo
        for moment in moments
    )


def test_visits_arrive_on_their_day_or_one_or_two_days_later(tidy: World) -> None:
    delays: Counter[int] = Counter()
    for path in tidy.files("visits"):
        arrival = date.fromisoformat(path.parent.name.removeprefix("day="))
        for row in raw_rows(path):
            moment = row["occurred_at"]
            if not isinstance(moment, datetime):
                moment = datetime.fromisoformat(str(moment))
            delays[(arrival - wib_day(moment)).days] += 1
    assert delays.keys() == {0, 1, 2}
    assert 0.01 < delays[1] / delays.total() < 0.03
    assert 0 < delays[2] / delays.total() < 0.005


def test_conflicting_and_repeated_ids(world: World, tidy: World) -> None:
    def contents(chosen: World) -> dict[object, set[object]]:
        found = defaultdict(set)
        for path in chosen.files("visits"):
            for row in raw_rows(path):
                if row["visit_id"]:
                    found[row["visit_id"]].add(row["url"])
        return found

    assert all(len(urls) == 1 for urls in contents(tidy).values())
    differing = sum(1 for urls in contents(world).values() if len(urls) > 1)
    planted = world.summary.planted
    # A row that comes again on the next day may be a bad one then.
    least = planted["visits.conflicting_id"]
    assert least <= differing <= least + planted["visits.redelivered"]
