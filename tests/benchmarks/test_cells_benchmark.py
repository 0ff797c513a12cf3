"""The benchmark of tables of cells runs, and its own judgement of a table is right."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
# A table of 2x3 cells in the shape of those that the benchmark reads.
CELLS = {
    ("n", "a"): 3,
    ("n", "b"): 40,
    ("n", "c"): 25,
    ("s", "a"): 30,
    ("s", "b"): 20,
    ("s", "c"): 50,
}
HIERARCHIES = {"geo": "Total,n\nTotal,s\n", "age": "Total,ab\nTotal,c\nab,a\nab,b\n"}


@pytest.fixture(autouse=True)
def _own_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "bench" / "t1k"
    folder.mkdir(parents=True)
    rows = "".join(f"{geo},{age},{people}\n" for (geo, age), people in CELLS.items())
    (folder / "inner.csv").write_text("geo,age,freq\n" + rows)
    for name, text in HIERARCHIES.items():
        (folder / f"hier_{name}.csv").write_text("parent,child\n" + text)
    return folder.parent


def cells(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / "cells.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_every_section_on_the_smallest_table(shared: Path, tmp_path: Path) -> None:
    words = ("--bench", str(shared), "--results", str(tmp_path / "results"), "--tables", "t1k")
    done = cells(*words, "--most-segments", "1100", "--optimum-minutes", "0.05")
    assert done.returncode == 0, done.stderr
    of_table = [line for line in done.stdout.splitlines() if line.startswith("| t1k | public |")]
    # What has to go with the three people of n, a: their sum with another figure of n, twice.
    assert "| t1k | public | 1 | 0 | 0 | - | - | withstands |" in done.stdout
    assert "| t1k | public | 1 | 0 | - |" in of_table
    assert [line for line in done.stdout.splitlines() if line.startswith("| 4 | 1,000 |")]


def test_missing_tables_are_named_with_what_to_do(tmp_path: Path) -> None:
    done = cells("--bench", str(tmp_path / "nowhere"), "--results", str(tmp_path))
    assert done.returncode == 1
    assert "--bench or AUDIENCE_BENCH_TABLES" in done.stderr


def line_of_three(published: list[bool], people: list[int]) -> "object":
    """Three cells and their sum."""
    from independent_checks import Known  # noqa: PLC0415

    inside = sparse.csr_array(np.vstack([np.eye(3), np.ones(3)]).astype(np.int64))
    counts = np.array(people)
    nothing, all_of_them = np.zeros(3, dtype=np.int64), np.full(3, counts.sum())
    return Known(inside, np.array(published), counts, nothing, all_of_them)


def test_checks_tell_what_is_solvable_from_what_is_not() -> None:
    from independent_checks import below, solvable_by_algebra, solvable_by_bounds  # noqa: PLC0415

    first = np.array([0])
    lone = line_of_three([False, True, True, True], [3, 40, 25])
    assert solvable_by_algebra(lone, first).tolist() == [0]
    assert solvable_by_bounds(lone, first).tolist() == [0]
    pair = line_of_three([False, False, True, True], [3, 4, 25])
    assert not len(solvable_by_algebra(pair, first))
    assert not len(solvable_by_bounds(pair, first))
    assert below(pair, first, 10).tolist() == [0]
    assert not len(below(pair, first, 7))
    # Nobody is left for either: no algebra says so, but counts are not negative.
    empty = line_of_three([False, False, True, True], [0, 0, 25])
    assert not len(solvable_by_algebra(empty, first))
    assert solvable_by_bounds(empty, first).tolist() == [0]


@pytest.mark.slow
@pytest.mark.parametrize("inference_k", [0, 10])
@pytest.mark.parametrize("seed", range(3))
def test_the_optimum_is_that_of_all_choices(seed: int, inference_k: int) -> None:
    from independent_checks import Known, below, solvable_by_bounds  # noqa: PLC0415
    from optimum import Question, answer  # noqa: PLC0415

    random = np.random.default_rng(seed)
    people = random.choice([0, 2, 5, 12, 30], size=6)
    lines = np.vstack([np.kron(np.eye(2), np.ones(3)), np.kron(np.ones(2), np.eye(3)), np.ones(6)])
    inside = sparse.csr_array(np.vstack([np.eye(6), lines]).astype(np.int64))
    totals = inside @ people
    small = np.flatnonzero(totals < 10)
    large = np.flatnonzero(totals >= 10)
    limits = np.zeros(6, dtype=np.int64), np.full(6, people.sum())

    def known(suppressed: list[int]) -> Known:
        published = totals >= 10
        published[suppressed] = False
        return Known(inside, published, people, *limits)

    def safe(suppressed: list[int]) -> bool:
        table = known(suppressed)
        found = below(table, small, 10) if inference_k else solvable_by_bounds(table, small)
        return not len(found)

    choices = itertools.chain.from_iterable(
        itertools.combinations(large.tolist(), size) for size in range(len(large) + 1)
    )
    least = min(int(totals[list(c)].sum()) for c in choices if safe(list(c)))
    found = answer(Question(known(large.tolist()), 10, inference_k), 20)
    assert (found["least"], found["best"]) == (least, least)
