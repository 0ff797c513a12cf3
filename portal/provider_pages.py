"""Signing in with a provider: a browser is sent there, and comes back with a code."""

from starlette.responses import RedirectResponse, Response

from portal import portal_limits
from portal.identity_provider import (
    IdentityProvider,
    ProviderAnswer,
    ProviderRefusal,
    ProviderUnreachable,
)
from portal.provider_identities import PendingSignIn
from portal.sign_in_pages import SEE_OTHER, begin_session, own_path, sign_in_form
from portal.site import NotFound, PageRequest, Site, cookie

CALLBACK = "/sign-in/callback"
PROVIDER = "__Host-audience-provider"
_FROM_HERE = ("", "same-origin", "none")


def go_to_provider(site: Site, asked: PageRequest) -> Response:
    """Send the browser to the provider, for a sign-in that only this browser can complete."""
    provider = _provider(site)
    next_path = own_path(asked.asked("next"))
    if asked.session:
        return RedirectResponse("/", SEE_OTHER)
    if asked.request.headers.get("sec-fetch-site", "") not in _FROM_HERE:
        return sign_in_form(site, asked, next_path)
    browser, pending = site.identities.begin(site.own_origin(asked) + CALLBACK, next_path)
    try:
        response = RedirectResponse(provider.sign_in_address(pending), SEE_OTHER)
    except ProviderUnreachable:
        return _unreachable(site, asked, next_path)
    cookie(response, PROVIDER, browser, portal_limits.SIGN_IN_SECONDS)
    return response


def come_back(site: Site, asked: PageRequest) -> Response:
    """Begin a session for the account of who signed in; anything else is refused in one way."""
    provider, parameters = _provider(site), asked.request.query_params
    browser = asked.request.cookies.get(PROVIDER, "")
    pending = site.identities.take(parameters.get("state", ""), browser)
    if pending is None or len(parameters.multi_items()) != len(parameters):
        return _refused(site, asked, "state")
    try:
        identity = provider.identity(ProviderAnswer.of(parameters), pending)
    except ProviderRefusal as refusal:
        return _refused(site, asked, refusal.reason, pending)
    except ProviderUnreachable:
        return _unreachable(site, asked, pending.next_path)
    response = _session(site, asked, identity, pending)
    return response or _refused(site, asked, "no_account", pending)


def _session(
    site: Site, asked: PageRequest, identity: str, pending: PendingSignIn
) -> Response | None:
    """The first page of a session; None without an account, also if it ends meanwhile."""
    login = _login(site, identity)
    stored = site.store.password_of(login) if login else None
    if login is None or stored is None:
        return None
    response = begin_session(site, asked, login, stored, pending.next_path)
    if response is None:
        return None
    if _login(site, identity) != login:  # the link was ended meanwhile
        site.store.end_session(response.token)
        return None
    site.note("sign_in", asked, login=login, method="provider")
    cookie(response.page, PROVIDER, "")
    return response.page


def _login(site: Site, identity: str) -> str | None:
    settings = _provider(site).settings
    if settings.account == "verified_mail":
        return identity
    return site.identities.login_of(settings.issuer, identity)


def _refused(
    site: Site, asked: PageRequest, reason: str, pending: PendingSignIn | None = None
) -> Response:
    site.note("sign_in_refused", asked, login="unknown", method="provider", reason=reason)
    next_path = pending.next_path if pending else "/"
    return sign_in_form(site, asked, next_path, problem="provider_refused", status=401)


def _unreachable(site: Site, asked: PageRequest, next_path: str) -> Response:
    site.note("sign_in_refused", asked, login="unknown", method="provider", reason="unreachable")
    return sign_in_form(site, asked, next_path, problem="provider_unreachable", status=503)


def _provider(site: Site) -> IdentityProvider:
    """The provider. Raises NotFound where none is set."""
    if site.provider is None:
        raise NotFound
    return site.provider
