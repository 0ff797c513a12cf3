"""Rows of requests and consents that cannot be read: listed on a screen, and decided about."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from anonymizer.decisions import Decision, decisions
from anonymizer.errors import ConfigurationError, Fault
from anonymizer.intake.objections import RowPlace, Treatment, UnreadRow
from anonymizer.intake.reviewing import Review, review
from anonymizer.permissions import account_name
from anonymizer.rights import settle_unread, unfit
from pipelines.resources import Installation
from pipelines.screen import notices, out, table

_COLUMNS = ("file", "row", "column", "reason", "what it does")


def read_review(installation: Installation) -> Review:
    """What the raw zone holds of requests and consents now."""
    with installation.engine(spill=False) as engine:
        return review(installation.home.raw, installation.policy(), installation.secret(), engine)


def print_unread(*, everything: bool) -> None:
    """One line an unread row: where it is, what is wrong, and what it does."""
    installation = Installation()
    found, decided = read_review(installation), decisions(installation.ledger())
    rows = [row for row in found.unread if everything or row.place not in decided]
    for refusal in found.rejected:
        notices().print(f"{refusal}; it holds every release", style="red")
    if not rows:
        out().print("Every row of requests and consents can be read or is decided about.")
        return
    lines = [
        (row.file, row.place.row, row.column, row.reason, _effect(row, decided)) for row in rows
    ]
    out().print(table("Rows that cannot be read", _COLUMNS, lines))


def decide(
    names: Sequence[str],
    treatment: Treatment,
    reason: str,
    now: datetime,
    user: str | None = None,
) -> str:
    """Record what the rows FILE:ROW count as; returns what follows, in words.

    Raises ConfigurationError, and records nothing, with every name that is no unread row and every
    row that cannot count as that.
    """
    installation = Installation()
    unread = {f"{row.file}:{row.place.row}": row for row in read_review(installation).unread}
    faults = [
        Fault("--decide", f"{name!r} is no row that cannot be read", "see: audience rights review")
        for name in names
        if name not in unread
    ]
    rows = [unread[name] for name in dict.fromkeys(names) if name in unread]
    faults += [fault for row in rows for fault in unfit(row, treatment, user)]
    if faults:
        raise ConfigurationError(faults)
    return "\n".join(_settle(installation, row, treatment, reason, now, user) for row in rows)


def _settle(
    installation: Installation,
    row: UnreadRow,
    treatment: Treatment,
    reason: str,
    now: datetime,
    user: str | None,
) -> str:
    made = Decision(row.place, treatment, reason, account_name(), now)
    home, ledger, secret = installation.home, installation.ledger(), installation.secret()
    kept = settle_unread(home, ledger, secret, row, made, user)
    filed = f"; request {kept.request_id} is filed" if kept.request_id else ""
    return f"{row.file}:{row.place.row} counts as {treatment} from the next run on{filed}."


def _effect(row: UnreadRow, decided: Mapping[RowPlace, Decision]) -> str:
    decision = decided.get(row.place)
    if decision:
        return f"decided: {decision.treatment}, {decision.at:%Y-%m-%d} by {decision.by}"
    if not row.person_known:
        return "holds every release"
    if row.table == "consents":
        return "counts as a refusal"
    return "its person counts in no release"
