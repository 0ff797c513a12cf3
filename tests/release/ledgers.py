"""The same ledger in SQLite and in PostgreSQL, and what somebody with the database can do."""

import sqlite3
from dataclasses import dataclass

import psycopg
from postgresql import Server

from anonymizer.release.ledger import Ledger


@dataclass(frozen=True)
class Store:
    """Where a ledger is kept. `position` opens it; `tamper` goes behind its back."""

    position: str
    server: Server | None = None

    def open(self) -> Ledger:
        return Ledger.open(self.position)

    def execute(self, *statements: str) -> None:
        if self.server is None:
            with sqlite3.connect(self.position.removeprefix("sqlite:///")) as connection:
                for statement in statements:
                    connection.execute(statement)
            return
        with psycopg.connect(self.position) as session:
            for statement in statements:
                session.execute(statement)  # type: ignore[call-overload]

    def tamper(self, *statements: str) -> None:
        guards = ["DROP TRIGGER no_update", "DROP TRIGGER no_delete"]
        if self.server:
            guards = ["ALTER TABLE ledger DISABLE TRIGGER ALL"]
        self.execute(*guards, *statements)
