"""`audience segment-request`: segments that readers of the portal request, decided on."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from anonymizer.model.policy import Policy
from anonymizer.release.corrections import Who
from anonymizer.release.segment_decisions import (
    COMMAND,
    approve_segment,
    reject_segment,
    segment_states,
)
from anonymizer.storage.secret import Secret
from cli.commands.common import HomeOption, JsonOption, existing_home, parse_period
from cli.commands.whatif import PRIVATE, PeriodsOption, SeriesOption, tell_effect
from cli.decidable_requests import find_request, request_effects, request_rows
from cli.output import say
from cli.setting_trials import require_officer
from pipelines.messages.screen import Listing, notices, print_json, show
from pipelines.resources.release_history import open_ledger

if TYPE_CHECKING:
    from anonymizer.model.request_state import SegmentState

RequestArgument = Annotated[str, typer.Argument(help="The id of a request, as listed.")]
ReasonOption = Annotated[
    str, typer.Option(help="The reason, in one sentence that advertisers read, without numbers.")
]
app = typer.Typer(help="Decide on segments that readers of the portal have requested.",
                  no_args_is_help=True)  # fmt: skip


def register(parent: typer.Typer) -> None:
    """Add the commands of this module."""
    parent.add_typer(app, name="segment-request")


@app.command("list")
def list_requests(
    *,
    still_open: Annotated[
        bool, typer.Option("--open", help="Only those that wait for a decision.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List requested segments, who requested them, and what was decided."""

    rows = request_rows(existing_home(home), still_open=still_open)
    columns = (
        "id",
        "time (UTC)",
        "login",
        "advertisers",
        "segment",
        "state",
        "first day",
        "reason",
    )
    show(Listing("Requested segments", columns, rows), as_json=as_json)


@app.command("show")
def show_request(
    request: RequestArgument,
    period: PeriodsOption = None,
    series: SeriesOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """What a requested segment would add, and what it would cause to be suppressed.

    Computed in this process from the private counts of released periods (default: the last two
    weeks, or days); nothing is written. Only for logins that may approve settings.
    """
    place = existing_home(home)
    ledger = open_ledger(place)
    require_officer(place, ledger, COMMAND)
    wanted = find_request(place, request)
    periods = [one for one in (parse_period(None, text) for text in period or ()) if one]
    known, effects = request_effects(place, wanted, periods, series)
    notices().print(PRIVATE)
    if as_json:
        print_json({"request": asdict(wanted), "effects": [asdict(effect) for effect in effects]})
        return
    words = wanted.composed.words(known.catalogue.dimensions)
    say(f"{request}: {words.english} [{wanted.segment}], requested by {wanted.login}.")
    if members := wanted.composed.members(known.catalogue.dimensions).english:
        say(f"  joins: {members}")
    for effect in effects:
        tell_effect(effect)


@app.command("approve")
def approve_request(
    request: RequestArgument, reason: ReasonOption, home: HomeOption = None
) -> None:
    """Approve a requested segment; with the approval of a second login it joins the catalogue.

    Each login has a role in the settings recorded last (privacy_officer or data_engineer), one of
    them is a privacy officer. Until both have approved, runs go on without the segment. Then it is
    added to segments.yaml and recorded, and periods that begin after all released ones have it.
    """

    place = existing_home(home)
    ledger, wanted = open_ledger(place), find_request(place, request)
    who = Who.runs(Policy.load(place.policy).roles)
    change = approve_segment(place, ledger, Secret.of(place), who, request, wanted.composed, reason)
    if not change.takes_effect:
        say(
            f"{len(change.approvers)} of {change.needed} approvals exist. A second login, so that "
            "one is a privacy officer, approves with:\n"
            f'  audience segment-request approve {request} --reason "..."'
        )
        return
    state = segment_states(ledger.entries())[request]
    say(f"The segment is in segments.yaml{_applies(state)}.")


@app.command("reject")
def reject_request(request: RequestArgument, reason: ReasonOption, home: HomeOption = None) -> None:
    """Reject a requested segment, for good; a login that may approve settings decides alone."""

    place = existing_home(home)
    find_request(place, request)
    who = Who.runs(Policy.load(place.policy).roles)
    reject_segment(place, open_ledger(place), Secret.of(place), who, request, reason)
    say(f"The request {request} is rejected. The portal states the reason.")


def _applies(state: "SegmentState") -> str:
    if state.first_day is None:
        return " and applies to every period"
    return f" and applies to periods that begin on {state.first_day} or later"
