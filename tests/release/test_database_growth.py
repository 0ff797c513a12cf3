"""The analysts' database that grows by insertion: what a build of all releases at once gives."""

import random
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
import release_world
from correction_world import FIRST, correct, order, release_wrong
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from release_world import DAY, SECRET, release, release_longer

from anonymizer.exports import database_growth, export_limits
from anonymizer.exports.database import TABLES, build_database, differences
from anonymizer.exports.database_growth import rebuild_database, update_database
from anonymizer.exports.export_folders import write_exports
from anonymizer.exports.withdrawal import in_circulation, withdraw
from anonymizer.model.errors import NoSpace
from anonymizer.model.segments import Catalogue, SegmentSettings, build_catalogue
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_release, load_releases
from anonymizer.storage.home import Home

pytestmark = pytest.mark.alternate("a database that grows")

IN_A_TABLE = "subject_kind, subject_id, period_kind, period_start"
ACTIONS = ("day", "longer", "earlier", "words", "meaning", "withdraw", "edit", "nothing")


def days_of(start: date, number: int) -> list[date]:
    return [start + timedelta(days=n) for n in range(number)]


def releases(home: Home) -> list[object]:
    ledger = Ledger.open(home.ledger)
    return list(in_circulation(load_releases(home, ledger), ledger))


def update(home: Home) -> None:
    update_database(home, Ledger.open(home.ledger))


def rows_in_order(path: Path, name: str) -> list[tuple[object, ...]]:
    """All rows; of figures one table (a subject in a period) after the other, as they stand."""
    with duckdb.connect(str(path), read_only=True) as connection:
        if name == "figures":
            return connection.sql(f"SELECT * FROM figures ORDER BY {IN_A_TABLE}, rowid").fetchall()
        if name == "released_tables":
            return connection.sql(f"FROM released_tables ORDER BY {IN_A_TABLE}").fetchall()
        return connection.sql(f"FROM {name}").fetchall()


def assert_as_built(home: Home) -> None:
    """The same objects and rows as a build at once, and the same order where it is promised."""
    current = releases(home)
    assert differences(current, home.database) == []  # type: ignore[arg-type]
    built = Home(home.root.with_name(f"{home.root.name}-built"))
    shutil.rmtree(built.root, ignore_errors=True)
    built.root.mkdir()
    build_database(current, built)  # type: ignore[arg-type]
    for name in TABLES:
        assert rows_in_order(home.database, name) == rows_in_order(built.database, name), name


def changed(words: str, java: list[str]) -> Catalogue:
    """The catalogue with other words for men, and other provinces in Java."""
    known = release_world.settings()
    named = {**known["named"], "men": {**known["named"]["men"], "english": words}}
    areas = {"java": {**known["areas"]["java"], "regions": java, "english": f"Java ({words})"}}
    return build_catalogue(
        SegmentSettings.model_validate({**known, "named": named, "areas": areas})
    )


WHOLE, SMALLER = ["31", "32", "33", "34", "35", "36"], ["31", "33", "34", "35", "36"]


class History:
    """A home in which releases are made, withdrawn and corrected, one after the other."""

    def __init__(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self._patch = home, monkeypatch
        self._next, self._before = DAY + timedelta(days=40), DAY + timedelta(days=39)
        self._number, self._java, self._longer = 0, WHOLE, False
        release_wrong(home)

    def act(self, action: str) -> None:
        actions: dict[str, Callable[[], None]] = {
            "day": self._day,
            "longer": self._release_longer,
            "earlier": self._earlier,
            "words": self._words,
            "meaning": self._meaning,
            "withdraw": self._withdraw,
            "correct": self._correct,
            "edit": self._edit,
            "nothing": lambda: None,
        }
        actions[action]()

    def _day(self) -> None:
        release(self.home, self._next)
        self._next += timedelta(days=1)

    def _earlier(self) -> None:
        release(self.home, self._before)
        self._before -= timedelta(days=1)

    def _release_longer(self) -> None:
        if not self._longer:
            release_longer(self.home)
        self._longer = True

    def _words(self) -> None:
        self._number += 1
        self._settle()
        self._day()

    def _meaning(self) -> None:
        self._java = SMALLER if self._java == WHOLE else WHOLE
        self._settle()
        self._day()

    def _settle(self) -> None:
        new = changed(f"men {self._number}", self._java)
        self._patch.setattr(release_world, "catalogue", lambda: new)

    def _withdraw(self) -> None:
        ledger = Ledger.open(self.home.ledger)
        newest = ledger.releases()[-1].subject
        write_exports(load_release(self.home, ledger, newest), self.home, ledger, SECRET)
        withdraw(newest, "It went out by mistake", self.home, ledger, SECRET)

    def _correct(self) -> None:
        if Ledger.open(self.home.ledger).find_release(f"{FIRST}~2") is None:
            correct(self.home, ordered=order(self.home))

    def _edit(self) -> None:
        with duckdb.connect(str(self.home.database)) as connection:
            connection.execute("UPDATE figures SET people = people + 10 WHERE people IS NOT NULL")


@pytest.mark.slow
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from((*ACTIONS, "day", "correct")), min_size=1, max_size=5))
def test_a_grown_database_is_that_of_a_build_at_once(tmp_path: Path, actions: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        home = Home(tmp_path / f"home-{random.random()}")
        history = History(home, patched)
        update(home)
        for action in actions:
            history.act(action)
            update(home)
        assert_as_built(home)


def refuse(*_: object) -> None:
    raise AssertionError("the database is built anew")


def test_days_are_inserted_and_nothing_else_is_read(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(home)
    update(home)
    read = []
    monkeypatch.setattr(database_growth, "build_database", refuse)
    monkeypatch.setattr(
        database_growth,
        "load_release",
        lambda *given: read.append(given[2]) or load_release(*given),
    )
    for day in days_of(DAY + timedelta(days=1), 3):
        release(home, day)
        update(home)
    assert read == [f"campaign-day-2026-11-{day}" for day in (23, 24, 25)]
    before = home.database.stat()
    update(home)
    assert home.database.stat().st_ino == before.st_ino
    assert len(read) == 3
    assert_as_built(home)


def test_a_database_is_sorted_anew_once_more_has_grown_than_was_there(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_limits, "LEAST_SORTED", 1)
    release(home)
    update(home)
    orders = []
    for day in days_of(DAY + timedelta(days=1), 4):
        release(home, day)
        update(home)
        with duckdb.connect(str(home.database), read_only=True) as connection:
            names = [
                name for (name,) in connection.sql("SELECT subject_id FROM figures").fetchall()
            ]
        orders.append(names == sorted(names))
        assert_as_built(home)
    assert orders == [False, True, False, False]


def test_a_figure_that_sorting_changed_is_noticed_and_the_file_stays(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_limits, "LEAST_SORTED", 1)
    release(home)
    update(home)
    release(home, DAY + timedelta(days=1))
    update(home)
    before = home.database.read_bytes()
    changed = """rowid LIMIT 0;
        INSERT INTO figures SELECT * REPLACE (people + 10 AS people) FROM grown.figures"""
    monkeypatch.setitem(database_growth._ORDERS, "figures", changed)
    release(home, DAY + timedelta(days=2))
    with pytest.raises(NoSpace, match="differs from what was written"):
        update(home)
    assert home.database.read_bytes() == before


@pytest.mark.parametrize("lost", ["database", "state", "both", "other version", "damaged state"])
def test_what_is_not_as_it_was_written_is_built_anew(
    lost: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(home)
    update(home)
    state = home.private / "database.json"
    if lost in {"database", "both"}:
        home.database.unlink()
    if lost in {"state", "both"}:
        state.unlink()
    if lost == "damaged state":
        state.write_text('{"digest": 3}', encoding="utf-8")
    if lost == "other version":
        monkeypatch.setattr(database_growth, "layout", lambda: "other")
    built = []
    monkeypatch.setattr(
        database_growth,
        "build_database",
        lambda *given: built.append(given) or build_database(*given),
    )
    update(home)
    assert len(built) == 1
    assert_as_built(home)
    update(home)
    assert len(built) == 1


def test_a_build_can_be_asked_for(home: Home) -> None:
    release(home)
    rebuild_database(home, Ledger.open(home.ledger))
    assert_as_built(home)
