"""The parts of a workbook as a file: rows that are many, the seal, and a digest of all the rest.

A workbook is a ZIP of XML parts (ECMA-376). The library that makes them needs about 6 microseconds
a cell, which was four fifths of the cost of an export. So it writes long sheets with one line, and
the other lines are put in here, with the styles of that line and texts in the cells.
"""

import hashlib
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.exports import export_limits
from anonymizer.storage.files import canonical_json

SEAL_PROPERTIES = (
    *("Export provider", "Export recipient", "Export release", "Export file", "Export format"),
    *("Export content", "Export seal", "Export key"),
)
# What zipfile raises for a damaged file; errors of the compressions are of no common kind.
UNREADABLE_ZIP = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, EOFError, OSError),
    *(RuntimeError, ValueError, ArithmeticError, struct.error),
)
PLACEHOLDER = "-"
LONGEST_PROPERTY = 255  # as spreadsheet programs read a text property
_PROPERTIES_PART = "docProps/custom.xml"
_VALUE = "{http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes}lpwstr"

_FIRST_ADDED = 3  # the row after the heading and the line that the library writes
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Line:
    """The cells of a line of a sheet; its height in points, 0 for the usual one."""

    cells: Sequence[str | int | None]
    height: int = 0


@dataclass(frozen=True)
class Columns:
    """The cells of a long sheet, column by column; what stands in most sheets is rendered once.

    Texts of the columns in `distinct` are taken to stand nowhere else. Each column has numbers or
    texts; of numbers some may be missing.
    """

    values: Sequence[Sequence[str | int | None]]
    distinct: frozenset[int] = frozenset()


class NoWorkbook(ValueError):
    """A file that is no workbook, or one with parts that nobody could have released."""


def finished(
    made: Mapping[str, bytes],
    lines: Mapping[int, Sequence[Line] | Columns],
    properties: Callable[[str], Mapping[str, str]],
) -> bytes:
    """The workbook of these parts, with more lines at the end of sheets, and a seal.

    `lines` are those of each sheet by its number, from the second on after its heading.
    `properties` gives the values of the seal's properties for the digest of all other parts.
    """
    parts = dict(made)
    for sheet, more in lines.items():
        name = f"xl/worksheets/sheet{sheet}.xml"
        parts[name] = _with_lines(parts[name].decode(), more).encode()
    text = parts[_PROPERTIES_PART].decode()
    for name, value in properties(_digest(parts)).items():
        empty = f'name="{name}"><vt:lpwstr>{PLACEHOLDER}<'
        if empty not in text:
            raise NoWorkbook(name)
        text = text.replace(empty, f'name="{name}"><vt:lpwstr>{escape(value)}<', 1)
    parts[_PROPERTIES_PART] = text.encode()
    return _written(parts)


def _with_lines(sheet: str, lines: Sequence[Line] | Columns) -> str:
    number = len(lines.values[0]) if isinstance(lines, Columns) else len(lines)
    if not number:
        return sheet
    styles = dict(re.findall(r'<c r="([A-Z]+)2"( s="\d+")', sheet))
    columns = [(f'<c r="{letter}', styles.get(letter, "")) for letter in _LETTERS]
    if isinstance(lines, Columns):
        rows = _rows(lines, range(_FIRST_ADDED, number + _FIRST_ADDED), columns)
    else:
        rows = "".join(_row(n, line, columns) for n, line in enumerate(lines, start=_FIRST_ADDED))
    sheet = sheet.replace("</sheetData>", f"{rows}</sheetData>", 1)
    return re.sub(r'(<dimension ref="A1:[A-Z]+)2"', rf'\g<1>{number + 2}"', sheet, count=1)


def properties_of(workbook: bytes) -> dict[str, str]:
    """The properties of the seal that a workbook has. Raises NoWorkbook."""
    parts = _read(workbook)
    if _PROPERTIES_PART not in parts:
        return {}
    if b"<!" in parts[_PROPERTIES_PART]:  # no entity of its own
        raise NoWorkbook(_PROPERTIES_PART)
    try:
        root = ET.fromstring(parts[_PROPERTIES_PART])  # noqa: S314  without entities
    except ET.ParseError:
        raise NoWorkbook(_PROPERTIES_PART) from None
    values = {node.get("name", ""): node.findtext(_VALUE) or "" for node in root}
    return {name: values[name] for name in SEAL_PROPERTIES if name in values}


def content_digest(workbook: bytes) -> str:
    """SHA-256 of all parts of a workbook but the properties. Raises NoWorkbook.

    It does not depend on how the parts are compressed.
    """
    return _digest(_read(workbook))


def _digest(parts: Mapping[str, bytes]) -> str:
    digests = [
        [name, hashlib.sha256(content).hexdigest()]
        for name, content in sorted(parts.items())
        if name != _PROPERTIES_PART
    ]
    return hashlib.sha256(canonical_json(digests).encode()).hexdigest()


def _read(workbook: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(workbook)) as file:
            members = file.infolist()
            names = [member.filename for member in members]
            if (
                len(set(names)) != len(names)
                or sum(m.file_size for m in members) > export_limits.LARGEST_WORKBOOK
            ):
                raise NoWorkbook("parts")
            return {name: file.read(name) for name in names}
    except UNREADABLE_ZIP as error:
        raise NoWorkbook(type(error).__name__) from None


def _written(parts: Mapping[str, bytes]) -> bytes:
    """A workbook of these parts in this order; its dates are those of no moment."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, part in parts.items():
            info = zipfile.ZipInfo(name)  # 1 January 1980
            info.create_system = 0
            file.writestr(info, part, zipfile.ZIP_DEFLATED, export_limits.COMPRESSION)
    return content.getvalue()


def _row(number: int, line: Line, columns: Sequence[tuple[str, str]]) -> str:
    """A row; `columns` has the beginning of each cell and its style."""
    height = f' ht="{line.height}" customHeight="1"' if line.height else ""
    cells = [
        f'{cell}{number}"{style}><v>{value}</v></c>'
        if isinstance(value, int)
        else f'{cell}{number}"{style} t="inlineStr">{_known_text(value)}</c>'
        for (cell, style), value in zip(columns, line.cells, strict=False)
        if value is not None
    ]
    return f'<row r="{number}"{height}>{"".join(cells)}</row>'


def _rows(lines: Columns, numbers: range, columns: Sequence[tuple[str, str]]) -> str:
    """Many rows at once; the same as `_row` gives for each of them."""
    row_numbers = pc.cast(pa.array(numbers, pa.int64()), pa.string())
    parts: list[Any] = ['<row r="', row_numbers, '">']
    for position, (values, begin) in enumerate(zip(lines.values, columns, strict=False)):
        text = _text if position in lines.distinct else _known_text
        parts += _cells(values, row_numbers, begin, text)
    rows = _joined([*parts, "</row>"])
    end = rows.offset + len(rows)
    offsets = np.frombuffer(rows.buffers()[1], dtype=np.int32)[rows.offset : end + 1]
    first, last = int(offsets[0]), int(offsets[-1])
    content: str = rows.buffers()[2].slice(first, last - first).to_pybytes().decode()
    return content


def _cells(
    values: Sequence[str | int | None],
    row_numbers: pa.StringArray,
    begin: tuple[str, str],
    text: Callable[[str], str],
) -> list[Any]:
    """The parts of a column's cells, one after the other; nothing for one that is missing."""
    cell, style = begin
    if all(isinstance(value, str) for value in values):
        texts = pa.array([text(value) for value in values if isinstance(value, str)], pa.string())
        return [cell, row_numbers, f'"{style} t="inlineStr">', texts, "</c>"]
    people = pc.cast(pa.array(values, pa.int64()), pa.string())
    cells = _joined([cell, row_numbers, f'"{style}><v>', people, "</v></c>"])
    return [pc.fill_null(cells, "")]


def _joined(parts: Sequence[Any]) -> pa.StringArray:
    """Texts and columns of texts put together, row by row."""
    given = [pa.scalar(part) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*given, "")


def _text(value: str) -> str:
    """A text in a cell; `_x0041_` would be read as a character."""
    space = "" if value == value.strip() else ' xml:space="preserve"'
    text = re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", value) if "_x" in value else value
    return f"<is><t{space}>{escape(text)}</t></is>"


_known_text = lru_cache(maxsize=export_limits.TEXTS_REMEMBERED)(_text)
