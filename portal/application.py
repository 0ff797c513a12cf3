"""The portal as an ASGI application: its addresses, and what is around every answer."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portal import portal_limits
from portal.account_pages import account_page, change_password, end_other_sessions
from portal.api_answers import ApiProblem, ApiRequest, api_endpoint, not_found
from portal.api_description import api_routes
from portal.delta_shares import share_routes
from portal.download_pages import file, package
from portal.health_answer import HealthAnswer
from portal.provider_pages import CALLBACK, come_back, go_to_provider
from portal.reading_pages import (
    campaigns_page,
    certificate_page,
    open_subjects_page,
    segment_page,
    subject_page,
)
from portal.request_pages import request_segment, requests_page
from portal.response_headers import FixedHeaders
from portal.share_profile import ENDPOINT
from portal.sign_in_pages import set_language, sign_in, sign_in_page, sign_out
from portal.site import Handler, NotFound, PageRequest, Site, endpoint

_HERE = ("127.0.0.1", "localhost")
_FOR_PROGRAMS = ("/api/", f"{ENDPOINT}/")
_METHOD_NOT_ALLOWED = 405
_READING: Mapping[str, Handler] = {
    "/": campaigns_page,
    "/audience": open_subjects_page,
    "/segment": segment_page,
    "/segment-requests": requests_page,
    "/figures/{kind}/{subject}": subject_page,
    "/certificates/{recipient}/{release}": certificate_page,
    "/files/{recipient}/{release}/{name}": file,
}
_STATIC: Mapping[str, str] = {"portal.css": "text/css", "mark.svg": "image/svg+xml"}


def create_application(site: Site, health: HealthAnswer = HealthAnswer(None)) -> Starlette:  # noqa: B008  frozen
    """The application of a site. Unknown addresses are answered like those of others' objects."""
    routes = [Route(path, endpoint(site, page)) for path, page in _READING.items()]
    routes += [
        Route(
            "/packages/{recipient}", endpoint(site, package, at_once=portal_limits.PACKAGES_AT_ONCE)
        ),
        Route("/sign-in", endpoint(site, sign_in_page, public=True), methods=["GET"]),
        Route("/sign-in", endpoint(site, sign_in, public=True), methods=["POST"]),
        Route("/sign-in/provider", endpoint(site, go_to_provider, public=True), methods=["GET"]),
        Route(
            CALLBACK,
            endpoint(site, come_back, public=True, at_once=portal_limits.RETURNS_AT_ONCE),
            methods=["GET"],
        ),
        Route("/sign-out", endpoint(site, sign_out), methods=["POST"]),
        Route("/account", endpoint(site, account_page), methods=["GET"]),
        Route("/account/password", endpoint(site, change_password), methods=["POST"]),
        Route("/account/sessions", endpoint(site, end_other_sessions), methods=["POST"]),
        Route("/language", endpoint(site, set_language), methods=["POST"]),
        Route("/segment-requests", endpoint(site, request_segment), methods=["POST"]),
        *(_static(name, media_type) for name, media_type in _STATIC.items()),
        *api_routes(site),
        *share_routes(site),
        health.route(),
    ]
    hosts = [*_HERE, *([urlsplit(site.origin).hostname or ""] if site.origin else [])]
    application = Starlette(
        routes=routes,
        middleware=[
            Middleware(FixedHeaders, https=site.origin.startswith("https:")),
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
        ],
        exception_handlers={HTTPException: _unknown(site)},
    )
    application.router.redirect_slashes = False
    return application


def _static(name: str, media_type: str) -> Route:
    content = (Path(__file__).parent / "static" / name).read_bytes()

    def sent(_: Request) -> Response:
        return Response(content, media_type=media_type)

    return Route(f"/static/{name}", sent)


def _unknown(site: Site) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Addresses and methods that there are not: a page, or a problem for programs."""

    async def answered(request: Request, error: Exception) -> Response:
        if not request.url.path.startswith(_FOR_PROGRAMS):
            return await endpoint(site, _not_found)(request)
        status = error.status_code if isinstance(error, HTTPException) else 404
        handler = _refused_method if status == _METHOD_NOT_ALLOWED else _no_object
        return await api_endpoint(site, handler)(request)

    return answered


def _not_found(_: Site, __: PageRequest) -> Response:
    raise NotFound


def _no_object(_: Site, __: ApiRequest) -> Response:
    raise not_found()


def _refused_method(_: Site, asked: ApiRequest) -> Response:
    problem = ApiProblem(_METHOD_NOT_ALLOWED, "This address has no such method.")
    query = asked.request.url.path.endswith("/query")
    problem.headers["Allow"] = "POST" if query else "GET, HEAD"
    raise problem
