"""The pipeline as a Dagster component, for a deployment that exists already.

type: audience.Releases
attributes:
  home: /srv/audience/home
  schedule: "03:00"
"""

from pathlib import Path

import dagster as dg
from pydantic import Field

from anonymizer.storage.home import Home
from pipelines.assembly import assemble
from pipelines.partitions.run_times import PATTERN, RunTimes
from pipelines.resources.resources import Installation


class Releases(dg.Component, dg.Model, dg.Resolvable):
    """Releases audience figures from raw visits: assets, checks, jobs, schedules and sensors."""

    home: str | None = Field(
        default=None,
        description="The home directory, made by `audience init`; relative to the working "
        "directory of Dagster. Without it, $AUDIENCE_HOME, else ./home.",
    )
    schedule: str | None = Field(
        default=None,
        pattern=PATTERN,
        description="The local time, HH:MM in the policy's time zone, at which days are run; "
        "weeks, months, interests and the audience follow in the two and a half hours after it. "
        "Or `every N minutes`, for all of them. Without it, $AUDIENCE_SCHEDULE, else 03:00.",
    )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:  # noqa: ARG002
        """The definitions, by the policy of the home as it is now. Reads nothing else."""
        times = RunTimes.read(self.schedule, "schedule") if self.schedule else None
        if self.home is None:
            return assemble(Installation.from_environment(), Home.from_environment(), times)
        home = Home(Path(self.home).absolute())
        return assemble(Installation.of(home), home, times)
