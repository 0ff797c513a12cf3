"""What was published can be trusted, or everything is held and says why."""

import shutil
import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from release_world import (
    DAY,
    POLICY,
    SECRET,
    SHOWN,
    catalogue,
    checked,
    content,
    count,
    facts,
    judged,
    release,
    suppressed,
    world,
)

from anonymizer.model.errors import Held, LedgerBroken
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_release, load_releases, publish
from anonymizer.release.release import PUBLISHED, SUPPRESSED, Release
from anonymizer.storage.home import Home

NEXT = date(2026, 11, 23)
NAME = "campaign-day-2026-11-22"
FILES = ("figures.parquet", "segments.parquet", "groups.parquet", "release.json")


def test_a_release_says_what_was_checked_and_nothing_of_the_rest(released: Release) -> None:
    rows = [row for row in released.figures.to_pylist() if row["subject_id"] == "spring"]
    assert [(row["segment_id"], row["status"], row["people"]) for row in rows] == [
        ("everyone", PUBLISHED, 1240),
        ("men", PUBLISHED, 900),
        ("women", PUBLISHED, 330),
        ("men_under_40", PUBLISHED, 510),
        ("women_makassar", SUPPRESSED, None),
        ("all:all:java", PUBLISHED, 1200),
        ("male:all:java", PUBLISHED, 900),
        ("female:all:java", PUBLISHED, 300),
    ]
    assert (released.base, released.error) == (10, 23)
    assert released.range_of(330) == (307, 353)
    assert released.range_of(60) == (50, 83)
    assert (released.id, released.number) == (NAME, 1)
    assert released.promise == POLICY.promise
    assert released.policy_digest == POLICY.digest
    assert released.catalogue_digest == catalogue().digest
    assert [campaign.id for campaign in released.campaigns] == ["autumn", "spring"]
    assert released.campaigns[0].target_regions == ("31", "32", "73")
    assert released.segments["men_under_40"].iab_ids == ("50", "3", "4", "5", "6", "7")


def test_a_release_explains_its_codes(released: Release) -> None:
    """Whoever reads it years later needs no settings to know which atoms a segment means."""
    leaves = {(row["dimension"], row["code"]): row["leaves"] for row in released.groups.to_pylist()}
    assert leaves["age", "under_40"] == ["18-20", "21-24", "25-29", "30-34", "35-39"]
    assert {code.split(".")[0] for code in leaves["region", "java"]} == {
        "31", "32", "33", "34", "35", "36",
    }  # fmt: skip
    for segment in released.segments.values():
        assert ("gender", segment.gender) in leaves
        assert ("age", segment.age) in leaves
        assert ("region", segment.region) in leaves


def test_the_ledger_records_what_a_release_was_made_of(home: Home, released: Release) -> None:
    entry = Ledger.open(home.ledger).releases()[0]
    assert set(entry.body["files"]) == set(FILES)
    assert entry.body["inputs"] == {"visits/day=2026-11-22/a.parquet": "0" * 64}
    assert entry.body["rows"]["visits"]["excluded"] == {"late": 1}
    assert entry.body["secret"] == SECRET.fingerprint
    assert entry.body["audit"]["figures"] == 2 * len(SHOWN)
    assert entry.body["audit"]["findings"] == 0
    assert set(entry.body["near"]) == {"state", "judged_against", "rounding", "days"}
    assert (entry.body["near"]["rounding"], entry.body["near"]["days"]) == (10, 400)
    assert entry.body["code"] == "0.1.0"


@pytest.mark.alternate("equal bytes")
def test_equal_order_in_the_ledger_gives_equal_bytes(home: Home, tmp_path: Path) -> None:
    """Also of what later releases are judged against, and of the ledger itself."""
    other = Home(tmp_path / "other")
    for position in (home, other):
        for day, fewer in ((NEXT, 0), (DAY, 1), (date(2026, 11, 21), 20)):
            release(position, day, counted=world(day, spring=fewer))
        position.ledger.unlink()
    assert content(home.root) == content(other.root)


def test_numbers_follow_the_order_in_the_ledger(home: Home) -> None:
    for day in (NEXT, DAY):
        release(home, day)
    loaded = load_releases(home, Ledger.open(home.ledger))
    assert [(one.number, one.period.start) for one in loaded] == [(1, NEXT), (2, DAY)]


def test_a_day_without_any_figure_is_a_release_too(home: Home, ledger: Ledger) -> None:
    counted = [count(name, {}) for name in ("autumn", "spring")]
    empty = judged(suppressed(counted), counted)
    published = publish(empty, facts(), home, ledger, SECRET).release
    assert set(published.figures["status"].to_pylist()) == {SUPPRESSED}
    assert published.figures["people"].null_count == len(published.figures)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("harm", ["edit", "remove", "truncate"])
def test_a_changed_byte_is_named(file: str, harm: str, home: Home, released: Release) -> None:
    path = home.releases / NAME / file
    whole = path.read_bytes()
    if harm == "remove":
        path.unlink()
    else:
        path.write_bytes(whole[:-1] + (b"" if harm == "truncate" else bytes([whole[-1] ^ 1])))
    with pytest.raises(LedgerBroken, match=f"{NAME}/{file}"):
        load_release(home, Ledger.open(home.ledger), NAME)


def test_a_file_that_does_not_belong_to_a_release_is_named(home: Home, released: Release) -> None:
    (home.releases / NAME / "more.parquet").touch()
    with pytest.raises(LedgerBroken, match=r"more.parquet is not in the ledger"):
        load_releases(home, Ledger.open(home.ledger))


def change_ledger(*statements: str) -> Callable[[Home], None]:
    def change(home: Home) -> None:
        with sqlite3.connect(home.ledger) as connection:
            connection.execute("DROP TRIGGER no_update")
            connection.execute("DROP TRIGGER no_delete")
            for statement in statements:
                connection.execute(statement)

    return change


def forge_release(home: Home) -> None:
    shutil.copytree(home.releases / NAME, home.releases / "campaign-day-2026-11-20")


FAULTS: dict[str, tuple[Callable[[Home], None], str]] = {
    "ledger lost": (lambda home: home.ledger.unlink(), "ledger is missing"),
    "ledger emptied": (change_ledger("DELETE FROM ledger"), "ledger is missing"),
    "last entry removed": (
        change_ledger("DELETE FROM ledger WHERE sequence = 2"), "older than what was published",
    ),
    "first entry removed": (change_ledger("DELETE FROM ledger WHERE sequence = 1"), "sequence 1"),
    "entry edited": (
        change_ledger("UPDATE ledger SET kept = replace(kept, 'late', 'gone') WHERE sequence = 2"),
        "sequence 2",
    ),
    "entries reordered": (
        change_ledger(
            "UPDATE ledger SET sequence = 9 WHERE sequence = 1",
            "UPDATE ledger SET sequence = 1 WHERE sequence = 2",
            "UPDATE ledger SET sequence = 2 WHERE sequence = 9",
        ),
        "sequence 1",
    ),
    "release nobody recorded": (forge_release, "lacks campaign-day-2026-11-20"),
    "release lost": (lambda home: shutil.rmtree(home.releases / NAME), "run its period again"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_history_that_cannot_be_trusted_holds_everything(fault: str, home: Home) -> None:
    release(home, DAY)
    release(home, NEXT)
    harm, message = FAULTS[fault]
    harm(home)
    before = content(home.published)
    with pytest.raises(Held, match=message):
        release(home, date(2026, 11, 24))
    assert content(home.published) == before


def test_a_lost_release_comes_back_as_it_was_or_not_at_all(home: Home, ledger: Ledger) -> None:
    release(home, DAY)
    before = content(home.published)
    shutil.rmtree(home.releases / NAME)
    with pytest.raises(LedgerBroken, match="other figures"):
        publish(checked(shown=("everyone",)), facts(), home, ledger, SECRET)
    assert set(content(home.published)) == {"ledger.jsonl"}
    assert not release(home, DAY).already_released
    assert content(home.published) == before
    assert ledger.verify() == 1


def test_a_release_that_never_was_cannot_be_loaded(home: Home, ledger: Ledger) -> None:
    with pytest.raises(LedgerBroken, match="never released"):
        load_release(home, ledger, NAME)
    assert load_releases(home, ledger) == []
