"""`audience verify` and `audience check`: what is published, proved from what is published."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anonymizer.model.errors import ConfigurationError, Fault
from cli.commands.common import HomeOption, reading_home
from cli.output import say

if TYPE_CHECKING:
    from anonymizer.exports.export_check import CheckedExport
    from anonymizer.exports.file_check import CheckedFile
    from anonymizer.exports.verification import VerifiedFolder

_ENDS = ("singling_out", "linkability", "inference")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("verify")(verify)
    app.command("check")(check)


def verify(
    folder: Annotated[
        Path | None, typer.Argument(help="A published folder (default: that of the home).")
    ] = None,
    head: Annotated[
        str, typer.Option(help="A hash that was noted earlier: an entry must have it.")
    ] = "",
    home: HomeOption = None,
) -> None:
    """Prove every published byte against the ledger's public part, offline, without the home."""
    from anonymizer.exports.verification import verify_folder  # noqa: PLC0415  slow to import

    proved = verify_folder(_existing(folder or reading_home(home).published), head)
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


def unfinished_lines(proved: "VerifiedFolder") -> str:
    """What the next run completes; empty if nothing is left to do."""
    if not proved.unfinished:
        return ""
    listed = "".join(f"  - {work}\n" for work in proved.unfinished)
    return (
        "A run was interrupted. Nothing is wrong: the next run, or audience backfill, completes "
        "this:\n"
        f"{listed}"
    )


def check(
    export: Annotated[
        Path, typer.Argument(help="An export folder as it was delivered, one file of it, or a ZIP.")
    ],
    key: Annotated[
        str, typer.Option(help="Fingerprint of the provider's key, if the provider gave it.")
    ] = "",
    certificate: Annotated[
        Path | None,
        typer.Option(help="The certificate of a single file, if it is not in the same folder."),
    ] = None,
) -> None:
    """Verify an export by its certificate, or a file by its certificate or the seal inside it.

    Ends with 0 if it is as it was released; 8 if a file was changed, 9 if it was renamed, 10 if it
    belongs to another release or recipient than the certificate, 11 if there is nothing to check it
    against.
    """
    from anonymizer.exports.export_check import check_export  # noqa: PLC0415  slow to import
    from anonymizer.exports.file_check import check_file  # noqa: PLC0415
    from anonymizer.exports.package import check_package  # noqa: PLC0415

    if export.is_file() and export.suffix.lower() == ".zip":
        for checked in check_package(export, key):
            _print_export(checked, key)
    elif export.is_file():
        _print_file(check_file(export, key, certificate))
    elif export.is_dir():
        _print_export(check_export(export, key), key)
    else:
        problem = "there is no such folder or file"
        raise ConfigurationError([Fault(str(export), problem, "name one that exists")])


def _print_file(checked: "CheckedFile") -> None:
    say(
        f"{checked.file} is as {checked.provider} released it: {checked.release}, for "
        f"{checked.recipient}.\n"
    )
    if checked.correction:
        say(f"{checked.correction}.\n")
    say(f"Compared: {checked.against}.\nNot known from this file:")
    for unknown in checked.unknown:
        say(f"  - {unknown}")
    say(f"\nSealed with key {checked.key}")


def _print_export(checked: "CheckedExport", key: str) -> None:
    from anonymizer.exports.certificate import stated_in  # noqa: PLC0415  slow to import

    certificate = checked.certificate
    say(
        f"{checked.files} files of {certificate['release']} for {certificate['recipient']} are "
        f"as {certificate['provider']} released them.\n"
    )
    for accepted in stated_in(certificate).values():
        say(f"  {accepted['in_words']}\n")
    if checked.correction:
        say(f"{checked.correction}.\n")
    for sentence in certificate["promise"]:
        say(f"  {sentence}")
    for name in _ENDS:
        asked = certificate["opinion_05_2014"][name]
        say(f"\n{asked['question']}\n  {asked['answer']}")
        say(f"  Not promised: {asked['not_promised']}")
    say(f"\nSealed with key {checked.key}")
    if not key:
        say(
            "Compare it with the fingerprint that the provider gave you, or give that one with "
            "--key."
        )


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise ConfigurationError([Fault(str(folder), "is not a folder", "name one that exists")])
    return folder
