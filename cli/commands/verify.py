"""`audience verify`: what is published, proved from what is published."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from anonymizer.exports.verification import VerifiedFolder, verify_folder
from anonymizer.model.errors import ConfigurationError, Fault
from cli.commands.common import HomeOption, JsonOption, judged, reading_home
from cli.output import say
from pipelines.messages.screen import print_json


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("verify")(verify)


def verify(
    folder: Annotated[
        Path | None, typer.Argument(help="A published folder (default: that of the home).")
    ] = None,
    head: Annotated[
        str, typer.Option(help="A hash that was noted earlier: an entry must have it.")
    ] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """Prove every published byte against the ledger's public part, offline, without the home."""
    with judged(as_json=as_json):
        proved = verify_folder(_existing(folder or reading_home(home).published), head)
    if as_json:
        print_json(as_document(proved))
        return
    say(
        f"{proved.entries} entries, {proved.releases} releases, {proved.files} files and the "
        f"database are as they were released.\n"
        + "".join(
            f"Of these, {release} was withdrawn: {reason}\n"
            for release, reason in proved.withdrawn.items()
        )
        + "".join(
            f"Of these, {release} was corrected by {by}\n"
            for release, by in proved.corrected.items()
        )
        + "".join(f"{release}: {words}\n" for release, words in proved.accepted.items())
        + unfinished_lines(proved)
        + f"The chain ends with {proved.head}\n"
        "Keep this hash: with --head anyone can verify later that nothing before it was "
        "replaced."
    )


def as_document(proved: VerifiedFolder) -> Mapping[str, object]:
    """What was proved, as JSON; `unfinished` is what the next run completes."""
    return {"valid": True, "exit_code": 0, **asdict(proved)}


def unfinished_lines(proved: VerifiedFolder) -> str:
    """What the next run completes; empty if nothing is left to do."""
    if not proved.unfinished:
        return ""
    listed = "".join(f"  - {work}\n" for work in proved.unfinished)
    return (
        "A run was interrupted. Nothing is wrong: the next run, or audience backfill, completes "
        "this:\n"
        f"{listed}"
    )


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise ConfigurationError([Fault(str(folder), "is not a folder", "name one that exists")])
    return folder
