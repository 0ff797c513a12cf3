"""What the command line shows: results on stdout, progress and notices on stderr.

Everything goes through here or through `saying`, so that a terminal obeys no character that comes
from outside.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from anonymizer.model.accounting import RowAccount
from anonymizer.model.escaping import visible, visible_lines

if TYPE_CHECKING:
    import pandas as pd  # slow to import, and most commands show no frame


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


def progress() -> Progress:
    """Bars for what takes long; silent when nobody looks at a terminal."""
    console = notices()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A table whose numbers stand to the right."""
    made = Table(title=visible(title), title_justify="left")
    for position, column in enumerate(columns):
        numbers = bool(rows) and all(isinstance(row[position], int | float) for row in rows)
        made.add_column(visible(column), justify="right" if numbers else "left")
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    return made


def frame_table(title: str, frame: "pd.DataFrame") -> Table:
    """A DataFrame as a table: days as dates, nothing where a value is missing."""
    made = Table(title=visible(title), title_justify="left")
    columns = []
    for name, values in frame.items():
        numbers = values.dtype.kind in "iuf"
        made.add_column(visible(str(name)), justify="right" if numbers else "left")
        days = values.dtype.kind == "M"
        columns.append((values.dt.strftime("%Y-%m-%d") if days else values).tolist())
    for row, present in zip(zip(*columns, strict=True), frame.notna().to_numpy(), strict=True):
        cells = zip(row, present, strict=True)
        made.add_row(*(_cell(value) if there else "" for value, there in cells))
    return made


def account_table(accounts: Mapping[str, RowAccount]) -> Table:
    """Rows read and what became of them; every line adds up."""
    return table(
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


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else visible(str(value))


def _console(*, stderr: bool) -> Console:
    console = Screen(stderr=stderr, highlight=False, markup=False)
    if not console.is_terminal:
        console = Screen(stderr=stderr, highlight=False, markup=False, width=200)
    return console
