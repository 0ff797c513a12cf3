"""Keeps what errors say out of the event storage.

Dagster records exceptions with message, stack and chain. An unexpected one may carry a value
of a person (DuckDB's ConversionException quotes the field that it could not read), so no
exception leaves a step as it came: it becomes a `Trouble`, which is raised anew, outside of
any `except`, so that it has no cause and no context.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from anonymizer.model.errors import (
    AudienceError,
    Busy,
    Held,
    InputRejected,
    NoSpace,
    RawZoneUnreachable,
)
from anonymizer.storage.processes import remote_call_sites

Result = TypeVar("Result")
# What holds a day although neither its files nor the settings are at fault.
_FROM_ELSEWHERE = frozenset(
    {
        "secret",
        "ledger",
        "history_changed",
        "release_lost",
        "near_state_lost",
        "missing_input",
        "export_edited",
        "export_lost",
        "published_edited",
        "exports_unfinished",
        "certificate",
        "interrupted",
        "worker_lost",
        "not_yet_arrived",
        "not_ready",
    }
)
_OWN_CODE = ("anonymizer", "pipelines", "data_samples")


@dataclass(frozen=True)
class Trouble:
    """Why a day did not get through a stage. `message` is free of values of persons.

    `passing` trouble may be gone at the next attempt; a gate's refusal never is.
    """

    code: str
    message: str
    exit_code: int
    passing: bool = False
    stage: str = ""

    @property
    def may_pass(self) -> bool:
        """Whether another run of the same files and settings can get further."""
        return self.passing or self.code in _FROM_ELSEWHERE


def attempt(work: Callable[[], Result]) -> Result | Trouble:
    """The result of `work`, or what went wrong as an inert fact."""
    try:
        return work()
    except AudienceError as error:
        return trouble_of(error)
    except Exception as error:  # noqa: BLE001  whatever it is, its message must not get out
        return Trouble(
            "fault",
            f"{type(error).__name__} at {_place(error)}; this is a fault of the pipeline: "
            "keep the raw files and report it",
            AudienceError.exit_code,
            passing=isinstance(error, OSError),
        )


def trouble_of(error: AudienceError) -> Trouble:
    """An error that was raised on purpose, as an inert fact."""
    passing = isinstance(error, Busy | NoSpace | RawZoneUnreachable)
    return Trouble(_code(error), str(error), error.exit_code, passing=passing)


def _code(error: AudienceError) -> str:
    if isinstance(error, Held | InputRejected):
        return error.reason
    return {"Busy": "busy", "NoSpace": "no_space"}.get(type(error).__name__, "configuration")


def _place(error: Exception) -> str:
    """File and line of our own code nearest to the fault, never the line's content."""
    frames = traceback.extract_tb(error.__traceback__)
    call_sites = [(Path(frame.filename), frame.lineno or 0) for frame in frames]
    call_sites += [(Path(file), line) for file, line in remote_call_sites(error)]
    own = [place for place in call_sites if any(part in place[0].parts for part in _OWN_CODE)]
    path, line = (own or call_sites)[-1]
    return f"{path.parent.name}/{path.name}:{line}"
