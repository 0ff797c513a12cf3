"""The access log as a table: the statements of docs/portal.md over lines that the portal wrote."""

import re
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import duckdb
import pytest
from demonstration import ROOT

from portal.access_log import AccessLog

BEGIN = datetime(2026, 11, 30, 8, tzinfo=UTC)
PAGE = (ROOT / "docs" / "portal.md").read_text(encoding="utf-8")
(STATEMENTS,) = re.findall(r"^```sql\n(CREATE VIEW access .*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_lines_of_all_files_are_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Renamed files too; a field that a line does not have is null."""
    hours = count()

    def clock() -> datetime:
        return BEGIN + timedelta(hours=next(hours))

    log = AccessLog(tmp_path / "portal" / "access.jsonl", clock)
    log.write("sign_in", login="nina", address="127.0.0.1")
    log.write("download", login="nina", release="campaign-day-2026-11-01", file="a.csv", bytes=9)
    (tmp_path / "portal/access.jsonl").rename(tmp_path / "portal/access-2026-11.jsonl")
    log.write("download", login="nina", release="campaign-day-2026-11-01", file="b.csv", bytes=9)
    log.write("download", login="budi", release="campaign-day-2026-11-01", status=200)
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as database:
        found = database.execute(STATEMENTS).fetchall()
        signed_in = database.execute(
            "SELECT login, release FROM access WHERE event = 'sign_in'"
        ).fetchall()
    assert [(login, downloads) for login, _, downloads, _ in found] == [("nina", 2), ("budi", 1)]
    assert [last for *_, last in found] == [BEGIN + timedelta(hours=2), BEGIN + timedelta(hours=3)]
    assert signed_in == [("nina", None)]
