"""`audience check`: one export or file, proved by what was delivered with it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from anonymizer.exports.certificate import stated_in
from anonymizer.exports.export_check import CheckedExport, check_export
from anonymizer.exports.file_check import CheckedFile, check_file
from anonymizer.exports.package import check_package
from anonymizer.model.errors import ConfigurationError, Fault
from cli.commands.common import JsonOption, judged
from cli.output import say
from pipelines.messages.screen import print_json

_ENDS = ("singling_out", "linkability", "inference")


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("check")(check)


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
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """Verify an export by its certificate, or a file by its certificate or the seal inside it.

    Ends with 0 if it is as it was released; 8 if a file was changed, 9 if it was renamed, 10 if it
    belongs to another release or recipient than the certificate, 11 if there is nothing to check it
    against.
    """
    with judged(as_json=as_json):
        found = _checked(export, key, certificate)
    if as_json:
        exports = [_as_json(one) for one in found]
        print_json({"valid": True, "exit_code": 0, "checked": exports})
        return
    for one in found:
        if isinstance(one, CheckedFile):
            _print_file(one)
        else:
            _print_export(one, key)


def _checked(
    export: Path, key: str, certificate: Path | None
) -> Sequence[CheckedExport | CheckedFile]:
    if export.is_file() and export.suffix.lower() == ".zip":
        return check_package(export, key)
    if export.is_file():
        return (check_file(export, key, certificate),)
    if export.is_dir():
        return (check_export(export, key),)
    problem = "there is no such folder or file"
    raise ConfigurationError([Fault(str(export), problem, "name one that exists")])


def _as_json(checked: CheckedExport | CheckedFile) -> Mapping[str, object]:
    """What was checked, by the same keys for an export (its files) and a file (its name)."""
    if isinstance(checked, CheckedFile):
        return asdict(checked)
    stated = checked.certificate
    return {
        "files": checked.files,
        **{name: stated[name] for name in ("provider", "recipient", "release")},
        "key": checked.key,
        "correction": checked.correction,
        "certificate": stated,
    }


def _print_file(checked: CheckedFile) -> None:
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


def _print_export(checked: CheckedExport, key: str) -> None:

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
