"""The `audience` command. Importing it imports no Dagster: commands load what they need."""

import sys
import traceback
from datetime import UTC, datetime

import typer

from anonymizer.errors import AudienceError
from anonymizer.home import Home
from pipelines.commands import history, installation, policy, rights, runs, samples
from pipelines.screen import notices

app = typer.Typer(
    help="Turns raw visits and profiles into audience figures that say nothing about any person.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (installation, samples, runs, history):
    group.register(app)
app.add_typer(policy.app, name="policy")
app.add_typer(rights.app, name="rights")
app.add_typer(history.ledger, name="ledger")


def main() -> None:
    """Run the command line. Errors become one message and an exit code, never a traceback."""
    try:
        app()
    except AudienceError as error:
        notices().print(f"audience: {error}", style="red")
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001  its message may carry a value: only its type is shown
        log = _write_trace(error)
        notices().print(
            f"audience: unexpected {type(error).__name__}; this is a fault of the program. "
            f"Where it happened stands in {log}",
            style="red",
        )
        sys.exit(AudienceError.exit_code)


def _write_trace(error: Exception) -> str:
    """Keep files and lines of the fault, without its message: that may carry a value."""
    frames = traceback.format_list(traceback.extract_tb(error.__traceback__))
    moment = datetime.now(UTC)
    path = Home.from_environment().root / "logs" / f"fault-{moment:%Y%m%dT%H%M%S%f}.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{type(error).__name__}\n{''.join(frames)}", encoding="utf-8")
    except OSError:
        return "no log: the home directory cannot be written"
    return str(path)


if __name__ == "__main__":
    main()
