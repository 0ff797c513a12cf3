"""An export as a workbook: a page for a manager, all figures to filter, how to read them, a label.

There is one workbook for each language. Its parts are made by a library, except the rows of the
table, which are many (`workbook_parts.py`).
"""

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time
from functools import lru_cache
from typing import Any

import xlsxwriter
from xlsxwriter.packager import Packager
from xlsxwriter.utility import xl_range

from anonymizer.exports import workbook_words as words
from anonymizer.exports.data_label import LabelField
from anonymizer.exports.guide import guide
from anonymizer.exports.language import Language, worded
from anonymizer.exports.overview import WorkbookContent
from anonymizer.exports.rows import Row, harmless
from anonymizer.exports.summary_sheet import write_summary
from anonymizer.exports.workbook_parts import (
    PLACEHOLDER,
    SEAL_PROPERTIES,
    Columns,
    Line,
    finished,
)
from anonymizer.model.dimensions import Text
from anonymizer.release.release import Release

_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_A4 = 9
# The columns of the table with their widths; the first ones are printed, the others are for
# filters and programs.
_COLUMNS: tuple[tuple[Text, int], ...] = (
    (words.SEGMENT, 38),
    (words.PEOPLE, 17),
    (words.STATUS, 17),
    (words.GENDER, 20),
    (words.AGE, 25),
    (words.REGION, 30),
    (words.REGION_CODE, 14),
    (words.STATEMENT, 90),
    (words.SEGMENT_ID, 26),
    (words.GENDER_CODE, 20),
    (words.AGE_CODE, 16),
    (words.ROUNDING, 13),
    (words.IAB_IDS, 20),
)
_PRINTED = 7
_DISTINCT = frozenset({[name for name, _ in _COLUMNS].index(words.STATEMENT)})
Cells = Sequence[str] | Sequence[int] | Sequence[int | None]
_GUIDE_WIDTH, _LABEL_WIDTHS, _LINE_POINTS = 90, (38, 100), 15


def xlsx_bytes(
    content: WorkbookContent, language: Language, seal: Callable[[str], Mapping[str, str]]
) -> bytes:
    """The content of the file; equal content gives equal bytes, so its date is the period's.

    `seal` gives the properties that seal a workbook with this digest of its parts.
    """
    release = content.release
    file = io.BytesIO()
    with _Workbook(file, _OPTIONS) as workbook:
        made = datetime.combine(release.period.end, time(), UTC)
        title = worded(words.title_of(release, content.subject), language)
        workbook.set_properties(
            {"title": harmless(title), "author": release.provider, "created": made}
        )
        for name in SEAL_PROPERTIES:
            workbook.set_custom_property(name, PLACEHOLDER, "text")
        write_summary(workbook, content, language)
        table = _table_columns(content, language)
        reading = _guide_lines(release, language)
        label = _label_lines(content.label, language)
        _write_table(workbook, table, language)
        _write_guide(workbook, reading, language)
        _write_label(workbook, label, language)
    more = (Columns([column[1:] for column in table], _DISTINCT), reading[1:], label[1:])
    return finished(workbook.parts(), dict(enumerate(more, start=2)), seal)


class _KeptParts(Packager):  # type: ignore[misc]
    """Keeps the parts of a workbook, so that they are put into a file once: after the rows are."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[Any, str, bool]] = []

    def _create_package(self) -> list[tuple[Any, str, bool]]:
        self.kept = super()._create_package()
        return []


class _Workbook(xlsxwriter.Workbook):  # type: ignore[misc]
    """A workbook of which the parts are wanted; the file that it writes has none."""

    def _get_packager(self) -> _KeptParts:
        self._packager = _KeptParts()
        return self._packager

    def parts(self) -> dict[str, bytes]:
        """The parts in the order of the file, after it was closed."""
        return {
            name: content.getvalue() if is_binary else content.getvalue().encode()
            for content, name, is_binary in self._packager.kept
        }


def _table_columns(content: WorkbookContent, language: Language) -> tuple[Cells, ...]:
    """The cells of the table, in the order of the columns."""
    values = zip(*content.rows, strict=True) if content.rows else ((),) * len(Row._fields)
    rows: Mapping[str, Sequence[Any]] = dict(zip(Row._fields, values, strict=True))
    segments = [content.release.segments[name] for name in rows["segment_id"]]
    statements = (
        rows["statement_english"] if language == "english" else rows["statement_indonesian"]
    )
    regions = zip(rows["region_code"], segments, strict=True)
    return (
        [harmless(worded(segment.name, language)) for segment in segments],
        rows["people"],
        [worded(words.STATUSES[status], language) for status in rows["status"]],
        _groups(content, "gender", rows["gender"], language),
        _groups(content, "age", rows["age"], language),
        [
            harmless(worded(words.NO_LIMIT.get(code, segment.region_name), language))
            for code, segment in regions
        ],
        rows["region_code"],
        [harmless(statement) for statement in statements],
        rows["segment_id"],
        rows["gender"],
        rows["age"],
        rows["rounding"],
        rows["iab_ids"],
    )


def _groups(
    content: WorkbookContent, dimension: str, codes: Sequence[str], language: Language
) -> list[str]:
    """What the groups of a dimension are called."""
    names = {}
    for code in set(codes):
        known = content.groups.known[dimension][code]
        text = words.NO_LIMIT.get(code)
        if text is None:
            text = Text(code, code) if known.level == "band" else known.name
        names[code] = harmless(worded(text, language))
    return [names[code] for code in codes]


def _write_table(workbook: Any, table: Sequence[Cells], language: Language) -> None:
    """The sheet with its heading and its first line; the other lines are put in afterwards."""
    sheet = workbook.add_worksheet(worded(words.FIGURES, language))
    heading = workbook.add_format(
        {"bold": True, "bg_color": "#E8EEF4", "bottom": 1, "text_wrap": True, "valign": "top"}
    )
    number = workbook.add_format({"num_format": "#,##0", "align": "right", "indent": 1})
    for column, (name, width) in enumerate(_COLUMNS):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, worded(name, language), heading)
    number_of_lines = len(table[0])
    for column, value in enumerate([cells[0] for cells in table if cells]):
        if isinstance(value, str):
            sheet.write_string(1, column, value)
        elif value is not None:
            sheet.write_number(1, column, value, number)
        else:
            sheet.write_blank(1, column, None, number)
    sheet.freeze_panes(1, 2)
    _fit_to_page_width(sheet, landscape=True)
    sheet.repeat_rows(0)
    sheet.print_area(0, 0, max(number_of_lines, 1), _PRINTED - 1)
    sheet.autofilter(0, 0, max(number_of_lines, 1), len(_COLUMNS) - 1)
    # Codes of regions are texts; without this a spreadsheet program marks each as a mistake.
    table = xl_range(1, 0, max(number_of_lines, 1), len(_COLUMNS) - 1)
    sheet.ignore_errors({"number_stored_as_text": table})


def _fit_to_page_width(sheet: Any, *, landscape: bool) -> None:
    """On paper: A4, all columns on one page."""
    if landscape:
        sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)


def _write_guide(workbook: Any, lines: Sequence[Line], language: Language) -> None:
    _write_texts(workbook, words.READING, {words.READING: _GUIDE_WIDTH}, lines, language)


def _write_label(workbook: Any, lines: Sequence[Line], language: Language) -> None:
    columns = dict(zip((words.FIELD, words.VALUE), _LABEL_WIDTHS, strict=True))
    _write_texts(workbook, words.LABEL, columns, lines, language)


def _write_texts(
    workbook: Any,
    name: Text,
    columns: Mapping[Text, int],
    lines: Sequence[Line],
    language: Language,
) -> None:
    """A sheet of wrapped texts with its heading and its first line."""
    sheet = workbook.add_worksheet(worded(name, language))
    sheet.hide_gridlines(2)
    _fit_to_page_width(sheet, landscape=False)
    wrapped = workbook.add_format({"text_wrap": True, "valign": "top"})
    heading = workbook.add_format({"bold": True, "bottom": 1})
    sheet.set_row(1, lines[0].height)
    for column, (title, width) in enumerate(columns.items()):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, worded(title, language), heading)
        sheet.write_string(1, column, lines[0].cells[column], wrapped)


@lru_cache(maxsize=4)
def _guide_texts(texts: tuple[Text, ...], language: Language) -> tuple[Line, ...]:
    return tuple(_wrapped(_GUIDE_WIDTH, worded(text, language)) for text in texts)


def _guide_lines(release: Release, language: Language) -> tuple[Line, ...]:
    return _guide_texts(guide(release), language)


def _label_lines(label: Sequence[LabelField], language: Language) -> tuple[Line, ...]:
    """The data label, in the order of the manifest."""
    return _label_texts(tuple((field.name, field.words) for field in label), language)


# All campaigns of a release have one label.
@lru_cache(maxsize=4)
def _label_texts(fields: tuple[tuple[Text, Text], ...], language: Language) -> tuple[Line, ...]:
    return tuple(
        _wrapped(_LABEL_WIDTHS[1], worded(name, language), worded(text, language))
        for name, text in fields
    )


def _wrapped(width: int, *texts: str) -> Line:
    """Spreadsheet programs do not fit the height of a row to wrapped text by themselves."""
    parts = texts[-1].split("\n")
    needed = sum(max(1, -(-len(part) // width)) for part in parts)
    cells = [*map(harmless, texts[:-1]), "\n".join(map(harmless, parts))]
    return Line(cells, _LINE_POINTS * needed)
