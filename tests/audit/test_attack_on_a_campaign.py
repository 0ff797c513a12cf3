"""The attack on a campaign table of real size, safe and weakened."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from small_worlds import KEY, everywhere

from anonymizer.audit.attack import attack
from anonymizer.audit.knowledge import read
from anonymizer.feasible.class_witnesses import NONE, witnesses_near
from anonymizer.feasible.start import first_table
from anonymizer.model.policy import Promise
from anonymizer.model.segments import load_catalogue
from anonymizer.model.tables import Figures

VISITORS = 2_000


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue(Path(str(files("anonymizer").joinpath("defaults/segments.yaml"))))


@pytest.fixture(scope="module")
def counts(catalogue):
    """True counts of every segment, of visitors drawn once."""
    rng = np.random.default_rng(7)
    regions = 1 / np.arange(1, catalogue.shape[2] + 1) ** 1.1
    ages = rng.dirichlet(np.full(catalogue.shape[1], 3.0))
    shares = np.einsum("g,a,r->gar", [0.5, 0.46, 0.04], ages, regions / regions.sum())
    atoms = rng.multinomial(VISITORS, shares.ravel()).reshape(catalogue.shape)
    inside = [dimension.membership.astype(float) for dimension in catalogue.dimensions]
    grid = np.einsum("ga,hb,ic,abc->ghi", *inside, atoms.astype(float), optimize=True)
    return np.rint(grid[tuple(catalogue.cells.T)]).astype(np.int64)


def rounded_down(counts, rows):
    return Figures(KEY, rows.astype(np.int32), counts[rows] // 10 * 10)


@pytest.fixture(scope="module")
def safe(catalogue, counts):
    """The figures of coarse segments, less those that an attack names."""
    rows = np.flatnonzero(counts >= 60)
    while found := attack(rounded_down(counts, rows), catalogue, Promise(), everywhere(catalogue)):
        named = {catalogue.positions[code] for finding in found for code in finding.segments}
        rows = rows[rows != max(named)]
    return rounded_down(counts, rows)


def test_a_safe_table_withstands(catalogue, counts, safe):
    assert len(safe.segments) > 0.9 * (counts >= 60).sum()
    assert attack(safe, catalogue, Promise(), everywhere(catalogue)) == ()


def test_each_table_around_a_first_one_fits(catalogue, safe):
    known = read(safe, catalogue, Promise(), everywhere(catalogue))
    first = first_table(known, known.sizes.astype(float))
    found = witnesses_near(
        known, first, np.full(known.classes, 10), np.ones(known.classes, dtype=bool)
    )
    assert (found.reaching != NONE).mean() > 0.9
    tables = first + found.changes[found.reaching].toarray()
    for chosen in np.flatnonzero(found.reaching != NONE):
        assert known.allows(tables[chosen])
        assert tables[chosen, chosen] >= 10


def test_a_class_that_no_table_fills_is_not_reached(catalogue, safe):
    known = read(safe, catalogue, Promise(), everywhere(catalogue))
    first = first_table(known, known.sizes.astype(float))
    found = witnesses_near(
        known, first, np.full(known.classes, VISITORS + 1), np.ones(known.classes, dtype=bool)
    )
    assert (found.reaching == NONE).all()


@pytest.mark.parametrize("published", range(0, 60, 7))
def test_a_child_that_leaves_too_few_of_its_parent_is_found(catalogue, safe, published):
    """One step above its parent, a part leaves at most p + 9 - (p + 10 - 9) = 8 people."""
    parent = int(safe.segments[-1 - published])
    child = withheld_child(catalogue, parent, set(safe.segments.tolist()))
    people = int(safe.people[-1 - published])
    weak = Figures(
        KEY,
        np.sort(np.append(safe.segments, child)).astype(np.int32),
        np.insert(safe.people, np.searchsorted(safe.segments, child), people + 10),
    )
    found = attack(weak, catalogue, Promise(), everywhere(catalogue))
    assert any(catalogue.id(child) in finding.segments for finding in found)


def withheld_child(catalogue, parent, published):
    """The first withheld segment inside another."""
    inside = np.ones(len(catalogue), dtype=bool)
    for axis, dimension in enumerate(catalogue.dimensions):
        leaves = dimension.membership[catalogue.cells[parent, axis]]
        nested = ~(dimension.membership & ~leaves).any(axis=1)
        inside &= nested[catalogue.cells[:, axis]]
    return next(int(row) for row in np.flatnonzero(inside) if row not in published)


def test_the_findings_are_the_same_every_time(catalogue, safe):
    strict = Promise(inference_k="k")
    first = attack(safe, catalogue, strict, everywhere(catalogue))
    assert first
    assert attack(safe, catalogue, strict, everywhere(catalogue)) == first
