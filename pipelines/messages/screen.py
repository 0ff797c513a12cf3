"""What the command line shows: results on stdout, progress and notices on stderr.

Everything goes through here or through `saying`, so that a terminal obeys no character that comes
from outside.
"""

import json
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column, Table
from rich.text import Text

from anonymizer.model.accounting import RowAccount
from anonymizer.model.escaping import visible, visible_lines
from pipelines import run_limits

if TYPE_CHECKING:
    import pandas as pd  # slow to import, and most commands show no frame

Frame: TypeAlias = "pd.DataFrame"
# Wider than any line: where no terminal sets a width, nothing is wrapped and nothing is cut off.
_ANY_WIDTH = 100_000
_BAR = 20  # columns
_NARROWEST = 20  # columns for the values of such a list, whatever the screen


@dataclass(frozen=True)
class Listing:
    """A table of results, to be shown on a screen or to be read by a program."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]

    @property
    def name(self) -> str:
        """The title as a key in JSON."""
        return _key(self.title)

    def records(self) -> list[dict[str, object]]:
        """One object a row."""
        keys = [_key(column) for column in self.columns]
        return [dict(zip(keys, map(_plain, row), strict=True)) for row in self.rows]


class Screen(Console):
    """A console that shows text and tables of text as they are, but for what is not to be seen."""

    def print(self, *objects: Any, **style: Any) -> None:
        """Print; texts may have several lines, and a word that is longer stays whole."""
        printable = (self._wrapped(one) if isinstance(one, str) else one for one in objects)
        super().print(*printable, **{"overflow": "ignore", "crop": False, **style})

    def _wrapped(self, text: str) -> str:
        """Lines of whole words; Rich breaks a long word, or wraps nothing."""
        lines = visible_lines(text).split("\n")
        return "\n".join(_filled(line, self.width) for line in lines)


def _filled(line: str, width: int) -> str:
    """A line, continued below its first word on others where it is too wide."""
    if cell_len(line) <= width:
        return line
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.fill(
        line,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def out() -> Console:
    """Results. Piped, they are plain text of whatever length a line needs."""
    return _console(stderr=False)


def notices() -> Console:
    """Progress, notices and errors."""
    return _console(stderr=True)


class Meter:
    """How far something is: a bar on a terminal, a line for each tenth elsewhere."""

    def __init__(self, title: str, bars: Progress, bar: TaskID) -> None:
        self._title, self._bars, self._bar = title, bars, bar
        self._reported = 0

    def at(self, what: str, done: float, total: float) -> None:
        """Show that `done` of `total` is done, and what is being worked on."""
        self._bars.update(self._bar, description=visible(what), completed=done, total=total)
        ends = done >= total or int(done) >= self._reported + total / 10
        if self._bars.disable and int(done) > self._reported and ends:
            self._reported = int(done)
            notices().print(f"{self._title}: {int(done):,} of {int(total):,}")


@contextmanager
def meter(title: str) -> Iterator[Meter]:
    """Show on stderr how far the work within is."""
    console = notices()
    bars = Progress(
        TextColumn("{task.description}", table_column=Column(overflow="fold")),
        BarColumn(_BAR),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bars:
        yield Meter(title, bars, bars.add_task(visible(title)))


def show(*listings: Listing, as_json: bool = False) -> None:
    """Print tables, or JSON: an array of objects for one table, an object of arrays for several."""
    if as_json:
        content = {listing.name: listing.records() for listing in listings}
        print_json(content[listings[0].name] if len(listings) == 1 else content)
        return
    for listing in listings:
        out().print(table(listing.title, listing.columns, listing.rows))


def print_json(content: object) -> None:
    """Print on stdout; characters that a terminal could obey are escaped."""
    sys.stdout.write(json.dumps(content, indent=2) + "\n")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> "_Fitting":
    """A table as wide as the screen allows, or a list of its rows where it is too narrow."""
    names = [visible(column) for column in columns]
    numeric = [_is_number([row[place] for row in rows]) for place in range(len(columns))]
    cells = [[_cell(value) for value in row] for row in rows]
    return _Fitting(visible(title), names, numeric, cells)


@dataclass(frozen=True)
class _Fitting:
    """Text that keeps its words whole: an id is to be copied, and a number to be read."""

    title: str
    columns: Sequence[str]
    numeric: Sequence[bool]
    rows: Sequence[Sequence[str]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[object]:
        widths = self._widths(options.max_width)
        if widths is None:
            yield self._list(options.max_width)
            return
        made = Table(title=self.title, title_justify="left")
        for name, numeric, width in zip(self.columns, self.numeric, widths, strict=True):
            made.add_column(name, justify="right" if numeric else "left", width=width)
        for row in self.rows:
            made.add_row(*row)
        yield made

    def _widths(self, available: int) -> list[int] | None:
        """The width of each column, None if words would break or a row be a column of words."""
        texts = [[name, *cells] for name, cells in zip(self.columns, self._by_column, strict=True)]
        longest = [max(map(cell_len, column)) for column in texts]
        widths = [max(_longest_word(text) for text in column) for column in texts]
        spare = available - sum(widths) - 3 * len(widths) - 1  # a line, and a space on both sides
        if spare < 0:
            return None
        lines = [_lines(most, width) for most, width in zip(longest, widths, strict=True)]
        while spare > 0 and max(lines, default=1) > 1:
            tallest = lines.index(max(lines))
            widths[tallest] += 1
            lines[tallest] = _lines(longest[tallest], widths[tallest])
            spare -= 1
        return widths if max(lines, default=1) <= run_limits.LINES_OF_A_ROW else None

    @property
    def _by_column(self) -> Sequence[Sequence[str]]:
        return list(zip(*self.rows, strict=True)) if self.rows else [()] * len(self.columns)

    def _list(self, available: int) -> Text:
        """One line for each name and value, and an empty line between rows."""
        indent = max(map(cell_len, self.columns)) + 2
        width = max(available - indent, _NARROWEST)
        blocks = [
            "\n".join(
                set_cell_size(name, indent)
                + _filled(value, width).replace("\n", "\n" + " " * indent)
                for name, value in zip(self.columns, row, strict=True)
                if value
            )
            for row in self.rows
        ]
        return Text("\n\n".join((self.title, *blocks)), no_wrap=True, overflow="ignore")


def frame_listing(title: str, frame: Frame) -> Listing:
    """A DataFrame as a table: days as dates, nothing where a value is missing."""
    columns = []
    for name in frame.columns:
        values = frame[name]
        days = values.dtype.kind == "M"
        columns.append((values.dt.strftime("%Y-%m-%d") if days else values).tolist())
    present = frame.notna().to_numpy()
    rows = [
        tuple(value if there else None for value, there in zip(row, known, strict=True))
        for row, known in zip(zip(*columns, strict=True), present, strict=True)
    ]
    return Listing(title, [str(name) for name in frame.columns], rows)


def account_listing(accounts: Mapping[str, RowAccount]) -> Listing:
    """Rows read and what became of them; every line adds up."""
    return Listing(
        "Rows",
        ("table", "read", "counted", "excluded", "quarantined", "duplicates", "reasons"),
        [
            (
                account.table,
                account.read,
                account.counted,
                sum(account.excluded.values()),
                sum(account.quarantined.values()),
                account.duplicates,
                _reasons(account),
            )
            for account in accounts.values()
        ],
    )


def _reasons(account: RowAccount) -> str:
    reasons = sorted({**account.excluded, **account.quarantined}.items())
    return ", ".join(f"{reason} {rows:,}" for reason, rows in reasons)


def _is_number(values: Sequence[object]) -> bool:
    """Whether a column has numbers, which stand to the right."""
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, int | float) for value in known)


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=1)


def _lines(length: int, width: int) -> int:
    """About how many lines a text takes."""
    return -(-length // width)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else visible(str(value))


def _plain(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _key(name: str) -> str:
    """`time (UTC)` as `time_utc`."""
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    return "_".join(words)


def _console(*, stderr: bool) -> Console:
    console = Screen(stderr=stderr, highlight=False, markup=False)
    if not console.is_terminal:
        console = Screen(stderr=stderr, highlight=False, markup=False, width=_ANY_WIDTH)
    return console
