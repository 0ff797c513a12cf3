"""Variables that an earlier version read: silence would change what is run.

By itself, because the command line asks before every command.
"""

import os

from anonymizer.model.errors import ConfigurationError, Fault

_RETIRED = "AUDIENCE_FIRST_DAY"


def refuse_retired_variable() -> None:
    """Raise ConfigurationError while `AUDIENCE_FIRST_DAY` is set: nothing reads it any more."""
    if _RETIRED in os.environ:
        problem = "this variable is no longer read; the first day is a setting of the policy"
        remedy = "unset it and set timing.first_day in policy.yaml"
        raise ConfigurationError([Fault(_RETIRED, problem, remedy)])
