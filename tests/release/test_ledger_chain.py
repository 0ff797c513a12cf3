"""The ledger keeps its order and notices every change, in each database that can hold it."""

import hashlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from ledgers import Store
from postgresql import PASSWORD, Server

from anonymizer.model.errors import AudienceError, Busy, ConfigurationError, LedgerBroken
from anonymizer.release.chain import FIRST, forge, prove
from anonymizer.release.ledger import Ledger


@pytest.fixture
def chain(store: Store) -> Ledger:
    """Four entries."""
    ledger = store.open()
    for number in range(1, 5):
        files = {"files": {"a": str(number)}}
        ledger.append("release", f"release-{number}", files, {"rows": number})
    return ledger


def test_entries_come_back_in_order_and_chained(chain: Ledger) -> None:
    entries = chain.entries()
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4]
    assert [entry.previous for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
    assert chain.find_release("release-3") == entries[2]
    assert entries[2].body == {"files": {"a": "3"}, "rows": 3}
    assert chain.find_release("release-9") is None
    assert chain.verify() == 4


def test_equal_histories_have_equal_hashes_whatever_clock_and_database(
    chain: Ledger, tmp_path: Path
) -> None:
    other = Ledger.open(tmp_path / "other.sqlite")
    for entry in chain.entries():
        public, private = {"files": entry.body["files"]}, {"rows": entry.body["rows"]}
        other.append(entry.kind, entry.subject, public, private)
    assert other.entries() == chain.entries()


def test_reading_a_ledger_that_does_not_exist_creates_nothing(store: Store, tmp_path: Path) -> None:
    assert store.open().entries() == ()
    assert list(tmp_path.iterdir()) == []


def test_a_subject_is_recorded_once(chain: Ledger) -> None:
    with pytest.raises(LedgerBroken, match="already recorded"):
        chain.append("release", "release-2", {})
    assert chain.append("exports", "release-2", {}).sequence == 5


@pytest.mark.parametrize(
    ("statement", "first_broken"),
    [
        ("UPDATE ledger SET shown = replace(shown, '2', '9') WHERE sequence = 2", 2),
        ("UPDATE ledger SET kept = replace(kept, ':2', ':9') WHERE sequence = 2", 2),
        ("UPDATE ledger SET kept = replace(kept, ':', ': ') WHERE sequence = 3", 3),
        ("UPDATE ledger SET kept = '{}' WHERE sequence = 3", 3),
        ("UPDATE ledger SET shown = NULL WHERE sequence = 3", 3),
        ("UPDATE ledger SET subject = 'release-9' WHERE sequence = 1", 1),
        ("UPDATE ledger SET kind = 'note' WHERE sequence = 4", 4),
        (f"UPDATE ledger SET hash = '{'0' * 64}' WHERE sequence = 3", 3),
        ("DELETE FROM ledger WHERE sequence = 1", 1),
        ("DELETE FROM ledger WHERE sequence = 3", 3),
        ("UPDATE ledger SET sequence = 9 WHERE sequence = 2", 2),
    ],
)
def test_every_change_names_the_first_broken_sequence(
    statement: str, first_broken: int, chain: Ledger, store: Store
) -> None:
    store.tamper(statement)
    with pytest.raises(LedgerBroken, match=f"sequence {first_broken}:"):
        chain.verify()
    with pytest.raises(LedgerBroken):
        chain.append("release", "release-5", {})


def test_a_forger_who_makes_the_hash_fit_is_given_away_by_the_next_entry(
    chain: Ledger, store: Store
) -> None:
    old = chain.entries()[1]
    shown = '{"body":{"files":{"a":"forged"}},"kind":"release","subject":"release-2"}'
    sealed = [2, hashlib.sha256(shown.encode()).hexdigest(), old.link.kept, old.previous]
    forged = hashlib.sha256(json.dumps(sealed, separators=(",", ":")).encode()).hexdigest()
    store.tamper(f"UPDATE ledger SET shown = '{shown}', hash = '{forged}' WHERE sequence = 2")
    with pytest.raises(LedgerBroken, match="sequence 3: it does not follow"):
        chain.verify()


def test_two_entries_that_changed_places_are_noticed(chain: Ledger, store: Store) -> None:
    store.tamper(
        "UPDATE ledger SET sequence = 20 WHERE sequence = 2",
        "UPDATE ledger SET sequence = 2 WHERE sequence = 3",
        "UPDATE ledger SET sequence = 3 WHERE sequence = 20",
    )
    with pytest.raises(LedgerBroken, match="sequence 2:"):
        chain.verify()


def test_a_chain_is_numbered_from_one_on_without_a_gap() -> None:
    """Also where every hash fits."""
    first = forge(1, None, {"number": 1}, FIRST)
    third = forge(3, None, {"number": 3}, first.hash)
    assert prove([first]) == (first,)
    with pytest.raises(LedgerBroken, match="sequence 2: sequence 3 is in its place"):
        prove([first, third])


@pytest.mark.parametrize("action", ["UPDATE ledger SET kind = 'x'", "DELETE FROM ledger"])
def test_the_database_itself_refuses_changes(action: str, chain: Ledger, store: Store) -> None:
    with pytest.raises((sqlite3.IntegrityError, psycopg.Error), match="append-only"):
        store.execute(action)


def test_postgresql_refuses_to_be_emptied(postgresql: Server) -> None:
    store = Store(postgresql.url(postgresql.new_database()), postgresql)
    store.open().append("release", "release-1", {})
    with pytest.raises(psycopg.Error, match="append-only"):
        store.execute("TRUNCATE ledger")


def test_a_damaged_file_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    Ledger.open(path).append("release", "release-1", {})
    path.write_bytes(path.read_bytes()[:100] + b"damage" * 2000)
    with pytest.raises(LedgerBroken, match="backup"):
        Ledger.open(path).verify()


def test_a_ledger_of_another_form_is_named_as_such(store: Store) -> None:
    store.execute("CREATE TABLE ledger (sequence INTEGER, body TEXT)")
    with pytest.raises(LedgerBroken, match="early version"):
        store.open().verify()


@pytest.mark.parametrize("other", ["release-5", "release-6"])
def test_of_two_that_append_at_once_one_gives_way(
    other: str, chain: Ledger, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read the same end of the chain; only one entry may follow it."""
    read: Callable[[Ledger], object] = Ledger.entries
    rival = store.open()

    def read_and_be_overtaken(ledger: Ledger) -> object:
        history = read(ledger)
        monkeypatch.undo()
        rival.append("release", other, {})
        return history

    monkeypatch.setattr(Ledger, "entries", read_and_be_overtaken)
    with pytest.raises(AudienceError, match="busy"):
        chain.append("release", "release-5", {})
    assert chain.verify() == 5


_APPEND = """
import sys
from anonymizer.model.errors import Busy
from anonymizer.release.chain import FIRST, forge, prove
from anonymizer.release.ledger import Ledger
place, name, wanted = sys.argv[1:]
ledger = Ledger.open(place)
done = 0
print("ready", flush=True)
sys.stdin.readline()
while done < int(wanted):
    try:
        ledger.append("release", f"{name}-{done}", {})
        done += 1
    except Busy:
        pass
"""


@pytest.mark.alternate("ledgers of several machines")
def test_processes_that_append_at_once_never_fork_the_chain(store: Store) -> None:
    """From the empty database on: they also make the table at the same moment."""
    each, names = 15, ("a", "b", "c")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _APPEND, store.position, name, str(each)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for name in names
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"\n")
        writer.stdin.flush()
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    entries = store.open().entries()
    assert len(entries) == each * len(names)
    for name in names:
        mine = [entry.subject for entry in entries if entry.subject.startswith(name)]
        assert mine == [f"{name}-{number}" for number in range(each)]


@pytest.mark.alternate("ledgers of several machines")
def test_a_server_that_is_down_or_shut_is_said_so_without_the_password(
    postgresql: Server,
) -> None:
    name = postgresql.new_database()
    store = Store(postgresql.url(name), postgresql)
    store.open().append("release", "release-1", {})
    faults = {
        "wrong password": postgresql.url(name, "hunter2"),
        "no such database": postgresql.url("nowhere"),
        "no such host": f"postgresql://keeper:{PASSWORD}@/x?host=/nonexistent",
    }
    said = [_refusal(Ledger.open(url)) for url in faults.values()]
    postgresql.stop()
    try:
        said.append(_refusal(store.open()))
    finally:
        postgresql.start()
    for words in said:
        assert "server does not answer or refuses the connection" in words
        assert "hunter2" not in words
        assert PASSWORD not in words
    assert store.open().verify() == 1


def _refusal(ledger: Ledger) -> str:
    with pytest.raises(LedgerBroken) as refused:
        ledger.verify()
    assert refused.value.__cause__ is None
    return f"{refused.value} {ledger!r}"


def test_an_account_that_may_not_write_is_told_about_its_permission(postgresql: Server) -> None:
    name = postgresql.new_database()
    store = Store(postgresql.url(name), postgresql)
    store.open().append("release", "release-1", {})
    store.execute(
        f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'", "GRANT SELECT ON ledger TO reader"
    )
    reader = Ledger.open(store.position.replace("keeper", "reader"))
    assert reader.verify() == 1
    with pytest.raises(AudienceError, match="InsufficientPrivilege"):
        reader.append("release", "release-2", {})


def test_a_held_lock_is_busy_not_broken(postgresql: Server) -> None:
    store = Store(postgresql.url(postgresql.new_database()), postgresql)
    store.open().append("release", "release-1", {})
    impatient = Ledger.open(store.position + "&options=-c%20lock_timeout%3D200")
    with psycopg.connect(store.position) as session:
        session.execute("LOCK TABLE ledger")
        with pytest.raises(Busy, match="another process"):
            impatient.verify()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://user:hunter2@/file",
        "postgresql://user:hunter2@host/x",
        "nodb://:hunter2@h",
        "mysql://user:hunter2@host/x",
        "postgresql://user:hunter2@host:port/x",
    ],
)
def test_a_password_in_the_url_is_never_shown(url: str) -> None:
    try:
        said = repr(Ledger.open(url))
    except ConfigurationError as error:
        said = str(error)
    assert "hunter2" not in said


def test_of_an_entry_without_a_public_part_nothing_can_be_read_but_that_it_is_there(
    chain: Ledger,
) -> None:
    entry = chain.append("note", "about nobody", None, {"salt": "x", "people": 3})
    assert entry.link.shown is None
    assert "nobody" not in repr(entry.link)
    assert chain.entries()[-1] == entry
    assert (entry.kind, entry.subject, entry.body["people"]) == ("note", "about nobody", 3)
