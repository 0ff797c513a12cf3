"""The privileged check of a table against its true counts, before it is released.

Everything is counted again from the atoms, segment by segment. Findings name the promise
and the segment, never the true count.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.audit.findings import Finding, Kind
from anonymizer.policy import Promise
from anonymizer.segments import Catalogue
from anonymizer.tables import Counted, Figures

Mark = tuple[int, int]


@dataclass(frozen=True)
class _Count:
    """One published segment as counted again; `mark` names its set of people."""

    segment: str
    published: int
    people: int
    trusted: int
    mark: Mark


def inspect(
    figures: Figures, counted: Counted, catalogue: Catalogue, promise: Promise
) -> tuple[Finding, ...]:
    """Every published figure that breaks the floor or the rounding, or belongs elsewhere.

    Structural faults (another table, a wrong grid, an unknown segment, people where there
    can be none) are reported alone: counts mean nothing then.
    """
    found = tuple(_structure(figures, counted, catalogue))
    if not found:
        counts = _recount(figures, counted, catalogue)
        found = (*_floor(counts, promise), *_rounding(counts, promise), *_same_people(counts))
    return tuple(Finding(figures.key, kind, ids, text) for kind, ids, text in found)


Fault = tuple[Kind, tuple[str, ...], str]


def _structure(figures: Figures, counted: Counted, catalogue: Catalogue) -> Iterator[Fault]:
    if figures.key != counted.key:
        yield "structure", (), f"the counts are those of another table, {counted.key}"
    if counted.people.shape != catalogue.shape:
        yield "structure", (), "the counts do not have the shape of the catalogue's atoms"
    elif counted.people[~counted.possible].any():
        yield "structure", (), "people are counted where the table can have nobody"
    outside = (figures.segments < 0) | (figures.segments >= len(catalogue))
    for segment in figures.segments[outside]:
        yield "structure", (), f"segment number {segment} is not in the catalogue"


def _recount(figures: Figures, counted: Counted, catalogue: Catalogue) -> list[_Count]:
    counts = []
    for row, published in zip(figures.segments.tolist(), figures.people.tolist(), strict=True):
        box = np.ix_(*(group.leaves for group in catalogue.groups(row)))
        people = _total(counted.people[box])
        mark = people, int(counted.marks[box].sum(dtype=np.uint64))
        trusted = _total(counted.trusted[box])
        counts.append(_Count(catalogue.id(row), published, people, trusted, mark))
    return counts


def _total(atoms: NDArray[np.int64]) -> int:
    return int(atoms.sum())


def _floor(counts: list[_Count], promise: Promise) -> Iterator[Fault]:
    for count in counts:
        if count.trusted < promise.k:
            text = f"the figure of {count.segment} counts fewer than k = {promise.k} trusted people"
            yield "floor", (count.segment,), text


def _rounding(counts: list[_Count], promise: Promise) -> Iterator[Fault]:
    step = promise.rounding
    for count in counts:
        if count.published % step or abs(count.published - count.people) >= step:
            nature = "exact" if step == 1 else f"one of the two multiples of {step} around it"
            text = f"the figure of {count.segment} is not {nature}"
            yield "rounding", (count.segment,), text


def _same_people(counts: list[_Count]) -> Iterator[Fault]:
    """Two segments of the same people must carry one figure, or their average tells more."""
    first: dict[Mark, _Count] = {}
    for count in counts:
        twin = first.setdefault(count.mark, count)
        if twin.published != count.published:
            text = (
                f"{twin.segment} and {count.segment} are the same people, but their figures differ"
            )
            yield "rounding", (twin.segment, count.segment), text
