"""Options that many commands share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from anonymizer.model.errors import AudienceError, ConfigurationError, Fault, Held
from anonymizer.model.periods import Period
from anonymizer.model.renamed_settings import require_present
from anonymizer.storage.home import Home, PublishedCopy
from cli.filter_options import KINDS
from cli.selection import Selection
from pipelines.resources.environment import refuse_retired_variable

Word = TypeVar("Word", bound=str)
HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="The home directory (default: $AUDIENCE_HOME, else ./home)."),
]
FromOption = Annotated[str, typer.Option("--from", help="First local day, YYYY-MM-DD.")]
ToOption = Annotated[str, typer.Option("--to", help="Last local day, YYYY-MM-DD.")]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
DayOption = Annotated[str | None, typer.Option("--day", help="One local day, YYYY-MM-DD.")]
PeriodOption = Annotated[
    str | None,
    typer.Option("--period", help="One day, ISO week or month: 2026-10-31, 2026-W44, 2026-10."),
]

_chosen: ContextVar[Home | None] = ContextVar("chosen", default=None)


def use_home(path: Path | None) -> Home:
    """The home that an option or the environment names; refuses one that has to be migrated."""
    home = choose_home(path)
    try:
        text = home.policy.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return home  # whoever reads it says so
    require_present(text, home.policy.name, f"run: audience migrate --home {home.root}")
    return home


def choose_home(path: Path | None) -> Home:
    """The home that an option or the environment names, of whatever format."""
    refuse_retired_variable()
    home = Home(path.absolute()) if path is not None else Home.from_environment()
    _chosen.set(home)
    return home


def forget_home() -> None:
    """Before a command begins: it has chosen no home yet, whatever ran before in this process."""
    _chosen.set(None)


def chosen_home() -> Home:
    """The home of the command that is running, as far as it has chosen one."""
    return _chosen.get() or Home.from_environment()


def existing_home(path: Path | None) -> Home:
    """The chosen home; refuses one that `audience init` has not made."""
    return require_installed(use_home(path))


def require_installed(home: Home) -> Home:
    """The same home; refuses one that `audience init` has not made."""
    if not home.policy.exists():
        raise ConfigurationError(
            [
                Fault(
                    str(home.root),
                    "there is no policy.yaml here",
                    "create a home with: audience init",
                )
            ]
        )
    return home


def reading_home(path: Path | None) -> Home:
    """The chosen home, or a published folder without one: enough for whoever only reads.

    Refuses what is neither.
    """
    home = use_home(path)
    if home.policy.exists() or home.public_ledger.exists():
        return home
    copy = PublishedCopy(home.root)
    return copy if copy.public_ledger.exists() else existing_home(path)


def require_extra(extra: str, module: str, what: str) -> None:
    """Refuse a command whose optional package is not installed, before it changes anything."""
    if find_spec(module) is None:
        remedy = f"install it: pip install 'audience[{extra}]'"
        raise ConfigurationError([Fault(what, f"the package {module} is not installed", remedy)])


def parse_day(text: str, option: str) -> date:
    """A calendar day; refuses anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:  # Python takes 20261101 and 2026-W45-1, too
        raise ConfigurationError([Fault(option, f"{text!r} is not a date (YYYY-MM-DD)")])
    return day


def parse_word(option: str, text: str | None, known: Sequence[Word]) -> Word | None:
    """One of a few words, None for none; refuses any other."""
    found = next((word for word in known if word == text), None)
    if text is not None and found is None:
        raise ConfigurationError([Fault(option, f"{text!r} is not one of {', '.join(known)}")])
    return found


def parse_period(day: str | None, period: str | None) -> Period | None:
    """The period that `--day` or `--period` names, None without both; refuses both at once."""
    if day and period:
        raise ConfigurationError([Fault("--period", "--day is given too", "use one of them")])
    if day:
        return Period("day", parse_day(day, "--day"))
    try:
        return Period.from_id(period) if period else None
    except ValueError:
        remedy = "write 2026-11-22, 2026-W47 or 2026-11"
        raise ConfigurationError(
            [Fault("--period", f"{period!r} is not a day, ISO week or month", remedy)]
        ) from None


def asked_selection(  # noqa: PLR0913  one argument for each filter
    campaign: Sequence[str] | None,
    advertiser: Sequence[str] | None,
    segment: Sequence[str] | None,
    *,
    period: Period | None,
    last: str | None,
    every: str | None = None,
    start: str | None = None,
    end: str | None = None,
) -> Selection:
    """What the filters of a command ask for; refuses words and days that are none."""
    return Selection(
        tuple(campaign or ()),
        tuple(advertiser or ()),
        tuple(segment or ()),
        period,
        parse_word("--last", last, KINDS),
        parse_word("--every", every, KINDS),
        parse_day(start, "--from") if start else None,
        parse_day(end, "--to") if end else None,
    )


@contextmanager
def judged(*, as_json: bool) -> Iterator[None]:
    """Report what a check of files found wrong; as JSON on stdout, or as every error is.

    Nothing is held by a check, so no message says so.
    """
    try:
        yield
    except AudienceError as error:
        message = str(error).removeprefix("held, ")
        if not as_json:
            error.args = (message,)
            raise
        from pipelines.messages.screen import print_json  # noqa: PLC0415  loads Rich: few calls need it

        reason = error.reason if isinstance(error, Held) else None
        print_json(
            {"valid": False, "reason": reason, "message": message, "exit_code": error.exit_code}
        )
        raise typer.Exit(error.exit_code) from None


def hierarchy_files(given: Sequence[str]) -> tuple[dict[str, Path], list[Fault]]:
    """The hierarchy file of each column, and what is not COLUMN=FILE."""
    files: dict[str, Path] = {}
    faults = []
    for text in given:
        column, equals, file = text.partition("=")
        if not (column and equals and file):
            faults.append(Fault(f"--hierarchy {text}", "this is not COLUMN=FILE"))
        elif column in files:
            faults.append(Fault(f"--hierarchy {text}", f"{column} already has a hierarchy"))
        else:
            files[column] = Path(file)
    return files, faults
