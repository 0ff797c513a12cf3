"""`audience init`: a new home, with settings to edit and a key."""

import re
import sys
from datetime import date, datetime
from importlib.resources import files
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.policy import Timing
from anonymizer.storage.files import PUBLIC, make_folder, write_bytes
from anonymizer.storage.home import Home
from anonymizer.storage.permissions import require_paths
from anonymizer.storage.secret import Secret, is_kept_elsewhere
from cli.commands.common import (
    HomeOption,
    parse_day,
    use_home,
)
from pipelines.messages.screen import notices
from pipelines.partitions.landed_days import landed_range

_FIRST_DAY = re.compile(r"^( +first_day: )\S+", re.MULTILINE)


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("init")(init)


def init(
    home: HomeOption = None,
    first_day: Annotated[
        str | None,
        typer.Option(
            help="First local day to release (default: earliest landed day, else today; "
            "asked for on a terminal)."
        ),
    ] = None,
) -> None:
    """Make a home: commented policy, segments, sources, deliveries, and a new secret key."""
    place = use_home(home)
    refuse_existing(place)
    begin = parse_day(first_day, "--first-day") if first_day else _ask_first_day(place)
    made = create_home(place, begin)
    notices().print(
        f"The first day to be released is {begin} (timing.first_day in policy.yaml). Earlier days "
        "are never run."
    )
    key = "the key" if is_kept_elsewhere() else made.secret.name
    notices().print(
        f"Made {made.root}. Keep a backup of {key} apart from the ledger's backup: without the "
        "key nothing can be released again."
    )


def _ask_first_day(home: Home) -> date:
    """The earliest landed day, today without any; on a terminal somebody is asked."""
    landed = landed_range(home)
    suggested = landed[0] if landed else datetime.now(ZoneInfo(Timing().timezone)).date()
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return suggested
    question = "First local day to release, YYYY-MM-DD"
    answer = typer.prompt(question, default=suggested.isoformat(), err=True)
    return parse_day(str(answer).strip(), "first day")


def refuse_existing(home: Home) -> None:
    """Raise ConfigurationError when a file of settings or the secret is there."""
    files_of_home = (home.policy, home.segments, home.sources, home.deliveries, home.secret)
    taken = [path for path in files_of_home if path.exists()]
    if taken:
        raise ConfigurationError(
            [Fault(str(path), "exists already", "nothing was written") for path in taken]
        )


def create_home(home: Home, first_day: date | None = None) -> Home:
    """Write the files of settings and the secret. Refuses when any of them is there."""
    refuse_existing(home)
    require_paths([home.policy])
    make_folder(home.raw, PUBLIC)
    for path in (home.policy, home.segments, home.sources, home.deliveries):
        default = files("anonymizer") / "defaults" / path.name
        write_bytes(default.read_bytes(), path, mode=PUBLIC)
    if first_day:
        set_first_day(home, first_day)
    if is_kept_elsewhere():
        Secret.of(home)
    else:
        Secret.create(home.secret)
    return home


def set_first_day(home: Home, day: date) -> bool:
    """Change `timing.first_day` in a policy that has it on a line of its own; whether it has."""
    text = home.policy.read_text(encoding="utf-8")
    changed, lines = _FIRST_DAY.subn(rf"\g<1>{day}", text, count=1)
    if lines:
        home.policy.write_text(changed, encoding="utf-8")
    return bool(lines)
