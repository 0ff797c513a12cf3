"""A named segment may list ages and regions: it adds one segment, and no cross table."""

from pathlib import Path

import pytest
import yaml

from anonymizer.model.configuration import parse
from anonymizer.model.errors import ConfigurationError
from anonymizer.model.segments import Catalogue, SegmentSettings, build_catalogue
from anonymizer.release.settings import SettingsTexts, read_meaning

DEFAULTS = Path(__file__).parents[2] / "anonymizer/defaults"


def catalogue(**named: object) -> Catalogue:
    settings = yaml.safe_load((DEFAULTS / "segments.yaml").read_text(encoding="utf-8"))
    for code, segment in named.items():
        settings["named"][code] = {"english": code, "indonesian": code, **dict(segment)}  # type: ignore[call-overload]
    return build_catalogue(parse(yaml.safe_dump(settings), "segments.yaml", SegmentSettings))


def group(found: Catalogue, code: str, axis: int) -> tuple[str, str, str, set[str]]:
    segment = found.groups(found.positions[code])[axis]
    leaves = {found.dimensions[axis].leaves[leaf] for leaf in segment.leaves}
    return segment.code, segment.name.english, segment.name.indonesian, leaves


def test_lists_are_one_segment_more_and_no_cross_table() -> None:
    before = catalogue()
    after = catalogue(wanted={"age": ["45-49", "40-44", "55-59"], "region": ["31.71", "32"]})
    assert len(after) == len(before) + 1
    code, english, indonesian, leaves = group(after, "wanted", 1)
    assert (code, english) == ("40-44+45-49+55-59", "aged 40-49 or 55-59")
    assert indonesian == "berusia 40-49 tahun atau 55-59 tahun"
    assert leaves == {"40-44", "45-49", "55-59"}
    code, english, indonesian, leaves = group(after, "wanted", 2)
    assert (code, english) == ("31.71+32", "in Central Jakarta and West Java")
    assert indonesian == "di Jakarta Pusat dan Jawa Barat"
    assert {"31.71", "32.73"} <= leaves


def test_the_last_band_is_open_and_many_regions_are_counted() -> None:
    found = catalogue(
        wanted={"age": ["70-74", "75+"], "region": ["31.71", "31.72", "31.73", "31.74"]}
    )
    assert group(found, "wanted", 1)[1:3] == ("aged 70 or over", "berusia 70 tahun ke atas")
    assert group(found, "wanted", 2)[1] == "in Central Jakarta, North Jakarta and 2 more regions"


def test_a_list_of_the_bands_of_an_age_group_is_that_group() -> None:
    found = catalogue(wanted={"gender": "not_stated", "age": ["25-29", "30-34"]})
    assert group(found, "wanted", 1)[0] == "from_25_to_34"


def test_two_lists_of_the_same_regions_are_one_set_of_people() -> None:
    same = {"age": ["40-44", "50-54"]}
    with pytest.raises(ConfigurationError, match="same set of people as first"):
        catalogue(first=same, second={"age": ["50-54", "40-44"]})


def test_an_unknown_code_in_a_list_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"'99\.99' is not a group of region"):
        catalogue(wanted={"region": ["31.71", "99.99"]})


def test_lists_of_one_change_no_digest() -> None:
    """Settings that were recorded before there were lists stay what they were."""
    texts = SettingsTexts(
        *((DEFAULTS / f"{name}.yaml").read_text() for name in ("policy", "segments"))
    )
    dumped = read_meaning(texts).segments.model_dump(mode="json")
    assert dumped["named"]["men_under_40"]["age"] == "under_40"
    assert dumped["named"]["everyone"]["region"] == "all"
