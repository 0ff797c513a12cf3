"""One person is one person however the id is written, in every table and every format."""

import hashlib
import uuid
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_world import (
    DAY,
    Row,
    World,
    as_csv,
    as_json_lines,
    as_parquet,
    consent,
    profile,
    request_of,
    typed_parquet,
    visit,
)
from rotation import examples

from anonymizer.intake.identifiers import NotAUserError, canonical_id, canonical_ids
from anonymizer.intake.person_search import canonical_user
from anonymizer.model.errors import ConfigurationError, Held, InputsRejected

FORMATS = ["csv", "jsonl", "parquet"]
FOLDERS = {
    "profiles": f"profiles/day={DAY}",
    "consents": "consents",
    "requests": "requests",
    "visits": f"visits/day={DAY}",
}
UUID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
DECOMPOSED = "jose\u0301@contoh.example"

# Every spelling on the right is the person on the left.
ONE_PERSON = {
    "u7": ["u7", " U7 ", "u7\t", "\u00a0u7", "\u3000u7\r\n", "\uff35\uff17", "'u7", " 'U7"],
    "7001": ["7001", "007001", " 07001", "\uff17\uff10\uff10\uff11", "'7001", "'007001"],
    "66001": ["'66001", "66001", "' 66001"],
    "josé@contoh.example": ["josé@contoh.example", DECOMPOSED, "JOSÉ@Contoh.example"],
    "strasse": ["Straße", "STRASSE", "stra\u017f\u017fe"],
    UUID: [
        UUID,
        UUID.upper(),
        "{" + UUID + "}",
        "{" + UUID.upper() + "}",
        UUID.replace("-", ""),
        UUID.replace("-", "").upper(),
        "{" + UUID.replace("-", "") + "}",
        f"urn:uuid:{UUID}",
        f"URN:UUID:{UUID}",
    ],
    "0x7": ["0x7", "0X7"],
    "12e4": ["12e4", "12E4"],
    "a1b2c3": ["a1b2c3", "A1B2C3"],
}

# Each is a person of its own.
APART = [
    "u7",
    "u07",
    "u-7",
    "u 7",
    "u_7",
    "7",
    "70",
    "7-0",
    "x7",
    "ú7",
    "u7x",
    f"{UUID}0",
    UUID[1:],
]

# None of these is anybody's; the code says why.
NOBODY = {
    "not_an_id": [
        *("7001.0", "7001.", "7001,0", "-7001.0", "8.001E+15", "8,001E+15", "8.001e15", "8E+15"),
        *("1e-05", "0.5", ".5", "1.234.567", "1,234,567", "7001.50", "\uff17.\uff10", "'7001.0"),
    ],
    "hidden_character": [
        *("u\u200b7", "\ufeffu7", "u7\u200e", "u\u00ad7", "u\u20607", "\u202eu7", "u\ufe0f7"),
        *("u\u31647", "u\u2028\u20297"),
    ],
    "control_character": ["u\x007", "\x00", "u7\x1f", "\x7fu7", "u\x857", "\x1bu7"],
    "placeholder_user": [
        *("0", "-1", "000", "unknown", "NULL", " None", "nan", "undefined", "n/a", "(null)", "{0}"),
        *("\uff10", "'0", str(uuid.UUID(int=0)), uuid.UUID(int=0).hex, r"\n"),
        *("{" + str(uuid.UUID(int=0)) + "}", f"urn:uuid:{uuid.UUID(int=0)}"),
    ],
    "no_user": [" ", "\t", "\u00a0", "'", " ' "],
}


def put(world: World, table: str, rows: Sequence[Row], form: str) -> None:
    """The only file of the table."""
    for path in (world.home.raw / FOLDERS[table]).glob("*.*"):
        path.unlink()
    write = {"csv": as_csv, "jsonl": as_json_lines}.get(form)
    content = write(rows) if write else typed_parquet(table, rows)
    world.put(f"{FOLDERS[table]}/x.{form}", content)


def rows_of(table: str, users: Sequence[Any]) -> list[Row]:
    makers: dict[str, Any] = {"profiles": profile, "consents": consent}
    if table in makers:
        return [makers[table](user) for user in users]
    if table == "requests":
        return [request_of(user, request_id=f"r{n}") for n, user in enumerate(users)]
    return [visit(f"v{n}", user_id=user) for n, user in enumerate(users)]


def key_of(world: World, canonical: str) -> bytes:
    """The person key as the architecture page defines it."""
    return hashlib.sha256(world.secret.derive("person") + canonical.encode()).digest()[:16]


def no_request(world: World) -> None:
    """None that would erase the people of the other tables."""
    world.put("requests/r.csv", as_csv([request_of("someone-else", kind="access")]))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("table", FOLDERS)
def test_one_person_is_one_key_however_the_id_is_written(
    world: World, table: str, form: str
) -> None:
    spellings = [text for texts in ONE_PERSON.values() for text in texts]
    no_request(world)
    put(world, table, rows_of(table, spellings), form)
    account = world.take_in().accounts[table]
    assert (account.read, account.quarantined) == (len(spellings), {})
    keys = {row["person_key"] for row in world.rows(table)}
    assert keys == {key_of(world, canonical) for canonical in ONE_PERSON}


@pytest.mark.parametrize("form", FORMATS)
def test_ids_that_differ_inside_are_different_people(world: World, form: str) -> None:
    put(world, "visits", rows_of("visits", APART), form)
    world.take_in()
    assert len({row["person_key"] for row in world.rows("visits")}) == len(APART)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("table", FOLDERS)
def test_ids_of_nobody_are_quarantined_with_their_reason(
    world: World, table: str, form: str
) -> None:
    bad = [(text, code) for code, texts in NOBODY.items() for text in texts]
    no_request(world)
    put(world, table, rows_of(table, ["good", *(text for text, _ in bad)]), form)
    world.with_policy("intake", max_quarantined_share=1.0)
    if table in ("consents", "requests"):  # whom these rows protect is not known
        with pytest.raises(Held, match="objection_unreadable"):
            world.take_in()
    else:
        account = world.take_in().accounts[table]
        assert (account.read, account.counted) == (len(bad) + 1, 1)
    found = {
        row["row_number"]: (row["column"], row["reason"])
        for row in world.rows("quarantine")
        if row["raw_table"] == table
    }
    assert found == {n: ("user_id", code) for n, (_, code) in enumerate(bad, start=2)}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", ["erase", "withdraw"])
def test_an_objection_finds_its_person_in_any_spelling(world: World, kind: str, form: str) -> None:
    put(world, "profiles", rows_of("profiles", ["bystander", *ONE_PERSON]), form)
    users = [spellings[-1] for spellings in ONE_PERSON.values()]
    put(world, "requests", [row | {"kind": kind} for row in rows_of("requests", users)], form)
    accounts = world.take_in().accounts
    asked = {row["person_key"] for row in world.rows("requests")}
    assert asked == {key_of(world, canonical) for canonical in ONE_PERSON}
    erased = len(ONE_PERSON) if kind == "erase" else 0
    assert accounts["profiles"].excluded.get("erased", 0) == erased
    assert accounts["profiles"].counted == len(ONE_PERSON) + 1 - erased


@pytest.mark.parametrize("form", FORMATS)
def test_profiles_that_differ_by_spelling_alone_are_settled_as_one_person(
    world: World, form: str
) -> None:
    earlier = profile("Siti-01", gender="male", registered_at="2025-03-01T00:00:00Z")
    later = profile("SITI-01", gender="female", registered_at="2025-06-01T00:00:00Z")
    fill = [profile(f"f{n}") for n in range(20)]
    for pair in ([earlier, later], [later, earlier], [later, {**later, "user_id": " siti-01"}]):
        put(world, "profiles", [*pair, *fill], form)
        account = world.take_in().accounts["profiles"]
        conflict = {"conflicting_id": 1} if earlier in pair else {}
        assert (account.counted, account.quarantined) == (21, conflict)
        assert account.duplicates == (not conflict)
        (kept,) = [r for r in world.rows("profiles") if r["person_key"] == key_of(world, "siti-01")]
        assert kept["gender"] == "female"


TYPED = {
    "decimal": (pa.decimal128(38, 0), Decimal("9" * 36 + "71"), "9" * 36 + "71"),
    "decimal_small": (pa.decimal128(9, 0), Decimal(7001), "7001"),
    "decimal_wide": (pa.decimal256(60, 0), Decimal(10**50), str(10**50)),
    "int64": (pa.int64(), 2**53 + 1, str(2**53 + 1)),
    "uint64": (pa.uint64(), 2**64 - 1, str(2**64 - 1)),
    "uuid": (pa.uuid(), uuid.UUID(UUID).bytes, UUID),
    "bytes": (pa.binary(), "José-7".encode(), "josé-7"),
    "large_bytes": (pa.large_binary(), b"U7", "u7"),
    "view": (pa.string_view(), "U7", "u7"),
    "dictionary": (pa.dictionary(pa.int32(), pa.string()), "U7", "u7"),
}  # fmt: skip


@pytest.mark.parametrize("name", TYPED)
def test_typed_parquet_ids_are_read_exactly(world: World, name: str) -> None:
    kind, value, canonical = TYPED[name]
    rows = [visit("v0", user_id=None), *(visit(f"v{n}", user_id=value) for n in range(1, 4))]
    world.visits(as_parquet(rows, {"user_id": kind}), "x.parquet")
    (world.folder() / "v.csv").unlink()
    assert world.take_in().accounts["visits"].counted == 4
    keys = [row["person_key"] for row in world.rows("visits")]
    assert sorted(keys, key=str) == sorted([None, *[key_of(world, canonical)] * 3], key=str)


@pytest.mark.alternate("rows and their faults")
def test_uuids_of_a_file_of_several_batches_are_those_of_their_rows(world: World) -> None:
    people = [uuid.UUID(int=(n + 1) << 64, version=4) for n in range(70_000)]
    rows = {
        "visit_id": [str(n) for n in range(len(people))],
        "user_id": pa.array([u.bytes for u in people], pa.uuid()),
        "occurred_at": ["2026-01-01T10:00:00+07:00"] * len(people),
        "url": ["https://else.example/"] * len(people),
    }
    (world.folder() / "v.csv").unlink()
    pa.parquet.write_table(pa.table(rows), world.folder() / "x.parquet")
    world.take_in()
    keys = {row["person_key"] for row in world.rows("visits")}
    assert keys == {key_of(world, str(person)) for person in people}


UNREADABLE = {
    "double": (pa.float64(), 7001.0),
    "float": (pa.float32(), 7001.0),
    "scaled": (pa.decimal128(20, 2), Decimal("7001.00")),
    "sixteen_bytes": (pa.binary(16), uuid.UUID(UUID).bytes),
    "list": (pa.list_(pa.string()), ["u7"]),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_id_of_another_type_is_refused_with_the_remedy(world: World, name: str) -> None:
    kind, value = UNREADABLE[name]
    world.visits(as_parquet([visit(user_id=value)], {"user_id": kind}), "x.parquet")
    with pytest.raises(InputsRejected, match="write user_id as text, a whole number") as caught:
        world.take_in()
    assert [file.reason for file in caught.value.files] == ["schema_type:user_id"]


@pytest.mark.parametrize("number", ["7001.0", "8.001E+15", "7e3"])
def test_numbers_with_a_fraction_or_exponent_in_json_are_no_ids(world: World, number: str) -> None:
    content = as_json_lines([visit("v1"), visit("v2", user_id="@@")])
    world.visits(content.replace(b'"@@"', number.encode()), "x.jsonl")
    world.with_policy("intake", max_quarantined_share=0.5)
    assert world.take_in().accounts["visits"].quarantined == {"not_an_id": 1}


@given(st.text(max_size=12) | st.text("0a7Z-{}'.,eE+ \u200b\uff17É", max_size=9))
@settings(max_examples=examples(2_000), deadline=None)
def test_columns_and_single_ids_have_the_same_form(text: str) -> None:
    """The column's short way agrees with the long one, and a form is its own form."""
    (form,), (fault,) = (column.to_pylist() for column in canonical_ids(pa.array([text])))
    if text in ("", r"\N"):
        assert (form, fault) == (None, None)
    elif fault is None:
        assert canonical_id(text) == form == canonical_id(form)
    else:
        with pytest.raises(NotAUserError, match=f"^{fault}$"):
            canonical_id(text)


@pytest.mark.parametrize("text", [t for texts in NOBODY.values() for t in texts] + ["", r"\N"])
def test_no_right_is_asked_for_in_the_name_of_nobody(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        canonical_user(text)
    assert text.strip() == "" or f"{text}" not in str(caught.value).replace("user id", "")
