"""Protects a table of cells, and says of each segment what became of it."""

import hashlib
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from anonymizer.feasible.totals import segment_totals
from anonymizer.model.periods import Period
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import Counted, SetHashes, TableKey
from anonymizer.storage.processes import Workers
from anonymizer.storage.secret import Secret
from anonymizer.suppression.single_table import suppress_alone
from anonymizer.tabular.request import Request
from anonymizer.tabular.rules import Zeros
from anonymizer.tabular.table import Cells

REASONS = ("threshold", "inference", "kept")
THRESHOLD, INFERENCE, KEPT = range(len(REASONS))
# Cells have no period; the key of a counted table needs one.
_NO_PERIOD = Period("day", date.min)


@dataclass(frozen=True)
class ProtectedTable:
    """What became of every segment of the catalogue; for the privileged role alone.

    `people` are the figures as published, 0 where suppressed, `true_people` the counts,
    `reasons` positions in REASONS.
    """

    catalogue: Catalogue
    people: NDArray[np.int64]
    true_people: NDArray[np.int64]
    reasons: NDArray[np.int8]

    @property
    def published(self) -> NDArray[np.bool_]:
        """Which segments have a figure."""
        published: NDArray[np.bool_] = self.reasons == KEPT
        return published


def protect_cells(request: Request) -> ProtectedTable:
    """The figures of a table of cells that keep the rules.

    With public zeros everybody knows which cells are empty: what has no other cells is published
    as 0. Equal requests give equal figures. Raises Held as `suppress_alone` does.
    """
    catalogue, rules = request.catalogue, request.rules
    counted = _counted(request.cells, rules.zeros, request.secret)
    terms = rules.promise, request.secret, rules.effort
    suppressed = suppress_alone(counted, catalogue, *terms, Workers(rules.effort.threads))
    reasons = np.full(len(catalogue), THRESHOLD, dtype=np.int8)
    reasons[list(suppressed.for_inference)] = INFERENCE
    reasons[suppressed.figures.segments] = KEPT
    # Zeros known to everybody are no secret to keep.
    reasons[segment_totals(catalogue, counted.possible.astype(np.int64)) == 0] = KEPT
    people = np.zeros(len(catalogue), dtype=np.int64)
    people[suppressed.figures.segments] = suppressed.figures.people
    return ProtectedTable(catalogue, people, segment_totals(catalogue, counted.people), reasons)


def _counted(cells: Cells, zeros: Zeros, secret: Secret) -> Counted:
    """Where zeros are known, so is that there is somebody in every other cell."""
    public = zeros == "public"
    possible = cells.people > 0 if public else np.ones(cells.people.shape, dtype=bool)
    key = TableKey("cells", cells.name, _NO_PERIOD)
    return Counted(key, cells.people, _hashes(cells, secret), possible, occupied=public)


def _hashes(cells: Cells, secret: Secret) -> SetHashes:
    """A keyed number for the people of each cell, known by its codes and their count.

    So equal people of equal cells are rounded alike, in every segment and at every run, in
    whatever order the columns stand. No person is told apart in a cell: all are in one bucket.
    """
    inside = np.nonzero(cells.people)
    along = sorted(zip(cells.dimensions, inside, strict=True), key=lambda pair: pair[0].name)
    codes = [np.array(axis.leaves, dtype=object)[leaves].tolist() for axis, leaves in along]
    key = secret.derive("cells")
    names = "\n".join(axis.name for axis, _ in along)
    numbers = [
        _number("\n".join((names, *map(str, cell))), key)
        for cell in zip(*codes, cells.people[inside].tolist(), strict=True)
    ]
    occupied = np.flatnonzero(cells.people)
    one_bucket = np.zeros(len(occupied), dtype=np.uint8)
    return SetHashes(occupied, one_bucket, np.array(numbers, dtype=np.uint64))


def _number(message: str, key: bytes) -> int:
    digest = hashlib.blake2b(message.encode(), key=key, digest_size=8).digest()
    return int.from_bytes(digest, "big")
