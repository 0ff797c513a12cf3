"""Which segments are shown to have too few people, with as few programs as possible.

What was proved of groups, and tables that are at hand, decide nearly all of them: a segment inside
a group that is shown to be small is small itself, and one that has enough people in a table that
fits is not.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from anonymizer.audit.bounds import Bounds
from anonymizer.audit.freedom import atoms_in_classes
from anonymizer.audit.knowledge import Knowledge
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.work import meter

_UNKNOWN = 2**40  # people


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
    knowledge: Knowledge, segments: Integers, people: int, evidence: Evidence
) -> Smallness:
    """Which segments (rows of the catalogue) are shown to have fewer people than this."""
    inside = atoms_in_classes(knowledge, segments)
    certain = inside @ knowledge.certain_in_atom
    touched = inside.copy()
    touched.data = np.ones_like(inside.data)
    bounded = touched @ (1 - knowledge.covered.astype(np.int64)) == 0
    open_ = bounded & (certain < people)
    small = open_ & (_most_in_groups(touched, evidence) + certain < people)
    open_ &= ~small & (_most_in_tables(touched, evidence) + certain < people)
    bounds, work = Bounds(knowledge), meter()
    for row in np.flatnonzero(open_).tolist():
        if work.exhausted:
            break
        most, _ = bounds.most(touched[[row]].toarray()[0])
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
    most = np.full(touched.shape[0], _UNKNOWN)
    np.minimum.at(most, shared.row[within], people[shared.col[within]])
    return most


def _most_in_tables(touched: sparse.csr_array, evidence: Evidence) -> Integers:
    """The most people that a segment has in any table."""
    most = np.zeros(touched.shape[0], dtype=np.int64)
    for table in evidence.tables:
        np.maximum(most, touched @ table, out=most)
    return most
