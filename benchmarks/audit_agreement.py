"""The auditor against brute force on random small tables: nothing missed, nothing invented.

python benchmarks/audit_agreement.py [--tables 10000] [--first-seed 1]

Tables of 2x3, 3x3 and 2x2x2 cells with overlapping groups; zeros public or protected; exact
figures or rounded ones; exact solution or inference; at times with background knowledge. The
brute force walks through every table of whole people that fits and shares no code with the
auditor: it works on lists of cells by itself.
"""

import argparse
import itertools
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests/audit"))

from linear_solutions import linearly_solvable

from anonymizer.audit.intervals import UNBOUNDED, Intervals
from anonymizer.audit.intruder import Intruder, TableRules
from anonymizer.audit.published_file import PublishedTable
from anonymizer.audit.table_audit import Audit, Questions, audit
from anonymizer.model.dimensions import Dimension, Group, Text
from anonymizer.model.hierarchies import full_cross
from anonymizer.model.periods import Period
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import Figures, TableKey

SHAPES = ((2, 3), (3, 3), (2, 2, 2))
MOST_TABLES = 40_000
KEY = TableKey("cells", "random", Period("day", date(2026, 11, 22)))
Grid = NDArray[np.int64]


class Disagreement(AssertionError):
    """The auditor and the brute force do not say the same."""


@dataclass(frozen=True)
class World:
    """A random table as published, and `inside` (segments x cells) in 0 and 1."""

    intruder: Intruder
    inside: Grid


@dataclass(frozen=True)
class Truth:
    """Every table that fits (tables x cells); of the cells only those that are bounded."""

    tables: Grid
    bounded: NDArray[np.bool_]
    possible: NDArray[np.bool_]


def dimension(random: np.random.Generator, name: str, leaves: int) -> Dimension:
    """Values, `Total` and up to two unions, which may overlap."""
    parts = [(f"{name}{leaf}", (leaf,)) for leaf in range(leaves)]
    unions = random.integers(0, 3) if leaves > 2 else 0
    sets = {tuple(sorted(random.choice(leaves, 2, replace=False).tolist())) for _ in range(unions)}
    named = [("Total", tuple(range(leaves)))]
    named += [(f"{name}u{number}", members) for number, members in enumerate(sorted(sets))]
    groups = [Group(code, code, Text(code, code), members) for code, members in [*named, *parts]]
    return Dimension(name, tuple(code for code, _ in parts), tuple(groups))


def cells_of(catalogue: Catalogue) -> Grid:
    """(segments x cells), segment by segment."""
    rows = []
    for groups in map(catalogue.groups, range(len(catalogue))):
        chosen = set(itertools.product(*(group.leaves for group in groups)))
        every = itertools.product(*map(range, catalogue.shape))
        rows.append([int(cell in chosen) for cell in every])
    return np.array(rows, dtype=np.int64)


def random_world(seed: int) -> World:
    random = np.random.default_rng(seed)
    shape = SHAPES[seed % len(SHAPES)]
    catalogue = full_cross([dimension(random, "abc"[i], n) for i, n in enumerate(shape)])
    inside = cells_of(catalogue)
    rules = TableRules(
        inference_k=int(random.choice([0, 0, 1, 2, 3])),
        floor=int(random.choice([1, 2, 3])),
        rounding=int(random.choice([1, 1, 1, 2, 3])),
        zeros_public=bool(random.random() < 0.5),
    )
    truth = random.poisson(random.choice([0.8, 1.5]), inside.shape[1])
    counts = inside @ truth
    shown = (counts >= max(rules.floor, rules.rounding)) & (random.random(len(counts)) < 0.7)
    if rules.zeros_public:
        shown |= counts == 0
    elif rules.floor == 1 and (zeros := np.random.default_rng([seed, 1])).random() < 0.3:
        shown |= (counts == 0) & (zeros.random(len(counts)) < 0.5)
    figures = [_rounded(int(count), rules.rounding, random) for count in counts]
    listed = random.random(len(counts)) < random.choice([1, 0.7])
    known = (
        (random.random(len(counts)) < 0.08) & ~shown if random.random() < 0.3 else ~shown & shown
    )
    table = PublishedTable(
        "random.csv",
        catalogue,
        np.flatnonzero(shown).astype(np.int32),
        np.array(figures, dtype=np.int64)[shown],
        np.flatnonzero(~shown & listed).astype(np.int32),
        np.flatnonzero(known).astype(np.int32),
        counts[known].astype(np.int64),
    )
    return World(Intruder(table, rules), inside)


def _rounded(count: int, step: int, random: np.random.Generator) -> int:
    down = count // step * step
    return down + step * int(random.random() < (count - down) / step)


def everything_that_fits(world: World, *, with_figures: bool = True) -> Truth | None:
    """Walk through all tables; None if there are too many."""
    table, inside = world.intruder.table, world.inside
    known = zip(table.known.tolist(), table.known_people.tolist(), strict=True)
    rows = [(inside[segment], people, people) for segment, people in known]
    possible, figures = _figures(world)
    rows += figures if with_figures else []
    bounded = np.zeros(len(possible), dtype=bool)
    for cells, _, _ in rows:
        bounded |= (cells > 0) & possible
    if world.intruder.rules.zeros_public and with_figures:
        for cells in inside[table.withheld] * possible:
            if cells.any() and not cells[~bounded].any():
                rows.append((cells, 1, 10**6))
    return _walk(rows, bounded, possible)


def _figures(world: World) -> tuple[NDArray[np.bool_], list[tuple[Grid, int, int]]]:
    """The cells that may have people, and each figure as cells, least and most people."""
    table, rules, inside = world.intruder.table, world.intruder.rules, world.inside
    possible = np.ones(inside.shape[1], dtype=bool)
    rows = []
    for segment, people in zip(table.published.tolist(), table.people.tolist(), strict=True):
        if rules.zeros_public and people == 0:
            possible &= inside[segment] == 0
            continue
        least = people - rules.rounding + 1
        if rules.rounding > 1 and rules.floor > 1:
            least = max(least, rules.floor)
        rows.append((inside[segment], max(least, 0), people + rules.rounding - 1))
    return possible, rows


def _walk(
    rows: list[tuple[Grid, int, int]], bounded: NDArray[np.bool_], possible: NDArray[np.bool_]
) -> Truth | None:
    inside = np.array([cells for cells, _, _ in rows]).reshape(len(rows), len(bounded))
    least = np.array([low for _, low, _ in rows])
    most = np.array([high for _, _, high in rows])
    tables = np.zeros((1, len(bounded)), dtype=np.int64)
    for cell in np.flatnonzero(bounded):
        steps = np.arange(int(most[inside[:, cell] > 0].min()) + 1)
        tables = np.repeat(tables, len(steps), axis=0)
        tables[:, cell] = np.tile(steps, len(tables) // len(steps))
        counts = tables @ inside.T
        later = bounded & (np.arange(len(bounded)) > cell)
        final = ~inside[:, later].any(axis=1)
        tables = tables[(counts <= most).all(axis=1) & (counts >= least)[:, final].all(axis=1)]
        if len(tables) > MOST_TABLES:
            return None
    counts = tables @ inside.T
    fit = ((counts <= most) & (counts >= least)).all(axis=1)
    return Truth(tables[fit], bounded, possible)


def check(seed: int) -> str:
    """Compare on one table; what it was. Raises Disagreement."""
    world = random_world(seed)
    truth = everything_that_fits(world)
    before = everything_that_fits(world, with_figures=False)
    if truth is None or before is None:
        return "too many tables"
    done = audit(world.intruder, Questions(intervals="all"))
    kinds = {finding.kind for finding in done.findings}
    if kinds & {"contradiction", "rule"}:
        return _check_contradiction(seed, world, done, truth)
    _demand(len(truth.tables) > 0, seed, "no table fits, and that was missed")
    _demand(not done.undecided, seed, "undecided")
    if world.intruder.rules.inference_k:
        _check_inference(seed, world, done, truth, before)
    else:
        _check_solved(seed, world, done, truth, before)
    if done.intervals is None:
        raise Disagreement(seed)
    _check_intervals(seed, world, done.intervals, truth)
    _check_companions(seed, world, done, truth)
    _check_linear(seed, world)
    exact = "exact" if world.intruder.rules.inference_k == 0 else "inference"
    return f"{exact}, {'withstands' if done.withstood else 'discloses'}"


def _demand(met: object, seed: int, problem: str) -> None:
    if not met:
        raise Disagreement(f"seed {seed}: {problem}")


def _check_contradiction(seed: int, world: World, done: Audit, truth: Truth) -> str:
    """Tables may fit figures that break a rule: one set of people, but not one figure."""
    rule = done.findings[0].kind == "rule" or _one_set_has_two_figures(world)
    _demand(rule or not len(truth.tables), seed, "a contradiction was invented")
    return "contradiction"


def _one_set_has_two_figures(world: World) -> bool:
    table, (possible, _) = world.intruder.table, _figures(world)
    figures: dict[bytes, int] = {}
    rows = [*table.published.tolist(), *table.known.tolist()]
    counts = [*table.people.tolist(), *table.known_people.tolist()]
    return any(
        figures.setdefault((world.inside[row] * possible).tobytes(), people) != people
        for row, people in zip(rows, counts, strict=True)
    )


def _check_inference(seed: int, world: World, done: Audit, truth: Truth, before: Truth) -> None:
    floor = world.intruder.rules.inference_k
    small = truth.bounded & (truth.tables.max(axis=0) < floor)
    known = before.bounded & (before.tables.max(axis=0) < floor)
    small &= ~known
    if done.disclosed is None:
        raise Disagreement(seed)
    _demand((done.disclosed.ravel() == small).all(), seed, "other cells are too small")
    _demand(done.withstood == (not small.any()), seed, "another verdict")


def _check_solved(seed: int, world: World, done: Audit, truth: Truth, before: Truth) -> None:
    table = world.intruder.table
    shown = {*table.published.tolist(), *table.known.tolist()}
    cells = {
        cell
        for cell in np.flatnonzero(truth.possible).tolist()
        if _solved(world, np.arange(len(truth.possible)) == cell, truth)
        and not _determined(np.arange(len(truth.possible)) == cell, before)
    }
    names = {
        table.catalogue.id(row): row
        for row in range(len(table.catalogue))
        if row not in shown
        and _solved(world, world.inside[row] > 0, truth)
        and not _determined(world.inside[row] > 0, before)
    }
    told = {name for finding in done.findings for name in finding.segments}
    public = {table.catalogue.id(row) for row in shown}
    _demand(told - public <= set(names), seed, "a solution was invented")
    # What is made of solved cells alone, or holds a part of cells that no figure tells apart and
    # that are solved, need not be named by itself.
    open_cells = np.ptp(truth.tables, axis=0) > 0
    implied = {
        name
        for name, row in names.items()
        if not (world.inside[row] * open_cells).any() or _cuts(world, world.inside[row], truth)
    }
    _demand(set(names) - implied <= told, seed, "a solution was missed")
    _demand(done.withstood == (not names and not cells), seed, "another verdict")


def _cuts(world: World, cells: Grid, truth: Truth) -> bool:
    """Whether only some are in the set of the cells that the same figures contain."""
    table = world.intruder.table
    shown = world.inside[[*table.published.tolist(), *table.known.tolist()]]
    marks = np.vstack([shown, _inhabited(world)])[:, truth.possible]
    inside = cells[truth.possible]
    _, group = np.unique(marks.T, axis=0, return_inverse=True)
    held, size = np.bincount(group, inside), np.bincount(group)
    return bool(((held > 0) & (held < size)).any())


def _solved(world: World, cells: NDArray[np.bool_], truth: Truth) -> bool:
    return _determined(cells, truth) and not _adds_up(world, cells & truth.possible, truth)


def _determined(cells: NDArray[np.bool_], truth: Truth) -> bool:
    inside = cells & truth.possible
    if not inside.any() or (inside & ~truth.bounded).any():
        return False
    return len(np.unique(truth.tables @ inside)) == 1


def _adds_up(world: World, cells: NDArray[np.bool_], truth: Truth) -> bool:
    """Whether figures inside the set, times numbers of 0 or more, add up to it."""
    table = world.intruder.table
    shown = [*table.published.tolist(), *table.known.tolist()]
    figures = world.inside[shown] * truth.possible
    within = figures[~(figures > cells).any(axis=1) & figures.any(axis=1)]
    if not len(within):
        return False
    answer = linprog(np.zeros(len(within)), A_eq=within.T, b_eq=cells)
    return bool(answer.status == 0 and np.abs(answer.x @ within - cells).max() < 1e-6)


def _check_intervals(seed: int, world: World, found: Intervals, truth: Truth) -> None:
    inhabited = _inhabited(world) & ~truth.bounded
    for position, segment in enumerate(found.segments.tolist()):
        inside = (world.inside[segment] > 0) & truth.possible
        counts = truth.tables @ (inside & truth.bounded)
        least, most = int(counts.min() + (inside & inhabited).sum()), int(counts.max())
        _demand(found.lowest[position] == least, seed, f"least of segment {segment}")
        _demand(found.lowest_reached[position], seed, f"least of segment {segment} not reached")
        if (inside & ~truth.bounded).any():
            _demand(found.highest[position] == UNBOUNDED, seed, f"segment {segment} has no bound")
        else:
            _demand(found.highest[position] == most, seed, f"most of segment {segment}")
            _demand(found.highest_reached[position], seed, f"most of segment {segment} not reached")


def _inhabited(world: World) -> NDArray[np.bool_]:
    """Withheld cells where zeros are public: somebody is in them."""
    cells = world.inside[world.intruder.table.withheld]
    alone = cells[cells.sum(axis=1) == 1]
    return np.asarray(alone.any(axis=0) & world.intruder.rules.zeros_public)


def _check_companions(seed: int, world: World, done: Audit, truth: Truth) -> None:
    """What a singleton is said to solve is the same in every table in which the cell has 1."""
    positions = world.intruder.table.catalogue.positions
    for note in (note for note in done.notes if note.kind == "companion"):
        cell, *others = (world.inside[positions[name]] for name in note.segments)
        alone = truth.tables[truth.tables @ cell == 1]
        for other in others:
            _demand(len(np.unique(alone @ other)) <= 1, seed, "a companion was invented")


def _check_linear(seed: int, world: World) -> None:
    table = world.intruder.table
    figures = Figures(KEY, table.published, table.people)
    everywhere = np.ones(table.catalogue.shape, dtype=bool)
    found = linearly_solvable(figures, table.catalogue, everywhere)
    basis = _echelon(world.inside[table.published].tolist())
    for segment, cells in enumerate(world.inside.tolist()):
        left = _reduced([Fraction(x) for x in cells], basis)
        _demand(found[segment] == (not any(left)), seed, f"segment {segment} as a sum of figures")


def _echelon(rows: list[list[int]]) -> list[tuple[int, list[Fraction]]]:
    basis: list[tuple[int, list[Fraction]]] = []
    for row in rows:
        left = _reduced([Fraction(x) for x in row], basis)
        if any(left):
            pivot = next(i for i, x in enumerate(left) if x)
            basis.append((pivot, [x / left[pivot] for x in left]))
    return basis


def _reduced(row: list[Fraction], basis: list[tuple[int, list[Fraction]]]) -> list[Fraction]:
    for pivot, known in basis:
        if row[pivot]:
            times = row[pivot]
            row = [x - times * y for x, y in zip(row, known, strict=True)]
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=10_000)
    parser.add_argument("--first-seed", type=int, default=1)
    options = parser.parse_args()
    begin, outcomes = time.process_time(), Counter[str]()
    for seed in itertools.count(options.first_seed):
        outcomes[check(seed)] += 1
        compared = outcomes.total() - outcomes["too many tables"]
        if compared >= options.tables:
            break
    print(f"{compared:,} tables compared in {time.process_time() - begin:.0f} CPU s, all agree")
    for outcome, tables in sorted(outcomes.items()):
        print(f"| {outcome} | {tables:,} |")


if __name__ == "__main__":
    main()
