"""Exact solution: suppressed segments and cells whose count follows from the figures.

This is what is left to promise with `inference_k: 0`. A count is not determined as soon as two
tables that fit the figures differ in it; a few tables tell nearly all counts apart, so few programs
are left to solve. Sums of published figures are no disclosure: whoever adds up learns of no group
smaller than the published ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from anonymizer.audit import attack_limits
from anonymizer.audit.findings import Finding
from anonymizer.audit.knowledge import Knowledge
from anonymizer.audit.reports import Reporter
from anonymizer.feasible.bounds import Bounds, Divisible, Proof, Reachable, Undecided, Unreachable
from anonymizer.feasible.elimination import group_dependent_totals
from anonymizer.feasible.ends import SENSES, Ends, Finders
from anonymizer.feasible.fractional_tables import SoughtBounds
from anonymizer.feasible.neighbouring_tables import find_neighbours, reaching
from anonymizer.feasible.solver import Program, Reals
from anonymizer.feasible.start import first_tables
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.totals import uncut_segments
from anonymizer.feasible.work import meter

_HALF = 0.5


@dataclass(frozen=True)
class ExactDisclosures:
    """What was found, and sets of classes of which neither was shown: settled, or open."""

    findings: tuple[Finding, ...]
    undecided: tuple[Integers, ...] = ()


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


def find_exact_disclosures(
    knowledge: Knowledge, finders: Finders, reporter: Reporter, is_known: Callable[[Flags], bool]
) -> ExactDisclosures:
    """Every suppressed segment and every cell with one possible count.

    Sets of cells whose count `is_known` are passed over. A class of several cells is reported only
    when it must be empty: what its cells count one by one stays open otherwise.
    """
    tables = _some_tables(knowledge, finders, reporter)
    if isinstance(tables, Finding):
        return ExactDisclosures((tables,))
    if not tables:
        return ExactDisclosures((), tuple(np.flatnonzero(knowledge.covered)[:, None]))
    ids, totals = _targets(knowledge)
    judged = _judge(knowledge, finders, totals, tables)
    if judged.impossible.any():
        return ExactDisclosures((reporter.no_whole_table(),))
    findings: list[Finding] = []
    undecided = [totals[[row]].indices for row in np.flatnonzero(judged.unproved).tolist()]
    empty, work = np.zeros(knowledge.classes, dtype=bool), meter()
    for row in np.flatnonzero(judged.determined).tolist():
        weights, people = totals[[row]].toarray()[0], int(judged.people[row])
        several = not ids[row] and people > 0 and knowledge.sizes[weights > 0].sum() > 1
        follows = not weights[~empty].any()
        if several or follows or _is_stated(knowledge, weights, people, is_known):
            continue
        verdict = finders.bounds.decide(weights, people + 1, whole=finders.whole)
        if work.exhausted:  # it may be a sum of figures, after all
            undecided.append(totals[[row]].indices)
            continue
        empty |= (weights > 0) & (people == 0)
        proof = verdict if isinstance(verdict, Proof) else None
        findings.append(reporter.exact_disclosure(ids[row], np.flatnonzero(weights), people, proof))
    return ExactDisclosures(tuple(findings), tuple(undecided))


def _some_tables(
    knowledge: Knowledge, finders: Finders, reporter: Reporter
) -> Sequence[Integers | Reals] | Finding:
    """Tables that fit, of whole people where these decide; none if none was found."""
    if not finders.whole:
        if finders.fractional.middle is not None:
            return (finders.fractional.middle,)
        proof = finders.bounds.contradiction()
        return () if proof is None else reporter.no_table(proof)
    found = () if knowledge.rigid else first_tables(knowledge, knowledge.sizes.astype(float))
    if tables := tuple(table for table in found if knowledge.allows(table)):
        return tables
    table = fit_some_table(finders.bounds, reporter)
    if table is None or isinstance(table, Finding):
        return table if table is not None and table.kind != "unproved" else ()
    return (table,)


def _targets(knowledge: Knowledge) -> tuple[list[tuple[str, ...]], sparse.csr_array]:
    """Sets of covered classes that may be solved, and the ids of the segments that each is.

    Segments without a figure that cut no class, then single classes. A segment that cuts a class
    can count differently without any figure changing, unless the class is empty, which is
    reported by itself.
    """
    atoms = np.flatnonzero(knowledge.possible)
    uncut = uncut_segments(knowledge.catalogue, atoms, knowledge.class_of.ravel()[atoms])
    without = np.setdiff1d(uncut, knowledge.segments[knowledge.counted])
    inside = knowledge.atoms_in_classes(without)
    lengths, uncovered = np.diff(inside.indptr), (~knowledge.covered).astype(np.int64)
    kept = (inside @ uncovered == 0) & (lengths > 0)
    ids: dict[bytes, list[str]] = {}
    for segment, start, end in zip(
        without[kept], inside.indptr[:-1][kept], inside.indptr[1:][kept], strict=True
    ):
        key = inside.indices[start:end].astype(np.int64).tobytes()
        ids.setdefault(key, []).append(knowledge.catalogue.id(int(segment)))
    for chosen in np.flatnonzero(knowledge.covered & ~_stated(knowledge)).tolist():
        ids.setdefault(np.int64(chosen).tobytes(), [])
    columns = [np.frombuffer(key, dtype=np.int64) for key in ids]
    ends = np.cumsum([0, *map(len, columns)])
    positions = np.concatenate([np.zeros(0, np.int64), *columns])
    shape = (len(columns), knowledge.classes)
    totals = sparse.csr_array((np.ones(len(positions), np.int64), positions, ends), shape=shape)
    return [tuple(names) for names in ids.values()], totals


def _stated(knowledge: Knowledge) -> Flags:
    """Cells with a figure of their own: that their count is known is no disclosure.

    Of a class of several cells it may be one what each of them counts.
    """
    members = knowledge.members
    own = np.flatnonzero((np.diff(members.indptr) == 1) & knowledge.counted)
    stated = np.zeros(knowledge.classes, dtype=bool)
    stated[members.indices[members.indptr[own]]] = True
    single: Flags = stated & (knowledge.sizes == 1)
    return single


@dataclass(frozen=True)
class _SumVerdicts:
    """Of sums: `determined`, or `impossible` in whole people; `unproved` if neither, nor open.

    `people` are those of the settled ones.
    """

    determined: Flags
    people: Integers
    impossible: Flags
    unproved: Flags


def _judge(
    knowledge: Knowledge,
    finders: Finders,
    totals: sparse.csr_array,
    tables: Sequence[Integers | Reals],
) -> _SumVerdicts:
    """Which sums have one count; those that move together are settled together."""
    shared = group_dependent_totals(totals, knowledge.null_space)
    ends = Ends(finders, totals[shared.first])
    if finders.whole:
        _learn_whole(knowledge, ends, [table.astype(np.int64) for table in tables])
    else:
        random = np.random.default_rng(attack_limits.DISCLOSURE_SEED)
        ends.approach(lambda: _farther(ends, random))
    determined, given_up = np.zeros((2, len(shared.first)), dtype=bool)
    work = meter()
    for row in np.flatnonzero(~ends.apart()).tolist():
        if work.exhausted or (given_up.sum() > attack_limits.UNDECIDED_TOTALS and not work.limited):
            break
        if not ends.apart()[row]:
            determined[row] = _is_determined(ends, finders, row)
            given_up[row] = not determined[row] and not ends.apart()[row]
    least, most = ends.proved[-1], ends.proved[1]
    people = np.where(finders.whole, ends.seen[1], most)
    impossible = most < least
    unproved = ~(ends.apart() | determined | impossible)
    stated = shared.offset(totals, tables[0]) + shared.sign * people[shared.of]
    return _SumVerdicts(determined[shared.of], stated, impossible[shared.of], unproved[shared.of])


def _learn_whole(knowledge: Knowledge, ends: Ends, tables: Sequence[Integers]) -> None:
    """Tables, and others that have one person more in a class of which counts are still equal."""
    for table in tables:
        ends.learn(table)
    first, equal = tables[0], np.unique(ends.totals[np.flatnonzero(~ends.apart())].indices)
    near = find_neighbours(knowledge, first, reaching(first, first + 1, equal))
    ends.learn_changes(first, sparse.csr_array(near.changes[near.fitting(knowledge)]))


def _is_determined(ends: Ends, finders: Finders, row: int) -> bool:
    """Whether a sum is proved to have one count; else tables that show another may be learned."""
    for sense in SENSES:
        ends.narrow(row, sense)
    if ends.proved[-1][row] == ends.proved[1][row]:
        return True
    if not finders.whole or ends.apart()[row]:
        return False
    people = int(ends.seen[1][row])
    for sense in SENSES:
        verdict = finders.bounds.decide(sense * ends.weights(row), sense * people + 1)
        if isinstance(verdict, Reachable):
            ends.learn(verdict.table)
        if isinstance(verdict, Reachable | Undecided):
            return False
    return True


def _farther(ends: Ends, random: np.random.Generator) -> SoughtBounds:
    """The next whole number above or below; where there is one between, the one beyond it."""
    open_ = np.flatnonzero(~ends.apart())
    least, greatest = (numbers[open_] for numbers in ends.between())
    one = least == greatest
    above, below = np.where(one, least + 1, least), np.where(one, greatest - 1, greatest)
    up = (below < 0) | (random.random(len(open_)) < _HALF)
    return SoughtBounds(ends.totals[open_], np.where(up, above, below), up)


def _is_stated(
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
