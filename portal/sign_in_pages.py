"""Signing in and out, and the language of an account."""

import re
import secrets
from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response

from portal import portal_limits
from portal.sign_in import SignInAttempt, try_sign_in
from portal.site import DEVICE, FORM, SESSION, PageRequest, Site, cookie

_OWN_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9/._~%@:-]*")
SEE_OTHER = 303


@dataclass(frozen=True)
class BegunSession:
    """A session's token, and the answer that gives it to the browser."""

    token: str
    page: RedirectResponse


def sign_in_page(site: Site, asked: PageRequest) -> Response:
    """The form for signing in."""
    if asked.session:
        return RedirectResponse("/", SEE_OTHER)
    return sign_in_form(site, asked, asked.asked("next"))


def sign_in(site: Site, asked: PageRequest) -> Response:
    """Compare the password and begin a session, whose token was in no page before."""
    request, form = asked.request, asked.form
    login, next_path = form.get("login", "").strip().lower()[:64], form.get("next", "")
    device = request.cookies.get(DEVICE, "")
    attempt = SignInAttempt(login, form.get("password", ""), asked.address, device)
    result = try_sign_in(attempt, site.store, site.limits, site.password_roles)
    begun = None
    if result.outcome == "signed_in":
        begun = begin_session(site, asked, login, result.password_hash, next_path)
    # What is no login may be a password in the wrong field.
    known = login if site.store.password_of(login) is not None else "unknown"
    if result.outcome == "too_many":
        site.note("sign_in_limited", asked, login=known)
        return sign_in_form(site, asked, next_path, problem="too_many", status=429)
    if begun is None:
        site.note("sign_in_refused", asked, login=known)
        return sign_in_form(site, asked, next_path, problem="wrong", status=401)
    site.note("sign_in", asked, login=login)
    known_device = device and site.store.is_device_of(device, login)
    recognised = None if known_device else site.store.recognise_device(login, result.password_hash)
    if recognised:
        cookie(begun.page, DEVICE, recognised, portal_limits.DEVICE_SECONDS)
    return begun.page


def begin_session(
    site: Site, asked: PageRequest, login: str, password_hash: str, next_path: str
) -> BegunSession | None:
    """Begin a session under a new token and end that of the browser before.

    None where `password_hash` is the account's no more, or there is no such account.
    """
    newest = site.files.circulation().newest
    token = site.store.begin_session(login, password_hash, newest)
    if token is None:
        return None
    if old := asked.request.cookies.get(SESSION):
        site.store.end_session(old)
    response = RedirectResponse(own_path(next_path), SEE_OTHER)
    cookie(response, SESSION, token)
    cookie(response, FORM, "")
    return BegunSession(token, response)


def sign_out(site: Site, asked: PageRequest) -> Response:
    """End the session here, not only in the browser."""
    site.store.end_session(asked.request.cookies.get(SESSION, ""))
    site.note("sign_out", asked)
    response = RedirectResponse("/sign-in", SEE_OTHER)
    cookie(response, SESSION, "")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def set_language(site: Site, asked: PageRequest) -> Response:
    """Show every page in the other language from now on."""
    wanted = "id" if asked.form.get("language") == "id" else "en"
    site.store.set_language(asked.signed_in.account.login, wanted)
    return RedirectResponse(own_path(asked.form.get("next", "")), SEE_OTHER)


def sign_in_form(
    site: Site, asked: PageRequest, next_path: str, problem: str = "", status: int = 200
) -> Response:
    """The page for signing in, with what went wrong."""
    value = asked.request.cookies.get(FORM, "") or secrets.token_urlsafe(32)
    response = site.page(
        "sign_in.html",
        asked,
        status,
        form_token=site.form_token(value),
        next_path=own_path(next_path),
        provider=site.provider.settings.name if site.provider else "",
        passwords=bool(site.password_roles),
        problem=problem,
    )
    cookie(response, FORM, value)
    return response


def own_path(path: str) -> str:
    """A path of the portal; its first page for anything else."""
    return path if _OWN_PATH.fullmatch(path) else "/"
