"""`tables.yaml`: which segments are wanted, in which order, and what is refused."""

from pathlib import Path

import pytest
from cells_world import by_code, files, outcome, request, settings, write_world

from anonymizer.model.dimensions import Dimension
from anonymizer.model.errors import ConfigurationError
from anonymizer.model.hierarchies import Hierarchy, dimension
from anonymizer.tabular.request import read_request
from anonymizer.tabular.requested_tables import read_tables


@pytest.fixture
def dimensions() -> list[Dimension]:
    tree = Hierarchy({"Total": ("W", "E"), "W": ("a", "b"), "E": ("c",), "METRO": ("b", "c")})
    return [dimension("region", tree, ()), dimension("sex", None, ["f", "m"])]


def ids(folder: Path, dimensions: list[Dimension], text: str) -> list[str]:
    path = folder / "tables.yaml"
    path.write_text(text)
    catalogue = read_tables(path, dimensions)
    return [catalogue.id(row) for row in range(len(catalogue))]


def test_what_a_table_does_not_name_stands_at_its_total(
    tmp_path: Path, dimensions: list[Dimension]
) -> None:
    assert ids(tmp_path, dimensions, "tables: [{sex: every}]") == [
        "Total:Total",
        "Total:f",
        "Total:m",
    ]
    assert ids(tmp_path, dimensions, "tables: [{region: finest}]") == [
        "a:Total",
        "b:Total",
        "c:Total",
    ]


def test_levels_and_codes_may_be_mixed(tmp_path: Path, dimensions: list[Dimension]) -> None:
    asked = "tables: [{region: [all, METRO], sex: [m]}]"
    assert ids(tmp_path, dimensions, asked) == ["Total:m", "METRO:m"]


def test_segments_come_first_and_nothing_comes_twice(
    tmp_path: Path, dimensions: list[Dimension]
) -> None:
    asked = (
        "segments: [{region: METRO, sex: f}, {region: c}]\ntables: [{region: every}, {sex: every}]"
    )
    found = ids(tmp_path, dimensions, asked)

    assert found[:3] == ["METRO:f", "c:Total", "Total:Total"]
    assert len(found) == len(set(found)) == 2 + 6 + 2
    assert found[-2:] == ["Total:f", "Total:m"]
    catalogue = read_tables(tmp_path / "tables.yaml", dimensions)
    assert sorted(catalogue.named) == [0, 1]


def test_every_mistake_is_reported_at_once(tmp_path: Path, dimensions: list[Dimension]) -> None:
    asked = "segments: [{regio: W}]\ntables: [{region: [nowhere, level_7]}, {sex: x}]"
    with pytest.raises(ConfigurationError) as refused:
        ids(tmp_path, dimensions, asked)
    positions = [(fault.place, fault.problem) for fault in refused.value.faults]

    assert positions == [
        ("tables.yaml segment 1", "'regio' is not a dimension"),
        ("tables.yaml table 1", "'nowhere' is neither a code nor a level of region"),
        ("tables.yaml table 1", "'level_7' is neither a code nor a level of region"),
        ("tables.yaml table 2", "'x' is neither a code nor a level of sex"),
    ]


def test_a_word_that_is_a_code_and_a_level_is_refused(tmp_path: Path) -> None:
    axes = [dimension("x", Hierarchy({"all": ("a", "finest")}), ())]
    with pytest.raises(ConfigurationError, match="both a code and a level"):
        ids(tmp_path, axes, "tables: [{x: finest}]")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "nothing is asked for"),
        ("tables: [{sex: 3}]", r"tables.yaml:1 tables.0.sex: write every, a code, or a list"),
        ("tables: [{sex: [3]}]", "should be a valid string"),
        ("table: []", "this key is unknown"),
        ("tables: [{sex: f, sex: m}]", "occurs twice"),
        ("tables: [", "not valid YAML"),
    ],
)
def test_files_that_are_no_list_of_tables(
    tmp_path: Path, dimensions: list[Dimension], text: str, problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        ids(tmp_path, dimensions, text)


def test_a_missing_file_is_a_mistake(tmp_path: Path) -> None:
    cells = write_world(tmp_path)
    with pytest.raises(ConfigurationError, match="the file is missing"):
        read_request(files(cells, tables=tmp_path / "none.yaml"), settings())


@pytest.mark.slow
def test_only_what_is_wanted_is_published(tmp_path: Path) -> None:
    cells = write_world(tmp_path)
    tables = tmp_path / "tables.yaml"
    tables.write_text("tables: [{region: level_1}, {sex: every}]")
    result = outcome(cells, tables=tables)

    assert request(cells, tables=tables).catalogue.digest == result.catalogue.digest
    assert by_code(result, result.true_people) == {
        "WEST:Total": 108,
        "EAST:Total": 103,
        "METRO:Total": 86,
        "Total:Total": 211,
        "Total:f": 95,
        "Total:m": 116,
    }
    assert result.published.all()
