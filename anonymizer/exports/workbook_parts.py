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
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

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
_EFFORT = 3  # of compression: files are a tenth larger than with the usual 6, at half the cost
_LARGEST = 512 * 2**20  # of all parts together, in bytes
_VALUE = "{http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes}lpwstr"

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Line:
    """The cells of a line of a sheet; its height in points, 0 for the usual one."""

    cells: Sequence[str | int | None]
    height: int = 0


class NoWorkbook(ValueError):
    """A file that is no workbook, or one with parts that nobody could have released."""


def finished(
    workbook: bytes,
    lines: Mapping[int, Sequence[Line]],
    properties: Callable[[str], Mapping[str, str]],
) -> bytes:
    """The same workbook with more lines at the end of sheets, and a seal.

    `lines` are those of each sheet by its number, from the second on after its heading.
    `properties` gives the values of the seal's properties for the digest of all other parts.
    """
    parts = _read(workbook)
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


def _with_lines(sheet: str, lines: Sequence[Line]) -> str:
    if not lines:
        return sheet
    styles = dict(re.findall(r'<c r="([A-Z]+)2"( s="\d+")', sheet))
    columns = [(f'<c r="{letter}', styles.get(letter, "")) for letter in _LETTERS]
    rows = "".join(_row(number, line, columns) for number, line in enumerate(lines, start=3))
    sheet = sheet.replace("</sheetData>", f"{rows}</sheetData>", 1)
    return re.sub(r'(<dimension ref="A1:[A-Z]+)2"', rf'\g<1>{len(lines) + 2}"', sheet, count=1)


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
            if len(set(names)) != len(names) or sum(m.file_size for m in members) > _LARGEST:
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
            file.writestr(info, part, zipfile.ZIP_DEFLATED, _EFFORT)
    return content.getvalue()


def _row(number: int, line: Line, columns: Sequence[tuple[str, str]]) -> str:
    """A row; `columns` has the beginning of each cell and its style."""
    height = f' ht="{line.height}" customHeight="1"' if line.height else ""
    cells = [
        f'{cell}{number}"{style}><v>{value}</v></c>'
        if isinstance(value, int)
        else f'{cell}{number}"{style} t="inlineStr">{_text(value)}</c>'
        for (cell, style), value in zip(columns, line.cells, strict=False)
        if value is not None
    ]
    return f'<row r="{number}"{height}>{"".join(cells)}</row>'


@lru_cache(maxsize=4096)
def _text(value: str) -> str:
    """A text in a cell; `_x0041_` would be read as a character."""
    space = "" if value == value.strip() else ' xml:space="preserve"'
    text = re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", value) if "_x" in value else value
    return f"<is><t{space}>{escape(text)}</t></is>"
