"""The stand-alone audit against every table that fits; the benchmark does it 10,000 times."""

import importlib.util
from collections import Counter
from pathlib import Path

import pytest
from rotation import cases

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "audit_agreement.py"


@pytest.fixture(scope="module")
def check():
    spec = importlib.util.spec_from_file_location("audit_agreement", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.check


def compare(check, seeds):
    """Raises where they disagree; both outcomes of both promises must come up."""
    outcomes = Counter(check(seed) for seed in seeds)
    promises = ("exact", "inference")
    wanted = [f"{p}, {end}" for p in promises for end in ("withstands", "discloses")]
    assert all(outcomes[outcome] for outcome in [*wanted, "contradiction"]), outcomes


def test_nothing_missed_and_nothing_invented(check):
    compare(
        check, [*range(100_000, 100_040), 100_043, 100_061]
    )  # the last two contradict themselves


@pytest.mark.slow
def test_nothing_missed_and_nothing_invented_in_hundreds_of_tables(check):
    compare(check, cases(range(200_000, 200_500), 80))
