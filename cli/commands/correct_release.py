"""`audience correct-release`: a release that was made from wrong input."""

import sys
from typing import Annotated

import typer

from anonymizer.exports.previous_release import sentence_on_repeats
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.policy import Policy
from anonymizer.model.series import CAMPAIGN_DAY
from anonymizer.release.corrections import CorrectionOrder, Who, approve, cancel, period_of
from anonymizer.release.settings_change import roles_in_force
from anonymizer.storage.home import Home
from anonymizer.storage.permissions import account_name
from anonymizer.storage.secret import Secret
from cli.commands.common import HomeOption, existing_home
from cli.correction_orders import containing_periods, order_correction
from cli.output import say
from cli.period_runs import release_days, release_stretch
from pipelines.resources.release_history import open_ledger
from pipelines.resources.resources import Installation
from pipelines.stages.period_release import newest_objections


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("correct-release")(correct_release)


def correct_release(
    release: Annotated[str, typer.Argument(help="A release, as in `ledger list`.")],
    reason: Annotated[
        str, typer.Option(help="The reason, in one sentence that everyone can read.")
    ],
    *,
    approve: Annotated[
        bool, typer.Option("--approve", help="Approve one more correction, without making it.")
    ] = False,
    cancel: Annotated[
        bool,
        typer.Option("--cancel", help="Cancel a correction that is ordered and not yet released."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    home: HomeOption = None,
) -> None:
    """Release a period again from corrected input, beside the first release.

    The stages of the period run again, with the objections of today and the settings of the
    period. A figure changes only where enough people differ. The first release stays as it is,
    with a notice beside its exports. More than one correction of a period needs the approval of a
    privacy officer.
    """
    place = existing_home(home)
    if approve and cancel:
        problem = "the two exclude each other"
        raise ConfigurationError([Fault("--approve and --cancel", problem, "give one of them")])
    if approve or cancel:
        (_approve if approve else _cancel)(place, release, reason)
        return

    _confirm(release, asked=not yes)
    installation = Installation.of(place)
    order = order_correction(installation, release, reason)
    code = _run(place, order)
    _tell(installation, order)
    raise typer.Exit(code)


def _approve(home: Home, release: str, reason: str) -> None:
    ledger = open_ledger(home)
    who = Who.runs(roles_in_force(ledger.entries(), Policy.load(home.policy).roles))
    wanted = approve(release, reason, home, ledger, Secret.of(home), who)
    say(
        f"{wanted} is approved. A login other than yours releases it with:\n"
        f'  audience correct-release {release} --reason "..."'
    )


def _cancel(home: Home, release: str, reason: str) -> None:
    ledger, secret = open_ledger(home), Secret.of(home)
    order = cancel(release, reason, home, ledger, secret, account_name())
    say(
        f"{order.release} is cancelled: {order.corrects} stays as it was released, and runs of "
        "its period continue without a correction. A correction can be ordered again, under "
        "another number."
    )


def _confirm(release: str, *, asked: bool) -> None:
    if not asked:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError(
            [Fault("--yes", "there is no terminal to ask for confirmation", "add --yes")]
        )
    say(
        f"The period of {release} is released again from the files that are in raw/ now. The first "
        "release stays, with a notice beside its exports. This cannot be undone."
    )
    typer.confirm("Are the files right, and should the release be corrected?", abort=True)


def _run(home: Home, order: CorrectionOrder) -> int:
    """Run the period; the exit code. Today's objections are taken in before a longer one."""
    series, period = period_of(order.release)
    if series == CAMPAIGN_DAY:
        return release_days(home, period.end, period.end)
    newest = newest_objections(home)
    if newest and (code := release_days(home, newest, newest)):
        return code
    return release_stretch(home, series, period)


def _tell(installation: Installation, order: CorrectionOrder) -> None:
    series, period = period_of(order.release)
    if installation.ledger().find_release(order.release) is None:
        say(
            f"{order.release} is ordered and not released yet; the reason is above. Resolve it "
            "and run the same command again, or cancel the order with:\n"
            f'  audience correct-release {order.corrects} --cancel --reason "..."'
        )
        return
    say(
        f"{order.release} corrects {order.corrects}. The exports of {order.corrects} have a notice "
        "that names it; tell the advertisers to use the new folder."
    )
    entries = installation.ledger().entries()
    records = [(entry.kind, entry.subject, entry.body) for entry in entries]
    if line := sentence_on_repeats(order.corrects, records):
        say(f"{line}.")
    if series == CAMPAIGN_DAY and (
        wrong := containing_periods(installation, period.end, order.release)
    ):
        say("These releases also contain the wrong day and are not corrected by this command:")
        for name in wrong:
            say(f"  {name}")
