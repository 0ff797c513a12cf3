"""Publish what leaves no small segment linearly solvable, and promise no more than that.

python benchmarks/linear_independence.py CELLS ZEROS OUT COLUMN=FILE...

This is GaussSuppression's promise, kept by the product's own greedy: cells may lose as many
people as you like, so that every move of the table counts, below zero and in fractions too. It
shows what it costs that people are whole and not negative. Never publish what it writes.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from cell_tables import COUNT, K

from anonymizer.feasible.system import Integers
from anonymizer.feasible.totals import segment_totals
from anonymizer.feasible.work import Work
from anonymizer.suppression.constraints import Candidates, Ground, constraints
from anonymizer.suppression.differences import NO_DIFFERENCES
from anonymizer.suppression.exact_figures import publish_exactly
from anonymizer.suppression.problem import problem_from
from anonymizer.suppression.targets import another_count
from anonymizer.tabular.protection import INFERENCE, KEPT, THRESHOLD, ProtectedTable
from anonymizer.tabular.request import Files, Request, read_request
from anonymizer.tabular.rules import RuleSettings, Zeros
from anonymizer.tabular.table_files import write_published

PLENTY = 1 << 40
ANY_WORK = 1 << 40


def main() -> None:
    cells, zeros, out, *pairs = sys.argv[1:]
    hierarchies = {name: Path(file) for name, _, file in (pair.partition("=") for pair in pairs)}
    request = _request(Path(cells), cast("Zeros", zeros), Path(out), hierarchies)
    write_published(linearly_independent(request), Path(out))


def _request(cells: Path, zeros: Zeros, out: Path, hierarchies: Mapping[str, Path]) -> Request:
    files = Files(cells, COUNT, hierarchies, None, None, out, None, None)
    return read_request(files, RuleSettings(K, "0", 1, zeros, proof_work=ANY_WORK, jobs=1))


def linearly_independent(request: Request) -> ProtectedTable:
    """The outcome of the greedy; the order of preference is that of the product."""
    catalogue, people = request.catalogue, request.cells.people
    public = request.rules.zeros == "public"
    possible = people > 0 if public else np.ones(people.shape, dtype=bool)
    totals = segment_totals(catalogue, people)
    segments = np.flatnonzero(totals >= K).astype(np.int32)
    candidates = _exact(segments, totals[segments])
    known = constraints(Ground(catalogue, possible, occupied=public), candidates)
    plenty = np.full(known.matrix.shape[1], PLENTY, dtype=np.int64)
    problem = problem_from(known, plenty + known.certain, NO_DIFFERENCES)
    order = _best_first(catalogue.table_of[segments[known.firsts]], totals[segments[known.firsts]])
    budget = Work(request.rules.effort.proof_work)
    targets = another_count(known, plenty, catalogue)
    published, _ = publish_exactly(problem, targets, order, budget)
    assert not budget.exhausted
    reasons = np.full(len(catalogue), THRESHOLD, dtype=np.int8)
    reasons[segments] = np.where(published[known.row_of], KEPT, INFERENCE)
    reasons[segment_totals(catalogue, possible.astype(np.int64)) == 0] = KEPT
    return ProtectedTable(catalogue, totals * (reasons == KEPT), totals, reasons)


def _exact(segments: np.ndarray, people: Integers) -> Candidates:
    by_themselves = np.zeros(len(segments), dtype=bool), np.full(len(segments), -1)
    return Candidates(segments, people, people, people, *by_themselves)


def _best_first(tables: Integers, people: Integers) -> Sequence[int]:
    return np.lexsort((np.arange(len(people)), -people, tables)).tolist()


if __name__ == "__main__":
    main()
