"""Which tables are released: a subject and the length of its periods.

The order of `SERIES` is the order of release. A day comes before the week and the month that
contain it, and everything comes before the audience that it is a part of: what is wider is
judged against what is narrower, never the other way round.

A period can be released again from corrected input. Each release of a period is an edition; the
first has the id `campaign-day-2026-11-22`, its correction `campaign-day-2026-11-22~2`.
"""

from dataclasses import dataclass

from anonymizer.model.periods import Period, PeriodKind
from anonymizer.model.tables import SubjectKind

_MARK = "~"  # stands before the edition in the id of a correction
_LENGTHS: dict[PeriodKind, int] = {"day": 1, "week": 2, "month": 3}  # in order


@dataclass(frozen=True)
class Series:
    """All releases of one kind of subject and one length of period."""

    kind: SubjectKind
    period_kind: PeriodKind

    @property
    def id(self) -> str:
        """`campaign-week`; the id of a release begins with it."""
        return f"{self.kind}-{self.period_kind}"

    def stage(self, name: str) -> str:
        """The name of a private stage of this series: `campaign_week_reach`, `reach` of days."""
        return name if self == CAMPAIGN_DAY else f"{self.kind}_{self.period_kind}_{name}"

    def release_id(self, period: Period, edition: int = 1) -> str:
        """`campaign-week-2026-W47`, of its first correction `campaign-week-2026-W47~2`."""
        if period.kind != self.period_kind:
            raise ValueError(f"{self.id} has no period {period.id}")
        return edition_id(f"{self.id}-{period.id}", edition)

    @property
    def judged_after(self) -> "tuple[Series, ...]":
        """The series of which what lies in a period of this one is released first."""
        before = SERIES[: SERIES.index(self)]
        if self.kind == "audience":
            return before
        return tuple(s for s in before if _LENGTHS[s.period_kind] < _LENGTHS[self.period_kind])


def edition_id(first: str, edition: int) -> str:
    """The id of an edition of the release that has the id `first`."""
    return first if edition == 1 else f"{first}{_MARK}{edition}"


def first_edition(release_id: str) -> str:
    """The id of the first release of the period that a release is about."""
    return release_id.partition(_MARK)[0]


def edition_of(release_id: str) -> int:
    """1 of the first release of a period, 2 of its first correction."""
    return int(release_id.partition(_MARK)[2] or 1)


CAMPAIGN_DAY = Series("campaign", "day")
CAMPAIGN_WEEK = Series("campaign", "week")
CAMPAIGN_MONTH = Series("campaign", "month")
INTEREST_WEEK = Series("interest", "week")
AUDIENCE_MONTH = Series("audience", "month")
SERIES = (CAMPAIGN_DAY, CAMPAIGN_WEEK, CAMPAIGN_MONTH, INTEREST_WEEK, AUDIENCE_MONTH)
