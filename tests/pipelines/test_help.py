"""Every command has a help with an example, and the examples are commands."""

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from running import call

from cli.examples import EXAMPLES
from cli.main import app

ROOT: Any = typer.main.get_command(app)


def leaves(group: Any = ROOT, prefix: str = "") -> Iterator[str]:
    for name in group.commands:
        command = group.commands[name]
        inner = getattr(command, "commands", None)
        yield from leaves(command, f"{prefix}{name} ") if inner else [f"{prefix}{name}"]


def test_every_command_has_an_example_of_its_own() -> None:
    assert set(leaves()) == set(EXAMPLES)
    for name, examples in EXAMPLES.items():
        for example in examples:
            assert example == f"audience {name}" or example.startswith(f"audience {name} ")


@pytest.mark.parametrize("example", [text for texts in EXAMPLES.values() for text in texts])
def test_an_example_is_read_without_a_fault(example: str) -> None:
    command, words = ROOT, shlex.split(example)[1:]
    while inner := getattr(command, "commands", None):
        command = inner[words.pop(0)]
    command.make_context("audience", words)


@pytest.mark.parametrize("name", ["run", "policy check", "figures"])
def test_the_help_shows_the_examples(name: str) -> None:
    shown = call(*name.split(), "--help").stdout
    for example in EXAMPLES[name]:
        assert example in " ".join(shown.split())
