"""Tables from the statistics offices' tools, with what each tool left to be found.

Data in `cases/`, each file with its source. The tools publish small figures and zeros, so
`k` is 0 here; what they promise is that no withheld figure can be solved exactly.
"""

import json
from pathlib import Path

import pytest
from small_worlds import catalogue_of, dimension, everywhere, figures_of, promise

from anonymizer.audit.attack import attack

CASES = Path(__file__).parent / "cases"
SOLVED_EXACTLY = promise(k=0, inference_k=0)


def case(name):
    return json.loads((CASES / f"{name}.json").read_text())


def findings(catalogue, people, rule=SOLVED_EXACTLY):
    return attack(figures_of(catalogue, people), catalogue, rule, everywhere(catalogue))


def withheld_ids(found):
    return {f.segments[0] for f in found}


def published(rows, axes, hidden="suppressed"):
    """Figures by segment id of the rows that a tool leaves standing."""
    return {
        ":".join("all" if str(row[axis]) == "Total" else str(row[axis]) for axis in axes): int(
            row["freq"]
        )
        for row in rows
        if not row[hidden]
    }


# sdcTable's HITAS leaves P13 x b0 to be had by one subtraction


def hitas():
    bands = {"b0": ("a00", "a01", "a02"), "b1": ("a03", "a04", "a05")}
    ages = [*bands["b0"], *bands["b1"], "older"]
    groups = [("b0", (0, 1, 2)), ("b1", (3, 4, 5)), ("c0", (0, 1, 2, 3, 4, 5))]
    geo = dimension("geo", ["P10", "P11", "P12", "P13", "P14", "I2 rest"], [("I2", range(6))])
    return catalogue_of([geo, dimension("age", ages, groups)])


def test_hitas_leak_is_found():
    cells = case("sdctable_hitas_leak_measured")["cells"]
    people = {
        f"{cell['geo']}:{'all' if cell['age'] == 'Total' else cell['age']}": cell["freq"]
        for cell in cells
        if cell["status"] == "s"
    }
    found = findings(hitas(), people)
    leak = next(f for f in found if "P13:b0" in f.segments[:1])
    assert leak.kind == "solved"
    assert leak.explanation.startswith("'P13 b0' has exactly 5 people, although suppressed: from ")
    assert leak.explanation.endswith("105 - 56 - 15 - 29 = 5")
    assert "P12:b0" in withheld_ids(found)
    assert not {"P10:a01", "P10:a02", "P11:a00", "P13:a01", "P14:a01"} & withheld_ids(found)


# A combination of rows and columns that no single row or column shows


def four_by_four():
    return catalogue_of([dimension("v1", list("wxyz")), dimension("v2", list("abcd"))])


def heuristic(name):
    cells = case("sdctable_4x4_linear_combination")[name]["result"]
    return {
        f"{cell['v1']}:{cell['v2']}".replace("tot", "all"): cell["Freq"]
        for cell in cells
        if cell["sdcStatus"] == "s"
    }


def test_a_linear_combination_is_found():
    found = findings(four_by_four(), heuristic("SIMPLEHEURISTIC_OLD"))
    assert withheld_ids(found) == {"w:b"}
    assert found[0].explanation.endswith("= 47")


def test_the_combination_is_gone_with_one_more_figure_withheld():
    assert findings(four_by_four(), heuristic("SIMPLEHEURISTIC")) == ()


# GaussSuppression's own examples


def vignette(years=False):
    geo = dimension("geo", ["Iceland", "Portugal", "Spain"], [("EU", (1, 2)), ("nonEU", (0,))])
    axes = [dimension("age", ["old", "young"]), geo]
    return catalogue_of([*axes, dimension("year", ["2014", "2015", "2016"])] if years else axes)


@pytest.mark.parametrize("name", ["gs_vignette_table1", "gs_vignette_table2_hier"])
def test_vignettes_cannot_be_solved(name):
    people = published(case(name)["output"], ("age", "geo"))
    assert findings(vignette(), people) == ()


def test_what_is_left_of_a_singleton_problem_is_found():
    """Two singletons whose sum can be had: each of the two learns of the other.

    The tool withholds a third figure for it. Here the promise says so for any two people:
    with a floor of 3 the sum of 2 itself is the disclosure.
    """
    catalogue, axes = vignette(years=True), ("age", "geo", "year")
    safe = published(case("gs_vignette_table8_singleton_problem")["output"], axes)
    assert "young:Spain:2016" not in safe
    weak = {**safe, "young:Spain:2016": 7}
    rule = promise(k=0, inference_k=3)
    difference = "'young people 2016' (9) contains 'young Spain 2016' (7): 9 - 7 = 2"
    assert any(difference in f.explanation for f in findings(catalogue, weak, rule))
    assert not any(difference in f.explanation for f in findings(catalogue, safe, rule))


def ssbtools(pattern):
    catalogue = catalogue_of([dimension("var1", list("123")), dimension("var2", list("ABCDE"))])
    rows = case("ssbtools_GaussSuppression_doc")["output"]
    return findings(catalogue, published(rows, ("var1", "var2"), pattern))


@pytest.mark.parametrize("pattern", ["suppressed", "suppressed_B_zeros_first_no_singleton"])
def test_gauss_suppression_cannot_be_solved_by_an_outsider(pattern):
    """Nor can B: its three 1s are had by one who knows that every withheld figure is above 0."""
    assert ssbtools(pattern) == ()


def test_that_nobody_counts_below_zero_solves_what_linear_independence_leaves_open():
    """Three withheld zeros add up to zero, and with them the three 1s above are known."""
    found = ssbtools("suppressed_A_zeros_usable")
    assert withheld_ids(found) == {f"{row}:{column}" for row in "13" for column in "ABC"}


# acro takes small cells out of its margins; any other table has the true ones


def test_true_margins_undo_acro():
    rows = case("acro_margins")
    catalogue = catalogue_of([dimension("g", ["f", "m"]), dimension("r", ["A", "B", "C"])])
    people = {
        f"{g}:{r}": count
        for g in ("f", "m")
        for r, count in zip("ABC", rows["acro_suppress_output"][g], strict=False)
        if count is not None
    }
    assert findings(catalogue, people) == ()
    found = findings(catalogue, {**people, "m:all": rows["true_margins"]["m"]})
    assert withheld_ids(found) == {"m:B", "all:B"}
    assert any(f.explanation.endswith("53 - 20 - 30 = 3") for f in found)
