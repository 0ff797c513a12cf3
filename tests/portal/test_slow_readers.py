"""Readers that take nothing keep neither temporary files nor connections."""

import asyncio
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from anonymizer.storage.home import Home
from portal import portal_limits
from portal.application import create_application
from portal.ended_connections import EndedProtocol
from portal.file_sendings import FileSendings, SentFile, TooManySendings
from portal.server import site_of

pytestmark = pytest.mark.xdist_group("portal")
SIZE = 32 * 2**20


def test_an_account_is_sent_some_files_at_once_and_others_go_on() -> None:
    sendings = FileSendings()
    first, *_ = [sendings.begin("nina", io.BytesIO()) for _ in range(portal_limits.SENT_AT_ONCE)]
    refused = io.BytesIO()
    with pytest.raises(TooManySendings):
        sendings.begin("nina", refused)
    assert refused.closed
    sendings.begin("budi", io.BytesIO())
    first.close()
    first.close()
    sendings.begin("nina", io.BytesIO())
    with pytest.raises(TooManySendings):
        sendings.begin("nina", io.BytesIO())


def test_pages_and_programs_are_told_to_wait(portal_home: Home) -> None:
    site = site_of(portal_home)
    _, written = site.store.tokens.add("nina", "report", 30)
    program = TestClient(create_application(site), "http://127.0.0.1:8100")
    program.headers["Authorization"] = f"Bearer {written}"
    place = "maju/campaign-day-2026-11-23/manifest.json"
    with ExitStack() as held:
        for _ in range(portal_limits.SENT_AT_ONCE):
            held.callback(site.sendings.begin("nina", io.BytesIO()).close)
        answer = program.get(f"/api/v1/files/{place}")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
    for _ in range(portal_limits.SENT_AT_ONCE + 1):  # each place is free again
        assert program.get(f"/api/v1/files/{place}").status_code == 200


@contextmanager
def served(sendings: FileSendings, files: list[io.BytesIO]) -> Iterator[tuple[int, set[Any]]]:
    """A server as the portal's, that sends a large file to anyone."""

    async def large(_: Request) -> Response:
        files.append(io.BytesIO(bytes(SIZE)))
        sending = sendings.begin("nina", files[-1])
        return SentFile(sending, sendings.seconds_for(0), {}, "application/zip")

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            Starlette(routes=[Route("/", large)]), http=EndedProtocol, log_level="critical"
        )
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
    thread.start()
    try:
        yield int(listening.getsockname()[1]), server.server_state.connections
    finally:
        server.should_exit = server.force_exit = True
        thread.join()


def test_a_reader_that_takes_nothing_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal_limits, "SECONDS_TO_TAKE", 0.5)
    files: list[io.BytesIO] = []
    with served(FileSendings(shortest=1), files) as (port, connections), ExitStack() as readers:
        for _ in range(portal_limits.SENT_AT_ONCE):
            readers.enter_context(reader(port))
        deadline = time.monotonic() + 20
        while (
            len(files) < portal_limits.SENT_AT_ONCE
            or not all(one.closed for one in files)
            or connections
        ):
            assert time.monotonic() < deadline, "files or connections are still open"
            time.sleep(0.1)


@contextmanager
def reader(port: int) -> Iterator[socket.socket]:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.settimeout(10)
        one.connect(("127.0.0.1", port))
        one.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        yield one
