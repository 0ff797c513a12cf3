"""A plain HTTP client that sends exactly what it is told, and keeps the cookies it gets."""

import http.client
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from published_world import PASSWORD, Server

_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def header(self, name: str) -> str:
        return next((value for own, value in self.headers if own.lower() == name.lower()), "")

    @property
    def cookies(self) -> dict[str, str]:
        """What each cookie is set to, with its attributes."""
        set_ = [value for name, value in self.headers if name.lower() == "set-cookie"]
        return {value.partition("=")[0]: value.partition("=")[2] for value in set_}

    @property
    def lasting(self) -> tuple[tuple[str, str], ...]:
        """All headers but the time."""
        return tuple(sorted(pair for pair in self.headers if pair[0].lower() != "date"))


@dataclass
class Browsing:
    server: Server
    cookies: dict[str, str] = field(default_factory=dict)

    def send(
        self,
        method: str,
        path: str,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        sent = {"Cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items())}
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, {**sent, **(headers or {})})
            response = connection.getresponse()
            answer = Answer(response.status, tuple(response.getheaders()), response.read())
        finally:
            connection.close()
        for name, value in answer.cookies.items():
            self.cookies[name] = value.partition(";")[0].strip('"')
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers={n.replace("_", "-"): v for n, v in headers.items()})

    def post(self, path: str, fields: Mapping[str, str], origin: str | None = None) -> Answer:
        own = self.server.origin if origin is None else origin
        return self.send("POST", path, urlencode(fields), {"Origin": own} if own else {})

    def token(self, path: str = "/") -> str:
        """The token of the forms on a page."""
        found = _TOKEN.search(self.get(path).text)
        assert found
        return found[1]

    def sign_in(self, login: str, password: str = PASSWORD) -> Answer:
        fields = {"form_token": self.token("/sign-in"), "login": login, "password": password}
        return self.post("/sign-in", fields)


def signed_in(server: Server, login: str) -> Browsing:
    browsing = Browsing(server)
    answer = browsing.sign_in(login)
    assert answer.status == 303, answer.text
    return browsing
