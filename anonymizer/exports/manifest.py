"""The manifest beside the files of an export: what each file is, and the data label."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from anonymizer.exports.data_label import LabelField
from anonymizer.model.subjects import Campaign, Subject, name_of
from anonymizer.release.release import Release
from anonymizer.storage.files import sha256

# 3: files are named after campaigns, each with its subject; the label has more fields.
_FORMAT = 3


def manifest_bytes(
    release: Release,
    subjects: Sequence[Subject],
    label: Sequence[LabelField],
    folder: Path,
    owners: Mapping[str, str],
) -> bytes:
    """The manifest of the files in `folder`: all of one advertiser, or for every one.

    `owners` has the subject of each file by its name.
    """
    content = {
        "format": _FORMAT,
        "release": release.id,
        "release_number": release.number,
        **({"corrects": release.corrects} if release.corrects else {}),
        "policy_digest": release.policy_digest,
        "catalogue_digest": release.catalogue_digest,
        "advertiser": _advertiser(subjects[0]),
        "subject_kind": release.kind,
        "subjects": {subject.id: name_of(subject).english for subject in subjects},
        "files": {
            path.name: {
                "subject_id": owners[path.name],
                "sha256": sha256(path),
                "bytes": path.stat().st_size,
            }
            for path in sorted(folder.iterdir())
        },
        "data_label": {field.key: field.value for field in label},
    }
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _advertiser(subject: Subject) -> dict[str, str] | None:
    """Whose campaigns they are; None where the files are for every advertiser."""
    if not isinstance(subject, Campaign):
        return None
    return {"id": subject.advertiser_id, "name": subject.advertiser_name}
