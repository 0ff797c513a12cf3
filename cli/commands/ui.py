"""`audience ui`: Dagster's pages on this machine."""

import os
import socket
import sys
from typing import Annotated

import typer

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.storage.home import VARIABLE
from anonymizer.storage.permissions import OWNER_ONLY
from cli.commands.common import HomeOption, existing_home, require_extra
from pipelines.instance.instance import prepare_instance

_HERE = "127.0.0.1"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("ui")(serve_ui)


def serve_ui(
    home: HomeOption = None,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65_535)] = 3000,
) -> None:
    """Open Dagster's pages on this machine (127.0.0.1): runs, assets, schedule, sensors."""
    require_extra("ui", "dagster_webserver", "audience ui")
    os.umask(OWNER_ONLY)  # of Dagster's processes, which write without being asked
    place = existing_home(home)
    folder = prepare_instance(place)
    require_free(port)
    command = [sys.executable, "-P", "-m", "pipelines.instance.pages", str(port)]
    named = {VARIABLE: str(place.root), "DAGSTER_HOME": str(folder)}
    os.execve(sys.executable, command, {**os.environ, **named})  # noqa: S606  no shell


def require_free(port: int) -> None:
    """Refuse a port of this machine on which something else listens."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((_HERE, port))
        except OSError as error:
            reason = f"cannot be listened on ({error.strerror})"
            fault = Fault("--port", f"port {port} {reason}", "choose another")
            raise ConfigurationError([fault]) from None
