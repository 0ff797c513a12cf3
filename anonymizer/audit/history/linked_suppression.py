"""Withholds from new tables what they would tell together with others; old ones stay as they are.

Every round attacks what is left. A figure that is taken away breaks no proof, so that requirements
once proved stay proved and each round has only the rest to do; as each takes at least one figure
away or is the last, it ends. Joins are cleared independently of each other, side by side: what is
proved with the figures of one join at hand stays proved when another takes some of them away.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np

from anonymizer.audit.findings import Finding
from anonymizer.audit.history import linking_limits
from anonymizer.audit.history.cover_differences import (
    ShortDifference,
    complement_differences,
    cover_differences,
)
from anonymizer.audit.history.families import Families
from anonymizer.audit.history.join import Containment, Join, Joint, joint
from anonymizer.audit.history.linked_attack import (
    JoinedFinding,
    LinkedOutcome,
    attack_joined,
    prove_joined,
    subtract_joined,
)
from anonymizer.audit.history.nearness import is_near
from anonymizer.audit.history.nested_tables import SafeAtoms, find_safe_atoms
from anonymizer.audit.history.public_table import PublicTable
from anonymizer.feasible.system import Flags, Integers
from anonymizer.model.proofs import FigureId, LinkedProof, Shortage
from anonymizer.model.tables import TableKey
from anonymizer.storage.processes import ALONE, Workers

_PAIR = 2


@dataclass(frozen=True)
class Withheld:
    """New tables without what had to go, and why; `beyond_help` rests on old figures alone.

    `proofs` show what is left to be safe together with linked tables.
    """

    tables: tuple[PublicTable, ...]
    figures: int
    findings: tuple[Finding, ...]
    beyond_help: tuple[Finding, ...]
    proofs: tuple[LinkedProof, ...]


def withhold_joined(
    joins: Sequence[Join], new: Sequence[PublicTable], floor: int, workers: Workers = ALONE
) -> Withheld:
    """The new tables with nothing left that a join shows to be below `floor` people.

    What could not be shown to be safe within the effort is withheld as well.
    """
    terms = _ClearingTerms(frozenset(table.key for table in new), floor)
    costs = [sum(1 + len(table.figures.segments) for table in join.tables) for join in joins]
    cleared = workers.results(_cleared, terms, joins, costs)
    gone: dict[TableKey, set[int]] = {}
    for outcome in cleared:
        for key, segment in outcome.withheld:
            gone.setdefault(key, set()).add(segment)
    return Withheld(
        tuple(table.without(_rows(gone.get(table.key, ()))) for table in new),
        sum(map(len, gone.values())),
        tuple(found for outcome in cleared for found in outcome.findings),
        # What old figures tell is found again in every round.
        tuple(dict.fromkeys(found for outcome in cleared for found in outcome.beyond_help)),
        tuple(proof for outcome in cleared for proof in outcome.proofs),
    )


def _rows(segments: Collection[int]) -> Integers:
    return np.array(sorted(segments), dtype=np.int64)


@dataclass(frozen=True)
class _ClearingTerms:
    """Which tables may change, and how many people every group must be able to have."""

    new: frozenset[TableKey]
    floor: int


@dataclass
class _Cleared:
    """Of one join: what to withhold (table, row of its catalogue), what was found, and proofs."""

    withheld: list[tuple[TableKey, int]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    beyond_help: list[Finding] = field(default_factory=list)
    proofs: list[LinkedProof] = field(default_factory=list)

    def add(self, other: "_Cleared") -> None:
        self.withheld += other.withheld
        self.findings += other.findings
        self.beyond_help += other.beyond_help
        self.proofs += other.proofs

    def left_of(self, join: Join) -> Join:
        """The join without what is withheld by now."""
        tables = tuple(
            table.without(_rows({row for key, row in self.withheld if key == table.key}))
            for table in join.tables
        )
        return replace(join, tables=tables)


def _cleared(terms: _ClearingTerms, join: Join) -> _Cleared:
    if not any(len(table.figures.segments) for table in join.tables):
        return _Cleared()  # nothing is published, so nothing is told
    if len(join.tables) == _PAIR:
        return _alone(terms, join)
    side_by_side = len({table.key.period for table in join.tables}) == 1
    figures = sum(len(table.figures.segments) for table in join.tables)
    if 2 * figures * len(join.tables) <= linking_limits.FIGURES_AS_ONE:
        known = joint(join, terms.floor)
        if known.exhaustive:
            return _as_one(terms, join)
        if (families := prove_joined(known)) is not None:
            proof = _Proving(join, known)
            proof.families.extend(families)
            return _Cleared(proofs=proof.proofs(known))
    return _with_several_inside(terms, join) if side_by_side else _pair_by_pair(terms, join)


def _with_several_inside(terms: _ClearingTerms, join: Join) -> _Cleared:
    """Campaigns inside of one, aimed at different regions; the pairs are joins of their own."""
    cleared = _Cleared()
    while short := list(complement_differences(cleared.left_of(join), terms.floor)):
        gone = list(_own(terms, short, cleared))
        if not gone:
            break
        cleared.withheld += gone
    return cleared


def _alone(terms: _ClearingTerms, join: Join) -> _Cleared:
    """Two tables with nothing else around them."""
    inner, outer = join.tables
    if outer.key.kind == "audience" and not is_near(inner, outer, terms.floor):
        return _Cleared()
    if len(join.containments) > 1 or join.covers:  # equal tables have no layers
        return _as_one(terms, join)
    return _in_pairs(terms, join, join.containments)


def _pair_by_pair(terms: _ClearingTerms, join: Join) -> _Cleared:
    bearing = [within for within in join.containments if _bears(terms, join, within)]
    cleared = _in_pairs(terms, join, bearing)
    while short := list(_removable(terms, cleared.left_of(join), cleared)):
        cleared.withheld += short
    return cleared


def _in_pairs(terms: _ClearingTerms, join: Join, pairs: Sequence[Containment]) -> _Cleared:
    """Each pair by itself, as far as it is not shown in layers.

    What a subtraction shows is withheld first: the layers need room between the figures.
    """
    cleared = _Cleared()
    safe = _safe_in_pairs(join, pairs, terms.floor)
    for within in pairs:
        pair = _pair(cleared.left_of(join), within)
        cleared.add(_as_one(terms, pair, safe[within], subtract_joined))
    if cleared.withheld:
        safe = _safe_in_pairs(cleared.left_of(join), pairs, terms.floor)
    for within in pairs:
        cleared.add(_as_one(terms, _pair(cleared.left_of(join), within), safe[within]))
    return cleared


def _bears(terms: _ClearingTerms, join: Join, within: Containment) -> bool:
    """Whether there may be something to find, and something to withhold."""
    if not {within.inner, within.outer} & terms.new:
        return False
    # A day is proved against its week and the week against its month; far from the month,
    # the day adds nothing to that.
    inner, outer = _pair(join, within).tables
    return not _follows(join, within) or is_near(inner, outer, terms.floor)


def _safe_in_pairs(
    join: Join, attacked: Sequence[Containment], floor: int
) -> dict[Containment, SafeAtoms]:
    """What is shown of each pair without putting its tables together."""
    tables, safe = {table.key: table for table in join.tables}, dict[Containment, SafeAtoms]()
    for outer in dict.fromkeys(within.outer for within in attacked):
        inside = [within for within in attacked if within.outer == outer]
        found = find_safe_atoms([tables[within.inner] for within in inside], tables[outer], floor)
        safe |= dict(zip(inside, found, strict=True))
    return safe


def _follows(join: Join, within: Containment) -> bool:
    """Whether a third table lies between the two."""
    between = {c.outer for c in join.containments if c.inner == within.inner}
    return any(Containment(table, within.outer) in join.containments for table in between)


def _pair(join: Join, within: Containment) -> Join:
    tables = {table.key: table for table in join.tables}
    return Join((tables[within.inner], tables[within.outer]), (within,))


def _removable(
    terms: _ClearingTerms, join: Join, cleared: _Cleared
) -> Iterator[tuple[TableKey, int]]:
    """A new figure of each sum that is too short."""
    return _own(terms, cover_differences(join, terms.floor), cleared)


def _own(
    terms: _ClearingTerms, found: Iterable[ShortDifference], cleared: _Cleared
) -> Iterator[tuple[TableKey, int]]:
    for short in found:
        own = [(key, row) for key, row in short.figures if key in terms.new]
        (cleared.findings if own else cleared.beyond_help).append(short.finding)
        yield from own[:1]


def _as_one(
    terms: _ClearingTerms,
    join: Join,
    safe: SafeAtoms | None = None,
    attack: Callable[[Joint, Flags, int], LinkedOutcome] = attack_joined,
) -> _Cleared:
    """Attack the tables together and suppress, until nothing is found any more.

    Nothing is asked again that is shown already of a pair, the inner table first. After many
    rounds every new figure that has to do with a finding goes, so that there is an end.
    """
    cleared = _Cleared()
    if attack is attack_joined and safe is not None and safe.proof is not None:
        cleared.proofs.append(safe.proof)
    if safe is not None and safe.complete:
        return cleared
    search = _Search.of(joint(join, terms.floor), safe, attack)
    proving = _Proving(join, search.known)
    changing = np.array([table.key in terms.new for table in join.tables], dtype=bool)
    for round_number in count():
        outcome = search.next(proving)
        known, wanted = search.known, search.wanted
        some = _least_preferred if round_number < linking_limits.ROUNDS else _all_of
        choice = _choose(outcome.findings, known, changing, some)
        cleared.findings += [found.finding for found in choice.repaired]
        cleared.beyond_help += [found.finding for found in choice.beyond_help]
        for found in choice.beyond_help:
            wanted[found.requirements] = False
            proving.note_shortage(found, known)
        cleared.withheld += [
            (join.tables[known.table[figure]].key, int(known.segment[figure]))
            for figure in choice.figures.tolist()
        ]
        # Old figures that contradict each other tell nothing together; one of them is left aside.
        at_odds = [found for found in choice.beyond_help if not len(found.requirements)]
        aside = [f for found in at_odds for f in _least_preferred(found, found.figures, known)]
        proving.aside += [proving.name(known, figure) for figure in aside]
        if not len(choice.figures) and not choice.beyond_help:
            break
        search.known = known.without(np.union1d(choice.figures, np.array(aside, dtype=np.int64)))
    if changing[search.known.table].any():
        cleared.proofs += proving.proofs(search.known)
    return cleared


class _Proving:
    """What proves a join as it is attacked, round after round."""

    def __init__(self, join: Join, known: Joint) -> None:
        self._join = join
        self.families = Families(known.knowledge.classes)
        self.aside: list[FigureId] = []
        self._shortages: list[Shortage] = []

    def name(self, known: Joint, figure: int) -> FigureId:
        """The figure as a proof names it."""
        table = int(known.table[figure])
        return table, self._join.tables[table].catalogue.id(int(known.segment[figure]))

    def note_shortage(self, found: JoinedFinding, known: Joint) -> None:
        """Old figures alone show something, by a sum of them."""
        if found.multipliers is not None:
            figures = tuple(self.name(known, figure) for figure in found.figures.tolist())
            self._shortages.append(
                Shortage(figures, tuple(found.multipliers.tolist()), found.scale)
            )

    def proofs(self, known: Joint) -> list[LinkedProof]:
        """The proof, unless there is nothing in it."""
        if not self.families.starts and not self._shortages:
            return []
        leaves = known.knowledge.catalogue.dimensions[:-1]
        return [
            LinkedProof(
                tuple(table.key for table in self._join.tables),
                tuple(dimension.leaves for dimension in leaves),
                known.kinds,
                self.families.witnesses(known.knowledge.class_of),
                tuple(self.name(known, figure) for figure in np.flatnonzero(known.wide).tolist()),
                tuple(self.aside),
                tuple(self._shortages),
            )
        ]


@dataclass
class _Search:
    """What is known of a join, the requirements that are still open, and the programs that are
    left.
    """

    known: Joint
    wanted: Flags
    attack: Callable[[Joint, Flags, int], LinkedOutcome]
    programs: int

    @classmethod
    def of(
        cls,
        known: Joint,
        safe: SafeAtoms | None,
        attack: Callable[[Joint, Flags, int], LinkedOutcome],
    ) -> "_Search":
        wanted = np.ones(known.requirements.weights.shape[0], dtype=bool)
        if safe is not None:
            wanted &= ~safe.reached(known)
        figures = max(len(known.table), 1)
        programs = min(
            linking_limits.PROGRAMS,
            max(linking_limits.FEWEST_PROGRAMS, linking_limits.PROGRAM_ROWS // figures),
        )
        return cls(known, wanted, attack, programs)

    def next(self, proving: _Proving) -> LinkedOutcome:
        """What is found, as soon as no figures are at odds because some of them are shared.

        Figures that contradict each other prove to a reader that one of them is shared, but not
        which. So all of these are read as wide as shared ones, and all others as before.
        """
        for round_number in count():
            outcome = self.attack(self.known, self.wanted, self.programs)
            proving.families.extend(outcome.families)
            self.programs = max(self.programs - outcome.programs, 0)
            self.wanted = outcome.open.copy()
            at_odds = [found.figures for found in outcome.findings if not len(found.requirements)]
            if at_odds and round_number >= linking_limits.ROUNDS:
                at_odds = [np.arange(len(self.known.table))]
            wider = [self.known.shareable(figures) for figures in at_odds]
            if not any(map(len, wider)):
                break
            self.known = self.known.sharing(np.unique(np.concatenate(wider)))
        return outcome


@dataclass(frozen=True)
class _Choice:
    """Figures to withhold, the findings that this repairs or may repair, and those it cannot."""

    figures: Integers
    repaired: list[JoinedFinding]
    beyond_help: list[JoinedFinding]


def _choose(
    findings: Sequence[JoinedFinding],
    known: Joint,
    changing: Flags,
    some: Callable[[JoinedFinding, Integers, Joint], list[int]],
) -> _Choice:
    """Of each finding some of the new figures, unless one has gone already."""
    chosen: set[int] = set()
    repaired, beyond = [], []
    for found in findings:
        own = found.figures[changing[known.table[found.figures]]]
        if not len(own):
            beyond.append(found)
            continue
        if chosen.isdisjoint(own.tolist()):
            chosen.update(some(found, own, known))
            repaired.append(found)
    return _Choice(np.array(sorted(chosen), dtype=np.int64), repaired, beyond)


def _least_preferred(found: JoinedFinding, own: Integers, known: Joint) -> list[int]:
    """One figure; half of them where all figures together are at odds and none is to blame."""
    order = own[np.argsort(-known.segment[own], kind="stable")]
    blamed = len(found.requirements) or len(found.figures) < len(known.table)
    chosen: list[int] = order[: 1 if blamed else (len(order) + 1) // 2].tolist()
    return chosen


def _all_of(_found: JoinedFinding, own: Integers, _known: Joint) -> list[int]:
    chosen: list[int] = own.tolist()
    return chosen
