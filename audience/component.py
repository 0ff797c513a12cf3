"""The pipeline as a Dagster component, for a deployment that exists already.

type: audience.Releases
attributes:
  home: /srv/audience/home
  schedule: "03:00"
"""

from datetime import time
from pathlib import Path

import dagster as dg
from pydantic import Field

from anonymizer.storage.home import Home
from pipelines.assembly import assemble
from pipelines.landed_days import RUN_AT
from pipelines.resources import Installation


class Releases(dg.Component, dg.Model, dg.Resolvable):
    """Releases audience figures from raw visits: assets, checks, jobs, schedules and sensors."""

    home: str | None = Field(
        default=None,
        description="The home directory, made by `audience init`; relative to the working "
        "directory of Dagster. Without it, $AUDIENCE_HOME, else ./home.",
    )
    schedule: str = Field(
        default=f"{RUN_AT:%H:%M}",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="The local time, HH:MM in the policy's time zone, at which days are run; "
        "weeks, months, interests and the audience follow in the two and a half hours after it.",
    )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:  # noqa: ARG002
        """The definitions, by the policy of the home as it is now. Reads nothing else."""
        run_at = time.fromisoformat(self.schedule)
        if self.home is None:
            return assemble(Installation.from_environment(), Home.from_environment(), run_at)
        home = Home(Path(self.home).absolute())
        return assemble(Installation.of(home), home, run_at)
