"""What an advertiser downloads: complete, harmless, the same in every format."""

import csv
import hashlib
import io
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from release_world import CAMPAIGNS, SECRET, checked, content, facts

from anonymizer.exports import export_folders
from anonymizer.exports.export_folders import faulty_exports, write_exports
from anonymizer.exports.rows import Row, harmless
from anonymizer.exports.statements import deed, statement
from anonymizer.model.dimensions import Text
from anonymizer.model.errors import Held
from anonymizer.model.periods import Period
from anonymizer.model.tables import SubjectKind
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import publish
from anonymizer.release.release import Release
from anonymizer.storage.files import sha256
from anonymizer.storage.home import Home

SPRING, AUTUMN = "spring-sale_day-2026-11-22", "autumn-sale_day-2026-11-22"
GOLDEN = Path(__file__).with_name("golden_export.csv")
COLUMNS = [
    *("advertiser_id", "subject_kind", "subject_id", "subject"),
    *("period_kind", "period", "period_start", "period_end"),
    *("segment_id", "segment", "gender", "age", "region_code", "region"),
    *("status", "people", "rounding", "iab_ids", "statement_english", "statement_indonesian"),
]
NASTY = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\0=1", " =1+1", "=cmd|'/C calc'!A0")


@pytest.fixture
def folder(home: Home, released: Release) -> Path:
    """The export of advertiser maju."""
    write_exports(released, home, Ledger.open(home.ledger), SECRET)
    return home.exports / "maju" / released.id


def csv_rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


def xlsx_rows(path: Path) -> list[dict[str, object]]:
    head, *rows = openpyxl.load_workbook(path)["Figures"].iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in rows]


def test_each_advertiser_gets_a_folder_of_its_own_campaigns(home: Home, released: Release) -> None:
    folders = write_exports(released, home, Ledger.open(home.ledger), SECRET)
    assert folders == (
        home.exports / "jaya" / released.id,
        home.exports / "maju" / released.id,
    )
    for position, campaign, stem in zip(
        folders, ("autumn", "spring"), (AUTUMN, SPRING), strict=True
    ):
        assert {path.name for path in position.iterdir()} == {
            f"{stem}.csv", f"{stem}.xlsx", f"{stem}_id.xlsx", f"{stem}.parquet", "manifest.json",
            "certificate.json",
        }  # fmt: skip
        assert {row["subject_id"] for row in csv_rows(position / f"{stem}.csv")} == {campaign}


def test_the_csv_is_the_reviewed_one(folder: Path) -> None:
    assert (folder / f"{SPRING}.csv").read_text(encoding="utf-8") == GOLDEN.read_text(
        encoding="utf-8"
    )


def test_the_three_formats_say_the_same(folder: Path) -> None:
    parquet = pq.read_table(folder / f"{SPRING}.parquet").to_pylist()
    text = csv_rows(folder / f"{SPRING}.csv")
    workbook = xlsx_rows(folder / f"{SPRING}.xlsx")
    assert [list(rows[0]) for rows in (parquet, text)] == [COLUMNS] * 2
    in_words = {"published": "published", "suppressed": "not published"}
    assert [
        (row["Segment id"], row["Number of people"], row["Status"], row["In a sentence"])
        for row in workbook
    ] == [
        (row["segment_id"], row["people"], in_words[row["status"]], row["statement_english"])
        for row in parquet
    ]
    assert [list(map(_plain, row.values())) for row in parquet] == [
        list(row.values()) for row in text
    ]


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        value = value.date()
    return "" if value is None else str(value)


def test_numbers_are_numbers_and_nothing_is_a_formula(folder: Path) -> None:
    for sheet in openpyxl.load_workbook(folder / f"{SPRING}.xlsx"):
        assert not [cell.coordinate for row in sheet for cell in row if cell.data_type == "f"]
    for row in xlsx_rows(folder / f"{SPRING}.xlsx"):
        assert isinstance(row["Number of people"], int) == (row["Status"] == "published")
        assert isinstance(row["Multiples of"], int)


def test_a_withheld_segment_says_nothing_about_its_size(folder: Path) -> None:
    """33 women in Makassar: nothing of them but that there is no figure."""
    row = next(r for r in csv_rows(folder / f"{SPRING}.csv") if r["segment_id"] == "women_makassar")
    assert (row["status"], row["people"]) == ("suppressed", "")
    assert not re.search(r"\d", row["statement_english"].replace("22 November 2026", ""))
    for row in csv_rows(folder / f"{SPRING}.csv"):
        assert "33" not in row.values()


def test_the_manifest_vouches_for_every_file(folder: Path, released: Release) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["files"] == {
        path.name: {
            "subject_id": "spring",
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
        }
        for path in sorted(folder.iterdir())
        if path.name not in {"manifest.json", "certificate.json"}
    }
    assert manifest["release_number"] == released.number
    assert manifest["policy_digest"] == released.policy_digest
    label = manifest["data_label"]
    assert label["provider_name"] == "Example Company"
    assert label["taxonomy"]["segtax"] == 4
    assert "Kemendagri" in label["geography_codes"]["authority"]
    assert "300.2.2-2138" in label["geography_codes"]["edition"]
    assert label["refresh_cadence"] == "daily"
    assert label["count"]["rounded_to_multiples_of"] == 10
    assert label["count"]["differs_from_true_number_by_at_most"] == released.error == 23
    assert [segment["segment_id"] for segment in label["segments"]] == [
        "everyone", "men", "women", "men_under_40", "women_makassar",
    ]  # fmt: skip


def test_writing_again_changes_nothing(home: Home, folder: Path, released: Release) -> None:
    before = content(home.published)
    stamps = [path.stat().st_mtime_ns for path in sorted(folder.iterdir())]
    write_exports(released, home, Ledger.open(home.ledger), SECRET)
    assert content(home.published) == before
    assert [path.stat().st_mtime_ns for path in sorted(folder.iterdir())] == stamps


@pytest.mark.parametrize(
    "file",
    [f"{SPRING}.csv", f"{SPRING}.xlsx", f"{SPRING}.parquet", "manifest.json", "certificate.json"],
)
def test_an_edited_export_is_noticed_and_left_alone(
    file: str, home: Home, folder: Path, released: Release
) -> None:
    path = folder / file
    path.write_bytes(path.read_bytes().replace(b"PAR1", b"PAR2", 1) + b"\n")
    before = content(home.published)
    with pytest.raises(Held, match=f"maju/{released.id}/{file}"):
        write_exports(released, home, Ledger.open(home.ledger), SECRET)
    assert content(home.published) == before


def test_an_export_with_a_missing_or_added_file_is_noticed(
    home: Home, folder: Path, released: Release
) -> None:
    (folder / f"{SPRING}.csv").rename(folder / "spring2.csv")
    with pytest.raises(Held, match="export_edited"):
        write_exports(released, home, Ledger.open(home.ledger), SECRET)


@pytest.mark.parametrize("name", NASTY)
def test_text_that_could_be_a_formula_is_neutralised(name: str, home: Home) -> None:
    campaigns = (replace(CAMPAIGNS[0], name=name), CAMPAIGNS[1])
    ledger = Ledger.open(home.ledger)
    release = publish(checked(), facts(campaigns), home, ledger, SECRET).release
    write_exports(release, home, Ledger.open(home.ledger), SECRET)
    folder = home.exports / "maju" / release.id
    (file,) = folder.glob("*.csv")
    assert {row["subject"][:1] for row in csv_rows(file)} == {"'"}
    assert pq.read_table(file.with_suffix(".parquet"))["subject"][0].as_py() == name
    for workbook in folder.glob("*.xlsx"):
        for sheet in openpyxl.load_workbook(workbook):
            cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
            assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
            assert not [c.value for c in cells if str(c.value).lstrip()[:1] in tuple("=+-@")]


@given(st.text())
def test_harmless_text_never_starts_as_a_formula(text: str) -> None:
    shown = harmless(text)
    assert shown.lstrip()[:1] not in tuple("=+-@")
    assert shown.isprintable()
    if text.isprintable() and text.lstrip()[:1] not in tuple("=+-@"):
        assert shown == text


DAY, WEEK, MONTH = (Period.of(kind, date(2026, 11, 22)) for kind in ("day", "week", "month"))
SALE, EXAMPLE, BOOKS = Text("Sale", "Sale"), Text("PT Contoh", "PT Contoh"), Text("books", "buku")


@pytest.mark.parametrize(
    ("kind", "subject", "period", "english", "indonesian"),
    [
        (
            *("campaign", SALE, DAY),
            "accessed the advertising link of Sale on 22 November 2026",
            "mengakses tautan iklan Sale pada 22 November 2026",
        ),
        (
            *("campaign", SALE, WEEK),
            "accessed the advertising link of Sale from 16 to 22 November 2026",
            "mengakses tautan iklan Sale pada 16-22 November 2026",
        ),
        (
            *("campaign", SALE, MONTH),
            "accessed the advertising link of Sale in November 2026",
            "mengakses tautan iklan Sale pada bulan November 2026",
        ),
        (
            *("audience", EXAMPLE, MONTH),
            "are in the audience of PT Contoh in November 2026",
            "termasuk dalam audiens PT Contoh pada bulan November 2026",
        ),
        (
            *("interest", BOOKS, WEEK),
            "viewed products of books in the 30 days to 22 November 2026",
            "melihat produk buku dalam 30 hari hingga 22 November 2026",
        ),
    ],
)
def test_statements(
    kind: SubjectKind, subject: Text, period: Period, english: str, indonesian: str
) -> None:
    segment = Text("men under 40", "pria di bawah 40 tahun")
    done = deed(kind, subject, period)
    assert done == Text(english, indonesian)
    shown, hidden = statement(segment, 1234567, done), statement(segment, None, done)
    assert shown.english == f"1,234,567 men under 40 {english}"
    assert shown.indonesian == f"1.234.567 pria di bawah 40 tahun {indonesian}"
    assert hidden.english == f"The number of men under 40 who {english} is suppressed"
    assert hidden.indonesian == f"Jumlah pria di bawah 40 tahun yang {indonesian} tidak ditampilkan"


@pytest.mark.parametrize(
    ("monday", "english", "indonesian"),
    [
        (
            date(2026, 11, 30),
            "from 30 November to 6 December 2026",
            "pada 30 November - 6 Desember 2026",
        ),
        (
            date(2026, 12, 28),
            "from 28 December 2026 to 3 January 2027",
            "pada 28 Desember 2026 - 3 Januari 2027",
        ),
    ],
)
def test_a_week_says_of_its_first_day_what_the_last_does_not(
    monday: date, english: str, indonesian: str
) -> None:
    words = deed("campaign", SALE, Period("week", monday))
    assert words.english.endswith(f"of Sale {english}")
    assert words.indonesian.endswith(f"iklan Sale {indonesian}")


# An address, a phone or card number, and folders of whatever machine this runs on.
IDENTIFYING = re.compile(
    r"[\w.+-]+@[\w-]+\.\w+|(?:\+62|\b0)8\d{7,}|(?<!\d)\d{16}(?!\d)|"
    + "|".join(
        re.escape(f"{position}/") for position in (tempfile.gettempdir(), Path(__file__).parents[2])
    )
)


def written_text(home: Home) -> Iterator[str]:
    """Every name, cell and piece of metadata in published/, digests aside."""
    for path in sorted(home.published.rglob("*")):
        yield path.relative_to(home.published).as_posix()
        if path.suffix == ".parquet":
            file = pq.ParquetFile(path)
            yield f"{file.metadata} {file.metadata.metadata} {file.schema_arrow}"
            yield str(file.read().to_pylist())
        elif path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as parts:
                for name in parts.namelist():
                    yield parts.read(name).decode()
        elif path.is_file():
            yield path.read_text(encoding="utf-8")


def test_nothing_identifying_stands_in_any_name_cell_or_metadata(
    home: Home, folder: Path, released: Release
) -> None:
    found = [
        match[0]
        for text in written_text(home)
        for match in IDENTIFYING.finditer(
            re.sub(r"\b([0-9a-f]{64}){1,2}\b|http://[\w./-]+", "", text)
        )
    ]
    assert found == []
    assert not any(re.search(r"\d{2}:\d{2}:\d{2}", cell) for cell in _cells(folder))


def _cells(folder: Path) -> Sequence[str]:
    return [cell for row in csv_rows(folder / f"{SPRING}.csv") for cell in row.values()]


def test_the_columns_are_those_of_the_contract() -> None:
    assert list(Row._fields) == COLUMNS


def test_what_was_exported_is_in_the_ledger(released: Release, home: Home) -> None:
    ledger = Ledger.open(home.ledger)
    folders = write_exports(released, home, ledger, SECRET)
    assert faulty_exports(home, ledger) == []
    victim = next(folders[0].glob("*.csv"))
    victim.write_bytes(victim.read_bytes() + b" ")
    manifest = folders[0] / "manifest.json"
    stated = json.loads(manifest.read_text(encoding="utf-8"))
    stated["files"][victim.name]["sha256"] = sha256(victim)
    manifest.write_text(json.dumps(stated), encoding="utf-8")
    named = {f"{folders[0].parent.name}/{released.id}/{name}" for name in
             (victim.name, "manifest.json")}  # fmt: skip
    assert set(faulty_exports(home, ledger)) == named
    shutil.rmtree(folders[0])
    assert len(faulty_exports(home, ledger)) > 2


def test_lost_exports_are_written_again_only_as_they_were(
    released: Release, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger.open(home.ledger)
    folders = write_exports(released, home, ledger, SECRET)
    before = {path.name: path.read_bytes() for path in folders[0].iterdir()}
    shutil.rmtree(folders[0])
    write_exports(released, home, ledger, SECRET)
    assert {path.name: path.read_bytes() for path in folders[0].iterdir()} == before
    # A later version of the program that renders otherwise leaves what stands there alone ...
    monkeypatch.setattr(export_folders, "csv_bytes", lambda rows: b"another form")
    write_exports(released, home, ledger, SECRET)
    # ... and does not replace what was lost by something else.
    shutil.rmtree(folders[0])
    with pytest.raises(Held, match="export_lost"):
        write_exports(released, home, ledger, SECRET)
    assert not folders[0].exists()
