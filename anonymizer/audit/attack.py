"""The outsider's attack on what is published, before it is published.

The attacker holds every figure of a table, the public catalogue, the public rules and the
structural zeros. A table withstands the attack only if for every atom a table of whole
people is at hand that fits all figures and has `inference_k` people or more in it; what
can be neither broken nor shown to be safe is a finding as well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from anonymizer.audit.differencing import explain_all, nested_pairs, unequal_twins
from anonymizer.audit.findings import Finding
from anonymizer.audit.knowledge import (
    Knowledge,
    Statements,
    from_source,
    read,
    true_counts,
    understand,
)
from anonymizer.audit.reports import Reporter
from anonymizer.audit.table_attack import TableAttack
from anonymizer.audit.undecided import Undecided, undecided_groups
from anonymizer.audit.wording import below_threshold, no_multiple
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.work import Work, counting
from anonymizer.policy import Promise
from anonymizer.segments import Catalogue
from anonymizer.tables import Figures, TableKey


def attack_release(
    tables: Sequence[tuple[Figures, Flags]], catalogue: Catalogue, promise: Promise
) -> tuple[Finding, ...]:
    """Attack every table of a release, whoever receives it, with its possible atoms.

    The same table may be listed for several recipients; if its figures differ between two
    of them, they can be put together, and that is a finding.
    """
    first: dict[TableKey, Figures] = {}
    findings: list[Finding] = []
    for figures, possible in tables:
        known = first.setdefault(figures.key, figures)
        if known is figures:
            findings += attack(figures, catalogue, promise, possible)
        elif not _same(known, figures):
            text = "the release contains two versions of this table; together they reveal more"
            findings.append(Finding(figures.key, "contradiction", (), text))
    return tuple(findings)


@dataclass(frozen=True)
class Verdict:
    """What an attack with a limit of work came to.

    `findings` count against the table. `undecided` groups do not: neither a disclosure was shown,
    nor that they are safe. `work` is what was spent, in units of `feasible.work`.
    """

    findings: tuple[Finding, ...]
    undecided: Undecided
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
) -> Verdict:
    """Attack the published figures of one table with so many units of work.

    `possible` is False for structural zeros. `ranges` are given where figures are shared with other
    groups: these stand for more than rounding alone says. What is not decided within the limit is a
    valid outcome: equal input and an equal limit give an equal verdict.
    """
    meter = Work(work)
    with counting(meter):
        attacked = _attack(figures, catalogue, promise, possible, ranges)
    undecided = Undecided()
    if attacked.table is not None:
        undecided = undecided_groups(attacked.table.knowledge, attacked.table.open_groups)
    return Verdict(attacked.findings, undecided, meter.spent)


def attack(
    figures: Figures, catalogue: Catalogue, promise: Promise, possible: Flags
) -> tuple[Finding, ...]:
    """Everything that the published figures of one table disclose against the promise.

    Empty only when the table is proved safe. `possible` is False for structural zeros.
    """
    attacked = _attack(figures, catalogue, promise, possible)
    table = attacked.table
    if table is None or not table.open_groups:
        return attacked.findings
    classes = np.unique(np.concatenate(table.open_groups))
    unproved = Reporter(table.knowledge).unproved(classes, promise.inference_floor)
    return (*attacked.findings, unproved)


@dataclass(frozen=True)
class _Attacked:
    """What was found, and the attack that found it, if the figures keep the rules."""

    findings: tuple[Finding, ...]
    table: TableAttack | None = None


def _attack(
    figures: Figures,
    catalogue: Catalogue,
    promise: Promise,
    possible: Flags,
    ranges: Ranges | None = None,
) -> _Attacked:
    if possible.shape != catalogue.shape:
        raise ValueError("the grid of possible atoms does not have the catalogue's shape")
    if broken := tuple(broken_rules(figures, catalogue, promise)):
        return _Attacked(broken)
    knowledge = _read(figures, catalogue, promise, possible, ranges)
    if broken := tuple(plain_contradictions(knowledge, Reporter(knowledge))):
        return _Attacked(broken)
    table = TableAttack(knowledge, promise.inference_floor)
    return _Attacked(table.findings(), table)


def _read(
    figures: Figures,
    catalogue: Catalogue,
    promise: Promise,
    possible: Flags,
    ranges: Ranges | None,
) -> Knowledge:
    if ranges is None:
        return read(figures, catalogue, promise, possible)
    segments = figures.segments
    source = from_source("published", len(segments))
    said = Statements(segments, figures.people, ranges.lowest, ranges.highest, source)
    return understand(figures.key, catalogue, said, possible, np.zeros_like(possible))


def _same(one: Figures, other: Figures) -> bool:
    return np.array_equal(one.segments, other.segments) and np.array_equal(one.people, other.people)


def broken_rules(figures: Figures, catalogue: Catalogue, promise: Promise) -> Iterator[Finding]:
    """Figures that the public rules forbid, whatever the counts behind them."""
    known = (figures.segments >= 0) & (figures.segments < len(catalogue))
    lowest, highest = true_counts(figures.people, promise)
    for segment, people, low, high, in_catalogue in zip(
        figures.segments, figures.people, lowest, highest, known, strict=True
    ):
        name = catalogue.id(int(segment)) if in_catalogue else ""
        if not in_catalogue:
            text = f"segment number {segment} is not in the catalogue"
        elif high < max(low, promise.k):
            text = below_threshold(name, int(people), promise.k)
        elif people % promise.rounding:
            text = no_multiple(name, int(people), promise.rounding)
        else:
            continue
        yield Finding(figures.key, "rule", (name,) if name else (), text)


def plain_contradictions(knowledge: Knowledge, reporter: Reporter) -> Iterator[Finding]:
    """One or two figures that cannot both be true."""
    empty = np.flatnonzero(np.diff(knowledge.members.indptr) == 0)
    yield from (reporter.impossible_people(int(figure)) for figure in empty)
    if not len(empty):
        yield from map(reporter.unequal, unequal_twins(knowledge))
        pairs = nested_pairs(knowledge, 0)
        nothing = np.zeros(knowledge.classes, dtype=bool)
        yield from map(reporter.larger_inside, explain_all(pairs, nothing)[0])
