"""The Dagster code location of `$AUDIENCE_HOME`. Loading it needs no network, home or data."""

from anonymizer.home import Home
from pipelines.assembly import assemble
from pipelines.resources import Installation

defs = assemble(Installation.from_environment(), Home.from_environment())
