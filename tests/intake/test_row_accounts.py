"""Rows in the file are rows in the account, whatever is wrong with them, in every format."""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from raw_world import (
    Row,
    World,
    as_csv,
    as_json_lines,
    as_parquet,
    consent,
    profile,
    request_of,
    visit,
)
from rotation import examples

from anonymizer.intake import file_assessment, intake_limits, quoting
from anonymizer.intake.objections import Decisions, RowPlace
from anonymizer.intake.quoting import StrictRows
from anonymizer.model.errors import Held, InputsRejected

FORMATS: dict[str, Callable[[Sequence[Row]], bytes]] = {
    "csv": as_csv,
    "jsonl": as_json_lines,
    "parquet": as_parquet,
}


def pointers(world: World, table: str) -> dict[int, tuple[str, str]]:
    return {
        row["row_number"]: (row["column"], row["reason"])
        for row in world.rows("quarantine")
        if row["raw_table"] == table
    }


def ignored(path: Path, rows: Iterable[int]) -> Decisions:
    """Somebody has decided that these rows are no objections."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {RowPlace(digest, row): "ignored" for row in rows}


# What stands between header and end, what of it is quarantined, and which ids stand.
REQUESTS = "request_id,user_id,kind,requested_at,note\n"
TIME = "2025-10-01T10:00:00+07:00"
QUOTED: dict[str, tuple[list[str], dict[int, str]]] = {
    "two stray marks around rows": (
        [f'r1,u1,erase,{TIME},"asked twice', f"r2,u2,erase,{TIME},",
         f'r3,u3,erase,{TIME},"by phone', f"r4,u4,erase,{TIME},"],
        {1: "bad_quoting", 3: "bad_quoting"},
    ),
    "one stray mark": (
        [f'r1,u1,erase,{TIME},"asked', f"r2,u2,erase,{TIME},", f"r3,u3,erase,{TIME},"],
        {1: "bad_quoting"},
    ),
    "text behind a closing mark": (
        [f'r1,u1,erase,{TIME},"by" phone', f'r2,"u2"x,erase,{TIME},', f"r3,u3,erase,{TIME},"],
        {1: "bad_quoting", 2: "bad_quoting"},
    ),
    "a mark within a field": (
        [f'r1,u1,erase,{TIME},a 5" screen', f'r2,u2,erase,{TIME}, "note"', f"r3,u3,erase,{TIME},"],
        {1: "bad_quoting", 2: "bad_quoting"},
    ),
    "marks escaped with a backslash": (
        [f'r1,u1,erase,{TIME},"say \\"hi\\""', f"r2,u2,erase,{TIME},", f"r3,u3,erase,{TIME},"],
        {1: "bad_quoting"},
    ),
    "two marks that make one field of several rows": (
        [f'r1,"u1,erase,{TIME},', f"r2,u2,erase,{TIME},", f'r3,"u3,erase,{TIME},',
         f"r4,u4,erase,{TIME},"],
        {1: "bad_quoting", 3: "bad_quoting"},
    ),
    "two marks at the ends of two lines": (
        [f'r1,u1,erase,{TIME},"', f'r2,u2,erase,{TIME},"', f"r3,u3,erase,{TIME},"],
        {1: "bad_quoting", 2: "bad_quoting"},
    ),
    "sound quoting": (
        [f'r1,u1,erase,{TIME},"say ""hi"", ok"', f'r2,u2,erase,{TIME},"two\nlines"',
         f'"r3","u3","erase","{TIME}",""'],
        {},
    ),
    "too many and too few fields": (
        [f"r1,u1,erase,{TIME},a,b", "r2,u2", f"r3,u3,erase,{TIME},"],
        {1: "field_count", 2: "field_count"},
    ),
    "blank lines are no rows": (
        ["", f"r1,u1,erase,{TIME},", "", f'r2,u2,erase,{TIME},"', "\r", f"r3,u3,erase,{TIME},"],
        {2: "bad_quoting"},
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("case", QUOTED)
def test_a_stray_mark_costs_its_own_row_and_no_other(world: World, case: str, end: str) -> None:
    lines, bad = QUOTED[case]
    content = REQUESTS + "".join(f"{line}\n" for line in lines)
    path = world.put("requests/r.csv", content.replace("\n", end).encode())
    if bad:  # whom these objections are about is not known
        with pytest.raises(Held, match="objection_unreadable"):
            world.take_in()
    account = world.take_in(decisions=ignored(path, bad)).accounts["requests"]
    rows = len([line for line in lines if line.strip()])
    assert (account.read, account.counted) == (rows, rows - len(bad))
    assert pointers(world, "requests") == {n: ("", reason) for n, reason in bad.items()}


@pytest.mark.parametrize("table", ["profiles", "consents", "visits"])
def test_stray_marks_in_the_other_tables(world: World, table: str) -> None:
    makers = {"profiles": profile, "consents": consent, "visits": visit}
    folders = {"profiles": "profiles/day=2026-01-01/p", "visits": "visits/day=2026-01-01/v"}
    users = [f"u{n}" for n in range(20)]
    rows = [makers[table](user) for user in users]
    lines = as_csv(rows).replace(b'"', b"").splitlines()
    lines[3] = lines[3].replace(b",", b',"', 1)
    lines[7] = lines[7].replace(b",", b',"', 1)
    world.put("requests/r.csv", as_csv([request_of("x", kind="access")]))
    path = world.put(f"{folders.get(table, 'consents/c')}.csv", b"\n".join(lines))
    if table == "consents":
        with pytest.raises(Held, match="objection_unreadable"):
            world.take_in()
    account = world.take_in(decisions=ignored(path, (3, 7))).accounts[table]
    assert (account.read, account.counted) == (20, 18)
    assert pointers(world, table) == {3: ("", "bad_quoting"), 7: ("", "bad_quoting")}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("character", ["\x00", "\x01", "\x1b", "\x7f", "\x85"])
def test_a_control_character_is_a_fault_of_its_field_and_row(
    world: World, character: str, form: str
) -> None:
    rows = [visit(f"v{n}", user_id=f"u{n}") for n in range(20)]
    columns = ["visit_id", "user_id", "occurred_at", "url", "user_agent", "product_category"]
    for n, column in enumerate(columns):
        rows[n][column] = f"{rows[n][column]}{character}x"
    (world.folder() / "v.csv").unlink()
    world.visits(FORMATS[form](rows), f"v.{form}")
    world.with_policy("intake", max_quarantined_share=0.5)
    account = world.take_in().accounts["visits"]
    assert (account.read, account.counted) == (20, 14)
    expected = {n: (column, "control_character") for n, column in enumerate(columns, start=1)}
    assert pointers(world, "visits") == expected


@pytest.mark.parametrize("form", FORMATS)
def test_control_characters_in_requests_and_consents_lose_no_row(world: World, form: str) -> None:
    """The pointer has the row: what follows from an objection that cannot be read starts there."""
    requests = [request_of(f"u{n}", request_id=f"r{n}") for n in range(4)]
    requests[1]["user_id"], requests[2]["kind"] = "u\x001", "erase\x1f"
    (world.home.raw / "requests" / "r.csv").unlink()
    path = world.put(f"requests/r.{form}", FORMATS[form](requests))
    consents = [consent(f"u{n}", granted="false") for n in range(4)]
    consents[0]["purpose"], consents[3]["granted"] = "us\x00e", "false\x07"
    (world.home.raw / "consents" / "c.csv").unlink()
    world.put(f"consents/c.{form}", FORMATS[form](consents))
    world.with_policy("intake", max_quarantined_share=0.5)
    with pytest.raises(Held, match="objection_unreadable"):
        world.take_in()
    accounts = world.take_in(decisions=ignored(path, (2,))).accounts
    assert [accounts[table].read for table in ("requests", "consents")] == [4, 4]
    fault = "control_character"
    assert pointers(world, "requests") == {2: ("user_id", fault), 3: ("kind", fault)}
    assert pointers(world, "consents") == {1: ("purpose", fault), 4: ("granted", fault)}


@pytest.mark.alternate("no sound row is lost")
def test_a_raw_control_character_in_json_is_one_like_an_escaped_one(world: World) -> None:
    content = as_json_lines([visit("v1"), visit("v2", user_agent="a@@b"), visit("v3")])
    for raw in (b"\x00", b"\x0b\x1f", b"\\u0000"):
        world.visits(content.replace(b"@@", raw), "x.jsonl")
        account = world.with_policy("intake", max_quarantined_share=0.5).take_in()
        assert account.accounts["visits"].quarantined == {"control_character": 1}


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (
            '{"request_id":"r4","user_id":"u4","kind":"erase","requested_at":"@","kind":"access"}',
            "kind",
        ),
        (
            '{"request_id":"r4","user_id":"u4","user_id":"u4","kind":"erase","requested_at":"@"}',
            "user_id",
        ),
        (
            (
                '{"request_id":"r4","user_id":"u4","kin\\u0064":"erase","requested_at":"@",'
                '"kind":"erase"}'
            ),
            "kind",
        ),
    ],
)
def test_a_key_that_stands_twice_is_a_fault_of_its_row(
    world: World, line: str, column: str
) -> None:
    (world.home.raw / "requests" / "r.csv").unlink()
    good = as_json_lines([request_of("u5"), request_of("u6", request_id="r6")])
    path = world.put("requests/r.jsonl", good + line.replace("@", TIME).encode())
    if column == "user_id":
        with pytest.raises(Held, match="objection_unreadable"):
            world.take_in()
    account = world.take_in(decisions=ignored(path, (3,))).accounts["requests"]
    assert (account.read, account.counted) == (3, 2)
    assert pointers(world, "requests") == {3: (column, "duplicate_key")}


def test_a_row_that_a_reader_loses_refuses_the_file(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = file_assessment.read

    def losing(source, table):  # type: ignore[no-untyped-def]
        reading = honest(source, table)
        rows = reading.rows
        return file_assessment.replace_rows(
            reading, lambda: rows() + (source.name.endswith("v.csv"))
        )

    def replace_rows(reading, rows):  # type: ignore[no-untyped-def]
        return type(reading)(reading.header, reading.batches, rows)

    monkeypatch.setattr(file_assessment, "replace_rows", replace_rows, raising=False)
    monkeypatch.setattr(file_assessment, "read", losing)
    with pytest.raises(InputsRejected, match="only 1 of its 2 rows could be read"):
        world.take_in()


def strict(content: bytes) -> tuple[bytes, StrictRows]:
    rows = StrictRows(io.BytesIO(content), columns=3)  # type: ignore[arg-type]
    passed = b""
    while part := rows.read(7):
        passed += part
    return passed, rows


PIECES = [b"a", b",", b'"', b"\n", b"\r", b'""', b"2026-01-01,,"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)


@given(TEXTS, st.integers(20, 60))
@example(b'x,"\n' * 9, 20)
@settings(max_examples=examples(1_200), deadline=None)
def test_all_bytes_at_once_row_by_row_and_block_by_block_are_the_same(
    content: bytes, block: int
) -> None:
    """Short blocks, in which rows and line ends are cut anywhere, and the loop over rows."""
    content = b"h,i\n" + b"\n".join(content[n : n + 15] for n in range(0, len(content), 15))
    passed, rows = strict(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quoting, "complete_rows", lambda _: (0, None))
        again, looped = strict(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            intake_limits, "LONGEST_ROW", max(block, *map(len, content.splitlines()), 20) + 400
        )
        blocked, short = strict(content)
    assert passed == again == blocked
    assert rows.bad == looped.bad == short.bad
    assert rows.rows == looped.rows == short.rows


# Few commas: several lines with as many as a row has may hide one (test_swallowed_rows.py).
FEW_COMMAS = st.lists(st.text('a"\n\r ', max_size=5), min_size=3, max_size=3)


@given(st.lists(FEW_COMMAS, max_size=9), st.sampled_from(["", ", ", ","]))
@settings(max_examples=examples(800), deadline=None)
def test_what_a_csv_writer_writes_is_passed_on_as_it_is(table: list[list[str]], more: str) -> None:
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([["h", "i", "j"], *([*row[:2], more + row[2]] for row in table)])
    passed, rows = strict(written.getvalue().encode())
    assert passed.decode() == written.getvalue()
    assert (rows.rows, rows.bad, rows.cut_off) == (len(table), {}, False)


@pytest.mark.parametrize("length", [200_000, 1_100_000, 3_000_000])
def test_a_row_of_any_length_costs_itself(world: World, length: int) -> None:
    """A visitor who sends an address of three million characters stops nothing."""
    rows = [visit(f"v{n}", user_id=f"u{n}") for n in range(9)]
    rows[4]["url"] += "?" + "x" * length
    for form in ("csv", "jsonl", "parquet"):
        for path in world.folder().glob("*"):
            path.unlink()
        world.visits(FORMATS[form](rows), f"v.{form}")
        account = world.take_in().accounts["visits"]
        assert (account.read, account.quarantined) == (9, {"too_long": 1}), form


def test_accounts_add_up_to_the_rows_of_the_file(world: World) -> None:
    rows = [visit("v1"), visit("v1"), visit("v2", user_id="7001.0"), visit("v3", url="x")]
    rows += [visit("v4", occurred_at="2025-12-31T10:00:00+07:00")]
    rows += [visit(f"f{n}") for n in range(9)]
    for form, write in FORMATS.items():
        for path in world.folder().glob("*"):
            path.unlink()
        world.visits(write(rows), f"v.{form}")
        account = (
            world.with_policy("intake", max_quarantined_share=0.5).take_in().accounts["visits"]
        )
        assert account.read == len(rows) == pa.array(rows).__len__()
        assert account.duplicates == 1
        assert Counter(account.quarantined) == Counter(["not_an_id", "bad_url"])
        assert account.excluded == {"other_day": 1}
        assert account.counted == 10
