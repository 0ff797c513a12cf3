"""A portal whose readers sign in with the local provider, and what a browser does between both."""

import http.client
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from browsing import Answer, Browsing
from local_provider import CLIENT_ID, CLIENT_SECRET
from published_world import Server, serving

from anonymizer.storage.home import Home
from portal.account_store import AccountStore

CALLBACK = "/sign-in/callback"
BROWSER = "__Host-audience-provider"


@dataclass(frozen=True)
class Provider:
    """A provider that is running. Its `issuer` is another site than 127.0.0.1."""

    port: int

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    def behave(self, fault: str = "", **more: Any) -> None:
        """From now on one thing is wrong with its answers."""
        body = json.dumps({"fault": fault, **more})
        assert self._send("POST", "/behaviour", body, "application/json")[0] == 200

    def seen(self) -> dict[str, list[Any]]:
        return dict(json.loads(self._send("GET", "/seen")[2]))

    def sign_in(self, address: str, user: str) -> str:
        """Where a user who signs in at `address` is sent; checks that the address is the right
        one.
        """
        split = urlsplit(address)
        assert f"{split.scheme}://{split.netloc}{split.path}" == f"{self.issuer}/authorize"
        form = urlencode({"user": user})
        status, location, body = self._send("POST", f"{split.path}?{split.query}", form)
        assert status == 302, body
        return location

    def _send(
        self, method: str, path: str, body: str = "",
        media_type: str = "application/x-www-form-urlencoded",
    ) -> tuple[int, str, bytes]:  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {"Content-Type": media_type})
            response = connection.getresponse()
            return response.status, response.getheader("Location", ""), response.read()
        finally:
            connection.close()


@dataclass(frozen=True)
class World:
    server: Server
    provider: Provider

    @property
    def store(self) -> AccountStore:
        return AccountStore(self.server.home.portal_accounts)

    def begin(self, browsing: Browsing, next_path: str = "") -> str:
        """The address at the provider that a browser is sent to."""
        more = f"?next={next_path}" if next_path else ""
        answer = browsing.get(f"/sign-in/provider{more}")
        assert answer.status == 303, answer.text
        return answer.header("location")

    def sign_in(self, user: str, browsing: Browsing | None = None, next_path: str = "") -> Answer:
        """The portal's answer to a user who comes back from the provider."""
        browsing = browsing or Browsing(self.server)
        return self.come_back(
            browsing, self.provider.sign_in(self.begin(browsing, next_path), user)
        )

    def come_back(self, browsing: Browsing, location: str) -> Answer:
        split = urlsplit(location)
        assert f"{split.scheme}://{split.netloc}" == self.server.origin
        return browsing.get(f"{split.path}?{split.query}")

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.server.home.portal_log.read_text().splitlines()]


def parameters(address: str) -> dict[str, str]:
    return {name: one for name, [one] in parse_qs(urlsplit(address).query).items()}


def without_tokens(answer: Answer) -> tuple[int, str]:
    """An answer without the token of its form."""
    return answer.status, re.sub(r'name="form_token" value="[^"]+"', "", answer.text)


def settings(provider: Provider, secret: Path, more: str = "", below: str = "") -> str:
    """A text of sign_in.yaml."""
    secret.write_text(CLIENT_SECRET)
    secret.chmod(0o600)
    return (
        f"provider:\n  name: Company login\n  issuer: {provider.issuer}\n"
        f"  client_id: {CLIENT_ID}\n  client_secret_file: {secret}\n{more}{below}"
    )


@contextmanager
def providing() -> Iterator[Provider]:
    """The local provider as a process of its own, until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    program = str(Path(__file__).with_name("local_provider.py"))
    with subprocess.Popen(
        [sys.executable, program, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                assert process.poll() is None
                try:
                    Provider(port).behave()
                    break
                except OSError:
                    time.sleep(0.1)
            yield Provider(port)
        finally:
            process.terminate()


@contextmanager
def world_of(home: Home, provider: Provider, more: str = "", below: str = "") -> Iterator[World]:
    """A portal of this home that trusts the provider; nina and wira are linked."""
    home.sign_in.write_text(settings(provider, home.root / "client-secret", more, below))
    identities = AccountStore(home.portal_accounts).identities
    linked = identities.linked()
    for login in {"nina", "wira"} - linked:
        identities.link(login, provider.issuer, f"sub-{login}")
    with serving(home) as server:
        yield World(server, provider)
