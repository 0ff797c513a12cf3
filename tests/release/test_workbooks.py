"""A workbook in each language: what its first page says, and that no page says more."""

import copy
import json
import re
import shutil
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import openpyxl
import pyarrow.parquet as pq
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from release_world import CAMPAIGNS, DAY, SECRET, checked, facts, release

from anonymizer.exports.data_label import label_of
from anonymizer.exports.export_folders import faulty_exports, write_exports
from anonymizer.exports.file_check import check_file
from anonymizer.exports.language import LANGUAGES, Language
from anonymizer.exports.overview import (
    ReleasedGroup,
    ReleasedGroups,
    WorkbookContent,
    earlier_figures,
)
from anonymizer.exports.parquet_file import SCHEMA, parquet_table
from anonymizer.exports.rows import export_rows
from anonymizer.exports.statements import period_in_words
from anonymizer.exports.withdrawal import withdraw
from anonymizer.exports.workbook_parts import Line, _row
from anonymizer.exports.xlsx_file import xlsx_bytes
from anonymizer.model.dimensions import Text
from anonymizer.model.periods import Period
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import publish
from anonymizer.storage.home import Home

STEM = "spring-sale_day-2026-11-22"
SHEETS: dict[Language, list[str]] = {
    "english": ["Summary", "Figures", "How to read", "About the data"],
    "indonesian": ["Ringkasan", "Angka", "Cara membaca", "Tentang data"],
}
ENDINGS: dict[Language, str] = {"english": ".xlsx", "indonesian": "_id.xlsx"}
_CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exports of spring on a day whose day before is released too."""
    home = Home(tmp_path_factory.mktemp("workbooks") / "home")
    for day in (DAY - timedelta(days=1), DAY):
        released = release(home, day).release
        write_exports(released, home, Ledger.open(home.ledger), SECRET)
    return home.exports / "maju" / f"campaign-day-{DAY.isoformat()}"


def book(folder: Path, language: Language = "english") -> openpyxl.Workbook:
    return openpyxl.load_workbook(folder / f"{STEM}{ENDINGS[language]}")


def lines(sheet: Worksheet) -> list[list[object]]:
    """The cells of each line that has any, empty ones left out."""
    rows = ([value for value in row if value is not None] for row in sheet.values)
    return [row for row in rows if row]


def words(sheet: Worksheet) -> str:
    return "\n".join(str(value) for row in lines(sheet) for value in row)


def released_rows(folder: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(folder / f"{STEM}.parquet").to_pylist()
    return rows


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_has_the_rows_of_the_csv(language: Language, exported: Path) -> None:
    sheet = book(exported, language)[SHEETS[language][1]]
    head, *rows = [list(row) for row in sheet.values]
    named = [dict(zip(map(str, head), row, strict=True)) for row in rows]
    names = {
        "english": ("Segment id", "Number of people", "Gender code", "Age code", "Region code"),
        "indonesian": (
            *("ID segmen", "Jumlah orang"), "Kode jenis kelamin", "Kode usia", "Kode wilayah",
        ),
    }[language]  # fmt: skip
    wanted = ("segment_id", "people", "gender", "age", "region_code")
    assert [[row[name] for name in names] for row in named] == [
        [row[name] for name in wanted] for row in released_rows(exported)
    ]
    statement = {"english": "In a sentence", "indonesian": "Dalam kalimat"}[language]
    assert [row[statement] for row in named] == [
        row[f"statement_{language}"] for row in released_rows(exported)
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_is_for_filters_and_for_paper(language: Language, exported: Path) -> None:
    found = book(exported, language)
    assert found.sheetnames == SHEETS[language]
    assert found.active.title == SHEETS[language][0]
    sheet = found[SHEETS[language][1]]
    assert sheet.freeze_panes == "C2"
    assert sheet.auto_filter.ref == f"A1:M{len(released_rows(exported)) + 1}"
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) in {(1, 0), (None, 0)}
    assert sheet.print_title_rows == "$1:$1"
    assert sheet.calculate_dimension() == sheet.auto_filter.ref
    with zipfile.ZipFile(exported / f"{STEM}{ENDINGS[language]}") as parts:
        content = parts.read("xl/worksheets/sheet2.xml").decode()
    codes = f'<ignoredError sqref="A2:M{len(released_rows(exported)) + 1}" numberStoredAsText="1"'
    assert codes in content


def test_the_first_page_has_what_a_manager_asks_for(exported: Path) -> None:
    sheet = book(exported)["Summary"]
    found = lines(sheet)
    for line in (
        ["Reach of Spring Sale"],
        ["Advertiser", "PT Maju"],
        ["Campaign", "Spring Sale"],
        ["Period", "22 November 2026"],
        ["Each figure is within 23 of the true number of people."],
        ["People", "Number of people", "21 November 2026", "Change"],
        ["Everyone", 1240, 1240, "no clear change"],
        ["Men", 900, 900, "no clear change"],
        ["Java", 1200, "group of regions"],
        ["Women in Makassar City: not published; women: 330"],
        ["How to read"],
    ):
        assert line in found


def test_the_same_page_in_indonesian(exported: Path) -> None:
    found = lines(book(exported, "indonesian")["Ringkasan"])
    for line in (
        ["Jangkauan Spring Sale"],
        ["Pengiklan", "PT Maju"],
        ["Periode", "22 November 2026"],
        ["Setiap angka berbeda paling banyak 23 dari jumlah orang yang sebenarnya."],
        ["Kelompok orang", "Jumlah orang", "21 November 2026", "Perubahan"],
        ["Semua orang", 1240, 1240, "tidak ada perubahan yang jelas"],
        ["Wanita di Kota Makassar: tidak ditampilkan; wanita: 330"],
        ["Cara membaca"],
    ):
        assert line in found


def test_an_indonesian_workbook_has_no_english_sentence(exported: Path) -> None:
    text = "\n".join(words(sheet) for sheet in book(exported, "indonesian"))
    text = re.sub(r"^.*(Spring Sale|Taxonomy).*$", "", text, flags=re.M)
    assert "not_stated" not in text
    assert not re.findall(r"\b(the|of|and|not|each|figures?|empty|where|joined)\b", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_of_people_is_a_released_figure(language: Language, exported: Path) -> None:
    """Numbers of cells, on the first page and in the table; what a chart keeps is below."""
    before = exported.parent / f"campaign-day-{DAY - timedelta(days=1)}"
    released = set[object]()
    for folder in (exported, before):
        rows = pq.read_table(next(folder.glob("*.parquet"))).to_pylist()
        released |= {row["people"] for row in rows}
    for sheet in book(exported, language).worksheets[:2]:
        numbers = {value for row in sheet.values for value in row if isinstance(value, int)}
        assert numbers <= released | {10}  # multiples of 10


def chart_numbers(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as parts:
        charts = [parts.read(name) for name in parts.namelist() if name.startswith("xl/charts/")]
    found = []
    for chart in charts:
        for cache in ET.fromstring(chart).iter(f"{_CHART}numCache"):
            found += [value.text or "" for value in cache.iter(f"{_CHART}v")]
    return found


AGES = ("18-20", "21-24", "25-29", "30-34")


def test_a_chart_draws_published_figures_and_leaves_gaps(tmp_path: Path) -> None:
    """The workbook of a hand-made table: one band without women, one without men."""
    home = Home(tmp_path / "home")
    released = release(home, DAY).release
    rows = list(export_rows(released, CAMPAIGNS[0]))
    known = {name: dict(codes) for name, codes in ReleasedGroups.of(released).known.items()}
    known["age"] = {
        **{age: ReleasedGroup("band", Text(age, age), frozenset({age})) for age in AGES},
        "all": known["age"]["all"], "under_40": known["age"]["under_40"],
    }  # fmt: skip
    known["gender"] = dict(known["gender"])
    people = {("male", "18-20"): 110, ("female", "18-20"): 120, ("male", "21-24"): 130,
              ("female", "25-29"): 140}  # fmt: skip
    more = [
        rows[0]._replace(gender=gender, age=age, people=number)
        for (gender, age), number in people.items()
    ]
    hidden = rows[0]._replace(gender="female", age="21-24", people=None, status="suppressed")
    content = WorkbookContent(
        released, CAMPAIGNS[0], [*rows, *more, hidden], ReleasedGroups(known), label_of(released)
    )
    assert [(line.code, line.men, line.women) for line in content.overview.ages] == [
        ("18-20", 110, 120), ("21-24", 130, None), ("25-29", None, 140),
    ]  # fmt: skip
    path = tmp_path / "x.xlsx"
    path.write_bytes(xlsx_bytes(content, "english", lambda _: {}))
    assert sorted(chart_numbers(path)) == ["110", "120", "130", "140"]
    (chart,) = openpyxl.load_workbook(path)["Summary"]._charts
    assert [series.tx.strRef.strCache.pt[0].v for series in chart.series] == ["Men", "Women"]


def test_a_table_without_any_row_has_its_files_too(tmp_path: Path) -> None:
    """No segment has a name, and none is published."""
    released = release(Home(tmp_path / "home"), DAY).release
    content = WorkbookContent(
        released, CAMPAIGNS[0], [], ReleasedGroups.of(released), label_of(released)
    )
    path = tmp_path / "x.xlsx"
    path.write_bytes(xlsx_bytes(content, "english", lambda _: {}))
    found = openpyxl.load_workbook(path)
    assert "No figure is published for this period." in words(found["Summary"])
    assert found["Figures"].max_row == 1
    assert found["Summary"]._charts == []
    table = parquet_table([])
    assert (table.num_rows, table.schema) == (0, SCHEMA)


def test_every_series_has_its_title_and_names(all_series: Home, tmp_path: Path) -> None:
    home, ledger = all_series, Ledger.open(all_series.ledger)
    found = {}
    for path in home.exports.glob("*/*/*.xlsx"):
        first, *_ = lines(openpyxl.load_workbook(path).worksheets[0])
        found[path.relative_to(home.exports).as_posix()] = first[0]
    for name, title in {
        "_all/audience-month-2026-11/everyone_month-2026-11.xlsx": "Audience of Example Company",
        "_all/audience-month-2026-11/everyone_month-2026-11_id.xlsx": "Audiens Example Company",
        "_all/interest-week-2026-W47/sports_week-2026-W47.xlsx": "Interest in sports",
        "_all/interest-week-2026-W47/sports_week-2026-W47_id.xlsx": "Minat pada sports",
        "maju/campaign-week-2026-W47/spring-sale_week-2026-W47.xlsx": "Reach of Spring Sale",
        "maju/campaign-month-2026-11/spring-sale_month-2026-11.xlsx": "Reach of Spring Sale",
    }.items():
        assert found[name] == title
    assert faulty_exports(home, ledger) == []
    everyone = home.exports / "_all" / "audience-month-2026-11" / "everyone_month-2026-11.parquet"
    assert check_file(Path(shutil.copy(everyone, tmp_path))).recipient == "every advertiser"


def test_there_is_no_trend_without_a_released_period_before(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    released = release(home, DAY).release
    write_exports(released, home, Ledger.open(home.ledger), SECRET)
    sheet = book(home.exports / "maju" / released.id)["Summary"]
    assert ["People", "Number of people"] in lines(sheet)
    assert "No figures of the previous period" in words(sheet)


def test_a_trend_is_not_of_what_another_advertiser_had(tmp_path: Path) -> None:
    """The campaign was another advertiser's on the day before."""
    home = Home(tmp_path / "home")
    before = release(home, DAY - timedelta(days=1)).release
    now = release(home, DAY).release
    (spring,) = [one for one in now.campaigns if one.id == "spring"]
    same = earlier_figures(before, now, spring)
    assert same is not None
    assert same.people["men"] == 900
    assert earlier_figures(before, now, replace(spring, advertiser_id="other")) is None
    other_segments = copy.copy(before)
    object.__setattr__(other_segments, "catalogue_digest", "0" * 64)
    assert earlier_figures(other_segments, now, spring) is None


def test_an_export_is_written_again_with_the_trend_that_it_had(tmp_path: Path) -> None:
    """Also when the period before was withdrawn meanwhile."""
    home = Home(tmp_path / "home")
    for day in (DAY - timedelta(days=1), DAY):
        released = release(home, day).release
        write_exports(released, home, Ledger.open(home.ledger), SECRET)
    folder = home.exports / "maju" / released.id
    was = {path.name: path.read_bytes() for path in folder.iterdir()}
    first = f"campaign-day-{DAY - timedelta(days=1)}"
    withdraw(first, "It was a test.", home, Ledger.open(home.ledger), SECRET)
    shutil.rmtree(folder)
    write_exports(released, home, Ledger.open(home.ledger), SECRET)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == was


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_label_is_whole(language: Language, exported: Path) -> None:
    manifest = json.loads((exported / "manifest.json").read_text(encoding="utf-8"))
    label = manifest["data_label"]
    assert set(label) >= {
        "standard", "provider_name", "provider_domain", "provider_contact", "privacy_policy",
        "audience_scope",
        "privacy_compliance_mechanisms", "taxonomy", "segments", "geography", "geography_codes",
        "audience_criteria", "precision_level", "id_types", "count", "period",
        "audience_refresh_date", "refresh_cadence", "source_refresh_cadence", "lookback",
        "source_events", "data_sources", "inclusion_methodology", "audience_expansion",
        "device_expansion", "onboarder",
    }  # fmt: skip
    assert label["audience_refresh_date"] == DAY.isoformat()
    assert label["segments"][4]["criteria"] == {
        "gender": "female", "age": "all", "region_code": "73.71",
    }  # fmt: skip
    sheet = book(exported, language)[SHEETS[language][3]]
    assert len(lines(sheet)) == len(label) + 1
    assert all(len(line) == 2 for line in lines(sheet))


def test_a_contact_stands_in_label_and_release(tmp_path: Path) -> None:
    home, ledger_of = Home(tmp_path / "home"), Ledger.open
    told = facts()
    policy = told.policy.model_copy(
        update={
            "data_label": told.policy.data_label.model_copy(
                update={"contact": "data desk", "domain": "contoh.co.id"}
            )
        }
    )
    released = publish(
        checked(), replace(told, policy=policy), home, ledger_of(home.ledger), SECRET
    ).release
    assert (released.contact, released.domain) == ("data desk", "contoh.co.id")
    assert released.privacy_policy == ""
    write_exports(released, home, ledger_of(home.ledger), SECRET)
    folder = home.exports / "maju" / released.id
    label = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["data_label"]
    assert (label["provider_contact"], label["privacy_policy"]) == ("data desk", None)
    assert ["Contact", "data desk"] in lines(book(folder)["About the data"])
    assert policy.digest != told.policy.digest


def test_equal_content_gives_equal_bytes(exported: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    for day in (DAY - timedelta(days=1), DAY):
        released = release(home, day).release
        write_exports(released, home, Ledger.open(home.ledger), SECRET)
    again = home.exports / "maju" / released.id
    for ending in ENDINGS.values():
        assert (again / f"{STEM}{ending}").read_bytes() == (
            exported / f"{STEM}{ending}"
        ).read_bytes()


@pytest.mark.parametrize(
    ("value", "text"),
    [("a < b & c", "a &lt; b &amp; c"), ("_x0041_", "_x005F_x0041_"), (" x", "> x<")],
)
def test_texts_put_into_a_sheet_stay_what_they_are(value: str, text: str) -> None:
    assert text in _row(3, Line([value]), [('<c r="A', "")])


def test_periods_have_labels() -> None:
    week = period_in_words(Period.of("week", DAY))
    assert (week.english, week.indonesian) == (
        "16 to 22 November 2026 (week 2026-W47)", "16-22 November 2026 (minggu 2026-W47)",
    )  # fmt: skip
    assert period_in_words(Period.of("month", DAY)).indonesian == "November 2026"
