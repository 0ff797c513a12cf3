"""Campaigns in parts: what a visit counts for, counted again from the raw rows by a plain loop."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest
from intake.raw_world import (
    COLUMNS,
    Row,
    World,
    as_csv,
    as_json_lines,
    campaign,
    consent,
    profile,
    typed_parquet,
    visit,
)

from anonymizer.counting.eligibility import find_eligible, find_eligible_in
from anonymizer.counting.reach import campaigns_of, count_reach, count_series, load_overlaps
from anonymizer.model.configuration import parse
from anonymizer.model.errors import ConfigurationError, InputsRejected
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.model.segments import SegmentSettings, build_catalogue
from anonymizer.model.series import CAMPAIGN_WEEK
from anonymizer.storage.engines.duckdb import DuckDB

MONDAY = date(2026, 1, 5)
WEDNESDAY, FRIDAY = MONDAY + timedelta(days=2), MONDAY + timedelta(days=4)
DAYS = [MONDAY + timedelta(days=number) for number in range(7)]
PHONE = {"english": "Mobile", "indonesian": "Ponsel", "values": ["mobile", "Phone"]}
DESK = {"english": "Desktop", "indonesian": "Komputer", "values": ["desktop"]}
TABLET = {"english": "Tablet", "indonesian": "Tablet", "values": ["tablet"]}
VALUES = ("mobile", "phone", " PHONE ", "desktop", "tablet", "tv", "", None)
LINKS = {"C1": "https://shop.example/promo", "C2": "https://shop.example/lain"}
Rules = Sequence[Mapping[str, Any]]


def rule(from_day: date | str, **changes: Any) -> dict[str, Any]:
    return {
        "from_day": str(from_day),
        "column": "device",
        "parts": {"mobile": PHONE, "desktop": DESK},
        **changes,
    }


COLUMNS_THAT_DIVIDE = ("device", "product_category")
CONSENTED = {"purposes": ["use", "disclosure", "advertising_cookies"]}


def policy(rules: Rules, campaigns_per_person: int = 10) -> Policy:
    """With consent to advertising cookies, which only parts by product category need."""
    promise = {"campaigns_per_person": campaigns_per_person}
    settings = {"campaign_parts": rules, "promise": promise, "eligibility": CONSENTED}
    return Policy.model_validate(settings)


def visits_of(seed: int) -> list[Row]:
    """Each visit of a week by some of 30 people: day, values, which link; some arrive late."""
    random = Random(seed)
    rows = []
    for number in range(300):
        day = random.choice(DAYS)
        late = random.choice((0, 0, 0, 1, 3))
        rows.append(
            {
                **visit(f"v{number}", user_id=f"u{random.randrange(30)}"),
                "occurred_at": f"{day}T1{random.randrange(10)}:00:00+07:00",
                "url": random.choice(list(LINKS.values())),
                **{column: random.choice(VALUES) for column in COLUMNS_THAT_DIVIDE},
                "arrival": day + timedelta(days=late),
            }
        )
    return rows


COLUMNS_READ = (*COLUMNS["visits"], "device")


def written(world: World, rows: Sequence[Row]) -> World:
    """The week and the days after it, with these visits in the folders of their arrival."""
    people = sorted({"u0", *(row["user_id"] for row in rows)})
    purposes = [consent(u, purpose=p) for u in people for p in CONSENTED["purposes"]]
    world.put("consents/c.csv", as_csv(purposes))
    world.put(f"profiles/day={MONDAY}/p.csv", as_csv([profile(user) for user in people]))
    listed = [campaign(campaign_id=name, link_url=link) for name, link in LINKS.items()]
    world.put("campaigns/c.csv", as_csv(listed))
    for number in range(-1, 11):
        arrival = MONDAY + timedelta(days=number)
        own = [row for row in rows if row["arrival"] == arrival]
        filler = {**visit(f"f{arrival}", user_id=None), "device": None}
        filler["occurred_at"], filler["url"] = f"{arrival}T09:00:00+07:00", "https://else.example/"
        world.put(f"visits/day={arrival}/v.csv", as_csv([*own, filler], COLUMNS_READ))
    return world


def take_week(world: World, rules: Callable[[date], Policy]) -> None:
    """Take in and count each day by the policy of the day, and the week by that of its Monday."""
    for number in range(9):
        world.day = MONDAY + timedelta(days=number)
        world.policy = rules(world.day)
        world.take_in()
        counted(world, "day")
    world.day, world.policy = DAYS[-1], rules(MONDAY)
    counted(world, "week")


def counted(world: World, kind: str) -> None:
    with DuckDB(memory_megabytes=500, threads=1, spill=None) as engine:
        args = (engine, world.home)
        if kind == "day":
            find_eligible(*args, world.day, world.policy, world.secret)
            count_reach(*args, world.day, world.policy, world.secret)
            return
        week = (CAMPAIGN_WEEK, Period("week", MONDAY), world.policy, world.secret)
        find_eligible_in(*args, *week)
        count_series(*args, *week, build_catalogue(SegmentSettings()))


def plain_id(row: Row, rules: Rules) -> str:
    """What a visit counts for, from its raw row and the rules as they are written."""
    name = next(name for name, link in LINKS.items() if link == row["url"])
    day = date.fromisoformat(row["occurred_at"][:10])
    code = ""
    for one in rules:
        if date.fromisoformat(one["from_day"]) > day or name not in one.get("campaigns", LINKS):
            continue
        code = ".other"
        for part, words in one["parts"].items():
            for word in words["values"]:
                if (row[one["column"]] or "").strip().lower() == word.lower():
                    code = f".{part}"
    return name + code


def plain_members(rows: Sequence[Row], rules: Rules, days: Sequence[date]) -> dict[str, set[str]]:
    """The people of each campaign or part; of a single day those whose visits came in time."""
    members: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        day = date.fromisoformat(row["occurred_at"][:10])
        in_time = row["arrival"] <= day + timedelta(days=1)
        closed = row["arrival"] > days[-1] + timedelta(days=2)
        if day in days and (in_time or (len(days) > 1 and not closed)):
            members[plain_id(row, rules)].add(row["user_id"])
    return members


def people(world: World, stage: str, day: date) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for row in pq.read_table(world.home.working_file(stage, day), partitioning=None).to_pylist():
        found[row["subject_id"]] += row["people"]
    return dict(found)


WEEKS: dict[str, Rules] = {
    "never": [],
    "from the first day": [rule(MONDAY)],
    "from Wednesday": [rule(WEDNESDAY)],
    "one campaign": [rule(WEDNESDAY, campaigns=["C1"])],
    "other values from Friday": [
        rule(WEDNESDAY),
        rule(FRIDAY, parts={"mobile": {**PHONE, "values": ["mobile", "tablet"]}, "desktop": DESK}),
    ],
    "a part less and one more": [
        rule(MONDAY, campaigns=["C1"]),
        rule(FRIDAY, parts={"mobile": PHONE, "tablet": TABLET}),
    ],
}


WEEKS_BY_CATEGORY: dict[str, Rules] = {
    f"{name}, by category": [{**one, "column": "product_category"} for one in WEEKS[name]]
    for name in ("from Wednesday", "a part less and one more")
}
TWO_COLUMNS: dict[str, Rules] = {
    "device, then category": [rule(MONDAY), rule(FRIDAY, column="product_category")],
}
ALL_WEEKS = {**WEEKS, **WEEKS_BY_CATEGORY, **TWO_COLUMNS}


@pytest.mark.parametrize("name", ALL_WEEKS)
def test_days_and_their_week_are_what_the_raw_rows_say(name: str, tmp_path: Path) -> None:
    """Whole and parts, late visits too, and whom two of them share."""
    rules, rows = ALL_WEEKS[name], visits_of(17)
    world = written(World(tmp_path / "home"), rows)
    take_week(world, lambda _: policy(rules))
    for day in DAYS:
        expected = plain_members(rows, rules, [day])
        assert people(world, "reach", day) == {name: len(who) for name, who in expected.items()}
    expected = plain_members(rows, rules, DAYS)
    shown = set(campaigns_of(world.home, CAMPAIGN_WEEK, Period("week", MONDAY))["campaign_id"]
                .to_pylist())  # fmt: skip
    assert shown == expected.keys(), "every one of them ran on two days of the week or more"
    assert people(world, "campaign_week_reach", DAYS[-1]) == {
        name: len(who) for name, who in expected.items()
    }
    shared = {
        pair: len(expected[pair[0]] & expected[pair[1]])
        for pair in combinations(sorted(expected), 2)
        if expected[pair[0]] & expected[pair[1]]
    }
    assert load_overlaps(world.home, CAMPAIGN_WEEK, Period("week", MONDAY)) == shared


def test_a_rule_that_is_recorded_in_midweek_leaves_the_days_before_as_they_were(
    tmp_path: Path,
) -> None:
    """Each day is taken in by the settings of its own time, the week by those of its Monday."""
    rules, rows = [rule(WEDNESDAY)], visits_of(18)
    world = written(World(tmp_path / "home"), rows)
    take_week(world, lambda day: policy(rules if day >= WEDNESDAY else []))
    expected = {n: len(who) for n, who in plain_members(rows, rules, DAYS).items()}
    assert people(world, "campaign_week_reach", DAYS[-1]) == expected
    assert {"C1", "C1.mobile", "C1.desktop", "C1.other"} < expected.keys()


@pytest.mark.parametrize("most", [1, 2])
def test_a_person_counts_in_no_more_parts_than_campaigns(most: int, tmp_path: Path) -> None:
    """The bound is of parts and campaigns of an advertiser together, in a day and in a week."""
    rules, rows = [rule(WEDNESDAY)], visits_of(19)
    world = written(World(tmp_path / "home"), rows)
    take_week(world, lambda _: policy(rules, most))
    for stage, day, days in [
        ("reach", FRIDAY, [FRIDAY]),
        ("campaign_week_reach", DAYS[-1], DAYS),
    ]:
        members = plain_members(rows, rules, days)
        contributions = sum(
            min(most, sum(who in of for of in members.values()))
            for who in set().union(*members.values())
        )
        found = people(world, stage, day)
        assert sum(found.values()) == contributions
        assert all(found[name] <= len(members[name]) for name in found)
        assert contributions < sum(len(who) for who in members.values()), "the bound acts"


@pytest.mark.parametrize("column", COLUMNS_THAT_DIVIDE)
@pytest.mark.parametrize("form", [as_csv, as_json_lines, lambda r: typed_parquet("visits", r)])
def test_every_value_is_of_one_part(
    form: Callable[[Sequence[Row]], bytes], column: str, world: World
) -> None:
    """Capitals and blanks aside; what is not listed, empty or absent is other."""
    rows = [{**visit(f"v{n}"), column: value} for n, value in enumerate(VALUES)]
    world.visits(form(rows), f"v.{_extension(form)}")
    (world.folder() / "v.csv").unlink(missing_ok=form is not as_csv)
    if form is as_csv:
        world.visits(as_csv(rows), "v.csv")
    world.policy = policy([rule(world.day, column=column)])
    world.take_in()
    found = sorted(row["campaign_ids"][0] for row in world.rows("visits"))
    assert found == ["C1.desktop", *["C1.mobile"] * 3, *["C1.other"] * 4]


def _extension(form: Callable[[Sequence[Row]], bytes]) -> str:
    return {as_csv: "csv", as_json_lines: "jsonl"}.get(form, "parquet")


@pytest.mark.parametrize("column", COLUMNS_THAT_DIVIDE)
def test_nothing_of_the_column_goes_on_but_the_part(column: str, world: World) -> None:
    secret = "siti@toko.example"
    rows = [{**visit(), column: secret}, {**visit("v2"), column: "mobile"}]
    world.visits(as_csv(rows))
    world.policy = policy([rule(world.day, column=column)])
    world.take_in()
    assert [row["campaign_ids"] for row in world.rows("visits")]
    for name, content in world.written().items():
        assert secret.encode() not in content, name


@pytest.mark.parametrize("rules", [[], [rule("2026-01-02")]])
def test_without_a_rule_in_force_the_column_is_not_read_and_bytes_stay(
    rules: Rules, world: World
) -> None:
    """A field that could not be read would put its row into quarantine."""
    world.take_in()
    before = world.written()
    world.visits(as_csv([{**visit(), "device": "\x01" * 9_000}]))
    world.policy = Policy.model_validate({"campaign_parts": rules})
    world.take_in()
    after = world.written()
    assert before.keys() == after.keys()
    same = {name for name in before if before[name] == after[name]}
    assert {f"visits/day={world.day}.parquet", f"campaigns/day={world.day}.parquet"} <= same


@pytest.mark.parametrize("column", COLUMNS_THAT_DIVIDE)
def test_a_file_without_the_column_is_refused(column: str, world: World) -> None:
    others = [name for name in COLUMNS["visits"] if name != column]
    world.visits(as_csv([visit()], others))
    world.take_in()
    world.policy = policy([rule(world.day, column=column)])
    with pytest.raises(InputsRejected, match=f"schema_missing:{column}"):
        world.take_in()


def test_parts_by_category_count_no_one_without_consent_to_cookies(tmp_path: Path) -> None:
    rules, rows = [rule(MONDAY, column="product_category")], visits_of(21)
    world = written(World(tmp_path / "home"), rows)
    without = sorted({row["user_id"] for row in rows})[::2]
    refused = [consent(u, purpose="advertising_cookies", granted="false") for u in without]
    world.put("consents/d.csv", as_csv(refused))
    take_week(world, lambda _: policy(rules))
    expected = plain_members([row for row in rows if row["user_id"] not in without], rules, DAYS)
    assert people(world, "campaign_week_reach", DAYS[-1]) == {
        name: len(who) for name, who in expected.items()
    }


def test_parts_by_category_need_the_purpose_in_the_policy() -> None:
    rules = [rule("2026-01-02", column="product_category")]
    with pytest.raises(ValueError, match="need advertising_cookies"):
        Policy.model_validate({"campaign_parts": rules})
    assert policy(rules).campaign_parts[0].needs_cookies


def test_late_visits_of_a_rule_that_ended_need_its_column_too(world: World) -> None:
    """Without it they would count as other."""
    ended = [
        rule(world.day - timedelta(days=9)),
        rule(world.day - timedelta(days=1), parts={"tablet": TABLET}),
    ]
    world.policy = policy(ended)
    with pytest.raises(InputsRejected, match="schema_missing:device"):
        world.take_in()


def test_a_rule_leaves_visits_of_other_campaigns_as_they_are(world: World) -> None:
    """Copies that differ in the device alone are duplicates where nothing is divided."""
    rows = [{**visit("same"), "device": device} for device in ("mobile", "desktop")]
    world.visits(as_csv(rows))
    world.policy = policy([rule(world.day, campaigns=["elsewhere"])])
    account = world.take_in().accounts["visits"]
    assert (account.counted, account.duplicates, account.quarantined) == (1, 1, {})


@pytest.mark.parametrize(
    ("named", "missing"),
    [([], 0), (["C1"], 0), (["c1"], 1), (["C1", "C-1", "elsewhere"], 2)],
)
def test_ids_in_rules_that_no_campaign_has_are_a_warning(
    named: list[str], missing: int, world: World
) -> None:
    world.visits(as_csv([{**visit("same"), "device": "mobile"}]))
    world.policy = policy([rule(world.day, campaigns=named)])
    found = [each for each in world.take_in().warnings if each.code == "rule_without_campaign"]
    assert [(each.table, each.count) for each in found] == [("campaigns", missing)] * bool(missing)


def test_copies_of_a_visit_count_for_one_part_in_any_order(world: World) -> None:
    rows = [{**visit("same"), "device": device} for device in ("mobile", "desktop", "tv")]
    world.policy = policy([rule(world.day)])
    world.with_policy("intake", max_quarantined_share=1.0)
    found = set()
    for order in (rows, rows[::-1], [rows[1], rows[2], rows[0]]):
        world.visits(as_csv(order))
        account = world.take_in().accounts["visits"]
        assert account.counted == 1
        found.add(tuple(world.rows("visits")[0]["campaign_ids"]))
    assert len(found) == 1


def test_two_tied_campaigns_are_divided_alike(world: World) -> None:
    """A tie is settled by the region of the person, after the part."""
    tied = [campaign(), campaign(campaign_id="C2", target_regions="31")]
    world.put("campaigns/c.csv", as_csv(tied))
    world.visits(as_csv([{**visit(), "device": "mobile"}]))
    world.policy = policy([rule(world.day, campaigns=["C1"])])
    world.take_in()
    assert world.rows("visits")[0]["campaign_ids"] == ["C1.mobile", "C2"]


def test_a_part_is_a_campaign_with_a_name_in_both_languages(world: World) -> None:
    world.visits(as_csv([{**visit(), "device": "mobile"}]))
    world.policy = policy([rule(world.day)])
    world.take_in()
    rows = {row["campaign_id"]: row for row in world.rows("campaigns")}
    assert rows["C1.mobile"]["campaign_name"] == "Promo Januari (Mobile / Ponsel)"
    assert rows["C1.other"]["campaign_name"] == "Promo Januari (Other / Lainnya)"
    assert [row["advertiser_id"] for row in rows.values()] == ["A1"] * len(rows)
    assert (rows["C1"]["ends_on"], rows["C1.mobile"]["starts_on"]) == (
        world.day - timedelta(days=1),
        world.day,
    )


def mistakes() -> Iterator[tuple[Rules, str]]:
    """Rules that are none, and what is said of them."""
    yield [rule("2026-01-02"), rule("2026-01-02")], "must begin after the one before"
    yield [rule("2026-01-02", parts={"other": PHONE})], "name it in other"
    yield [rule("2026-01-02", parts={"a": PHONE, "b": PHONE})], "values that stand twice"
    yield [rule("2026-01-02"), rule("2026-01-03", campaigns=["C1"])], "must divide every campaign"
    yield (
        [
            rule("2026-01-02", campaigns=["C1", "C2"]),
            rule("2026-01-03", campaigns=["C2", "C3"]),
        ],
        "must divide every campaign",
    )
    yield (
        [
            rule("2026-01-02"),
            rule("2026-01-03", parts={"desktop": DESK}),
            rule("2026-01-04"),
        ],
        "begin again: mobile",
    )
    for column in ("credit_score", "visitor"):
        yield [rule("2026-01-02", column=column)], "'device' or 'product_category'"
    for text in ("siti@toko.example", "0812345678901", "a\u202eb", "a\u2028b", "a\x85b"):
        yield [rule("2026-01-02", parts={"a": {**PHONE, "values": [text]}})], "values"
    for text in ("a\u202eb", "a\u2028b", "  "):
        yield [rule("2026-01-02", parts={"a": {**PHONE, "english": text}})], "english"
    yield [rule("2026-01-02", parts={"a.b": PHONE})], "pattern"
    yield [rule("2026-01-02", other={"english": "0812345", "indonesian": "x"})], "pattern"
    yield [rule("2026-01-02", parts={})], "at least 1"


@pytest.mark.parametrize(("rules", "problem"), list(mistakes()))
def test_rules_that_are_none_are_refused(rules: Rules, problem: str) -> None:
    """A gap in the days of a campaign or part would make proofs about weeks wrong."""
    import json  # noqa: PLC0415  JSON is YAML

    with pytest.raises(ConfigurationError) as refused:
        parse(json.dumps({"campaign_parts": rules}), "policy.yaml", Policy)
    assert problem in str(refused.value)


def test_days_of_campaigns_and_parts_have_no_gap(tmp_path: Path) -> None:
    """On each day what visits count for is among the campaigns that run, and on no other."""
    for name, rules in WEEKS.items():
        world = written(World(tmp_path / name), [])
        world.day, world.policy = DAYS[-1], policy(rules)
        world.take_in()
        running = {
            row["campaign_id"]: (row["starts_on"], row["ends_on"])
            for row in world.rows("campaigns")
        }
        for day in DAYS:
            possible = {
                plain_id({"url": LINKS[link], "occurred_at": f"{day}T", "device": value}, rules)
                for link in LINKS
                for value in VALUES
            }
            assert possible == {n for n, (first, last) in running.items() if first <= day <= last}
