"""A bad release that was sent out: taken out of exports and database, kept in the history."""

import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest
from release_world import DAY, SECRET, content, release

from anonymizer.exports import notice, withdrawal
from anonymizer.exports.export_check import check_export
from anonymizer.exports.export_folders import faulty_exports, write_exports
from anonymizer.exports.notice import NOTICE
from anonymizer.exports.verification import verify_folder
from anonymizer.exports.withdrawal import in_circulation, withdraw
from anonymizer.model.errors import ConfigurationError, Held, LedgerBroken, SecretProblem
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_releases
from anonymizer.storage.files import move_into_place
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

NEXT = date(2026, 11, 23)
BAD, GOOD = "campaign-day-2026-11-22", "campaign-day-2026-11-23"
REASON = "Visits of 2026-11-22 were delivered twice"


@pytest.fixture
def sent(two_days: Home, tmp_path: Path) -> Home:
    """Two days released, exported and in the database."""
    return Home(shutil.copytree(two_days.root, tmp_path / "home"))


def withdraw_bad(home: Home, reason: str = REASON, secret: Secret = SECRET) -> tuple[str, ...]:
    return withdraw(BAD, reason, home, Ledger.open(home.ledger), secret)


def in_database(home: Home) -> list[tuple[str]]:
    with duckdb.connect(str(home.database), read_only=True) as database:
        return database.sql("SELECT DISTINCT release_id FROM figures ORDER BY 1").fetchall()


def test_its_exports_give_way_to_a_notice_and_the_database_is_without_it(sent: Home) -> None:
    other = {name: c for name, c in content(sent.exports).items() if GOOD in name}
    assert withdraw_bad(sent) == ("jaya", "maju")
    assert set(content(sent.exports)) == {
        *other, f"jaya/{BAD}/{NOTICE}", f"maju/{BAD}/{NOTICE}",
    }  # fmt: skip
    assert other.items() <= content(sent.exports).items()
    assert in_database(sent) == [(GOOD,)]


def test_who_looks_for_it_is_told_why(sent: Home) -> None:
    key = check_export(sent.exports / "maju" / BAD).key
    withdraw_bad(sent)
    with pytest.raises(Held, match=f"withdrawn by Example Company: {REASON}") as told:
        check_export(sent.exports / "maju" / BAD, key)
    assert told.value.reason == "withdrawn"
    assert "delete every copy" in str(told.value)


def test_a_forged_notice_is_none(sent: Home) -> None:
    withdraw_bad(sent)
    path = sent.exports / "maju" / BAD / NOTICE
    forged = json.loads(path.read_text("utf-8")) | {"release": GOOD}
    path.write_text(json.dumps(forged), "utf-8")
    with pytest.raises(Held, match="seal is not valid"):
        check_export(path.parent)
    with pytest.raises(
        Held, match=f"exports/maju/{BAD}/{NOTICE} differs from what the ledger recorded"
    ):
        verify_folder(sent.published)


def test_the_published_folder_proves_itself_and_says_what_was_withdrawn(sent: Home) -> None:
    noted = verify_folder(sent.published)
    withdraw_bad(sent)
    proved = verify_folder(sent.published, noted.head)
    assert proved.withdrawn == {BAD: REASON}
    assert (proved.entries, proved.releases) == (noted.entries + 1, 2)
    assert faulty_exports(sent, Ledger.open(sent.ledger)) == []


def test_its_figures_stay_in_the_history_and_its_period_is_never_released_again(
    sent: Home,
) -> None:
    withdraw_bad(sent)
    ledger = Ledger.open(sent.ledger)
    before = content(sent.published)
    releases = load_releases(sent, ledger)
    assert [one.id for one in releases] == [BAD, GOOD]
    assert [one.id for one in in_circulation(releases, ledger)] == [GOOD]
    again = release(sent, DAY)
    assert again.already_released
    write_exports(again.release, sent, ledger, SECRET)
    assert content(sent.published) == before


def test_withdrawing_again_changes_nothing(sent: Home) -> None:
    withdraw_bad(sent)
    before = content(sent.exports), Ledger.open(sent.ledger).entries()
    assert withdraw_bad(sent) == ("jaya", "maju")
    assert (content(sent.exports), Ledger.open(sent.ledger).entries()) == before
    with pytest.raises(ConfigurationError, match="for another reason"):
        withdraw_bad(sent, "Something else")


@pytest.mark.parametrize(
    ("reason", "problem"),
    [
        (" ", "empty"),
        ("x" * 301, "more than 300"),
        ("one\ntwo", "control characters"),
        ("ask budi@example.invalid", "address or a number"),
        ("call +62 812 3456 7890", "address or a number"),
    ],
)
def test_a_reason_that_cannot_stand_in_public_is_refused(
    reason: str, problem: str, sent: Home
) -> None:
    before = content(sent.root)
    with pytest.raises(ConfigurationError, match=problem):
        withdraw_bad(sent, reason)
    assert content(sent.root) == before


def other_key(home: Home) -> None:
    withdraw_bad(home, secret=Secret(bytes(range(1, 33))))


def lost_ledger(home: Home) -> None:
    home.ledger.unlink()
    withdraw_bad(home)


def never_released(home: Home) -> None:
    withdraw("campaign-day-2020-01-01", REASON, home, Ledger.open(home.ledger), SECRET)


@pytest.mark.parametrize(
    ("attempt", "error", "problem"),
    [
        (other_key, SecretProblem, "restore it from its backup"),
        (lost_ledger, LedgerBroken, "ledger is missing"),
        (never_released, ConfigurationError, "never released"),
    ],
)
def test_a_history_that_cannot_be_trusted_withdraws_nothing(
    attempt: Callable[[Home], None], error: type[Exception], problem: str, sent: Home
) -> None:
    before = content(sent.published)
    with pytest.raises(error, match=problem):
        attempt(sent)
    assert content(sent.published) == before


def test_a_release_whose_exports_were_never_finished_is_finished_first(home: Home) -> None:
    release(home, DAY)
    with pytest.raises(Held, match="exports_unfinished"):
        withdraw_bad(home)


@pytest.mark.slow
@pytest.mark.parametrize("position", ["ledger", "first folder gone", "first notice", "database"])
def test_killed_in_the_middle_it_is_finished_by_the_next_attempt(position: str, sent: Home) -> None:
    undisturbed = Home(shutil.copytree(sent.root, sent.root.with_name("undisturbed")))
    withdraw_bad(undisturbed)
    child = os.fork()
    if not child:
        die_at(position)
        withdraw_bad(sent)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    if position != "ledger":
        told = " ".join(verify_folder(sent.published).unfinished)
        assert re.search(r"exports/jaya|exports/maju|segments\.duckdb", told)
    withdraw_bad(sent)
    assert content(sent.exports) == content(undisturbed.exports)
    assert Ledger.open(sent.ledger).entries() == Ledger.open(undisturbed.ledger).entries()
    assert verify_folder(sent.published) == verify_folder(undisturbed.published)


def die_at(position: str) -> None:
    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def move_and_die(source: Path, target: Path) -> None:
        move_into_place(source, target)
        die()

    if position == "ledger":
        withdrawal.write_public_ledger = die  # type: ignore[attr-defined, assignment]
    elif position == "database":
        withdrawal.update_database = die  # type: ignore[attr-defined, assignment]
    else:
        stop = die if position == "first folder gone" else move_and_die
        notice.move_into_place = stop  # type: ignore[attr-defined]


@pytest.mark.alternate("interrupted runs")
def test_a_run_of_the_day_finishes_an_interrupted_withdrawal(sent: Home) -> None:
    withdraw_bad(sent)
    shutil.rmtree(sent.exports / "maju" / BAD)
    ledger = Ledger.open(sent.ledger)
    write_exports(release(sent, DAY).release, sent, ledger, SECRET)
    assert verify_folder(sent.published).withdrawn == {BAD: REASON}
