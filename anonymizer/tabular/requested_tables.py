"""`tables.yaml`: which segments are wanted, and which of them first."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator

from anonymizer.model.configuration import Settings, load
from anonymizer.model.dimensions import Dimension
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.hierarchies import crossed
from anonymizer.model.segments import Catalogue, NamedSegment

EVERY = "every"


def _listed(content: object) -> object:
    """A single word is a list of one."""
    if not isinstance(content, str | list):
        raise ValueError("write every, a code, or a list of codes and levels")
    return [content] if isinstance(content, str) else content


Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class RequestedTables(Settings):
    """All of `tables.yaml`: of some dimensions the codes, the levels or `every` code.

    The other dimensions stand at their total. What `segments` lists is preferred to all others.
    """

    segments: tuple[dict[str, Words], ...] = ()
    tables: tuple[dict[str, Words], ...] = ()


def read_tables(path: Path, dimensions: Sequence[Dimension]) -> Catalogue:
    """The segments that `tables.yaml` asks for: single ones, then tables, each coarse to fine.

    A segment that is asked for twice stands where it is asked for first. Raises
    ConfigurationError with every mistake: unknown dimensions, levels and codes, and a file that
    asks for nothing.
    """
    if not path.is_file():
        raise ConfigurationError([Fault(str(path), "the file is missing")])
    wanted = load(path, RequestedTables)
    faults: list[Fault] = []
    if not (wanted.segments or wanted.tables):
        faults.append(Fault(path.name, "nothing is asked for", "list segments or tables"))
    parts = [
        crossed(dimensions, _groups(f"{path.name} {kind} {number}", table, dimensions, faults))
        for kind, tables in (("segment", wanted.segments), ("table", wanted.tables))
        for number, table in enumerate(tables, start=1)
    ]
    if faults:
        raise ConfigurationError(faults)
    cells = np.concatenate(parts)
    firsts = _firsts(cells, dimensions)
    single = sum(len(part) for part in parts[: len(wanted.segments)])
    named = np.flatnonzero(firsts < single).tolist()
    catalogue = Catalogue(tuple(dimensions), cells[firsts], {})
    names = {row: NamedSegment(catalogue.id(row), catalogue.name(row)) for row in named}
    return Catalogue(catalogue.dimensions, catalogue.cells, names)


def _groups(
    place: str, table: Mapping[str, Words], dimensions: Sequence[Dimension], faults: list[Fault]
) -> list[list[int]]:
    """Positions of the wanted groups of each dimension; mistakes are added to the faults."""
    known = [axis.name for axis in dimensions]
    faults += [
        Fault(place, f"{name!r} is not a dimension", f"there are {', '.join(known)}")
        for name in table
        if name not in known
    ]
    return [
        _positions(place, table[axis.name], axis, faults) if axis.name in table else [0]
        for axis in dimensions
    ]


def _positions(place: str, words: Words, axis: Dimension, faults: list[Fault]) -> list[int]:
    if EVERY in words:
        return list(range(len(axis.groups)))
    levels, codes = {group.level for group in axis.groups}, set(axis.positions)
    for word in words:
        if word not in levels | codes:
            problem = f"{word!r} is neither a code nor a level of {axis.name}"
            faults.append(Fault(place, problem, f"its levels are {', '.join(sorted(levels))}"))
        elif word in levels & codes:
            faults.append(Fault(place, f"{word!r} is both a code and a level of {axis.name}"))
    return [
        position
        for position, group in enumerate(axis.groups)
        if group.level in words or group.code in words
    ]


def _firsts(cells: NDArray[np.int32], dimensions: Sequence[Dimension]) -> NDArray[np.intp]:
    """Ascending positions at which each cell stands first."""
    sizes = [len(axis.groups) for axis in dimensions]
    flat = np.ravel_multi_index(tuple(cells.T), sizes)
    return np.sort(np.unique(flat, return_index=True)[1])
