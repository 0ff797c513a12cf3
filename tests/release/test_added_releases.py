"""Releases with an added dimension: linked with others, exported, in the analysts' database."""

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from release_world import (
    CAMPAIGNS,
    DAY,
    POLICY,
    SECRET,
    facts,
    person,
    recheck,
    settings,
)

from anonymizer.audit.history.public_table import read_public_tables, with_added
from anonymizer.audit.linked_tables import added_leaves, released_tables
from anonymizer.audit.published_file import read_published
from anonymizer.exports.database import build_database, count_figures, differences
from anonymizer.exports.database_growth import update_database
from anonymizer.exports.export_folders import write_exports
from anonymizer.exports.file_check import check_file
from anonymizer.model.periods import Period
from anonymizer.model.segments import Catalogue, SegmentSettings, build_catalogue
from anonymizer.model.series import CAMPAIGN_DAY, CAMPAIGN_WEEK, Series
from anonymizer.model.tables import Counted, SetHashes, TableKey
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_release, publish
from anonymizer.release.release import Release
from anonymizer.storage.home import Home
from anonymizer.suppression.release_suppression import ReleaseTerms

Kind = tuple[str, str, str]
VALUES = ("mobile", "desktop", "other")
SPRING: Mapping[Kind, int] = {
    ("male", "25-29", "31.71"): 503,
    ("male", "45-49", "32.73"): 398,
    ("female", "30-34", "31.71"): 301,
}
AUTUMN: Mapping[Kind, int] = {kind: people // 2 for kind, people in SPRING.items()}


def catalogue_of(*series: str) -> Catalogue:
    content = settings()
    if series:
        crossed = [[], ["gender"], ["area"]]
        content["added_dimensions"] = {"device": {"series": series, "cross_tables": crossed}}
        content["named"]["men_on_phones"] = {
            "gender": "male",
            "device": "mobile",
            "english": "men on mobile phones",
            "indonesian": "pria dengan ponsel",
        }
    return build_catalogue(SegmentSettings.model_validate(content))


PLAIN = catalogue_of()
BY_DAY = catalogue_of("campaign-day")
BY_BOTH = catalogue_of("campaign-day", "campaign-week")


def counted(
    subject: str,
    people: Mapping[Kind, int],
    catalogue: Catalogue,
    first: int = 0,
    series: Series = CAMPAIGN_DAY,
    day: date = DAY,
) -> Counted:
    """So many people of each kind; one in five has a computer, one in twenty another device."""
    own = catalogue.of_series(series.id)
    grid = np.zeros(own.shape, dtype=np.int64)
    totals: dict[tuple[int, int], int] = {}
    for kind, wanted in people.items():
        for number in range(first, first + wanted):
            value = VALUES[2 if number % 20 == 7 else 1 if number % 5 == 0 else 0]
            codes = (*kind, value) if own.added_dimension else kind
            cell = tuple(d.leaves.index(c) for d, c in zip(own.dimensions, codes, strict=True))
            grid[cell] += 1
            mark, bucket = person(kind, number)
            place = int(np.ravel_multi_index(cell, own.shape)), bucket
            totals[place] = (totals.get(place, 0) + mark) % 2**64
    order = sorted(totals)
    hashes = SetHashes(
        np.array([cell for cell, _ in order], dtype=np.intp),
        np.array([bucket for _, bucket in order], dtype=np.uint8),
        np.array([totals[place] for place in order], dtype=np.uint64),
    )
    key = TableKey(series.kind, subject, Period.of(series.period_kind, day))
    return Counted(key, grid, hashes, np.ones(own.shape, dtype=bool))


def released(
    home: Home,
    catalogue: Catalogue,
    series: Series = CAMPAIGN_DAY,
    day: date = DAY,
    more: int = 0,
) -> Release:
    """Both campaigns, with `more` people of each kind."""
    ledger = Ledger.open(home.ledger)
    tables: Sequence[Counted] = [
        counted(name, {k: n + more for k, n in people.items()}, catalogue, first, series, day)
        for name, people, first in (("autumn", AUTUMN, 10_000), ("spring", SPRING, 0))
    ]
    terms = ReleaseTerms(catalogue.of_series(series.id), POLICY.promise, SECRET, POLICY.effort)
    checked = recheck(home, ledger, tables, terms)
    return publish(checked, facts(), home, ledger, SECRET).release


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def figures(release: Release, subject: str) -> dict[str, int]:
    return {
        row["segment_id"]: row["people"]
        for row in release.figures.to_pylist()
        if row["subject_id"] == subject and row["people"] is not None
    }


def test_a_release_says_its_dimension_and_keeps_everything_else(home: Home, tmp_path: Path) -> None:
    own = released(home, BY_DAY)
    plain = released(Home(tmp_path / "other"), PLAIN)
    # The other segments have the same figures: what was drawn follows from the people alone.
    for subject in ("autumn", "spring"):
        found = figures(own, subject)
        assert {name: n for name, n in found.items() if "device" not in name} == {
            **figures(plain, subject),
            "men_on_phones": found["men_on_phones"],
        }
        assert found["all:all:all:device=mobile"] < found["everyone"]
        assert found["female:all:all:device=mobile"] + found["men_on_phones"] <= (
            found["all:all:all:device=mobile"] + 2 * own.error
        )
    assert own.added_dimensions == ("device",)
    assert plain.added_dimensions == ()
    folder = home.releases / own.id
    assert json.loads((folder / "release.json").read_text())["format"] == 5
    assert pq.read_schema(folder / "segments.parquet").names[-1] == "device"
    segment = own.segments["men_on_phones"]
    assert (segment.code("device"), segment.code("gender"), segment.is_added) == (
        *("mobile", "male"), True
    )  # fmt: skip
    assert own.segments["men"].code("device") == "all"
    assert not own.segments["men"].is_added


def test_exports_have_a_column_more_and_are_checked_and_audited(home: Home) -> None:
    release = released(home, BY_DAY)
    ledger = Ledger.open(home.ledger)
    write_exports(release, home, ledger, SECRET)
    (folder,) = home.exports.glob("maju/*")
    (path,) = folder.glob("*.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[-1] == "device"
    by_id = {row["segment_id"]: row for row in rows}
    assert by_id["men"]["device"] == "all"
    phones = by_id["men_on_phones"]
    assert (phones["gender"], phones["device"]) == ("male", "mobile")
    assert phones["statement_indonesian"].startswith(f"{phones['people']} pria dengan ponsel")
    assert by_id["female:all:all:device=desktop"]["segment"] == "women on computers"
    parquet = next(iter(folder.glob("*.parquet")))
    assert pq.read_table(parquet)["device"].to_pylist() == [row["device"] for row in rows]
    for exported in sorted(folder.glob("*_day-*")):
        assert check_file(exported).release == release.id
        table = read_published(exported, {})
        assert [axis.name for axis in table.catalogue.dimensions] == [
            *("gender", "age", "region", "device")
        ]
        assert len(table.published) == sum(row["status"] == "published" for row in rows)


def test_the_database_has_them_apart_and_only_where_they_are(home: Home) -> None:
    first = released(home, PLAIN, day=date(2026, 11, 20))
    ledger = Ledger.open(home.ledger)
    update_database(home, ledger)
    with duckdb.connect(str(home.database), read_only=True) as database:
        names = [
            row[0] for row in database.sql("SELECT table_name FROM duckdb_tables()").fetchall()
        ]
    assert "added_figures" not in names
    second = released(home, BY_DAY, more=100)
    update_database(home, ledger)
    assert differences([first, second], home.database) == []
    with duckdb.connect(str(home.database), read_only=True) as database:
        plain = database.sql("SELECT count(*) FROM figures WHERE segment_id LIKE '%device%'")
        assert plain.fetchall() == [(0,)]
        known = database.sql("SELECT segment_id FROM segments").fetchall()
        assert ("men_on_phones",) not in known
        rows = database.sql(
            "SELECT subject_id, segment_id, people FROM added_figures WHERE people IS NOT NULL"
        ).fetchall()
        assert {(subject, name): people for subject, name, people in rows} == {
            (subject, name): people
            for subject in ("autumn", "spring")
            for name, people in figures(second, subject).items()
            if second.segments[name].is_added
        }
        value = database.sql(
            "SELECT DISTINCT dimension, value, gender, segment FROM added_figures "
            "WHERE segment_id = 'men_on_phones'"
        )
        assert value.fetchall() == [("device", "mobile", "male", "men on mobile phones")]
    assert count_figures(home, second.id) == second.figures.num_rows
    with duckdb.connect(str(home.database)) as database:
        database.execute("UPDATE added_figures SET people = people + 10")
    assert differences([first, second], home.database) == ["table added_figures"]
    # Later releases, with and without the dimension, are in it too.
    third = released(home, BY_DAY, day=date(2026, 11, 23), more=200)
    update_database(home, ledger)
    assert differences([first, second, third], home.database) == []
    build_database([first], home)
    assert differences([first], home.database) == []


@pytest.mark.parametrize(
    ("days", "week"),
    [(BY_DAY, BY_DAY), (BY_BOTH, BY_BOTH), (PLAIN, BY_BOTH), (BY_BOTH, PLAIN)],
    ids=["days alone", "both", "enabled in between", "disabled in between"],
)
def test_tables_with_and_without_it_are_linked_and_proved(
    home: Home, days: Catalogue, week: Catalogue
) -> None:
    """A week after two of its days: the checker accepts the proof over all of their dimensions."""
    for number, day in enumerate((date(2026, 11, 21), DAY)):
        released(home, days, day=day, more=100 * number)
    ledger = Ledger.open(home.ledger)
    release = released(home, week, CAMPAIGN_WEEK, more=150)
    entry = ledger.find_release(release.id)
    assert entry is not None
    assert entry.body["audit"]["linked_releases"] == 2
    assert entry.body["audit"]["links"] > 0
    assert figures(release, "spring")
    assert bool(release.added_dimensions) == bool(week.of_series("campaign-week").added_dimension)
    # What a later day is compared with: all of them, over the same dimensions.
    found = [load_release(home, ledger, one.subject) for one in ledger.releases()]
    reference = with_added(PLAIN.dimensions, found)
    facts_of = {subject.id: {} for subject in CAMPAIGNS}
    shapes = {
        table.possible.shape
        for one in found
        for table in read_public_tables(one, facts_of, reference)
    }
    assert len(shapes) == 1
    added = added_leaves(PLAIN, found)
    for one in found:
        for table in released_tables(one, PLAIN.dimensions, added):
            assert table.possible.shape in shapes
            assert [len(leaves) for leaves in table.leaves] == list(table.possible.shape)
            if not one.added_dimensions:  # a figure without devices is of people of all devices
                assert all(inside.all() for inside in table.inside[3:])
