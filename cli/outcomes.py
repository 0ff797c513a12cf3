"""The ledger's entries as lines of a list: when, by whom, about what, with what outcome."""

from collections.abc import Callable, Mapping
from typing import Any

from anonymizer.release.ledger import Entry
from anonymizer.release.public_ledger import NOT_PUBLIC

_Body = Mapping[str, Any]
_HASH_DIGITS = 16  # that are shown of a hash


def entry_line(entry: Entry) -> tuple[int, str, str, str, str, str, str]:
    """Number, time, actor, kind, subject, outcome, and the beginning of the hash.

    Who recorded an entry, and when, is not public.
    """
    time, _, actor = entry.recorded.partition(" by ")
    outcome = _OUTCOMES.get(entry.kind, _recorded)(entry.body)
    return (
        entry.sequence,
        time.partition("+")[0].partition(".")[0] or NOT_PUBLIC,
        actor or NOT_PUBLIC,
        entry.kind,
        entry.subject,
        outcome,
        entry.hash[:_HASH_DIGITS],
    )


def _recorded(_: _Body) -> str:
    return "recorded"


def _hidden(_: _Body) -> str:
    return "only its digest is public"


def _released(body: _Body) -> str:
    audit = body.get("audit", {})
    published = audit.get("figures") if isinstance(audit, Mapping) else None
    figures = f", {published:,} figures" if isinstance(published, int) else ""
    return f"released, {len(body['files'])} files{figures}"


def _exported(body: _Body) -> str:
    recipients = {name.partition("/")[0] for name in body["files"]}
    return f"exported, {len(body['files'])} files for {len(recipients)} recipients"


def _withdrawn(body: _Body) -> str:
    return f"withdrawn: {body['reason']}"


def _corrected(body: _Body) -> str:
    return f"corrects {body['corrects']}: {body['reason']}"


def _approved(body: _Body) -> str:
    return f"correction of {body['corrects']} approved: {body['reason']}"


def _cancelled(body: _Body) -> str:
    return f"correction of {body['corrects']} cancelled: {body['reason']}"


def _pointed(body: _Body) -> str:
    return f"{len(body['files'])} notice(s) name {body['corrected_by']}"


def _applied(body: _Body) -> str:
    return f"apply from {body['first_day'] or 'the beginning'}"


def _guarded(body: _Body) -> str:
    approvals = body["approvals"]
    approved = f", approved by no. {' and '.join(map(str, approvals))}" if approvals else ""
    return f"limits, retention and roles recorded{approved}"


def _retired(body: _Body) -> str:
    return f"exports removed: {body['reason']}"


def _key_changed(body: _Body) -> str:
    return f"new key in place of {body['replaces']}: {body['reason']}"


def _settings_approved(body: _Body) -> str:
    if request := body.get("request"):
        return f"requested segment {request} approved by a {body['role']}: {body['reason']}"
    return f"weaker {', '.join(body['weakened'])} approved by a {body['role']}: {body['reason']}"


def _segment_rejected(body: _Body) -> str:
    return f"requested segment rejected by a {body['role']}: {body['reason']}"


def _accepted(body: _Body) -> str:
    return f"accepted: {body['reason']}"


def _accepted_once(body: _Body) -> str:
    return f"accepted by one of two: {body['reason']}"


def _decided(body: _Body) -> str:
    return f"counts as {body['treated_as']}: {body['reason']}"


def _erased(body: _Body) -> str:
    return f"carried out, {len(body['requests'])} requests"


def _taken(body: _Body) -> str:
    return f"taken in, {len(body['requests'])} requests"


def _done(body: _Body) -> str:
    return f"done: {body['reason']}"


_OUTCOMES: Mapping[str, Callable[[_Body], str]] = {
    "release": _released,
    "exports": _exported,
    "withdrawal": _withdrawn,
    "key_change": _key_changed,
    "retirement": _retired,
    "correction": _corrected,
    "approval": _approved,
    "cancellation": _cancelled,
    "pointer": _pointed,
    "settings": _applied,
    "safeguards": _guarded,
    "settings_approval": _settings_approved,
    "segment_rejection": _segment_rejected,
    "first_acceptance": _accepted_once,
    "acceptance": _accepted,
    "objection": _decided,
    "erasure": _erased,
    "requests_taken": _taken,
    "request_done": _done,
    NOT_PUBLIC: _hidden,
}
