"""The audit of a published table, for anyone who has its file: what it discloses, or nothing.

    PublishedTable + Rules -> Intruder -> Knowledge -> Audit

Stages run from the cheap and certain to the costly and conditional: the rules, differences of two
figures, combinations of more, notes, intervals, and last what an intruder would conclude who
assumes that all suppressed segments are below the threshold. A listener learns what each stage
found as soon as it ends. All of them share one limit of work; see `feasible.work`.

Disclosures count against the table. Notes do not, unless asked for: what a person who knows the
own cell could solve, and groups that are no segment.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np

from anonymizer.audit import attack_limits
from anonymizer.audit.attack import (
    UndecidedGroups,
    broken_rules,
    plain_contradictions,
    undecided_groups,
)
from anonymizer.audit.differencing import nested_pairs
from anonymizer.audit.findings import Finding
from anonymizer.audit.intervals import Intervals, smaller_than, tightest
from anonymizer.audit.intruder import Intruder, TableRules, atoms
from anonymizer.audit.knowledge import Knowledge
from anonymizer.audit.published_file import PublishedTable
from anonymizer.audit.reports import Reporter
from anonymizer.audit.singletons import singleton_disclosures
from anonymizer.audit.table_attack import TableAttack, only_contradictions
from anonymizer.feasible.bounds import Bounds
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.totals import segment_totals, segments_inside
from anonymizer.feasible.work import Work, counting
from anonymizer.model.segments import Catalogue

Stage = Literal[
    "rules",
    "background",
    "differences",
    "combinations",
    "solutions",
    "segments",
    "verdict",  # takes no work: from here on nothing is added that counts against the table
    "notes",
    "intervals",
    "guess",
]
AuditOutcome = Literal["withstood", "discloses", "undecided"]
GuessOutcome = Literal["not asked", "refuted", "consistent", "undecided"]


@dataclass(frozen=True)
class Guess:
    """What an intruder concludes who assumes that all suppressed segments are below the threshold.

    `refuted`: the figures show that the assumption is wrong, and `findings` how. `consistent`: they
    do not, and `findings` is what follows beyond what is disclosed anyway. `undecided`: the work
    did not suffice, and `findings` is what was found until then.
    """

    outcome: GuessOutcome
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Audit:
    """What was found. `outcome` is whether something counts against the table.

    `undecided` groups were neither shown to be disclosed nor to be safe. `disclosed` marks the
    atoms shown to have fewer people than allowed (None where only exact solution is forbidden),
    `small` are the suppressed segments shown so (rows of the catalogue), with `small_open` more
    undecided; `intervals`, if asked for, those of all suppressed segments and all atoms without a
    figure.
    `whole` says that every proof of safety rests on tables of whole people; otherwise `by_parts`
    cells rest on tables in which people are divided. `work` is what was spent, of `limit`.
    """

    table: PublishedTable
    rules: TableRules
    atoms: int
    findings: tuple[Finding, ...] = ()
    undecided: UndecidedGroups = field(default_factory=UndecidedGroups)
    notes: tuple[Finding, ...] = ()
    notes_complete: bool = True
    guess: Guess = field(default_factory=lambda: Guess("not asked"))
    disclosed: Flags | None = None
    small: Integers | None = None
    small_open: int = 0
    intervals: Intervals | None = None
    whole: bool = True
    by_parts: int = 0
    work: int = 0
    limit: int | None = None

    @property
    def outcome(self) -> AuditOutcome:
        """A disclosure counts, whatever else is undecided."""
        if self.findings:
            return "discloses"
        return "undecided" if self.undecided else "withstood"

    @property
    def withstood(self) -> bool:
        """Whether the table keeps its promise."""
        return self.outcome == "withstood"


@dataclass(frozen=True)
class Questions:
    """What to find out besides: `intervals`; whether companions count as disclosures.

    Each interval takes two programs; `if few` asks for them unless that would take long.
    """

    intervals: Literal["no", "if few", "all"] = "no"
    singletons: bool = False


@dataclass(frozen=True)
class StageResult:
    """A stage that has ended: what it found, and all that is known after it."""

    stage: Stage
    findings: tuple[Finding, ...]
    audit: Audit


class Listener(Protocol):
    """Learns of each stage when it begins and when it ends."""

    def begins(self, stage: Stage) -> None:
        """A stage begins."""

    def ends(self, step: StageResult) -> None:
        """A stage has ended."""


class Silent:
    """Listens to nothing."""

    def begins(self, stage: Stage) -> None:
        """Nothing."""

    def ends(self, step: StageResult) -> None:
        """Nothing."""


def audit(
    intruder: Intruder,
    questions: Questions,
    work: Work | None = None,
    listener: Listener | None = None,
) -> Audit:
    """Attack a table with everything that an intruder knows, within a limit of work.

    Nothing found means that it withstands: see `docs/audit.md` for what that is worth.
    """
    return _AuditRun(intruder, questions, work or Work(), listener or Silent()).run()


class _AuditRun:
    """One audit, stage by stage; `audit` grows."""

    def __init__(
        self, intruder: Intruder, questions: Questions, work: Work, listener: Listener
    ) -> None:
        self._intruder, self._questions = intruder, questions
        self._work, self._listener = work, listener
        possible = int(intruder.possible().sum())
        self.audit = Audit(intruder.table, intruder.rules, possible, limit=work.limit)

    @cached_property
    def _knowledge(self) -> Knowledge:
        return self._intruder.knowledge()

    def run(self) -> Audit:
        """All stages, unless the figures break the rules or contradict each other."""
        with self._stage("rules") as found:
            found.extend(_broken(self._intruder))
            found.extend(plain_contradictions(self._knowledge))
        if found:
            return self._judged()
        attack = self._attacked()
        if only_contradictions(self.audit.findings):
            return self._judged()
        if not self._questions.singletons:
            self._judged()
        self._note(attack)
        if self._questions.singletons:
            self._judged()
        self._measure(attack)
        self._suppose(attack)
        return self.audit

    @contextmanager
    def _stage(self, stage: Stage) -> Iterator[list[Finding]]:
        """Count the work of a stage; what is put on the list is what it found."""
        found: list[Finding] = []
        self._listener.begins(stage)
        with counting(self._work):
            yield found
        self._know(work=self._work.spent)
        if stage != "notes":
            self._know(findings=(*self.audit.findings, *found))
        self._listener.ends(StageResult(stage, tuple(found), self.audit))

    def _judged(self) -> Audit:
        self._listener.ends(StageResult("verdict", (), self.audit))
        return self.audit

    def _know(self, **facts: Any) -> None:
        self.audit = replace(self.audit, **facts)

    def _attacked(self) -> TableAttack:
        """Everything that figures disclose and background knowledge alone does not."""
        floor, earlier = self._intruder.rules.inference_k, None
        if len(self._intruder.table.known):
            with self._stage("background"):
                earlier = TableAttack(
                    self._intruder.beforehand(), floor, most_whole=attack_limits.MOST_WHOLE
                )
                earlier.findings()
        attack = TableAttack(
            self._knowledge, floor, most_whole=attack_limits.MOST_WHOLE, earlier=earlier
        )
        if not floor:
            with self._stage("solutions") as found:
                found.extend(attack.solutions())
                self._conclude(attack)
            return attack
        with self._stage("differences") as found:
            found.extend(attack.differences())
        with self._stage("combinations") as found:
            found.extend(attack.combinations())
            self._conclude(attack)
            if only_contradictions(found):  # then whatever was shown before means nothing
                self._know(findings=())
        if not only_contradictions(self.audit.findings):
            with self._stage("segments"):
                self._know(**_small(self._intruder, attack))
        return attack

    def _conclude(self, attack: TableAttack) -> None:
        self._know(
            undecided=undecided_groups(attack.knowledge, attack.open_groups),
            disclosed=attack.disclosed,
            whole=attack.finders.whole,
            by_parts=attack.by_parts,
        )

    def _note(self, attack: TableAttack) -> None:
        """What singletons could solve, and groups that are no segment; disclosures if asked for."""
        with self._stage("notes") as found:
            alone = tuple(_singleton_disclosures(self._intruder, attack))
            others = tuple(_remainders(self._knowledge, self._intruder.rules))
            incomplete = self._work.exhausted and self._intruder.rules.rounding == 1
            self._know(notes_complete=not incomplete)
            found.extend((*alone, *others))
            if self._questions.singletons:
                self._know(findings=(*self.audit.findings, *alone), notes=others)
            else:
                self._know(notes=(*alone, *others))

    def _measure(self, attack: TableAttack) -> None:
        """Intervals, if they are asked for."""
        if self._questions.intervals == "no":
            return
        with self._stage("intervals"):
            self._know(intervals=_intervals(self._intruder, attack, self._questions))

    def _suppose(self, attack: TableAttack) -> None:
        """That all suppressed segments are below the threshold, if a threshold is known."""
        if self._intruder.rules.floor == 1 or not len(self._intruder.table.withheld):
            return
        most = (self._work.limit or 0) // attack_limits.SHARE_OF_GUESS
        with self._stage("guess"), self._work.part(most) as share, counting(share):
            self._know(guess=_guess(self._intruder, attack, share))


def _broken(intruder: Intruder) -> Iterator[Finding]:
    """Figures that break the rules; zeros that are public aside."""
    table, rules = intruder.table, intruder.rules
    public = (table.people > 0) | (not rules.zeros_public)
    published, people = table.published[public], table.people[public]
    return broken_rules(table.name, table.catalogue, published, people, rules)


def _singleton_disclosures(intruder: Intruder, attack: TableAttack) -> Iterator[Finding]:
    """What singletons could solve, where figures are exact."""
    if intruder.rules.rounding > 1 or attack.finders.fractional.middle is None:
        return
    withheld = _inhabitable(intruder, attack.knowledge)
    alone = withheld[atoms(intruder.table.catalogue, withheld)]
    floor = intruder.rules.inference_k
    yield from singleton_disclosures(attack.knowledge, attack.finders, withheld, alone, floor)


def _remainders(knowledge: Knowledge, rules: TableRules) -> Iterator[Finding]:
    """One figure less another leaves a few people who are no segment.

    Where groups that are shown to be small are disclosures, these are among them already.
    """
    if rules.inference_k or rules.rounding > 1:
        return
    reporter, below = Reporter(knowledge), max(rules.floor, 2)
    for pair in nested_pairs(knowledge, below):
        people = pair.most + int(knowledge.certain[pair.classes].sum())
        if 0 < people < below and len(pair.classes) > 1:
            yield reporter.difference(pair, pair.most)


def _guess(intruder: Intruder, attack: TableAttack, work: Work) -> Guess:
    if (pair := _large_inside(intruder)) is not None:
        found = Reporter(attack.knowledge).not_below(*pair, intruder.rules.floor)
        return Guess("refuted", (found,))
    if work.exhausted:
        return Guess("undecided")
    guess = intruder.guess()
    if (proof := Bounds(guess).contradiction()) is not None:
        return Guess("refuted", (Reporter(guess).no_table(proof),))
    supposed = TableAttack(guess, attack.floor, most_whole=attack_limits.MOST_WHOLE, earlier=attack)
    concluded = supposed.findings()
    if only_contradictions(concluded):
        return Guess("refuted", concluded)
    return Guess("undecided" if supposed.open_groups else "consistent", concluded)


def _large_inside(intruder: Intruder) -> tuple[int, int] | None:
    """A suppressed segment and a figure inside it that reaches the threshold."""
    table, catalogue = intruder.table, intruder.table.catalogue
    large = table.published[table.people >= intruder.rules.floor + intruder.rules.rounding - 1]
    containing = table.withheld[segments_inside(catalogue, large)[table.withheld] > 0]
    if not len(containing):
        return None
    segment = int(containing[0])
    inside = [figure for figure in large.tolist() if _is_inside(catalogue, figure, segment)]
    return segment, inside[0]


def _is_inside(catalogue: Catalogue, inner: int, outer: int) -> bool:
    pairs = zip(catalogue.groups(inner), catalogue.groups(outer), strict=True)
    return all(set(part.leaves) <= set(whole.leaves) for part, whole in pairs)


def _small(intruder: Intruder, attack: TableAttack) -> dict[str, Any]:
    """Suppressed segments made of disclosed atoms, as far as they are too small themselves."""
    knowledge, disclosed = attack.knowledge, attack.disclosed
    others = knowledge.possible if disclosed is None else knowledge.possible & ~disclosed
    withheld = _inhabitable(intruder, knowledge)
    within = withheld[segment_totals(knowledge.catalogue, others.astype(np.int64))[withheld] == 0]
    found = smaller_than(knowledge, attack.finders, within, attack.floor, attack.evidence)
    return {"small": within[found.small], "small_open": int(found.undecided.sum())}


def _intervals(intruder: Intruder, attack: TableAttack, questions: Questions) -> Intervals | None:
    """Of all suppressed segments, and of all atoms without a figure."""
    knowledge = attack.knowledge
    rows = np.arange(len(knowledge.catalogue), dtype=np.int32)
    finest = rows[atoms(knowledge.catalogue, rows)]
    unknown = np.setdiff1d(finest, intruder.table.published)
    wanted = np.union1d(_inhabitable(intruder, knowledge), unknown)
    segments = wanted[_with_atoms(knowledge)[wanted]].astype(np.int64)
    if questions.intervals == "if few" and len(segments) > attack_limits.FEW_SEGMENTS:
        return None
    return tightest(knowledge, attack.finders, segments)


def _inhabitable(intruder: Intruder, knowledge: Knowledge) -> Integers:
    """Suppressed segments that are not known beforehand and have possible atoms."""
    withheld = np.setdiff1d(intruder.table.withheld, intruder.table.known).astype(np.int64)
    return withheld[_with_atoms(knowledge)[withheld]]


def _with_atoms(knowledge: Knowledge) -> Flags:
    """Of each segment of the catalogue whether it has possible atoms."""
    return segment_totals(knowledge.catalogue, knowledge.possible.astype(np.int64)) > 0
