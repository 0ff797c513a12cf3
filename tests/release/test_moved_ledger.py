"""A history that moves from the home's file to PostgreSQL, and goes on there."""

from datetime import date
from pathlib import Path

import pytest
from interrupted_run import run
from ledgers import Store
from postgresql import Server
from release_world import DAY, content, release
from running import Done, call

from anonymizer.exports.verification import verify_folder
from anonymizer.model.errors import LedgerBroken
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home

NEXT = date(2026, 11, 23)


def copy(home: Home, url: str) -> Done:
    """`audience ledger copy`, as an operator runs it."""
    return call("ledger", "copy", "--home", home.root, environment={"AUDIENCE_LEDGER": url})


@pytest.fixture
def sent(home: Home) -> Home:
    """A day released and exported, and the settings that make a folder a home."""
    run(home, DAY)
    home.policy.touch()
    return home


@pytest.mark.alternate("ledgers of several machines")
def test_a_copied_ledger_is_the_same_history_and_is_continued(
    sent: Home, postgresql: Server
) -> None:
    before, original = content(sent.published), Ledger.open(sent.ledger)
    store = Store(postgresql.url(postgresql.new_database()), postgresql)
    done = copy(sent, store.position)
    assert done.returncode == 0, done.stderr
    assert "2 entries are copied" in done.stdout
    moved = store.open()
    assert moved.entries() == original.entries()
    assert [entry.recorded.split("+")[0].split(" by ")[0][:19] for entry in moved.entries()] == [
        entry.recorded.split(" by ")[0][:19] for entry in original.entries()
    ]
    assert content(sent.published) == before
    sent.ledger.unlink()
    release(sent, NEXT, ledger=moved)
    assert len(moved.releases()) == 2
    with pytest.raises(LedgerBroken, match="ledger is missing"):  # whoever forgets the address
        release(sent, date(2026, 11, 24))
    unfinished = verify_folder(sent.published).unfinished
    assert any("the exports of" in told and "are not written yet" in told for told in unfinished)


def test_a_ledger_is_copied_into_an_empty_one_alone(sent: Home, tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path}/other.sqlite"
    Ledger.open(other).append("note", "first", {})
    done = copy(sent, other)
    assert done.returncode == 4
    assert "1 entries; name an empty one" in " ".join(done.stderr.split())
    assert Ledger.open(other).verify() == 1


def test_without_an_address_or_with_a_broken_history_nothing_is_copied(
    sent: Home, tmp_path: Path
) -> None:
    assert copy(sent, "").returncode == 2
    next(sent.releases.glob("*/figures.parquet")).unlink()
    assert copy(sent, f"sqlite:///{tmp_path}/other.sqlite").returncode == 4
    assert not (tmp_path / "other.sqlite").exists()
