"""No table is looked for where figures contradict each other; what is found stays the same."""

import numpy as np
import pytest
from test_nested_tables import FLOOR, SHOPS, published

from anonymizer.audit.history import linked_attack, nested_tables
from anonymizer.audit.history.join import Containment, Join, joint
from anonymizer.audit.history.linked_attack import attack_joined, prove_joined
from anonymizer.audit.history.nested_tables import find_safe_atoms
from anonymizer.feasible import start


def a_pair(share):
    """A day and its week; with a share above 1 more people come on the day than in the week."""
    rng = np.random.default_rng(4)
    week = rng.poisson(60, SHOPS.shape)
    day = (week * share).astype(np.int64)
    return published("day", day, rng), published("week", week, rng)


def joined(inner, outer):
    return joint(Join((inner, outer), (Containment(inner.key, outer.key),)), FLOOR)


def counted(monkeypatch, module, name):
    """How often a function is called from now on."""
    calls, real = [], getattr(module, name)

    def call(*given, **named):
        calls.append(name)
        return real(*given, **named)

    monkeypatch.setattr(module, name, call)
    return calls


def test_a_pair_that_contradicts_itself_is_searched_once(monkeypatch):
    fixed = counted(monkeypatch, nested_tables, "witnesses_near")
    together = counted(monkeypatch, nested_tables, "conditional_table")
    (said,) = find_safe_atoms([a_pair(2)[0]], a_pair(2)[1], FLOOR)
    assert not said.inner.any()
    assert not said.beyond.any()
    assert said.proof is None
    assert not fixed
    assert not together


def test_a_pair_that_fits_is_not_given_up(monkeypatch):
    monkeypatch.setattr(nested_tables.Bounds, "contradiction", lambda _: pytest.fail("asked"))
    (said,) = find_safe_atoms([a_pair(0.4)[0]], a_pair(0.4)[1], FLOOR)
    assert said.complete


@pytest.mark.alternate("repair of tables")
def test_the_contradiction_is_the_one_that_is_found_after_the_search(monkeypatch):
    known = joined(*a_pair(2))
    monkeypatch.setattr(linked_attack, "nested_pairs", lambda *_: ())  # else these show it
    wanted = np.ones(known.requirements.weights.shape[0], dtype=bool)
    assert prove_joined(known) is None
    tries = counted(monkeypatch, start, "fit_nearby")
    (at_once,) = attack_joined(known, wanted, 0).findings
    assert len(tries) == 1
    monkeypatch.setattr(linked_attack._LinkedAttack, "_is_hopeless", lambda _: False)
    (in_the_end,) = attack_joined(known, wanted, 0).findings
    assert len(tries) == 1 + len(start.search_limits.START_INSIDE)
    assert at_once.finding == in_the_end.finding
    assert at_once.figures.tolist() == in_the_end.figures.tolist()
    assert at_once.multipliers.tolist() == in_the_end.multipliers.tolist()
    assert not len(at_once.requirements)


def test_what_is_proved_without_programs_is_what_the_attack_finds():
    known = joined(*a_pair(0.4))
    wanted = np.ones(known.requirements.weights.shape[0], dtype=bool)
    outcome, families = attack_joined(known, wanted, 0), prove_joined(known)
    assert not outcome.findings
    assert [start.tolist() for start in families.starts] == [
        start.tolist() for start in outcome.families.starts
    ]
    assert families.start_of == outcome.families.start_of
