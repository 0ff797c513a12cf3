"""`audience policy`: check the configuration, and say what it promises."""

import typer

from anonymizer.errors import ConfigurationError, Fault
from anonymizer.explanation import explain, reference
from anonymizer.home import Home
from anonymizer.policy import Policy
from anonymizer.segments import Catalogue, load_catalogue
from pipelines.commands.common import HomeOption, existing_home
from pipelines.screen import notices

app = typer.Typer(help="Check policy.yaml and segments.yaml, and read what they promise.",
                  no_args_is_help=True)  # fmt: skip


def register(parent: typer.Typer) -> None:
    """Add the commands of this module."""
    parent.add_typer(app, name="policy")


@app.command("check")
def check_policy(home: HomeOption = None) -> None:
    """List every mistake of policy.yaml and segments.yaml with its place; exit 2 if any."""
    _, catalogue = load_settings(existing_home(home))
    notices().print(f"policy.yaml and segments.yaml are right: {len(catalogue):,} segments.")


@app.command("explain")
def explain_policy(home: HomeOption = None) -> None:
    """Say in plain words what the settings promise."""
    typer.echo(explain(*load_settings(existing_home(home))))


@app.command("reference")
def print_reference() -> None:
    """Print the reference page of all settings, as Markdown."""
    typer.echo(reference(), nl=False)


def load_settings(home: Home) -> tuple[Policy, Catalogue]:
    """Both files. Raises one ConfigurationError with the mistakes of both."""
    faults: list[Fault] = []
    try:
        policy = Policy.load(home.policy)
    except ConfigurationError as error:
        faults += error.faults
    try:
        catalogue = load_catalogue(home.segments)
    except ConfigurationError as error:
        faults += error.faults
    if faults:
        raise ConfigurationError(faults)
    return policy, catalogue
