"""The tightest interval of every segment, and which segments are shown to be too small.

Segments that exact figures tie together (two siblings whose parent is published) share one pair of
ends, and every table found narrows what is left to do for all.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from anonymizer.audit.knowledge import Knowledge
from anonymizer.feasible.elimination import group_dependent_totals
from anonymizer.feasible.ends import SENSES, Ends, Finders
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.work import meter

UNBOUNDED = -1


@dataclass(frozen=True)
class Intervals:
    """Of each segment (a row of the catalogue) the fewest and the most people that fit.

    `highest` is UNBOUNDED where no figure covers a part of the segment. An end that is not
    reached is proved, but a tighter one might be.
    """

    segments: Integers
    lowest: Integers
    highest: Integers
    lowest_reached: Flags
    highest_reached: Flags


def tightest(knowledge: Knowledge, finders: Finders, segments: Integers) -> Intervals:
    """Intervals of segments that have possible atoms, of figures that some table fits.

    fractional tables are a help in large tables: an end that one of these has is the best that sums
    of figures can show. Where the work ends early, ends are proved all the same, but wide.
    """
    return _tightest(knowledge, finders, segments, knowledge.atoms_in_classes(segments))


def has_one_count(known: Knowledge, finders: Finders, atoms: Flags) -> bool:
    """Whether the figures leave one count only to a set of atoms (of the catalogue's shape)."""
    classes, counts = np.unique(known.class_of[atoms & known.possible], return_counts=True)
    inside = sparse.csr_array((counts, classes, [0, len(classes)]), shape=(1, known.classes))
    ends = _tightest(known, finders, np.zeros(1, dtype=np.int64), inside)
    return bool(ends.lowest[0] == ends.highest[0])


def _tightest(
    knowledge: Knowledge, finders: Finders, segments: Integers, inside: sparse.csr_array
) -> Intervals:
    certain, covered = inside @ knowledge.certain_in_atom, knowledge.covered.astype(np.int64)
    touched = _in_ones(inside)
    # What cuts a class may have all of its people, or none but the certain.
    parts = (knowledge.whole_classes(inside), touched)
    totals = sparse.csr_array(sparse.vstack([_multiplied(part, covered) for part in parts]))
    ends, reached = _shared_ends(finders, totals)
    bounded, count = touched @ (1 - covered) == 0, len(segments)
    return Intervals(
        segments,
        ends[-1][:count] + certain,
        np.where(bounded, ends[1][count:] + certain, UNBOUNDED),
        reached[-1][:count],
        reached[1][count:] & bounded,
    )


def _shared_ends(
    finders: Finders, totals: sparse.csr_array
) -> tuple[dict[int, Integers], dict[int, Flags]]:
    """The ends of sums by sense, and which are reached; sums that move together share theirs."""
    system, middle = finders.system, finders.fractional.middle
    if middle is None:
        nothing = np.zeros(totals.shape[0], dtype=np.int64)
        return {-1: nothing, 1: totals @ system.caps}, dict.fromkeys(SENSES, nothing > 0)
    shared = group_dependent_totals(totals, system.null_space)
    ends = Ends(finders, totals[shared.first])
    if not finders.whole:
        ends.approach_ends()
    ends.tighten()
    offset, up = shared.offset(totals, middle), shared.sign > 0
    proved = {sense: ends.proved[sense][shared.of] for sense in SENSES}
    reached = {sense: ends.reached(sense)[shared.of] for sense in SENSES}
    return (
        {sense: offset + np.where(up, proved[sense], -proved[-sense]) for sense in SENSES},
        {sense: np.where(up, reached[sense], reached[-sense]) for sense in SENSES},
    )


def _in_ones(inside: sparse.csr_array) -> sparse.csr_array:
    touched = inside.copy()
    touched.data = np.ones_like(inside.data)
    return touched


def _multiplied(weights: sparse.csr_array, classes: Integers) -> sparse.csr_array:
    product = sparse.csr_array(weights * classes[None, :])
    product.eliminate_zeros()
    return product


@dataclass(frozen=True)
class Evidence:
    """Groups of classes with the most people that they have together, and tables that fit.

    Certain people are not counted.
    """

    groups: tuple[tuple[Integers, int], ...] = ()
    tables: tuple[Integers, ...] = ()


@dataclass(frozen=True)
class Smallness:
    """Of segments: `small` are shown to have fewer people than asked, `undecided` are left open."""

    small: Flags
    undecided: Flags


def smaller_than(
    knowledge: Knowledge, finders: Finders, segments: Integers, people: int, evidence: Evidence
) -> Smallness:
    """Which segments (rows of the catalogue) are shown to have fewer people than this.

    What was proved of groups around them and tables that are at hand decide nearly all of them.
    """
    inside = knowledge.atoms_in_classes(segments)
    certain, touched = inside @ knowledge.certain_in_atom, _in_ones(inside)
    seen = np.zeros(len(segments), dtype=np.int64)
    for table in evidence.tables:
        np.maximum(seen, touched @ table, out=seen)
    open_ = (touched @ (~knowledge.covered).astype(np.int64) == 0) & (certain < people)
    small = open_ & (_most_in_groups(touched, evidence) + certain < people)
    open_ &= ~small & (seen + certain < people)
    work = meter()
    for row in np.flatnonzero(open_).tolist():
        if work.exhausted:
            break
        most, _ = finders.bounds.most(touched[[row]].toarray()[0])
        small[row], open_[row] = most + certain[row] < people, False
    return Smallness(small, open_)


def _most_in_groups(touched: sparse.csr_array, evidence: Evidence) -> Integers:
    """The least people that any group around a segment has at most."""
    ends = np.cumsum([0, *(len(classes) for classes, _ in evidence.groups)])
    columns = np.concatenate([np.zeros(0, np.int64), *(classes for classes, _ in evidence.groups)])
    shape = len(evidence.groups), touched.shape[1]
    groups = sparse.csr_array((np.ones(len(columns), np.int64), columns, ends), shape=shape)
    shared = (touched @ groups.T).tocoo()
    within = shared.data == np.diff(touched.indptr)[shared.row]
    people = np.array([people for _, people in evidence.groups], dtype=np.int64)
    most = np.full(touched.shape[0], np.iinfo(np.int64).max // 2)
    np.minimum.at(most, shared.row[within], people[shared.col[within]])
    return most
