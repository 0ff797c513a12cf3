"""How far every request has come: open, done or overdue, and the first release that it affects.

Law 27/2022 (articles 32, 40 and 41) gives 3 x 24 hours from the request. A withdrawal is done when
a run has taken it in and somebody has its id, an erasure when the ledger has its proof too; an
access or a correction is done when somebody records it. So is an objection that matches no one: it
stays open until then, because its id may be misspelled. The ledger keeps all of this under keyed
hashes, not publicly. Requests are named by file and row: an id that a sender chose may say whose
they are.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from anonymizer.intake.objection_review import ReadRequest
from anonymizer.intake.objections import UNREAD, RowPlace, Treatment
from anonymizer.model.reasons import require_fit
from anonymizer.release.key_change import is_key_of
from anonymizer.release.ledger import RELEASE, Entry, Ledger
from anonymizer.release.public_ledger import check_public_ledger, write_public_ledger
from anonymizer.rights.erasure import ERASURE
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.secret import Secret

TAKEN = "requests_taken"
DONE = "request_done"
DEADLINE = timedelta(hours=3 * 24)
WARNING = timedelta(hours=24)
Status = Literal["open", "due soon", "overdue", "done"]


@dataclass(frozen=True)
class RequestState:
    """A request and how far it has come. Does not show whose it is.

    `done` is when it was, None before; `matched` whether anybody has its user id, None before a
    run has looked.
    """

    request: ReadRequest
    kind: str
    answer_by: datetime | None
    done: datetime | None
    matched: bool | None
    first_release: str

    @property
    def name(self) -> str:
        """File and row."""
        return f"{self.request.file}:{self.request.place.row}"

    def status(self, now: datetime) -> Status:
        """As of `now`; a request without a time that can be read is due at once."""
        if self.done:
            return "done"
        if self.answer_by is None or self.answer_by <= now:
            return "overdue"
        return "due soon" if self.answer_by - now <= WARNING else "open"


def record_taken(home: Home, ledger: Ledger, secret: Secret, taken: Mapping[bytes, bool]) -> None:
    """Record objections that a run has taken in, by request key: whether anybody has their id.

    What the ledger says already is not said again. No clock is in what the chain seals: the same
    runs give the same chain. With another key than that of the releases nothing is recorded: the
    run will be held for that. Raises LedgerBroken, Busy or NoSpace.
    """
    with exclusive(home):
        entries = ledger.entries()
        if not is_key_of(entries, secret):
            return
        known, erased = _matches(entries), _erasures(entries)
        new = {
            key.hex(): matched
            for key, matched in sorted(taken.items())
            if known.get(key.hex()) not in (True, matched)
            and (key.hex() in known or key.hex() not in erased)
        }
        if new:
            _append(home, ledger, secret, TAKEN, {"requests": new})


@dataclass(frozen=True)
class Answer:
    """That a request is answered: why it is done, by which login, when (with a zone)."""

    request: ReadRequest
    reason: str
    by: str
    at: datetime


def record_done(home: Home, ledger: Ledger, secret: Secret, answer: Answer) -> None:
    """Record that somebody has answered a request, or settled what it was about.

    Raises ConfigurationError for a reason that is empty or names a person, LedgerBroken, Busy or
    NoSpace.
    """
    require_fit(answer.reason, "the ledger keeps the reason permanently: leave this out")
    body = {
        "request": answer.request.request_key.hex(),
        "reason": answer.reason,
        "by": answer.by,
        "at": _text(answer.at),
    }
    with exclusive(home):
        _append(home, ledger, secret, DONE, body)


def states(
    requests: Sequence[ReadRequest], ledger: Ledger, treatments: Mapping[RowPlace, Treatment]
) -> tuple[RequestState, ...]:
    """Every request once, the earliest due first; without those that are ignored."""
    history = _RequestLog(ledger.entries())
    found: dict[bytes, RequestState] = {}
    for request in requests:
        kind = request.kind
        if kind == UNREAD:
            kind = treatments.get(request.place, UNREAD)
        if kind != "ignored":
            found.setdefault(request.request_key, history.state(request, kind))
    at_once = datetime.min.replace(tzinfo=UTC)
    return tuple(sorted(found.values(), key=lambda state: (state.answer_by or at_once, state.name)))


def unmatched(taken: Mapping[bytes, bool], ledger: Ledger) -> int:
    """How many objections that a run has taken in match no one and are not settled."""
    entries = ledger.entries()
    known, answered, erased = _matches(entries), _answered(entries), _erasures(entries)
    lost = [key.hex() for key, matched in taken.items() if not matched]
    return sum(known.get(key, key in erased) is False and key not in answered for key in lost)


class _RequestLog:
    """What the ledger says about requests, by request key."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._matches, self._answered = _matches(entries), _answered(entries)
        self._erasures = _erasures(entries)
        self._taken: dict[str, tuple[datetime, str]] = {}
        for position, entry in enumerate(entries):
            if entry.kind == TAKEN:
                later = (e.subject for e in entries[position:] if e.kind == RELEASE)
                what = _recorded(entry), next(later, "")
                for key, matched in entry.body["requests"].items():
                    if matched:
                        self._taken.setdefault(key, what)

    def state(self, request: ReadRequest, kind: str) -> RequestState:
        """How far a request has come."""
        key = request.request_key.hex()
        # An erasure without a record of who is matched was carried out before there were any.
        matched = self._matches.get(key, True if key in self._erasures else None)
        taken_at, first_release = self._taken.get(key, (None, ""))
        done = self._answered.get(key)
        if done is None and matched:
            done = {"erase": self._erasures.get(key), "withdraw": taken_at}.get(kind)
        answer_by = request.requested_at + DEADLINE if request.requested_at else None
        return RequestState(request, kind, answer_by, done, matched, first_release)


def _matches(entries: Sequence[Entry]) -> dict[str, bool]:
    """Whether anybody was ever found to have the id of a request, by request key."""
    found: dict[str, bool] = {}
    for entry in entries:
        if entry.kind == TAKEN:
            for key, matched in entry.body["requests"].items():
                found[key] = found.get(key, False) or matched
    return found


def _answered(entries: Sequence[Entry]) -> dict[str, datetime]:
    return {
        entry.body["request"]: datetime.fromisoformat(entry.body["at"])
        for entry in entries
        if entry.kind == DONE
    }


def _erasures(entries: Sequence[Entry]) -> dict[str, datetime]:
    """When each erasure was carried out, by the ledger's clock."""
    return {
        key: _recorded(entry)
        for entry in entries
        if entry.kind == ERASURE
        for key in entry.body["requests"]
    }


def _recorded(entry: Entry) -> datetime:
    moment = datetime.fromisoformat(entry.recorded.split(" by ")[0])
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _append(
    home: Home, ledger: Ledger, secret: Secret, kind: str, body: Mapping[str, object]
) -> None:
    check_public_ledger(home, [entry.link for entry in ledger.entries()])
    number = 1 + sum(entry.kind == kind for entry in ledger.entries())
    subject = hashlib.sha256(secret.derive(kind) + str(number).encode()).hexdigest()[:32]
    ledger.append(kind, subject, None, {**body, "salt": secret.salt(f"{kind} {subject}")})
    write_public_ledger(ledger, home)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
