"""The first page of a workbook, for a reader who has two minutes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from anonymizer.exports import workbook_words as words
from anonymizer.exports.guide import short_guide
from anonymizer.exports.language import Language, capitalised, grouped, worded
from anonymizer.exports.overview import AgeLine, Overview, WorkbookContent
from anonymizer.exports.rows import harmless
from anonymizer.exports.statements import period_in_words
from anonymizer.model.dimensions import Text
from anonymizer.model.subjects import Campaign, name_of

_A4 = 9
_WIDTHS = (40, 21, 21, 27)
_INDENT, _LARGE_POINTS = 2, 18
_LAST = len(_WIDTHS) - 1
_LINE, _LINE_POINTS = 104, 15  # characters of a line over all columns
_MOST_LINES = 80  # that can be read on one page of paper
_CHART_LINES, _CHART_WIDTH, _LINE_PIXELS = 16, 790, 20
_MEN, _WOMEN, _ALL = "#1F4E79", "#E08E45", "#5B7F95"


@dataclass
class _SummaryPage:
    """The sheet, and the next free line."""

    workbook: Any
    sheet: Any
    language: Language
    line: int = 0
    formats: dict[frozenset[tuple[str, Any]], Any] = field(default_factory=dict)

    def format(self, **properties: Any) -> Any:
        """A style; equal ones are one."""
        key = frozenset(properties.items())
        if key not in self.formats:
            self.formats[key] = self.workbook.add_format({"valign": "vcenter", **properties})
        return self.formats[key]

    def words(self, text: Text) -> str:
        return harmless(worded(text, self.language))

    def sentence(self, text: Text, style: Any, *, points: int = _LINE_POINTS) -> None:
        """A text over all columns, wrapped."""
        content = self.words(text)
        self.sheet.set_row(self.line, points * -(-len(content) // _LINE))
        self.sheet.merge_range(self.line, 0, self.line, _LAST, "", style)
        self.sheet.write_string(self.line, 0, content, style)
        self.line += 1


def write_summary(workbook: Any, content: WorkbookContent, language: Language) -> None:
    """Write the sheet; every number on it, and in its chart, is a released figure."""
    sheet = workbook.add_worksheet(worded(words.SUMMARY, language))
    sheet.hide_gridlines(2)
    sheet.set_paper(_A4)
    sheet.set_margins(0.5, 0.5, 0.5, 0.5)
    sheet.center_horizontally()
    for column, width in enumerate(_WIDTHS):
        sheet.set_column(column, column, width)
    page, overview = _SummaryPage(workbook, sheet, language), content.overview
    _write_head(page, content)
    for write in (_write_headlines, _write_ages, _write_regions, _write_unpublished):
        page.line += 1
        write(page, content, overview)
    page.line += 1
    _write_heading(page, words.READING)
    wrapped = page.format(text_wrap=True)
    for text in short_guide(content.release):
        page.sentence(text, wrapped)
    sheet.fit_to_pages(1, 1 if page.line <= _MOST_LINES else 0)


def _write_head(page: _SummaryPage, content: WorkbookContent) -> None:
    release, subject = content.release, content.subject
    title = page.format(bold=True, font_size=18, font_color=_MEN)
    page.sentence(words.title_of(release, subject), title, points=26)
    facts = [
        (words.SUBJECTS[release.kind], name_of(subject)),
        (words.PERIOD, period_in_words(release.period)),
    ]
    if isinstance(subject, Campaign):
        facts.insert(0, (words.ADVERTISER, Text(subject.advertiser_name, subject.advertiser_name)))
    facts += [
        (words.PROVIDER, Text(release.provider, release.provider)),
        (words.RELEASE, Text(release.id, release.id)),
    ]
    grey, plain = page.format(font_color="#595959"), page.format()
    for name, value in facts:
        page.sheet.write_string(page.line, 0, page.words(name), grey)
        page.sheet.write_string(page.line, 1, page.words(value), plain)
        page.line += 1
    page.line += 1
    page.sentence(words.error_in_a_sentence(release), page.format(bold=True, text_wrap=True))


def _write_heading(page: _SummaryPage, text: Text) -> None:
    style = page.format(bold=True, font_size=13, font_color=_MEN)
    page.sheet.write_string(page.line, 0, page.words(text), style)
    page.line += 1


def _write_columns(page: _SummaryPage, names: Sequence[Text], numbers: Collection[int]) -> None:
    """The heading of a table over all columns; `numbers` says which have numbers."""
    heading = {"bold": True, "bg_color": "#E8EEF4", "bottom": 1, "text_wrap": True}
    left = page.format(**heading)
    right = page.format(**heading, align="right")
    indented = page.format(**heading, align="left", indent=_INDENT)
    longest = max(len(page.words(name)) for name in names)
    page.sheet.set_row(page.line, _LINE_POINTS * -(-longest // _WIDTHS[1]))
    for column in range(len(_WIDTHS)):
        style = right if column in numbers else indented if column else left
        if column < len(names):
            page.sheet.write_string(page.line, column, page.words(names[column]), style)
        else:
            page.sheet.write_blank(page.line, column, None, style)
    page.line += 1


def _write_headlines(page: _SummaryPage, content: WorkbookContent, overview: Overview) -> None:
    """Main segments, with the period before where it has released figures."""
    _write_heading(page, words.MAIN_FIGURES)
    if not overview.headlines:
        page.sentence(words.NO_FIGURE, page.format())
        return
    earlier = content.earlier
    compared = earlier is not None and any(line.before is not None for line in overview.headlines)
    more = (period_in_words(earlier.period), words.CHANGE) if compared and earlier else ()
    _write_columns(page, (words.PEOPLE_OF, words.PEOPLE, *_short(more)), (1, 2))
    number = page.format(num_format="#,##0", align="right")
    large = page.format(num_format="#,##0", align="right", bold=True, font_size=13)
    bold, plain = page.format(bold=True, font_size=13), page.format()
    indented = page.format(align="left", indent=_INDENT)
    page.sheet.set_row(page.line, _LARGE_POINTS)
    error = content.release.error + (earlier.error if earlier else 0)
    for position, line in enumerate(overview.headlines):
        page.sheet.write_string(
            page.line, 0, capitalised(page.words(line.name)), plain if position else bold
        )
        page.sheet.write_number(page.line, 1, line.people, number if position else large)
        if line.before is not None:
            page.sheet.write_number(page.line, 2, line.before, number)
            change = _change(line.people, line.before, error)
            page.sheet.write_string(page.line, 3, page.words(change), indented)
        page.line += 1
    note = page.format(text_wrap=True, italic=True, font_color="#595959")
    page.sentence(words.change_rule(error) if compared else words.NOTHING_BEFORE, note)


def _short(texts: Sequence[Text]) -> tuple[Text, ...]:
    """The label of a period without what stands in brackets."""
    return tuple(
        Text(text.english.partition(" (")[0], text.indonesian.partition(" (")[0]) for text in texts
    )


def _change(now: int, before: int, error: int) -> Text:
    if abs(now - before) <= error:
        return words.UNCLEAR
    return words.UP if now > before else words.DOWN


def _write_ages(page: _SummaryPage, _: WorkbookContent, overview: Overview) -> None:
    """The table that the chart draws, and the chart."""
    _write_heading(page, words.AGE_AND_GENDER)
    ages = overview.ages
    if not ages:
        page.sentence(words.NO_AGES, page.format())
        return
    _write_columns(page, (words.AGE, words.MEN, words.WOMEN, words.EVERYONE), (1, 2, 3))
    first, number = page.line, page.format(num_format="#,##0", align="right")
    for age in ages:
        page.sheet.write_string(page.line, 0, page.words(_age_name(age)), page.format())
        for column, people in enumerate((age.men, age.women, age.everyone), start=1):
            if people is not None:
                page.sheet.write_number(page.line, column, people, number)
        page.line += 1
    if any(None in (age.men, age.women, age.everyone) for age in ages):
        note = page.format(text_wrap=True, italic=True, font_color="#595959")
        page.sentence(words.EMPTY, note)
    if len(ages) > 1:
        page.sheet.insert_chart(page.line, 0, _chart(page, ages, first), {"object_position": 1})
        page.line += _CHART_LINES


def _age_name(age: AgeLine) -> Text:
    """A band is a number in both languages; a group has a name."""
    return Text(age.code, age.code) if age.code[:1].isdigit() else age.name


def _chart(page: _SummaryPage, ages: Sequence[AgeLine], first: int) -> Any:
    """Columns by age: men and women; of all genders where there is no figure by gender."""
    chart = page.workbook.add_chart({"type": "column"})
    sheet, last = page.sheet.get_name(), first + len(ages) - 1
    genders = {
        (1, _MEN): [age.men for age in ages],
        (2, _WOMEN): [age.women for age in ages],
    }
    drawn = [key for key, people in genders.items() if set(people) != {None}]
    for column, colour in drawn or [(_LAST, _ALL)]:
        chart.add_series(
            {
                "name": [sheet, first - 1, column],
                "categories": [sheet, first, 0, last, 0],
                "values": [sheet, first, column, last, column],
                "fill": {"color": colour},
                "gap": 60,
            }
        )
    chart.set_title({"none": True})
    chart.set_legend({"position": "top"})
    chart.set_y_axis(
        {
            "num_format": "#,##0",
            "min": 0,
            "major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}},
        }
    )
    chart.set_size({"width": _CHART_WIDTH, "height": (_CHART_LINES - 1) * _LINE_PIXELS})
    chart.show_blanks_as("gap")
    return chart


def _write_regions(page: _SummaryPage, _: WorkbookContent, overview: Overview) -> None:
    _write_heading(page, words.BY_REGION)
    if not overview.regions:
        page.sentence(words.NO_REGIONS, page.format())
        return
    _write_columns(page, (words.REGION, words.PEOPLE, words.LEVEL), (1,))
    number, plain = page.format(num_format="#,##0", align="right"), page.format()
    indented = page.format(align="left", indent=_INDENT)
    for line in overview.regions:
        page.sheet.write_string(page.line, 0, page.words(line.name), plain)
        page.sheet.write_number(page.line, 1, line.people, number)
        page.sheet.write_string(page.line, 2, page.words(words.LEVELS[line.level]), indented)
        page.line += 1
    if overview.regions_left:
        note = page.format(text_wrap=True, italic=True, font_color="#595959")
        page.sentence(words.regions_left(overview.regions_left), note)


def _write_unpublished(page: _SummaryPage, _: WorkbookContent, overview: Overview) -> None:
    """`Women in Makassar: not published; women: 300`."""
    if not overview.unpublished:
        return
    _write_heading(page, words.UNPUBLISHED)
    wrapped = page.format(text_wrap=True)
    for line in overview.unpublished:
        text = f"{line.name.english}: not published"
        lokal = f"{line.name.indonesian}: tidak ditampilkan"
        if line.nearest is not None and line.people is not None:
            text += f"; {line.nearest.english}: {grouped(line.people, 'english')}"
            lokal += f"; {line.nearest.indonesian}: {grouped(line.people, 'indonesian')}"
        page.sentence(Text(capitalised(text), capitalised(lokal)), wrapped)
