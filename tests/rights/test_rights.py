"""A person's rights: requests in the raw zone's form, words on what follows, what is held."""

import gzip
import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anonymizer.intake.contract import TABLES
from anonymizer.intake.identifiers import canonical_ids
from anonymizer.intake.landing_zone import LandedFile
from anonymizer.intake.normalisation import BLANKS
from anonymizer.intake.person_search import canonical_user
from anonymizer.intake.raw_source import Limits, opened
from anonymizer.intake.readers import read
from anonymizer.model.errors import ConfigurationError, NoSpace
from anonymizer.model.periods import Period
from anonymizer.model.policy import IntakeLimits, Policy, PolicyPromise, Retention
from anonymizer.rights.rights import RequestKind, access, explain, file_request, look_up
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

NOW = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)
SECRET = Secret(bytes(range(32)))
KINDS: tuple[RequestKind, ...] = ("access", "correct", "erase", "withdraw")
NOBODY = ("", "  ", "0", "000", "-1", "Unknown", "NULL", "n/a", "\u00a0", "{00000000-0000-0000}")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def files(home: Home) -> dict[str, bytes]:
    return {str(p.relative_to(home.root)): p.read_bytes() for p in home.root.rglob("*.*")}


# --- requests


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_is_filed_as_intake_reads_it(kind: RequestKind, home: Home) -> None:
    filed = file_request(home, kind, " U0007 ", NOW)
    landed = LandedFile("requests", filed.path, "requests/" + filed.path.name)
    with opened(landed, Limits(1_000_000, 1_000_000, 4_000)) as source:
        batches = read(source, TABLES["requests"]).batches
        rows = [row for batch in batches for row in batch.rows.to_pylist()]
    assert rows == [
        {
            "row_number": 1,
            "request_id": filed.request_id,
            "user_id": "U0007",
            "kind": kind,
            "requested_at": "2026-11-22T03:04:05+00:00",
        }
    ]


def test_only_the_content_of_the_file_says_whose_request_it_is(home: Home) -> None:
    filed = file_request(home, "erase", "u0007", NOW)
    assert list(files(home)) == [f"raw/requests/{filed.path.name}"]
    assert "0007" not in filed.path.name
    assert "0007" not in repr(filed)


def test_two_requests_at_one_instant_are_two(home: Home) -> None:
    first, second = (file_request(home, "withdraw", "u7", NOW) for _ in range(2))
    assert first.request_id != second.request_id
    assert len(files(home)) == 2


@pytest.mark.parametrize("user", NOBODY)
def test_a_blank_or_placeholder_is_nobody_and_is_not_repeated(user: str, home: Home) -> None:
    for refuse in (
        lambda: file_request(home, "erase", user, NOW),
        lambda: access(home, Policy(), SECRET, user),
    ):
        with pytest.raises(
            ConfigurationError, match="--user: this is a blank or a placeholder"
        ) as caught:
            refuse()
        assert len(user.strip()) < 3 or user not in str(caught.value)
    assert files(home) == {}


def test_a_request_that_cannot_be_written_leaves_nothing(home: Home) -> None:
    home.raw.mkdir()
    (home.raw / "requests").write_text("in the way")
    with pytest.raises(NoSpace) as caught:
        file_request(home, "erase", "u0007", NOW)
    assert "0007" not in str(caught.value)
    assert [path.name for path in home.raw.iterdir()] == ["requests"]


@pytest.fixture(scope="module")
def engine() -> DuckDB:
    return DuckDB(memory_megabytes=256, threads=1, spill=None)


ids = st.text(st.sampled_from(BLANKS + "0a7Z-{}é"), max_size=8) | st.sampled_from(NOBODY)


@given(user=ids)
@example(user="007")
@example(user="Nan")
def test_one_person_is_one_person_here_and_at_intake(user: str, engine: DuckDB) -> None:
    ids, _ = canonical_ids(pa.array([user]))
    engine.load("ids", pa.table({"position": [0], "id": ids}))
    key = SECRET.derive("person")
    hashed = engine.fetch("hash_users", {"person_key": key}).to_pylist()[0]
    try:
        here = hashlib.sha256(key + canonical_user(user).encode()).digest()[:16]
    except ConfigurationError:
        here = None
    assert here == hashed["person_key"]


# --- what follows


@pytest.mark.parametrize("kind", KINDS[1:])
def test_the_words_say_from_when_and_what_stays(kind: RequestKind) -> None:
    policy = Policy(promise=PolicyPromise(k=73), retention=Retention(private_days=39))
    words = explain(kind, policy, Period("day", date(2026, 11, 21)))
    assert "from the release of 2026-11-21" in words.lower().replace("affects", "from")
    for fact in ("at least 73 people", "final", "raw zone"):
        assert fact in words
    assert ("removed after 39 days" in words) == (kind != "erase")
    assert "the next release" in explain(kind, policy)


def test_erasure_is_for_good_and_withdrawal_is_not() -> None:
    assert "permanently" in explain("erase", Policy())
    assert "within the next run" in explain("erase", Policy())
    assert "use, disclosure" in explain("withdraw", Policy())
    assert "Nothing changes" in explain("access", Policy())


# --- what is held


def raw_world(home: Home) -> None:
    """Ann (`007`) in every table and format, written differently each time; Ben beside her."""
    write_profiles(home)
    write_visits(home)
    consents = home.raw / "consents" / "all.csv"
    consents.parent.mkdir(parents=True)
    consents.write_text(
        "user_id,purpose,granted,decided_at\r\n"
        "007,use,true,2026-01-01T00:00:00Z\r\nben,use,false,2026-01-02T00:00:00Z\r\n",
        encoding="utf-8-sig",
    )
    file_request(home, "access", "0007", NOW)
    file_request(home, "erase", "ben", NOW)


def write_profiles(home: Home) -> None:
    schema = {"full_name": ["Ann Canary", "Ben Canary"], "email": ["ann@x.id", "ben@x.id"]}
    registered = pa.array([NOW, NOW], pa.timestamp("us", tz="UTC"))
    for day, phone in (("2026-11-20", "+62811"), ("2026-11-21", "+62822")):
        path = home.raw / "profiles" / f"day={day}" / "part.parquet"
        path.parent.mkdir(parents=True)
        table = pa.table(
            {"user_id": ["7", "ben"], **schema, "phone": [phone, "+62999"], "address": ["A", "B"]}
            | {
                "gender": ["P", "L"],
                "birth_date": [date(1990, 2, 3)] * 2,
                "registered_at": registered,
            }
        )
        pq.write_table(table, path)


def write_visits(home: Home) -> None:
    folder = home.raw / "visits" / "day=2026-11-22"
    folder.mkdir(parents=True)
    rows = [
        {"visit_id": "v1", "user_id": "007", "occurred_at": "2026-11-21T16:59:59Z"},
        {"visit_id": "v2", "user_id": " 07", "occurred_at": "2026-11-21T17:00:00Z"},
        {"visit_id": "v3", "user_id": "7", "occurred_at": "2026-11-22T09:00:00+07:00"},
        {"visit_id": "v4", "user_id": "7", "occurred_at": "yesterday"},
        {"visit_id": "v5", "user_id": "ben", "occurred_at": "2026-11-22T09:00:00+07:00"},
        {"visit_id": "v6", "user_id": None, "occurred_at": "2026-11-22T09:00:00+07:00"},
    ]
    shared = {"url": "https://x.id/a", "ip": "10.0.0.1", "duration_ms": 1.5}
    lines = "".join(json.dumps(row | shared) + "\n" for row in rows)
    with gzip.open(folder / "a.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(lines + "this is no object\n")
    (folder / "broken.parquet").write_bytes(b"PAR1 and no more")
    (folder / "_SUCCESS").touch()
    (folder / ".hidden.csv").write_text("not looked at")


def test_everything_of_the_person_by_category_and_nothing_of_others(home: Home) -> None:
    raw_world(home)
    held = access(home, Policy(), SECRET, "00007")
    rows = {category.name: category.rows for category in held.categories}
    assert rows == {
        "Identity and contact": 2,
        "Demographics and account": 2,
        "Visits": 4,
        "Advertising accesses": 0,
        "Interests": 0,
        "Consents": 1,
        "Requests": 1,
        "Pseudonymous working data": 0,
        "Released figures": 0,
    }
    shown = held.render()
    for own in ("Ann Canary", "ann@x.id", "+62811", "+62822", "1990-02-03", "use  true"):
        assert own in shown
    for foreign in ("Ben", "ben", "+62999", "B (", "erase"):
        assert foreign not in shown


def test_visits_are_summed_up_by_local_day(home: Home) -> None:
    raw_world(home)
    visits = access(home, Policy(), SECRET, "7").categories[2].lines
    assert visits[:3] == (
        "2026-11-21: 1 visits",
        "2026-11-22: 2 visits",
        "at an unreadable time: 1 visits",
    )
    assert "ip: 1 different values" in visits


def test_what_could_not_be_searched_is_said(home: Home) -> None:
    raw_world(home)
    held = access(home, Policy(), SECRET, "7")
    assert held.unsearched == (
        "visits/day=2026-11-22/a.jsonl.gz: 1 unreadable rows",
        "visits/day=2026-11-22/broken.parquet: corrupt",
    )
    small = Policy(intake=IntakeLimits(max_expanded_megabytes=1))
    path = home.raw / "consents" / "bomb.csv.gz"
    path.write_bytes(
        gzip.compress(b"user_id,purpose,granted,decided_at\n" + b"7,use,true,x\n" * 10**5)
    )
    assert "consents/bomb.csv.gz: too_large" in access(home, small, SECRET, "7").unsearched


@pytest.mark.parametrize(
    ("table", "refused"),
    [
        ("profiles", ["unknown", "u\u200b7", "7.0", " "]),
        ("consents", ["unknown", "u\u200b7", "7.0", ""]),
        ("requests", ["unknown", "u\u200b7", "7.0", r"\N"]),
        ("visits", ["unknown", "u\u200b7", "7.0", "  "]),
    ],
)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_ids_that_are_refused_are_not_silently_left_out(
    home: Home, table: str, refused: list[str], form: str
) -> None:
    """A row of the person may be among them. A visit without an id is a guest's, not theirs."""
    folder = home.raw / table / ("day=2026-11-20" if table in ("profiles", "visits") else "")
    folder.mkdir(parents=True)
    guests = ["", r"\N"] if table == "visits" else []
    users = ["7", *refused, *guests]
    if form == "csv":
        lines = ["user_id,note", *(f'"{user}",x' for user in users)]
    else:
        lines = [json.dumps({"user_id": user}) for user in users]
    (folder / f"a.{form}").write_text("\n".join(lines) + "\n")
    held = access(home, Policy(), SECRET, "7")
    name = (folder / f"a.{form}").relative_to(home.raw)
    assert held.unsearched == tuple(
        f"{name}: the user id is refused as {reason} in row(s) {row}"
        for reason, row in (
            ("hidden_character", 3), ("no_user", 5), ("not_an_id", 4), ("placeholder_user", 2),
        )
    )  # fmt: skip
    shown = held.render()
    assert all(value not in shown for value in ("unknown", "7.0", "\u200b"))
    known = look_up(home, Policy(), "8")
    assert known.found is False
    assert bool(known.unsearched) == (table in ("consents", "profiles"))


def test_looking_writes_nothing_and_an_error_would_show_nothing(home: Home) -> None:
    raw_world(home)
    before = files(home)
    held = access(home, Policy(), SECRET, "7")
    assert files(home) == before
    assert "Ann" not in repr(held) + repr(held.categories) + str(held)


def test_of_a_stranger_nothing_is_held(home: Home) -> None:
    raw_world(home)
    held = access(home, Policy(), SECRET, "stranger")
    assert sum(category.rows for category in held.categories) == 0


def test_working_data_is_found_by_pseudonym(home: Home) -> None:
    ann = hashlib.sha256(SECRET.derive("person") + b"7").digest()[:16]
    other = bytes(16)
    for day in (date(2026, 11, 20), date(2026, 11, 22)):
        for stage, columns in (
            ("people", {"person_key": [ann, other]}),
            ("visits", {"person_key": [ann, None, ann], "campaign_ids": [["c1"], ["c2"], []]}),
            ("reach", {"campaign_id": ["c1"], "people": [2]}),
        ):
            path = home.working_file(stage, day)
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table(columns), path)
    held = {category.name: category for category in access(home, Policy(), SECRET, "7").categories}
    assert held["Advertising accesses"].lines == ("campaign c1: 2 visits",)
    assert held["Pseudonymous working data"].lines == (
        "people: 2 rows, 2026-11-20 to 2026-11-22",
        "visits: 4 rows, 2026-11-20 to 2026-11-22",
    )
    assert held["Pseudonymous working data"].rows == 6


def test_no_control_character_of_a_value_reaches_the_screen(home: Home) -> None:
    path = home.raw / "profiles" / "day=2026-11-20" / "a.csv"
    path.parent.mkdir(parents=True)
    path.write_text("user_id,registered_at,full_name\n7,2026-01-01T00:00:00Z,\x1b[2JAnn\n")
    shown = access(home, Policy(), SECRET, "7").render()
    assert "\x1b" not in shown
    assert "Ann" in shown
