"""The `audience` command. The module of a command is imported when that command is called.

So `audience protect` does not wait for what `audience run` needs. A module of a command imports all
that the command needs; commands that need different things are in different modules. `--help` lists
all commands by `cli/summaries.py` and imports none of them.
"""

import gc
import os
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Literal, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from anonymizer.model.errors import AudienceError, ConfigurationError
from anonymizer.model.escaping import visible_lines
from anonymizer.model.version import code_version
from cli import command_limits
from cli.commands.common import chosen_home, forget_home
from cli.help_texts import complete_help
from cli.output import say, warn
from cli.summaries import SUMMARIES
from pipelines.messages.event_log import log_event, notices_as_events, require_known_format

# The module in cli/commands/ that registers each command, in the order of `--help`.
MODULES = {
    "init": "init",
    "migrate": "migrate",
    "ui": "ui",
    "segments": "segments",
    "sample": "sample",
    "demo": "demo",
    "run": "run",
    "backfill": "run",
    "portal": "portal",
    "user": "user",
    "check-input": "check_input",
    "source": "source",
    "accept": "accept",
    "health": "health",
    "quarantine": "quarantine",
    "statements": "statements",
    "figures": "figures",
    "exports": "exports",
    "verify": "verify",
    "check": "check",
    "package": "package",
    "deliver": "deliver",
    "deliveries": "deliveries",
    "suppressed": "suppressed",
    "withdraw-release": "withdraw_release",
    "correct-release": "correct_release",
    "protect": "protect",
    "audit": "audit",
    "compare-naive": "compare_naive",
    "policy": "policy",
    "whatif": "whatif",
    "officer": "officer",
    "segment-request": "segment_request",
    "rights": "rights",
    "retention": "retention",
    "retire-exports": "retire_exports",
    "evidence": "evidence",
    "ledger": "ledger",
    "change-key": "change_key",
    "backup": "backup",
    "restore": "backup",
}
# Commands that have another name now.
RENAMED = {"withheld": "suppressed"}


class _Commands(Mapping[str, Any]):
    """The commands by name; looking one up imports its module."""

    def __getitem__(self, name: str) -> Any:
        return _registered(MODULES[name])[name]

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


@cache
def _registered(module: str) -> Mapping[str, Any]:
    """All commands that a module registers."""
    part = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    import_module(f"cli.commands.{module}").register(part)
    commands = typer.main.get_group(part).commands
    complete_help(commands)
    return commands


class _OnDemand(TyperGroup):
    """A group that knows the names of its commands, and loads them one by one."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()  # type: ignore[assignment]  # read only: nothing is added

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name; an earlier name runs it with a warning."""
        if now := RENAMED.get(cmd_name):
            warn(f"audience {cmd_name} is now audience {now}.")
        return super().get_command(ctx, now or cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The list of commands, without their modules."""
        listed: dict[str, Any] = {
            name: TyperCommand(name, help=SUMMARIES[name]) for name in MODULES
        }
        whole = TyperGroup(
            name=self.name,
            commands=listed,
            params=self.params,
            help=self.help,
            rich_markup_mode=self.rich_markup_mode,
            no_args_is_help=True,
        )
        complete_help({"": whole})
        whole.format_help(ctx, formatter)

    def make_context(self, *names: Any, **extra: Any) -> Any:
        """Read what stands before the name of the command."""
        with _arguments_made_visible():
            return super().make_context(*names, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Read the arguments of the command, and run it."""
        with _arguments_made_visible():
            return super().invoke(ctx)


@contextmanager
def _arguments_made_visible() -> Iterator[None]:
    """What is said of a wrong argument repeats it; the library keeps that in `message`."""
    try:
        yield
    except Exception as error:
        if isinstance(message := getattr(error, "message", None), str):
            in_log = os.environ.get("AUDIENCE_LOG") == "json"  # which has no argument
            text = "the arguments cannot be read" if in_log else visible_lines(message)
            vars(error)["message"] = text
        raise


app = typer.Typer(
    cls=_OnDemand,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        say(f"audience {code_version()}")
        raise typer.Exit


@app.callback()
def _audience(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Version and commit."
        ),
    ] = False,
) -> None:
    """Turn visits and profiles into audience figures that reveal no small group of people."""


def command() -> NoReturn:
    """`main`, after which the process ends at once.

    Threads of Arrow let go of the files that they have read a moment later than it says so. Those
    that come to that while Python is being taken down abort the whole process.
    """
    gc.set_threshold(*command_limits.COLLECTED_AT)
    try:
        main()
        code: int | str | None = 0
    except SystemExit as end:
        code = end.code
    with suppress(OSError):  # nobody reads what is left to say
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def main() -> None:
    """Run the command line. Errors become one message and an exit code, never a traceback."""
    if "AUDIENCE_LOG" in os.environ:
        _main_with_events()
    else:
        _main()


def _main_with_events() -> None:
    """The same, and what is said on stderr are events; of arguments only the command is told."""
    begun = time.monotonic()
    command = next((word for word in sys.argv[1:] if word in MODULES), None)
    with notices_as_events():
        try:
            require_known_format()
            _main()
        except ConfigurationError as error:
            _say(f"audience: {error}")
            sys.exit(error.exit_code)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
            seconds = round(time.monotonic() - begun, 3)
            level: Literal["info", "error"] = "error" if code else "info"
            log_event("command_ended", level, command=command, seconds=seconds, exit_code=code)
            raise


def _message_of(error: AudienceError) -> str:
    """The message; of wrong arguments and settings, which it repeats, only the number in a log."""
    if isinstance(error, ConfigurationError) and os.environ.get("AUDIENCE_LOG") == "json":
        number = len(error.faults)
        mistakes = "1 mistake" if number == 1 else f"{number} mistakes"
        return f"{mistakes}; run the command without AUDIENCE_LOG to read them"
    return str(error)


def _main() -> None:
    forget_home()
    try:
        app()
    except AudienceError as error:
        _say(f"audience: {_message_of(error)}")
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001  its message may carry a value: only its type is shown
        log = _write_trace(error)
        _say(
            f"audience: unexpected {type(error).__name__}; this is a fault of the program. The "
            f"place of the fault is in {log}"
        )
        sys.exit(AudienceError.exit_code)


def _say(message: str) -> None:
    from pipelines.messages.screen import notices  # noqa: PLC0415  loads Rich: only errors need it

    notices().print(message, style="red")


def _write_trace(error: Exception) -> str:
    """Keep files and lines of the fault, without its message: that may carry a value."""
    frames = traceback.format_list(traceback.extract_tb(error.__traceback__))
    moment = datetime.now(UTC)
    path = chosen_home().root / "logs" / f"fault-{moment:%Y%m%dT%H%M%S%f}.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{type(error).__name__}\n{''.join(frames)}", encoding="utf-8")
    except OSError:
        return "no log file, because the home directory cannot be written"
    return str(path)


if __name__ == "__main__":
    command()
