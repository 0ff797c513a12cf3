"""What the pages of a Parquet file hold, from their headers alone.

The footer may say anything about sizes; what is decoded are pages, and each says in its own header
how many bytes and values it has. Reading the headers costs one small read a page.
Format: parquet.thrift, PageHeader, in Thrift's compact protocol.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from anonymizer.storage import storage_limits

_VARINT_BYTES = 10
# Fields of PageHeader, and of the headers within it that say how many values a page has, and how
# they are encoded.
_UNCOMPRESSED, _COMPRESSED, _DATA, _DATA_2 = 2, 3, 5, 8
_VALUES, _ENCODING = 1, {_DATA: 2, _DATA_2: 4}
# Encodings whose values are references into a dictionary, or share the beginning with another one:
# few bytes can be many.
DICTIONARY, SHARED_PREFIX, PLAIN = frozenset({2, 8}), 7, 0
_FOUND_ENCODING = -1  # no field has this number
# Types of the compact protocol.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)


class Unreadable(ValueError):
    """A page header that is none, or that lies about its place."""


@dataclass(frozen=True)
class Page:
    """Bytes once it is decompressed, how many values it has (0 for a dictionary), in what encoding.

    Encodings are numbered as in parquet.thrift.
    """

    expanded: int
    values: int
    encoding: int = PLAIN


def pages(descriptor: int, start: int, stored: int) -> Iterator[Page]:
    """The pages of a column chunk, of `stored` bytes from `start` on. Raises Unreadable."""
    place, end = start, start + stored
    while place < end:
        header, length = _header(descriptor, place, end)
        expanded, compressed = header.get(_UNCOMPRESSED, -1), header.get(_COMPRESSED, -1)
        place += length + compressed
        if expanded < 0 or compressed < 0 or place > end:
            raise Unreadable
        values = max(header.get(_DATA, 0), header.get(_DATA_2, 0))
        yield Page(expanded, values, header.get(_FOUND_ENCODING, PLAIN))


def _header(descriptor: int, place: int, end: int) -> tuple[dict[int, int], int]:
    """The fields that are looked for, and the length; statistics can make a header long."""
    size = storage_limits.HEADER_WINDOW
    while True:
        window = os.pread(descriptor, min(size, end - place), place)
        try:
            return _Reader(window).page_header()
        except IndexError:
            if size >= min(storage_limits.LONGEST_HEADER, end - place):
                raise Unreadable from None
            size *= 16


class _Reader:
    """Reads Thrift's compact protocol; IndexError where the bytes end."""

    def __init__(self, content: bytes) -> None:
        self._content, self._place = content, 0

    def page_header(self) -> tuple[dict[int, int], int]:
        """Integers of the header by field, and of a header within it its number of values."""
        found: dict[int, int] = {}
        for field, kind in self._fields():
            if kind in _INTEGERS:
                found[field] = self._integer()
            elif kind == _STRUCT and field in (_DATA, _DATA_2):
                found[field], found[_FOUND_ENCODING] = self._values(_ENCODING[field])
            else:
                self._skip(kind, 0)
        return found, self._place

    def _values(self, encoding: int) -> tuple[int, int]:
        """The number of values of a page, and their encoding, which is in the field so numbered."""
        numbers = {_VALUES: 0, encoding: PLAIN}
        for field, kind in self._fields():
            if field in numbers and kind in _INTEGERS:
                numbers[field] = self._integer()
            else:
                self._skip(kind, 1)
        if numbers[_VALUES] < 0:
            raise Unreadable
        return numbers[_VALUES], numbers[encoding]

    def _fields(self) -> Iterator[tuple[int, int]]:
        field = 0
        while head := self._byte():
            delta = head >> 4
            field = field + delta if delta else self._integer()
            yield field, head & 15

    def _byte(self) -> int:
        self._place += 1
        return self._content[self._place - 1]

    def _varint(self) -> int:
        value = 0
        for position in range(_VARINT_BYTES):
            byte = self._byte()
            value |= (byte & 127) << (7 * position)
            if byte < 128:  # noqa: PLR2004  the last byte has no high bit
                return value
        raise Unreadable

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _skip(self, kind: int, depth: int) -> None:
        if depth > storage_limits.DEEPEST_STRUCT:
            raise Unreadable
        if kind in (_TRUE, _FALSE):
            return
        if kind == _STRUCT:
            for _, inner in self._fields():
                self._skip(inner, depth + 1)
        elif kind in (_LIST, _SET):
            self._skip_list(depth)
        else:
            self._skip_plain(kind)

    def _skip_list(self, depth: int) -> None:
        head = self._byte()
        size = head >> 4 if head >> 4 < 15 else self._varint()  # noqa: PLR2004
        for _ in range(size):
            self._byte() if head & 15 in (_TRUE, _FALSE) else self._skip(head & 15, depth + 1)

    def _skip_plain(self, kind: int) -> None:
        skips: dict[int, Callable[[], int]] = {
            _BYTE: lambda: 1,
            _DOUBLE: lambda: 8,
            _BINARY: self._varint,
        }
        if kind in _INTEGERS:
            self._varint()
        elif kind in skips:
            length = skips[kind]()
            self._place += length
            if self._place > len(self._content):
                raise IndexError
        else:  # maps do not occur in a page header
            raise Unreadable
