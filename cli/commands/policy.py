"""`audience policy`: check the configuration, and say what it promises."""

import typer

from anonymizer.model.explanation import explain, reference
from anonymizer.model.policy import Policy
from anonymizer.model.segments import Catalogue
from anonymizer.storage.home import Home
from cli.commands.common import HomeOption, existing_home
from cli.output import say
from pipelines.screen import notices, out, table

app = typer.Typer(help="Check policy.yaml and segments.yaml, and read what they promise.",
                  no_args_is_help=True)  # fmt: skip


def register(parent: typer.Typer) -> None:
    """Add the commands of this module."""
    parent.add_typer(app, name="policy")


@app.command("check")
def check_policy(home: HomeOption = None) -> None:
    """List every mistake of policy.yaml, segments.yaml and files of codes; exit 2 if any."""
    _, catalogue = load_settings(existing_home(home))
    notices().print(f"policy.yaml and segments.yaml are right: {len(catalogue):,} segments.")


@app.command("explain")
def explain_policy(home: HomeOption = None) -> None:
    """Say in plain words what the settings promise."""
    say(explain(*load_settings(existing_home(home))))


@app.command("history")
def print_history(home: HomeOption = None) -> None:
    """Say which settings apply from which day on, as the ledger keeps them."""
    from anonymizer.release.settings import SettingsTexts, read_meaning, revisions  # noqa: PLC0415
    from pipelines.release_history import open_ledger  # noqa: PLC0415  slow to import

    place = existing_home(home)
    known = revisions(open_ledger(place))
    rows = [
        (
            revision.number,
            revision.first_day or "the beginning",
            revision.digests["policy"][:16],
            revision.digests["segments"][:16],
        )
        for revision in known
    ]
    out().print(table("Settings", ("number", "applies from", "policy", "segments"), rows))
    if not known or known[-1].digests != read_meaning(SettingsTexts.in_force(place)).digests:
        notices().print(
            "The files in force are not among them yet: the next run records them, to apply from "
            "the day after the newest one that is released."
        )


@app.command("reference")
def print_reference() -> None:
    """Print the reference page of all settings, as Markdown."""
    say(reference(), nl=False)


def load_settings(home: Home) -> tuple[Policy, Catalogue]:
    """Both files. Raises one ConfigurationError with the mistakes of both, or of the files of codes
    that they name.
    """
    from anonymizer.model.codings import read_codings  # noqa: PLC0415  slow to import
    from anonymizer.release.settings import SettingsTexts, read_meaning  # noqa: PLC0415

    meaning = read_meaning(SettingsTexts.in_force(home))
    read_codings(meaning.policy.codings, home.root)
    return meaning.policy, meaning.catalogue
