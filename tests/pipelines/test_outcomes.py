"""`audience ledger list` says what came of an entry of every kind."""

import pytest

from anonymizer.release.chain import Link
from anonymizer.release.entry_forms import KINDS
from anonymizer.release.ledger import Entry
from cli.outcomes import entry_line

BODIES = {
    "correction": ({"corrects": "campaign-day-2026-11-13", "reason": "twice"}, "corrects campaign"),
    "approval": ({"corrects": "campaign-day-2026-11-13~2", "reason": "again"}, "approved: again"),
    "cancellation": (
        {"corrects": "campaign-day-2026-11-13", "reason": "right"},
        "correction of campaign-day-2026-11-13 cancelled: right",
    ),
    "release": ({"files": {"a": "0"}, "audit": {"figures": 1_240}}, "1 files, 1,240 figures"),
    "pointer": (
        {"corrected_by": "campaign-day-2026-11-13~2", "files": {"a/CORRECTED.json": "0"}},
        "1 notice(s) name campaign-day-2026-11-13~2",
    ),
}


def line(kind: str, body: dict[str, object]) -> str:
    link = Link(1, None, "", "", "")
    return entry_line(Entry(kind, "subject", body, link))[5]


@pytest.mark.parametrize("kind", BODIES)
def test_the_outcome_is_told(kind: str) -> None:
    body, said = BODIES[kind]
    assert said in line(kind, body)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_kind_is_merely_recorded(kind: str) -> None:
    """An outcome that asks for the fields of its kind misses them here."""
    with pytest.raises(KeyError):
        line(kind, {})
