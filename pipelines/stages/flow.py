"""The stages of each series and the assets that they make.

    day: accepted rows -> people -> reach -> protected tables -> release -> exports, database
    week, month: accepted rows of its days -> people -> reach -> protected tables -> release

One flow for all five, so that no series has a rule of its own. Only a day has an intake.
"""

from dataclasses import dataclass

from anonymizer.model.series import CAMPAIGN_DAY, SERIES, Series
from pipelines.stages.stages import Stage

LONGER = tuple(series for series in SERIES if series != CAMPAIGN_DAY)
STAGES = ("eligibility", "reach", "publication")
INTAKE = ("accepted_rows", "quarantined_rows")
ON_DAYS = ("exports", "segments_database")  # made by the last stage of a day alone
_OF_DAYS = {
    "people": "eligible_people",
    "reach": "campaign_reach",
    "protected": "protected_tables",
    "release": "campaign_release",
}


@dataclass(frozen=True)
class Flow:
    """The stages of a series and the names of the assets that they make."""

    series: Series

    @property
    def job(self) -> str:
        """`release_days`, `release_campaign_week`."""
        if self.series == CAMPAIGN_DAY:
            return "release_days"
        return f"release_{self.series.stage('series').removesuffix('_series')}"

    @property
    def group(self) -> str:
        """The group of the assets of a longer series: `campaign_weeks`."""
        return f"{self.series.kind}_{self.series.period_kind}s"

    @property
    def people(self) -> str:
        """The asset of who counts: `campaign_week_people`."""
        return self._asset("people")

    @property
    def reach(self) -> str:
        """The asset of the true counts."""
        return self._asset("reach")

    @property
    def protected(self) -> str:
        """The asset of the figures that may be published."""
        return self._asset("protected")

    @property
    def release(self) -> str:
        """The asset of what is published."""
        return self._asset("release")

    @property
    def stages(self) -> tuple[Stage, ...]:
        """In the order of the flow."""
        names = (*(("intake",) if self.series == CAMPAIGN_DAY else ()), *STAGES)
        return tuple(self.stage(name) for name in names)

    def stage(self, name: str) -> Stage:
        """A stage over the series' periods."""
        day = self.series == CAMPAIGN_DAY
        assets = {
            "intake": INTAKE,
            "eligibility": (self.people,),
            "reach": (self.reach,),
            "publication": (self.protected, self.release, *(ON_DAYS if day else ())),
        }
        order = ("intake", *STAGES) if day else STAGES
        before = order.index(name) - 1
        after = self.series.stage(order[before]) if before >= 0 else None
        kind, series = self.series.period_kind, self.series.id
        return Stage(self.series.stage(name), assets[name], after, kind, series)

    def _asset(self, name: str) -> str:
        return _OF_DAYS[name] if self.series == CAMPAIGN_DAY else self.series.stage(name)


def job_name(series: Series) -> str:
    """`release_campaign_week`; `release_days` is that of the days."""
    return Flow(series).job
