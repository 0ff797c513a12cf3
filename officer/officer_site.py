"""The officer's page as an ASGI application: stored trials, requests and days that wait.

It shows what `audience whatif --store` computed, and hands decisions on, which are recorded in the
name of the login that started the process (decision 27).
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
from anonymizer.model.errors import AudienceError
from officer import officer_limits
from officer.officer_decisions import OfficerDecisions, Verdict, WaitingRequest
from officer.officer_sessions import OfficerSession, OfficerSessions
from officer.stored_trials import TrialFolder
from portal.access_log import AccessLog, Event
from portal.response_headers import FixedHeaders

HOST = "127.0.0.1"
SESSION = "__Host-audience-officer"
_SEE_OTHER, _REFUSED = 303, 422
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
Page = Callable[["OfficerSite", Request, OfficerSession], Response]
Form = Mapping[str, str]
Action = Callable[["OfficerSite", Request, OfficerSession, Form], Response]


@dataclass(frozen=True)
class OfficerSite:
    """What the page has: `desk` reads and decides in the name of `login`."""

    trials: TrialFolder
    sessions: OfficerSessions
    log: AccessLog
    login: str
    desk: OfficerDecisions

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
        said = session.take_said() if session else ""
        text = template.render(session=session, login=self.login, said=said, **content)
        return HTMLResponse(text, status)

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
            Route("/requests/{id}", _signed_in(site, _request_page)),
            Route("/requests/{id}/effect", _sent(site, _compute_effect), methods=["POST"]),
            Route("/requests/{id}/decision", _sent(site, _decide), methods=["POST"]),
            Route("/days", _signed_in(site, _days_page)),
            Route("/days/{day}/acceptance", _sent(site, _accept), methods=["POST"]),
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
        limit_concurrency=officer_limits.MOST_CONNECTIONS,
        timeout_graceful_shutdown=officer_limits.GRACE_SECONDS,
    )


def _trials_page(site: OfficerSite, _: Request, session: OfficerSession) -> Response:
    try:
        site.desk.require_role()
    except AudienceError as error:
        return _refused(site, session, error)
    return site.page("trials.html", session, trials=site.trials.all())


def _trial_page(site: OfficerSite, request: Request, session: OfficerSession) -> Response:
    try:
        site.desk.require_role()
    except AudienceError as error:
        return _refused(site, session, error)
    found = site.trials.find(request.path_params["id"])
    if found is None:
        return site.page("missing.html", session, status=404)
    site.note("trial_read", request, trial=found.id)
    longest = {
        name: max((one[name] for one in found.settings if not one["refused"]), default=0) or 1
        for _, name in MEASURES
    }
    return site.page("trial.html", session, trial=found, measures=MEASURES, longest=longest)


def _requests_page(site: OfficerSite, request: Request, session: OfficerSession) -> Response:
    try:
        waiting = site.desk.requests()
        site.note("requests_read", request)
        return site.page("requests.html", session, waiting=waiting)
    except AudienceError as error:
        return _refused(site, session, error)


def _request_page(site: OfficerSite, request: Request, session: OfficerSession) -> Response:
    try:
        found = _waiting(site, request)
        if found:
            site.note("requests_read", request, about=found.id)
    except AudienceError as error:
        return _refused(site, session, error)
    return _request_answer(site, session, found)


def _waiting(site: OfficerSite, request: Request) -> WaitingRequest | None:
    wanted = request.path_params["id"]
    return next((one for one in site.desk.requests() if one.id == wanted), None)


def _request_answer(
    site: OfficerSite, session: OfficerSession, found: WaitingRequest | None, **content: Any
) -> Response:
    if found is None:
        return site.page("missing.html", session, status=404)
    fields = {"problem": "", "verdict": "", "reason": "", **content}
    effects = session.effects.get(found.id)
    return site.page("request.html", session, one=found, effects=effects, **fields)


def _compute_effect(
    site: OfficerSite, request: Request, session: OfficerSession, _: Form
) -> Response:
    """Compute what a request would change, for this session; again if it is asked again."""
    found = None
    try:
        found = _waiting(site, request)
        if found:
            site.note("effect_read", request, about=found.id)
            session.effects[found.id] = site.desk.effects(found.id)
            return RedirectResponse(f"/requests/{found.id}", _SEE_OTHER)
    except AudienceError as error:
        if found is None:
            return _refused(site, session, error)
        return _request_answer(site, session, found, problem=str(error), status=_REFUSED)
    return _request_answer(site, session, found)


def _decide(site: OfficerSite, request: Request, session: OfficerSession, form: Form) -> Response:
    verdict, reason = form.get("verdict", ""), form.get("reason", "")
    found = None
    try:
        found = _waiting(site, request)
        if found is None:
            return _request_answer(site, session, found)
        if verdict not in {"approve", "reject"}:
            problem = "Choose whether the segment is approved or rejected."
            return _request_answer(
                site, session, found, problem=problem, reason=reason, status=_REFUSED
            )
        site.note("decision_sent", request, about=found.id, verdict=verdict)
        chosen: Verdict = "approve" if verdict == "approve" else "reject"
        session.said = site.desk.decide(found.id, chosen, reason)
    except AudienceError as error:
        site.note("decision_refused", request)
        if found is None:
            return _refused(site, session, error)
        return _request_answer(
            site, session, found,
            problem=str(error), verdict=verdict, reason=reason, status=_REFUSED,
        )  # fmt: skip
    session.effects.clear()  # they were computed from other settings
    return RedirectResponse("/requests", _SEE_OTHER)


def _days_page(site: OfficerSite, request: Request, session: OfficerSession) -> Response:
    return _days_answer(site, request, session)


def _days_answer(
    site: OfficerSite, request: Request, session: OfficerSession, **content: Any
) -> Response:
    fields = {"problem": "", "day": "", "reason": "", **content}
    try:
        waiting = site.desk.days()
        site.note("days_read", request)
        return site.page("days.html", session, waiting=waiting, **fields)
    except AudienceError as error:
        return _refused(site, session, error)


def _accept(site: OfficerSite, request: Request, session: OfficerSession, form: Form) -> Response:
    """Accept a day with the files whose digest the page showed."""
    day, reason = request.path_params["day"], form.get("reason", "")
    site.note("decision_sent", request, about=day, verdict="accept")
    try:
        session.said = site.desk.accept(day, form.get("digest", ""), reason)
    except AudienceError as error:
        site.note("decision_refused", request)
        return _days_answer(
            site, request, session, problem=str(error), day=day, reason=reason, status=_REFUSED
        )
    return RedirectResponse("/days", _SEE_OTHER)


def _refused(site: OfficerSite, session: OfficerSession, error: AudienceError) -> Response:
    return site.page("refused.html", session, problem=str(error), status=_REFUSED)


def _sent(site: OfficerSite, action: Action) -> Callable[[Request], Awaitable[Response]]:
    """A form of a page, with the token of the session and from this page alone (403)."""

    async def answered(request: Request) -> Response:
        session = site.sessions.find(request.cookies.get(SESSION, ""))
        if session is None:
            return RedirectResponse("/sign-in", _SEE_OTHER)
        form = await _form(request)
        if form is None or not _has_token(form, session) or not _from_here(request):
            return site.page("missing.html", session, status=403)
        return await run_in_threadpool(action, site, request, session, form)

    return answered


def _has_token(form: Form, session: OfficerSession) -> bool:
    given = form.get("form_token", "").encode()
    return hmac.compare_digest(given, session.form_token.encode())


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
        if session is None or not _has_token(form or {}, session) or not _from_here(request):
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


async def _form(request: Request) -> Form | None:
    """The fields of a form; None for one that is longer than any here."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > officer_limits.LARGEST_FORM:
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
