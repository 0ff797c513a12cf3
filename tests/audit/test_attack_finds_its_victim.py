"""Published attacks against a weakened publication, and against a safe one."""

import numpy as np
import pytest
from small_worlds import KEY, catalogue_of, dimension, everywhere, figures_of

from anonymizer.audit.attack import attack
from anonymizer.model.policy import Promise
from anonymizer.model.segments import SegmentSettings, build_catalogue
from anonymizer.model.tables import Figures

ROUNDED = Promise()
EXACT = Promise(rounding=1)


@pytest.fixture(scope="module")
def catalogue():
    """Gender x age x region of the real thing, with two overlapping age groups."""
    bands = ["18-20", "21-24", "25-29", "30-34", "35-39"]
    groups = {
        "under_40": {"bands": bands, "english": "under 40", "indonesian": "di bawah 40 tahun"},
        "under_45": {
            "bands": [*bands, "40-44"],
            "english": "under 45",
            "indonesian": "di bawah 45 tahun",
        },
    }
    return build_catalogue(SegmentSettings.model_validate({"age_groups": groups}))


def findings(catalogue, people, promise=ROUNDED, possible=None):
    possible = everywhere(catalogue) if possible is None else possible
    return attack(figures_of(catalogue, people), catalogue, promise, possible)


def only(found):
    assert len(found) == 1, found
    return found[0]


# C1: parent and all siblings but one


def test_a_single_withheld_child_is_found(catalogue):
    people = {"all:all:all": 1000, "male:all:all": 520, "female:all:all": 500}
    found = only(findings(catalogue, people))
    assert found.kind == "inference"
    assert found.segments == ("all:all:all", "male:all:all", "female:all:all")
    assert found.explanation == (
        "from 'people' (1000, so at most 1009), 'men' (520, so at least 511) and 'women' (500, so "
        "at least 491): 1009 - 511 - 491 = 7. So 'people of unstated gender' has at most 7 people"
    )


def test_a_withheld_child_that_may_be_large_is_safe(catalogue):
    people = {"all:all:all": 1000, "male:all:all": 510, "female:all:all": 450}
    assert findings(catalogue, people) == ()


# A1 and E2: the same predicate widened a little, for one reader or for two


def test_a_predicate_widened_by_one_band_is_found(catalogue):
    people = {"male:under_40:all": 60, "male:under_45:all": 62}
    found = only(findings(catalogue, people, EXACT))
    assert found.kind == "difference"
    assert found.segments == ("male:under_45:all", "male:under_40:all")
    assert found.explanation == (
        "'men under 45' (62) contains 'men under 40' (60): 62 - 60 = 2. "
        "So 'men aged 40-44' has exactly 2 people"
    )


def test_a_predicate_widened_far_enough_is_safe(catalogue):
    assert findings(catalogue, {"male:under_40:all": 60, "male:under_45:all": 70}, EXACT) == ()


@pytest.mark.parametrize("more", range(10))
def test_every_difference_below_the_inference_floor_is_found(catalogue, more):
    people = {"male:under_40:all": 60, "male:under_45:all": 60 + more}
    assert findings(catalogue, people, EXACT)


# B3: one person somewhere


def test_a_single_person_in_a_region_is_found(catalogue):
    jakarta = [code for code in catalogue.dimensions[2].leaves if code.startswith("31.")]
    people = {"all:all:31": 301, **{f"all:all:{code}": 60 for code in jakarta[:5]}}
    found = only(findings(catalogue, people, EXACT))
    assert found.kind == "singleton"
    assert found.explanation.endswith(
        "301 - 60 - 60 - 60 - 60 - 60 = 1. So 'people in East Jakarta' has exactly 1 person"
    )


def test_an_empty_region_is_found_as_well(catalogue):
    jakarta = [code for code in catalogue.dimensions[2].leaves if code.startswith("31.")]
    people = {"all:all:31": 300, **{f"all:all:{code}": 60 for code in jakarta[:5]}}
    assert only(findings(catalogue, people, EXACT)).kind == "homogeneity"


# C4: everybody is the same


def test_a_group_of_men_only_is_found(catalogue):
    found = only(findings(catalogue, {"all:all:31.71": 60, "male:all:31.71": 60}, EXACT))
    assert found.kind == "homogeneity"
    assert found.explanation == (
        "'people in Central Jakarta' (60) contains 'men in Central Jakarta' (60): 60 - 60 = 0. "
        "So no one is in 'women or people of unstated gender in Central Jakarta': "
        "everyone in 'people in Central Jakarta' is in 'men in Central Jakarta'"
    )


def test_nearly_all_men_is_found_when_rounding_does_not_hide_it(catalogue):
    people = {"all:all:31.71": 50, "male:all:31.71": 50}
    found = only(findings(catalogue, people))
    assert found.kind == "difference"
    assert found.explanation == (
        "'people in Central Jakarta' (50, so at most 59) contains 'men in Central Jakarta' "
        "(50, so at least 50): 59 - 50 = 9. "
        "So 'women or people of unstated gender in Central Jakarta' has at most 9 people"
    )


def test_rounding_can_hide_that_all_are_men(catalogue):
    assert findings(catalogue, {"all:all:31.71": 60, "male:all:31.71": 60}) == ()


# E1: overlapping segmentations


def test_overlapping_cuts_are_intersected():
    age = dimension("age", ["a", "b", "c"], [("ab", (0, 1)), ("bc", (1, 2))])
    catalogue = catalogue_of([age])
    people = {"ab": 100, "bc": 100, "all": 103}
    found = findings(catalogue, people, EXACT)
    assert {f.kind for f in found} == {"difference"}
    assert {f.explanation.rsplit(". ", 1)[1] for f in found} == {
        "So 'a' has exactly 3 people",
        "So 'c' has exactly 3 people",
    }


def test_three_overlapping_cuts_need_fractions_of_figures():
    age = dimension("age", ["a", "b", "c"], [("ab", (0, 1)), ("bc", (1, 2)), ("ac", (0, 2))])
    found = findings(catalogue_of([age]), {"ab": 100, "bc": 100, "ac": 190}, EXACT)
    assert "(100 + 100 - 190) / 2, rounded down, = 5" in only(found).explanation


# Structural zeros


def test_regions_that_a_campaign_does_not_target_are_no_disclosure(catalogue):
    possible = everywhere(catalogue)
    possible[:, :, [not code.startswith("31.") for code in catalogue.dimensions[2].leaves]] = False
    people = {"all:all:all": 60, "all:all:31": 60}
    assert findings(catalogue, people, EXACT, possible) == ()
    assert only(findings(catalogue, people, EXACT)).kind == "homogeneity"


def test_people_where_nobody_can_be_are_a_contradiction(catalogue):
    possible = everywhere(catalogue)
    possible[:, :, 5] = False
    code = catalogue.dimensions[2].leaves[5]
    found = only(findings(catalogue, {f"all:all:{code}": 60}, possible=possible))
    assert found.kind == "contradiction"


# Figures that cannot be


def test_a_part_larger_than_the_whole_is_a_contradiction(catalogue):
    found = only(findings(catalogue, {"all:all:31": 60, "male:all:31": 80}))
    assert found.kind == "contradiction"
    assert found.explanation == (
        "'men in Jakarta' (80, so at least 71) is part of 'people in Jakarta' (60, so at most 69), "
        "but larger"
    )


def test_parts_larger_than_the_whole_together_are_a_contradiction(catalogue):
    people = {"all:all:31": 100, "male:all:31": 70, "female:all:31": 70}
    found = only(findings(catalogue, people))
    assert found.kind == "contradiction"
    assert "109 - 61 - 61 = -13" in found.explanation


def test_figures_of_one_set_of_people_must_be_equal(catalogue):
    possible = everywhere(catalogue)
    possible[1:] = False
    found = only(findings(catalogue, {"all:all:31": 60, "male:all:31": 70}, possible=possible))
    assert found.kind == "contradiction"
    assert (
        "contain the same people in this table, but their figures are 60 and 70"
    ) in found.explanation


@pytest.mark.parametrize("people", [40, 55, -10, 0])
def test_figures_that_the_rules_forbid_are_found(catalogue, people):
    assert only(findings(catalogue, {"all:all:31": people})).kind == "rule"


def test_an_unknown_segment_is_found(catalogue):
    figures = Figures(KEY, np.array([len(catalogue)], np.int32), np.array([60], np.int64))
    assert only(attack(figures, catalogue, ROUNDED, everywhere(catalogue))).kind == "rule"


def test_nothing_published_discloses_nothing(catalogue):
    for promise in (ROUNDED, EXACT, Promise(inference_k=0, rounding=1)):
        assert findings(catalogue, {}, promise) == ()
        assert findings(catalogue, {"all:all:all": 60}, promise) == ()
        nowhere = np.zeros(catalogue.shape, dtype=bool)
        assert findings(catalogue, {}, promise, nowhere) == ()


# Strict and lenient settings


def test_the_strict_setting_finds_more(catalogue):
    people = {"all:all:31": 500, "male:all:31": 470}
    assert findings(catalogue, people) == ()
    assert only(findings(catalogue, people, Promise(inference_k="k"))).kind == "difference"


def test_with_exact_solutions_forbidden_only_small_groups_may_be_bounded():
    catalogue = catalogue_of([dimension("d", ["a", "b", "c"], [("bc", (1, 2))])])
    promise = Promise(rounding=1, inference_k=0)
    assert findings(catalogue, {"all": 100, "bc": 97}, promise)[0].kind == "solved"
    assert findings(catalogue, {"all": 100, "b": 97}, promise) == ()


def test_words_for_a_solved_segment():
    catalogue = catalogue_of([dimension("d", ["a", "b", "c"], [("bc", (1, 2))])])
    found = only(findings(catalogue, {"all": 100, "bc": 97}, Promise(rounding=1, inference_k=0)))
    assert found.segments[0] == "a"
    assert found.explanation == (
        "'a' has exactly 3 people, although suppressed: from 'people' (100) and 'bc' (97): "
        "100 - 97 = 3"
    )


def test_the_same_findings_every_time(catalogue):
    people = {"all:all:31": 100, "male:all:31": 50, "female:all:31": 50, "all:all:all": 1000}
    runs = [findings(catalogue, people, Promise(inference_k="k")) for _ in range(3)]
    assert runs[0] == runs[1] == runs[2]
    assert runs[0]


def test_a_finding_as_json(catalogue):
    found = only(findings(catalogue, {"all:all:31.71": 60, "male:all:31.71": 60}, EXACT))
    assert found.to_json() == {
        "subject": "campaign",
        "subject_id": "c1",
        "period": "2026-11-22",
        "kind": "homogeneity",
        "segments": ["all:all:31.71", "male:all:31.71"],
        "explanation": found.explanation,
    }
