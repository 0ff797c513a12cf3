"""Reads a YAML file into a Pydantic model and reports every mistake at once, by line."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.renamed_settings import RENAMED


class Settings(BaseModel):
    """Base of all configuration models: immutable, and an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _calendar_day(value: object) -> date:
    """A day as YAML has it or as text; not the number or the time that Pydantic would take."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None or day.isoformat() != value:
        raise ValueError("this is not a date (YYYY-MM-DD)")
    return day


CalendarDay = Annotated[date, BeforeValidator(_calendar_day)]


_PLAIN = {"extra_forbidden": "this key is unknown", "missing": "this key is missing"}
_REMEDIES = {
    "extra_forbidden": "remove it, or correct its name; docs/policy-reference.md lists all settings"
}
_ADDRESS = re.compile(r"://|@|password\s*=", re.IGNORECASE)
# What earlier versions had instead of a key. One that has another name only is in `RENAMED`.
_REPLACED = {
    "trusted_after_days": "min_account_days",
    "proof_seconds": "proof_work",
}

# The same in C, ten times as fast, where PyYAML was built with it.
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Model = TypeVar("Model", bound=Settings)


def load(path: Path, model: type[Model]) -> Model:
    """The settings in `path`. Raises ConfigurationError with all faults and their lines."""
    return parse(read_text(path), path.name, model)


def read_text(path: Path) -> str:
    """What stands in a file of settings. Raises ConfigurationError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            [Fault(str(path), "the file is missing", "write one with: audience init")]
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError([Fault(path.name, "this is not valid YAML")]) from None


def parse(text: str, name: str, model: type[Model]) -> Model:
    """The settings in a text that is called `name` in faults. Raises ConfigurationError."""
    settings: Model = _parsed(text, name, model)
    return settings


# A run asks for the same text for every day, stage and check of it.
@lru_cache(maxsize=32)
def _parsed(text: str, name: str, model: type[Model]) -> Model:
    try:
        root = yaml.compose(text, Loader=_LOADER)
        content = yaml.load(text, Loader=_LOADER)  # noqa: S506  a safe one
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}" if mark else name
        raise ConfigurationError([Fault(place, "this is not valid YAML")]) from None
    faults = [
        Fault(f"{name}:{line}", f"the key {_printable(key)!r} occurs twice")
        for key, line in _doubled_keys(root)
    ]
    try:
        settings = model.model_validate(content or {})
    except ValidationError as error:
        raise ConfigurationError(faults + _faults(error, name, root)) from None
    if faults:
        raise ConfigurationError(faults)
    return settings


def line_of(text: str, location: Iterable[Any]) -> int:
    """The line of the deepest part of `location` that is in a valid YAML text."""
    return _line(yaml.compose(text, Loader=yaml.SafeLoader), location)


def _faults(error: ValidationError, name: str, root: yaml.Node | None) -> list[Fault]:
    found = []
    for fault in error.errors():
        path = tuple(map(str, fault["loc"]))
        place = f"{name}:{_line(root, fault['loc'])} {'.'.join(map(_printable, path))}"
        if fault["type"] == "extra_forbidden" and path in RENAMED:
            now = ".".join((*path[:-1], RENAMED[path]))
            problem, remedy = f"this setting is now called {now}", "run: audience migrate"
        else:
            problem = _PLAIN.get(fault["type"], fault["msg"].removeprefix("Value error, "))
            remedy = _remedy(fault["type"], path[-1] if path else "")
        found.append(Fault(place, problem, remedy))
    return found


def _printable(key: str) -> str:
    """A key for a message; one that looks like an address, which may have a password, is not."""
    return "(not shown)" if _ADDRESS.search(key) else key


def _remedy(kind: str, key: str) -> str:
    following = _REPLACED.get(key)
    if kind == "extra_forbidden" and following:
        return f"remove it and set {following} instead; its meaning has changed"
    return _REMEDIES.get(kind, "")


def _line(node: yaml.Node | None, location: Iterable[Any]) -> int:
    """The line of the deepest part of `location` that stands in the file."""
    line = 1
    for part in location:
        following = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, following = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            following = node.value[part]
            line = following.start_mark.line + 1
        if following is None:
            return line
        node = following
    return line


def _doubled_keys(node: yaml.Node | None) -> list[tuple[str, int]]:
    doubled: list[tuple[str, int]] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                doubled.append((key.value, key.start_mark.line + 1))
            seen.add(key.value)
            doubled += _doubled_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            doubled += _doubled_keys(item)
    return doubled
