"""No disclosure missed, none invented: tables put together, against everything that fits them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from joined_worlds import enumerated, is_broken, random_join, shared, with_shared_figures
from rotation import cases

from anonymizer.audit.history.join import joint
from anonymizer.audit.history.linked_attack import attack_joined
from anonymizer.audit.history.linked_suppression import withhold_joined


def check(seed):
    join, rules = random_join(seed)
    floor = rules.inference_floor
    broken = is_broken(join, floor)
    if broken is None:
        return "too many tables"
    known = joint(join, floor)
    wanted = np.ones(known.requirements.weights.shape[0], dtype=bool)
    outcome = attack_joined(known, wanted, most_programs=1_000)
    assert "unproved" not in {found.finding.kind for found in outcome.findings}, seed
    assert bool(outcome.findings) == broken, seed
    if not broken:
        return "safe"
    left = withhold_joined([join], join.tables, floor)
    assert not left.beyond_help, seed
    assert left.figures > 0, seed
    after = replace(join, tables=left.tables)
    assert is_broken(after, floor) in (False, None), seed
    return "broken"


def outcomes(seeds):
    counted = Counter(check(seed) for seed in seeds)
    assert counted["too many tables"] < 0.5 * len(seeds), counted
    return counted


@pytest.mark.slow
def test_random_tables_that_lie_in_each_other():
    counted = outcomes(range(50))
    assert min(counted["safe"], counted["broken"]) > 6, counted


def check_shared(seed):
    """Every true table fits what the figures stand for, so that nothing is at odds for good."""
    join, rules = random_join(seed)
    join, floor = with_shared_figures(join, seed), rules.inference_floor
    tables = enumerated(join, floor)
    if tables is None or enumerated(join, floor, shared) is None:
        return "too many tables"
    left = withhold_joined([join], join.tables, floor)
    assert {found.kind for found in left.findings}.isdisjoint({"contradiction", "unproved"}), seed
    after = replace(join, tables=left.tables)
    assert is_broken(after, floor, shared) in (False, None), seed
    if not len(tables[0]):
        return "at odds"
    assert is_broken(after, floor) in (False, None), seed
    return "fitting"


@pytest.mark.slow
def test_random_tables_with_shared_figures():
    counted = Counter(check_shared(seed) for seed in range(50))
    assert min(counted["at odds"], counted["fitting"]) > 4, counted


@pytest.mark.slow
def test_many_random_tables_that_lie_in_each_other():
    outcomes(cases(range(1_000, 2_000), 150))
