"""The timing that Dagster's partitions need before any run begins, and the first day."""

import os
from datetime import date

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.policy import Policy, Timing
from anonymizer.storage.home import Home

_RETIRED = "AUDIENCE_FIRST_DAY"


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


def refuse_retired_variable() -> None:
    """Raise ConfigurationError while `AUDIENCE_FIRST_DAY` is set: nothing reads it any more."""
    if _RETIRED in os.environ:
        problem = "this variable is no longer read; the first day is a setting of the policy"
        remedy = "unset it and set timing.first_day in policy.yaml"
        raise ConfigurationError([Fault(_RETIRED, problem, remedy)])
