"""A protected table of cells: figures, zeros, rounding, and what the files say."""

import csv
import random
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from cells_world import (
    PEOPLE,
    ROWS,
    by_code,
    files,
    outcome,
    request,
    settings,
    write_csv,
    write_world,
)

from anonymizer.tabular.protection import KEPT, REASONS, ProtectedTable, protect_cells
from anonymizer.tabular.request import read_request
from anonymizer.tabular.rules import RuleSettings
from anonymizer.tabular.table_files import write_internal, write_published

T1K = Path(__file__).with_name("t1k")
ROUNDED = settings(rounding=5)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def published(result: ProtectedTable, path: Path) -> list[dict[str, str]]:
    write_published(result, path)
    return rows_of(path)


def test_exact_figures_are_the_true_counts_and_reach_the_threshold(tmp_path: Path) -> None:
    result = outcome(write_world(tmp_path))
    shown = result.published

    assert by_code(result, result.true_people)["METRO:Total"] == 30 + 3 + 25 + 28
    assert np.array_equal(result.people[shown], result.true_people[shown])
    assert shown.any()
    assert result.people[shown].min() >= 10
    assert not result.people[~shown].any()


def test_small_and_empty_cells_are_suppressed_and_so_is_what_would_give_them_away(
    tmp_path: Path,
) -> None:
    result = outcome(write_world(tmp_path))
    why = by_code(result, np.array(REASONS)[result.reasons])

    assert why["w2:m"] == why["e2:f"] == "threshold"
    # w2 is its women and its men: with both known, the three men of w2 would be.
    assert "inference" in {why["w2:Total"], why["w2:f"]}


def test_public_zeros_are_published_with_every_segment_that_has_nothing_else(
    tmp_path: Path,
) -> None:
    rows = [row for row in ROWS if row[:2] != ("e2", "f")]
    for given in (ROWS, rows):
        result = outcome(write_world(tmp_path, given), settings(zeros="public"))
        figures, why = by_code(result, result.people), by_code(result, result.reasons)
        assert (figures["e2:f"], why["e2:f"]) == (0, KEPT)
        assert why["w2:m"] != KEPT
        assert min(count for code, count in figures.items() if why[code] == KEPT and count) >= 10


def test_a_table_of_nothing_but_known_zeros_is_published_whole(tmp_path: Path) -> None:
    rows = [(region, sex, 0) for region, sex in PEOPLE]
    empty = outcome(write_world(tmp_path, rows), settings(zeros="public"))
    secret = outcome(write_world(tmp_path, rows), settings(zeros="protect"))

    assert empty.published.all()
    assert not secret.published.any()


def test_what_everybody_sees_has_no_reason_and_no_figure_where_suppressed(tmp_path: Path) -> None:
    rows = published(outcome(write_world(tmp_path)), tmp_path / "p.csv")

    assert list(rows[0]) == ["region", "sex", "status", "people"]
    assert len(rows) == 8 * 3
    assert {row["status"] for row in rows} == {"published", "suppressed"}
    for row in rows:
        assert (row["people"] == "") == (row["status"] == "suppressed")


def test_the_order_of_rows_does_not_depend_on_what_is_suppressed(tmp_path: Path) -> None:
    def codes(people: int) -> list[tuple[str, str]]:
        rows = [(region, sex, people) for region, sex in PEOPLE]
        result = outcome(write_world(tmp_path, rows))
        return [(row["region"], row["sex"]) for row in published(result, tmp_path / "p.csv")]

    assert codes(3) == codes(11) == codes(40)


def test_equal_input_in_any_order_gives_equal_bytes(tmp_path: Path) -> None:
    rows = list(ROWS)
    random.Random(5).shuffle(rows)
    contents = set()
    for given in (ROWS, ROWS, rows):
        result = outcome(write_world(tmp_path, given), ROUNDED)
        for suffix in ("csv", "parquet"):
            write_published(result, tmp_path / f"p.{suffix}")
            write_internal(result, tmp_path / f"w.{suffix}")
        contents.add(
            tuple((tmp_path / name).read_bytes() for name in ("p.csv", "w.csv", "p.parquet"))
        )

    assert len(contents) == 1


def test_parquet_says_what_csv_says(tmp_path: Path) -> None:
    result = outcome(write_world(tmp_path))
    write_internal(result, tmp_path / "w.csv")
    write_internal(result, tmp_path / "w.parquet")
    rows = pq.ParquetFile(tmp_path / "w.parquet").read().to_pylist()

    assert [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in rows
    ] == rows_of(tmp_path / "w.csv")


def test_rounding_depends_on_the_secret_and_the_cells_alone(tmp_path: Path) -> None:
    first = outcome(write_world(tmp_path), ROUNDED)
    (tmp_path / "other").write_text("5a" * 32)
    (tmp_path / "other").chmod(0o600)
    other = outcome(tmp_path / "cells.csv", ROUNDED, secret=tmp_path / "other")
    shown = first.published

    assert not (first.people[shown] % 5).any()
    assert (abs(first.people[shown] - first.true_people[shown]) < 5).all()
    assert not np.array_equal(first.people, other.people)
    assert np.array_equal(first.people, outcome(tmp_path / "cells.csv", ROUNDED).people)


def test_the_same_cells_are_rounded_alike_whatever_the_others_hold(tmp_path: Path) -> None:
    changed = [(*row[:2], 0 if row[:2] == ("w1", "f") else row[2]) for row in ROWS]
    first = outcome(write_world(tmp_path), ROUNDED)
    second = outcome(write_world(tmp_path, changed), ROUNDED)
    both = first.published & second.published & (first.true_people == second.true_people)

    assert both.sum() > 3
    assert np.array_equal(first.people[both], second.people[both])


def test_the_order_of_columns_changes_no_figure(tmp_path: Path) -> None:
    first = outcome(write_world(tmp_path), ROUNDED)
    turned = [(sex, region, people) for region, sex, people in ROWS]
    write_csv(tmp_path / "cells.csv", ("sex", "region", "people_counted"), turned)
    second = outcome(tmp_path / "cells.csv", ROUNDED)

    def rounded(result: ProtectedTable) -> set[tuple[frozenset[str], int]]:
        figures = by_code(result, result.people)
        return {(frozenset(code.split(":")), count) for code, count in figures.items()}

    assert rounded(first) == rounded(second)


def test_the_internal_file_is_its_owners_and_names_what_is_published_around(tmp_path: Path) -> None:
    result = outcome(write_world(tmp_path))
    write_internal(result, tmp_path / "why.csv")
    rows = rows_of(tmp_path / "why.csv")
    shown = {(r["region"], r["sex"]) for r in rows if r["status"] == "published"}

    assert stat.S_IMODE((tmp_path / "why.csv").stat().st_mode) == 0o600
    for row in rows:
        around = (row["coarser_region"], row["coarser_sex"])
        assert (row["reason"] == "kept") == (row["status"] == "published")
        assert around == ("", "") if row["status"] == "published" else around in shown
    assert {(r["region"], r["sex"]): int(r["true_people"]) for r in rows}["w2", "m"] == 3


def test_exact_figures_need_no_secret(tmp_path: Path) -> None:
    cells = write_world(tmp_path)

    assert np.array_equal(outcome(cells, secret=None).people, outcome(cells).people)
    assert protect_cells(request(cells, secret=None)).published.any()


def test_overlapping_groups_are_published_side_by_side(tmp_path: Path) -> None:
    result = outcome(write_world(tmp_path), ROUNDED)
    figures = by_code(result, result.people)

    for code in ("WEST:Total", "EAST:Total", "METRO:Total", "Total:Total"):
        assert figures[code] > 0


def test_a_real_table_comes_out_safe_and_mostly_whole(tmp_path: Path) -> None:
    hierarchies = {name: T1K / f"hier_{name}.csv" for name in ("geo", "age")}
    (tmp_path / "key").write_text("17" * 32)
    (tmp_path / "key").chmod(0o600)
    asked = replace(
        files(tmp_path / "cells.csv"),
        cells=T1K / "inner.csv",
        count="freq",
        hierarchies=hierarchies,
    )
    wanted = RuleSettings(10, "10", 10, "protect", proof_work=600_000, jobs=1)
    rows = published(protect_cells(read_request(asked, wanted)), tmp_path / "p.csv")
    with (T1K / "published.csv").open(newline="") as file:
        true = {(row["geo"], row["age"]): int(row["freq"]) for row in csv.DictReader(file)}
    shown = {(r["geo"], r["age"]): int(r["people"]) for r in rows if r["people"]}

    assert len(rows) == len(true)
    assert all(abs(people - true[key]) < 10 and true[key] >= 10 for key, people in shown.items())
    assert len(shown) > 0.9 * sum(people >= 10 for people in true.values())


@pytest.mark.parametrize("inference_k", ["0", "7", "k"])
def test_inference_k_is_a_number_or_the_threshold(tmp_path: Path, inference_k: str) -> None:
    promise = request(write_world(tmp_path), settings(inference_k=inference_k)).rules.promise

    assert promise.inference_floor == {"0": 0, "7": 7, "k": 10}[inference_k]
