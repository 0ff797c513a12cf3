"""Cells from a file: the same table whatever the format and order, and all mistakes at once."""

import csv
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from cells_world import PEOPLE, ROWS, files, request, settings, write_csv, write_world

from anonymizer.model.errors import ConfigurationError
from anonymizer.model.hierarchies import read_hierarchy
from anonymizer.storage.text_columns import read_columns
from anonymizer.tabular.request import read_request
from anonymizer.tabular.table import Cells, read_cells

T1K = Path(__file__).with_name("t1k")


def read(cells: Path) -> Cells:
    return read_cells(
        cells, "people_counted", {"region": read_hierarchy(cells.with_name("regions.csv"))}
    )


def told(cells: Path, count: str = "people_counted", hierarchies=None) -> str:
    if hierarchies is None:
        hierarchies = {"region": read_hierarchy(cells.with_name("regions.csv"))}
    with pytest.raises(ConfigurationError) as refused:
        read_cells(cells, count, hierarchies)
    return "\n".join(map(str, refused.value.faults))


def test_cells_stand_on_the_grid_of_leaves(tmp_path: Path) -> None:
    cells = read(write_world(tmp_path))

    region, sex = cells.dimensions
    assert (region.name, sex.name) == ("region", "sex")
    for (position, who), people in PEOPLE.items():
        assert cells.people[region.leaves.index(position), sex.leaves.index(who)] == people


def test_a_cell_left_out_is_empty(tmp_path: Path) -> None:
    whole = read(write_world(tmp_path))
    rows = [row for row in ROWS if row[2]]

    assert len(rows) < len(ROWS)
    assert np.array_equal(read(write_world(tmp_path, rows)).people, whole.people)


def test_the_order_of_rows_means_nothing(tmp_path: Path) -> None:
    rows = list(ROWS)
    random.Random(3).shuffle(rows)
    first, second = read(write_world(tmp_path)), read(write_world(tmp_path, rows))

    assert first.dimensions == second.dimensions
    assert np.array_equal(first.people, second.people)


def test_a_column_of_one_value_is_left_out_unless_it_has_a_hierarchy(tmp_path: Path) -> None:
    rows = [("d1", *row, "f") for row in ROWS]
    cells = write_world(tmp_path)
    write_csv(cells, ("day", "region", "sex", "people_counted", "device"), rows)
    write_csv(tmp_path / "devices.csv", ("parent", "child"), [("Total", "f"), ("Total", "g")])
    hierarchies = {"device": read_hierarchy(tmp_path / "devices.csv")}
    read_back = read_cells(cells, "people_counted", hierarchies)

    assert [axis.name for axis in read_back.dimensions] == ["region", "sex", "device"]
    assert read_back.ignored == ("day",)
    assert read_back.people.shape == (4, 2, 2)


def test_parquet_and_csv_hold_the_same_table(tmp_path: Path) -> None:
    cells = write_world(tmp_path)
    table = pyarrow.csv.read_csv(cells)
    encoded = table.set_column(0, "region", table["region"].dictionary_encode())
    for number, form in enumerate((table, encoded)):
        pq.write_table(form, tmp_path / f"cells{number}.parquet")
        other = read(tmp_path / f"cells{number}.parquet")
        assert other.dimensions == read(cells).dimensions
        assert np.array_equal(other.people, read(cells).people)


def test_numbers_and_days_may_be_codes_in_parquet(tmp_path: Path) -> None:
    table = pa.table({"year": [2025, 2026], "n": pa.array([12, None], pa.int64())})
    pq.write_table(table, tmp_path / "cells.parquet")
    columns = read_columns(tmp_path / "cells.parquet")

    assert columns["year"].texts == ("2025", "2026")
    assert columns["n"].texts == ("12", "")


def test_every_mistake_is_reported_at_once_with_column_and_row(tmp_path: Path) -> None:
    rows = [
        ("w1", "f", 40),
        ("nowhere", "f", 3),
        ("EAST", "m", 4),
        ("w2", "", 5),
        ("e1", "f", "77x"),
        ("e1", "m", -66),
        ("w1", "f", 1),
        ("e2", "Total", 8),
    ]
    text = told(write_world(tmp_path, rows))

    assert "column region: 'nowhere' is not in the hierarchy: row 2" in text
    assert "column region: 'EAST' is a group, but a row must count one finest cell: row 3" in text
    assert (
        "column sex: '' is empty, or has leading or trailing spaces or invisible characters: row 4"
        in text
    )
    assert "column sex: 'Total' is a group" in text
    assert (
        "column people_counted: not a whole number from 0 to 1,000,000,000,000 in row 5, 6"
    ) in text
    assert "is repeated in row 7" in text
    assert "77" not in text
    assert "66" not in text


def test_many_rows_with_one_mistake_make_one_short_line(tmp_path: Path) -> None:
    rows = [(f"x{number}", f"s{number}", "much") for number in range(500)]
    lines = told(write_world(tmp_path, rows)).splitlines()

    assert len(lines) == 2
    assert all("row 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 490 more" in line for line in lines)
    assert "'x0', 'x1'" in lines[1]
    assert max(map(len, lines)) < 250


def test_columns_that_are_missing_or_taken(tmp_path: Path) -> None:
    cells = write_csv(tmp_path / "c.csv", ("status", "sex", "n"), [("a", "f", 1), ("b", "m", 2)])
    text = told(cells, "people", {"region": None})

    assert "--hierarchy region: c.csv has no such column (the columns are status, sex, n)" in text
    assert "--count people: c.csv has no such column" in text
    assert "column status: this name is reserved for a column" in text


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "the file is empty"),
        ("a,,a\n", "column 2: the column has no name"),
        ("a,,a\n", "column a: this name occurs twice"),
        (
            "a,people_counted\nx,1\ny\nz,1,1\n",
            r"the number of fields differs from the header \(2\) in row 2, 3",
        ),
        ("a,people_counted\nx,1\n", "no column is a dimension"),
        ('a,people_counted\n"x,1\n', "not a CSV file"),
        ("a,b,people_counted\n", "no column is a dimension"),
    ],
)
def test_files_that_are_no_table(tmp_path: Path, content: str, problem: str) -> None:
    cells = tmp_path / "cells.csv"
    cells.write_text(content)
    with pytest.raises(ConfigurationError, match=problem):
        read_cells(cells, "people_counted", {})


def test_empty_lines_are_no_rows(tmp_path: Path) -> None:
    cells = tmp_path / "cells.csv"
    cells.write_text("a,n\nx,1\n\ny,2\n\n\n")

    assert read_cells(cells, "n", {}).people.tolist() == [1, 2]


@pytest.mark.parametrize("content", [b"PAR1 no parquet at all PAR1", b""])
def test_parquet_files_that_are_none(tmp_path: Path, content: bytes) -> None:
    cells = tmp_path / "cells.parquet"
    cells.write_bytes(content)
    with pytest.raises(ConfigurationError):
        read_cells(cells, "n", {})


def test_parquet_columns_that_are_no_codes(tmp_path: Path) -> None:
    table = pa.table({"a": [[1], [2]], "b": ["x", "y"], "n": [1, 2]})
    pq.write_table(table, tmp_path / "cells.parquet")
    with pytest.raises(ConfigurationError, match="column a: values of the type list"):
        read_cells(tmp_path / "cells.parquet", "n", {})


def test_a_cross_that_no_machine_holds_is_refused(tmp_path: Path) -> None:
    rows = [(*(f"{position}{number}" for position in "abcdef"), 1) for number in range(200)]
    cells = write_csv(tmp_path / "c.csv", (*"abcdef", "n"), rows)
    with pytest.raises(ConfigurationError, match="the limit is 10,000,000"):
        read_cells(cells, "n", {})


def test_an_id_is_no_dimension(tmp_path: Path) -> None:
    rows = [(f"user-{number}", "fm"[number % 2], 1) for number in range(10_001)]
    cells = write_csv(tmp_path / "c.csv", ("user", "sex", "n"), rows)
    with pytest.raises(ConfigurationError, match="column user: 10,002 codes; the limit is 10,000"):
        read_cells(cells, "n", {})


@pytest.mark.parametrize("count", ["9" * 5_000, "1" + "0" * 12 + "0", "٣", "1.5", " 1", ""])
def test_counts_that_are_none(tmp_path: Path, count: str) -> None:
    cells = write_csv(tmp_path / "c.csv", ("sex", "n"), [("f", count), ("m", 10**12)])
    with pytest.raises(ConfigurationError, match=r"not a whole number from 0 to .* in row 1$"):
        read_cells(cells, "n", {})


def test_mistakes_of_all_files_and_options_come_together(tmp_path: Path) -> None:
    cells = write_world(tmp_path, [("w1", "f", "many"), ("w2", "m", 3)])
    (tmp_path / "regions.csv").write_text("parent,child\nTotal,\n")
    given = files(cells, secret=None, published=tmp_path / "p.txt", internal=cells)
    with pytest.raises(ConfigurationError) as refused:
        read_request(given, settings(k=1, inference_k="some", rounding=5))
    text = str(refused.value)

    for part in (
        "p.txt: the name does not end in .csv or .parquet",
        "this file would overwrite another file",
        "regions.csv:2: a code is empty",
        "--k: Input should be greater than or equal to 2",
        "--inference-k: write k, 0, or a number of people",
        "--secret-file: a rounding above 1",
        "column people_counted: not a whole number",
    ):
        assert part in text


def test_rules_that_contradict_each_other(tmp_path: Path) -> None:
    cells = write_world(tmp_path)
    with pytest.raises(ConfigurationError, match="must not exceed k"):
        request(cells, settings(k=5, inference_k="6"))
    with pytest.raises(ConfigurationError, match="must not exceed k"):
        request(cells, settings(k=5, rounding=10))


def test_a_real_table_adds_up_as_it_is_known_to() -> None:
    hierarchies = {name: read_hierarchy(T1K / f"hier_{name}.csv") for name in ("geo", "age")}
    cells = read_cells(T1K / "inner.csv", "freq", hierarchies)
    geo, age = cells.dimensions
    with (T1K / "published.csv").open(newline="") as file:
        known = {(row["geo"], row["age"]): int(row["freq"]) for row in csv.DictReader(file)}

    assert len(known) == len(geo.groups) * len(age.groups) == 1_288
    for (position, band), people in known.items():
        inside = np.ix_(
            geo.groups[geo.positions[position]].leaves, age.groups[age.positions[band]].leaves
        )
        assert cells.people[inside].sum() == people
