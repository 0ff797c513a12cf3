"""Exact solution in tables too large for integer programming: people may be divided.

A sum of classes is settled if its least and its most people are the same, both proved by sums
of figures. It is open as soon as two tables with parts of people differ in it, and a few tables
tell nearly all sums apart, so few programs are left to solve.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from anonymizer.audit.bounds import Bounds, Proof
from anonymizer.audit.divided import NEARLY, DividedTables, Seen, Wishes
from anonymizer.audit.findings import Finding
from anonymizer.audit.freedom import atoms_in_classes, freedom, together, whole_classes
from anonymizer.audit.knowledge import Knowledge
from anonymizer.audit.reports import Reporter
from anonymizer.audit.solved import Solved, is_told, undecided_all
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.work import meter

_SEED = 20_261_122
_HALF = 0.5


def find_settled(
    divided: DividedTables, reporter: Reporter, is_known: Callable[[Flags], bool]
) -> Solved:
    """Every withheld segment and every atom with one possible count, as far as sums show it.

    Sets of atoms whose count `is_known` are passed over.
    """
    knowledge = divided.knowledge
    if divided.middle is None:
        proof = Bounds(knowledge).contradiction()
        return undecided_all(knowledge) if proof is None else Solved((reporter.no_table(proof),))
    bounds = Bounds(knowledge, start=divided.middle)
    segments, sums = _sums(knowledge)
    judged = _judge(bounds, divided, sums)
    if judged.impossible.any():
        return Solved((reporter.no_whole_table(),))
    findings: list[Finding] = []
    empty = np.zeros(knowledge.classes, dtype=bool)
    for row in np.flatnonzero(judged.settled).tolist():
        weights = sums[[row]].toarray()[0]
        people = int(judged.people[row])
        is_segment = row < len(segments)
        # Of a class of several atoms that is no segment, what each of them counts stays open.
        alone = not is_segment and people > 0 and knowledge.sizes[weights > 0].sum() > 1
        follows = not weights[~empty].any()
        if alone or follows or is_told(knowledge, weights, people, is_known):
            continue
        empty |= (weights > 0) & (people == 0)
        ids = (knowledge.catalogue.id(segments[row]),) if is_segment else ()
        verdict = bounds.decide(weights, people + 1, whole=False)
        proof = verdict if isinstance(verdict, Proof) else None
        findings.append(reporter.solved(ids, np.flatnonzero(weights), people, proof))
    undecided = (sums[[row]].indices for row in np.flatnonzero(judged.unproved).tolist())
    return Solved(tuple(findings), tuple(undecided))


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
    """Atoms with a figure of their own: that their count is known is no disclosure.

    Of a class of several atoms it may be one what each of them counts.
    """
    members = knowledge.members
    own = np.flatnonzero((np.diff(members.indptr) == 1) & knowledge.counted)
    told = np.zeros(knowledge.classes, dtype=bool)
    told[members.indices[members.indptr[own]]] = True
    single: Flags = told & (knowledge.sizes == 1)
    return single


@dataclass(frozen=True)
class _Judged:
    """Of sums: `settled`, or `impossible` in whole people; `unproved` if neither, nor open.

    `people` are those of the settled ones.
    """

    settled: Flags
    people: Integers
    impossible: Flags
    unproved: Flags


def _judge(bounds: Bounds, divided: DividedTables, sums: sparse.csr_array) -> _Judged:
    shared = together(sums, freedom(divided.knowledge))
    seen = _seen_apart(divided, sums[shared.first])
    settled, impossible = np.zeros((2, len(shared.first)), dtype=bool)
    people = np.zeros(len(shared.first), dtype=np.int64)
    work = meter()
    for row in np.flatnonzero(~_apart(seen)).tolist():
        if work.exhausted:
            break
        if _apart(seen)[row]:
            continue
        weights = seen.sums[[row]].toarray()[0]
        (most, with_most), (fewest, with_fewest) = bounds.most(weights), bounds.most(-weights)
        settled[row], impossible[row], people[row] = most == -fewest, most < -fewest, most
        for table in (with_most, with_fewest):
            if table is not None:
                seen.learn(table)
    unproved = ~(_apart(seen) | settled | impossible)
    # What sums that move together differ by is the same in every table, and whole.
    table, turned = divided.middle, shared.sign * people[shared.of]
    apart = np.rint(sums @ table - shared.sign * (sums[shared.first] @ table)[shared.of])
    told = apart.astype(np.int64) + turned
    return _Judged(settled[shared.of], told, impossible[shared.of], unproved[shared.of])


def _whole_between(seen: Seen) -> tuple[Reals, Reals]:
    """The least and the greatest whole number of people in what was seen; crossed if none is."""
    return np.ceil(seen.fewest - NEARLY), np.floor(seen.most + NEARLY)


def _apart(seen: Seen) -> Flags:
    """Sums with two whole numbers of people between what they have in tables that fit."""
    least, greatest = _whole_between(seen)
    return np.asarray(greatest > least)


def _seen_apart(divided: DividedTables, sums: sparse.csr_array) -> Seen:
    """Sums in tables that tell them apart, as far as they can be."""
    random = np.random.default_rng(_SEED)
    seen = divided.seen(sums)

    def farther() -> Wishes:
        """The next whole number above or below; where there is one between, the one beyond it."""
        open_ = np.flatnonzero(~_apart(seen))
        least, greatest = (ends[open_] for ends in _whole_between(seen))
        one = least == greatest
        above, below = np.where(one, least + 1, least), np.where(one, greatest - 1, greatest)
        up = (below < 0) | (random.random(len(open_)) < _HALF)
        return Wishes(sums[open_], np.where(up, above, below), up)

    for table in divided.towards(farther):
        seen.learn(table)
    return seen
