"""An export as a workbook: a sheet of figures to filter, a sheet on how to read them."""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import xlsxwriter

from anonymizer.exports.guide import guide
from anonymizer.exports.rows import Row, harmless
from anonymizer.release.release import Release

_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_WIDTHS = {
    "subject": 20,
    "segment_id": 26,
    "segment": 36,
    "region": 26,
    "iab_ids": 22,
    "statement_english": 76,
    "statement_indonesian": 76,
}
_WIDTH = 12
_GUIDE_LINE, _GUIDE_LINE_POINTS = 62, 15


def xlsx_bytes(rows: Sequence[Row], release: Release) -> bytes:
    """The content of the file; equal rows give equal bytes, so its date is the period's."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, _OPTIONS) as workbook:
        made = datetime.combine(release.period.end, time(), UTC)
        workbook.set_properties(
            {"title": f"Figures of {release.id}", "author": release.provider, "created": made}
        )
        _write_figures(workbook, rows)
        _write_guide(workbook, release)
    return content.getvalue()


def _write_figures(workbook: Any, rows: Sequence[Row]) -> None:
    sheet = workbook.add_worksheet("Figures")
    heading = workbook.add_format({"bold": True, "bg_color": "#E8EEF4", "bottom": 1})
    formats = {
        int: workbook.add_format({"num_format": "#,##0", "align": "right", "indent": 1}),
        date: workbook.add_format({"num_format": "yyyy-mm-dd", "align": "left"}),
    }
    for column, name in enumerate(Row._fields):
        sheet.set_column(column, column, _WIDTHS.get(name, _WIDTH))
        sheet.write_string(0, column, name, heading)
    for line, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            _write_cell(sheet, line, column, value, formats)
    sheet.freeze_panes(1, 0)
    _fit_to_page_width(sheet)
    sheet.autofilter(0, 0, max(len(rows), 1), len(Row._fields) - 1)


def _fit_to_page_width(sheet: Any) -> None:
    """On paper: landscape A4, all columns on one page, the heading on each."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _write_cell(
    sheet: Any, line: int, column: int, value: str | int | date | None, formats: dict[type, Any]
) -> None:
    if isinstance(value, str):
        sheet.write_string(line, column, harmless(value))
    elif isinstance(value, date):
        sheet.write_datetime(line, column, value, formats[date])
    elif value is not None:
        sheet.write_number(line, column, value, formats[int])


def _write_guide(workbook: Any, release: Release) -> None:
    sheet = workbook.add_worksheet("How to read")
    sheet.hide_gridlines(2)
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_column(0, 1, 70, workbook.add_format({"text_wrap": True, "valign": "top"}))
    heading = workbook.add_format({"bold": True, "bottom": 1})
    for column, language in enumerate(("In English", "Dalam bahasa Indonesia")):
        sheet.write_string(0, column, language, heading)
    for line, words in enumerate(guide(release), start=1):
        # Spreadsheet programs do not fit the height of a row to wrapped text by themselves.
        lines = max(-(-len(text) // _GUIDE_LINE) for text in (words.english, words.indonesian))
        sheet.set_row(line, _GUIDE_LINE_POINTS * lines)
        for column, text in enumerate((words.english, words.indonesian)):
            sheet.write_string(line, column, harmless(text))
