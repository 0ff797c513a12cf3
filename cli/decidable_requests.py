"""Segments that readers of the portal requested, for those who decide on them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.periods import Period
from anonymizer.model.request_state import SegmentState, Standing
from anonymizer.release.segment_decisions import COMMAND, segment_states, segments_added
from anonymizer.release.settings import Meaning
from anonymizer.storage.home import Home
from cli import command_limits
from cli.output import warn
from cli.segment_effects import SegmentEffect, effect_of, with_segments
from cli.setting_trials import TrialGround, released_periods
from pipelines.resources.release_history import open_ledger

if TYPE_CHECKING:
    from portal.segment_requests import RecordedRequests, SegmentRequest

_STATES: dict[Standing, str] = {
    "waiting": "waiting",
    "approved_once": "approved by one of two",
    "approved": "approved",
    "rejected": "rejected",
    "in_catalogue": "in the catalogue",
}


def request_rows(place: Home, *, still_open: bool) -> list[tuple[object, ...]]:
    """Each request with id, time, login, advertisers, segment, state, first day and reason."""
    recorded = _recorded(place)
    entries = open_ledger(place).entries()
    states = segment_states(entries)
    added = segments_added(entries, [one.composed for one in recorded.requests])
    rows: list[tuple[object, ...]] = []
    for one in recorded.requests:
        state = states.get(one.id, SegmentState())
        standing, first_day = _STATES[state.standing], state.first_day
        is_closed = state.standing in {"approved", "rejected"}
        if state.standing == "approved" and not state.is_recorded:
            standing = "approved, to be added by the next run"
        elif not is_closed and one.composed in added:
            standing, is_closed = _STATES["in_catalogue"], True
            first_day = added[one.composed]
        if still_open and is_closed:
            continue
        rows.append(
            (
                *(one.id, one.time, one.login, ", ".join(one.advertisers), one.segment),
                *(standing, first_day, " / ".join(state.reasons)),
            )
        )
    return rows


def request_effects(
    place: Home, wanted: "SegmentRequest", periods: Sequence[Period], series: str | None = None
) -> tuple[Meaning, list[SegmentEffect]]:
    """The settings recorded last, and what a requested segment would change in periods.

    Raises ConfigurationError or Held.
    """
    ledger = open_ledger(place)
    chosen = released_periods(
        ledger.entries(), periods, series, command=COMMAND, most=command_limits.PERIODS_OF_A_REQUEST
    )
    ground = TrialGround.of(place, ledger, chosen)
    known = ground.recorded
    _, catalogue = with_segments(known.segments, known.catalogue, [wanted.composed], COMMAND)
    return known, [effect_of(ground, released, catalogue) for released in chosen]


def _recorded(home: Home) -> "RecordedRequests":
    from portal.segment_requests import SegmentRequests  # noqa: PLC0415  an optional extra

    recorded = SegmentRequests(home.segment_requests).read()
    if recorded.unreadable:
        path = home.segment_requests.relative_to(home.root)
        warn(f"{recorded.unreadable:,} line(s) of {path} are no requests, or were changed.")
    return recorded


def find_request(home: Home, request: str) -> "SegmentRequest":
    """The request with an id. Raises ConfigurationError."""
    found = _recorded(home).find(request)
    if found is None:
        remedy = "see: audience segment-request list"
        raise ConfigurationError([Fault("request", f"there is no request {request!r}", remedy)])
    return found
