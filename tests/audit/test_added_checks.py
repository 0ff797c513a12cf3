"""The checker reads tables with an added dimension by itself, and refuses what is off by one."""

import numpy as np
import pytest
from checker_worlds import People, cells_of, kinds, promise, suppressed
from small_worlds import dimension

from anonymizer.model.added_dimensions import device
from anonymizer.model.dimensions import ALL
from anonymizer.model.segments import AddedTables, Catalogue


def catalogue_with_devices() -> Catalogue:
    gender, region = dimension("gender", ["men", "women"]), dimension("region", ["r0", "r1"])
    plain = [(g, r) for g in range(3) for r in range(3)]
    added = [(g, r, value) for g in range(3) for r in range(3) for value in range(1, 5)]
    whole = Catalogue(
        (gender, region),
        np.array(plain, dtype=np.int32),
        {},
        added=(AddedTables(frozenset({"campaign-day"}), device(), tuple(added), ()),),
    )
    return whole.of_series("campaign-day")


@pytest.fixture(scope="module")
def exact():
    """160 people in exact figures."""
    catalogue = catalogue_with_devices()
    people = People.spread_over(catalogue, 160, 5)
    return suppressed(catalogue, [people.table(catalogue, range(160))], promise(rounding=1))


def added_segments(release):
    """Published segments that name a device."""
    shown = release.claims[0].figures.segments.tolist()
    return [row for row in shown if release.catalogue.groups(row)[-1].code != ALL]


@pytest.mark.parametrize("seed", range(6))
def test_what_the_suppressor_makes_with_devices_is_accepted(seed):
    catalogue = catalogue_with_devices()
    people = People.spread_over(catalogue, 120 + 40 * seed, seed)
    half = np.flatnonzero(np.random.default_rng(seed).random(120) < 0.7)
    tables = [people.table(catalogue, range(120)), people.table(catalogue, half, "b")]
    release = suppressed(catalogue, tables, promise(rounding=1 + seed % 3))
    assert kinds(release) == set()
    assert added_segments(release)


def test_a_figure_of_a_device_that_is_off_by_one_is_refused(exact):
    figures = exact.figures()
    for row in added_segments(exact):
        name = exact.catalogue.id(row)
        for step in (-1, 1):
            assert kinds(exact.with_figures(figures | {name: figures[name] + step}))


def test_a_proof_that_is_off_by_one_in_a_cell_of_a_device_is_refused(exact):
    claim = exact.claims[0]
    cells = set()
    for row in added_segments(exact):
        cells |= cells_of(exact.catalogue, row, claim.counted.possible)
    classes = np.unique(claim.witnesses.class_of[sorted(cells)])
    assert len(classes)
    for position in classes:
        for person in (-1, 1):
            starts = claim.witnesses.starts.copy()
            starts[-1, position] += person
            assert "unproved" in kinds(exact.witnesses(starts=starts))


def test_a_cell_of_a_device_without_a_witness_is_refused(exact):
    """Every cell needs its table with enough people: none may be left out."""
    claim = exact.claims[0]
    witnesses = claim.witnesses
    kept = witnesses.changes.shape[0] // 2
    assert "unproved" in kinds(
        exact.witnesses(start_of=witnesses.start_of[:kept], changes=witnesses.changes[:kept])
    )
