"""Dagster's storage: made once, however many processes ask for it first."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from anonymizer.storage.home import VARIABLE, Home
from pipelines.instance.instance import prepare_instance

FILES = ["history/runs.db", "history/runs/index.db", "schedules/schedules.db"]
AT_ONCE = 4


def versions(file: Path) -> int:
    with closing(sqlite3.connect(file)) as database:
        return int(database.execute("SELECT count(*) FROM alembic_version").fetchone()[0])


@pytest.mark.alternate("start-up")
def test_processes_that_start_together_make_each_table_once(tmp_path: Path) -> None:
    """`audience ui` beside `audience run`, the services of systemd: on a home that is new."""
    home = Home(tmp_path)
    folder = prepare_instance(home)
    command = [sys.executable, "-m", "pipelines.instance"]
    started = [
        subprocess.Popen(command, env=os.environ | {VARIABLE: str(home.root)})
        for _ in range(AT_ONCE)
    ]
    assert [process.wait(120) for process in started] == [0] * AT_ONCE
    assert [versions(folder / name) for name in FILES] == [1, 1, 1]
