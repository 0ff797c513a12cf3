"""The settings of added dimensions: what they may say, and that without them nothing changes."""

from importlib.resources import files
from typing import Any

import pytest

from anonymizer.model.configuration import parse
from anonymizer.model.errors import ConfigurationError
from anonymizer.model.policy import Policy
from anonymizer.model.segments import Catalogue, SegmentSettings, build_catalogue
from anonymizer.model.strictness import weakened

DEFAULT = (files("anonymizer") / "defaults" / "segments.yaml").read_text(encoding="utf-8")
DEVICE = """
added_dimensions:
  device:
    series: [campaign-day, campaign-week]
    cross_tables: [[], [gender], [group, gender], [province]]
"""
CATEGORY = """
  product_category:
    series: [campaign-month]
    cross_tables: [[]]
    interests: [books, food]
"""
OF_DAYS = "added_dimensions: {device: {series: [campaign-day], cross_tables:"
NAMED = """
  men_on_phones:
    gender: male
    device: mobile
    english: men on mobile phones
    indonesian: pria dengan ponsel

# Interests: people"""


def catalogue(text: str) -> Catalogue:
    return build_catalogue(parse(text, "segments.yaml", SegmentSettings))


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        catalogue(text)
    return [str(fault) for fault in refused.value.faults]


def with_named(text: str) -> str:
    assert text.count("\n# Interests: people") == 1
    return text.replace("\n# Interests: people", NAMED)


def test_without_added_dimensions_all_digests_are_what_they_were() -> None:
    """The digests of the default settings as version 0.5.0 had them."""
    settings = parse(DEFAULT, "segments.yaml", SegmentSettings)
    plain = build_catalogue(settings)
    assert plain.digest.startswith("da20fc6069de")
    dumped = settings.model_dump(mode="json")
    assert "added_dimensions" not in dumped
    assert not {"device", "product_category"} & set(dumped["named"]["men"])
    assert plain.of_series("campaign-day") is plain
    assert plain.added_dimension is None


def test_the_tables_of_the_series_have_the_segments_and_no_others_do() -> None:
    plain, own = catalogue(DEFAULT), catalogue(with_named(DEFAULT) + DEVICE + CATEGORY)
    days, months = own.of_series("campaign-day"), own.of_series("campaign-month")
    assert own.of_series("audience-month") is own
    assert own.of_series("interest-week").shape == plain.shape
    assert list(own.positions) == list(plain.positions)
    assert days.shape == (*plain.shape, 4)
    assert months.shape == (*plain.shape, 3)
    # 4 devices: by themselves, by gender, by gender and age group, by province; one has a name.
    assert len(days) - len(plain) == 4 * (1 + 3 + 3 * 3 + 38)
    assert len(months) - len(plain) == 3
    assert own.digest == days.digest == months.digest != plain.digest
    # The other segments keep their ids and their order.
    kept = [name for name in days.positions if name in plain.positions]
    assert kept == list(plain.positions)
    assert "male:all:all:device=mobile" not in days.positions
    row = days.positions["men_on_phones"]
    assert row == len(plain.named)
    assert days.positions["female:all:31:device=tablet".replace("female", "all")] > row
    name = days.name(days.positions["female:under_40:all:device=mobile"])
    assert name.english == "women under 40 on mobile phones"
    assert name.indonesian == "wanita di bawah 40 tahun dengan ponsel"
    assert months.name(len(months) - 1).english == "people for other products"
    for extended in (days, months):
        ids = [extended.id(row) for row in range(len(extended))]
        assert [extended.positions[name] for name in ids] == list(range(len(ids)))


def test_every_mistake_is_told_at_once_with_its_place() -> None:
    text = with_named(DEFAULT) + DEVICE.replace("device:", "product_category:")
    found = faults(text)
    assert len(found) == 2
    assert "named.men_on_phones" in found[0]
    assert "device is not an added dimension" in found[0]
    assert "added_dimensions.product_category.interests" in found[1]
    two = DEVICE + CATEGORY.replace("campaign-month", "campaign-day")
    (found_one,) = faults(DEFAULT + two)
    assert "campaign-day already has device" in found_one
    (found_one,) = faults(DEFAULT + DEVICE + CATEGORY.replace("food", "credit"))
    assert "'credit' is not an interest" in found_one
    (found_one,) = faults(with_named(DEFAULT).replace("device: mobile", "device: phone") + DEVICE)
    assert "'phone' is not a group of device" in found_one


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("added_dimensions: {income: {series: [campaign-day], cross_tables: [[]]}}", "income"),
        ("added_dimensions: {device: {series: [audience-month], cross_tables: [[]]}}", "campaign-"),
        ("added_dimensions: {device: {series: [], cross_tables: [[]]}}", "at least 1"),
        (f"{OF_DAYS} [[area, province]]}}}}", "two levels of one dimension"),
        (f"{OF_DAYS} [[gender, band], [band, gender]]}}}}", "a cross table occurs twice"),
    ],
)
def test_what_cannot_be_a_dimension_is_refused(text: str, said: str) -> None:
    """Nothing but what the visits tell, and only for campaigns: an audience has no visits."""
    fault, *_ = faults(f"{DEFAULT}\n{text}\n")
    assert said in fault
    assert "segments.yaml:" in fault


def test_a_dimension_needs_approvals_and_leaving_it_out_does_not() -> None:
    policy = Policy()

    def changed(before: str, after: str) -> list[Any]:
        texts = (catalogue(before), catalogue(after))
        return [one.setting for one in weakened((policy, texts[0]), (policy, texts[1]))]

    device = "added_dimensions.device"
    assert changed(DEFAULT, DEFAULT + DEVICE) == [device, device]
    assert changed(DEFAULT + DEVICE, DEFAULT) == []
    assert changed(DEFAULT + DEVICE, DEFAULT + DEVICE) == []
    fewer = DEVICE.replace(", [province]", "").replace(", campaign-week", "")
    assert changed(DEFAULT + DEVICE, DEFAULT + fewer) == []
    assert changed(DEFAULT + fewer, DEFAULT + DEVICE) == [device, device]
    assert changed(DEFAULT + DEVICE, with_named(DEFAULT) + DEVICE) == []  # the same people
    more = CATEGORY.replace("[books, food]", "[books, food, travel]")
    category = "added_dimensions.product_category"
    assert changed(DEFAULT + DEVICE + CATEGORY, DEFAULT + DEVICE + more) == [category]
