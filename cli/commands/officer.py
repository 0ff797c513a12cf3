"""`audience officer`: the page of stored trials and waiting requests, for who may approve."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from anonymizer.storage.permissions import account_name
from cli.commands.common import HomeOption, existing_home, require_extra
from cli.commands.segment_request import request_rows
from cli.commands.ui import require_free
from cli.commands.whatif import require_officer
from cli.output import say
from pipelines.release_history import open_ledger

_COMMAND = "audience officer"
_COLUMNS = ("id", "time", "login", "advertisers", "segment", "state")


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("officer")(serve_page)


def serve_page(
    home: HomeOption = None,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65_535)] = 8110,
) -> None:
    """Serve the officer's page on this machine (127.0.0.1): settings tried, waiting requests.

    Only for logins that may approve settings. It prints a key, without which nothing is shown, and
    an address with a host name of its own, so that no other port of this machine gets its cookie.
    Address, key and sessions end with the command. Results come from: audience whatif --store
    """
    require_extra("portal", "starlette", _COMMAND)
    from officer.officer_sessions import OfficerSessions  # noqa: PLC0415  an optional extra
    from officer.officer_site import OfficerSite, serve_officer  # noqa: PLC0415  an optional extra
    from officer.stored_trials import TrialFolder  # noqa: PLC0415  with the others
    from portal.access_log import AccessLog  # noqa: PLC0415  an optional extra

    place = existing_home(home)
    require_officer(place, open_ledger(place), _COMMAND)
    require_free(port)

    def waiting() -> Sequence[Mapping[str, str]]:
        rows = request_rows(place, still_open=True)
        return [dict(zip(_COLUMNS, map(str, row), strict=False)) for row in rows]

    trials, sessions = TrialFolder(place), OfficerSessions()
    trials.remove_old()
    site = OfficerSite(trials, sessions, AccessLog(place.officer_log), account_name(), waiting)
    say(f"The officer's page is at http://{sessions.host}:{port}. Stop it with Ctrl-C.")
    say(f"Key: {sessions.key}")
    serve_officer(site, port)
