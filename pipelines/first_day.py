"""The timing that Dagster's partitions need before any run begins, and the first day."""

from datetime import date

from anonymizer.model.errors import ConfigurationError
from anonymizer.model.policy import Policy, Timing
from anonymizer.storage.home import Home
from pipelines.environment import refuse_retired_variable


def timing_at_load(home: Home) -> Timing:
    """The timing of the policy; the default where there is no policy that can be read.

    Definitions load without a home, and a faulty policy is reported by what works with it. Raises
    ConfigurationError where the environment still says what the policy says now.
    """
    refuse_retired_variable()
    try:
        return Policy.load(home.policy).timing
    except ConfigurationError:
        return Timing()


def has_begun(day: date, timing: Timing) -> bool:
    """Whether the day is not before the first day that is worked on."""
    return day >= timing.first_day
