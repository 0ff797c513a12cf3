"""An advertiser's export as a published table: its columns, its dimensions, and its workbook.

An export says each segment by the codes of its groups. Genders, age bands and official regions are
known to everybody; what other groups mean is in the release beside the export, or else it is taken
from the catalogue that the program brings along.
"""

import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import IO

from anonymizer.audit import attack_limits
from anonymizer.model.dimensions import Dimension, Group, age, gender, region
from anonymizer.model.errors import ConfigurationError, Fault, first_few
from anonymizer.model.hierarchies import unreadable
from anonymizer.storage.parquet_tables import require_small

_COLUMNS = {"gender": "gender", "age": "age", "region_code": "region"}
_KEPT = ("status", "people")
_MARKS = frozenset({*_COLUMNS, *_KEPT, "segment_id", "rounding"})
# What the columns and statuses of a workbook are called in each language.
_HEADINGS = {
    "Number of people": "people",
    "Jumlah orang": "people",
    "Status": "status",
    "Region code": "region_code",
    "Kode wilayah": "region_code",
    "Segment id": "segment_id",
    "ID segmen": "segment_id",
    "Gender code": "gender",
    "Kode jenis kelamin": "gender",
    "Age code": "age",
    "Kode usia": "age",
    "Multiples of": "rounding",
    "Kelipatan": "rounding",
}
_STATUSES = {
    "ditampilkan": "published",
    "not published": "suppressed",
    "tidak ditampilkan": "suppressed",
}
_SHEETS = ("xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml")
_SPREADSHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_UNREADABLE = (zipfile.BadZipFile, KeyError, ET.ParseError, IndexError, ValueError)

Columns = Mapping[str, Sequence[str]]


def is_export(columns: Collection[str]) -> bool:
    """Whether a table has the columns of an export."""
    return set(columns) >= _MARKS


def as_published(columns: Columns) -> Columns:
    """What is to be audited of an export: the codes of its dimensions, status and people."""
    chosen = {name: columns[column] for column, name in _COLUMNS.items()}
    return {**chosen, **{name: columns[name] for name in _KEPT}}


def rounding_of(columns: Columns) -> int:
    """What all figures of an export are multiples of; 1 where it does not say one number."""
    said = set(columns["rounding"])
    text = said.pop() if len(said) == 1 else ""
    return int(text) if text.isascii() and text.isdigit() and text.strip("0") else 1


def known_dimension(path: Path, name: str, codes: Collection[str]) -> Dimension:
    """The dimension of an export's column. Raises ConfigurationError for groups nobody explains."""
    own = _dimension(name)
    unknown = set(codes) - own.positions.keys()
    if unknown:
        explained = _explained(path, own) or _brought_along(name)
        own = own.with_groups([group for group in explained if group.code in unknown])
    if lacking := sorted(set(codes) - own.positions.keys()):
        problem = f"{first_few([*map(repr, lacking)])} is not a group that this program knows"
        remedy = f"audit it in its published folder, or give --hierarchy {name}=FILE"
        raise ConfigurationError([Fault(f"{path.name}, column {name}", problem, remedy)])
    single = {leaf for group in own.groups for leaf in group.leaves if len(group.leaves) == 1}
    alone = [
        Group(leaf, "leaf", own.groups[0].name, (position,))
        for position, leaf in enumerate(own.leaves)
        if position not in single
    ]
    needed = [group for group in own.groups if len(group.leaves) == 1 or group.code in codes]
    whole = own.groups[0]
    groups = [whole, *(group for group in needed if group.code != whole.code), *alone]
    return Dimension(name, own.leaves, tuple(groups))


def _dimension(name: str) -> Dimension:
    return {"gender": gender, "age": age, "region": region}[name]()


def _explained(path: Path, own: Dimension) -> list[Group]:
    """Groups as the release says that the export is of, where both lie in a published folder."""
    folder = path.absolute().parent
    file = folder.parents[2] / "releases" / folder.name / "groups.parquet"
    if len(folder.parents) <= 2 or not file.is_file():  # noqa: PLR2004
        return []
    import pyarrow.parquet as pq  # noqa: PLC0415  costs more than to read a CSV file

    require_small(file)
    positions = {leaf: position for position, leaf in enumerate(own.leaves)}
    return [
        Group(
            row["code"], row["level"], own.groups[0].name,
            tuple(sorted(positions[leaf] for leaf in row["leaves"])),
        )
        for row in pq.read_table(file, partitioning=None).to_pylist()
        if row["dimension"] == own.name and set(row["leaves"]) <= positions.keys()
    ]  # fmt: skip


def _brought_along(name: str) -> Sequence[Group]:
    from anonymizer.model.segments import load_catalogue  # noqa: PLC0415  only for its groups: 0.1 s

    with as_file(files("anonymizer") / "defaults" / "segments.yaml") as path:
        axes = load_catalogue(path).dimensions
    return next(axis.groups for axis in axes if axis.name == name)


def workbook_columns(path: Path) -> Columns:
    """The table of a workbook as columns of text. Raises ConfigurationError.

    That is the sheet with the columns of an export, in either language; without one the first.
    """
    try:
        with zipfile.ZipFile(path) as book:
            texts = list(_texts(_part(book, "xl/sharedStrings.xml")))
            known = set(book.namelist())
            sheets = [_sheet(_part(book, name), texts) for name in _SHEETS if name in known]
            return next((sheet for sheet in sheets if is_export(sheet)), sheets[0])
    except OSError as error:
        raise ConfigurationError([unreadable(path, error)]) from None
    except _UNREADABLE:
        raise ConfigurationError(
            [
                Fault(
                    path.name,
                    "this workbook cannot be read",
                    "use the .csv or .parquet file of the same export",
                )
            ]
        ) from None


def _sheet(part: IO[bytes], texts: Sequence[str]) -> Columns:
    """The columns of a sheet, by the words of its first row; those of an export by their names."""
    rows = list(_rows(part, texts))
    names = [rows[0][column] for column in sorted(rows[0])] if rows else []
    columns = {name: [row.get(column, "") for row in rows[1:]] for column, name in enumerate(names)}
    named = {_HEADINGS[name]: column for name, column in columns.items() if name in _HEADINGS}
    if not is_export(named):
        return columns
    return {**named, "status": [_STATUSES.get(status, status) for status in named["status"]]}


def _part(book: zipfile.ZipFile, name: str) -> IO[bytes]:
    if book.getinfo(name).file_size > attack_limits.SHEET_BYTES:
        raise ValueError(name)
    return book.open(name)


def _texts(part: IO[bytes]) -> Iterator[str]:
    with part:
        for _, node in ET.iterparse(part):  # noqa: S314
            if node.tag == f"{_SPREADSHEET}si":
                yield "".join(text.text or "" for text in node.iter(f"{_SPREADSHEET}t"))
                node.clear()


def _rows(part: IO[bytes], texts: Sequence[str]) -> Iterator[dict[int, str]]:
    """The cells of each row by their column, from 0."""
    with part:
        for _, node in ET.iterparse(part):  # noqa: S314
            if node.tag == f"{_SPREADSHEET}row":
                yield {_column(c.attrib["r"]): _value(c, texts) for c in node}
                node.clear()


def _column(position: str) -> int:
    """`C7` is 2."""
    number = 0
    for letter in position.rstrip("0123456789"):
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _value(cell: ET.Element, texts: Sequence[str]) -> str:
    if cell.attrib.get("t") == "inlineStr":
        return "".join(text.text or "" for text in cell.iter(f"{_SPREADSHEET}t"))
    value = cell.findtext(f"{_SPREADSHEET}v") or ""
    return texts[int(value)] if cell.attrib.get("t") == "s" else value
