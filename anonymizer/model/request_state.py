"""Where a request for a segment stands; data only."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Standing = Literal["waiting", "approved_once", "approved", "rejected"]


@dataclass(frozen=True)
class SegmentState:
    """What was decided on a request, from public entries alone.

    `reasons` are those of the decisions, in order. Once the settings with the segment are recorded,
    `first_day` is the first day of the periods that have it; None where nothing was released
    before.
    """

    standing: Standing = "waiting"
    reasons: tuple[str, ...] = ()
    first_day: date | None = None
    is_recorded: bool = False
