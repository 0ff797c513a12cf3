"""`audience accept`: a day that is held as implausible, and is valid all the same."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from cli.commands.common import HomeOption, JsonOption, existing_home, parse_day
from cli.output import say
from pipelines.messages.screen import print_json
from pipelines.resources.release_history import open_ledger
from pipelines.stages.implausible_days import (
    ImplausibleDay,
    accept_day,
    implausible_days,
    require_acceptor,
)
from pipelines.stages.plausibility_gate import DIGITS_OF_FILES, explained, next_step


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("accept")(accept)


def accept(
    day: Annotated[
        str | None, typer.Option("--day", help="The held local day, YYYY-MM-DD.")
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option(help="Why the day is valid, in one sentence that everyone can read."),
    ] = None,
    digest: Annotated[
        str, typer.Option(help="Accept only the files with this digest, as listed.")
    ] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """Accept a day that is held as implausible; without --reason, list such days.

    If policy.yaml names roles, two logins with the role privacy_officer or data_engineer accept the
    same files: the first one releases nothing. Without roles one login accepts. The ledger records
    who did and in which role, and why; the day's certificates state roles and reasons. It counts
    for the files as they were taken in: a new delivery is compared again.
    """
    place = existing_home(home)
    local_day = parse_day(day, "--day") if day is not None else None
    if reason is None:
        require_acceptor(place, open_ledger(place))
        found = implausible_days(place, open_ledger(place))
        chosen = [one for one in found if local_day in {None, one.day}]
        _list(place, chosen, as_json=as_json)
        return
    if local_day is None:
        raise ConfigurationError([Fault("--day", "is missing", "name the day that is accepted")])
    with exclusive(place):
        done = accept_day(place, open_ledger(place), local_day, reason, datetime.now(UTC), digest)
    if as_json:
        print_json(_as_json(done))
    else:
        _tell(place, done)


def _list(place: Home, found: list[ImplausibleDay], *, as_json: bool) -> None:
    if as_json:
        print_json([_as_json(one) for one in found])
        return
    for one in found:
        given, needed = one.state.given, one.state.needed
        digest = one.digest[:DIGITS_OF_FILES]
        say(f"{one.day} (digest {digest}): {given} of {needed} acceptances exist.")
        if one.is_released:
            say("The day is released, which is final; weeks and months that contain it wait.")
        say(explained(place, one.day, one.odd, one.state))
    if not found:
        say("No day waits for an acceptance.")


def _tell(place: Home, done: ImplausibleDay) -> None:
    if not done.state.is_complete:
        say(
            f"{done.day} is accepted by one of two, and is held until "
            f"{next_step(place, done.day, done.state)}"
        )
        return
    say(
        f"{done.day} is accepted with {len(done.odd)} measure(s) out of their limits. Release it "
        f"with:\n  audience run --from {done.day} --to {done.day}"
    )


def _as_json(one: ImplausibleDay) -> dict[str, object]:
    """The day for programs; no login is listed."""
    firsts = [
        {name: entry.body[name] for name in ("role", "accepted_on", "reason")}
        for entry in one.state.firsts
    ]
    return {
        "day": one.day.isoformat(),
        "digest": one.digest,
        "measures": [asdict(deviation) for deviation in one.odd],
        "acceptances": one.state.given,
        "needed": one.state.needed,
        "accepted_by_one": firsts,
        "released": one.is_released,
        "accepted": one.state.is_complete,
    }
