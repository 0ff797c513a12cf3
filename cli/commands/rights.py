"""`audience rights`: file a person's request and say what follows from it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.rights.rights import access, explain, file_request, look_up
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from cli.commands.common import HomeOption, JsonOption, existing_home
from cli.output import say
from pipelines.messages.screen import notices
from pipelines.resources.release_history import open_ledger, released_days

if TYPE_CHECKING:
    from pipelines.resources.resources import Installation

app = typer.Typer(help="A person's rights: file requests and follow them up.",
                  no_args_is_help=True)  # fmt: skip
# As `anonymizer.intake.objection_report` has it, which is slow to import.
Treatment = Literal["access", "correct", "erase", "withdraw", "ignored"]
UserOption = Annotated[
    str, typer.Option("--user", help="The person's user id; it is written to raw/requests only.")
]


def register(parent: typer.Typer) -> None:
    """Add the commands of this module."""
    parent.add_typer(app, name="rights")


@app.command("withdraw")
def withdraw(user: UserOption, home: HomeOption = None) -> None:
    """File a withdrawal: the person counts in no later figure until they consent again."""
    _file(existing_home(home), "withdraw", user)


@app.command("erase")
def erase(user: UserOption, home: HomeOption = None) -> None:
    """File an erasure: the person never counts in a later figure again."""
    _file(existing_home(home), "erase", user)


@app.command("correct")
def correct(user: UserOption, home: HomeOption = None) -> None:
    """File a request for correction of a profile."""
    _file(existing_home(home), "correct", user)


@app.command("access")
def show_held(user: UserOption, home: HomeOption = None) -> None:
    """File an access request and show what is held about the person, by category."""
    place = existing_home(home)
    policy, secret = Policy.load(place.policy), Secret.of(place)
    _file(place, "access", user)

    say(access(place, policy, secret, user).render())


@app.command("review")
def review(
    decide: Annotated[
        list[str] | None,
        typer.Option("--decide", help="FILE:ROW of this list to decide about; may be repeated."),
    ] = None,
    treatment: Annotated[
        Treatment | None, typer.Option("--as", help="What the rows count as from the next run on.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="The reason, in one sentence that names no one.")
    ] = None,
    user: Annotated[
        str | None,
        typer.Option("--user", help="Whose row it is, if its user id cannot be read."),
    ] = None,
    everything: Annotated[  # noqa: FBT002  Typer declares flags as boolean parameters
        bool, typer.Option("--all", help="Also list decided rows.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """List rows of requests and consents that cannot be read, or decide what they count as."""
    from pipelines.stages import objection_report  # noqa: PLC0415  loads Dagster

    installation = _installation(home)
    if not (decide or treatment or reason or user):
        objection_report.print_unread(installation, everything=everything, as_json=as_json)
        return
    if not (decide and treatment and reason):
        raise ConfigurationError(
            [Fault("--decide", "a decision needs --decide, --as and --reason", "give all three")]
        )
    say(objection_report.decide(installation, decide, treatment, reason, datetime.now(UTC), user))


@app.command("list")
def list_requests(
    unfinished: Annotated[  # noqa: FBT002  Typer declares flags as boolean parameters
        bool, typer.Option("--open", help="Leave out finished requests.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """List requests by file and row: requested, due, done, and the first release they affect."""
    from pipelines.stages import objection_report  # noqa: PLC0415  loads Dagster

    installation = _installation(home)
    now = datetime.now(UTC)
    objection_report.print_requests(installation, now, unfinished=unfinished, as_json=as_json)


@app.command("done")
def finish_request(
    request: Annotated[str, typer.Argument(metavar="FILE:ROW", help="As in `rights list`.")],
    reason: Annotated[str, typer.Option(help="What was done, in one sentence that names no one.")],
    home: HomeOption = None,
) -> None:
    """Record that a request is answered, or that a request that matches no one is resolved."""
    from pipelines.stages import objection_report  # noqa: PLC0415  loads Dagster

    installation = _installation(home)
    say(objection_report.finish_request(installation, request, reason, datetime.now(UTC)))


def _installation(home: Path | None) -> "Installation":
    from pipelines.resources.resources import Installation  # noqa: PLC0415  loads Dagster: filing needs none

    return Installation.of(existing_home(home))


def _file(home: Home, kind: Literal["access", "correct", "erase", "withdraw"], user: str) -> None:
    policy = Policy.load(home.policy)
    filed = file_request(home, kind, user, datetime.now(UTC))
    say(f"Request {filed.request_id} filed in {filed.path}.")
    say(explain(kind, policy, _first_affected(home)))
    known = look_up(home, policy, user)
    if not known.found:
        notices().print(
            "No consent and no profile has this id: check its spelling. The request is filed "
            "anyway, and applies if the person appears later.",
            style="yellow",
        )
    for place in known.unsearched:
        notices().print(f"Not searched: {place}", style="yellow")


def _first_affected(home: Home) -> Period | None:
    """The earliest day that is not released yet, as far as that can be known."""
    from cli.backlog import unreleased_days  # noqa: PLC0415  loads the solver: only filing needs it

    released = released_days(open_ledger(home))
    following = max(released) + timedelta(days=1) if released else None
    candidates = [*unreleased_days(home), *([following] if following else [])]
    return Period("day", min(candidates)) if candidates else None
