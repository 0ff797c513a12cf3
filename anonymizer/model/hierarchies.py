"""Dimensions of any table: hierarchy files of `parent,child` rows, and the cross of all levels.

A child may have several parents, so that groups overlap (`METRO` beside provinces). The finest
values, the leaves, are the codes that are never a parent.
"""

import csv
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.dimensions import ALL, Dimension, Group, Text
from anonymizer.model.errors import ConfigurationError, Fault, first_few, why_unreadable
from anonymizer.model.segments import Catalogue

TOTAL = "Total"
FINEST = "finest"
_COLUMNS = ["parent", "child"]


@dataclass(frozen=True)
class Hierarchy:
    """Groups and the codes directly below each; no code is below itself.

    Raises graphlib.CycleError, a ValueError, where one is.
    """

    children: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        TopologicalSorter(self.children).prepare()

    @cached_property
    def codes(self) -> frozenset[str]:
        """All codes: groups and leaves."""
        return frozenset(self.children).union(*self.children.values())

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """The codes that are never a parent, as they first stand in the file."""
        below = (child for children in self.children.values() for child in children)
        return tuple(dict.fromkeys(code for code in below if code not in self.children))


def read_hierarchy(path: Path) -> Hierarchy:
    """The hierarchy in a CSV file with the columns `parent` and `child`.

    Raises ConfigurationError with every mistake and its line: a missing header, empty codes,
    a row that occurs twice, a code that is below itself.
    """
    rows, faults = _rows(path)
    lines = Counter(row for _, row in rows)
    doubled = [(line, row) for line, row in rows if lines[row] > 1]
    firsts: set[tuple[str, str]] = set()
    for line, row in doubled:
        if row in firsts:
            faults.append(Fault(f"{path.name}:{line}", f"{_arrow(row)} occurs twice"))
        firsts.add(row)
    children = _children([row for _, row in rows])
    faults += [
        Fault(path.name, f"{' > '.join(cycle)} is a cycle", "no code may be below itself")
        for cycle in _cycles(children)
    ]
    if faults:
        raise ConfigurationError(faults)
    return Hierarchy(children)


def dimension(name: str, hierarchy: Hierarchy | None, values: Collection[str]) -> Dimension:
    """The leaves and groups of one column, coarse to fine; `groups[0]` covers all leaves.

    Without a hierarchy: the values in their order as text, and `Total`. A hierarchy in which no
    group covers all leaves gets `Total` too. `values` are the codes that a table uses, groups
    included; raises ConfigurationError where the hierarchy lacks some of them, or where `Total`
    would have to be added but is another group.

    The levels are called `all` (the first group alone), then `level_2`, `level_1` and so on by
    the longest way down to a leaf, and `finest` (the leaves).
    """
    tree = hierarchy or Hierarchy({TOTAL: tuple(sorted(set(values) - {TOTAL}))})
    if not tree.leaves:
        raise ConfigurationError([Fault(name, "this dimension has no values")])
    below, heights = _leaves_below(tree), _heights(tree)
    whole = [code for code in below if len(below[code]) == len(tree.leaves)]
    top = max(whole, key=lambda code: heights[code], default=TOTAL)
    known = tree.codes if whole else tree.codes | {TOTAL}
    faults = _unknown(name, set(values) - known)
    if not whole and TOTAL in tree.codes:
        problem = f"{TOTAL} does not cover all codes of its hierarchy"
        faults.append(Fault(name, problem, "add the missing codes below it, or rename it"))
    if faults:
        raise ConfigurationError(faults)
    below[top] = tuple(range(len(tree.leaves)))
    others = sorted((code for code in below if code != top), key=lambda code: -heights[code])
    groups = [_group(name, top, ALL, below[top])]
    groups += [_group(name, code, _level(heights[code]), below[code]) for code in others]
    return Dimension(name, tree.leaves, tuple(groups))


def full_cross(dimensions: Sequence[Dimension]) -> Catalogue:
    """All combinations of codes: coarse tables before fine ones, in the order of the groups.

    None is preferred to another but for its size.
    """
    groups = [range(len(axis.groups)) for axis in dimensions]
    return Catalogue(tuple(dimensions), crossed(dimensions, groups), {}, by_size=True)


def crossed(dimensions: Sequence[Dimension], groups: Sequence[Sequence[int]]) -> NDArray[np.int32]:
    """The cells of all combinations of these groups (positions in each dimension), coarse to fine.

    Combinations of the same levels stand together.
    """
    chosen = np.meshgrid(*(np.array(part, dtype=np.int32) for part in groups), indexing="ij")
    cells = np.stack([part.ravel() for part in chosen])
    depths = [_depths(axis)[part] for axis, part in zip(dimensions, cells, strict=True)]
    # The last key counts most: first how deep a table is, then which level of each dimension.
    order = np.lexsort((*reversed(depths), np.sum(depths, axis=0)))
    return np.ascontiguousarray(cells.T[order])


def _rows(path: Path) -> tuple[list[tuple[int, tuple[str, str]]], list[Fault]]:
    """Line number and codes of each usable row, and what is wrong with the others."""
    rows: list[tuple[int, tuple[str, str]]] = []
    faults: list[Fault] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if header != _COLUMNS:
                problem = "the first line must be parent,child"
                return rows, [Fault(f"{path.name}:1", problem, "add it, without other columns")]
            for row in reader:
                problem = _problem(row)
                if problem:
                    faults.append(Fault(f"{path.name}:{reader.line_num}", problem))
                elif row:
                    rows.append((reader.line_num, (row[0], row[1])))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return [], [*faults, unreadable(path, error)]
    if not rows and not faults:
        faults.append(Fault(path.name, "there are no rows", "write one parent,child a line"))
    return rows, faults


def unreadable(path: Path, error: Exception) -> Fault:
    """What is wrong with a text file that could not be opened or decoded, without its content."""
    if isinstance(error, OSError):
        return Fault(str(path), why_unreadable(error))
    return Fault(path.name, f"this is not a CSV file in UTF-8 ({type(error).__name__})")


def _problem(row: Sequence[str]) -> str:
    if row and len(row) != len(_COLUMNS):
        return f"{len(row)} fields; parent,child has {len(_COLUMNS)}"
    if not all(row):
        return "a code is empty"
    if any(code != code.strip() or not code.isprintable() for code in row):
        return "a code has a space at its beginning or end, or an invisible character"
    return ""


def _arrow(row: Sequence[str]) -> str:
    return " > ".join(row)


def _children(rows: Sequence[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    children: dict[str, dict[str, None]] = {}
    for parent, child in rows:
        children.setdefault(parent, {})[child] = None
    return {parent: tuple(codes) for parent, codes in children.items()}


def _cycles(children: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """Every circle is broken at one place before the next is looked for."""
    left = {parent: set(codes) for parent, codes in children.items()}
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            # graphlib lists a circle from child to parent, the first code again at the end.
            cycle: list[str] = error.args[1][::-1]
            left[cycle[0]].discard(cycle[1])
            yield cycle
        else:
            return


def _leaves_below(tree: Hierarchy) -> dict[str, tuple[int, ...]]:
    """Positions of the leaves of every code: groups as they first stand in the file, leaves."""
    found: dict[str, frozenset[int]] = {
        code: frozenset({position}) for position, code in enumerate(tree.leaves)
    }
    for code in TopologicalSorter(tree.children).static_order():
        if code in tree.children:
            found[code] = frozenset().union(*(found[child] for child in tree.children[code]))
    return {code: tuple(sorted(found[code])) for code in (*tree.children, *tree.leaves)}


def _heights(tree: Hierarchy) -> dict[str, int]:
    """The longest way from each code down to a leaf."""
    heights: dict[str, int] = {}
    for code in TopologicalSorter(tree.children).static_order():
        children = tree.children.get(code, ())
        heights[code] = 1 + max((heights[child] for child in children), default=-1)
    return heights


def _level(height: int) -> str:
    return f"level_{height}" if height else FINEST


def _group(dimension_name: str, code: str, level: str, leaves: tuple[int, ...]) -> Group:
    words = f"{dimension_name} {code}"
    return Group(code, level, Text(words, words), leaves)


def _unknown(name: str, codes: Collection[str]) -> list[Fault]:
    if not codes:
        return []
    problem = f"{first_few([repr(code) for code in sorted(codes)])} not in its hierarchy"
    return [Fault(name, problem, "add a parent,child row for each")]


def _depths(axis: Dimension) -> NDArray[np.int64]:
    """For each group the place of its level, coarse to fine."""
    positions = {
        level: place for place, level in enumerate(dict.fromkeys(g.level for g in axis.groups))
    }
    return np.array([positions[group.level] for group in axis.groups], dtype=np.int64)
