"""What a reader does with an account: change its password, see and end its sessions.

Both take the current password, whose failures count as those of a sign-in do, so that a session
that someone else has got hold of is no way to guess it.
"""

from datetime import UTC, datetime

from starlette.responses import RedirectResponse, Response

from portal.passwords import hashed, weakness
from portal.sign_in import SignInAttempt, SignInResult, try_sign_in
from portal.sign_in_pages import SEE_OTHER
from portal.site import DEVICE, SESSION, PageRequest, Site, cookie


def account_page(site: Site, asked: PageRequest) -> Response:
    """The sessions of the account, and the form for a new password."""
    return _page(site, asked)


def change_password(site: Site, asked: PageRequest) -> Response:
    """Change the password; every session and API token of the account ends, this one too."""
    account, form = asked.signed_in.account, asked.form
    chosen = form.get("chosen", "")
    if problem := weakness(chosen, [account.login, *account.advertisers]):
        return _page(site, asked, problem, status=422)
    if chosen != form.get("again", ""):
        return _page(site, asked, "differ", status=422)
    result = _tried(site, asked)
    if result.outcome != "signed_in":
        return _wrong(site, asked, result)
    site.note("password_changed", asked)
    site.store.set_password(account.login, hashed(chosen))
    response = RedirectResponse("/sign-in", SEE_OTHER)
    cookie(response, SESSION, "")
    return response


def end_other_sessions(site: Site, asked: PageRequest) -> Response:
    """End the sessions of the account in other browsers."""
    result = _tried(site, asked)
    if result.outcome != "signed_in":
        return _wrong(site, asked, result)
    site.note("sessions_ended", asked)
    token = asked.request.cookies.get(SESSION, "")
    site.store.end_other_sessions(asked.signed_in.account.login, token)
    return _page(site, asked, ended=True)


def _tried(site: Site, asked: PageRequest) -> SignInResult:
    login, device = asked.signed_in.account.login, asked.request.cookies.get(DEVICE, "")
    attempt = SignInAttempt(login, asked.form.get("current", ""), asked.address, device)
    return try_sign_in(attempt, site.store, site.limits, site.password_roles)


def _wrong(site: Site, asked: PageRequest, result: SignInResult) -> Response:
    site.note("password_refused", asked)
    if result.outcome == "too_many":
        return _page(site, asked, "too_many", status=429)
    return _page(site, asked, "current_wrong", status=403)


def _page(
    site: Site, asked: PageRequest, problem: str = "", *, status: int = 200, ended: bool = False
) -> Response:
    session = asked.signed_in
    rows = [
        (_minute(one.started), _minute(one.used), one.form_token == session.form_token)
        for one in site.store.sessions_of(session.account.login)
    ]
    return site.page(
        "account.html",
        asked,
        status,
        rows=rows,
        problem=problem,
        ended=ended,
        passwords=session.account.role in site.password_roles,
    )


def _minute(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
