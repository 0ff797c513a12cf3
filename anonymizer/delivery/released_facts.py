"""What notices say of an export: names, periods and how many figures, from its own proved files.

A notice depends on what is released for its recipient alone: nothing else is read.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass

from anonymizer.delivery.delivery_changes import Change
from anonymizer.exports.circulation import RecordedExport
from anonymizer.exports.export_files import ExportFiles


@dataclass(frozen=True)
class ReleasedFacts:
    """`figures` is how many published figures each subject has; `subjects` are their names.

    `recipient` is the name of the advertiser, empty where the export is for every one.
    """

    provider: str
    recipient: str
    subjects: Mapping[str, str]
    figures: Mapping[str, int]


def facts_of(change: Change, files: ExportFiles) -> ReleasedFacts | None:
    """The facts of the figures in force; None where there are none any more.

    Raises Held `export_edited` where a file is not as the ledger recorded it.
    """
    export = change.export if change.event == "released" else change.instead
    return released_facts(export, files) if export and export.has_files else None


def released_facts(export: RecordedExport, files: ExportFiles) -> ReleasedFacts:
    """The facts of an export that has files. Raises Held `export_edited`."""
    manifest = files.manifest(export)
    owners, subjects = files.subjects_of(export), manifest.get("subjects", {})
    figures = dict.fromkeys(subjects, 0)
    for name, subject in owners.items():
        if name.endswith(".parquet") and subject in figures:
            figures[subject] += _figures_in(files.content(export, name))
    advertiser = manifest.get("advertiser") or {}
    provider = str(files.certificate(export)["provider"])
    return ReleasedFacts(provider, advertiser.get("name", ""), subjects, figures)


def _figures_in(content: bytes) -> int:
    """How many rows of a table have a figure."""
    import pyarrow.parquet as pq  # noqa: PLC0415  slow to import, and a dry run needs none

    people = pq.read_table(io.BytesIO(content), columns=["people"])["people"]
    return int(len(people) - people.null_count)
