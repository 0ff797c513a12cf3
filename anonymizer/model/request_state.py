"""Where a request for a segment stands; data only."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Standing = Literal["waiting", "approved_once", "approved", "rejected", "in_catalogue"]


@dataclass(frozen=True)
class SegmentState:
    """What was decided on a request, from public entries alone.

    `reasons` are those of the decisions, in order. Once the settings with the segment are recorded,
    `first_day` is the first day of the periods that have it; None where nothing was released
    before. `approved` and not recorded is what a process that was killed leaves: the next run or
    approval completes it. `in_catalogue` needs no decision: tables have the segment.
    """

    standing: Standing = "waiting"
    reasons: tuple[str, ...] = ()
    first_day: date | None = None
    is_recorded: bool = False

    @property
    def public_standing(self) -> Standing:
        """As readers see it: approved only once that is final."""
        is_final = self.standing != "approved" or self.is_recorded
        return self.standing if is_final else "approved_once"
