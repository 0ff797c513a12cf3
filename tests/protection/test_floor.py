"""Promise 1: at least k trusted people, and nobody knows the exact threshold."""

from datetime import date

import numpy as np
import pytest
from anonymizer.protection.floor import reaches_floor
from small_tables import KEY, SECRET, counted, dimension, full_catalogue, promise

from anonymizer.periods import Period
from anonymizer.secret import Secret
from anonymizer.tables import TableKey

WIDE = full_catalogue(dimension("a", [f"v{n}" for n in range(40)], {}))
K, JITTER = 50, 5


def single(people, trusted, **how):
    """Is each of 40 segments with so many people published? (All in one is left aside.)"""
    table = counted([people] * 40, trusted=[trusted] * 40, key=how.get("key", KEY))
    rules = promise(K, 10, 10, k_jitter=how.get("jitter", JITTER))
    return reaches_floor(table, WIDE, rules, how.get("secret", SECRET))[1:]


@pytest.mark.parametrize(("trusted", "published"), [(K - 1, 0), (K, 40), (K + 1, 40)])
def test_without_offset_the_floor_is_k(trusted, published):
    assert single(trusted, trusted, jitter=0).sum() == published


def test_the_offset_is_drawn_evenly_from_0_to_jitter():
    reached = [int(single(n, n).sum()) for n in range(K - 1, K + JITTER + 1)]
    assert reached[0] == 0
    assert reached[-1] == 40
    assert 0 < reached[1] < 20
    assert reached == sorted(reached)
    assert len(set(reached)) > 4


def test_only_trusted_people_count():
    assert single(1_000, K - 1).sum() == 0


def test_the_offset_depends_on_secret_and_people_and_nothing_else():
    usual = single(K + 2, K + 2)
    for key in (
        TableKey("campaign", "autumn", KEY.period),
        TableKey("campaign", "spring", Period("day", date(2026, 11, 23))),
    ):
        assert (single(K + 2, K + 2, key=key) == usual).all()
    assert (single(K + 2, K + 2, secret=Secret(bytes(32))) != usual).any()
    assert (single(K + 3, K + 2) != usual).any()


def test_two_names_for_one_set_of_people_stand_or_fall_together():
    """North is v0 and v1; nobody is in v1, so north and v0 are the same people."""
    catalogue = full_catalogue(dimension("a", ["v0", "v1", "v2"], {"north": ["v0", "v1"]}))
    names = [catalogue.id(segment) for segment in range(len(catalogue))]
    outcomes = set()
    for draw in range(1, 29):
        table = counted([K + 2, 0, 9])
        secret = Secret(bytes([draw] * 32))
        reached = reaches_floor(table, catalogue, promise(K, 10, 10, k_jitter=5), secret)
        north, alone = reached[names.index("north")], reached[names.index("v0")]
        assert north == alone
        outcomes.add(bool(north))
    assert outcomes == {True, False}


def test_a_segment_sums_its_atoms_in_every_dimension():
    catalogue = full_catalogue(
        dimension("a", ["x", "y"], {}), dimension("b", ["u", "v", "w"], {"uv": ["u", "v"]})
    )
    people = np.array([[3, 2, 9], [1, 1, 1]])
    reached = reaches_floor(counted(people), catalogue, promise(5, 0, 1), SECRET)
    published = {catalogue.id(segment) for segment in np.flatnonzero(reached)}
    assert published == {"all:all", "x:all", "all:uv", "x:uv", "all:w", "x:w"}
