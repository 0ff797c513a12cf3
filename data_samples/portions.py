"""Large tables are drawn and written in portions, so that memory does not grow with them."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

PORTION = 250_000
_LARGE = 1_000_000


@dataclass(frozen=True)
class Portions:
    """The rows of a folder: so many tables, one after the other."""

    number: int
    tables: Iterator[pa.Table]


def slices_of(size: int) -> list[slice]:
    """All places of a table, in order; one slice where it is small."""
    if size < _LARGE:
        return [slice(0, size)]
    return [slice(first, min(first + PORTION, size)) for first in range(0, size, PORTION)]
