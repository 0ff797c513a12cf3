"""A database with tables of a warehouse, and an account that may read what it is granted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

import psycopg
from release.postgresql import Server

READER_PASSWORD = "reader-rahasia-81"
ADDRESS = "WAREHOUSE_ADDRESS"  # the variable that tests set

_TABLES: Sequence[LiteralString] = (
    "CREATE SCHEMA web",
    """CREATE TABLE web.visits (arrived_on date, visit_id text, user_id text,
        occurred_at timestamptz, url text, user_agent text, ip text, kind text)""",
    "CREATE TABLE web.loads (day date, rows bigint)",
    "GRANT USAGE ON SCHEMA web TO reader",
    "GRANT SELECT ON web.loads TO reader",
    """GRANT SELECT (arrived_on, visit_id, user_id, occurred_at, url, user_agent, kind)
        ON web.visits TO reader""",
)


@dataclass(frozen=True)
class Database:
    """One database of the server; `execute` acts as its owner."""

    server: Server
    name: str

    @classmethod
    def new(cls, server: Server) -> "Database":
        """With `web.visits`, of which the account `reader` may not read the column ip."""
        found = cls(server, server.new_database())
        found.execute(
            "DO $$ BEGIN CREATE ROLE reader LOGIN PASSWORD '" + READER_PASSWORD + "';"
            " EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
        for statement in _TABLES:
            found.execute(statement)
        return found

    @property
    def address(self) -> str:
        return f"postgresql://reader:{READER_PASSWORD}@/{self.name}?host={self.server.folder}"

    def execute(self, statement: str, *rows: Sequence[Any]) -> None:
        with psycopg.connect(self.server.url(self.name), autocommit=True) as connection:
            if rows:
                connection.cursor().executemany(statement, rows)  # type: ignore[arg-type]
            else:
                connection.execute(statement)  # type: ignore[arg-type]

    def load(self, day: date, rows: Iterable[Sequence[Any]], stated: int | None = None) -> None:
        """Visits of a day of arrival, and what the table of deliveries says of them."""
        listed = [(day, *row) for row in rows]
        if listed:
            self.execute("INSERT INTO web.visits VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", *listed)
        self.execute(
            "INSERT INTO web.loads VALUES (%s, %s)",
            (day, len(listed) if stated is None else stated),
        )
