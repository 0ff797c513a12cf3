"""The audit of a published table, for anybody who has its file: what it gives away, or nothing.

    PublishedTable + Rules -> Outsider -> Knowledge -> Audit

Disclosures count against the table. Notes do not, unless asked for: what somebody who
knows the own cell could solve, groups that are no segment, what a guess would yield.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anonymizer.audit.attack import plain_contradictions
from anonymizer.audit.blocks import blocks
from anonymizer.audit.bounds import Bounds
from anonymizer.audit.companions import companions
from anonymizer.audit.differencing import nested_pairs
from anonymizer.audit.divided import DividedTables
from anonymizer.audit.findings import Finding
from anonymizer.audit.inference import Inference
from anonymizer.audit.intervals import Intervals, settles, smaller_than, tightest
from anonymizer.audit.knowledge import Knowledge
from anonymizer.audit.outsider import Outsider, Rules, atoms
from anonymizer.audit.published_file import PublishedTable
from anonymizer.audit.reports import Reporter
from anonymizer.audit.settled import find_settled
from anonymizer.audit.solved import find_solved
from anonymizer.feasible.system import Flags, Integers

MOST_WHOLE = 400  # classes that figures tie together; up to here integer programming decides
_FEW = 1_000  # segments
GuessOutcome = Literal["not asked", "refuted", "consistent"]


@dataclass(frozen=True)
class Guess:
    """The attacker who takes every withheld segment to be below the floor.

    `refuted`: the figures show that he is wrong, and `findings` how. `consistent`: he may be
    right, and `findings` is what he would conclude beyond what is disclosed anyway.
    """

    outcome: GuessOutcome
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Audit:
    """What came of it. `withstood` is whether nothing counts against the table.

    `disclosed` marks the atoms shown to have fewer people than allowed (None where only exact
    solution is forbidden), `small` are the withheld segments shown so (rows of the catalogue);
    `intervals`, if asked for, those of all withheld segments and all atoms without a figure.
    `whole` says that every proof of safety rests on tables of whole people;
    otherwise `by_parts` cells rest on tables in which people are divided.
    """

    table: PublishedTable
    rules: Rules
    atoms: int
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...] = ()
    guess: Guess = field(default_factory=lambda: Guess("not asked"))
    disclosed: Flags | None = None
    small: Integers | None = None
    intervals: Intervals | None = None
    whole: bool = True
    by_parts: int = 0

    @property
    def withstood(self) -> bool:
        """Whether the table keeps its promise."""
        return not self.findings


@dataclass(frozen=True)
class Questions:
    """What to find out besides: `intervals`; whether companions count as disclosures.

    Each interval takes two programs; `if few` asks for them unless that would take long.
    """

    intervals: Literal["no", "if few", "all"] = "no"
    singletons: bool = False


def audit(outsider: Outsider, questions: Questions) -> Audit:
    """Attack a table with everything that an outsider knows.

    Nothing found means that it withstands: see `docs/audit.md` for what that is worth.
    """
    table, rules = outsider.table, outsider.rules
    possible = int(outsider.possible().sum())
    knowledge = outsider.knowledge()
    broken = (*_broken(outsider), *plain_contradictions(knowledge, Reporter(knowledge)))
    if broken:
        return Audit(table, rules, possible, broken)
    whole = largest_component(knowledge) <= MOST_WHOLE
    floor = rules.inference_k
    divided = DividedTables(knowledge)
    parts = None if whole else divided
    before = DividedTables(outsider.beforehand()) if len(table.known) else None
    earlier = _Found() if before is None else _find(before, floor, whole, _Found())
    found = _find(divided, floor, whole, earlier)
    if any(finding.kind == "contradiction" for finding in found.findings):
        return Audit(table, rules, possible, found.findings)
    alone = tuple(_companions(outsider, divided))
    remainders = tuple(_remainders(knowledge, rules))
    counted, noted = (alone, remainders) if questions.singletons else ((), (*alone, *remainders))
    return Audit(
        table,
        rules,
        possible,
        (*found.findings, *counted),
        notes=noted,
        guess=_guess(outsider, found, whole=whole),
        disclosed=found.disclosed,
        small=_small(outsider, knowledge, found),
        intervals=_intervals(outsider, knowledge, parts, questions),
        whole=whole,
        by_parts=found.by_parts,
    )


def largest_component(knowledge: Knowledge) -> int:
    """Classes that figures tie together, at most."""
    _, of_class = blocks(knowledge.essential.members)
    return int(np.bincount(of_class).max(initial=0))


@dataclass(frozen=True)
class _Found:
    """What a search in some knowledge found; `disclosed` atoms are shown to have too few people."""

    knowledge: Knowledge | None = None
    findings: tuple[Finding, ...] = ()
    disclosed: Flags | None = None
    by_parts: int = 0


def _find(divided: DividedTables, floor: int, whole: bool, earlier: _Found) -> _Found:  # noqa: FBT001
    """Disclosures that were not found in earlier knowledge."""
    knowledge = divided.knowledge
    reporter = Reporter(knowledge)
    if not floor:

        def is_known(atoms: Flags) -> bool:
            return earlier.knowledge is not None and settles(earlier.knowledge, atoms)

        solved = (
            find_solved(knowledge, reporter, is_known)
            if whole
            else find_settled(divided, reporter, is_known)
        )
        return _Found(knowledge, tuple(solved))
    excused = np.zeros(knowledge.classes, dtype=bool)
    if earlier.disclosed is not None:
        excused[np.unique(knowledge.class_of[earlier.disclosed & knowledge.possible])] = True
    parts = None if whole else divided
    inference = Inference(knowledge, reporter, floor, divided=parts, excused=excused)
    findings = tuple(inference.findings())
    disclosed = knowledge.atoms(np.flatnonzero(inference.disclosed))
    return _Found(knowledge, findings, disclosed, int(inference.by_parts.sum()))


def _broken(outsider: Outsider) -> Iterator[Finding]:
    """Figures that the rules forbid; zeros that are public aside."""
    table, rules = outsider.table, outsider.rules
    for segment, people in zip(table.published.tolist(), table.people.tolist(), strict=True):
        if people == 0 and rules.zeros_public:
            continue
        name = table.catalogue.id(segment)
        if people % rules.rounding:
            text = f"the figure {people} of {name} is no multiple of {rules.rounding}"
        elif people + rules.rounding - 1 < rules.k:
            text = f"the figure {people} of {name} counts fewer than k = {rules.k} people"
        else:
            continue
        yield Finding(table.name, "rule", (name,), text)


def _companions(outsider: Outsider, divided: DividedTables) -> Iterator[Finding]:
    """What singletons could solve, where figures are exact."""
    if outsider.rules.rounding > 1:
        return
    if divided.middle is None:
        yield Reporter(divided.knowledge).no_table_found()
        return
    withheld = _inhabitable(outsider, divided.knowledge)
    alone = withheld[atoms(outsider.table.catalogue, withheld)]
    yield from companions(divided, withheld, alone, outsider.rules.inference_k)


def _remainders(knowledge: Knowledge, rules: Rules) -> Iterator[Finding]:
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


def _guess(outsider: Outsider, found: _Found, *, whole: bool) -> Guess:
    if outsider.rules.floor == 1 or not len(outsider.table.withheld):
        return Guess("not asked")
    guess = outsider.guess()
    if (pair := _large_inside(outsider)) is not None:
        return Guess("refuted", (Reporter(guess).not_below(*pair, outsider.rules.floor),))
    if (proof := Bounds(guess).contradiction()) is not None:
        return Guess("refuted", (Reporter(guess).no_table(proof),))
    concluded = _find(DividedTables(guess), outsider.rules.inference_k, whole, found).findings
    broken = tuple(f for f in concluded if f.kind == "contradiction")
    return Guess("refuted", broken) if broken else Guess("consistent", concluded)


def _large_inside(outsider: Outsider) -> tuple[int, int] | None:
    """A withheld segment and a figure inside it that reaches the floor."""
    table, catalogue = outsider.table, outsider.table.catalogue
    large = table.published[table.people >= outsider.rules.floor + outsider.rules.rounding - 1]
    nested = [_nested(axis.membership) for axis in catalogue.dimensions]
    for segment in table.withheld.tolist():
        inside = np.ones(len(large), dtype=bool)
        for axis, groups in enumerate(catalogue.cells[large].T):
            inside &= nested[axis][groups, catalogue.cells[segment, axis]]
        if inside.any():
            return segment, int(large[inside][0])
    return None


def _nested(membership: Flags) -> Flags:
    """(groups x groups): whether the first is inside the second."""
    beyond = np.any(membership[:, None, :] & ~membership[None, :, :], axis=2)
    return np.asarray(~beyond)


def _small(outsider: Outsider, knowledge: Knowledge, found: _Found) -> Integers | None:
    """Withheld segments made of disclosed atoms, as far as they are too small themselves."""
    if found.disclosed is None:
        return None
    fine = np.where(knowledge.possible, found.disclosed, True)  # noqa: FBT003  an array's value
    withheld = _inhabitable(outsider, knowledge)
    inside = [bool(np.all(fine[_box(knowledge, row)])) for row in withheld.tolist()]
    disclosed = withheld[np.array(inside, dtype=bool)]
    small: Integers = disclosed[smaller_than(knowledge, disclosed, outsider.rules.inference_k)]
    return small


def _intervals(
    outsider: Outsider, knowledge: Knowledge, divided: DividedTables | None, questions: Questions
) -> Intervals | None:
    """Of all withheld segments, and of all atoms without a figure."""
    if questions.intervals == "no":
        return None
    rows = np.arange(len(knowledge.catalogue), dtype=np.int32)
    finest = rows[atoms(knowledge.catalogue, rows)]
    unknown = np.setdiff1d(finest, outsider.table.published)
    wanted = np.union1d(_inhabitable(outsider, knowledge), unknown)
    segments = wanted[_with_atoms(knowledge, wanted)].astype(np.int64)
    if questions.intervals == "if few" and len(segments) > _FEW:
        return None
    return tightest(knowledge, (), segments, divided)


def _inhabitable(outsider: Outsider, knowledge: Knowledge) -> Integers:
    """Withheld segments that are not known beforehand and have possible atoms."""
    withheld = np.setdiff1d(outsider.table.withheld, outsider.table.known).astype(np.int64)
    return withheld[_with_atoms(knowledge, withheld)]


def _with_atoms(knowledge: Knowledge, segments: Integers) -> Flags:
    held = [knowledge.possible[_box(knowledge, row)].any() for row in segments.tolist()]
    return np.array(held, dtype=bool)


def _box(knowledge: Knowledge, segment: int) -> tuple[NDArray[np.intp], ...]:
    return np.ix_(*(group.leaves for group in knowledge.catalogue.groups(segment)))
