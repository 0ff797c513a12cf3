"""The timing that Dagster's partitions need before any run begins, and the first day."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.policy import Policy, Timing
from anonymizer.storage.home import Home
from pipelines.resources.environment import refuse_retired_variable


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


def fault_of_day(option: str, day: date, timing: Timing) -> Fault | None:
    """Why a day that an option names cannot be run, whatever has landed for it."""
    today = datetime.now(ZoneInfo(timing.timezone)).date()
    if not has_begun(day, timing):
        problem = f"{day} is before the first day, {timing.first_day}"
        remedy = "choose a later day, or set timing.first_day in policy.yaml to an earlier one"
        return Fault(option, problem, remedy)
    if day >= today:
        problem = "has not ended yet" if day == today else "is in the future"
        zone = f"it is {today} in {timing.timezone}"
        return Fault(option, f"{day} {problem}: {zone}", "only days that have ended can be run")
    return None
