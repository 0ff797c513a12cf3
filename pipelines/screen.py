"""What the command line shows: results on stdout, progress and notices on stderr.

Everything goes through here or through `saying`, so that a terminal obeys no character that comes
from outside.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from anonymizer.model.accounting import RowAccount
from anonymizer.model.escaping import visible, visible_lines

if TYPE_CHECKING:
    import pandas as pd  # slow to import, and most commands show no frame


# Wider than any line: where no terminal sets a width, nothing is wrapped and nothing is cut off.
_ANY_WIDTH = 100_000


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
        """Print; texts may have several lines."""
        printable = (visible_lines(one) if isinstance(one, str) else one for one in objects)
        super().print(*printable, **style)


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
        TextColumn("{task.description}"),
        BarColumn(),
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


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A table whose numbers stand to the right."""
    made = Table(title=visible(title), title_justify="left")
    for position, column in enumerate(columns):
        values = [row[position] for row in rows if row[position] is not None]
        numbers = bool(values) and all(isinstance(value, int | float) for value in values)
        _add_column(made, column, numbers=numbers)
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    return made


def frame_listing(title: str, frame: "pd.DataFrame") -> Listing:
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


def _add_column(made: Table, name: str, *, numbers: bool) -> None:
    """A column that wraps where the terminal is narrow; numbers stand on one line."""
    made.add_column(
        visible(name),
        justify="right" if numbers else "left",
        overflow="fold",
        no_wrap=numbers,
    )


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
