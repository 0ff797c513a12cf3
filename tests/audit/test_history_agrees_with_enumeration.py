"""No disclosure missed, none invented: tables put together, against everything that fits them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from joined_worlds import is_broken, random_join

from anonymizer.audit.history.attack import attack_joined
from anonymizer.audit.history.join import joint
from anonymizer.audit.history.withholding import withhold_joined


def check(seed):
    join, rules = random_join(seed)
    floor = rules.inference_floor
    broken = is_broken(join, floor)
    if broken is None:
        return "too many tables"
    known = joint(join, floor)
    wanted = np.ones(known.goals.weights.shape[0], dtype=bool)
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


def test_random_tables_that_lie_in_each_other():
    counted = outcomes(range(160))
    assert min(counted["safe"], counted["broken"]) > 20, counted


@pytest.mark.slow
def test_many_random_tables_that_lie_in_each_other():
    outcomes(range(1_000, 2_000))
