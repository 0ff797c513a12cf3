"""What has to be in the export folders of each release, by the ledger.

Exports are recorded when they are written. A withdrawn release has notices in their place, a
corrected one has a pointer to the correction beside them. Of a retired one, notices alone are left.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from anonymizer.exports.notice import WITHDRAWAL
from anonymizer.exports.pointer import POINTER

EXPORTS = "exports"
RETIREMENT = "retirement"
Record = tuple[str, str, Mapping[str, Any]]  # kind, subject, body


def recorded_files(records: Iterable[Record]) -> dict[str, dict[str, str]]:
    """The digest of each file, as advertiser/file, by release; of entries of any kind."""
    kinds: dict[str, dict[str, Mapping[str, str]]] = {
        kind: {} for kind in (EXPORTS, WITHDRAWAL, POINTER)
    }
    retired = set()
    for kind, subject, body in records:
        if kind in kinds:
            kinds[kind][subject] = body["files"]
        elif kind == RETIREMENT:
            retired.add(subject)
    kinds[EXPORTS] |= {subject: {} for subject in retired}
    own = kinds[EXPORTS] | kinds[WITHDRAWAL]
    return {release: {**files, **kinds[POINTER].get(release, {})} for release, files in own.items()}
