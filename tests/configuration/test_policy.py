"""The policy and catalogue files: what they refuse, and that they refuse it all at once."""

from pathlib import Path

import pytest

from anonymizer.model import dimensions
from anonymizer.model.errors import ConfigurationError
from anonymizer.model.explanation import explain, reference
from anonymizer.model.policy import Policy, Promise
from anonymizer.model.segments import Catalogue, SegmentSettings, build_catalogue, load_catalogue

ROOT = Path(__file__).parents[2]
DEFAULTS = ROOT / "anonymizer" / "defaults"


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_commented_default_says_what_the_models_say() -> None:
    assert Policy.load(DEFAULTS / "policy.yaml") == Policy()


def test_every_mistake_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    text = (
        "promise:\n  k: 3\n  kk: 1\n  rounding: 0\n"
        "timing:\n  timezone: Mars/Olympus\n"
        "eligibility:\n  purposes: [use]\n  adult_age: 16\n  adult_age: 17\n"
    )
    with pytest.raises(ConfigurationError) as refused:
        Policy.load(written(tmp_path, text))
    places = [fault.place for fault in refused.value.faults]
    assert places == [
        "policy.yaml:10",
        "policy.yaml:2 promise.k",
        "policy.yaml:4 promise.rounding",
        "policy.yaml:3 promise.kk",
        "policy.yaml:10 eligibility.adult_age",
        "policy.yaml:8 eligibility.purposes",
        "policy.yaml:6 timing.timezone",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("promise: {inference_k: 60}", "must not exceed k"),
        ("promise: {rounding: 100}", "must not exceed k"),
        ("eligibility: {purposes: [use]}", "must contain use and disclosure"),
        ("promise: [", "not valid YAML"),
        ("- 1", "valid dictionary"),
    ],
)
def test_settings_that_break_the_promise_are_refused(
    tmp_path: Path, text: str, problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Policy.load(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("promise:\n  trusted_after_days: 30\n", "remove it and set min_account_days instead"),
        ("effort:\n  proof_seconds: 60\n", "remove it and set proof_work instead"),
        ("promise:\n  thrusted: 30\n", "docs/policy-reference.md lists all"),
    ],
)
def test_a_key_that_is_unknown_or_gone_is_told_with_what_to_do(
    tmp_path: Path, text: str, remedy: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Policy.load(written(tmp_path, text))
    (fault,) = refused.value.faults
    assert fault.place.startswith("policy.yaml:2 ")
    assert fault.problem == "this key is unknown"
    assert remedy in fault.remedy


def test_a_missing_file_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="audience init"):
        Policy.load(tmp_path / "policy.yaml")


def test_strict_inference_means_k() -> None:
    assert Promise(k=50, inference_k="k").inference_floor == 50


def test_the_digest_ignores_what_is_about_the_run_and_nothing_else() -> None:
    settings = {
        "effort": {"threads": 1},
        "retention": {"closed_years": 4},
        "intake": {"max_file_megabytes": 9},
    }
    today = Policy.model_validate(settings)
    other = Policy.model_validate({"promise": {"k_jitter": 4}})
    assert today.digest == Policy().digest != other.digest
    mixed = other.running_as(today)
    assert (mixed.promise, mixed.digest) == (other.promise, other.digest)
    assert (mixed.effort, mixed.retention, mixed.intake) == (
        today.effort,
        today.retention,
        today.intake,
    )


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(DEFAULTS / "segments.yaml")


def test_no_two_rows_of_the_catalogue_are_the_same_cell(catalogue: Catalogue) -> None:
    assert len({tuple(cell) for cell in catalogue.cells.tolist()}) == len(catalogue)
    assert len(set(catalogue.positions)) == len(catalogue)


def test_named_segments_come_first_then_coarse_to_fine(catalogue: Catalogue) -> None:
    assert sorted(catalogue.named) == list(range(len(catalogue.named)))
    depth = [
        sum(group.level != "all" for group in catalogue.groups(row))
        for row in (len(catalogue.named), len(catalogue) - 1)
    ]
    assert depth == [1, 3]


def test_words_and_ids_read_like_the_privacy_policy(catalogue: Catalogue) -> None:
    men = catalogue.positions["men_under_40"]
    assert catalogue.name(men).english == "men under 40"
    crossed = catalogue.positions["female:25-29:31.71"]
    assert catalogue.name(crossed).english == "women aged 25-29 in Central Jakarta"
    assert catalogue.name(crossed).indonesian == "wanita berusia 25-29 tahun di Jakarta Pusat"


def test_every_group_is_the_union_that_its_name_says() -> None:
    region = dimensions.region()
    jakarta = region.groups[region.positions["31"]]
    assert {region.leaves[leaf] for leaf in jakarta.leaves} == {
        "31.01", "31.71", "31.72", "31.73", "31.74", "31.75",
    }  # fmt: skip
    country = region.groups[region.positions["ID"]]
    assert len(country.leaves) == 514
    assert len(region.groups[0].leaves) == 515
    assert [len(group.leaves) for group in region.groups if group.level == "province"].count(0) == 0


def words(**more: object) -> dict[str, object]:
    return {"english": "e", "indonesian": "i", **more}


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        (words(user_id="u1"), "single people out"),
        (words(atoms=[["male", "18-20", "31.71"]]), "single people out"),
        (words(gender="male", age="18-20", region="31.71"), "single atom"),
        (words(region="99.99"), "not a group of region"),
        (words(gender="men"), "not a group of gender"),
    ],
)
def test_definitions_that_single_people_out_are_refused(
    tmp_path: Path, named: dict[str, object], problem: str
) -> None:
    path = tmp_path / "segments.yaml"
    lines = "".join(f"    {key}: {value!r}\n" for key, value in named.items())
    path.write_text(f"named:\n  some_segment:\n{lines}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=problem):
        load_catalogue(path)


def test_two_names_for_one_set_of_people_are_refused() -> None:
    settings = SegmentSettings.model_validate(
        {"named": {"men": words(gender="male"), "males": words(gender="male")}}
    )
    with pytest.raises(ConfigurationError, match="same set of people as men"):
        build_catalogue(settings)


def test_all_faults_of_the_catalogue_come_together() -> None:
    settings = SegmentSettings.model_validate(
        {
            "areas": {"nowhere": words(regions=["00"]), "all": words(regions=["31"])},
            "named": {"lost": words(region="atlantis")},
        }
    )
    with pytest.raises(ConfigurationError) as refused:
        build_catalogue(settings)
    assert len(refused.value.faults) == 3


def test_the_explanation_follows_the_settings(catalogue: Catalogue) -> None:
    text = explain(Policy.model_validate({"promise": {"k": 70, "rounding": 1}}), catalogue)
    assert "at least 70 different people" in text
    assert "Figures are not rounded" in text
    assert "a figure of 700 stands for 686 to 714 people" in text
    assert "men under 40" in text


def test_the_explanation_names_what_bounds_a_person(catalogue: Catalogue) -> None:
    promise = {
        "rounding": 7,
        "inference_k": 5,
        "near_jitter": 3,
        "near_days": 90,
        "min_account_days": 14,
        "campaigns_per_person": 1,
    }
    text = explain(Policy.model_validate({"promise": promise}), catalogue)
    assert "differs by fewer than 7 people, plus a secret 0 to 3" in text
    assert "a figure of 497 stands for 482 to 512 people" in text
    assert "in the 90 days before" in text
    assert "at most 1 campaign of one advertiser" in text
    assert "open for less than 14 days is not counted" in text
    unbounded = {**promise, "near_jitter": 0, "min_account_days": 0}
    text = explain(Policy.model_validate({"promise": unbounded}), catalogue)
    assert "secret 0 to" not in text
    assert "open for less than" not in text


def test_the_reference_page_is_what_the_models_say() -> None:
    page = (ROOT / "docs" / "policy-reference.md").read_text(encoding="utf-8")
    assert page == reference(), "run: make docs"


def test_working_data_is_kept_for_as_long_as_a_month_can_be_open() -> None:
    timing = {"open_days": 5, "late_days": 3}
    assert Policy.model_validate({"timing": timing, "retention": {"private_days": 39}})
    with pytest.raises(ValueError, match=r"private_days \(38\) must be at least 39: the longest"):
        Policy.model_validate({"timing": timing, "retention": {"private_days": 38}})


def test_a_category_belongs_to_one_interest() -> None:
    words = {"english": "x", "indonesian": "y"}
    settings = SegmentSettings.model_validate(
        {
            "interests": {
                "books": {**words, "categories": ["Books", " books "]},
                "films": {**words, "categories": ["films", "BOOKS"]},
                "more_films": {**words, "categories": ["Films"]},
            }
        }
    )
    with pytest.raises(ConfigurationError) as caught:
        build_catalogue(settings)
    assert [fault.place for fault in caught.value.faults] == [
        "segments.yaml interests.films",
        "segments.yaml interests.more_films",
    ]
