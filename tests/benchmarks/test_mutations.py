"""The mutants of the privacy path fit the code as it is, and tests see a sample of them."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from mutants import MUTANTS, Mutant
from mutations import CAUGHT, NOT_RUN, SURVIVED, TOO_LONG, copy_of_project, outcome, problems

LIMIT = 600
SAMPLE = (
    "no tables are joined",
    "a witness off by one person passes",
    "structural zeros are taken from the counts",
    "the contribution bound is ignored",
    "an unread objection is ignored",
    "the ledger's hashes are not verified",
)


def named(name: str) -> Mutant:
    (found,) = (mutant for mutant in MUTANTS if mutant.name == name)
    return found


def test_every_mutant_is_of_the_code_as_it_is() -> None:
    assert problems(MUTANTS) == []
    assert len(MUTANTS) >= 80
    assert all(mutant.old != mutant.new for mutant in MUTANTS)


def test_all_stale_mutants_are_named_at_once() -> None:
    sound = named("erasure is ignored")
    stale = replace(sound, name="stale", old="WHERE kind = 'erased'")
    ambiguous = replace(sound, name="ambiguous", old="e")
    lost = replace(sound, name="lost", tests=("tests/counting/test_eligible_people.py::test_x",))
    case = replace(sound, name="case", tests=(f"{sound.tests[0][:-1]}!]",))
    broken = replace(named("what a killed process has spilled stays"), name="broken", new="")
    undefined = "        gone_by_now()\n"
    unknown = replace(sound, name="unknown", file=broken.file, old=broken.old, new=undefined)
    found = problems([sound, stale, ambiguous, lost, case, broken, unknown, sound])
    assert [problem.partition(":")[0] for problem in found] == [
        "erasure is ignored",
        "stale",
        "ambiguous",
        "lost",
        "case",
        "broken",
        "unknown",
    ]


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    with copy_of_project() as place:
        yield place


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample_of_the_mutants_is_caught(name: str, copy: Path) -> None:
    assert outcome(named(name), copy, LIMIT) == CAUGHT


@pytest.mark.slow
def test_a_mutant_that_changes_nothing_survives_and_leaves_no_trace(copy: Path) -> None:
    erased = named("erasure is ignored")
    path = copy / erased.file
    before = path.read_bytes()
    assert outcome(replace(erased, new="WHERE 'erase' = kind"), copy, LIMIT) == SURVIVED
    assert outcome(erased, copy, 0.001) == TOO_LONG
    lost = replace(erased, tests=("tests/counting/test_eligible_people.py::test_x",))
    assert outcome(lost, copy, LIMIT) == NOT_RUN
    assert path.read_bytes() == before
