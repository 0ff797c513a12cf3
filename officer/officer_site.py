"""The officer's page as an ASGI application: stored trials, and the requests that wait.

It shows what `audience whatif --store` computed and decides nothing: decisions are commands, in the
name of a login (decision 27).
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

import portal
from officer.officer_sessions import OfficerSession, OfficerSessions
from officer.stored_trials import TrialFolder
from portal.access_log import AccessLog, Event
from portal.response_headers import FixedHeaders

HOST = "127.0.0.1"
SESSION = "__Host-audience-officer"
_SEE_OTHER = 303
_LARGEST_FORM = 4096
_STATIC = Path(portal.__file__).parent / "static"
_FILES: Mapping[str, str] = {"portal.css": "text/css", "mark.svg": "image/svg+xml"}
# A bar for each setting: the title of the chart, and the number.
MEASURES: Sequence[tuple[str, str]] = (
    ("Published segments", "published"),
    ("Named segments published", "named_published"),
    ("People covered by a figure", "covered"),
    ("People covered by gender, age and region", "in_detail"),
    ("Largest error of a figure (people)", "largest_error"),
)
Waiting = Callable[[], Sequence[Mapping[str, str]]]
Page = Callable[["OfficerSite", Request, OfficerSession], Response]


@dataclass(frozen=True)
class OfficerSite:
    """What the page has: `waiting` lists requested segments without a decision, by column."""

    trials: TrialFolder
    sessions: OfficerSessions
    log: AccessLog
    login: str
    waiting: Waiting

    @cached_property
    def _templates(self) -> Environment:
        return Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def page(self, name: str, session: OfficerSession | None, **content: Any) -> Response:
        """A page of the site."""
        status = content.pop("status", 200)
        template = self._templates.get_template(name)
        return HTMLResponse(template.render(session=session, login=self.login, **content), status)

    def note(self, event: Event, request: Request, **facts: str) -> None:
        """Record what someone did. Raises NoSpace: what cannot be recorded is not shown."""
        address = request.client.host if request.client else ""
        self.log.write(event, login=self.login, address=address, page="officer", **facts)


def create_officer_application(site: OfficerSite) -> Starlette:
    """The application of a site; without a session every address leads to the form.

    It answers to the host name of its sessions only (400 for others).
    """
    application = Starlette(
        routes=[
            Route("/", _signed_in(site, _trials_page)),
            Route("/trials/{id}", _signed_in(site, _trial_page)),
            Route("/requests", _signed_in(site, _requests_page)),
            Route("/sign-in", _sign_in_form(site), methods=["GET"]),
            Route("/sign-in", _sign_in(site), methods=["POST"]),
            Route("/sign-out", _sign_out(site), methods=["POST"]),
            *(_file(name, media_type) for name, media_type in _FILES.items()),
        ],
        middleware=[
            Middleware(FixedHeaders, https=False),
            Middleware(
                TrustedHostMiddleware, allowed_hosts=[site.sessions.host], www_redirect=False
            ),
        ],
        exception_handlers={HTTPException: _unknown(site)},
    )
    application.router.redirect_slashes = False
    return application


def serve_officer(site: OfficerSite, port: int) -> None:
    """Answer requests on this machine until the process is ended."""
    uvicorn.run(
        create_officer_application(site),
        host=HOST,
        port=port,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=20,
        timeout_graceful_shutdown=2,
    )


def _trials_page(site: OfficerSite, _: Request, session: OfficerSession) -> Response:
    return site.page("trials.html", session, trials=site.trials.all())


def _trial_page(site: OfficerSite, request: Request, session: OfficerSession) -> Response:
    found = site.trials.find(request.path_params["id"])
    if found is None:
        return site.page("missing.html", session, status=404)
    site.note("trial_read", request, trial=found.id)
    longest = {
        name: max((one[name] for one in found.settings if not one["refused"]), default=0) or 1
        for _, name in MEASURES
    }
    return site.page("trial.html", session, trial=found, measures=MEASURES, longest=longest)


def _requests_page(site: OfficerSite, _: Request, session: OfficerSession) -> Response:
    return site.page("requests.html", session, waiting=site.waiting())


def _signed_in(site: OfficerSite, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        session = site.sessions.find(request.cookies.get(SESSION, ""))
        if session is None:
            return RedirectResponse("/sign-in", _SEE_OTHER)
        return await run_in_threadpool(page, site, request, session)

    return answered


def _unknown(site: OfficerSite) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answered(request: Request, _: Exception) -> Response:
        session = site.sessions.find(request.cookies.get(SESSION, ""))
        if session is None:
            return RedirectResponse("/sign-in", _SEE_OTHER)
        return site.page("missing.html", session, status=404)

    return answered


def _sign_in_form(site: OfficerSite) -> Callable[[Request], Awaitable[Response]]:
    async def answered(_: Request) -> Response:
        return site.page("key.html", None, problem="")

    return answered


def _sign_in(site: OfficerSite) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        form = await _form(request)
        if form is None or not _from_here(request):
            return site.page("key.html", None, problem="form", status=403)
        token = site.sessions.begin(form.get("key", ""))
        if token is None:
            site.note("sign_in_refused", request)
            closed = site.sessions.is_closed
            return site.page("key.html", None, problem="closed" if closed else "wrong", status=401)
        site.note("sign_in", request)
        response = RedirectResponse("/", _SEE_OTHER)
        _cookie(response, token)
        return response

    return answered


def _sign_out(site: OfficerSite) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        form, token = await _form(request), request.cookies.get(SESSION, "")
        session = site.sessions.find(token)
        given = (form or {}).get("form_token", "").encode()
        fits = session is not None and hmac.compare_digest(given, session.form_token.encode())
        if not fits or not _from_here(request):
            return site.page("missing.html", session, status=403)
        site.sessions.end(token)
        site.note("sign_out", request)
        response = RedirectResponse("/sign-in", _SEE_OTHER)
        _cookie(response, "")
        return response

    return answered


def _file(name: str, media_type: str) -> Route:
    content = (_STATIC / name).read_bytes()

    async def answered(_: Request) -> Response:
        return Response(content, media_type=media_type)

    return Route(f"/static/{name}", answered, methods=["GET"])


async def _form(request: Request) -> Mapping[str, str] | None:
    """The fields of a form; None for one that is longer than any here."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            return None
    found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in found.items()}


def _from_here(request: Request) -> bool:
    return request.headers.get("origin", "") == f"http://{request.headers.get('host', '')}"


def _cookie(response: Response, value: str) -> None:
    age = None if value else 0
    response.set_cookie(
        SESSION, value, max_age=age, path="/", secure=True, httponly=True, samesite="strict"
    )
