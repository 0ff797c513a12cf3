"""An export is a published table and can be audited as it is, in each of its formats."""

import csv
import shutil
from pathlib import Path

import pytest
from release_world import DAY, SECRET, release
from typer.testing import CliRunner

from anonymizer.audit.published_file import PublishedTable, read_published
from anonymizer.exports.export_folders import write_exports
from anonymizer.model.errors import ConfigurationError
from anonymizer.release.ledger import Ledger
from anonymizer.release.release import Release
from anonymizer.storage.home import Home
from cli.main import app

STEM = "spring-sale_day-2026-11-22"
FORMATS = (".csv", ".xlsx", "_id.xlsx", ".parquet")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Release, Path]:
    """The release of a day, and the folder of one advertiser's exports."""
    home = Home(tmp_path_factory.mktemp("exports") / "home")
    released = release(home, DAY).release
    write_exports(released, home, Ledger.open(home.ledger), SECRET)
    return released, home.exports / "maju" / released.id


def figures(table: PublishedTable) -> dict[tuple[str, ...], int | None]:
    """People by the codes of each segment, None where it is suppressed."""
    catalogue = table.catalogue
    codes = {
        row: tuple(group.code for group in catalogue.groups(row))
        for row in [*table.published.tolist(), *table.withheld.tolist()]
    }
    people = dict(zip(table.published.tolist(), table.people.tolist(), strict=True))
    return {code: people.get(row) for row, code in codes.items()}


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_the_released_table(form: str, exported: tuple[Release, Path]) -> None:
    released, folder = exported
    table = read_published(folder / f"{STEM}{form}", {})
    wanted = {}
    for row in released.figures.to_pylist():
        if row["subject_id"] == "spring":
            segment = released.segments[row["segment_id"]]
            wanted[segment.gender, segment.age, segment.region] = row["people"]
    assert figures(table) == wanted
    assert table.rounding == 10
    assert [axis.name for axis in table.catalogue.dimensions] == ["gender", "age", "region"]
    assert len(table.catalogue) < 50_000


def test_groups_mean_what_they_mean_in_the_release(exported: tuple[Release, Path]) -> None:
    _, folder = exported
    _, age, region = read_published(folder / f"{STEM}.csv", {}).catalogue.dimensions
    young = age.groups[age.positions["under_40"]]
    assert [age.leaves[leaf] for leaf in young.leaves] == [
        *("18-20", "21-24", "25-29", "30-34", "35-39"),
    ]
    java = region.groups[region.positions["java"]]
    assert {region.leaves[leaf][:2] for leaf in java.leaves} == {
        *["31", "32", "33", "34", "35", "36"]
    }
    assert "not_stated" in region.leaves


@pytest.mark.parametrize("form", FORMATS)
def test_the_command_audits_it_as_it_is(form: str, exported: tuple[Release, Path]) -> None:
    _, folder = exported
    done = CliRunner().invoke(app, ["audit", str(folder / f"{STEM}{form}")])
    assert done.exit_code == 0, done.output
    assert "WITHSTOOD" in done.output
    assert "fewer than 10 people" in done.output  # the default


def test_of_a_folder_a_file_has_to_be_named(exported: tuple[Release, Path]) -> None:
    _, folder = exported
    done = CliRunner().invoke(app, ["audit", str(folder)])
    assert isinstance(done.exception, ConfigurationError)
    assert "it is a folder (name one .csv, .parquet or .xlsx file in it" in str(done.exception)


def test_elsewhere_the_catalogue_of_the_program_explains_it(
    exported: tuple[Release, Path], tmp_path: Path
) -> None:
    _, folder = exported
    alone = shutil.copy(folder / f"{STEM}.csv", tmp_path / f"{STEM}.csv")
    here = read_published(folder / f"{STEM}.csv", {})
    assert figures(read_published(Path(alone), {})) == figures(here)


def test_a_disclosure_in_an_export_is_found(exported: tuple[Release, Path], tmp_path: Path) -> None:
    _, folder = exported
    rows = list(csv.DictReader((folder / f"{STEM}.csv").open(encoding="utf-8")))
    for row in rows:
        if row["segment_id"] == "men":
            row["people"] = next(r["people"] for r in rows if r["segment_id"] == "everyone")
    path = tmp_path / "careless.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    done = CliRunner().invoke(app, ["audit", str(path), "--inference-k", "10", "--rounding", "1"])
    assert done.exit_code == 1, done.output


def test_a_group_that_nobody_explains_is_told_with_what_to_do(
    exported: tuple[Release, Path], tmp_path: Path
) -> None:
    _, folder = exported
    path = tmp_path / "other.csv"
    text = (folder / f"{STEM}.csv").read_text(encoding="utf-8")
    path.write_text(text.replace(",under_40,", ",of_working_age,"), encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        read_published(path, {})
    assert "column age: 'of_working_age' is not a group" in str(refused.value)
    assert "--hierarchy age=FILE" in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 none", b"<xml/>"])
def test_a_workbook_that_is_none_is_told(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_published(path, {})
