"""The intruder's attack over a release, within a fixed budget of work: a second opinion.

The gate has verified a proof of every table before it was published. Here each table is attacked
once more, from the release folder alone, by code that knows nothing of the proofs. The intruder is
also told which figures are shared with near groups, as long as `private/` has it: all others stand
for fewer people, so more follows from them. What is not decided within the budget is no failure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anonymizer.audit.attack import Ranges, audit_figures
from anonymizer.audit.findings import Finding
from anonymizer.audit.history.public_table import PublicTable, read_public_tables
from anonymizer.model.dimensions import Dimension
from anonymizer.model.subjects import Campaign, Subject
from anonymizer.release.release import Release

Shared = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class ReleaseAttack:
    """What the attack came to. `findings` are disclosures; `undecided` groups were left open."""

    tables: int
    findings: tuple[Finding, ...]
    undecided: int
    work: int


def attack_release(
    release: Release, reference: Sequence[Dimension], shared: Shared | None, budget: int
) -> ReleaseAttack:
    """Attack every table by itself. Each may use an equal part of the work that is left.

    `reference` are the dimensions whose leaves are the cells. `shared` has the subject and segment
    of each figure that is shared with a near group; None where that is no longer known, so that
    every figure may be. Equal input and an equal budget give an equal outcome.
    """
    facts = {subject.id: _public(subject) for subject in release.subjects}
    tables = read_public_tables(release, facts, reference)
    findings: list[Finding] = []
    undecided, spent = 0, 0
    for number, table in enumerate(tables):
        work = max((budget - spent) // (len(tables) - number), 1)
        verdict = audit_figures(
            table.figures,
            table.catalogue,
            # Shared figures may have been drawn under another rounding than the release's own.
            release.promise.model_copy(update={"rounding": release.base}),
            table.possible,
            work,
            _ranges(table, release, shared),
        )
        findings += verdict.findings
        undecided += verdict.undecided.groups
        spent += verdict.work
    return ReleaseAttack(len(tables), tuple(findings), undecided, spent)


def _public(subject: Subject) -> dict[str, Sequence[str] | None]:
    return {"target_regions": subject.target_regions} if isinstance(subject, Campaign) else {}


def _ranges(table: PublicTable, release: Release, shared: Shared | None) -> Ranges:
    people = table.figures.people
    wide = np.array(
        [
            shared is None or (table.key.subject_id, table.catalogue.id(segment)) in shared
            for segment in table.figures.segments.tolist()
        ],
        dtype=bool,
    )
    slack = np.where(wide, release.error, release.promise.rounding - 1)
    return Ranges(np.maximum(people - slack, release.promise.k), people + slack)
