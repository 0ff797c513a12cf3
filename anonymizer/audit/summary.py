"""The report of an audit: in words, stage by stage, and in full as JSON.

The words name the first findings of each kind and count the rest; the JSON has all of them.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from anonymizer.audit import attack_limits
from anonymizer.audit.findings import Finding
from anonymizer.audit.intervals import UNBOUNDED, Intervals
from anonymizer.audit.published_file import PublishedTable
from anonymizer.audit.table_attack import only_contradictions
from anonymizer.audit.table_audit import Audit, Guess, Stage, StageResult
from anonymizer.feasible.system import Integers
from anonymizer.model.segments import Catalogue

FORMAT = 2
_MEANINGS = {
    "rule": "figures that break the rules",
    "contradiction": "figures that contradict each other",
    "difference": "the difference of two figures leaves too few people",
    "homogeneity": "a group is shown to be empty",
    "singleton": "a group is shown to be exactly one person",
    "inference": "a combination of figures leaves too few people",
    "solved": "a suppressed count is exactly determined",
    "companion": "a person who is alone in a cell can derive another count",
}
STAGES: Mapping[Stage, str] = {
    "rules": "Checking the figures against the rules and each other",
    "background": "Checking what the background knowledge shows by itself",
    "differences": "Subtracting figures from each other",
    "combinations": "Combining figures, and searching for tables that fit them",
    "solutions": "Solving for suppressed counts",
    "segments": "Checking which suppressed segments are too small as a whole",
    "notes": "Checking what a person who is alone in a cell can derive",
    "intervals": "Computing intervals",
    "guess": "Testing the assumption that all suppressed segments are below the threshold",
}
_ASSUMPTION = "the assumption that all suppressed segments are below the threshold"


def subject(table: PublishedTable) -> str:
    """What is audited."""
    return (
        f"{table.name}: {len(table.published):,} segments published, {len(table.withheld):,} "
        f"listed as suppressed, {len(table.catalogue):,} in the full cross of all codes."
    )


def in_words(step: StageResult) -> Iterator[str]:
    """What a stage found, line by line."""
    done = step.audit
    if step.stage == "verdict":
        yield from _verdict(done)
    elif step.stage == "notes":
        yield from _notes(step)
    elif step.stage == "guess":
        yield from _guess(done.guess)
    else:
        yield from _by_kind(step.findings)
    if step.stage == "combinations" and only_contradictions(step.findings):
        yield "These figures contradict each other, so differences listed above prove nothing."


def _verdict(audit: Audit) -> Iterator[str]:
    count, undecided = len(audit.findings), audit.undecided
    yield {
        "withstood": f"WITHSTOOD: nothing found. {_promise(audit)}",
        "discloses": f"DISCLOSES: {count:,} finding{'s' if count > 1 else ''}.",
        "undecided": "UNDECIDED: nothing found, but not every group is decided.",
    }[audit.outcome]
    if audit.small is not None and len(audit.small):
        yield (
            f"{'At least ' if audit.small_open else ''}{len(audit.small):,} of "
            f"{len(audit.table.withheld):,} suppressed segments provably have fewer than "
            f"{audit.rules.inference_k} people."
        )
    if undecided:
        more = " and more" if undecided.groups > len(undecided.first) else ""
        yield (
            f"Not decided within the budget{_limit(audit)}: {undecided.groups:,} groups with "
            f"{undecided.cells:,} cells: {_quoted(undecided.first)}{more}. "
            "A larger --work decides more."
        )
    if audit.by_parts:
        yield (
            f"The table is too large for integer programming: {audit.by_parts:,} groups count as "
            "safe because tables with fractions of people fit the figures."
        )


def _quoted(groups: Sequence[str]) -> str:
    return ", ".join(f"'{group}'" for group in groups)


def _limit(audit: Audit) -> str:
    return "" if audit.limit is None else f" of {audit.limit:,} units of work"


def _notes(step: StageResult) -> Iterator[str]:
    notes = step.audit.notes
    yield from _by_kind(step.findings[: len(step.findings) - len(notes)])
    if notes:
        yield "Notes, which do not count against the table:"
        yield from _by_kind(notes)
    if not step.audit.notes_complete:
        yield "What a person alone in a cell can derive: not decided within the budget."


def as_json(audit: Audit) -> dict[str, Any]:
    """Everything, in an order that depends on the table alone; fields as in docs/audit.md."""
    table, rules = audit.table, audit.rules
    return {
        "format": FORMAT,
        "outcome": audit.outcome,
        "withstood": audit.withstood,
        "table": {
            "file": table.name,
            "dimensions": {axis.name: len(axis.groups) for axis in table.catalogue.dimensions},
            "segments": len(table.catalogue),
            "published": len(table.published),
            "suppressed": len(table.withheld),
            "known_beforehand": len(table.known),
            "cells": audit.atoms,
        },
        "rules": {
            "inference_k": rules.inference_k,
            "k": rules.floor,
            "rounding": rules.rounding,
            "zeros": "public" if rules.zeros_public else "protect",
        },
        "promise": _promise(audit),
        "work": {"limit": audit.limit, "spent": audit.work},
        "undecided": {
            "groups": audit.undecided.groups,
            "cells": audit.undecided.cells,
            "first": list(audit.undecided.first),
        },
        "whole_people": audit.whole,
        "cells_safe_by_parts": audit.by_parts,
        "findings": [_finding(finding) for finding in audit.findings],
        "too_small": [_segment(table.catalogue, row) for row in _listed(audit.small)],
        "too_small_undecided": audit.small_open,
        "notes": [_finding(finding) for finding in audit.notes],
        "notes_complete": audit.notes_complete,
        "guess": {
            "outcome": audit.guess.outcome,
            "findings": [_finding(finding) for finding in audit.guess.findings],
        },
        "intervals": _rows(table.catalogue, audit.intervals) if audit.intervals else None,
    }


def intervals_csv(audit: Audit, intervals: Intervals) -> bytes:
    """Dimension columns, then the ends; `most` is empty where no figure bounds the segment."""
    text = io.StringIO(newline="")
    axes = [axis.name for axis in audit.table.catalogue.dimensions]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*axes, "least", "most", "least_reached", "most_reached"])
    for row in _rows(audit.table.catalogue, intervals):
        codes = row.pop("segment").values()
        writer.writerow([*codes, *map(_cell, row.values())])
    return text.getvalue().encode()


def _cell(value: object) -> object:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _promise(audit: Audit) -> str:
    floor = audit.rules.inference_k
    if not floor:
        return "The published figures determine no suppressed segment and no cell exactly."
    zeros = ", except cells that are published as 0" if audit.rules.zeros_public else ""
    return (
        f"No one who has all published figures can prove that a cell has fewer than {floor} "
        f"people{zeros}."
    )


def _by_kind(findings: Sequence[Finding]) -> Iterator[str]:
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        kinds[finding.kind].append(finding)
    for kind, found in kinds.items():
        yield f"- {_MEANINGS[kind]} ({kind}): {len(found):,}"
        yield from (
            f"    {_cut(finding.explanation)}" for finding in found[: attack_limits.FINDINGS_LISTED]
        )
        if len(found) > attack_limits.FINDINGS_LISTED:
            yield f"    and {len(found) - attack_limits.FINDINGS_LISTED:,} more"


def _cut(text: str) -> str:
    return (
        text
        if len(text) <= attack_limits.LONGEST_TEXT
        else f"{text[: attack_limits.LONGEST_TEXT].rsplit(' ', 1)[0]} ..."
    )


def _guess(guess: Guess) -> Iterator[str]:
    found = guess.findings
    if guess.outcome == "refuted":
        yield f"The figures refute {_ASSUMPTION}:"
    elif guess.outcome == "consistent":
        added = f"it adds {len(found):,} conclusions:" if found else "it adds no conclusion."
        yield f"The figures do not refute {_ASSUMPTION}; {added}"
    elif found:
        yield f"Not decided within the budget: {_ASSUMPTION}. {len(found):,} conclusions so far:"
    else:
        yield f"Not decided within the budget: {_ASSUMPTION}."
    public = 1 if guess.outcome == "refuted" else attack_limits.FINDINGS_LISTED
    yield from (f"    {_cut(finding.explanation)}" for finding in found[:public])


def _finding(finding: Finding) -> Mapping[str, Any]:
    return {
        "kind": finding.kind,
        "segments": list(finding.segments),
        "explanation": finding.explanation,
        "weights": dict(finding.weights),
        "parts": finding.parts,
    }


def _rows(catalogue: Catalogue, intervals: Intervals | None) -> list[dict[str, Any]]:
    if intervals is None:
        return []
    return [
        {
            "segment": _segment(catalogue, segment),
            "least": least,
            "most": None if most == UNBOUNDED else most,
            "least_reached": least_reached,
            "most_reached": most_reached,
        }
        for segment, least, most, least_reached, most_reached in zip(
            intervals.segments.tolist(),
            intervals.lowest.tolist(),
            intervals.highest.tolist(),
            intervals.lowest_reached.tolist(),
            intervals.highest_reached.tolist(),
            strict=True,
        )
    ]


def _listed(rows: Integers | None) -> list[int]:
    return [] if rows is None else rows.tolist()


def _segment(catalogue: Catalogue, row: int) -> Mapping[str, str]:
    """The code of each dimension."""
    groups = zip(catalogue.dimensions, catalogue.groups(row), strict=True)
    return {axis.name: group.code for axis, group in groups}
