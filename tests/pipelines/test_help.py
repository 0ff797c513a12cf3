"""Every command has a help with an example, and the examples are commands."""

import itertools
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from running import call

from cli.examples import EXAMPLES
from cli.main import app

WIDEST = 78
ROOT: Any = typer.main.get_command(app)


def all_commands(group: Any = ROOT, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Commands and groups with their full names; the whole is called ""."""
    yield prefix.strip(), group
    for name, command in (getattr(group, "commands", None) or {}).items():
        yield from all_commands(command, f"{prefix}{name} ")


NAMES = [name for name, _ in all_commands()]


def test_every_command_and_group_has_an_example_of_its_own() -> None:
    assert set(NAMES) == set(EXAMPLES)
    for name, examples in EXAMPLES.items():
        for example in examples:
            assert f"{example} ".startswith(f"audience {name} ".replace("  ", " "))


@pytest.mark.parametrize("example", [text for texts in EXAMPLES.values() for text in texts])
def test_an_example_is_read_without_a_fault(example: str) -> None:
    command, words = ROOT, shlex.split(example)[1:]
    if "--help" in words:
        assert " ".join(words[:-1]) in NAMES
        return
    while inner := getattr(command, "commands", None):
        command = inner[words.pop(0)]
    command.make_context("audience", words)


@pytest.mark.parametrize("name", ["", "run", "policy", "policy check", "user token", "figures"])
def test_the_help_shows_the_examples(name: str) -> None:
    shown = call(*name.split(), "--help").stdout
    for example in EXAMPLES[name]:
        assert example in " ".join(shown.split())


@pytest.mark.parametrize("name", NAMES)
def test_a_help_of_80_columns_breaks_lines_where_they_are_full_and_no_word(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = call(*name.split(), "--help").stdout
    assert "list[" not in shown
    assert "<bool>" not in shown
    assert "…" not in shown
    lines = [line[1:].rstrip() for line in shown.splitlines()]
    for line, following in itertools.pairwise(lines):
        boxed = line.startswith(("│", "╭", "╰", " ")) or following[:1] in {"│", "╭", "╰", " "}
        if line and following and not boxed:
            assert len(line) + 1 + len(following.split()[0]) > WIDEST, line
    words = {
        word for name_, command in all_commands() if name_ == name for word in words_of(command)
    }
    assert words <= set(shown.replace("│", " ").split())


def words_of(command: Any) -> set[str]:
    """The longest words of what the help says of each parameter."""
    helps = [parameter.help or "" for parameter in getattr(command, "params", [])]
    return {max(text.split(), key=len) for text in helps if text}
