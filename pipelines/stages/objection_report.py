"""Requests and consents on a screen: what cannot be read, how far requests have come.

And what a run tells of objections: into the ledger, and as an alert.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from anonymizer.intake.objection_review import Review, review
from anonymizer.intake.objections import RowPlace, Treatment, UnreadRow, advice
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.rights.decisions import Decision, decisions, treatments
from anonymizer.rights.requests import (
    Answer,
    RequestState,
    Status,
    record_done,
    record_taken,
    states,
    unmatched,
)
from anonymizer.rights.rights import decide_unread, unfit
from anonymizer.sources.source_zone import source_root
from anonymizer.storage.home import Home
from anonymizer.storage.permissions import account_name
from pipelines.messages.alerts import NotDelivered, raise_alert
from pipelines.messages.screen import Listing, notices, out, show
from pipelines.resources.resources import Installation

_COLUMNS = ("file", "row", "column", "reason", "what it does")


def read_review(installation: Installation) -> Review:
    """What the raw zone holds of requests and consents now."""
    with installation.engine(spill=False) as engine:
        raw = source_root(installation.home)
        return review(raw, installation.policy(), installation.secret(), engine)


def print_unread(installation: Installation, *, everything: bool, as_json: bool = False) -> None:
    """One line an unread row: where it is, what is wrong, and what it does."""
    found, decided = read_review(installation), decisions(installation.ledger())
    rows = [row for row in found.unread if everything or row.place not in decided]
    for refusal in found.rejected:
        notices().print(f"{refusal}; it holds every release", style="red")
    lines = [
        (row.file, row.place.row, row.column, row.reason, _effect(row, decided)) for row in rows
    ]
    listing = Listing("Rows that cannot be read", _COLUMNS, lines)
    if as_json:
        show(listing, as_json=True)
        return
    if not rows and not found.rejected:
        out().print("Every row of requests and consents can be read, or has a decision.")
    if not rows:
        return
    show(listing)
    if remedy := advice(rows).removeprefix(". "):
        out().print(f"{remedy}.")


def tell_objections(
    log: logging.Logger, installation: Installation, taken: Mapping[bytes, bool]
) -> None:
    """Record the objections of a run, and raise an alert when some match no one.

    Before anything is released: the first release after this record is the first they affect.
    """
    home, ledger, secret = installation.home, installation.ledger(), installation.secret()
    record_taken(home, ledger, secret, taken)
    lost = unmatched(taken, ledger)
    if not lost:
        return
    keys = b"".join(sorted(key for key, matched in taken.items() if not matched))
    name = f"objections-{hashlib.sha256(keys).hexdigest()[:16]}"
    alert = {
        "kind": "objections_unmatched",
        "objections": lost,
        "message": "no profile and no visit has the user ids of these objections; they stay "
        "open: audience rights list",
    }
    alert_once(log, home, name, alert)


def alert_once(log: logging.Logger, home: Home, name: str, alert: Mapping[str, object]) -> None:
    """Raise an alert unless its file is there already: the same news is told once."""
    if (home.root / "alerts" / f"{name}.json").exists():
        return
    try:
        raise_alert(home, name, alert)
    except NotDelivered as error:
        log.warning(str(error))


def read_states(installation: Installation) -> tuple[RequestState, ...]:
    """Every request in the raw zone and how far it has come."""
    with installation.engine(spill=False) as engine:
        found = review(
            source_root(installation.home),
            installation.policy(),
            installation.secret(),
            engine,
            ("requests",),
        )
    ledger = installation.ledger()
    return states(found.requests, ledger, treatments(ledger))


def print_requests(
    installation: Installation, now: datetime, *, unfinished: bool, as_json: bool = False
) -> None:
    """One line a request, the earliest due first, and how many there are of each status."""
    found = read_states(installation)
    statuses = Counter(state.status(now) for state in found)
    rows = [
        (
            state.name,
            state.kind,
            _cell(state.request.requested_at),
            _cell(state.answer_by),
            state.status(now) + (", matches no one" if state.matched is False else ""),
            _cell(state.done),
            state.first_release,
        )
        for state in found
        if not (unfinished and state.done)
    ]
    columns = ("request", "kind", "requested", "due", "status", "done", "first release")
    listing = Listing("Requests (times in UTC)", columns, rows)
    if as_json:
        show(listing, as_json=True)
        return
    if rows:
        show(listing)
    order: tuple[Status, ...] = ("overdue", "due soon", "open", "done")
    out().print(", ".join(f"{statuses[status]:,} {status}" for status in order) + ".")


def finish_request(installation: Installation, name: str, reason: str, now: datetime) -> str:
    """Record that the request FILE:ROW is done; returns what was recorded, in words."""
    found = {state.name: state for state in read_states(installation)}
    if name not in found:
        problem = f"{name!r} is not a known request of a person"
        raise ConfigurationError([Fault("FILE:ROW", problem, "see: audience rights list")])
    home, ledger, secret = installation.home, installation.ledger(), installation.secret()
    answer = Answer(found[name].request, reason, account_name(), now)
    record_done(home, ledger, secret, answer)
    return f"{name} is recorded as done."


def _cell(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


def decide(
    installation: Installation,
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
    unread = {f"{row.file}:{row.place.row}": row for row in read_review(installation).unread}
    faults = [
        Fault(
            "--decide",
            f"{name!r} is not among the rows that cannot be read",
            "see: audience rights review",
        )
        for name in names
        if name not in unread
    ]
    rows = [unread[name] for name in dict.fromkeys(names) if name in unread]
    faults += [fault for row in rows for fault in unfit(row, treatment, user)]
    if faults:
        raise ConfigurationError(faults)
    return "\n".join(_decide(installation, row, treatment, reason, now, user) for row in rows)


def _decide(
    installation: Installation,
    row: UnreadRow,
    treatment: Treatment,
    reason: str,
    now: datetime,
    user: str | None,
) -> str:
    made = Decision(row.place, treatment, reason, account_name(), now)
    home, ledger, secret = installation.home, installation.ledger(), installation.secret()
    kept = decide_unread(home, ledger, secret, row, made, user)
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
