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

from portal.download_pages import PACKAGES_AT_ONCE, file, package
from portal.reading_pages import (
    campaigns_page,
    certificate_page,
    open_subjects_page,
    segment_page,
    subject_page,
)
from portal.request_pages import request_segment, requests_page
from portal.response_headers import FixedHeaders
from portal.sign_in_pages import set_language, sign_in, sign_in_page, sign_out
from portal.site import Handler, NotFound, PageRequest, Site, endpoint

_HERE = ("127.0.0.1", "localhost")
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


def create_application(site: Site) -> Starlette:
    """The application of a site. Unknown addresses are answered like those of others' objects."""
    routes = [Route(path, endpoint(site, page)) for path, page in _READING.items()]
    routes += [
        Route("/packages/{recipient}", endpoint(site, package, at_once=PACKAGES_AT_ONCE)),
        Route("/sign-in", endpoint(site, sign_in_page, public=True), methods=["GET"]),
        Route("/sign-in", endpoint(site, sign_in, public=True), methods=["POST"]),
        Route("/sign-out", endpoint(site, sign_out), methods=["POST"]),
        Route("/language", endpoint(site, set_language), methods=["POST"]),
        Route("/segment-requests", endpoint(site, request_segment), methods=["POST"]),
        *(_static(name, media_type) for name, media_type in _STATIC.items()),
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
    """Addresses and methods that there are not."""

    async def answered(request: Request, _: Exception) -> Response:
        return await endpoint(site, _not_found)(request)

    return answered


def _not_found(_: Site, __: PageRequest) -> Response:
    raise NotFound
