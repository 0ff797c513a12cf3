"""A program that reads the API with a token."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from browsing import Answer, Browsing
from published_world import Server

from portal.account_store import AccountStore


@dataclass(frozen=True)
class Program:
    server: Server
    token: str

    def send(
        self,
        method: str,
        path: str,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        own = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return Browsing(self.server).send(method, path, body, {**own, **(headers or {})})

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers={n.replace("_", "-"): v for n, v in headers.items()})

    def read(self, path: str) -> Any:
        """The body of an answer that has to be there."""
        answer = self.get(path)
        assert answer.status == 200, answer.text
        return json.loads(answer.body)


def program(server: Server, login: str, *advertisers: str) -> Program:
    """A program with a new token of an account."""
    tokens = AccountStore(server.home.portal_accounts).tokens
    return Program(server, tokens.add(login, "test", 30, advertisers)[1])
