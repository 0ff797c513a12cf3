"""Paths to a value inside a row: `user.id`, `event_params[key=page_location].value.string_value`.

Of a CSV file a path is the name of a column as it is in the header. In every format a path may go
on inside of a text that is JSON: `contexts{json}.data[0].id`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anonymizer.intake.json_lines import RepeatingObject

_STEP = re.compile(r"(?P<name>`[^`]+`|[^.\[\]`=]+)(?P<picks>(?:\[[^\]]+\])*)(?P<end>\.|$)")
_EMBEDDED = "{json}"
_PICK = re.compile(r"\[([^\]]+)\]")


@dataclass(frozen=True)
class Element:
    """One element of a list: the one at a position, or the only one whose `key` is `value`."""

    position: int = 0
    key: str = ""
    value: str = ""


Step = str | Element


@dataclass(frozen=True)
class FieldPath:
    """The steps from a row to a value; the first is the name of a column."""

    text: str
    steps: tuple[Step, ...]

    @property
    def column(self) -> str:
        """The column that has the value in it."""
        return str(self.steps[0])

    @property
    def is_nested(self) -> bool:
        """Whether the value is inside of a column's."""
        return len(self.steps) > 1


def parse_path(text: str, *, nested: bool) -> FieldPath:
    """The path that a text states. Raises ValueError saying what is wrong with it."""
    if not text:
        raise ValueError("the path is empty")
    if not nested:
        return FieldPath(text, (text,))
    steps: list[Step] = []
    place = 0
    while place < len(text):
        step = _STEP.match(text, place)
        if not step or (step["end"] == "." and step.end() == len(text)):
            raise ValueError(
                f"{text!r} is not a path; write column.field, column[0].field or "
                "column[key=name].field, and a name with a dot in backticks"
            )
        steps.append(step["name"].strip("`"))
        steps += [_element(pick) for pick in _PICK.findall(step["picks"])]
        place = step.end()
    return FieldPath(text, tuple(steps))


def file_path(text: str) -> str:
    """The part of a path that leads to a field of the file."""
    return text.partition(_EMBEDDED)[0]


def inner_path(text: str) -> FieldPath | None:
    """The part that leads on inside of the field's text, below a first step of its own.

    None where there is no such part. Raises ValueError saying what is wrong with it.
    """
    _, embedded, rest = text.partition(_EMBEDDED)
    if not embedded:
        return None
    if _EMBEDDED in rest or not rest.startswith((".", "[")):
        raise ValueError(f"{text!r} is not a path; write column{_EMBEDDED}.field, once")
    return FieldPath(text, parse_path(f"text{rest}", nested=True).steps)


def _element(text: str) -> Element:
    key, equals, value = text.partition("=")
    if equals and key and value:
        return Element(key=key, value=value)
    if text.isdigit():
        return Element(position=int(text))
    raise ValueError(f"[{text}] is neither a position nor KEY=VALUE")


class UnclearError(Exception):
    """A key or an element on the way is there more than once: which one is meant is not known."""


class LackingError(Exception):
    """Something on the way is there and is not what the path goes through."""


class EndsError(Exception):
    """Something on the way is null, or a row or list does not have it."""


def value_at(fields: Mapping[str, Any], path: FieldPath) -> Any:
    """The value that a path leads to in a decoded JSON object; None if that is null.

    Raises UnclearError, LackingError and EndsError.
    """
    found: Any = fields
    for step in path.steps:
        if found is None:
            raise EndsError
        if isinstance(step, Element):
            found = _picked(found, step)
            continue
        if isinstance(found, RepeatingObject) and step in found.repeated:
            raise UnclearError
        if not isinstance(found, Mapping) or step not in found:
            # Writers leave out what is null: a whole column is often not there.
            raise EndsError if found is fields else LackingError
        found = found[step]
    return found


def _picked(found: Any, element: Element) -> Any:
    """Raises EndsError where no element fits, UnclearError where several may."""
    if not isinstance(found, list):
        raise LackingError
    if not element.key:
        if element.position >= len(found):
            raise EndsError
        return found[element.position]
    objects = [each for each in found if isinstance(each, Mapping)]
    if any(isinstance(each, RepeatingObject) and element.key in each.repeated for each in objects):
        raise UnclearError
    fitting = [each for each in objects if each.get(element.key) == element.value]
    if len(fitting) > 1:
        raise UnclearError
    if fitting:
        return fitting[0]
    if len(objects) < len(found) - found.count(None) or any(
        element.key not in each for each in objects
    ):
        raise LackingError
    raise EndsError
