"""What the login of `audience officer` reads and decides, as the commands do."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from threading import Lock
from typing import Any

from anonymizer.model.errors import Busy, ConfigurationError, Fault
from anonymizer.model.policy import Policy
from anonymizer.release.corrections import Who
from anonymizer.release.segment_decisions import (
    COMMAND,
    approve_segment,
    reject_segment,
    segment_states,
)
from anonymizer.release.settings_change import recorded_settings
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.secret import Secret
from cli.decidable_requests import find_request, request_effects, request_rows
from cli.setting_trials import require_officer
from officer.officer_decisions import Verdict, WaitingDay, WaitingRequest
from pipelines.resources.release_history import open_ledger
from pipelines.stages.implausible_days import ImplausibleDay, accept_day, implausible_days
from pipelines.stages.plausibility_gate import causes

_COLUMNS = ("id", "time", "login", "advertisers", "segment", "state")


class OfficerDesk:
    """Decisions of a home in the name of the login that runs this process.

    Whether it may decide is asked each time: a role can be taken away while the page is open.
    """

    def __init__(self, home: Home) -> None:
        self._home, self._computing, self._deciding = home, Lock(), Lock()

    def require_role(self) -> None:
        """Refuse a login that may not approve settings now. Raises ConfigurationError."""
        require_officer(self._home, open_ledger(self._home), "audience officer")

    def requests(self) -> Sequence[WaitingRequest]:
        """The requested segments that wait for a decision. Raises ConfigurationError."""
        self.require_role()
        rows = request_rows(self._home, still_open=True)
        return [self._request(dict(zip(_COLUMNS, map(str, row), strict=False))) for row in rows]

    def days(self) -> Sequence[WaitingDay]:
        """The days that wait for an acceptance. Raises ConfigurationError."""
        self.require_role()
        return [self._day(one) for one in implausible_days(self._home, open_ledger(self._home))]

    def effects(self, request: str) -> Sequence[Mapping[str, Any]]:
        """What a request would change in the last two periods, one computation at a time.

        Raises ConfigurationError, Held or Busy.
        """
        self.require_role()
        wanted = find_request(self._home, request)
        if not self._computing.acquire(blocking=False):
            raise Busy("this page computes the effect of a request")
        try:
            _, effects = request_effects(self._home, wanted, ())
            return [asdict(effect) for effect in effects]
        finally:
            self._computing.release()

    def decide(self, request: str, verdict: Verdict, reason: str) -> str:
        """Approve or reject a request, one decision at a time; what was recorded.

        Raises ConfigurationError, Busy, LedgerBroken or NoSpace.
        """
        with self._deciding:
            return self._decide(request, verdict, reason)

    def _decide(self, request: str, verdict: Verdict, reason: str) -> str:
        self.require_role()
        wanted, ledger, secret = (
            find_request(self._home, request),
            open_ledger(self._home),
            Secret.of(self._home),
        )
        who = Who.runs(Policy.load(self._home.policy).roles)
        if verdict == "reject":
            reject_segment(self._home, ledger, secret, who, request, reason)
            return f"{wanted.segment} is rejected. The portal states the reason."
        change = approve_segment(self._home, ledger, secret, who, request, wanted.composed, reason)
        if not change.takes_effect:
            return (
                f"{len(change.approvers)} of {change.needed} approvals of {wanted.segment} exist. "
                "A second login approves on a page of its own, so that one of both is a privacy "
                "officer."
            )
        first_day = segment_states(ledger.entries())[request].first_day
        applies = f"periods that begin on {first_day} or later" if first_day else "every period"
        return f"{wanted.segment} is in segments.yaml and applies to {applies}."

    def accept(self, day: str, digest: str, reason: str) -> str:
        """Accept a day, one at a time; what was recorded. Raises as `decide` does, and Held."""
        with self._deciding:
            return self._accept(day, digest, reason)

    def _accept(self, day: str, digest: str, reason: str) -> str:
        self.require_role()
        if (day, digest) not in {(one.day, one.digest) for one in self.days()}:
            problem = f"{day} does not wait for an acceptance of these files"
            raise ConfigurationError([Fault("--day", problem, "open the page again")])
        local_day, now = date.fromisoformat(day), datetime.now(UTC)
        with exclusive(self._home):
            ledger = open_ledger(self._home)
            done = accept_day(self._home, ledger, local_day, reason, now, digest)
        if done.state.is_complete:
            return f"{day} is accepted. The next run of the day releases it."
        return f"{day} is accepted by one of two. Another login accepts it on a page of its own."

    def _request(self, row: Mapping[str, str]) -> WaitingRequest:
        """The row with the segment in words, as the catalogue recorded last has them."""
        _, known = recorded_settings(open_ledger(self._home).entries())
        composed = find_request(self._home, row["id"]).composed
        if known is None or composed.faults(known.catalogue.dimensions, COMMAND):
            return WaitingRequest(**row, words=row["segment"])
        dimensions = known.catalogue.dimensions
        words, members = composed.words(dimensions), composed.members(dimensions)
        return WaitingRequest(**row, words=words.english, members=members.english)

    def _day(self, one: ImplausibleDay) -> WaitingDay:
        measures = [
            {
                **asdict(deviation),
                "where": "; ".join(place.file for place in causes(self._home, one.day, deviation)),
            }
            for deviation in one.odd
        ]
        firsts = [
            {name: str(entry.body[name]) for name in ("role", "accepted_on", "reason")}
            for entry in one.state.firsts
        ]
        day, state = one.day.isoformat(), one.state
        return WaitingDay(
            *(day, one.digest, measures, state.given, state.needed, firsts, one.is_released)
        )
