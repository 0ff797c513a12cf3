"""The gate: figures are checked before they can be published.

    Counted --suppression--> Suppressed --check--> Checked --publishing--> Release

`Checked` is made by `check` alone, which runs the independent checker over counts, figures and
proofs; a `Release` is read from a folder that the ledger recorded. So nothing downstream can be
handed figures that were not checked and written down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.audit.checker import check_release, check_state
from anonymizer.audit.findings import Finding
from anonymizer.audit.history.join import Join
from anonymizer.audit.history.linked_suppression import withhold_joined
from anonymizer.audit.history.public_table import PublicTable, read_public_tables
from anonymizer.audit.history.related_releases import joins_of, joins_of_editions
from anonymizer.audit.linked_checker import check_linked
from anonymizer.audit.linked_tables import (
    Links,
    as_known,
    new_table,
    released_tables,
    shared_outcomes,
)
from anonymizer.model.errors import Disclosure, Held
from anonymizer.model.periods import Period
from anonymizer.model.policy import Promise
from anonymizer.model.proofs import Claim, LinkedProof, Representatives, Witnesses
from anonymizer.model.segments import Catalogue
from anonymizer.model.series import Series
from anonymizer.model.subjects import Campaign, Subject, Topic
from anonymizer.model.tables import Counted, Figures, SubjectKind, TableKey
from anonymizer.release.near_state import NearHistory
from anonymizer.release.release import Release
from anonymizer.storage.processes import Workers
from anonymizer.suppression.release_suppression import (
    ReleaseTerms,
    Suppressed,
    claim_of,
    follow_leaders,
    state_of,
)

_SEAL = object()
Overlaps = Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class ReleaseHistory:
    """What a release is compared with.

    `near` has the groups judged before (promise 8). `linked` are earlier releases whose tables may
    contain the new ones or be contained in them. `subjects` are the public facts of its own tables,
    `overlaps` how many people two of them share, by (smaller, larger) subject id.
    """

    near: NearHistory
    linked: Sequence[Release]
    subjects: Sequence[Subject]
    overlaps: Overlaps


@dataclass(frozen=True)
class Comparison:
    """What came of comparing with earlier releases: `linked` by their ids, `near` by its digest.

    `roundings` are those of the releases with which figures may have been shared. `evidence` quotes
    figures that are not published: it is for `private/findings` alone.
    """

    linked: tuple[str, ...]
    near: str
    roundings: tuple[int, ...]
    links: int
    suppressed: int
    evidence: tuple[Finding, ...]


@dataclass(frozen=True)
class Checked:
    """Figures that the checker accepted, and under which promise. Only `check` makes one.

    `witnesses` are the proofs, one a table, `linked` those of linked tables. `state` is what later
    releases are judged against: with it the sizes of groups, it stays in `private/`. No other true
    count is kept here.
    """

    kind: SubjectKind
    period: Period
    figures: tuple[Figures, ...]
    catalogue: Catalogue
    promise: Promise
    comparison: Comparison
    state: Representatives
    witnesses: tuple[Witnesses, ...]
    linked: tuple[LinkedProof, ...]
    edition: int = 1
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("Checked is made by check alone; building one would skip a step")

    @property
    def series(self) -> Series:
        """The series that the tables belong to."""
        return Series(self.kind, self.period.kind)

    @property
    def release_id(self) -> str:
        """The id of the release that it becomes."""
        return self.series.release_id(self.period, self.edition)

    @property
    def summary(self) -> Mapping[str, Any]:
        """What the ledger says of the check; counts only."""
        return {
            "findings": 0,
            "tables": len(self.figures),
            "figures": sum(len(table.segments) for table in self.figures),
            "witnesses": sum(proof.changes.shape[0] for proof in self.witnesses),
            "linked_witnesses": sum(p.witnesses.changes.shape[0] for p in self.linked),
            "linked_releases": len(self.comparison.linked),
            "links": self.comparison.links,
            "suppressed_for_links": self.comparison.suppressed,
            "representatives": len(self.state),
        }


def check(
    tables: Sequence[Suppressed],
    counted: Sequence[Counted],
    terms: ReleaseTerms,
    history: ReleaseHistory,
    workers: Workers,
) -> Checked:
    """What may be published of the tables of one release.

    Figures that reveal too small a group only together with linked tables are suppressed; what is
    left is verified by the checker. Raises Disclosure with every broken rule, Held when the tables
    do not belong together or a worker was killed.
    """
    first = _keys_of_one_release(tables, counted)[0]
    left, comparison, linked = _compared(tuple(tables), counted, terms, history, workers)
    state = state_of(left, terms.promise)
    claims = [claim_of(table, truth) for table, truth in zip(left, counted, strict=True)]
    earlier = history.near.releases()
    findings = (
        *check_release(claims, earlier, terms.catalogue, terms.promise, terms.secret.draw),
        *check_state(state, claims, terms.catalogue, terms.promise),
        *check_linked(_links(claims, terms, history), linked, _floor(terms.promise)),
    )
    if findings:
        raise Disclosure(findings)
    return Checked(
        first.kind,
        first.period,
        tuple(table.figures for table in left),
        terms.catalogue,
        terms.promise,
        comparison,
        state,
        tuple(table.witnesses for table in left),
        linked,
        first.edition,
        seal=_SEAL,
    )


def _compared(
    tables: tuple[Suppressed, ...],
    counted: Sequence[Counted],
    terms: ReleaseTerms,
    history: ReleaseHistory,
    workers: Workers,
) -> tuple[tuple[Suppressed, ...], Comparison, tuple[LinkedProof, ...]]:
    """The tables without what they reveal only together with linked ones, and the proof of that."""
    catalogue, promise = terms.catalogue, terms.promise
    new = _public(tables, counted, terms, history)
    earlier = [
        table
        for release in history.linked
        for table in read_public_tables(
            release, {s.id: _bearing(s) for s in release.subjects}, catalogue.dimensions
        )
    ]
    standing = _standing(tables, earlier, catalogue)
    of_old = {old.key for old in standing}
    others = [table for table in earlier if table.key not in of_old]

    def joins(public: Sequence[PublicTable]) -> tuple[Join, ...]:
        return (*joins_of(public, others), *joins_of_editions(public, standing))

    clearing = _Clearing(tables, new)
    # What is suppressed can bring tables together that a figure kept apart, or leave an earlier
    # edition to say what the new one does not say any more.
    while not clearing.covers(wanted := joins(clearing.public)):
        clearing = clearing.next(wanted, _floor(promise), workers)
    comparison = Comparison(
        tuple(release.id for release in history.linked),
        history.near.digest,
        history.near.roundings,
        len(clearing.joins),
        clearing.suppressed,
        clearing.evidence,
    )
    return clearing.tables, comparison, clearing.proofs


def _public(
    tables: Sequence[Suppressed],
    counted: Sequence[Counted],
    terms: ReleaseTerms,
    history: ReleaseHistory,
) -> tuple[PublicTable, ...]:
    """The new tables as readers will see them."""
    facts = {subject.id: _bearing(subject) for subject in history.subjects}
    relations = _relations(counted, history.overlaps, terms.promise.step)
    error = _error(terms, history)
    return tuple(
        PublicTable(
            table.figures,
            terms.catalogue,
            terms.promise,
            truth.possible,
            error,
            **{**_without_regions(facts, truth.key), **relations[truth.key.subject_id]},
        )
        for table, truth in zip(tables, counted, strict=True)
    )


@dataclass(frozen=True)
class _Clearing:
    """The new tables, as suppressed and as readers see them, cleared of what `joins` reveal."""

    tables: tuple[Suppressed, ...]
    public: tuple[PublicTable, ...]
    joins: tuple[Join, ...] = ()
    proofs: tuple[LinkedProof, ...] = ()
    suppressed: int = 0
    evidence: tuple[Finding, ...] = ()

    def covers(self, wanted: Sequence[Join]) -> bool:
        """Whether the tables are cleared of all of these."""
        return {_tables_of(join) for join in wanted} <= {_tables_of(join) for join in self.joins}

    def next(self, joins: tuple[Join, ...], floor: int, workers: Workers) -> "_Clearing":
        """The tables without what these joins reveal, and without followers of what went."""
        left = withhold_joined(joins, self.public, floor, workers)
        after = follow_leaders(
            [
                table.without(_gone(table.figures, public.figures))
                for table, public in zip(self.tables, left.tables, strict=True)
            ]
        )
        seen = zip(left.tables, after, strict=True)
        return _Clearing(
            after,
            tuple(replace(public, figures=table.figures) for public, table in seen),
            joins,
            left.proofs,
            self.suppressed + left.figures,
            (*self.evidence, *left.findings, *left.beyond_help),
        )


def _tables_of(join: Join) -> frozenset[TableKey]:
    return frozenset(table.key for table in join.tables)


def _links(claims: Sequence[Claim], terms: ReleaseTerms, history: ReleaseHistory) -> Links:
    """What the checker reads of the tables that may be linked."""
    runs = {s.id: (s.starts_on, s.ends_on) for s in history.subjects if isinstance(s, Campaign)}
    always, error = (date.min, date.max), _error(terms, history)
    new = [
        new_table(
            claim.figures,
            claim.counted.possible,
            terms.catalogue,
            terms.promise,
            error,
            runs.get(claim.counted.key.subject_id, always),
        )
        for claim in claims
    ]
    dimensions = terms.catalogue.dimensions
    earlier = [t for release in history.linked for t in released_tables(release, dimensions)]
    shared = {claim.counted.key.first: shared_outcomes(claim, terms.catalogue) for claim in claims}
    counted = [claim.counted for claim in claims]
    known = (*new, *as_known(earlier, shared))
    return Links.of(known, counted, history.overlaps, terms.promise.step)


def _floor(promise: Promise) -> int:
    """Where only exact solutions are forbidden, nobody may be shown to be absent all the same."""
    return max(promise.inference_floor, 1)


def _error(terms: ReleaseTerms, history: ReleaseHistory) -> int:
    """How far a new figure is from the true number of people, at most."""
    return terms.promise.error_of((terms.promise.rounding, *history.near.roundings))


def _standing(
    tables: Sequence[Suppressed], earlier: Sequence[PublicTable], catalogue: Catalogue
) -> tuple[PublicTable, ...]:
    """Of earlier editions of the new tables the figures whose groups are near to the new ones.

    A group that shares the outcome of an earlier release, where its own edition has that figure.
    """
    outcomes = {table.figures.key.first: _shared_outcomes(table, catalogue) for table in tables}
    standing = []
    for old in earlier:
        if old.key.first in outcomes:
            shared = outcomes[old.key.first]
            figures = zip(old.figures.segments.tolist(), old.figures.people.tolist(), strict=True)
            gone = [row for row, n in figures if shared.get(old.catalogue.id(row)) != n]
            standing.append(old.without(np.array(gone, dtype=np.int64)))
    return tuple(standing)


def _shared_outcomes(table: Suppressed, catalogue: Catalogue) -> Mapping[str, int]:
    """By segment id the outcome of the group of an earlier release that its group is near to."""
    rows, outcomes = table.judged.groups.segments.tolist(), table.judged.earlier.tolist()
    return {catalogue.id(row): outcome for row, outcome in zip(rows, outcomes, strict=True)}


def _gone(before: Figures, after: Figures) -> NDArray[np.int32]:
    gone: NDArray[np.int32] = before.segments[~np.isin(before.segments, after.segments)]
    return gone


def _relations(
    counted: Sequence[Counted], overlaps: Overlaps, step: int
) -> Mapping[str, Mapping[str, frozenset[str]]]:
    """For each subject the others that contain its people, but for fewer than a step, and those
    with whom it shares nobody: who actually visited decides, not what links say.
    """
    people = {table.key.subject_id: int(table.people.sum()) for table in counted}
    inside: dict[str, set[str]] = {subject: set() for subject in people}
    apart = {subject: set(people) - {subject} for subject in people}
    for (one, other), shared in overlaps.items():
        if one not in people or other not in people:
            continue
        apart[one].discard(other)
        apart[other].discard(one)
        if people[one] - shared < step:
            inside[one].add(other)
        if people[other] - shared < step:
            inside[other].add(one)
    return {
        subject: {"inside": frozenset(inside[subject]), "apart": frozenset(apart[subject])}
        for subject in people
    }


def _bearing(subject: Subject) -> dict[str, Any]:
    """What a subject's public facts say of its tables' relation to others."""
    if isinstance(subject, Topic):
        return {}
    return {
        "runs": (subject.starts_on, subject.ends_on),
        "target_regions": subject.target_regions,
    }


def _without_regions(facts: Mapping[str, dict[str, Any]], key: TableKey) -> dict[str, Any]:
    """The same of a table whose possible cells are known from counting."""
    if key.kind == "campaign" and key.subject_id not in facts:
        raise Held("campaigns", f"{key} has no public facts; run its intake again")
    known = facts.get(key.subject_id, {})
    return {name: fact for name, fact in known.items() if name != "target_regions"}


def _keys_of_one_release(
    tables: Sequence[Suppressed], counted: Sequence[Counted]
) -> list[TableKey]:
    keys = [table.figures.key for table in tables]
    if keys != [table.key for table in counted]:
        raise Held("tables", "the figures do not belong to the tables that were counted")
    if len({key.subject_id for key in keys}) != len(keys):
        raise Held("tables", "a subject occurs twice in one release")
    if len({(key.kind, key.period, key.edition) for key in keys}) != 1:
        raise Held("tables", "a release needs tables, all of one kind and one period")
    return keys
