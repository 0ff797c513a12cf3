"""Exact solution in tables too large for integer programming: people may be divided.

A sum of classes is settled if its least and its most people are the same, both proved by sums
of figures. It is open as soon as two tables with parts of people differ in it, and a few tables
tell nearly all sums apart, so few programs are left to solve.
"""

from collections.abc import Callable, Iterator

import numpy as np
from scipy import sparse

from anonymizer.audit.bounds import Bounds, Proof
from anonymizer.audit.divided import DividedTables, Wishes
from anonymizer.audit.findings import Finding
from anonymizer.audit.freedom import atoms_in_classes, freedom, together, whole_classes
from anonymizer.audit.knowledge import Flags, Integers, Knowledge
from anonymizer.audit.reports import Reporter
from anonymizer.audit.solved import is_told
from anonymizer.audit.solver import Reals

_SEED = 20_261_122
_HALF = 0.5
_NEARLY = 1e-6


def find_settled(
    divided: DividedTables, reporter: Reporter, is_known: Callable[[Flags], bool]
) -> Iterator[Finding]:
    """Every withheld segment and every atom with one possible count, as far as sums show it.

    Sets of atoms whose count `is_known` are passed over.
    """
    knowledge = divided.knowledge
    if divided.middle is None:
        proof = Bounds(knowledge).contradiction()
        yield reporter.no_table_found() if proof is None else reporter.no_table(proof)
        return
    bounds = Bounds(knowledge, start=divided.middle)
    segments, sums = _sums(knowledge)
    empty = np.zeros(knowledge.classes, dtype=bool)
    for row in np.flatnonzero(_settled(bounds, divided, sums)).tolist():
        weights = sums[[row]].toarray()[0]
        people = bounds.most(weights)[0]
        is_segment = row < len(segments)
        # Of a class of several atoms that is no segment, what each of them counts stays open.
        if not weights[~empty].any() or (
            not is_segment and people and knowledge.sizes[weights > 0].sum() > 1
        ):
            continue
        if is_told(knowledge, weights, people, is_known):
            continue
        empty |= (weights > 0) & (people == 0)
        ids = (knowledge.catalogue.id(segments[row]),) if is_segment else ()
        yield _finding(reporter, bounds, weights, ids)


def _finding(
    reporter: Reporter, bounds: Bounds, weights: Integers, ids: tuple[str, ...]
) -> Finding:
    people, classes = bounds.most(weights)[0], np.flatnonzero(weights)
    verdict = bounds.decide(weights, people + 1, whole=False)
    return reporter.solved(ids, classes, people, verdict if isinstance(verdict, Proof) else None)


def _sums(knowledge: Knowledge) -> tuple[list[int], sparse.csr_array]:
    """Covered segments without a figure that cut no class, and single covered classes."""
    figures = knowledge.segments[knowledge.counted]
    without = np.setdiff1d(np.arange(len(knowledge.catalogue)), figures)
    inside = atoms_in_classes(knowledge, without)
    whole = whole_classes(knowledge, inside)
    lengths = np.diff(inside.indptr)
    covered = whole @ knowledge.covered.astype(np.int64) == lengths
    wanted = covered & (lengths > 0)
    classes = np.flatnonzero(knowledge.covered & ~_told(knowledge))
    classes = np.setdiff1d(classes, whole[wanted & (lengths == 1)].indices)
    single = sparse.csr_array(sparse.eye_array(knowledge.classes, dtype=np.int64))[classes]
    rows = sparse.csr_array(sparse.vstack([whole[wanted], single]))
    return without[wanted].tolist(), rows


def _told(knowledge: Knowledge) -> Flags:
    """Classes with a figure of their own: that their count is known is no disclosure.

    Where several of their atoms have somebody for certain, it may be one what each of them counts.
    """
    members = knowledge.members
    own = np.flatnonzero((np.diff(members.indptr) == 1) & knowledge.counted)
    told = np.zeros(knowledge.classes, dtype=bool)
    told[members.indices[members.indptr[own]]] = True
    return told & (knowledge.certain <= 1)


def _settled(bounds: Bounds, divided: DividedTables, sums: sparse.csr_array) -> Flags:
    shared = together(sums, freedom(divided.knowledge))
    first = sums[shared.first]
    settled = ~_apart(divided, first)
    for row in np.flatnonzero(settled).tolist():
        weights = first[[row]].toarray()[0]
        settled[row] = bounds.most(weights)[0] == -bounds.most(-weights)[0]
    found: Flags = settled[shared.of]
    return found


def _apart(divided: DividedTables, sums: sparse.csr_array) -> Flags:
    """Sums with two whole numbers of people between what they have in tables that fit."""
    random = np.random.default_rng(_SEED)
    fewest = sums @ divided.middle
    most = fewest.copy()

    def apart() -> tuple[Flags, Reals, Reals]:
        inner, outer = np.ceil(fewest - _NEARLY), np.floor(most + _NEARLY)
        return outer > inner, inner, outer

    def farther() -> Wishes:
        """The next whole number above or below; where there is one between, the one beyond it."""
        done, inner, outer = apart()
        open_ = np.flatnonzero(~done)
        inner, outer = inner[open_], outer[open_]
        above, below = np.where(inner == outer, (inner + 1, outer - 1), (inner, outer))
        up = (below < 0) | (random.random(len(open_)) < _HALF)
        return Wishes(sums[open_], np.where(up, above, below), up)

    for table in divided.towards(farther):
        people = sums @ table
        np.minimum(fewest, people, out=fewest)
        np.maximum(most, people, out=most)
    return apart()[0]
