"""A day's tables come out of several processes as out of one: protected, audited, interrupted."""

import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from anonymizer.protection.day import Terms, protect_tables
from labour import EAGER, campaign

from anonymizer.errors import Disclosure
from anonymizer.gate import Audited, audit
from anonymizer.parallel import ALONE, Workers
from anonymizer.policy import Effort, Promise
from anonymizer.protection.suppression import Protected
from anonymizer.secret import Secret
from anonymizer.segments import load_catalogue
from anonymizer.tables import Counted, Figures

CATALOGUE = load_catalogue(Path(str(files("anonymizer") / "defaults/segments.yaml")))
TERMS = Terms(CATALOGUE, Promise(), Secret(bytes(range(32))), Effort())
SIZES = (400, 3_000, 0, 1_500, 60, 800)


@pytest.fixture(scope="module")
def counted() -> tuple[Counted, ...]:
    return tuple(campaign(size, seed, CATALOGUE) for seed, size in enumerate(SIZES))


@pytest.fixture(scope="module")
def alone(counted: tuple[Counted, ...]) -> tuple[Protected, ...]:
    return protect_tables(counted, TERMS, ALONE)


@pytest.fixture(scope="module")
def side_by_side(counted: tuple[Counted, ...]) -> tuple[Protected, ...]:
    return protect_tables(counted, TERMS, EAGER)


def test_processes_do_not_change_a_byte(
    alone: tuple[Protected, ...], side_by_side: tuple[Protected, ...]
) -> None:
    assert sum(len(table.figures.segments) for table in alone) > 200
    assert list(map(content, side_by_side)) == list(map(content, alone))


def test_figures_from_another_process_are_read_only(side_by_side: tuple[Protected, ...]) -> None:
    for table in side_by_side:
        assert not table.figures.people.flags.writeable
        assert not table.figures.segments.flags.writeable


@pytest.mark.parametrize("workers", [ALONE, EAGER], ids=["alone", "side by side"])
def test_tables_that_withstand_are_audited(
    counted: tuple[Counted, ...], alone: tuple[Protected, ...], workers: Workers
) -> None:
    figures = [table.figures for table in alone]
    audited = audit(figures, counted, CATALOGUE, TERMS.promise, workers)
    assert isinstance(audited, Audited)
    assert audited.figures == tuple(figures)


def test_every_finding_comes_back_in_the_order_of_the_tables(
    counted: tuple[Counted, ...], alone: tuple[Protected, ...]
) -> None:
    figures = [table.figures for table in alone]
    figures[1], figures[3] = one_figure_wrong(figures[1]), one_figure_wrong(figures[3])

    def findings(workers: Workers) -> tuple[object, ...]:
        with pytest.raises(Disclosure) as refused:
            audit(figures, counted, CATALOGUE, TERMS.promise, workers)
        return refused.value.findings

    assert len(findings(EAGER)) == 2
    assert findings(EAGER) == findings(ALONE)


STOPPED = """
import signal, sys
sys.path[:0] = [sys.argv[1]]
import labour
from pipelines import interruption
from pipelines.sealing import attempt
from pipelines.workers import heedful_workers
from anonymizer.policy import Effort
with interruption.heeding_signals():
    signal.raise_signal(signal.{signal})
    trouble = attempt(lambda: heedful_workers(Effort()).results(
        labour.tenfold, 1, labour.ITEMS, labour.EQUAL))
print(trouble.code)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_day_at_work_is_held_when_the_run_is_told_to_stop(name: str) -> None:
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", STOPPED.format(signal=name), here]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "interrupted", done.stderr


def content(table: Protected) -> tuple[object, ...]:
    figures = table.figures
    return (
        *(str(figures.key), figures.segments.tobytes(), figures.people.tobytes()),
        *(table.candidates, table.withheld_for_inference, table.floor_reached),
    )


def one_figure_wrong(figures: Figures) -> Figures:
    people = figures.people.copy()
    people[np.argmax(people)] += 100
    return replace(figures, people=people)
