"""Dagster's webserver, refusing what pages of other sites ask of it in the browser of an operator.

Dagster's pages have no login. As they come, they accept changes by GET, from any origin and under
any host name: a link or a picture in any page that the operator has open could start runs. Here
they answer to the names of this machine alone, to their own pages and to programs, change nothing
by GET, and are shown in no frame of another page.
Options are those of `dagster-webserver`.
"""

from typing import Any

import dagster_webserver.app
from dagster_webserver.cli import main
from dagster_webserver.webserver import DagsterWebserver
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

_HERE = ("127.0.0.1", "localhost")
_POLICY_VIOLATION = 1008


class OwnPagesOnly:
    """Refuses requests of pages of another origin (403), and GraphQL by anything but POST (405).

    A browser sends the origin with every POST and every WebSocket; it is the one of these pages if
    it names the host that the request is for. A request without an origin comes from a program, or
    is a link, which can only read.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or refuse it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != headers.get("host"):
            await _refuse(scope, receive, send, "not from this site", 403)
        elif scope["type"] == "http" and _is_query_by_link(scope):
            await _refuse(scope, receive, send, "use POST", 405)
        else:
            await self._app(scope, receive, send)


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
    """Dagster's pages for this machine."""

    def build_middleware(self) -> list[Middleware]:
        """The refusals first, then what Dagster has."""
        return [
            Middleware(Unframed),
            Middleware(TrustedHostMiddleware, allowed_hosts=_HERE, www_redirect=False),
            Middleware(OwnPagesOnly),
            *super().build_middleware(),
        ]


def _is_query_by_link(scope: Scope) -> bool:
    path = str(scope["path"]).rstrip("/")
    return path.endswith("/graphql") and scope["method"] not in {"POST", "OPTIONS"}


async def _refuse(scope: Scope, receive: Receive, send: Send, why: str, status: int) -> None:
    if scope["type"] == "websocket":
        await WebSocketClose(_POLICY_VIOLATION, why)(scope, receive, send)
    else:
        await PlainTextResponse(why, status)(scope, receive, send)


def serve() -> None:
    """Serve the pages until they are ended."""
    vars(dagster_webserver.app)["DagsterWebserver"] = OwnPages  # no option names the class
    main()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    serve()
