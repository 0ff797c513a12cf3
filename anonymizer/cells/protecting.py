"""Protects a table of cells, and says of each segment what became of it."""

import hashlib
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from anonymizer.cells.request import Request
from anonymizer.cells.rules import Zeros
from anonymizer.cells.table import Cells
from anonymizer.periods import Period
from anonymizer.protection.suppression import Protected, protect
from anonymizer.protection.totals import segment_totals
from anonymizer.secret import Secret
from anonymizer.segments import Catalogue
from anonymizer.tables import Counted, TableKey

REASONS = ("floor", "inference", "kept")
FLOOR, INFERENCE, KEPT = range(len(REASONS))
# Cells have no period; the key of a counted table needs one.
_NO_PERIOD = Period("day", date.min)


@dataclass(frozen=True)
class Outcome:
    """What became of every segment of the catalogue; for the privileged role alone.

    `people` are the figures as published, 0 where withheld, `true_people` the counts,
    `reasons` positions in REASONS.
    """

    catalogue: Catalogue
    people: NDArray[np.int64]
    true_people: NDArray[np.int64]
    reasons: NDArray[np.int8]
    seconds: float

    @property
    def published(self) -> NDArray[np.bool_]:
        """Which segments have a figure."""
        published: NDArray[np.bool_] = self.reasons == KEPT
        return published


def protect_cells(request: Request) -> Outcome:
    """The figures of a table of cells that keep the rules.

    With public zeros everybody knows which cells are empty: what has no other cells is published
    as 0. Equal requests give equal figures. Raises Held as `protect` does.
    """
    catalogue = request.catalogue
    counted = _counted(request.cells, request.rules.zeros, request.secret)
    protected = _protected(counted, request)
    reasons = np.full(len(catalogue), FLOOR, dtype=np.int8)
    reasons[list(protected.withheld_for_inference)] = INFERENCE
    reasons[protected.figures.segments] = KEPT
    # Zeros known to everybody are no secret to keep.
    reasons[segment_totals(catalogue, counted.possible.astype(np.int64)) == 0] = KEPT
    people = np.zeros(len(catalogue), dtype=np.int64)
    people[protected.figures.segments] = protected.figures.people
    true_people = segment_totals(catalogue, counted.people)
    return Outcome(catalogue, people, true_people, reasons, protected.seconds)


def _protected(counted: Counted, request: Request) -> Protected:
    """The one call of the suppressor: whatever readers know of the cells is told to it here."""
    rules = request.rules
    return protect(counted, request.catalogue, rules.promise, request.secret, rules.effort)


def _counted(cells: Cells, zeros: Zeros, secret: Secret) -> Counted:
    """Where zeros are known, so is that there is somebody in every other cell."""
    public = zeros == "public"
    possible = cells.people > 0 if public else np.ones(cells.people.shape, dtype=bool)
    key = TableKey("cells", cells.name, _NO_PERIOD)
    marks = _marks(cells, secret)
    return Counted(key, cells.people, cells.people, marks, possible, occupied=public)


def _marks(cells: Cells, secret: Secret) -> NDArray[np.uint64]:
    """A keyed number for the people of each cell, known by its codes and their count.

    So equal people of equal cells are rounded alike, in every segment and at every run, in
    whatever order the columns stand.
    """
    marks = np.zeros(cells.people.shape, dtype=np.uint64)
    atoms = np.nonzero(cells.people)
    along = sorted(zip(cells.dimensions, atoms, strict=True), key=lambda pair: pair[0].name)
    codes = [np.array(axis.leaves, dtype=object)[leaves].tolist() for axis, leaves in along]
    key = secret.derive("cells")
    names = "\n".join(axis.name for axis, _ in along)
    marks[atoms] = [
        _number("\n".join((names, *map(str, atom))), key)
        for atom in zip(*codes, cells.people[atoms].tolist(), strict=True)
    ]
    return marks


def _number(message: str, key: bytes) -> int:
    digest = hashlib.blake2b(message.encode(), key=key, digest_size=8).digest()
    return int.from_bytes(digest, "big")
