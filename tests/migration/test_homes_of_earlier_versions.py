"""Homes that earlier versions made verify, are migrated, and go on; nothing released changes."""

import os
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from anonymizer.exports.verification import verify_folder
from anonymizer.model.errors import Held
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home

Command = Callable[..., tuple[int, str]]
HOMES = Path(__file__).with_name("homes")
ARCHIVES = sorted(HOMES.glob("*.tar.xz"))
LARGEST = 300_000
NEXT = "2026-11-05"
# Folders of a machine on which an archive was made.
_HERE = str(Path(__file__).parents[2]).encode()
_MACHINE = (b"/tmp/", b"/home/", b"/root/", b"/Users/", b"site-packages", _HERE)


@pytest.fixture(
    params=[ARCHIVES[0], *(pytest.param(path, marks=pytest.mark.slow) for path in ARCHIVES[1:])],
    ids=lambda path: path.name.split(".")[0],
)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    return unpacked(request.param, tmp_path)


def unpacked(path: Path, folder: Path) -> Home:
    with tarfile.open(path) as archive:
        archive.extractall(folder / "home", filter="data")
    return Home(folder / "home")


def release(home: Home, first: str, last: str) -> None:
    """Run days by the command, in a process of its own as everywhere."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "run", "--from", first, "--to", last,
         "--home", str(home.root)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def recorded(home: Home) -> list[tuple[object, ...]]:
    with sqlite3.connect(home.ledger) as ledger:
        (table,) = ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchone()
        return ledger.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()


def test_there_are_archives_and_they_are_small() -> None:
    assert {path.name for path in ARCHIVES} == {"431dc14.tar.xz", "4e3abc8.tar.xz"}
    assert max(path.stat().st_size for path in ARCHIVES) < LARGEST


@pytest.mark.parametrize("path", ARCHIVES, ids=lambda path: path.name)
def test_an_archive_names_no_folder_of_a_machine(path: Path, tmp_path: Path) -> None:
    for name, held in content(unpacked(path, tmp_path).root).items():
        assert not any(folder in held for folder in _MACHINE), name


@pytest.mark.slow
def test_it_verifies_is_migrated_and_goes_on(home: Home, command: Command) -> None:
    released = {**content(home.releases), **content(home.exports)}
    history, chain = recorded(home), home.public_ledger.read_bytes()
    verify_folder(home.published)
    at = ("--home", home.root)
    code, told = command("run", "--from", NEXT, "--to", NEXT, *at)
    assert code == 2
    assert "audience migrate" in told

    code, told = command("migrate", *at)
    assert code == 0, told
    assert "policy.yaml, line" in told
    assert command("migrate", *at) == (0, "Nothing to migrate: the home is of this version.")
    assert {**content(home.releases), **content(home.exports)} == released
    assert (recorded(home), home.public_ledger.read_bytes()) == (history, chain)
    for words in (("verify",), ("ledger", "verify")):
        code, told = command(*words, *at)
        assert code == 0, told
        assert "3 releases" in told

    # The last day was released under the names of before, the next one is new.
    release(home, "2026-11-04", NEXT)
    for words in (("verify",), ("ledger", "verify")):
        code, told = command(*words, *at)
        assert code == 0, told
        assert "4 releases" in told
    now = {**content(home.releases), **content(home.exports)}
    assert {name: now[name] for name in released} == released
    assert recorded(home)[: len(history)] == history
    assert home.public_ledger.read_bytes().startswith(chain)
    # The settings have other names, and are the same: no version of them is recorded.
    entries = Ledger.open(home.ledger).entries()
    assert [entry.kind for entry in entries].count("settings") == 1
    with duckdb.connect(str(home.database), read_only=True) as database:
        (figures,) = database.sql(
            "SELECT count(*) FROM figures WHERE people BETWEEN people_least AND people_most"
        ).fetchall()[0]
    assert figures > 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE figures SET people_least = people_least + 1 WHERE people IS NOT NULL",
        "UPDATE segments SET segment = 'x' WHERE segment_id = 'men'",
        "ALTER TABLE figures DROP people_most",
        "COMMENT ON TABLE figures IS 'x'",
    ],
)
def test_a_database_of_an_earlier_version_is_proved_too(tmp_path: Path, statement: str) -> None:
    home = unpacked(ARCHIVES[0], tmp_path)
    verify_folder(home.published)
    with duckdb.connect(str(home.database)) as database:
        database.execute(statement)
    with pytest.raises(Held, match=r"segments\.duckdb"):
        verify_folder(home.published)
