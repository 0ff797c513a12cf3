"""What the figures of a table have to keep, and what the proof may cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from pydantic import ValidationError

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.policy import Effort, Promise

Model = TypeVar("Model", Promise, Effort)
Zeros = Literal["protect", "public"]
# Options of the command by the settings that they are.
_OPTIONS = {
    "k": "--k",
    "inference_k": "--inference-k",
    "rounding": "--rounding",
    "proof_work": "--proof-work",
    "threads": "--jobs",
    "memory_megabytes": "--memory-megabytes",
}
_UNIONS = {"inference_k": "write k, 0, or a number of people"}


@dataclass(frozen=True)
class RuleSettings:
    """Settings as given, not checked yet. `inference_k` is `k` or a number."""

    k: int
    inference_k: str
    rounding: int
    zeros: Zeros
    proof_work: int
    jobs: int
    memory_megabytes: int = 2_048


@dataclass(frozen=True)
class ProtectionRules:
    """The promise, whether empty cells are secret, and the effort."""

    promise: Promise
    zeros: Zeros
    effort: Effort


def make_rules(settings: RuleSettings) -> ProtectionRules:
    """Rules without secret offsets: a table by itself has no history to be compared with.

    Raises ConfigurationError with every mistake, by option.
    """
    faults: list[Fault] = []
    promise = {
        "k": settings.k,
        "k_jitter": 0,
        "inference_k": settings.inference_k,
        "rounding": settings.rounding,
        "near_jitter": 0,
    }
    effort = {
        "proof_work": settings.proof_work,
        "threads": settings.jobs,
        "memory_megabytes": settings.memory_megabytes,
    }
    kept, cost = _checked(Promise, promise, faults), _checked(Effort, effort, faults)
    if kept is None or cost is None:
        raise ConfigurationError(faults)
    return ProtectionRules(kept, settings.zeros, cost)


def _checked(model: type[Model], values: Mapping[str, object], faults: list[Fault]) -> Model | None:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults += _faults(error)
        return None


def _faults(error: ValidationError) -> list[Fault]:
    found: dict[Fault, None] = {}
    for fault in error.errors():
        name = str(fault["loc"][0]) if fault["loc"] else ""
        problem = _UNIONS.get(name, fault["msg"].removeprefix("Value error, "))
        found[Fault(_OPTIONS.get(name, "the options"), problem)] = None
    return list(found)
