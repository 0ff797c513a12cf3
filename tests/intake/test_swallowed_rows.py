"""No line is lost in a quoted field: what may be two rows is read line by line.

    written rows -> lines -> rows read + bad rows: of a careless writer as many as lines

Sound rows are counted here from what was written, and lines by a plain split, apart from any CSV
reader. What a careful writer quotes is one row, line breaks and all.
"""

import csv
import io
import random
import re
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from raw_world import (
    COLUMNS,
    Row,
    World,
    as_csv,
    campaign,
    consent,
    profile,
    request_of,
    visit,
)
from rotation import examples

from anonymizer.intake import intake_limits
from anonymizer.intake.quoting import StrictRows
from anonymizer.model.errors import Held, InputsRejected

ENDS = ["\n", "\r\n", "\r"]


def careless(rows: Sequence[Row], end: str = "\n", columns: Sequence[str] | None = None) -> bytes:
    """A file of a writer that quotes nothing."""
    columns = columns or list(rows[0])
    lines = [",".join(columns)]
    lines += [",".join(str(row[name] or "") for name in columns) for row in rows]
    return "".join(line + end for line in lines).encode()


def plain_lines(content: bytes) -> int:
    """Lines below the header that are not blank."""
    return len([line for line in re.split(rb"[\r\n]", content) if line]) - 1


def read(content: bytes, shortest: int | None = None) -> tuple[bytes, StrictRows]:
    """What is passed on to the parser, and the account."""
    columns = re.split(rb"[\r\n]", content)[0].count(b",") + 1
    rows = StrictRows(io.BytesIO(content), columns, shortest)  # type: ignore[arg-type]
    passed = b""
    while part := rows.read(1_000_000):
        passed += part
    return passed, rows


def lost(passed: bytes, sound: Sequence[Row]) -> list[str]:
    """The sound rows that are not passed on as rows of their own, in the reading of RFC 4180."""
    rows = re.findall(rb'(?:"(?:[^"]|"")*"|[^"\r\n])*[\r\n]+', passed)
    found = {row.strip(b"\r\n") for row in rows}
    lines = careless(sound, columns=COLUMNS["visits"]).splitlines()[1:]
    return [row["visit_id"] for row, line in zip(sound, lines, strict=True) if line not in found]


def between_strays(case: str, between: int, end: str) -> tuple[list[Row], bytes]:
    """Sound rows, and a file in which `between` of them stand between two hostile ones."""
    first, last = STRAYS[case]
    sound = [visit(f"s{n}", user_id=f"s{n}", referrer=" blank") for n in range(between + 40)]
    rows = [*sound[:20], visit("a", user_id="a") | first, *sound[20 : 20 + between],
            visit("b", user_id="b") | last, *sound[20 + between :]]  # fmt: skip
    return sound, careless(rows, end, COLUMNS["visits"])


# What visitors wrote into two rows of a careless file between which sound rows stand.
STRAYS: Mapping[str, tuple[Row, Row]] = {
    "two marks alone": ({"user_agent": '"'}, {"user_agent": '"'}),
    "marks with text": ({"user_agent": '"x'}, {"user_agent": 'x"'}),
    "marks in different columns": ({"url": '"'}, {"user_agent": '"'}),
    "marks in different columns, the later first": ({"user_agent": '"'}, {"url": '"'}),
    "the first row is broken before its mark": ({"url": '\n"'}, {"url": '"'}),
    "the first row is broken behind its mark": ({"url": '"\nx'}, {"url": '"'}),
    "the first row is broken, the mark fills the fields": (
        {"user_agent": '\n,,,,,,,,"'}, {"user_agent": '"'}),
    "both rows are broken": ({"url": 'x\n"\n'}, {"url": '\n"\n'}),
    "the last row is broken": ({"url": '"'}, {"url": '\n"'}),
    "lone carriage returns": ({"url": '\r"'}, {"user_agent": '"\r'}),
    "commas of the visitor": ({"url": '",,,'}, {"url": ',,,"'}),
    "quoted by the visitor": ({"url": '"",,"",,"'}, {"referrer": '"'}),
    "marks in the first column": ({"visit_id": '"x'}, {"visit_id": 'x"'}),
    "marks in the last column": ({"exit_method": '"'}, {"exit_method": '"'}),
    "a broken row in the first column": ({"visit_id": '"\nx'}, {"visit_id": '"'}),
    "bytes that begin a date": ({"url": '"2026-01-01'}, {"url": '2026-01-01"'}),
    "blanks before the fields": ({"url": '"', "referrer": " x"}, {"url": ' x"', "referrer": " x"}),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("case", STRAYS)
def test_every_line_between_two_stray_marks_is_passed_on_or_bad(case: str, end: str) -> None:
    for between in (1, 2, 30):
        sound, content = between_strays(case, between, end)
        passed, account = read(content)
        assert not lost(passed, sound)
        assert account.rows == plain_lines(content)


@pytest.mark.parametrize("case", STRAYS)
def test_the_account_of_a_careless_file_has_all_its_lines(world: World, case: str) -> None:
    sound, content = between_strays(case, 30, "\n")
    world.with_policy("intake", max_quarantined_share=1.0)
    world.visits(content)
    account = world.take_in().accounts["visits"]
    assert account.read == plain_lines(content)
    assert account.read == account.counted + sum(account.quarantined.values())
    assert account.counted >= len(sound)
    assert sum(row["campaign_ids"] == ["C1"] for row in world.rows("visits")) >= len(sound)


# Lines of each table without a date, or with one that cannot be read.
UNDATED: Mapping[str, Sequence[Row]] = {
    "visits": [visit(f"v{n}", occurred_at="") for n in range(6)],
    "profiles": [profile(f"u{n}", birth_date="", registered_at="31/12/2025") for n in range(6)],
    "consents": [consent(f"u{n}", granted="false", decided_at="yesterday") for n in range(6)],
    "requests": [request_of(f"u{n}", requested_at="") for n in range(6)],
    "campaigns": [campaign(campaign_id=f"C{n}", starts_on="", ends_on="") for n in range(6)],
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("table", UNDATED)
def test_lines_without_a_date_are_not_lost_between_marks(table: str, end: str) -> None:
    rows = [dict(row) for row in UNDATED[table]]
    names = list(rows[0])
    for column in names:
        for at in (1, 2, 4):
            changed = [dict(row) for row in rows]
            changed[0][column], changed[at][column] = '"', '"'
            content = careless(changed, end)
            _, account = read(content, 4 if table in ("consents", "requests") else None)
            assert account.rows == plain_lines(content), (column, at)


@pytest.mark.parametrize("column", [0, 1, 2, -1])
@pytest.mark.parametrize("table", ["requests", "consents"])
def test_an_objection_between_marks_holds_the_release(
    world: World, table: str, column: int
) -> None:
    make = request_of if table == "requests" else consent
    rows = [make(f"u{n}") | {"note": ""} for n in range(30)]
    name = list(rows[0])[column]
    rows[1][name] = rows[3][name] = '"'
    world.put(f"{table}/{table[0]}.csv", careless(rows))
    with pytest.raises(Held, match="objection_unreadable"):
        world.take_in()
    assert {row["row_number"] for row in world.rows("quarantine")} >= {2, 4}


@pytest.mark.parametrize("line", ["r2,u2,erase,", "r2,u2,erase,31/12/2025", "r2,u2,erase"])
def test_an_objection_of_few_fields_is_not_lost_either(line: str) -> None:
    """Such a line is no row of five fields, but it says whom it is about."""
    time = "2025-12-31T00:00:00+07:00"
    content = f'request_id,user_id,kind,requested_at,note\nr1,u1,erase,{time},"\n{line}\n"\n'
    _, account = read(content.encode(), 4)
    expected = 3 if line.count(",") > 2 else 1  # two commas are prose
    assert account.rows == expected


@pytest.mark.parametrize("end", ["", "\n", "\r", "\r\n"])
@pytest.mark.parametrize("last", ['"', 'x"', '"x', '""', '"",'])
def test_a_mark_at_the_end_of_the_file(world: World, last: str, end: str) -> None:
    rows = [visit(f"s{n}", user_id=f"s{n}") for n in range(20)]
    rows[4]["exit_method"] = '"'
    rows[-1]["exit_method"] = last
    content = careless(rows, "\n", COLUMNS["visits"])[:-1] + end.encode()
    world.visits(content)
    world.with_policy("intake", max_quarantined_share=1.0)
    if not end and last in ('"', 'x"', '"x'):  # it ends in the middle of a line
        with pytest.raises(InputsRejected, match="it ends within a quoted field"):
            world.take_in()
        return
    account = world.take_in().accounts["visits"]
    assert account.read == plain_lines(content) == 20
    assert account.counted >= 18


@pytest.mark.alternate("no sound row is lost")
def test_marks_in_two_files_do_not_meet(world: World) -> None:
    rows = [visit(f"s{n}", user_id=f"s{n}") for n in range(40)]
    rows[18]["user_agent"] = rows[21]["user_agent"] = '"'
    world.visits(careless(rows[:20], columns=COLUMNS["visits"]))
    world.visits(careless(rows[20:], columns=COLUMNS["visits"]), "w.csv")
    world.with_policy("intake", max_quarantined_share=1.0)
    account = world.take_in().accounts["visits"]
    assert (account.read, account.counted) == (40, 38)
    assert account.quarantined == {"bad_quoting": 2}


def test_rows_of_more_fields_than_the_header_are_all_accounted_for() -> None:
    """A header that is shorter than the rows makes each a bad row, none a part of another."""
    rows = [visit(f"v{n}") for n in range(9)]
    rows[2]["user_agent"] = rows[6]["user_agent"] = '"'
    for columns in (4, 8, 12):
        header, _, body = careless(rows, columns=COLUMNS["visits"]).partition(b"\n")
        content = b",".join(header.split(b",")[:columns]) + b"\n" + body
        _, account = read(content)
        assert account.rows == plain_lines(content) == 9


PIECES = ['"', '""', ",", '",', ',"', "\n", "\r", "\r\n", "x", " x", "2026-01-01", ";", "'"]
WRITTEN = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
FREE = ("visit_id", "cookie_id", "url", "referrer", "product_category", "user_agent", "exit_method")


@given(
    hostile=st.lists(
        st.tuples(st.integers(0, 12), st.dictionaries(st.sampled_from(FREE), WRITTEN)), max_size=8
    ),
    block=st.sampled_from([600, 4_000, 1 << 20]),
)
@example([(1, {"url": '\n"'}), (5, {"url": '"'})], 1 << 20)
@example([(1, {"user_agent": '\n,,,,,,,,"'}), (5, {"user_agent": '"'})], 1 << 20)
@settings(max_examples=examples(1_200), deadline=None)
def test_whatever_is_written_loses_no_sound_row(hostile: list[tuple[int, Row]], block: int) -> None:
    """Nor does the account have more rows than there are lines."""
    sound = [visit(f"s{n}", user_id=f"s{n}") for n in range(12)]
    rows = list(sound)
    for number, (place, changes) in enumerate(hostile):
        rows.insert(place, visit(f"h{number}", user_id=f"h{number}") | changes)
    content = careless(rows, columns=COLUMNS["visits"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake_limits, "LONGEST_ROW", block)
        passed, account = read(content)
    assert not lost(passed, sound)
    assert account.rows <= plain_lines(content)


# Text of several lines as people write it: an address, a note, what a browser sends.
PROSE = [
    "Jl. Sudirman No. 1, RT 01/RW 02,\nKel. Karet, Kec. Setiabudi,\nJakarta 12920",
    "two\nlines", "\n", "\r\n", "a\n\n\nb", 'say "hi",\nthen "bye"',
    "Mozilla/5.0 (X11; Linux)\n(KHTML, like Gecko)", "born 1990-05-05\nin Bandung",
    "2025-10-01 10:00 called\n2025-10-02 11:30 called again", "since 2025-10-01, or so\n",
]  # fmt: skip


@pytest.mark.parametrize("quoted", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("column", ["full_name", "address"])
def test_text_of_several_lines_that_is_quoted_stays_one_row(
    world: World, column: str, end: str, quoted: int
) -> None:
    rows = [profile(f"u{n}", **{column: text}) for n, text in enumerate(PROSE)]
    rows += [profile(f"x{n}") for n in range(5)]
    for columns in (COLUMNS["profiles"], ["user_id", column, "gender", "region_code",
                                          "birth_date", "registered_at"]):  # fmt: skip
        written = io.StringIO()
        writer = csv.writer(written, quoting=quoted, lineterminator=end)  # type: ignore[arg-type]
        writer.writerow(columns)
        writer.writerows([[row[name] for name in columns] for row in rows])
        world.put(f"profiles/day={world.day}/p.csv", written.getvalue().encode())
        account = world.take_in().accounts["profiles"]
        assert (account.read, account.counted) == (len(rows), len(rows))


@pytest.mark.parametrize("end", ENDS)
def test_notes_of_several_lines_in_requests_are_read(world: World, end: str) -> None:
    notes = ["two\nlines", "Dear team,\nplease erase my account, thanks", "", "\n"]
    rows = [request_of(f"u{n}", request_id=f"r{n}") | {"note": note}
            for n, note in enumerate(notes)]  # fmt: skip
    world.put("requests/r.csv", as_csv(rows).replace(b"\n", end.encode()))
    account = world.take_in().accounts["requests"]
    assert (account.read, account.counted) == (4, 4)


def test_a_note_that_may_hold_a_request_holds_the_release(world: World) -> None:
    note = "I want, for all of my accounts,\nan erasure, now, please"
    world.put("requests/r.csv", as_csv([request_of("u1") | {"note": note}]))
    with pytest.raises(Held, match="objection_unreadable") as held:
        world.take_in()
    said = "In requests/r.csv lines of a quoted text may be rows: quote every field"
    assert said in " ".join(str(held.value).split())


NOTE = "I want, for all of my accounts,\nan erasure, now, please\nr2,u2,erase,2026-01-01T10:00:00Z,"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("make", [request_of, consent])
def test_any_note_is_one_row_of_a_writer_that_quotes_every_field(
    world: World, make: Callable[[str], Row], end: str
) -> None:
    """What the message asks for is read: nothing of such a file is in doubt."""
    table = "requests" if make is request_of else "consents"
    rows = [make(f"u{n}") | {"note": note} for n, note in enumerate([NOTE, "", 'say "hi",\n,,,,'])]
    world.put(f"{table}/{table[0]}.csv", quoting_all(rows, end))
    account = world.take_in().accounts[table]
    assert (account.read, account.counted) == (3, 3)


def quoting_all(rows: Sequence[Row], end: str, *, header: bool = True) -> bytes:
    written = io.StringIO()
    quoted = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator=end)
    plain = csv.writer(written, lineterminator=end)
    (quoted if header else plain).writerow(rows[0])
    quoted.writerows([list(row.values()) for row in rows])
    return written.getvalue().encode()


@pytest.mark.alternate("no sound row is lost")
def test_with_a_header_that_is_not_quoted_it_is_in_doubt(world: World) -> None:
    """Rows of another writer may follow, and theirs may be quoted by who wrote the text."""
    world.put(
        "requests/r.csv", quoting_all([request_of("u1") | {"note": NOTE}], "\n", header=False)
    )
    with pytest.raises(Held, match="objection_unreadable"):
        world.take_in()


def wrapped(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """A file of a writer that puts each field between marks and does not double those within."""
    lines = [columns, *([str(row[name] or "") for name in columns] for row in rows)]
    return "".join(",".join(f'"{field}"' for field in line) + "\n" for line in lines).encode()


@pytest.mark.alternate("no sound row is lost")
@given(
    hostile=st.lists(
        st.tuples(st.integers(0, 6), st.dictionaries(st.sampled_from(FREE), WRITTEN)), max_size=6
    )
)
@example([(1, {"exit_method": '"'}), (3, {"visit_id": '"'})])
@example([(1, {"exit_method": '","'}), (3, {"visit_id": '","'})])
@example([(1, {"visit_id": '","' * 10 + '"'}), (4, {"exit_method": '"'})])
@settings(max_examples=examples(1_200), deadline=None)
def test_a_writer_that_doubles_no_marks_loses_no_sound_row(
    hostile: list[tuple[int, Row]],
) -> None:
    sound = [visit(f"s{n}", user_id=f"s{n}") for n in range(6)]
    rows = list(sound)
    for number, (place, changes) in enumerate(hostile):
        rows.insert(place, visit(f"h{number}", user_id=f"h{number}") | changes)
    passed, _ = read(wrapped(rows, COLUMNS["visits"]))
    found = {
        row.strip(b"\r\n") for row in re.findall(rb'(?:"(?:[^"]|"")*"|[^"\r\n])*[\r\n]+', passed)
    }
    assert set(wrapped(sound, COLUMNS["visits"]).splitlines()) <= found | {found_header(rows)}


def found_header(rows: Sequence[Row]) -> bytes:
    return wrapped(rows, COLUMNS["visits"]).splitlines()[0]


def test_a_random_careless_file_has_as_many_rows_as_lines() -> None:
    """Marks at random places of dated rows: every group of lines with one has to be taken apart."""
    draw = random.Random(5)
    for _ in range(200):
        rows = [visit(f"v{n}") for n in range(40)]
        for row in draw.sample(rows, 12):
            row[draw.choice(FREE)] = draw.choice(['"', '"x', 'x"', '",', ',"'])
        content = careless(rows, columns=COLUMNS["visits"])
        _, account = read(content)
        assert account.rows == plain_lines(content) == 40
