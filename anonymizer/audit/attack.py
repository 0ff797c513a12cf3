"""The intruder's attack on what is published, before it is published.

The attacker holds every figure of a table, the public catalogue, the public rules and the
structural zeros. A table withstands the attack only if for every atom a table of whole
people is at hand that fits all figures and has `inference_k` people or more in it; what
can be neither broken nor shown to be safe is a finding as well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anonymizer.audit import attack_limits
from anonymizer.audit.differencing import explain_all, nested_pairs, unequal_twins
from anonymizer.audit.findings import Finding
from anonymizer.audit.knowledge import Knowledge, PublicRules, published, understand
from anonymizer.audit.reports import Reporter, below_threshold, name_group, no_multiple
from anonymizer.audit.table_attack import TableAttack
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.work import Work, counting
from anonymizer.model.policy import Promise
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import Figures, TableKey


@dataclass(frozen=True)
class UndecidedGroups:
    """Groups for which the attack showed neither a disclosure nor that they are safe.

    `cells` is how many cells they have together; `first` names the first few groups.
    """

    groups: int = 0
    cells: int = 0
    first: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.groups > 0


def undecided_groups(knowledge: Knowledge, groups: Sequence[Integers]) -> UndecidedGroups:
    """Groups of classes that are left open, in the order of the catalogue."""
    if not groups:
        return UndecidedGroups()
    counted = int(knowledge.sizes[np.unique(np.concatenate(groups))].sum())
    # Classes are numbered by their first cells.
    ordered = sorted(groups, key=lambda classes: (int(classes.min()), len(classes)))
    first = tuple(
        name_group(knowledge, classes) for classes in ordered[: attack_limits.GROUPS_NAMED]
    )
    return UndecidedGroups(len(groups), counted, first)


@dataclass(frozen=True)
class AttackVerdict:
    """What an attack with a limit of work came to.

    `findings` count against the table. `undecided` groups do not: the attack showed neither a
    disclosure nor that they are safe. `work` is what was spent, in units of `feasible.work`.
    """

    findings: tuple[Finding, ...]
    undecided: UndecidedGroups
    work: int

    @property
    def decided(self) -> bool:
        """Whether nothing is left open."""
        return not self.undecided


@dataclass(frozen=True)
class Ranges:
    """The least and the most people that each figure of a table can stand for."""

    lowest: Integers
    highest: Integers


def audit_figures(
    figures: Figures,
    catalogue: Catalogue,
    promise: Promise,
    possible: Flags,
    work: int,
    ranges: Ranges | None = None,
) -> AttackVerdict:
    """Attack the published figures of one table with so many units of work.

    `possible` is False for structural zeros. `ranges` are given where figures are shared with other
    groups: these stand for more than rounding alone says. What is not decided within the limit is a
    valid outcome: equal input and an equal limit give an equal verdict.
    """
    meter = Work(work)
    with counting(meter):
        findings, table = _attack(figures, catalogue, promise, possible, ranges)
    undecided = undecided_groups(table.knowledge, table.open_groups) if table else UndecidedGroups()
    return AttackVerdict(findings, undecided, meter.spent)


def attack(
    figures: Figures, catalogue: Catalogue, promise: Promise, possible: Flags
) -> tuple[Finding, ...]:
    """Everything that the published figures of one table disclose against the promise.

    Empty only when the table is proved safe. `possible` is False for structural zeros.
    """
    findings, table = _attack(figures, catalogue, promise, possible)
    if table is None or not table.open_groups:
        return findings
    classes = np.unique(np.concatenate(table.open_groups))
    return (*findings, Reporter(table.knowledge).unproved(classes, promise.inference_floor))


def _attack(
    figures: Figures,
    catalogue: Catalogue,
    promise: Promise,
    possible: Flags,
    ranges: Ranges | None = None,
) -> tuple[tuple[Finding, ...], TableAttack | None]:
    """What was found, and the attack that found it, if the figures keep the rules."""
    if possible.shape != catalogue.shape:
        raise ValueError("the grid of possible atoms does not have the catalogue's shape")
    key, segments = figures.key, figures.segments
    if broken := tuple(broken_rules(key, catalogue, segments, figures.people, promise)):
        return broken, None
    said = published(segments, figures.people, promise)
    if ranges is not None:
        said = replace(said, lowest=ranges.lowest, highest=ranges.highest)
    knowledge = understand(key, catalogue, said, possible, np.zeros_like(possible))
    if broken := tuple(plain_contradictions(knowledge)):
        return broken, None
    table = TableAttack(knowledge, promise.inference_floor)
    return table.findings(), table


def broken_rules(
    table: TableKey | str,
    catalogue: Catalogue,
    segments: NDArray[np.int32],
    people: Integers,
    rules: PublicRules,
) -> Iterator[Finding]:
    """Figures that the public rules forbid, whatever the counts behind them."""
    for segment, figure in zip(segments.tolist(), people.tolist(), strict=True):
        known = 0 <= segment < len(catalogue)
        name = catalogue.id(segment) if known else ""
        if not known:
            text = f"segment number {segment} is not in the catalogue"
        elif figure + rules.rounding - 1 < rules.k:
            text = below_threshold(name, figure, rules.k)
        elif figure % rules.rounding:
            text = no_multiple(name, figure, rules.rounding)
        else:
            continue
        yield Finding(table, "rule", (name,) if name else (), text)


def plain_contradictions(knowledge: Knowledge) -> Iterator[Finding]:
    """One or two figures that cannot both be true."""
    reporter = Reporter(knowledge)
    empty = np.flatnonzero(np.diff(knowledge.members.indptr) == 0)
    yield from (reporter.impossible_people(int(figure)) for figure in empty)
    if not len(empty):
        yield from map(reporter.unequal, unequal_twins(knowledge))
        pairs = nested_pairs(knowledge, 0)
        nothing = np.zeros(knowledge.classes, dtype=bool)
        yield from map(reporter.larger_inside, explain_all(pairs, nothing)[0])
