"""The report of an audit: in words for whoever sells audiences, and in full as JSON.

The words name the first findings of each kind and count the rest; the JSON has all of them.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from anonymizer.audit.auditing import Audit, Guess
from anonymizer.audit.findings import Finding
from anonymizer.audit.intervals import UNBOUNDED, Intervals
from anonymizer.feasible.system import Integers
from anonymizer.segments import Catalogue

FORMAT = 1
_SHOWN = 3
_LONGEST = 600
_MEANINGS = {
    "rule": "figures that the rules forbid",
    "contradiction": "figures that no group of people can have",
    "difference": "one figure less another leaves too few people",
    "homogeneity": "a group is shown to be empty",
    "singleton": "a group is shown to be exactly one person",
    "inference": "several figures together leave too few people",
    "solved": "a withheld count is solved exactly",
    "companion": "who is alone in a cell can solve another",
    "unproved": "groups that could not be shown to be safe",
}


def in_words(audit: Audit) -> Iterator[str]:
    """The report line by line."""
    table, rules = audit.table, audit.rules
    yield (
        f"{table.name}: {len(table.published):,} segments published, {len(table.withheld):,} "
        f"withheld, {len(table.catalogue):,} in the cross of all codes."
    )
    yield "WITHSTOOD: nothing found. " + _promise(audit) if audit.withstood else _broken(audit)
    yield from _by_kind(audit.findings)
    if audit.small is not None and len(audit.small):
        yield (
            f"{len(audit.small):,} of {len(table.withheld):,} withheld segments provably "
            f"have fewer than {rules.inference_k} people."
        )
    if not audit.whole and rules.inference_k:
        yield (
            f"The table is too large for integer programming: {audit.by_parts:,} cells are taken "
            "to be safe because divided people fit the figures."
        )
    if audit.notes:
        yield "Notes, which do not count against the table:"
        yield from _by_kind(audit.notes)
    yield from _guess(audit.guess)


def as_json(audit: Audit) -> dict[str, Any]:
    """Everything, in an order that depends on the table alone; fields as in docs/audit.md."""
    table, rules = audit.table, audit.rules
    return {
        "format": FORMAT,
        "withstood": audit.withstood,
        "table": {
            "file": table.name,
            "dimensions": {axis.name: len(axis.groups) for axis in table.catalogue.dimensions},
            "segments": len(table.catalogue),
            "published": len(table.published),
            "withheld": len(table.withheld),
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
        "whole_people": audit.whole,
        "cells_safe_by_parts": audit.by_parts,
        "findings": [_finding(finding) for finding in audit.findings],
        "too_small": [_segment(table.catalogue, row) for row in _listed(audit.small)],
        "notes": [_finding(finding) for finding in audit.notes],
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
        return "No withheld segment and no cell can be solved exactly from the published figures."
    zeros = " but for cells that are published as 0" if audit.rules.zeros_public else ""
    return (
        "Nobody who holds all published figures can show that a cell has fewer than "
        f"{floor} people{zeros}."
    )


def _broken(audit: Audit) -> str:
    count = len(audit.findings)
    return f"DISCLOSES: {count:,} finding{'s' if count > 1 else ''}."


def _by_kind(findings: Sequence[Finding]) -> Iterator[str]:
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        kinds[finding.kind].append(finding)
    for kind, found in kinds.items():
        yield f"- {_MEANINGS[kind]} ({kind}): {len(found):,}"
        yield from (f"    {_cut(finding.explanation)}" for finding in found[:_SHOWN])
        if len(found) > _SHOWN:
            yield f"    and {len(found) - _SHOWN:,} more"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rsplit(' ', 1)[0]} ..."


def _guess(guess: Guess) -> Iterator[str]:
    if guess.outcome == "refuted":
        yield "Who takes every withheld segment to be below the floor is wrong, and can know it:"
        yield from (f"    {_cut(finding.explanation)}" for finding in guess.findings[:1])
    elif guess.outcome == "consistent":
        more = f"and would conclude {len(guess.findings):,} things more, as:"
        yield (
            "Who takes every withheld segment to be below the floor is not refuted by the figures, "
            + (more if guess.findings else "but would conclude nothing more.")
        )
        yield from (f"    {_cut(finding.explanation)}" for finding in guess.findings[:_SHOWN])


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
