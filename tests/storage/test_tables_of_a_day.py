"""A day's tables come out of several processes as out of one: suppressed, checked, interrupted."""

import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from labour import EAGER, campaign

from anonymizer.audit.checker import check_release
from anonymizer.audit.findings import Finding
from anonymizer.model.policy import Effort, Promise
from anonymizer.model.segments import load_catalogue
from anonymizer.model.tables import Counted, Figures
from anonymizer.storage.processes import ALONE
from anonymizer.storage.secret import Secret
from anonymizer.suppression.release_suppression import (
    ReleaseTerms,
    Suppressed,
    claim_of,
    suppress_release,
)

CATALOGUE = load_catalogue(Path(str(files("anonymizer") / "defaults/segments.yaml")))
TERMS = ReleaseTerms(CATALOGUE, Promise(), Secret(bytes(range(32))), Effort())
SIZES = (400, 3_000, 0, 1_500, 60, 800)


# One worker makes the fixture.
pytestmark = pytest.mark.xdist_group("tables of a day")


@pytest.fixture(scope="module")
def counted() -> tuple[Counted, ...]:
    """Six campaigns, and a copy of the second that is judged after it."""
    tables = tuple(campaign(size, seed, CATALOGUE) for seed, size in enumerate(SIZES))
    copied = replace(tables[1], key=replace(tables[1].key, subject_id="copy"))
    return (*tables, copied)


@pytest.fixture(scope="module")
def alone(counted: tuple[Counted, ...]) -> tuple[Suppressed, ...]:
    return suppress_release(counted, (), TERMS, ALONE)


@pytest.fixture(scope="module")
def side_by_side(counted: tuple[Counted, ...]) -> tuple[Suppressed, ...]:
    return suppress_release(counted, (), TERMS, EAGER)


@pytest.mark.slow
def test_processes_do_not_change_a_byte(
    alone: tuple[Suppressed, ...], side_by_side: tuple[Suppressed, ...]
) -> None:
    assert sum(len(table.figures.segments) for table in alone) > 200
    assert list(map(content, side_by_side)) == list(map(content, alone))


def test_figures_from_another_process_are_read_only(side_by_side: tuple[Suppressed, ...]) -> None:
    for table in side_by_side:
        assert not table.figures.people.flags.writeable
        assert not table.figures.segments.flags.writeable


def findings_of(
    tables: tuple[Suppressed, ...], counted: tuple[Counted, ...]
) -> tuple[Finding, ...]:
    claims = [claim_of(table, truth) for table, truth in zip(tables, counted, strict=True)]
    return check_release(claims, (), CATALOGUE, TERMS.promise, TERMS.secret.draw)


def test_tables_from_other_processes_are_proved(
    counted: tuple[Counted, ...], side_by_side: tuple[Suppressed, ...]
) -> None:
    assert findings_of(side_by_side, counted) == ()


@pytest.mark.slow
def test_a_wrong_figure_from_another_process_is_found(
    counted: tuple[Counted, ...], side_by_side: tuple[Suppressed, ...]
) -> None:
    tables = list(side_by_side)
    for number in (1, 3):
        wrong = one_figure_wrong(tables[number].figures)
        tables[number] = replace(tables[number], figures=wrong)
    found = {str(finding.table) for finding in findings_of(tuple(tables), counted)}
    assert {str(counted[1].key), str(counted[3].key)} <= found


STOPPED = """
import signal, sys
sys.path[:0] = [sys.argv[1]]
import labour
from pipelines.resources import interruption
from pipelines.messages.trouble import attempt
from pipelines.resources.workers import heedful_workers
from anonymizer.model.policy import Effort
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


def content(table: Suppressed) -> tuple[object, ...]:
    figures, proof, judged = table.figures, table.witnesses, table.judged
    return (
        *(str(figures.key), figures.segments.tobytes(), figures.people.tobytes()),
        *(table.candidates, table.for_inference, table.outcomes.tobytes()),
        *(judged.earlier.tobytes(), judged.leader_table.tobytes(), judged.leader.tobytes()),
        *(proof.class_of.tobytes(), proof.starts.tobytes(), proof.start_of.tobytes()),
        *(proof.changes.indices.tobytes(), proof.changes.data.tobytes()),
    )


def one_figure_wrong(figures: Figures) -> Figures:
    people = figures.people.copy()
    people[np.argmax(people)] += 100
    return replace(figures, people=people)
