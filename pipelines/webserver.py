"""Dagster's webserver, refusing what pages of other sites ask of it in the browser of an operator.

Dagster's pages have no login. As they come, they accept changes by GET, from any origin and under
any host name: a link or a picture in any page that the operator has open could start runs. Here
they answer to the names of this machine alone, to their own pages and to programs, change nothing
by GET, and are shown in no frame of another page.
Behind a proxy, `AUDIENCE_ORIGIN` is the address in the browser: they answer to that host and to
pages of that origin too, whether the proxy passes the host on or not.
Options are those of `dagster-webserver`.
"""

import os
import re
import sys
from typing import Any
from urllib.parse import urlsplit

import dagster_webserver.app
from dagster_webserver.cli import main
from dagster_webserver.webserver import DagsterWebserver
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from anonymizer.model.errors import ConfigurationError, Fault

_HERE = ("127.0.0.1", "localhost")
_POLICY_VIOLATION = 1008
_VARIABLE = "AUDIENCE_ORIGIN"
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")


class OwnPagesOnly:
    """Refuses requests of pages of another origin (403), and GraphQL by anything but POST (405).

    A browser sends the origin with every POST and every WebSocket; it is the one of these pages if
    it names the host that the request is for, or is `public`. To the host of `public` only that
    origin may send: the same name without TLS may be anyone's. A request without an origin comes
    from a program, or is a link, which can only read.
    """

    def __init__(self, app: ASGIApp, public: str = "") -> None:
        self._app, self._public = app, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or refuse it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and not self._is_own(origin, headers.get("host", "")):
            await _refuse(scope, receive, send, "not from this site", 403)
        elif scope["type"] == "http" and _is_query_by_link(scope):
            await _refuse(scope, receive, send, "use POST", 405)
        else:
            await self._app(scope, receive, send)

    def _is_own(self, origin: str, host: str) -> bool:
        if origin == self._public:
            return True
        named = origin.partition("://")[2]
        return named == host and named != self._public.partition("://")[2]


class Unframed:
    """Says with every answer that no page may show it in a frame, and lead clicks astray there.

    Dagster's own Content-Security-Policy stays: browsers apply each one that they get.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, with the two headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Frame-Options"] = "DENY"
                headers.append("Content-Security-Policy", "frame-ancestors 'none'")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class OwnPages(DagsterWebserver[Any, Any]):
    """Dagster's pages for this machine, and for the proxy that is set."""

    def build_middleware(self) -> list[Middleware]:
        """The refusals first, then what Dagster has."""
        public = public_origin()
        hosts = [*_HERE, *([urlsplit(public).hostname or ""] if public else [])]
        return [
            Middleware(Unframed),
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
            Middleware(OwnPagesOnly, public=public),
            *super().build_middleware(),
        ]


def public_origin() -> str:
    """Where browsers find the pages behind a proxy; empty where `AUDIENCE_ORIGIN` is not set.

    Raises ConfigurationError for anything but a scheme, a host in lower case and a port.
    """
    origin = os.environ.get(_VARIABLE, "")
    if origin and not _ORIGIN.fullmatch(origin):
        problem = f"{origin!r} is not the origin of a page"
        raise ConfigurationError([Fault(_VARIABLE, problem, "write https://audience.example")])
    return origin


def _is_query_by_link(scope: Scope) -> bool:
    path = str(scope["path"]).rstrip("/")
    return path.endswith("/graphql") and scope["method"] not in {"POST", "OPTIONS"}


async def _refuse(scope: Scope, receive: Receive, send: Send, why: str, status: int) -> None:
    if scope["type"] == "websocket":
        await WebSocketClose(_POLICY_VIOLATION, why)(scope, receive, send)
    else:
        await PlainTextResponse(why, status)(scope, receive, send)


def serve() -> None:
    """Serve the pages until they are ended. Exits with a message for a wrong origin."""
    try:
        public_origin()
    except ConfigurationError as error:
        sys.exit(str(error))
    vars(dagster_webserver.app)["DagsterWebserver"] = OwnPages  # no option names the class
    main()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    serve()
