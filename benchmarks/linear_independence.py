"""Publish what leaves no small segment linearly solvable, and promise no more than that.

python benchmarks/linear_independence.py CELLS ZEROS OUT COLUMN=FILE...

This is GaussSuppression's promise, kept by the product's own greedy: cells may lose as many
people as you like, so that every move of the table counts, below zero and in fractions too. It
shows what it costs that people are whole and not negative. Never publish what it writes.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import cast

import numpy as np
from cell_tables import COUNT, K

from anonymizer.cells.protecting import FLOOR, INFERENCE, KEPT, Outcome
from anonymizer.cells.request import Files, Request, read_request
from anonymizer.cells.rules import Settings, Zeros
from anonymizer.cells.writing import write_published
from anonymizer.feasible.budget import Budget
from anonymizer.periods import Period
from anonymizer.protection.constraints import constraints
from anonymizer.protection.exact import publish_exactly
from anonymizer.protection.goals import another_count
from anonymizer.protection.totals import segment_totals
from anonymizer.tables import Counted, Figures, TableKey

PLENTY = 1 << 40
KEY = TableKey("cells", "benchmark", Period("day", date.min))


def main() -> None:
    cells, zeros, out, *pairs = sys.argv[1:]
    hierarchies = {name: Path(file) for name, _, file in (pair.partition("=") for pair in pairs)}
    request = _request(Path(cells), cast(Zeros, zeros), Path(out), hierarchies)
    write_published(linearly_independent(request), Path(out))


def _request(cells: Path, zeros: Zeros, out: Path, hierarchies: Mapping[str, Path]) -> Request:
    files = Files(cells, COUNT, hierarchies, None, None, out, None, None)
    return read_request(files, Settings(K, "0", 1, zeros, 3600, 1))


def linearly_independent(request: Request) -> Outcome:
    """The outcome of the greedy; the order of preference is that of the product."""
    catalogue, people = request.catalogue, request.cells.people
    public = request.rules.zeros == "public"
    possible = people > 0 if public else np.ones(people.shape, dtype=bool)
    marks = np.zeros(people.shape, dtype=np.uint64)
    counted = Counted(KEY, people, people, marks, possible, occupied=public)
    totals = segment_totals(catalogue, people)
    segments = np.flatnonzero(totals >= K).astype(np.int32)
    figures = Figures(KEY, segments, totals[segments])
    known = constraints(counted, catalogue, figures, request.rules.promise)
    plenty = np.full_like(known.truth, PLENTY)
    anything = replace(known, truth=plenty, spare=plenty)
    _, firsts = np.unique(known.row_of, return_index=True)
    tables, counts = catalogue.table_of[segments[firsts]], totals[segments[firsts]]
    order = np.lexsort((np.arange(len(firsts)), -counts, tables)).tolist()
    budget = Budget(request.rules.effort.proof_seconds)
    published, _ = publish_exactly(anything, another_count(anything, catalogue), order, budget)
    assert not budget.exhausted
    reasons = np.full(len(catalogue), FLOOR, dtype=np.int8)
    reasons[segments] = np.where(published[known.row_of], KEPT, INFERENCE)
    reasons[segment_totals(catalogue, possible.astype(np.int64)) == 0] = KEPT
    return Outcome(catalogue, totals * (reasons == KEPT), totals, reasons, budget.seconds)


if __name__ == "__main__":
    main()
