"""An export as a workbook: a page for a manager, all figures to filter, how to read them, a label.

There is one workbook for each language. Its parts are made by a library, except the rows of the
table, which are many (`workbook_parts.py`).
"""

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any

import xlsxwriter

from anonymizer.exports import workbook_words as words
from anonymizer.exports.data_label import label_of
from anonymizer.exports.guide import guide
from anonymizer.exports.language import Language, worded
from anonymizer.exports.overview import WorkbookContent
from anonymizer.exports.rows import Row, harmless
from anonymizer.exports.summary_sheet import write_summary
from anonymizer.exports.workbook_parts import PLACEHOLDER, SEAL_PROPERTIES, Line, finished
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
    (words.AGE, 22),
    (words.REGION, 30),
    (words.REGION_CODE, 14),
    (words.STATEMENT, 90),
    (words.SEGMENT_ID, 26),
    (words.GENDER_CODE, 20),
    (words.AGE_CODE, 16),
    (words.SUBJECT_ID, 14),
    (words.PERIOD, 12),
    (words.ROUNDING, 13),
    (words.IAB_IDS, 20),
)
_PRINTED = 7
_WRAPPED_LINE, _LINE_POINTS = 100, 15


def xlsx_bytes(
    content: WorkbookContent, language: Language, seal: Callable[[str], Mapping[str, str]]
) -> bytes:
    """The content of the file; equal content gives equal bytes, so its date is the period's.

    `seal` gives the properties that seal a workbook with this digest of its parts.
    """
    release = content.release
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, _OPTIONS) as workbook:
        made = datetime.combine(release.period.end, time(), UTC)
        title = worded(words.title_of(release, content.subject), language)
        workbook.set_properties(
            {"title": harmless(title), "author": release.provider, "created": made}
        )
        for name in SEAL_PROPERTIES:
            workbook.set_custom_property(name, PLACEHOLDER, "text")
        write_summary(workbook, content, language)
        lines = _Cells(content, language).lines()
        _write_table(workbook, lines, language)
        _write_guide(workbook, release, language)
        _write_label(workbook, release, language)
    return finished(file.getvalue(), lines[1:], seal)


class _Cells:
    """The cells of the table, line by line, in the order of the columns."""

    def __init__(self, content: WorkbookContent, language: Language) -> None:
        self._content, self._language = content, language
        self._groups: dict[tuple[str, str], str] = {}

    def lines(self) -> list[tuple[str | int | None, ...]]:
        """All lines of the table."""
        return [self._line(row) for row in self._content.rows]

    def _line(self, row: Row) -> tuple[str | int | None, ...]:
        segment = self._content.release.segments[row.segment_id]
        english = self._language == "english"
        return (
            harmless(worded(segment.name, self._language)),
            row.people,
            worded(words.STATUSES[row.status], self._language),
            self._group("gender", row.gender),
            self._group("age", row.age),
            self._region(row.region_code, segment.region_name),
            row.region_code,
            harmless(row.statement_english if english else row.statement_indonesian),
            row.segment_id,
            row.gender,
            row.age,
            row.subject_id,
            row.period,
            row.rounding,
            row.iab_ids,
        )

    def _group(self, dimension: str, code: str) -> str:
        found = self._groups.get((dimension, code))
        if found is None:
            known = self._content.groups.known[dimension][code]
            text = words.NO_LIMIT.get(code)
            if text is None:
                text = Text(code, code) if known.level == "band" else known.name
            found = self._groups[dimension, code] = harmless(worded(text, self._language))
        return found

    def _region(self, code: str, name: Text) -> str:
        return harmless(worded(words.NO_LIMIT.get(code, name), self._language))


def _write_table(workbook: Any, lines: Sequence[Line], language: Language) -> None:
    """The sheet with its heading and its first line; the other lines are put in afterwards."""
    sheet = workbook.add_worksheet(worded(words.FIGURES, language))
    heading = workbook.add_format(
        {"bold": True, "bg_color": "#E8EEF4", "bottom": 1, "text_wrap": True, "valign": "top"}
    )
    number = workbook.add_format({"num_format": "#,##0", "align": "right", "indent": 1})
    for column, (name, width) in enumerate(_COLUMNS):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, worded(name, language), heading)
    for column, value in enumerate(lines[0] if lines else ()):
        if isinstance(value, str):
            sheet.write_string(1, column, value)
        elif value is not None:
            sheet.write_number(1, column, value, number)
        else:
            sheet.write_blank(1, column, None, number)
    sheet.freeze_panes(1, 2)
    _fit_to_page_width(sheet, landscape=True)
    sheet.repeat_rows(0)
    sheet.print_area(0, 0, max(len(lines), 1), _PRINTED - 1)
    sheet.autofilter(0, 0, max(len(lines), 1), len(_COLUMNS) - 1)


def _fit_to_page_width(sheet: Any, *, landscape: bool) -> None:
    """On paper: A4, all columns on one page."""
    if landscape:
        sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)


def _write_guide(workbook: Any, release: Release, language: Language) -> None:
    sheet = workbook.add_worksheet(worded(words.READING, language))
    sheet.hide_gridlines(2)
    _fit_to_page_width(sheet, landscape=False)
    wrapped = workbook.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 110, wrapped)
    heading = workbook.add_format({"bold": True, "bottom": 1})
    sheet.write_string(0, 0, worded(words.READING, language), heading)
    for line, text in enumerate(guide(release), start=1):
        _write_wrapped(sheet, line, 0, worded(text, language))


def _write_label(workbook: Any, release: Release, language: Language) -> None:
    """The data label, in the order of the manifest."""
    sheet = workbook.add_worksheet(worded(words.LABEL, language))
    sheet.hide_gridlines(2)
    _fit_to_page_width(sheet, landscape=False)
    wrapped = workbook.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 38, wrapped)
    sheet.set_column(1, 1, 110, wrapped)
    heading = workbook.add_format({"bold": True, "bottom": 1})
    for column, name in enumerate((words.FIELD, words.VALUE)):
        sheet.write_string(0, column, worded(name, language), heading)
    for line, field in enumerate(label_of(release), start=1):
        sheet.write_string(line, 0, worded(field.name, language))
        _write_wrapped(sheet, line, 1, worded(field.words, language))


def _write_wrapped(sheet: Any, line: int, column: int, text: str) -> None:
    """Spreadsheet programs do not fit the height of a row to wrapped text by themselves."""
    needed = sum(max(1, -(-len(part) // _WRAPPED_LINE)) for part in text.split("\n"))
    sheet.set_row(line, _LINE_POINTS * needed)
    sheet.write_string(line, column, "\n".join(harmless(part) for part in text.split("\n")))
