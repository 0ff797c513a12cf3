"""`audience policy`: check the configuration, say what it promises, approve a weaker promise."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

import typer

from anonymizer.model.codings import read_codings
from anonymizer.model.errors import AudienceError, ConfigurationError, Fault, gathered_into
from anonymizer.model.explanation import explain, reference
from anonymizer.model.policy import Policy
from anonymizer.model.segments import Catalogue
from anonymizer.model.strictness import may_decide
from anonymizer.release.corrections import Who
from anonymizer.release.settings import SettingsTexts, read_meaning, revisions
from anonymizer.release.settings_change import (
    OFFICER,
    SettingsChange,
    approve_settings,
    settings_change,
    who_approves,
)
from anonymizer.sources.source_catalogue import load_sources
from anonymizer.sources.source_zone import SourceZone
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from cli.commands.common import HomeOption, JsonOption, existing_home, judged
from cli.output import say
from pipelines.messages.screen import Listing, notices, print_json, show
from pipelines.resources.release_history import open_ledger

_DIGEST = 16  # characters of a digest that are listed
app = typer.Typer(help="Check policy.yaml and segments.yaml, and explain what they promise.",
                  no_args_is_help=True)  # fmt: skip


def register(parent: typer.Typer) -> None:
    """Add the commands of this module."""
    parent.add_typer(app, name="policy")


@app.command("check")
def check_policy(
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """List every mistake of policy, segments, sources and files of codes; exit 2 if any.

    Valid settings that weaken the promise are listed: runs are held until they are approved.
    """
    place = existing_home(home)
    with judged(as_json=as_json):
        _, catalogue = load_settings(place)
    change, problem = None, ""
    try:
        change = settings_change(place, open_ledger(place).entries())
    except AudienceError as error:
        problem = f"They cannot be compared with the settings recorded last: {error}"
    if as_json:
        compared = _as_json(change) if change else {"held": None, "message": problem}
        print_json({"valid": True, "exit_code": 0, "segments": len(catalogue), **compared})
        return
    notices().print(f"policy.yaml and segments.yaml are valid: {len(catalogue):,} segments.")
    if problem:
        notices().print(problem)
    elif change and change.weakenings:
        _tell_change(change)


@app.command("explain")
def explain_policy(
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """Explain in plain words what the settings promise."""
    text = explain(*load_settings(existing_home(home)))
    if as_json:
        paragraphs = (paragraph.split(". ", 1) for paragraph in text.strip().split("\n\n"))
        print_json([{"subject": subject, "text": words} for subject, words in paragraphs])
        return
    say(text)


@app.command("history")
def print_history(
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """List which settings apply from which day on, as the ledger recorded them."""
    place = existing_home(home)
    ledger = open_ledger(place)
    known = revisions(ledger)
    rows = [
        (
            revision.number,
            revision.first_day or "the beginning",
            revision.digests["policy"][:16],
            revision.digests["segments"][:16],
        )
        for revision in known
    ]
    columns = ("number", "applies from", "policy", "segments")
    show(Listing("Settings", columns, rows), as_json=as_json)
    if not settings_change(place, ledger.entries()).takes_effect:
        notices().print(
            "The present settings make the promise weaker and are not approved, so every run is "
            "held: audience policy approve"
        )
    elif not known or known[-1].digests != read_meaning(SettingsTexts.in_force(place)).digests:
        notices().print(
            "The present settings are not among them yet: the next run records them, and they "
            "apply from the day after the newest released one."
        )


@app.command("approve")
def approve_policy(
    reason: Annotated[
        str | None, typer.Option(help="The reason, in one sentence that everyone can read.")
    ] = None,
    digest: Annotated[
        str, typer.Option(help="Approve only the settings with this digest, as listed.")
    ] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """Approve settings that weaken the promise; without --reason, list them.

    Such settings take effect once two logins have approved them, each with a role in the settings
    recorded last (privacy_officer or data_engineer), one of them a privacy officer. Until then
    every run is held. The approvals are valid for exactly these settings. While a privacy officer
    is the only login that may approve, that login alone can approve a change of roles.
    """
    place = existing_home(home)
    ledger = open_ledger(place)
    if reason is None:
        change = settings_change(place, ledger.entries())
    else:
        who = Who.runs(Policy.load(place.policy).roles)
        change = approve_settings(place, ledger, Secret.of(place), who, reason, digest)
    if as_json:
        print_json(_as_json(change))
    else:
        _tell_change(change)


def _as_json(change: SettingsChange) -> Mapping[str, object]:
    """What weakens the promise, and whether a run may go by it; logins are not listed."""
    return {
        "weaker": [asdict(weakening) for weakening in change.weakenings],
        "digest": change.after.digest[:_DIGEST] if change.weakenings else None,
        "approvals": len(change.approvers),
        "needed": change.needed if change.weakenings else 0,
        "held": not change.takes_effect,
    }


def _tell_change(change: SettingsChange) -> None:
    if not change.weakenings:
        say("The settings are no weaker than those recorded last: nothing to approve.")
        return
    say(f"Weaker than the settings recorded last (digest {change.after.digest[:_DIGEST]}):")
    for weakening in change.weakenings:
        say(f"  {weakening}")
    if change.takes_effect:
        say("They are approved: the next run records them.")
        return
    say(f"Every run is held. {len(change.approvers)} of {change.needed} approvals exist.")
    logins = may_decide(change.deciding)
    if len(logins) < change.needed or not change.deciding.logins.get(OFFICER):
        say(
            f"They cannot be approved yet: {len(logins)} of {change.needed} logins may approve. "
            f"Name the logins of a {OFFICER} and of another {OFFICER} or data_engineer under roles "
            "in policy.yaml, or take the weaker settings back."
        )
        return
    say(
        f"{who_approves(change)} approves with:\n"
        f'  audience policy approve --digest {change.after.digest[:_DIGEST]} --reason "..."'
    )


@app.command("reference")
def print_reference() -> None:
    """Print the reference page of all settings, as Markdown."""
    say(reference(), nl=False)


def load_settings(home: Home) -> tuple[Policy, Catalogue]:
    """Both files. Raises one ConfigurationError with the mistakes of these and of sources.yaml, or
    of the files of codes that they name.
    """
    faults: list[Fault] = []
    meaning = None
    with gathered_into(faults):
        meaning = read_meaning(SettingsTexts.in_force(home))
    with gathered_into(faults):
        load_sources(home)
    if faults or meaning is None:
        raise ConfigurationError(faults)
    read_codings(meaning.policy.codings, home.root)
    SourceZone.of(home)
    return meaning.policy, meaning.catalogue
