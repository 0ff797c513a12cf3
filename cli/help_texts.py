"""What `--help` shows: paragraphs that wrap anywhere, words for types, and examples.

Typer keeps the line breaks of docstrings from the second paragraph on, so that a narrow terminal
breaks their lines twice, and it names Python's types.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cli.examples import EXAMPLES

_NUMBER = "number"
_TYPES: Mapping[str, str] = {
    "str": "text",
    "int": _NUMBER,
    "int range": _NUMBER,
    "float": _NUMBER,
    "file": "path",
}
_LINE_BREAK = re.compile(r"(?<=\S)\n(?=\S)")


def complete_help(commands: Mapping[str, Any], prefix: str = "") -> None:
    """Make the help of commands, and of those in groups, what is to be shown."""
    for name, command in commands.items():
        full = f"{prefix}{name}"
        command.help = _LINE_BREAK.sub(" ", command.help or "")
        command.epilog = _epilog(full)
        command.get_params = partial(_described, command.get_params)
        complete_help(getattr(command, "commands", None) or {}, f"{full} ")


def _epilog(command: str) -> str | None:
    known = EXAMPLES.get(command)
    if not known:
        return None
    return "\n\n".join(("Example:" if len(known) == 1 else "Examples:", *known))


def _described(get_params: Callable[[Any], list[Any]], ctx: Any) -> list[Any]:
    parameters = get_params(ctx)  # among them --help, which is made when it is asked for
    for parameter in parameters:
        parameter.display_type_rich = partial(_type_of, parameter)
    return parameters


def _type_of(parameter: Any, ctx: Any) -> str | None:
    """`<text>` in place of `<list[str]>`, and nothing for a flag."""
    if getattr(parameter, "is_flag", False):
        return None
    names = parameter.display_type(ctx).strip("<>").removeprefix("list[").removesuffix("]")
    return f"<{' | '.join(_TYPES.get(name, name) for name in names.split('|'))}>"
