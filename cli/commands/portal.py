"""`audience portal`: the pages on which ad-ops find, read and download exports."""

import re
from typing import Annotated

import typer

from anonymizer.model.errors import ConfigurationError, Fault
from cli.commands.common import HomeOption, existing_home, require_extra
from cli.commands.ui import require_free
from cli.output import say, warn

_ORIGIN = re.compile(r"https://[a-z0-9.-]+(:\d{1,5})?")


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("portal")(serve_portal)


def serve_portal(
    home: HomeOption = None,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65_535)] = 8100,
    origin: Annotated[
        str,
        typer.Option(help="Address behind a proxy, for example https://portal.example."),
    ] = "",
) -> None:
    """Serve the portal on this machine (127.0.0.1): figures, statements, downloads, certificates.

    It reads the published folder alone. Accounts are made with: audience user add
    """
    require_extra("portal", "argon2", "audience portal")
    from portal.server import serve, site_of  # noqa: PLC0415  an optional extra, checked above

    place = existing_home(home)
    if origin and not _ORIGIN.fullmatch(origin):
        problem = f"{origin!r} is not the origin of a page over HTTPS"
        raise ConfigurationError([Fault("--origin", problem, "write https://portal.example")])
    require_free(port)
    site = site_of(place, origin)
    if not site.store.accounts():
        warn("there are no accounts; add one with: audience user add LOGIN --role ROLE")
    say(f"The portal is at {origin or f'http://127.0.0.1:{port}'}. Stop it with Ctrl-C.")
    serve(site, port)
