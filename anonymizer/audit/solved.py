"""Exact solution: withheld segments and atoms whose count follows from the figures.

This is what is left to promise with `inference_k: 0`. A count is not determined as soon as
two tables of whole people fit the figures and differ in it. Sums of published figures are
no disclosure: whoever adds up learns of no group smaller than the published ones.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from anonymizer.audit.bounds import (
    Bounds,
    Divisible,
    Proof,
    Reachable,
    Undecided,
    Unreachable,
    Verdict,
)
from anonymizer.audit.findings import Finding
from anonymizer.audit.knowledge import IMPOSSIBLE, Knowledge
from anonymizer.audit.reports import Reporter
from anonymizer.audit.witnesses import Witnesses, search
from anonymizer.feasible.solver import Program
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.work import meter

_MOST_UNDECIDED = 20  # where no limit of work says when to give up


@dataclass(frozen=True)
class _Target:
    """A set of classes that may be determined, and the ids of the withheld segments it is."""

    weights: Integers
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Solved:
    """What was found, and sets of classes of which neither was shown: settled, or open."""

    findings: tuple[Finding, ...]
    undecided: tuple[Integers, ...] = ()


def _nothing(_: Flags) -> bool:
    return False


def fit_some_table(
    bounds: Bounds, reporter: Reporter, *, whole: bool = True
) -> Integers | Finding | None:
    """A table of whole people that fits the figures, or why none is at hand.

    Unless `whole`, None where parts of people fit and whole ones are not at hand.
    """
    if (proof := bounds.contradiction()) is not None:
        return reporter.no_table(proof)
    verdict = bounds.some_table(whole=whole)
    if isinstance(verdict, Divisible):
        return None
    if isinstance(verdict, Reachable):
        return verdict.table
    if isinstance(verdict, Unreachable):
        return reporter.no_whole_table()
    return reporter.no_table_found()


def undecided_all(knowledge: Knowledge) -> Solved:
    """Nothing is known of any class that figures cover."""
    return Solved((), tuple(np.flatnonzero(knowledge.covered)[:, None]))


def find_solved(
    knowledge: Knowledge, reporter: Reporter, is_known: Callable[[Flags], bool] = _nothing
) -> Solved:
    """Every withheld segment and every atom with one possible count.

    Sets of atoms whose count `is_known` are passed over. A class of several atoms is
    reported only when it must be empty: what its atoms count one by one stays open otherwise.
    """
    bounds = Bounds(knowledge)
    base = fit_some_table(bounds, reporter)
    if isinstance(base, Finding) and base.kind != "unproved":
        return Solved((base,))
    if base is None or isinstance(base, Finding):
        return undecided_all(knowledge)
    tables, moves = _vary(knowledge, base)
    findings: list[Finding] = []
    undecided: list[Integers] = []
    empty = np.zeros(knowledge.classes, dtype=bool)
    for target in _unmoved(_targets(knowledge, base), moves):
        people = int(target.weights @ base)
        if target.weights[~empty].sum() == 0 or any(
            target.weights @ table != people for table in tables
        ):
            continue
        verdict = _another_count(bounds, target.weights, people, len(undecided))
        if isinstance(verdict, Reachable):
            tables.append(verdict.table)
        elif isinstance(verdict, Undecided):
            undecided.append(np.flatnonzero(target.weights))
        elif isinstance(verdict, Proof | Unreachable) and not is_told(
            knowledge, target.weights, people, is_known
        ):
            empty |= (target.weights > 0) & (people == 0)
            findings.append(_solved(reporter, target, people, verdict))
    return Solved(tuple(findings), tuple(undecided))


def _unmoved(targets: list[_Target], moves: sparse.csc_array) -> list[_Target]:
    """The targets that no move changes."""
    if not targets:
        return []
    weights = sparse.csr_array(np.array([target.weights for target in targets]))
    moved = np.diff(sparse.csr_array(weights @ moves).indptr) > 0
    return [target for target, changed in zip(targets, moved, strict=True) if not changed]


def _solved(
    reporter: Reporter, target: _Target, people: int, verdict: Proof | Unreachable
) -> Finding:
    proof = verdict if isinstance(verdict, Proof) else None
    return reporter.solved(target.ids, np.flatnonzero(target.weights), people, proof)


def _another_count(bounds: Bounds, weights: Integers, people: int, undecided: int) -> Verdict:
    """A table with another count, or why there is none; gives up after enough failures."""
    work = meter()
    if work.exhausted or (undecided > _MOST_UNDECIDED and not work.limited):
        return Undecided()
    more = bounds.decide(weights, people + 1)
    if isinstance(more, Reachable) or people == 0:
        return more
    fewer = bounds.decide(-weights, 1 - people)
    return fewer if isinstance(fewer, Reachable | Undecided) else more


def _vary(knowledge: Knowledge, base: Integers) -> tuple[list[Integers], sparse.csc_array]:
    """Tables that fit, and (classes x moves) by which one table that fits becomes another."""
    witnesses = Witnesses(knowledge, base + 1)
    witnesses.reached |= ~knowledge.covered
    witnesses.learn(base)
    search(knowledge, witnesses, 1)
    witnesses.recheck()
    tables = np.array(witnesses.tables)
    moved = np.flatnonzero(witnesses.reached & knowledge.covered)
    moved = moved[tables[witnesses.table[moved], moved] < witnesses.goals[moved]]
    moved = np.union1d(moved, np.flatnonzero(~knowledge.covered))
    donors = witnesses.donor[moved]
    given = donors >= 0
    columns = np.arange(len(moved))
    entries = np.concatenate([np.ones(len(moved), np.int64), -np.ones(given.sum(), np.int64)])
    rows = np.concatenate([moved, donors[given]])
    places = (rows, np.concatenate([columns, columns[given]]))
    moves = sparse.csc_array((entries, places), shape=(knowledge.classes, len(moved)))
    return witnesses.tables, sparse.csc_array(
        sparse.hstack([moves, sparse.csc_array((tables - base).T)])
    )


def _targets(knowledge: Knowledge, base: Integers) -> list[_Target]:
    """Withheld segments made of whole classes, then atoms and classes that may be empty."""
    ids: dict[bytes, list[str]] = {}
    weights: dict[bytes, Integers] = {}
    for segment, classes in _whole_segments(knowledge):
        key = classes.tobytes()
        weights[key] = classes
        ids.setdefault(key, []).append(knowledge.catalogue.id(segment))
    for chosen in np.flatnonzero((knowledge.sizes == 1) | (base == 0)):
        one = np.zeros(knowledge.classes, dtype=np.int64)
        one[chosen] = 1
        weights.setdefault(one.tobytes(), one)
    return [_Target(classes, tuple(ids.get(key, ()))) for key, classes in weights.items()]


def _whole_segments(knowledge: Knowledge) -> Iterator[tuple[int, Integers]]:
    """Withheld segments that cut no class, with the classes that they are made of.

    A segment that cuts a class can count differently without any figure changing, unless the
    class is empty, which is reported by itself.
    """
    sizes = knowledge.sizes
    in_cell = _atoms_of_cells(knowledge)
    for segment, touched in _uncut(knowledge, in_cell):
        classes = knowledge.grid[np.ix_(*touched)]
        inside = classes != IMPOSSIBLE
        held = np.bincount(
            classes[inside], weights=in_cell[np.ix_(*touched)][inside], minlength=len(sizes)
        )
        if ((held == 0) | (held == sizes)).all():
            yield segment, (held > 0).astype(np.int64)


def _atoms_of_cells(knowledge: Knowledge) -> Integers:
    """How many possible atoms each cell of the block grid stands for."""
    in_cell: Integers = (knowledge.grid != IMPOSSIBLE).astype(np.int64)
    for axis, block in enumerate(knowledge.blocks):
        shape = [1] * in_cell.ndim
        shape[axis] = -1
        in_cell = in_cell * np.bincount(block).reshape(shape)
    return in_cell


def _uncut(knowledge: Knowledge, in_cell: Integers) -> Iterator[tuple[int, tuple[Integers, ...]]]:
    """Withheld segments with people that hold all atoms of every cell that they touch."""
    shares, touches = [], []
    for dimension, block in zip(knowledge.catalogue.dimensions, knowledge.blocks, strict=True):
        held = np.array([np.bincount(block, row, block.max() + 1) for row in dimension.membership])
        shares.append(held / np.bincount(block))
        touches.append(held > 0)
    atoms, closure = (_over_groups(in_cell, parts) for parts in (shares, touches))
    cells = tuple(knowledge.catalogue.cells.T)
    whole = np.isclose(atoms[cells], closure[cells]) & (closure[cells] > 0)
    whole[knowledge.segments[knowledge.counted]] = False
    for segment in np.flatnonzero(whole):
        groups = knowledge.catalogue.cells[segment]
        yield (
            int(segment),
            tuple(
                np.flatnonzero(touched[group])
                for touched, group in zip(touches, groups, strict=True)
            ),
        )


def _over_groups(in_cell: Integers, parts: list[np.ndarray]) -> np.ndarray:
    """Sums over the groups of every dimension: group x group x ..."""
    total = in_cell.astype(float)
    for part in parts:
        total = np.tensordot(total, part.astype(float), axes=([0], [1]))
    return total


def is_told(
    knowledge: Knowledge, weights: Integers, people: int, is_known: Callable[[Flags], bool]
) -> bool:
    """Whether a solution is none: figures add up to the classes, or their sum is known anyway.

    Where nobody is in the atoms of one class, or nobody beyond one certain person in each, not
    only their sum is solved but each atom, and figures that add up to the class are no excuse.
    """
    chosen = np.flatnonzero(weights)
    atoms = knowledge.atoms(chosen)
    if len(chosen) > 1 or people or knowledge.sizes[chosen].sum() == 1:
        return _is_sum_of_figures(knowledge, weights) or is_known(atoms)
    alone = [np.arange(atoms.size) == atom for atom in np.flatnonzero(atoms)]
    return all(is_known(atom.reshape(atoms.shape)) for atom in alone)


def _is_sum_of_figures(knowledge: Knowledge, weights: Integers) -> bool:
    """Whether published figures inside the set add up to it, in whole or in equal parts."""
    members = knowledge.members
    within = members @ weights == np.diff(members.indptr)
    inside = np.flatnonzero(within & knowledge.counted)
    classes = np.flatnonzero(weights)
    if not len(inside):
        return False
    matrix = sparse.csc_array(members[inside][:, classes].T)
    once = np.ones(len(classes), dtype=np.int64)
    outcome = Program(matrix, once, once, np.full(len(inside), np.inf)).minimise(
        np.zeros(len(inside))
    )
    if not outcome.found:
        return False
    for parts in (1, 2, 3, 4, 6, 12):
        shares = np.rint(outcome.values * parts).astype(np.int64)
        if (shares >= 0).all() and (matrix @ shares == parts).all():
            return True
    return False
