"""Kinds of deliveries that were once handled wrongly, each with siblings, in all formats.

200 consenting adults visit one link on one day. What counts is what comes out at the end of
counting: how many people, or the code by which the day is held. The rest of each kind is tested
where its code is: `test_hostile_visitors`, `test_row_accounts`, `test_objections`, `test_user_ids`,
`test_landing_zone`, `test_equal_links`, `test_rows`, `test_codings`, `tests/plausibility`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from raw_world import (
    LINK,
    Row,
    World,
    as_csv,
    as_parquet,
    campaign,
    consent,
    profile,
    request_of,
    visit,
)

from anonymizer.counting.eligibility import find_eligible
from anonymizer.counting.reach import count_reach
from anonymizer.intake.plausibility import Remarks, deviations, measures_of
from anonymizer.model.errors import Held, InputRejected
from anonymizer.model.policy import Plausibility
from anonymizer.storage.engines.duckdb import DuckDB

PEOPLE, OBJECTING = 200, 30
TIME = "2025-12-01T00:00:00+07:00"
Tables = dict[str, list[Row]]
Outcome = int | str
FORMATS = ("csv", "jsonl", "parquet")


def sound() -> Tables:
    users = [f"u{n:03d}x" for n in range(PEOPLE)]
    return {
        "campaigns": [campaign()],
        "profiles": [profile(user) for user in users],
        "consents": [
            consent(user, purpose=purpose) for user in users for purpose in ("use", "disclosure")
        ],
        "requests": [request_of(f"nobody-{n}", request_id=f"n{n}", kind="access") for n in (1, 2)],
        "visits": [visit(f"v{n}", user_id=user) for n, user in enumerate(users)],
    }


@dataclass(frozen=True)
class Case:
    """What is wrong, and what comes of it; by format where that differs."""

    change: Callable[[Tables], None]
    outcome: Outcome | Mapping[str, Outcome]
    where: str = "{table}.{form}"  # of visits
    types: Mapping[str, pa.DataType] | None = None  # of user_id, in Parquet


def urls(*texts: str) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        for number, row in enumerate(tables["visits"]):
            row["url"] = texts[number % len(texts)]

    return change


def links(link: str, *visited: str) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables["campaigns"][0]["link_url"] = link
        urls(*visited)(tables)

    return change


def column(table: str, name: str, *values: Any) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        for number, row in enumerate(tables[table]):
            row[name] = values[number % len(values)]

    return change


def objecting(spell: Callable[[str], Any] = str, **fields: Any) -> Callable[[Tables], None]:
    """Thirty people ask to be erased, in one spelling or another."""

    def change(tables: Tables) -> None:
        people = [row["user_id"] for row in tables["profiles"][:OBJECTING]]
        tables["requests"] += [
            request_of(spell(user), **{"request_id": f"r{n}", **fields})
            for n, user in enumerate(people)
        ]

    return change


def refusing(**fields: Any) -> Callable[[Tables], None]:
    """Thirty people take their consent back, one way or another."""

    def change(tables: Tables) -> None:
        people = [row["user_id"] for row in tables["profiles"][:OBJECTING]]
        tables["consents"] += [
            consent(user, **{"purpose": "disclosure", "granted": "false", "decided_at": TIME}
                    | fields)
            for user in people
        ]  # fmt: skip

    return change


def guests(*users: Any) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables["visits"] += [
            visit(f"g{n}", user_id=users[n % len(users)]) for n in range(PEOPLE // 3)
        ]

    return change


def users(make: Callable[[int], Any]) -> Callable[[Tables], None]:
    """The same ids in all tables."""

    def change(tables: Tables) -> None:
        known = {row["user_id"]: make(n) for n, row in enumerate(tables["profiles"])}
        for table in ("profiles", "consents", "visits"):
            for row in tables[table]:
                row["user_id"] = known[row["user_id"]]

    return change


def noted(*notes: str) -> Callable[[Tables], None]:
    """Free text of visitors in a column that nobody reads."""
    return column("visits", "referrer", *notes)


def marks_in_two_rows(tables: Tables) -> None:
    for number in (20, 40):
        tables["visits"][number]["referrer"] = f'"{number}'


def a_mark_in_a_request(tables: Tables) -> None:
    objecting()(tables)
    for row in tables["requests"]:
        row["note"] = ""
    tables["requests"][5]["note"], tables["requests"][9]["note"] = '"asked twice', '"by phone'


CASES: dict[str, Case] = {
    "01 a tag of bytes, no text": Case(urls(LINK + "?utm_id=%FF", LINK + "?utm_id=%E9"), 200),
    "01 half a character in a tag": Case(urls(LINK + "?utm_campaign=%E0%A4"), 200),
    "01 half of a surrogate pair in a tag": Case(urls(LINK + "?utm_campaign=%ED%A0%80"), 200),
    "01 guests with addresses that are none": Case(
        lambda tables: tables["visits"].extend(
            visit(f"g{n}", user_id=None, url=text)
            for n, text in enumerate(["%FF", "https://", "\u202ehttps://x", "?utm_id=%FF"])
        ),
        200,
    ),
    "02 stray marks in two rows": Case(
        marks_in_two_rows, {"csv": 198, "jsonl": 200, "parquet": 200}
    ),
    "02 marks in every row": Case(
        noted('"a', '"b'), {"csv": "too_many_bad_rows", "jsonl": 200, "parquet": 200}
    ),
    "02 stray marks among requests": Case(
        a_mark_in_a_request, {"csv": "objection_unreadable", "jsonl": 170, "parquet": 170}
    ),
    "03 erasures in capitals": Case(objecting(kind="Erase"), 170),
    "03 withdrawals in Indonesian": Case(objecting(kind="CABUT persetujuan"), 170),
    "03 a kind that nobody knows": Case(objecting(kind="bitte vergessen"), 170),
    "03 no user id": Case(objecting(lambda _: " "), "objection_unreadable"),
    "04 a refusal by another word": Case(refusing(granted="Tidak setuju"), 170),
    "04 an answer that cannot be read": Case(refusing(granted="maybe"), 170),
    "04 a purpose in capitals": Case(refusing(purpose=" Disclosure"), 170),
    "04 a refusal without a zone": Case(refusing(decided_at="2025-12-01 10:00:00"), 170),
    "05 requests in capitals and full width": Case(
        objecting(lambda user: "\uff35" + user[1:].upper()), 170
    ),
    "05 requests with a spreadsheet's mark": Case(objecting(lambda user: f"'{user} "), 170),
    "05 requests with a hidden character": Case(
        objecting(lambda user: user[:2] + "\u200b" + user[2:]), "objection_unreadable"
    ),
    "05 requests as numbers with a fraction": Case(
        objecting(lambda user: f"{int(user[1:4]) + 7000}.0"), "objection_unreadable"
    ),
    "06 births day by month": Case(column("profiles", "birth_date", "01/05/1985"), "implausible"),
    "06 births with a time": Case(
        column("profiles", "birth_date", "1985-05-01 00:00:00"), "implausible"
    ),
    "06 genders as 1 and 2": Case(column("profiles", "gender", "1", "2"), "implausible"),
    "06 regions without a dot": Case(column("profiles", "region_code", "3171"), "region_coding"),
    "06 regions as numbers": Case(column("profiles", "region_code", "11.1"), "region_coding"),
    "06 regions by name": Case(column("profiles", "region_code", "Jakarta Pusat"), "implausible"),
    "07 files by the hour": Case(lambda _: None, 200, where="hour=14/{table}.{form}"),
    "07 files by the hour without a zero": Case(lambda _: None, 200, where="hour=9/{table}.{form}"),
    "07 files of another folder": Case(
        lambda _: None, "unread_folder", where="part=1/{table}.{form}"
    ),
    "08 a link in punycode": Case(
        links("https://xn--kdai-bpa.example/a", "https://k\u00e9dai.example/a"), 200
    ),
    "08 host and scheme spelled in another way": Case(
        links("https://shop.example/promo", "HTTP://SHOP.example.:80/promo#x"), 200
    ),
    "08 a foreign tag on the campaign's own link": Case(
        urls(LINK + "?utm_id=21034567890", LINK + "?utm_id=newsletter-44"), 200
    ),
    "09 one visit id for all": Case(column("visits", "visit_id", "1793500000"), 200),
    "09 a visit id for each four": Case(column("visits", "visit_id", *map(str, range(50))), 200),
    "10 guests as empty text": Case(guests(""), 200),
    "10 guests as a null of Hive": Case(guests(r"\N"), 200),
    "10 guests as a null": Case(guests(None), 200),
    "11 ids as whole numbers": Case(
        users(lambda n: 70_000 + n), 200, types={"user_id": pa.int64()}
    ),
    "11 ids as decimals of a warehouse": Case(
        users(lambda n: Decimal(10**30 + n)), 200, types={"user_id": pa.decimal128(38, 0)}
    ),
    "11 ids as text without annotation": Case(
        users(lambda n: f"k-{n:04d}"), 200, types={"user_id": pa.binary()}
    ),
    "16 regions of BPS": Case(
        column("profiles", "region_code", "3171", "3172", "3578"), "region_coding"
    ),
    "16 regions of BPS in one row of eight": Case(
        column("profiles", "region_code", "3171", *["31.71"] * 7), "region_coding"
    ),
}  # fmt: skip


def as_plain_csv(rows: list[Row]) -> bytes:
    """By a writer that quotes nothing: no value here has a comma or a line break."""
    lines = [",".join(rows[0])]
    lines += [",".join("" if value is None else str(value) for value in row.values())
              for row in rows]  # fmt: skip
    return ("\n".join(lines) + "\n").encode()


def as_typed_json_lines(rows: list[Row]) -> bytes:
    """Whole numbers of any size as numbers."""
    plain = [{name: int(value) if isinstance(value, Decimal) else value
              for name, value in row.items()} for row in rows]  # fmt: skip
    return b"".join(json.dumps(row).encode() + b"\n" for row in plain)


def written(rows: list[Row], form: str, case: Case) -> bytes:
    if form == "jsonl":
        return as_typed_json_lines(rows)
    if form == "csv":
        # The mark of a spreadsheet and blanks have to stay as they are.
        marked = any('"' in str(value) for row in rows for value in row.values())
        return as_plain_csv(rows) if marked else as_csv(rows)
    types = dict(case.types or {}) if "user_id" in rows[0] else {}
    if types.get("user_id") == pa.binary():
        rows = [{**row, "user_id": str(row["user_id"]).encode()} for row in rows]
    elif types and any(isinstance(row["user_id"], str) for row in rows):
        types = {}
    return as_parquet(rows, types)


def deliver(root: Path, case: Case, form: str) -> World:
    world, tables = World(root), sound()
    case.change(tables)
    for path in world.home.raw.rglob("*.csv"):
        path.unlink()
    folders = {"profiles": f"profiles/day={world.day}/", "visits": f"visits/day={world.day}/"}
    for table, rows in tables.items():
        name = (case.where if table == "visits" else "{table}.{form}").format(
            table=table, form=form
        )
        world.put(f"{folders.get(table, f'{table}/')}{name}", written(rows, form, case))
    return world


def outcome(world: World) -> Outcome:
    """How many people the campaign reached, or by what code the day is held."""
    try:
        taken = world.take_in()
    except (Held, InputRejected) as refusal:
        return refusal.reason
    arguments = (world.home, world.day, world.policy, world.secret)
    with DuckDB(memory_megabytes=500, threads=1, spill=None) as engine:
        people = find_eligible(engine, *arguments).account
        visits = count_reach(engine, *arguments).account
    remarks = Remarks({**taken.unmapped, **taken.unstated}, taken.people, taken.ignored)
    measures = measures_of(world.day, taken.accounts, people, visits, remarks)
    if deviations(measures, (), Plausibility()):
        return "implausible"
    reach = pq.read_table(world.home.working_file("reach", world.day), partitioning=None)
    return sum(reach["people"].to_pylist())


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", CASES)
def test_a_delivery_counts_right_or_is_held(tmp_path: Path, name: str, form: str) -> None:
    case = CASES[name]
    expected = case.outcome if isinstance(case.outcome, int | str) else case.outcome[form]
    assert outcome(deliver(tmp_path / "home", case, form)) == expected


@pytest.mark.parametrize("form", FORMATS)
def test_the_sound_delivery_counts_everybody(tmp_path: Path, form: str) -> None:
    """Without this the table above could pass for another reason."""
    assert outcome(deliver(tmp_path / "home", Case(lambda _: None, PEOPLE), form)) == PEOPLE


def test_every_kind_has_two_siblings_at_least() -> None:
    kinds = [name[:2] for name in CASES]
    assert {kind: kinds.count(kind) for kind in kinds if kinds.count(kind) < 2} == {}
    assert set(kinds) == {f"{n:02d}" for n in (*range(1, 12), 16)}


@pytest.mark.parametrize("naive_times", ["quarantine", "policy_zone"])
def test_times_of_int96_are_utc(tmp_path: Path, naive_times: str) -> None:
    """What Hive, Impala and old Spark write has no zone in its type, and is UTC all the same."""
    world = World(tmp_path / "home").with_policy("intake", naive_times=naive_times)
    (world.folder() / "v.csv").unlink()
    moment = pa.scalar("2025-12-31T20:00:00", pa.string()).cast(pa.timestamp("ns"))
    rows = pa.table(
        {
            "visit_id": ["v1"],
            "user_id": ["u1"],
            "occurred_at": pa.array([moment.as_py()], pa.timestamp("ns")),
            "url": [LINK],
        }
    )
    pq.write_table(rows, world.folder() / "v.parquet", use_deprecated_int96_timestamps=True)
    account = world.take_in().accounts["visits"]
    assert account.counted == 1  # 03:00 of the day in Jakarta; 20:00 of the day before otherwise
