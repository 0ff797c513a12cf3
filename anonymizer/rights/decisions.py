"""What was decided about objections that cannot be read: by whom, when and why, in the ledger.

None of it is public. A decision says where the row is and what it counts as, never whose it is. It
can be changed by a later one: the last one applies from the next run on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from anonymizer.intake.objections import RowPlace, Treatment, UnreadRow
from anonymizer.model.reasons import require_fit
from anonymizer.release.ledger import Entry, Ledger
from anonymizer.release.public_ledger import check_public_ledger, write_public_ledger
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.secret import Secret

DECISION = "objection"


@dataclass(frozen=True)
class Decision:
    """What an unread row counts as; `by` is a login of this machine, `at` carries a zone.

    `request_id` is the request that was filed in place of a row without a user id.
    """

    place: RowPlace
    treatment: Treatment
    reason: str
    by: str
    at: datetime
    request_id: str = ""


def decisions(ledger: Ledger) -> dict[RowPlace, Decision]:
    """The decision that applies to each row that was decided about. Raises LedgerBroken."""
    found = (_read(entry) for entry in ledger.entries() if entry.kind == DECISION)
    return {decision.place: decision for decision in found}


def treatments(ledger: Ledger) -> dict[RowPlace, Treatment]:
    """What each row that was decided about counts as. Raises LedgerBroken."""
    return {place: decision.treatment for place, decision in decisions(ledger).items()}


def record_decision(
    home: Home, ledger: Ledger, secret: Secret, row: UnreadRow, decision: Decision
) -> None:
    """Record what a row counts as from the next run on.

    Raises ConfigurationError for a reason that is empty or names a person, LedgerBroken, Busy or
    NoSpace.
    """
    require_fit_reason(decision)
    with exclusive(home):
        entries = ledger.entries()
        check_public_ledger(home, [entry.link for entry in entries])
        subject = f"{row.place.digest}:{row.place.row}:{1 + _times(entries, row.place)}"
        ledger.append(DECISION, subject, None, _body(row, decision, secret, subject))
        write_public_ledger(ledger, home)


def require_fit_reason(decision: Decision) -> None:
    """Refuse a reason that is empty or names a person. Raises ConfigurationError."""
    require_fit(decision.reason, "the ledger keeps the reason permanently: leave this out")


def _times(entries: Sequence[Entry], place: RowPlace) -> int:
    """How often a row was decided about."""
    return sum(entry.kind == DECISION and _read(entry).place == place for entry in entries)


def _body(row: UnreadRow, decision: Decision, secret: Secret, subject: str) -> dict[str, object]:
    return {
        "table": row.table,
        "file": row.file,
        "file_sha256": row.place.digest,
        "row_number": row.place.row,
        "column": row.column,
        "fault": row.reason,
        "treated_as": decision.treatment,
        "reason": decision.reason,
        "decided_by": decision.by,
        "decided_at": decision.at.astimezone(UTC).isoformat(),
        "request_id": decision.request_id,
        "salt": secret.salt(f"{DECISION} {subject}"),
    }


def _read(entry: Entry) -> Decision:
    body = entry.body
    return Decision(
        RowPlace(body["file_sha256"], body["row_number"]),
        body["treated_as"],
        body["reason"],
        body["decided_by"],
        datetime.fromisoformat(body["decided_at"]),
        body["request_id"],
    )
