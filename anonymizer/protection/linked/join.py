"""Tables that lie in each other, as everybody knows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from anonymizer.protection.linked.shown import Shown
from anonymizer.tables import TableKey


@dataclass(frozen=True)
class Containment:
    """Everybody of the inner table is in the outer one, cell by cell."""

    inner: TableKey
    outer: TableKey


@dataclass(frozen=True)
class Cover:
    """Nobody of the whole is outside of all parts."""

    whole: TableKey
    parts: tuple[TableKey, ...]


@dataclass(frozen=True)
class Join:
    """Tables and what everybody knows of how they lie in each other."""

    tables: tuple[Shown, ...]
    containments: tuple[Containment, ...]
    covers: tuple[Cover, ...] = ()

    @property
    def name(self) -> str:
        """`campaign c1 2026-W47 with 7 tables`."""
        first, *others = (table.key.label for table in self.tables)
        return f"{first} with {others[0] if len(others) == 1 else f'{len(others)} tables'}"

    @property
    def keys(self) -> frozenset[TableKey]:
        """Which tables these are."""
        return frozenset(table.key for table in self.tables)

    def positions(self) -> dict[TableKey, int]:
        """The place of each table."""
        return {table.key: place for place, table in enumerate(self.tables)}


def leaves_of(tables: Sequence[Shown]) -> list[tuple[str, ...]]:
    """The finest values of each dimension that any of the tables knows."""
    axes = zip(*(shown.catalogue.dimensions for shown in tables), strict=True)
    return [tuple(dict.fromkeys(leaf for axis in same for leaf in axis.leaves)) for same in axes]
