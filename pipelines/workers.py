"""Several processes for the tables of a release, which stop when the run is told to stop."""

from anonymizer.model.errors import Held
from anonymizer.model.policy import Effort
from anonymizer.storage.processes import Workers
from pipelines import interruption


def heedful_workers(effort: Effort) -> Workers:
    """As many as the policy allows. Once a signal is noted their day is held as `interrupted`."""
    return Workers(effort.threads, _go_on)


def _go_on() -> None:
    if interruption.received():
        raise Held("interrupted", interruption.MESSAGE.removeprefix("interrupted; "))
