"""What the command line shows: results on stdout, progress and notices on stderr."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from anonymizer.accounting import RowAccount


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
    made = Table(title=title, title_justify="left")
    for position, column in enumerate(columns):
        numbers = bool(rows) and all(isinstance(row[position], int | float) for row in rows)
        made.add_column(column, justify="right" if numbers else "left")
    for row in rows:
        made.add_row(*(_shown(value) for value in row))
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


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(stderr=stderr, highlight=False, markup=False, width=200)
    return console
