"""Connections that end when the server has ended them, also where the reader takes nothing.

A connection that is closed waits until what is left is taken, which may be never.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from portal import portal_limits


class EndedTransport:
    """A transport that is cut off some seconds after it was closed; else it is the same."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        """Close it; what the reader does not take soon is lost."""
        self._transport.close()
        asyncio.get_running_loop().call_later(portal_limits.SECONDS_TO_TAKE, self._transport.abort)


class EndedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # one of two
    """HTTP as the server speaks it, over connections that end."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A browser, or a proxy, has connected."""
        super().connection_made(EndedTransport(transport))
