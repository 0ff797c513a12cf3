"""Signing in and out, and the language of an account."""

import re
import secrets

from starlette.responses import RedirectResponse, Response

from portal.account_store import DEVICE_SECONDS
from portal.sign_in import SignInAttempt, try_sign_in
from portal.site import DEVICE, FORM, SESSION, PageRequest, Site, cookie

_OWN_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9/._~%@:-]*")
_SEE_OTHER = 303


def sign_in_page(site: Site, asked: PageRequest) -> Response:
    """The form for signing in."""
    if asked.session:
        return RedirectResponse("/", _SEE_OTHER)
    return _form(site, asked, asked.asked("next"))


def sign_in(site: Site, asked: PageRequest) -> Response:
    """Compare the password and begin a session, whose token was in no page before."""
    request, form = asked.request, asked.form
    login, next_path = form.get("login", "").strip().lower()[:64], form.get("next", "")
    device = request.cookies.get(DEVICE, "")
    attempt = SignInAttempt(login, form.get("password", ""), asked.address, device)
    result = try_sign_in(attempt, site.store, site.limits)
    token = None
    if result.outcome == "signed_in":
        newest = site.files.circulation().newest
        token = site.store.begin_session(login, result.password_hash, newest)
    # What is no login may be a password in the wrong field.
    known = login if site.store.password_of(login) else "unknown"
    if result.outcome == "too_many":
        site.note("sign_in_limited", asked, login=known)
        return _form(site, asked, next_path, problem="too_many", status=429)
    if token is None:
        site.note("sign_in_refused", asked, login=known)
        return _form(site, asked, next_path, problem="wrong", status=401)
    site.note("sign_in", asked, login=login)
    if old := request.cookies.get(SESSION):
        site.store.end_session(old)
    response = RedirectResponse(_own(next_path), _SEE_OTHER)
    cookie(response, SESSION, token)
    cookie(response, FORM, "")
    known_device = device and site.store.is_device_of(device, login)
    recognised = None if known_device else site.store.recognise_device(login, result.password_hash)
    if recognised:
        cookie(response, DEVICE, recognised, DEVICE_SECONDS)
    return response


def sign_out(site: Site, asked: PageRequest) -> Response:
    """End the session here, not only in the browser."""
    site.store.end_session(asked.request.cookies.get(SESSION, ""))
    site.note("sign_out", asked)
    response = RedirectResponse("/sign-in", _SEE_OTHER)
    cookie(response, SESSION, "")
    return response


def set_language(site: Site, asked: PageRequest) -> Response:
    """Show every page in the other language from now on."""
    wanted = "id" if asked.form.get("language") == "id" else "en"
    site.store.set_language(asked.signed_in.account.login, wanted)
    return RedirectResponse(_own(asked.form.get("next", "")), _SEE_OTHER)


def _form(
    site: Site, asked: PageRequest, next_path: str, problem: str = "", status: int = 200
) -> Response:
    value = asked.request.cookies.get(FORM, "") or secrets.token_urlsafe(32)
    response = site.page(
        "sign_in.html",
        asked,
        status,
        form_token=site.form_token(value),
        next_path=_own(next_path),
        problem=problem,
    )
    cookie(response, FORM, value)
    return response


def _own(path: str) -> str:
    """A path of the portal; its first page for anything else."""
    return path if _OWN_PATH.fullmatch(path) else "/"
