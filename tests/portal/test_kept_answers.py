"""An answer is kept for the same question to the same file, and for nothing else."""

import os
from pathlib import Path

import duckdb
import pytest
from published_world import published

from anonymizer.storage.home import Home
from audience.source import LatestDatabase
from portal import portal_limits
from portal.kept_answers import KeptAnswers, Rows
from portal.published_tables import PublishedTables

pytestmark = pytest.mark.xdist_group("portal")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that reach the file."""
    found, records = list[str](), LatestDatabase.records

    def noted(database: LatestDatabase, name: str, values: object = None) -> Rows:
        found.append(name)
        return records(database, name, values)  # type: ignore[arg-type]

    monkeypatch.setattr(LatestDatabase, "records", noted)
    return found


def test_the_same_question_is_asked_once(portal_world: Home, asked: list[str]) -> None:
    tables = PublishedTables(published(portal_world))
    first, second = (tables.subject("campaign", "spring", ["maju"]) for _ in range(2))
    assert first == second
    assert first
    assert asked == ["find_subject"]


def test_another_reader_is_not_answered_with_it(portal_world: Home, asked: list[str]) -> None:
    tables = PublishedTables(published(portal_world))
    assert tables.subject("campaign", "spring", ["maju"])
    assert tables.subject("campaign", "spring", ["jaya"]) is None
    assert tables.subject("campaign", "spring", None)
    assert len(asked) == 3


def test_a_new_file_is_asked_again(portal_home: Home) -> None:
    tables = PublishedTables(published(portal_home))
    assert tables.campaigns(None)[1] == 2
    copy = Path(f"{portal_home.database}.new")
    copy.write_bytes(portal_home.database.read_bytes())
    with duckdb.connect(str(copy)) as database:
        database.execute("DELETE FROM released_tables WHERE subject_id = 'autumn'")
        database.execute("DELETE FROM campaigns WHERE campaign_id = 'autumn'")
    os.replace(copy, portal_home.database)  # noqa: PTH105  as publishing does
    assert tables.campaigns(None)[1] == 1


def test_so_many_answers_and_rows_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal_limits, "KEPT_ANSWERS", 2)
    kept, asked = KeptAnswers(), list[str]()

    def ask(name: str, rows: int = 1) -> None:
        kept.answer(1, name, {}, lambda: asked.append(name) or [{"a": 1}] * rows)  # type: ignore[func-returns-value]

    for name in ("one", "two", "one", "three", "one", "two"):
        ask(name)
    assert asked == ["one", "two", "three", "two"], "the one that was asked for longest ago is gone"
    for _ in range(2):
        ask("long", 121)
    assert asked[-2:] == ["long", "long"]
