"""The command line's table of commands agrees with what the modules register."""

from importlib import import_module
from pathlib import Path

import typer

from pipelines import commands
from pipelines.cli import MODULES, app


def test_every_command_of_every_module_is_in_the_table() -> None:
    folder = Path(next(iter(commands.__path__)))
    registered = {}
    for path in sorted(folder.glob("*.py")):
        module = import_module(f"pipelines.commands.{path.stem}")
        if hasattr(module, "register"):
            part = typer.Typer()
            module.register(part)
            registered |= dict.fromkeys(typer.main.get_group(part).commands, path.stem)

    assert registered == MODULES


def test_help_lists_all_commands_in_order() -> None:
    group = typer.main.get_group(app)
    context = typer.Context(group)

    assert group.list_commands(context) == list(MODULES)
    for name in MODULES:
        assert group.get_command(context, name).get_short_help_str()
    assert group.get_command(context, "nothing") is None
