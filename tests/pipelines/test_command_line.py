"""The command line's table of commands agrees with what the modules register."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import dagster as dg
import pytest
import typer

from cli import commands
from cli.commands.common import chosen_home, existing_home, use_home
from cli.commands.init import create_home
from cli.main import MODULES, app
from cli.summaries import SUMMARIES
from pipelines.instance.instance import prepare_instance
from pipelines.resources.resources import Installation


def test_every_command_of_every_module_is_in_the_table() -> None:
    folder = Path(next(iter(commands.__path__)))
    registered = {}
    for path in sorted(folder.glob("*.py")):
        module = import_module(f"cli.commands.{path.stem}")
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


def test_each_command_is_summed_up_by_the_first_lines_of_its_help() -> None:
    group = typer.main.get_group(app)
    first = {}
    for name in MODULES:
        command = group.get_command(typer.Context(group), name)
        first[name] = " ".join(str(command and command.help).split("\n\n")[0].split())

    assert first == SUMMARIES
    assert list(SUMMARIES) == list(MODULES)


def test_the_list_of_commands_loads_none_of_them() -> None:
    program = (
        "import sys\nfrom cli.main import main\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=True
    )
    loaded = {name for name in done.stderr.split() if name.startswith("cli.commands.")}

    assert loaded == {"cli.commands.common"}
    assert all(name in done.stdout for name in MODULES)


@pytest.mark.parametrize("command", ["run", "backfill", "demo", "check-input"])
def test_the_help_of_a_command_waits_for_no_engine(command: str) -> None:
    program = (
        "import sys\nfrom cli.main import main\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)\n"
    )
    arguments = [sys.executable, "-c", program, command, "--help"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)

    assert "Usage" in done.stdout
    assert not {"pyarrow", "duckdb", "dagster", "scipy"} & set(done.stderr.split())


def test_the_command_line_writes_no_environment_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home is handed on as an object, to Dagster as a field of a resource."""
    monkeypatch.setenv("AUDIENCE_HOME", "elsewhere")
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    home = create_home(use_home(tmp_path / "chosen"))
    prepare_instance(home)
    installation = Installation.of(existing_home(home.root))

    assert installation.home == chosen_home() == home
    assert dict(os.environ) == before
    assert Installation().home.root == tmp_path / "elsewhere"


def test_a_resource_without_a_folder_follows_the_environment_and_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUDIENCE_HOME", raising=False)
    assert Installation.from_environment().home.root == tmp_path / "home"
    monkeypatch.setenv("AUDIENCE_HOME", "other")
    assert isinstance(Installation.from_environment().folder, dg.EnvVar)
