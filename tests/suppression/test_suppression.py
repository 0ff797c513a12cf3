"""All promises of a table by itself, checked from its published figures alone."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rotation import examples
from small_tables import (
    EFFORT,
    SECRET,
    Reader,
    catalogues,
    counted,
    dimension,
    full_catalogue,
    promise,
    tables,
    with_public_zeros,
)

from anonymizer.feasible.programs import Programs
from anonymizer.feasible.requirements import Witness
from anonymizer.model.errors import Held
from anonymizer.model.policy import Effort, Promise
from anonymizer.model.segments import SegmentSettings, build_catalogue
from anonymizer.suppression import proof
from anonymizer.suppression import single_table as module
from anonymizer.suppression.column_witnesses import ColumnWitnesses
from anonymizer.suppression.constraints import Candidates, Ground
from anonymizer.suppression.single_table import suppress_alone
from anonymizer.suppression.suppression import SuppressionRules, suppress

RULES = [(3, 2, 1, 0), (3, 3, 2, 1), (4, 2, 1, 1), (2, 0, 1, 0), (3, 0, 2, 0), (4, 4, 4, 0)]
TWO_BY_THREE = full_catalogue(
    dimension("gender", ["men", "women"], {}), dimension("age", ["young", "mid", "old"], {})
)


def suppressed(people, rules, catalogue=TWO_BY_THREE, **how):
    return suppress_alone(counted(people, **how), catalogue, rules, SECRET, EFFORT)


def by_name(result, catalogue=TWO_BY_THREE):
    return {
        catalogue.id(segment): figure
        for segment, figure in zip(
            result.figures.segments.tolist(), result.figures.people.tolist(), strict=True
        )
    }


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_nothing_denied_can_be_inferred(data):
    catalogue = data.draw(catalogues())
    rules = promise(*data.draw(st.sampled_from(RULES)))
    table = data.draw(tables(catalogue, most=4))
    result = suppress_alone(table, catalogue, rules, SECRET, EFFORT)
    assert Reader(result.figures, catalogue, rules, table.possible).breaches() == []


@settings(max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_rounded_figures_solve_nothing_for_who_knows_the_empty_cells(data):
    catalogue = data.draw(catalogues())
    rules = promise(3, 0, data.draw(st.integers(2, 3)))
    table = with_public_zeros(data.draw(tables(catalogue, most=4)))
    figures = suppress_alone(table, catalogue, rules, SECRET, EFFORT).figures
    assert Reader(figures, catalogue, rules, table.possible, occupied=True).breaches() == []


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_suppressed_segment_could_be_published_too(data):
    """Suppression costs no more than it must: adding any one segment would break the promise."""
    catalogue = data.draw(catalogues())
    rules = promise(*data.draw(st.sampled_from(RULES[:3])))
    table = data.draw(tables(catalogue, most=4))
    result = suppress_alone(table, catalogue, rules, SECRET, EFFORT)
    everything = suppress_alone(
        table, catalogue, rules.model_copy(update={"inference_k": 1}), SECRET, EFFORT
    )
    for segment in result.for_inference:
        if segment not in everything.figures.segments:
            continue
        added = everything.figures.people[everything.figures.segments == segment][0]
        segments = np.append(result.figures.segments, np.int32(segment))
        order = np.argsort(segments)
        figures = type(result.figures)(
            table.key, segments[order], np.append(result.figures.people, added)[order]
        )
        assert Reader(figures, catalogue, rules, table.possible).breaches()


def test_sixty_visitors_all_of_them_men():
    """Total and men published as 60 each would prove that no woman was there."""
    rules = promise(50, 10, 1)
    assert by_name(suppressed([[20, 20, 20], [0, 0, 0]], rules)) in (
        {"all:all": 60},
        {"men:all": 60},
    )
    rules = promise(50, 10, 10)
    figures = by_name(suppressed([[20, 20, 21], [0, 0, 0]], rules))
    women_at_most = figures.get("all:all", 999) + 9 - max(50, figures.get("men:all", 0) - 9)
    assert women_at_most >= 10


def test_who_cannot_be_there_needs_no_protection():
    """A campaign that women cannot see: that it has only men says nothing about anybody."""
    possible = [[True] * 3, [False] * 3]
    result = suppressed([[20, 20, 20], [0, 0, 0]], promise(50, 10, 1), possible=possible)
    assert by_name(result) == {"all:all": 60, "men:all": 60}


def test_the_complement_of_a_small_group_is_suppressed():
    """63 people, 60 of them men: 3 women."""
    figures = by_name(suppressed([[20, 20, 20], [1, 1, 1]], promise(50, 10, 1)))
    assert set(figures) == {"all:all"}


def test_the_privileged_role_learns_what_was_suppressed_for_inference():
    """The men, one of the two segments that reach the threshold; none of those below it."""
    result = suppressed([[20, 20, 20], [1, 1, 1]], promise(50, 10, 1))
    assert [TWO_BY_THREE.id(segment) for segment in result.for_inference] == ["men:all"]
    assert result.candidates == 2


def test_a_shared_figure_below_that_of_a_group_inside_is_suppressed():
    """Of everybody and of men, the one that is judged later goes."""
    names = ("all:all", "men:all")
    segments = np.array([TWO_BY_THREE.positions[name] for name in names], dtype=np.int32)
    for shown, published in (([60, 70], [True, False]), ([70, 70], [True, True])):
        people = np.array(shown)
        candidates = Candidates(
            segments,
            people,
            np.maximum(people - 20, 50),
            people + 20,
            np.array([True, False]),
            np.full(2, -1, dtype=np.intp),
        )
        ground = Ground(TWO_BY_THREE, np.ones(TWO_BY_THREE.shape, dtype=bool), occupied=False)
        proved = suppress(ground, candidates, SuppressionRules(promise(50, 10, 10), EFFORT))
        assert proved.published.tolist() == published


def test_too_few_people_publish_nothing():
    result = suppressed([[9, 9, 9], [9, 9, 4]], promise(50, 10, 10))
    assert result.figures.segments.tolist() == []
    assert (result.candidates, result.for_inference) == (0, ())


def test_a_table_without_anybody_or_any_possible_cell_publishes_nothing():
    nobody = np.zeros((2, 3), dtype=np.int64)
    for possible in (np.ones((2, 3), dtype=bool), np.zeros((2, 3), dtype=bool)):
        assert not len(suppressed(nobody, promise(50, 10, 10), possible=possible).figures.segments)


def campaign(visitors, seed):
    """A campaign day on the default dimensions: zipf regions, few people of no stated gender."""
    catalogue = build_catalogue(SegmentSettings())
    random = np.random.default_rng(seed)
    regions = 1 / np.arange(1, catalogue.shape[2] + 1)
    random.shuffle(regions)
    weights = np.multiply.outer([0.53, 0.44, 0.03], np.exp(-(((np.arange(13) - 3) / 4) ** 2)))
    weights = np.multiply.outer(weights, regions)
    people = random.multinomial(visitors, weights.ravel() / weights.sum())
    return catalogue, counted(people.reshape(catalogue.shape))


def test_a_campaign_keeps_nearly_everything_and_every_proof():
    catalogue, table = campaign(10_000, seed=1)
    result = suppress_alone(table, catalogue, Promise(), SECRET, EFFORT)
    assert len(result.figures.segments) >= 0.99 * result.candidates > 250
    assert (result.figures.people % 10 == 0).all()


@pytest.mark.alternate("equal bytes")
def test_equal_input_gives_equal_figures_in_any_process():
    script = (
        "from test_suppression import *\n"
        "c, t = campaign(3000, 2)\n"
        "f = suppress_alone(t, c, promise(50, 20, 5), SECRET, EFFORT).figures\n"
        "import hashlib\n"
        "print(hashlib.sha256(f.segments.tobytes() + f.people.tobytes()).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=Path(__file__).parent,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


@pytest.mark.parametrize("rules", RULES)
def test_without_effort_less_is_published_but_nothing_unproved(rules):
    catalogue, people = TWO_BY_THREE, [[9, 5, 1], [4, 0, 3]]
    table, rules = counted(people), promise(*rules)
    hasty = suppress_alone(table, catalogue, rules, SECRET, Effort.model_construct(proof_work=1))
    assert Reader(hasty.figures, catalogue, rules, table.possible).breaches() == []


def test_a_wrong_proof_is_never_published(monkeypatch):
    """The search claims to have found what it has not."""

    def lie(system, start, requirements, seed):
        return [
            Witness(requirement.classes[:1], np.array([requirement.change]))
            for requirement in requirements
        ]

    monkeypatch.setattr(proof, "find_witnesses", lie)
    with pytest.raises(Held, match="proof"):
        suppressed([[20, 20, 20], [1, 1, 1]], promise(50, 10, 2))


def test_a_wrong_witness_of_exact_figures_is_never_published(monkeypatch):
    """Half a move: people who are added nowhere else taken away."""
    honest = ColumnWitnesses.witness
    monkeypatch.setattr(
        ColumnWitnesses,
        "witness",
        lambda *of: {position: n for position, n in honest(*of).items() if n > 0},
    )
    with pytest.raises(Held, match="proof"):
        suppressed([[20, 20, 20], [1, 1, 1]], promise(50, 0, 1))


def test_a_wrong_solver_is_never_believed(monkeypatch):
    monkeypatch.setattr(
        proof, "find_witnesses", lambda _, start, requirements, seed: [None] * len(requirements)
    )
    monkeypatch.setattr(
        Programs,
        "decide",
        lambda _, requirement: Witness(requirement.classes[:1], np.array([requirement.change])),
    )
    with pytest.raises(Held, match="proof"):
        suppressed([[20, 20, 20], [1, 1, 1]], promise(50, 10, 2))


def test_the_enumeration_notices_a_prover_that_assumes_too_much(monkeypatch):
    """With bounds wider than a reader's, figures would pass that the enumeration breaks."""
    honest = module.possible_counts

    def generous(figures, rules):
        lower, upper = honest(figures, rules)
        return lower - 3, upper + 3

    people, rules = [[9, 5, 1], [4, 0, 3]], promise(4, 2, 1)
    reader = Reader(suppressed(people, rules).figures, TWO_BY_THREE, rules, np.ones((2, 3), bool))
    assert reader.breaches() == []
    monkeypatch.setattr(module, "possible_counts", generous)
    fooled = Reader(suppressed(people, rules).figures, TWO_BY_THREE, rules, np.ones((2, 3), bool))
    assert fooled.breaches()


def test_a_solver_that_refuses_to_run_holds_the_table():
    """Another user of HiGHS in the same process has set it to two threads."""
    script = (
        "import highspy, numpy as np\n"
        "from test_suppression import *\n"
        "program = highspy.HighsLp()\n"
        "program.num_col_, program.col_cost_ = 1, np.array([1.0])\n"
        "program.col_lower_, program.col_upper_ = np.array([0.0]), np.array([1.0])\n"
        "other = highspy.Highs()\n"
        "other.setOptionValue('threads', 2)\n"
        "other.passModel(program)\n"
        "other.run()\n"
        "try:\n"
        "    suppressed([[20, 20, 20], [1, 1, 1]], promise(50, 10, 1))\n"
        "except Held as held:\n"
        "    print('reason', held.reason)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parent,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "reason solver" in done.stdout
