"""What officers decide on requested segments: approved by two logins, or rejected by one.

An approval is one of a weaker promise (`settings_change.py`): for the recorded settings with this
one segment more. `segments.yaml` has the segment once two logins have approved it; that is
recorded at once and applies, as every change of settings, from the next period. Until then runs go
on under the settings as they are. Whatever is recorded in between makes the approvals void.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from anonymizer.model.composed_segments import ComposedSegment
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.named_texts import with_named_segments
from anonymizer.model.reasons import require_fit
from anonymizer.model.request_state import SegmentState
from anonymizer.model.segments import build_catalogue
from anonymizer.model.strictness import DECIDERS
from anonymizer.release.corrections import Who
from anonymizer.release.ledger import Entry, Ledger
from anonymizer.release.public_ledger import check_public_ledger, write_public_ledger
from anonymizer.release.settings import SETTINGS, SettingsTexts, recorded_revisions
from anonymizer.release.settings_change import (
    SAFEGUARDS,
    SEGMENT_REJECTION,
    SETTINGS_APPROVAL,
    RequestedSettings,
    SettingsChange,
    approve_settings,
    complete_request,
    record_settings,
    require_decider,
    settings_change,
    write_segments,
)
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.permissions import require_paths
from anonymizer.storage.secret import Secret

COMMAND = "audience segment-request"
_NUMBER = re.compile(r"\d")


def segment_states(entries: Sequence[Entry]) -> Mapping[str, SegmentState]:
    """The requests on which something was decided, by their ids. Public fields are enough."""
    approvals: dict[str, list[Entry]] = {}
    recorded: dict[int, Entry] = {}
    newest = 0
    found: dict[str, SegmentState] = {}
    for entry in entries:
        if entry.kind in {SETTINGS, SAFEGUARDS}:
            newest = entry.sequence
        if entry.kind == SETTINGS:
            recorded |= dict.fromkeys(entry.body.get("approvals", ()), entry)
        if entry.kind == SETTINGS_APPROVAL and "request" in entry.body:
            approvals.setdefault(entry.body["request"], []).append(entry)
        if entry.kind == SEGMENT_REJECTION:
            found[entry.subject] = SegmentState("rejected", (entry.body["reason"],))
    for request, given in approvals.items():
        found.setdefault(request, _approved(given, recorded, newest))
    return found


def segments_added(
    entries: Sequence[Entry], segments: Sequence[ComposedSegment]
) -> Mapping[ComposedSegment, date | None]:
    """Which of these the catalogue recorded last has, with the first day of the periods with it.

    None where the first settings have it: these apply to everything before, too. Raises Held.
    """
    found: dict[ComposedSegment, date | None] = {}
    for revision in recorded_revisions(entries):
        catalogue = revision.meaning().catalogue
        present = [
            one
            for one in dict.fromkeys(segments)
            if not one.faults(catalogue.dimensions, COMMAND) and one.find(catalogue)
        ]
        found = {one: found.get(one, revision.first_day) for one in present}
    return found


def approve_segment(
    home: Home, ledger: Ledger, secret: Secret, who: Who, request: str, segment: ComposedSegment,
    reason: str,
) -> SettingsChange:  # fmt: skip
    """Record that a login approves a requested segment; with the second one it is recorded.

    Raises ConfigurationError for a login that may not approve or has approved already, for a
    request that was rejected, a segment that the catalogue has, an unfit reason, and while the
    files have changes that no run has recorded. LedgerBroken, Busy, NoSpace.
    """
    _require_public(reason)
    with exclusive(home):
        is_completed = _complete(home, ledger, secret)
        state = segment_states(ledger.entries()).get(request, SegmentState())
        if is_completed and state.is_recorded:
            return settings_change(home, ledger.entries())
        _require_open(state, request)
        wanted = RequestedSettings(request, requested_texts(home, ledger.entries(), segment))
        require_paths([home.segments.resolve()])
        change = approve_settings(home, ledger, secret, who, reason, requested=wanted)
        if change.takes_effect:
            write_segments(home, wanted.texts)
            record_settings(home, ledger, secret)
        return change


def reject_segment(
    home: Home, ledger: Ledger, secret: Secret, who: Who, request: str, reason: str
) -> None:
    """Record that a login rejects a request, for good.

    Raises ConfigurationError for a login that may not decide, a request that is decided, an unfit
    reason, and while the files have changes that no run has recorded: one of them can be the
    segment. LedgerBroken, Busy, NoSpace.
    """
    _require_public(reason)
    with exclusive(home):
        entries = ledger.entries()
        check_public_ledger(home, [entry.link for entry in entries])
        change = settings_change(home, entries)
        role = require_decider(change, who.login, COMMAND)
        _require_open(segment_states(entries).get(request, SegmentState()), request)
        _require_recorded(change)
        kept = {
            "by": who.login,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "salt": secret.salt(f"{SEGMENT_REJECTION} {request}"),
        }
        ledger.append(SEGMENT_REJECTION, request, {"role": role, "reason": reason}, kept)
        write_public_ledger(ledger, home)


def requested_texts(
    home: Home, entries: Sequence[Entry], segment: ComposedSegment
) -> SettingsTexts:
    """The files with one named segment more. Writes nothing.

    Raises ConfigurationError for a segment that the catalogue has, and while the files have changes
    that no run has recorded.
    """
    change = settings_change(home, entries)
    _require_recorded(change)
    settings, catalogue = change.after.segments, change.after.catalogue
    if faults := segment.faults(catalogue.dimensions, COMMAND):
        raise ConfigurationError(faults)
    if known := segment.find(catalogue):
        raise _mistake(
            f"the catalogue has this segment already, as {known}", "it needs no decision"
        )
    wanted = segment.added_to(settings, catalogue)
    build_catalogue(wanted)
    codes = [code for code in wanted.named if code not in settings.named]
    return SettingsTexts(
        change.texts.policy, with_named_segments(change.texts.segments, wanted, codes)
    )


def _approved(given: Sequence[Entry], recorded: Mapping[int, Entry], newest: int) -> SegmentState:
    settings = next((recorded[one.sequence] for one in given if one.sequence in recorded), None)
    if settings:
        used = [one for one in given if one.sequence in settings.body["approvals"]]
        first = settings.body["first_day"]
        day = date.fromisoformat(first) if first else None
        return SegmentState("approved", _reasons(used), day, is_recorded=True)
    valid = [entry for entry in given if entry.body["replaces"] == newest]
    if len(valid) >= DECIDERS:
        return SegmentState("approved", _reasons(valid))
    return SegmentState("approved_once" if valid else "waiting", _reasons(valid))


def _reasons(entries: Sequence[Entry]) -> tuple[str, ...]:
    return tuple(entry.body["reason"] for entry in entries)


def _complete(home: Home, ledger: Ledger, secret: Secret) -> bool:
    """Whether an earlier approval of a requested segment was completed, or its recording was."""
    entries = ledger.entries()
    change = settings_change(home, entries)
    is_in_file = change.weakenings and any("request" in one.body for one in change.approvals)
    is_written = complete_request(home, entries, change) is not change
    if not is_written and not (is_in_file and change.takes_effect):
        return False
    record_settings(home, ledger, secret)
    return True


def _require_recorded(change: SettingsChange) -> None:
    if change.before is None or change.before.digest != change.after.digest:
        raise _mistake(
            "policy.yaml or segments.yaml has changes that the ledger has not recorded",
            "run a day, or take them back; then decide on requests",
        )


def _require_open(state: SegmentState, request: str) -> None:
    if state.standing in {"approved", "rejected"}:
        problem = f"the request {request} is {state.standing} already"
        remedy = "see: audience segment-request list"
        if not state.is_recorded and state.standing == "approved":
            remedy = "the next run adds the segment"
        raise _mistake(problem, remedy)


def _require_public(reason: str) -> None:
    """The reason is for advertisers: it must not state a count that is not published."""
    require_fit(reason, "advertisers read the reason: leave this out")
    if _NUMBER.search(reason):
        problem = "it contains a number, which readers may take for a count"
        raise ConfigurationError([Fault("--reason", problem, "say it without numbers")])


def _mistake(problem: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Fault(COMMAND, problem, remedy)])
