"""Totals among the cells, and codes that look alike: refused or warned about, by row."""

import unicodedata
from pathlib import Path

import pytest
from cells_world import files, request, settings, write_csv

from anonymizer.model.errors import ConfigurationError
from anonymizer.tabular.lookalikes import alike, is_total, seen_as
from anonymizer.tabular.request import read_request

ROWS = [("w1", 40), ("w2", 35), ("e1", 60)]


def cells(folder: Path, *more: tuple[str, int], rows: list[tuple[str, int]] = ROWS) -> Path:
    quoted = [(f'"{code}"', people) for code, people in (*rows, *more)]
    return write_csv(folder / "cells.csv", ("region", "people_counted"), quoted)


def told(path: Path) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read_request(files(path, hierarchies={}, secret=None), settings())
    return str(refused.value)


TOTALS = [
    *("Total", "total", "TOTAL", "All", "ALL", "all", "Semua", "semua", "Jumlah", "*", "(all)"),
    *("Grand Total", "Sub-total", "Keseluruhan", "\uff34\uff4f\uff54\uff41\uff4c"),
    *("T\u043et\u0430l", "\u0410ll", "Nasional", "Both sexes"),
]


@pytest.mark.parametrize("code", TOTALS)
def test_a_row_with_the_total_of_the_others_is_refused(code: str, tmp_path: Path) -> None:
    words = told(cells(tmp_path, (code, 135)))
    assert "row 4" in words
    assert "total" in words or "is a group" in words


@pytest.mark.parametrize("code", ["", " ", "w1 ", " w1", "w\u200b1", "w1\u00a0", "w1\ufeff"])
def test_empty_codes_spaces_and_hidden_characters_are_refused(code: str, tmp_path: Path) -> None:
    assert "row 4" in told(cells(tmp_path, (code, 20)))


ALIKE = [
    ("W1", "w1"),
    ("\u0430ceh", "aceh"),
    ("ACEH", "\u0410CEH"),
    ("Papua", "\u0440apua"),
    ("Banten\u00e9", unicodedata.normalize("NFD", "Banten\u00e9")),
    ("\uff57\uff11", "w1"),
    ("\u03bf", "o"),
    ("stra\u00dfe", "STRASSE"),
    ("a  b", "a b"),
    ("\ufb01", "fi"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_codes_that_look_alike_are_refused_with_the_row(
    one: str, other: str, tmp_path: Path
) -> None:
    words = told(cells(tmp_path, (one, 20), (other, 30), rows=[("x1", 50), ("x2", 60)]))
    assert "look like one code" in words
    assert "row 4" in words
    assert words.isascii()


def test_other_codes_are_as_they_were(tmp_path: Path) -> None:
    codes = [*("w1", "w11", "1", "l1", "I1x", "male", "female", "not_stated", "75+", "overseas")]
    codes += ["allied", "summit", "Total Persada", "Semarang", "\u0416", "\u65e5\u672c"]
    rows = [(code, 20 + number) for number, code in enumerate(codes)]
    read = read_request(files(cells(tmp_path, rows=rows), hierarchies={}, secret=None), settings())
    assert read.cells.warnings == ()
    assert not alike(codes)
    assert not any(map(is_total, codes))
    assert seen_as("W1") != seen_as("W2")


def test_a_code_that_adds_up_to_the_others_is_warned_about(tmp_path: Path) -> None:
    rows = [
        (position, sex, people)
        for sex, counts in (("f", (30, 20, 50)), ("m", (25, 15, 40)))
        for position, people in zip(("w1", "w2", "region 0"), counts, strict=True)
    ]
    path = write_csv(tmp_path / "cells.csv", ("region", "sex", "people_counted"), rows)
    read = read_request(files(path, hierarchies={}, secret=None), settings())
    assert len(read.cells.warnings) == 1
    assert (
        "the counts of 'region 0' always equal the sum of all other codes: row 3, 6"
        in read.cells.warnings[0]
    )


def test_the_worlds_of_the_other_tests_raise_no_warning(tmp_path: Path) -> None:
    from cells_world import write_world  # noqa: PLC0415

    assert request(write_world(tmp_path)).cells.warnings == ()
