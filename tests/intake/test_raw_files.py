"""Bad files are refused whole, with a code; good ones say the same in every format."""

import gzip
import os
import tracemalloc
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from raw_world import (
    COLUMNS,
    World,
    as_csv,
    as_json_lines,
    as_parquet,
    profile,
    typed_parquet,
    visit,
)

from anonymizer.intake import file_assessment, intake_limits, landing_zone, raw_source
from anonymizer.model.errors import Held, InputsRejected


def reasons(world: World) -> list[str]:
    """The codes of the refused files; nothing may have been written."""
    with pytest.raises(InputsRejected) as caught:
        world.take_in()
    assert not world.written()
    assert all(rejected.file in str(caught.value) for rejected in caught.value.files)
    return [rejected.reason for rejected in caught.value.files]


def by_name(world: World) -> dict[str, str]:
    with pytest.raises(InputsRejected) as caught:
        world.take_in()
    assert not world.written()
    return {Path(rejected.file).name: rejected.reason for rejected in caught.value.files}


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    compressed: bytes = sink.getvalue().to_pybytes()
    return compressed


def without(row: dict[str, Any], column: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != column}


def renamed(row: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in row.items()}


PARQUET = typed_parquet("visits", [visit(f"v{n}") for n in range(3_000)])


WRONG = [
    ("parquet", b"", "empty_file"),
    ("csv", b"", "empty_file"),
    ("csv.gz", gzip.compress(b""), "empty_file"),
    ("jsonl", b"\n\n", "empty_file"),
    ("parquet", PARQUET[:-20], "corrupt"),
    ("parquet", PARQUET[:200] + b"\x00" * 200 + PARQUET[400:], "corrupt"),
    ("csv.gz", gzip.compress(as_csv([visit("v2")]) * 99)[:-20], "corrupt"),
    ("csv", as_csv([visit("v2")]) + b'v2,"never closed', "corrupt"),
    ("csv", as_csv([visit("v2")])[:-10], "corrupt"),
    ("parquet", as_csv([visit("v2")]), "wrong_format"),
    ("csv", PARQUET, "wrong_format"),
    ("csv", gzip.compress(as_csv([visit("v2")])), "wrong_format"),
    ("csv", as_csv([visit("v2")]).decode().encode("utf-16"), "wrong_format"),
    ("csv.gz", as_csv([visit("v2")]), "wrong_format"),
    ("csv.zst", as_csv([visit("v2")]), "wrong_format"),
    ("jsonl", as_csv([visit("v2")]), "wrong_format"),
    ("xlsx", b"PK", "unknown_format"),
    ("CSV", as_csv([visit("v2")]), "unknown_format"),
]


def test_files_that_are_not_what_they_should_be(world: World) -> None:
    expected = {}
    for number, (extension, content, reason) in enumerate(WRONG):
        world.visits(content, f"x{number}.{extension}")
        expected[f"x{number}.{extension}"] = reason
    assert by_name(world) == expected


@pytest.mark.parametrize("column", ["visit_id", "user_id", "occurred_at", "url"])
def test_a_missing_required_column(world: World, column: str) -> None:
    rows = [without(visit(), column)]
    world.visits(as_csv(rows), "x.csv")
    world.visits(as_json_lines(rows), "x.jsonl")
    world.visits(as_parquet(rows), "x.parquet")
    assert reasons(world) == [f"schema_missing:{column}"] * 3


@pytest.mark.alternate("raw files of every form")
def test_a_renamed_column_is_not_guessed(world: World) -> None:
    changes = [("url", "URL"), ("occurred_at", "occurredAt"), ("user_agent", "User-Agent")]
    for old, new in [*changes, ("visit_id", "id")]:
        world.visits(as_csv([renamed(visit(), old, new)]), f"{new}.csv")
    assert by_name(world) == {
        "URL.csv": "schema_missing:url",
        "occurredAt.csv": "schema_missing:occurred_at",
        "User-Agent.csv": "schema_missing:user_agent",
        "id.csv": "schema_missing:visit_id",
    }


@pytest.mark.alternate("raw files of every form")
def test_an_optional_column_may_be_absent_and_that_is_said(world: World) -> None:
    world.visits(as_csv([without(visit("v2"), "user_agent")]), "x.csv")
    intake = world.take_in()
    assert [str(w) for w in intake.warnings] == ["visits: column_absent:user_agent (1)"]
    assert intake.accounts["visits"].counted == 2


def test_duplicate_column_names(world: World) -> None:
    lines = as_csv([visit()]).decode().splitlines()
    world.visits(f"{lines[0]},url\n{lines[1]},x\n".encode(), "x.csv")
    table = as_parquet([visit()], columns=[*COLUMNS["visits"], "url"])
    world.visits(table, "x.parquet")
    assert reasons(world) == ["duplicate_column"] * 2


@pytest.mark.alternate("raw files of every form")
def test_unknown_columns_are_dropped_and_listed_but_not_names_that_look_like_data(
    world: World,
) -> None:
    world.visits(as_csv([{**visit("v2"), "nickname": "x", "budi@mail.example": "y"}]), "x.csv")
    assert world.take_in().dropped_columns == {"visits": ("column 15", "nickname")}


def test_a_column_of_another_type(world: World) -> None:
    changes = {
        "occurred_at": (pa.int64(), 1_767_240_000),
        "url": (pa.int64(), 7),
        "user_id": (pa.float64(), 7.0),
        "visit_id": (pa.binary(16), b"v" * 16),
        "user_agent": (pa.list_(pa.string()), ["x"]),
    }
    for column, (kind, value) in changes.items():
        rows = [visit(**{column: value})]
        world.visits(as_parquet(rows, {column: kind}), f"{column}.parquet")
    assert by_name(world) == {f"{column}.parquet": f"schema_type:{column}" for column in changes}


@pytest.mark.alternate("raw files of every form")
def test_a_birth_date_with_a_time_of_day_is_no_exact_date(world: World) -> None:
    types = {"birth_date": pa.timestamp("us")}
    folder = f"profiles/day={world.day}"
    midnight = profile("u2", birth_date=datetime(1990, 1, 1))  # noqa: DTZ001
    world.put(f"{folder}/p2.parquet", as_parquet([midnight], types))
    assert world.take_in().accounts["profiles"].counted == 2
    for path in world.home.private.rglob("*.parquet"):
        path.unlink()
    noon = profile("u3", birth_date=datetime(1990, 1, 1, 12))  # noqa: DTZ001
    world.put(f"{folder}/p3.parquet", as_parquet([noon], types))
    assert reasons(world) == ["schema_type:birth_date"]


@pytest.mark.parametrize("column", ["user_id", "visit_id"])
def test_whole_number_ids_are_taken_exactly(world: World, column: str) -> None:
    world.visits(as_parquet([{**visit("v2"), column: 7}], {column: pa.int64()}), "x.parquet")
    world.visits(as_csv([{**visit("v2"), column: "7"}]), "y.csv")
    account = world.take_in().accounts["visits"]
    assert (account.counted, account.duplicates) == (2, 1)


def test_every_refused_file_of_the_run_is_named_at_once(world: World) -> None:
    world.visits(b"", "a.parquet")
    world.visits(b"", "late.csv", offset=1)
    world.put("consents/x.csv", b"a,b\n1,2\n")
    columns = "user_id,purpose,granted,decided_at"
    assert sorted(reasons(world)) == ["empty_file", "empty_file", f"schema_missing:{columns}"]


@pytest.mark.alternate("raw files of every form")
def test_a_refused_file_leaves_what_was_accepted_before(world: World) -> None:
    world.take_in()
    before = world.written()
    world.visits(PARQUET[:-20], "x.parquet")
    with pytest.raises(InputsRejected):
        world.take_in()
    assert world.written() == before


VALUES = ["plain", 'say "hi", ok', "two\nlines", "two\r\nlines", "a;b|c\td", "naïve 日本", "=1+1"]


FORM_ROWS = [
    *(visit(f"v{n}", user_agent=text, referrer=text) for n, text in enumerate(VALUES)),
    visit("guest", user_id=None, user_agent=None),
]
PLAIN = as_csv(FORM_ROWS)
FORMS = {
    "csv": ("x.csv", PLAIN),
    "csv after a byte order mark": ("x.csv", b"\xef\xbb\xbf" + PLAIN),
    "csv without a last line break": ("x.csv", PLAIN[:-1]),
    "csv in gzip": ("x.csv.gz", gzip.compress(PLAIN)),
    "csv in two parts of gzip": ("x.csv.gz", gzip.compress(PLAIN[:50]) + gzip.compress(PLAIN[50:])),
    "csv in zstd": ("x.csv.zst", zstd(PLAIN)),
    "json lines": ("x.jsonl", as_json_lines(FORM_ROWS)),
    "json lines with blank lines": (
        "x.ndjson",
        b"\xef\xbb\xbf" + as_json_lines(FORM_ROWS).replace(b"\n", b"\r\n\n"),
    ),
    "json lines in gzip": ("x.jsonl.gz", gzip.compress(as_json_lines(FORM_ROWS))),
    "json lines in zstd": ("x.jsonl.zst", zstd(as_json_lines(FORM_ROWS))),
    "parquet": ("x.parquet", typed_parquet("visits", FORM_ROWS)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_format_says_the_same(world: World, form: str) -> None:
    """Beside the plain file only equal content makes every row a duplicate."""
    name, content = FORMS[form]
    world.visits(PLAIN)
    world.visits(content, name)
    account = world.take_in().accounts["visits"]
    again = 0 if content == PLAIN else len(FORM_ROWS)
    assert (account.counted, account.duplicates) == (len(FORM_ROWS), again)


@pytest.mark.alternate("raw files of every form")
def test_carriage_returns_between_rows(world: World) -> None:
    world.visits(as_csv([visit("v2"), visit("v3")]).replace(b"\n", b"\r\n"), "x.csv")
    assert world.take_in().accounts["visits"].counted == 3


@pytest.mark.alternate("raw files of every form")
def test_rows_with_too_many_or_too_few_fields_are_quarantined_by_number(world: World) -> None:
    lines = as_csv([visit(f"v{n}") for n in range(100)]).splitlines()
    lines[5] += b',"more"'
    lines[9] = b'"less"'
    world.visits(b"\n".join(lines))
    account = world.take_in().accounts["visits"]
    assert account.quarantined == {"field_count": 2}
    assert account.read == 100
    assert [row["row_number"] for row in world.rows("quarantine")] == [5, 9]


@pytest.mark.alternate("raw files of every form")
def test_row_numbers_after_a_bad_row_are_those_of_the_file(world: World) -> None:
    lines = as_csv([visit(f"v{n}") for n in range(9_000)]).splitlines()
    lines[3] = b'"less"'
    lines[7_000] += b',"more"'
    lines[8_999] = as_csv([visit(" ")]).splitlines()[1]
    world.visits(b"\n".join(lines))
    world.take_in()
    assert [(row["row_number"], row["reason"]) for row in world.rows("quarantine")] == [
        (3, "field_count"),
        (7_000, "field_count"),
        (8_999, "no_visit_id"),
    ]


@pytest.mark.alternate("raw files of every form")
def test_json_lines_that_are_no_object_or_hold_no_number(world: World) -> None:
    sound = [visit(f"v{n}") for n in range(40)]
    bad = {
        b"[1]": "bad_json",
        b"{": "bad_json",
        b"[" * 100_000: "bad_json",
        b'{"url": {"a": 1}}': "bad_json",
        b'{"visit_id": 1.5}': "bad_json",
        b'{"user_id": 1.5}': "not_an_id",
        b'{"duration_ms": NaN}': "not_finite",
        b'{"duration_ms": -Infinity}': "not_finite",
        b'{"url": "\xff"}': "bad_encoding",
        b'{"url": "\\ud800"}': "bad_encoding",
    }
    world.visits(as_json_lines(sound) + b"\n".join(bad), "v.jsonl")
    world.take_in()
    found = [(row["row_number"], row["reason"]) for row in world.rows("quarantine")]
    assert found == list(enumerate(bad.values(), start=41))


@pytest.mark.parametrize("column", ["visit_id", "user_id", "url", "user_agent", "occurred_at"])
def test_bytes_that_are_no_text_quarantine_their_row(world: World, column: str) -> None:
    rows = as_csv([visit(f"v{n}") for n in range(9)] + [visit(**{column: "@@"})])
    world.visits(rows.replace(b"@@", b"\xff\xfe"))
    assert world.take_in().accounts["visits"].quarantined == {"bad_encoding": 1}
    assert world.rows("quarantine")[0]["column"] == column


@pytest.mark.alternate("raw files of every form")
def test_a_field_above_the_limit_quarantines_its_row(world: World) -> None:
    rows = [visit(f"v{n}") for n in range(9)]
    rows += [visit("long", user_agent="x" * 8_193), visit("just", user_agent="é" * 8_192)]
    for name, content in (
        ("v.csv", as_csv(rows)),
        ("v.csv", as_json_lines(rows)),
        ("v.csv", typed_parquet("visits", rows)),
    ):
        extension = {b"{": ".jsonl", b"P": ".parquet"}.get(content[:1], ".csv")
        (world.folder() / "v.csv").unlink(missing_ok=True)
        path = world.visits(content, name.replace(".csv", extension))
        assert world.take_in().accounts["visits"].quarantined == {"too_long": 1}
        path.unlink()


@pytest.mark.parametrize("extension", ["csv", "jsonl"])
def test_a_field_of_a_hundred_megabytes_does_not_fill_the_memory(
    world: World, extension: str, request: pytest.FixtureRequest
) -> None:
    sound = [visit(f"v{n}") for n in range(9)]
    huge = visit("huge", user_agent="@@")
    write = as_csv if extension == "csv" else as_json_lines
    path = world.visits(b"", f"x.{extension}")
    before, after = write([*sound, huge]).split(b"@@")
    with path.open("wb") as file:
        file.write(before)
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(after)
    arrow = pa.system_memory_pool()  # used by nothing else: its highest mark is this test's
    request.addfinalizer(partial(pa.set_memory_pool, pa.default_memory_pool()))
    pa.set_memory_pool(arrow)
    tracemalloc.start()
    assert world.take_in().accounts["visits"].quarantined == {"too_long": 1}
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    assert 0 < arrow.max_memory() < 60_000_000
    tracemalloc.stop()


class TestExpansion:
    """A small file that expands without end is given up at the limit, not at the end."""

    @pytest.fixture
    def small(self, world: World) -> World:
        return world.with_policy("intake", max_expanded_megabytes=5, max_file_megabytes=1)

    @pytest.mark.parametrize("squeeze", [gzip.compress, zstd])
    @pytest.mark.parametrize("extension", ["csv", "jsonl"])
    def test_compressed_text(
        self, small: World, squeeze: Callable[[bytes], bytes], extension: str
    ) -> None:
        bomb = squeeze(as_csv([visit("v2")]) + (b"x" * 500_000 + b"\n") * 40)
        small.visits(bomb, f"x.{extension}." + ("gz" if squeeze is gzip.compress else "zst"))
        read = 0
        honest = raw_source.Expanded._read

        def counting(self: raw_source.Expanded, size: int) -> bytes:
            nonlocal read
            content = honest(self, size)
            read += len(content)
            return content

        raw_source.Expanded._read = counting  # type: ignore[method-assign]
        try:
            assert reasons(small) == ["too_large"]
        finally:
            raw_source.Expanded._read = honest  # type: ignore[method-assign]
        assert read <= 7_000_000

    @pytest.mark.alternate("raw files of every form")
    def test_more_bad_rows_than_anyone_would_look_at(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(intake_limits, "MOST_FAULTS", 100)
        world.visits(as_csv([visit("v2")]) + b"1\n" * 101, "x.csv")
        world.visits(as_json_lines([visit("v2")]) + b"1\n" * 101, "x.jsonl")
        world.visits(as_csv([visit("v2")]) + b"1\n" * 2_000_000, "y.csv")
        assert reasons(world) == ["too_many_bad_rows"] * 3

    @pytest.mark.alternate("raw files of every form")
    def test_parquet(self, small: World) -> None:
        rows = [visit("v", user_agent="x" * 1_000)] * 10_000
        small.visits(as_parquet(rows), "x.parquet")
        assert reasons(small) == ["too_large"]

    @pytest.mark.alternate("raw files of every form")
    def test_a_file_that_is_too_large_as_it_lies_there(self, small: World) -> None:
        small.visits(b"x" * 1_000_001, "x.csv")
        assert reasons(small) == ["too_large"]


@pytest.mark.alternate("raw files of every form")
def test_a_file_swapped_while_it_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = file_assessment.read
    content = as_csv([visit("v1")])
    path = world.visits(content)

    def read_and_swap(source: Any, table: Any) -> Any:
        reading = honest(source, table)
        if source.name.endswith("v.csv"):
            status = path.stat()
            with path.open("r+b") as file:
                file.write(content.replace(b"v1", b"v2"))
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # size and time as before
        return reading

    monkeypatch.setattr(file_assessment, "read", read_and_swap)
    assert reasons(world) == ["changed"]


def test_a_file_delivered_twice_is_read_once(world: World) -> None:
    world.visits(as_csv([visit()]), "again.csv")
    world.visits(as_csv([visit()]), "late.csv", offset=1)
    intake = world.take_in()
    states = {Path(f.name).name: f.status for f in intake.files if f.name.startswith("visits")}
    assert states == {"again.csv": "accepted", "v.csv": "already_read", "late.csv": "already_read"}
    assert (intake.accounts["visits"].read, intake.accounts["visits"].duplicates) == (1, 0)


@pytest.mark.alternate("raw files of every form")
def test_the_same_name_with_other_content_is_another_file(world: World) -> None:
    first = world.take_in()
    world.visits(as_csv([visit(), visit("v2")]))
    second = world.take_in()
    digests = [
        file.sha256 for intake in (first, second) for file in intake.files
        if file.name.endswith("v.csv")
    ]  # fmt: skip
    assert digests[0] != digests[1]
    assert second.accounts["visits"].counted == 2


@pytest.mark.alternate("raw files of every form")
def test_too_many_bad_rows_hold_the_day_and_leave_pointers(world: World) -> None:
    world.visits(as_csv([visit(f"v{n}") for n in range(7)] + [visit("", url="")] * 3))
    with pytest.raises(Held, match="3 of 10") as caught:
        world.take_in()
    assert caught.value.reason == "too_many_bad_rows"
    assert list(world.written()) == [f"quarantine/day={world.day}.parquet"]


def test_whoever_still_reads_ahead_in_a_file_never_reads_the_next_one(tmp_path: Path) -> None:
    """The next file that is opened has the same number to the operating system."""
    limits = raw_source.Limits(1_000_000, 1_000_000, 4_000)
    for name in ("first", "second"):
        (tmp_path / name).write_bytes(name.encode())
    files = [
        landing_zone.LandedFile("visits", tmp_path / name, name) for name in ("first", "second")
    ]
    with raw_source.opened(files[0], limits) as first:
        ahead = first.expanded("")
    with raw_source.opened(files[1], limits) as second:
        assert second.descriptor == first.descriptor
        with pytest.raises(ValueError, match="closed"):
            ahead.read(10)
        assert second.expanded("").read(10) == b"second"
