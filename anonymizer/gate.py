"""The gate: figures are attacked before they can be published.

    Counted + Figures --audit--> Audited --publishing--> Release

Neither type can be built but by its maker: `audit` attacks before it gives an `Audited`, and
a `Release` is read from a folder that the ledger recorded. So nothing downstream can be handed
figures that were not attacked and written down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass
from typing import Any

from anonymizer.audit.attack import attack
from anonymizer.audit.findings import Finding
from anonymizer.audit.history.related import joins_of
from anonymizer.audit.history.shown import Shown, read_shown
from anonymizer.audit.history.withholding import withhold_joined
from anonymizer.audit.inspection import inspect
from anonymizer.errors import Disclosure, Held
from anonymizer.parallel import ALONE, Workers
from anonymizer.periods import Period
from anonymizer.policy import Promise
from anonymizer.release import Release
from anonymizer.segments import Catalogue
from anonymizer.series import Series
from anonymizer.subjects import Subject, Topic
from anonymizer.tables import Counted, Figures, SubjectKind, TableKey

_SEAL = object()
_LEAST_FIGURES = 10  # the attack takes longer with the square of the figures, and never no time


@dataclass(frozen=True)
class Audited:
    """Figures that withstood the attack, and under which promise. Only `audit` makes one.

    The truth that they were inspected against is not kept here. `joined` says what came of the
    attack together with earlier releases; without one the figures cannot be published.
    """

    kind: SubjectKind
    period: Period
    figures: tuple[Figures, ...]
    catalogue: Catalogue
    promise: Promise
    joined: "Joined | None" = None
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("Audited is made by audit alone; building one would skip a step")

    @property
    def series(self) -> Series:
        """The series that the tables belong to."""
        return Series(self.kind, self.period.kind)

    @property
    def summary(self) -> Mapping[str, Any]:
        """What the ledger says of the audit."""
        return {
            "attacks": ["inspection", "attack"] + ["history"] * (self.joined is not None),
            "findings": 0,
            "tables": len(self.figures),
            "figures": sum(len(table.segments) for table in self.figures),
            **(self.joined.summary if self.joined else {}),
        }


@dataclass(frozen=True)
class History:
    """What a release is attacked together with: earlier releases that bear on it.

    `subjects` are the public facts of its own tables. See `audit.history.related` for which
    releases bear on it.
    """

    earlier: Sequence[Release]
    subjects: Sequence[Subject]


@dataclass(frozen=True)
class Joined:
    """What came of an attack together with earlier releases, `releases` by their ids.

    `evidence` quotes figures that are not published: it is for `private/findings` alone.
    """

    releases: tuple[str, ...]
    joins: int
    withheld: int
    evidence: tuple[Finding, ...]

    @property
    def summary(self) -> Mapping[str, int]:
        """Counts only."""
        return {
            "joined_releases": len(self.releases),
            "joins": self.joins,
            "withheld_for_history": self.withheld,
        }


def audit(
    figures: Sequence[Figures],
    counted: Sequence[Counted],
    catalogue: Catalogue,
    promise: Promise,
    workers: Workers = ALONE,
    history: History | None = None,
) -> Audited:
    """Attack the tables of one release; what withstands may be published.

    Each table is inspected against the truth and then attacked with nothing but what a reader
    sees. With a history they are then attacked together with each other and with what was
    released before; figures that tell something only so are withheld, and what is left is
    attacked again. Raises Disclosure with every finding, Held when the tables do not belong
    together or a worker was killed.
    """
    keys = _keys_of_one_release(figures, counted)
    tables = tuple(figures)
    _withstand(tables, counted, (catalogue, promise), workers)
    joined = None
    if history is not None:
        tables, joined = _withstand_history(tables, counted, (catalogue, promise), history, workers)
    first = keys[0]
    return Audited(first.kind, first.period, tables, catalogue, promise, joined, seal=_SEAL)


def _withstand(
    figures: Sequence[Figures],
    counted: Sequence[Counted],
    terms: tuple[Catalogue, Promise],
    workers: Workers,
) -> None:
    tables = list(zip(figures, counted, strict=True))
    costs = [(_LEAST_FIGURES + len(shown.segments)) ** 2 for shown in figures]
    found = workers.results(_findings, terms, tables, costs)
    findings = [finding for of_table in found for finding in of_table]
    if findings:
        raise Disclosure(findings)


def _withstand_history(
    figures: tuple[Figures, ...],
    counted: Sequence[Counted],
    terms: tuple[Catalogue, Promise],
    history: History,
    workers: Workers,
) -> tuple[tuple[Figures, ...], Joined]:
    """The figures without what they tell only together with others."""
    catalogue, promise = terms
    facts = {subject.id: _bearing(subject) for subject in history.subjects}
    new = [
        Shown(shown, catalogue, promise, truth.possible, **_without_regions(facts, shown.key))
        for shown, truth in zip(figures, counted, strict=True)
    ]
    earlier = [
        table
        for release in history.earlier
        for table in read_shown(
            release, {s.id: _bearing(s) for s in release.subjects}, catalogue.dimensions
        )
    ]
    joins = joins_of(new, earlier)
    # Where only exact solutions are forbidden, nobody may be shown to be absent all the same.
    left = withhold_joined(joins, new, max(promise.inference_floor, 1), workers)
    after = [table.figures for table in left.tables]
    changed = [n for n, shown in enumerate(figures) if len(after[n].segments) < len(shown.segments)]
    _withstand([after[n] for n in changed], [counted[n] for n in changed], terms, workers)
    evidence = (*left.findings, *left.beyond_help)
    names = tuple(release.id for release in history.earlier)
    joined = Joined(names, len(joins), left.figures, evidence)
    return tuple(after), joined


def _bearing(subject: Subject) -> dict[str, Any]:
    """What a subject's facts say of its tables' relation to others."""
    if isinstance(subject, Topic):
        return {}
    return {
        "inside": frozenset(subject.inside),
        "runs": (subject.starts_on, subject.ends_on),
        "target_regions": subject.target_regions,
    }


def _without_regions(facts: Mapping[str, dict[str, Any]], key: TableKey) -> dict[str, Any]:
    """The same of a table whose possible atoms are known from counting."""
    if key.kind == "campaign" and key.subject_id not in facts:
        raise Held("campaigns", f"{key} has no public facts; run its intake again")
    known = facts.get(key.subject_id, {})
    return {name: fact for name, fact in known.items() if name != "target_regions"}


def _findings(
    terms: tuple[Catalogue, Promise], table: tuple[Figures, Counted]
) -> tuple[Finding, ...]:
    """What the privileged check finds in a table; if nothing, what the outsider's attack does."""
    shown, truth = table
    return inspect(shown, truth, *terms) or attack(shown, *terms, truth.possible)


def _keys_of_one_release(figures: Sequence[Figures], counted: Sequence[Counted]) -> list[TableKey]:
    keys = [table.key for table in figures]
    if keys != [table.key for table in counted]:
        raise Held("tables", "the figures are not about the tables that were counted")
    if len({key.subject_id for key in keys}) != len(keys):
        raise Held("tables", "a subject stands twice in one release")
    if len({(key.kind, key.period) for key in keys}) != 1:
        raise Held("tables", "a release needs tables, all of one kind and one period")
    return keys
