"""Many requests at once: each transaction gets its turn, and the ledger is read once."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from anonymizer.exports import export_files
from anonymizer.exports.circulation import Circulation
from anonymizer.exports.export_files import ExportFiles
from anonymizer.storage.home import Home, PublishedCopy
from portal import account_database
from portal.account_store import AccountStore
from portal.user_accounts import UserAccount

pytestmark = pytest.mark.xdist_group("portal")
AT_ONCE = 40  # the threads of the server


def together(call: Callable[[int], object]) -> list[object]:
    """What so many calls return that begin at the same moment."""
    start = threading.Barrier(AT_ONCE)

    def called(number: int) -> object:
        start.wait()
        return call(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(called, range(AT_ONCE)))


def test_transactions_of_one_process_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without that SQLite refuses some of them as soon as the disk is slow."""
    path, inside, most = tmp_path / "portal/accounts.sqlite", set[int](), set[int]()
    store = AccountStore(path)
    store.add(UserAccount("nina", "ad_ops", ("maju",)), "hash")
    once = account_database._transaction

    def watched(path: Path) -> object:
        inside.add(threading.get_ident())
        most.add(len(inside))
        time.sleep(0.002)
        inside.discard(threading.get_ident())
        return once(path)

    monkeypatch.setattr(account_database, "_transaction", watched)
    tokens = together(lambda _: store.begin_session("nina", "hash", 1))
    assert len({token for token in tokens if token}) == AT_ONCE
    assert most == {1}


def test_the_ledger_is_read_once_for_all_that_wait(
    portal_world: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = list[int]()

    def slow(_: Home) -> Circulation:
        read.append(1)
        time.sleep(0.05)
        return Circulation(newest=7)

    monkeypatch.setattr(export_files, "circulation", slow)
    files = ExportFiles(PublishedCopy(portal_world.published))
    assert {found.newest for found in together(lambda _: files.circulation())} == {7}  # type: ignore[attr-defined]
    assert read == [1]
