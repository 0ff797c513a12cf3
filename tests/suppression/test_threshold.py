"""Promise 1: at least k people, and nobody knows the exact threshold."""

import numpy as np
import pytest
from small_tables import SECRET, counted, dimension, full_catalogue, promise

from anonymizer.storage.secret import Secret
from anonymizer.suppression.groups import judged_groups
from anonymizer.suppression.threshold import reaches_threshold

WIDE = full_catalogue(dimension("a", [f"v{n}" for n in range(40)], {}))
K, JITTER = 50, 5
SETS = np.random.default_rng(1).integers(0, 2**64, size=4_000, dtype=np.uint64)


def reached(people, totals=SETS, jitter=JITTER, secret=SECRET):
    """Which of several groups with so many people, each another set, reach the threshold."""
    counts = np.full(len(totals), people, dtype=np.int64)
    return reaches_threshold(counts, totals, promise(K, 10, 10, k_jitter=jitter), secret)


@pytest.mark.parametrize(("people", "published"), [(K - 1, False), (K, True), (K + 1, True)])
def test_without_offset_the_threshold_is_k(people, published):
    assert (reached(people, jitter=0) == published).all()


def test_the_offset_is_drawn_evenly_from_0_to_jitter():
    """Of 4,000 draws three standard deviations of a share of a half are 0.024."""
    shares = [reached(n).mean() for n in range(K - 1, K + JITTER + 1)]
    assert shares == pytest.approx([0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1], abs=0.024)
    assert (shares[0], shares[-1]) == (0, 1)


def test_the_offset_depends_on_secret_and_people_and_nothing_else():
    usual = reached(K + 2)
    assert np.array_equal(reached(K + 2, SETS[::-1]), usual[::-1])
    assert (reached(K + 2, secret=Secret(bytes(32))) != usual).any()
    assert (reached(K + 3)[~usual]).any()
    assert (reached(K + 2, SETS + np.uint64(1)) != usual).any()


def test_two_names_for_one_set_of_people_stand_or_fall_together():
    """North is v0 and v1; nobody is in v1, so north and v0 are the same people."""
    catalogue = full_catalogue(dimension("a", ["v0", "v1", "v2"], {"north": ["v0", "v1"]}))
    outcomes = set()
    for draw in range(1, 29):
        rules, secret = promise(K, 10, 10, k_jitter=5), Secret(bytes([draw] * 32))
        groups = judged_groups(counted([K + 2, 0, 9]), catalogue, rules)
        found = reaches_threshold(groups.people, groups.totals, rules, secret)
        by_name = dict(zip(map(catalogue.id, groups.segments.tolist()), found, strict=True))
        assert by_name["north"] == by_name["v0"]
        outcomes.add(bool(by_name["north"]))
    assert outcomes == {True, False}


def test_a_group_is_judged_if_it_or_one_near_to_it_could_be_published():
    """With k = 12 and a step of 3 to 4: from 12 - 4 + 1 people on."""
    names = dimension("a", ["v0", "v1"], {})
    rules = promise(12, 3, 2, near_jitter=1)
    for people, judged in ((8, ["all"]), (9, ["all", "v0"])):
        groups = judged_groups(counted([people, 7]), full_catalogue(names), rules)
        assert [full_catalogue(names).id(s) for s in groups.segments.tolist()] == judged


def test_a_segment_sums_its_cells_in_every_dimension():
    catalogue = full_catalogue(
        dimension("a", ["x", "y"], {}), dimension("b", ["u", "v", "w"], {"uv": ["u", "v"]})
    )
    groups = judged_groups(counted([[3, 2, 9], [1, 1, 1]]), catalogue, promise(5, 0, 1))
    names = [catalogue.id(segment) for segment in groups.segments.tolist()]
    people = dict(zip(names, groups.people.tolist(), strict=True))
    assert {name: count for name, count in people.items() if count >= 5} == {
        "all:all": 17,
        "x:all": 14,
        "all:uv": 7,
        "x:uv": 5,
        "all:w": 10,
        "x:w": 9,
    }
