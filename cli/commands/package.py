"""`audience package`: what an advertiser gets for a period, in one ZIP file."""

from pathlib import Path
from typing import Annotated

import typer

from anonymizer.exports.package import package
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.storage.files import PUBLIC, write_bytes
from anonymizer.storage.permissions import require_paths
from cli.commands.common import HomeOption, JsonOption, parse_period, reading_home
from cli.output import say, warn
from pipelines.messages.screen import print_json
from pipelines.resources.release_history import open_history


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("package")(write_package)


def write_package(
    advertiser: Annotated[
        str, typer.Argument(help="Advertiser id, as `audience exports` lists it; _all: for all.")
    ],
    period: Annotated[
        str, typer.Argument(help="A day, week or month: 2026-11-22, 2026-W47, 2026-11.")
    ],
    out: Annotated[
        Path, typer.Option(help="The folder to write <advertiser>_<period>.zip into.")
    ] = Path(),
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """Write all files of an advertiser and period into one ZIP file, checked before.

    If the period was corrected, the ZIP file has the correction. A withdrawn release is refused. A
    warning names each workbook that compares with a period that was withdrawn or corrected since.
    Nothing is kept in the home; `audience check` verifies the ZIP file.
    """
    chosen = parse_period(None, period)
    if chosen is None:
        raise ConfigurationError([Fault("PERIOD", "it is empty", "such as 2026-W47")])
    place = reading_home(home)
    records = [(entry.kind, entry.subject, entry.body) for entry in open_history(place).entries()]
    made = package(advertiser, chosen, place, records)
    path = out / made.name
    require_paths([path])
    write_bytes(made.content, path, mode=PUBLIC)
    for export in made.exports:
        if export.correction:
            warn(export.correction)
    for line in made.outdated:
        warn(line)
    releases = [str(export.certificate["release"]) for export in made.exports]
    files = sum(export.files for export in made.exports)
    if as_json:
        corrections = [export.correction for export in made.exports if export.correction]
        warnings = [*corrections, *made.outdated]
        print_json({"path": str(path), "files": files, "releases": releases, "warnings": warnings})
        return
    say(f"{path} contains {files} files of {', '.join(releases)}, and the certificate.")
