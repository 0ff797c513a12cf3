"""Tables, progress and JSON: whole on every width, and readable by a program."""

import json
from datetime import UTC, date, datetime
from io import StringIO

import pytest
from rich.console import Console

from pipelines.screen import Listing, meter, out, show, table

LONG = "campaign-month-2026-10 with-a-word-that-is-longer-than-any-narrow-terminal"
LISTING = Listing(
    "Releases (UTC)",
    ("name", "day", "time (UTC)", "people", "note"),
    [
        (LONG, date(2026, 11, 14), datetime(2026, 11, 14, 3, 0, tzinfo=UTC), 1_234_567, None),
        ("a", date(2026, 11, 15), datetime(2026, 11, 15, 3, 0, tzinfo=UTC), None, "\x1b[31m"),
    ],
)


@pytest.mark.parametrize("width", [40, 80, 300])
def test_nothing_is_cut_off_on_a_terminal(width: int) -> None:
    screen = Console(file=StringIO(), width=width, force_terminal=False)
    screen.print(table(LISTING.title, LISTING.columns, LISTING.rows))
    shown = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in shown
    assert "1,234,567" in shown  # a number stands on one line
    assert max(map(len, shown.splitlines())) <= width


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_long_word_goes_on_in_the_next_line(width: int) -> None:
    screen = Console(file=StringIO(), width=width)
    screen.print(table("", ("name",), [(LONG,)]))
    shown = screen.file.getvalue()  # type: ignore[attr-defined]
    cells = [line.strip("│ ") for line in shown.splitlines() if line.startswith("│")]
    assert "".join(cells).replace(" ", "") == LONG.replace(" ", "")


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
