"""Tables, progress and JSON: whole on every width, and readable by a program."""

import json
from datetime import UTC, date, datetime
from io import StringIO

import pytest
from rich.text import Text

from anonymizer.model.escaping import visible
from pipelines.messages.screen import Listing, Screen, meter, out, show, table

LONG = "campaign-month-2026-10 with-a-word-that-is-longer-than-any-narrow-terminal"
LISTING = Listing(
    "Releases (UTC)",
    ("name", "day", "time (UTC)", "people", "note"),
    [
        (LONG, date(2026, 11, 14), datetime(2026, 11, 14, 3, 0, tzinfo=UTC), 1_234_567, None),
        ("a", date(2026, 11, 15), datetime(2026, 11, 15, 3, 0, tzinfo=UTC), None, "\x1b[31m"),
    ],
)


ENTRY = (
    *(12, "2026-11-30T20:16:38", "ratna@jakarta-01.example"),
    *("release", "campaign-month-2026-10", "released, 4 files, 3,677 figures", "0123456789abcdef"),
)
LEDGER = Listing(
    "Ledger", ("number", "time (UTC)", "actor", "kind", "subject", "outcome", "hash"), [ENTRY]
)
REASONS = Listing(
    "Rows",
    ("table", "read", "reasons"),
    [("visits", 1_234_567, ", ".join(f"reason_{number} {number:,}" for number in range(90)))],
)


def shown_on(width: int, listing: Listing) -> str:
    file = StringIO()
    screen = Screen(file=file, width=width, highlight=False, markup=False, force_terminal=True)
    screen.print(table(listing.title, listing.columns, listing.rows))
    return Text.from_ansi(file.getvalue()).plain


@pytest.mark.parametrize("width", [40, 80, 120, 300])
@pytest.mark.parametrize("listing", [LISTING, LEDGER, REASONS], ids=["long", "ledger", "reasons"])
def test_every_word_is_whole_on_every_terminal(width: int, listing: Listing) -> None:
    shown = shown_on(width, listing)
    words = {
        word
        for row in listing.rows
        for value in row
        if value is not None
        for word in (f"{value:,}" if isinstance(value, int) else visible(str(value))).split()
    }
    assert words <= set(shown.split())
    assert "…" not in shown
    longest = max(map(len, words))
    assert max(map(len, shown.splitlines())) <= max(width, longest + len("time (UTC)  "))


@pytest.mark.parametrize("listing", [LEDGER, REASONS], ids=["ledger", "reasons"])
def test_where_a_table_does_not_fit_its_rows_are_lists(listing: Listing) -> None:
    (title, _, first, *_) = shown_on(80, listing).splitlines()
    assert title == listing.title
    assert first.split() == [listing.columns[0], str(listing.rows[0][0])]
    assert "│" in shown_on(3_000, listing)


def test_a_table_of_80_columns_uses_them() -> None:
    rows = [("a", "some words that are as long as a line of the table can be, and a few more")]
    lines = shown_on(60, Listing("", ("id", "words"), rows)).splitlines()
    assert max(map(len, lines)) == 60
    assert len(lines) == 6  # the text takes two of them


@pytest.mark.parametrize("width", [20, 40])
def test_a_long_word_of_a_message_is_not_broken(width: int) -> None:
    file = StringIO()
    Screen(file=file, width=width).print(f"see {LONG}")
    assert set(LONG.split()) <= set(file.getvalue().split())


def test_a_message_wraps_between_words() -> None:
    file = StringIO()
    Screen(file=file, width=30).print("- a rule is broken\n    by what is written in this file")
    assert file.getvalue().splitlines() == [
        "- a rule is broken",
        "    by what is written in this",
        "    file",
    ]


def test_in_a_pipe_a_line_is_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    show(LISTING)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if LONG in line]
    assert "1,234,567" in line


def test_a_table_is_an_array_and_several_are_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    show(LISTING, as_json=True)
    said = capsys.readouterr().out
    rows = json.loads(said)
    assert rows[0] == {
        "name": LONG,
        "day": "2026-11-14",
        "time_utc": "2026-11-14T03:00:00+00:00",
        "people": 1_234_567,
        "note": None,
    }
    assert rows[1]["note"] == "\x1b[31m"
    assert "\x1b" not in said
    show(LISTING, Listing("Other", ("one",), []), as_json=True)
    assert json.loads(capsys.readouterr().out) == {"releases_utc": rows, "other": []}


@pytest.mark.parametrize(("total", "lines"), [(3, 3), (45, 9), (1_000, 10)])
def test_without_a_terminal_progress_is_a_few_lines(
    capsys: pytest.CaptureFixture[str], total: int, lines: int
) -> None:
    with meter("Days run") as shown:
        for step in range(total * 4):
            shown.at("reach", (step + 1) / 4, total)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == lines
    assert len(set(said)) == lines
    assert all(line.startswith("Days run: ") for line in said)
    assert not out().is_terminal
