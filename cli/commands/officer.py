"""`audience officer`: the page of settings tried, requests and held days, for who may approve."""

from typing import Annotated

import typer

from anonymizer.storage.permissions import account_name
from cli.commands.common import HomeOption, existing_home, require_extra
from cli.commands.ui import require_free
from cli.officer_desk import OfficerDesk
from cli.output import say
from cli.setting_trials import require_officer
from pipelines.resources.release_history import open_ledger

_COMMAND = "audience officer"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("officer")(serve_page)


def serve_page(
    home: HomeOption = None,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65_535)] = 8110,
) -> None:
    """Serve the officer's page on this machine (127.0.0.1): settings tried, requests, held days.

    Only for logins that may approve settings. Decisions on the page are recorded in the name of the
    login that runs the command: each officer starts a page of their own. It prints a key, without
    which nothing is shown, and an address with a host name of its own, so that no other port of
    this machine gets its cookie. Address, key and sessions end with the command. Settings tried
    come from: audience whatif --store
    """
    require_extra("portal", "starlette", _COMMAND)
    from officer.officer_sessions import OfficerSessions  # noqa: PLC0415  an optional extra
    from officer.officer_site import OfficerSite, serve_officer  # noqa: PLC0415  an optional extra
    from officer.stored_trials import TrialFolder  # noqa: PLC0415  with the others
    from portal.access_log import AccessLog  # noqa: PLC0415  an optional extra

    place = existing_home(home)
    require_officer(place, open_ledger(place), _COMMAND)
    require_free(port)

    trials, sessions = TrialFolder(place), OfficerSessions()
    trials.remove_old()
    log, desk = AccessLog(place.officer_log), OfficerDesk(place)
    site = OfficerSite(trials, sessions, log, account_name(), desk)
    say(f"The officer's page is at http://{sessions.host}:{port}. Stop it with Ctrl-C.")
    say(f"Key: {sessions.key}")
    serve_officer(site, port)
