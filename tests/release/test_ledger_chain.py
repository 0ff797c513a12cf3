"""The ledger keeps its order and notices every change."""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from anonymizer.errors import AudienceError, ConfigurationError, LedgerBroken
from anonymizer.ledger import Ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def chain(path: Path) -> Ledger:
    """Four entries."""
    ledger = Ledger.open(path)
    for number in range(1, 5):
        ledger.append("release", f"release-{number}", {"files": {"a": str(number)}})
    return ledger


def tamper(path: Path, *statements: str) -> None:
    """What somebody with the file in hands can do."""
    with sqlite3.connect(path) as connection:
        for trigger in ("no_update", "no_delete"):
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            connection.execute(statement)


def test_entries_come_back_in_order_and_chained(chain: Ledger) -> None:
    entries = chain.entries()
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4]
    assert [entry.previous for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
    assert chain.find_release("release-3") == entries[2]
    assert chain.find_release("release-9") is None
    assert chain.verify() == 4


def test_equal_histories_have_equal_hashes_whatever_the_clock_says(
    chain: Ledger, tmp_path: Path
) -> None:
    other = Ledger.open(f"sqlite:///{tmp_path}/other.sqlite")
    for entry in chain.entries():
        other.append(entry.kind, entry.subject, dict(reversed(entry.body.items())))
    assert other.entries() == chain.entries()


def test_reading_a_ledger_that_does_not_exist_creates_nothing(path: Path) -> None:
    assert Ledger.open(path).entries() == ()
    assert not path.exists()


def test_a_subject_is_recorded_once(chain: Ledger) -> None:
    with pytest.raises(LedgerBroken, match="recorded already"):
        chain.append("release", "release-2", {})
    assert chain.append("exports", "release-2", {}).sequence == 5


@pytest.mark.parametrize(
    ("statement", "first_broken"),
    [
        ("""UPDATE ledger SET body = replace(body, '2', '9') WHERE sequence = 2""", 2),
        ("UPDATE ledger SET subject = 'release-9' WHERE sequence = 1", 1),
        ("UPDATE ledger SET kind = 'note' WHERE sequence = 4", 4),
        (f"UPDATE ledger SET hash = '{'0' * 64}' WHERE sequence = 3", 3),
        ("DELETE FROM ledger WHERE sequence = 1", 1),
        ("DELETE FROM ledger WHERE sequence = 3", 3),
        ("UPDATE ledger SET sequence = 9 WHERE sequence = 2", 2),
    ],
)
def test_every_change_names_the_first_broken_sequence(
    statement: str, first_broken: int, chain: Ledger, path: Path
) -> None:
    tamper(path, statement)
    with pytest.raises(LedgerBroken, match=f"sequence {first_broken}:"):
        chain.verify()
    with pytest.raises(LedgerBroken):
        chain.append("release", "release-5", {})


def test_a_forger_who_makes_the_hash_fit_is_given_away_by_the_next_entry(
    chain: Ledger, path: Path
) -> None:
    old = chain.entries()[1]
    body = '{"files":{"a":"forged"}}'
    forged = hashlib.sha256(
        json.dumps([2, "release", "release-2", body, old.previous], separators=(",", ":")).encode()
    ).hexdigest()
    tamper(path, f"UPDATE ledger SET body = '{body}', hash = '{forged}' WHERE sequence = 2")
    with pytest.raises(LedgerBroken, match="sequence 3: it does not follow"):
        chain.verify()


def test_two_entries_that_changed_places_are_noticed(chain: Ledger, path: Path) -> None:
    tamper(
        path,
        "UPDATE ledger SET sequence = 20 WHERE sequence = 2",
        "UPDATE ledger SET sequence = 2 WHERE sequence = 3",
        "UPDATE ledger SET sequence = 3 WHERE sequence = 20",
    )
    with pytest.raises(LedgerBroken, match="sequence 2:"):
        chain.verify()


@pytest.mark.parametrize("action", ["UPDATE ledger SET kind = 'x'", "DELETE FROM ledger"])
def test_the_database_itself_refuses_changes(action: str, chain: Ledger, path: Path) -> None:
    with sqlite3.connect(path) as connection, pytest.raises(sqlite3.IntegrityError, match="append"):
        connection.execute(action)


def test_a_damaged_file_is_explained(chain: Ledger, path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100] + b"damage" * 2000)
    with pytest.raises(LedgerBroken, match="backup"):
        chain.verify()


@pytest.mark.parametrize("other", ["release-5", "release-6"])
def test_of_two_that_append_at_once_one_gives_way(
    other: str, chain: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read the same end of the chain; only one entry may follow it."""
    read: Callable[[Ledger], object] = Ledger.entries
    rival = Ledger.open(path)

    def read_and_be_overtaken(ledger: Ledger) -> object:
        history = read(ledger)
        monkeypatch.undo()
        rival.append("release", other, {})
        return history

    monkeypatch.setattr(Ledger, "entries", read_and_be_overtaken)
    with pytest.raises(AudienceError, match="busy"):
        chain.append("release", "release-5", {})
    assert chain.verify() == 5


@pytest.mark.parametrize(
    "url", ["sqlite://user:hunter2@/file", "postgresql://user:hunter2@host/x", "nodb://:hunter2@h"]
)
def test_a_password_in_the_url_is_never_shown(url: str) -> None:
    try:
        said = repr(Ledger.open(url))
    except ConfigurationError as error:
        said = str(error)
    assert "hunter2" not in said
