"""The report on a protected table: what was requested, what came out. For the privileged role."""

from collections.abc import Mapping
from typing import Any

from anonymizer.storage.files import sha256
from anonymizer.tabular.protection import REASONS, ProtectedTable
from anonymizer.tabular.request import Files, Request
from anonymizer.tabular.rules import ProtectionRules


def report(
    request: Request, outcome: ProtectedTable, files: Files, seconds: Mapping[str, float]
) -> dict[str, Any]:
    """Segments and people by reason, settings, promise in words, digests; `seconds` as measured.

    `people` adds up the true counts of segments; a person is in many. The digests are of the
    files that were read and those that are written already.
    """
    cells, rules = request.cells, request.rules
    segments = {reason: int((outcome.reasons == n).sum()) for n, reason in enumerate(REASONS)}
    people = {
        reason: int(outcome.true_people[outcome.reasons == n].sum())
        for n, reason in enumerate(REASONS)
    }
    return {
        "table": {
            "file": cells.name,
            "dimensions": {axis.name: len(axis.groups) for axis in cells.dimensions},
            "ignored_columns": list(cells.ignored),
            "cells": cells.people.size,
            "people": int(cells.people.sum()),
        },
        "settings": {
            "k": rules.promise.k,
            "inference_k": rules.promise.inference_floor,
            "rounding": rules.promise.rounding,
            "zeros": rules.zeros,
            "proof_work": rules.effort.proof_work,
            "jobs": rules.effort.threads,
            "memory_megabytes": rules.effort.memory_megabytes,
        },
        "promise": promise_in_words(rules),
        "segments": {"all": len(outcome.catalogue), **segments},
        "people": people,
        "seconds": {what: round(taken, 3) for what, taken in seconds.items()},
        "read": {str(path): sha256(path) for path in files.read},
        "written": {str(p): sha256(p) for p in files.written if p != files.report},
    }


def promise_in_words(rules: ProtectionRules) -> list[str]:
    """What the published figures keep, one sentence for each rule."""
    return [_threshold(rules), _inference(rules), _rounding(rules)]


def _threshold(rules: ProtectionRules) -> str:
    words = f"Every published figure counts at least {rules.promise.k} people"
    if rules.zeros == "public":
        return f"{words}, except empty groups: these are known and published as 0."
    return f"{words}; why a segment is suppressed, or whether it is empty, is never disclosed."


def _inference(rules: ProtectionRules) -> str:
    least = rules.promise.inference_floor
    if not least:
        return (
            "No suppressed segment can be solved exactly from the published figures; that a "
            "segment is small may still be inferred."
        )
    return (
        f"No group of fewer than {least} people can be inferred from all published figures together"
        + (", empty cells aside." if rules.zeros == "public" else ".")
    )


def _rounding(rules: ProtectionRules) -> str:
    step = rules.promise.rounding
    if step == 1:
        return "Figures are exact."
    return (
        f"Figures are multiples of {step}, less than {step} away from the true count; the draw "
        "depends on the secret and on the cells counted, so the same cells give the same figure."
    )
