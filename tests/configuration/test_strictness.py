"""Which changes of the settings weaken the promise; no setting is left unclassified."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from setting_values import VALUES

from anonymizer.model.configuration import Settings, parse
from anonymizer.model.explanation import inner_model
from anonymizer.model.policy import Policy
from anonymizer.model.segments import Catalogue, SegmentSettings, build_catalogue
from anonymizer.model.strictness import DIRECTIONS, Direction, setting_of, weakened

WORDS = "    english: words\n    indonesian: kata\n"
SEGMENTS = (files("anonymizer") / "defaults" / "segments.yaml").read_text()


def leaves(model: type[Settings], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = inner_model(field)
        if inner is None:
            yield prefix + name
        else:
            below = "" if inner is field.annotation else "<code>."
            yield from leaves(inner, f"{prefix}{name}.{below}")


def test_every_setting_has_a_direction() -> None:
    assert [*leaves(Policy), *leaves(SegmentSettings)] == list(DIRECTIONS)


def policy(path: str, value: Any) -> Policy:
    content: Any = value
    for part in reversed(path.split(".")):
        content = {part: content}
    return Policy.model_validate(content)


CATALOGUE = build_catalogue(parse(SEGMENTS, "segments.yaml", SegmentSettings))


def catalogue(old: str, new: str) -> Catalogue:
    assert old in SEGMENTS
    return build_catalogue(parse(SEGMENTS.replace(old, new, 1), "segments.yaml", SegmentSettings))


def found(before: Policy, after: Policy) -> list[str]:
    return [one.setting for one in weakened((before, CATALOGUE), (after, CATALOGUE))]


TOGETHER = {
    *(Direction.SEGMENTS, Direction.INTERESTS, Direction.ROLES, Direction.SHARES),
    Direction.PARTS,
}


def test_every_direction_is_tried() -> None:
    assert set(VALUES) == {
        path for path, way in DIRECTIONS.items() if way not in {*TOGETHER, Direction.NONE}
    }


@pytest.mark.parametrize("path", VALUES)
def test_one_way_is_weaker_and_the_other_is_not(path: str) -> None:
    weaker, stronger = VALUES[path]
    before = policy(path, stronger) if stronger is not None else Policy()
    assert found(before, policy(path, weaker)) == [path]
    assert found(policy(path, weaker), before) in ([], [path] if path == "timing.timezone" else [])
    assert found(before, before) == []


def test_a_bound_that_follows_k_is_compared_as_a_number() -> None:
    assert found(policy("promise.inference_k", "k"), policy("promise.inference_k", 50)) == []
    assert found(policy("promise.inference_k", "k"), Policy()) == ["promise.inference_k"]
    both = Policy.model_validate({"promise": {"k": 60, "inference_k": "k"}})
    assert found(both, policy("promise.inference_k", "k")) == ["promise.k", "promise.inference_k"]
    assert setting_of(both, "promise.inference_k") == 60


@pytest.mark.parametrize(
    ("before", "after", "weaker"),
    [
        ({}, {"minor": 0.05}, []),
        ({}, {"minor": 0.5}, ["minor"]),
        ({"minor": 0.05}, {"minor": 0.06}, ["minor"]),
        ({"minor": 0.06}, {"minor": 0.05}, []),
        ({"minor": 0.05}, {}, ["minor"]),
        ({"minor": 0.7}, {}, []),
    ],
)
def test_limits_of_single_reasons(
    before: dict[str, float], after: dict[str, float], weaker: list[str]
) -> None:
    path = "plausibility.max_share_change_by_reason"
    names = [f"{path}.{reason}" for reason in weaker]
    assert found(policy(path, before), policy(path, after)) == names


OFFICER, BOTH = {"privacy_officer": ["siti"]}, {"privacy_officer": ["siti"], "data_engineer": ["a"]}


@pytest.mark.parametrize(
    ("before", "after", "weaker"),
    [
        ({}, BOTH, []),  # the first roles: before, everybody could decide
        ({"data_engineer": ["a"]}, BOTH, []),  # the first privacy officer
        (BOTH, OFFICER, []),
        (OFFICER, BOTH, ["roles.data_engineer"]),
        (OFFICER, {"privacy_officer": ["siti", "a"]}, ["roles.privacy_officer"]),
        (OFFICER, {"privacy_officer": ["a"]}, ["roles.privacy_officer"]),
        (OFFICER, {**OFFICER, "ad_ops": ["b"]}, []),
        (OFFICER, {}, ["roles"]),
        (OFFICER, {"ad_ops": ["siti"]}, ["roles"]),
        # Fewer than two are left who decide.
        ({"privacy_officer": ["siti", "a"]}, OFFICER, ["roles"]),
        (BOTH, {"privacy_officer": ["siti"], "data_engineer": ["siti"]}, ["roles.data_engineer"]),
        (
            {"privacy_officer": ["siti", "a"], "data_engineer": ["b"]},
            BOTH | {"data_engineer": ["b"]},
            [],
        ),
    ],
)
def test_roles(before: Any, after: Any, weaker: list[str]) -> None:
    assert found(policy("roles", before), policy("roles", after)) == weaker


@pytest.mark.parametrize(
    ("old", "new", "weaker"),
    [
        ("[all, gender]\n  age", "[all]\n  age", []),
        ("bands: [25-29, 30-34]", "bands: [30-34, 35-39]", ["segments"]),
        ("english: Java\n", "english: The island of Java\n", []),
        ('regions: ["31", "32", "33", "34"', 'regions: ["32", "33", "34"', ["segments"]),
        ("areas:\n", f"areas:\n  bali:\n    regions: ['51']\n{WORDS}", []),
        (
            "named:\n",
            f"named:\n  local_men:\n    gender: male\n    region: jabodetabek\n{WORDS}",
            [],
        ),
        (
            "  books:\n",
            f"  cars:\n    categories: [car]\n{WORDS}  books:\n",
            ["interests.cars"],
        ),
        ("[books, buku]", "[books, pregnancy]", ["interests.books.categories"]),
        ("[books, buku]", "[Buku]", []),
        ("english: books", "english: people who are ill", ["interests.books"]),
    ],
)
def test_segments_and_interests(old: str, new: str, weaker: list[str]) -> None:
    after = catalogue(old, new)
    changes = weakened((Policy(), CATALOGUE), (Policy(), after))
    assert [one.setting for one in changes] == weaker


def test_a_level_more_is_weaker() -> None:
    coarse = catalogue("[all, area, province, regency]", "[all, area, province]")
    (change,) = weakened((Policy(), coarse), (Policy(), CATALOGUE))
    assert change.setting == "segments"
    assert "more groups, such as" in str(change)
    assert weakened((Policy(), CATALOGUE), (Policy(), coarse)) == ()


PHONE = {"english": "Mobile", "indonesian": "Ponsel", "values": ["mobile"]}
BY_DEVICE = {"from_day": "2026-12-01", "column": "device", "parts": {"mobile": PHONE}}


@pytest.mark.parametrize(
    ("before", "after", "is_weaker"),
    [
        ([], [BY_DEVICE], True),
        ([BY_DEVICE], [BY_DEVICE], False),
        ([BY_DEVICE], [], False),
        ([BY_DEVICE], [{**BY_DEVICE, "from_day": "2026-11-30"}], True),
        ([BY_DEVICE], [{**BY_DEVICE, "campaigns": ["C1"]}], True),
        ([BY_DEVICE], [{**BY_DEVICE, "parts": {"mobile": {**PHONE, "values": ["ill"]}}}], True),
        ([BY_DEVICE], [{**BY_DEVICE, "parts": {"mobile": {**PHONE, "english": "Ill"}}}], True),
        ([BY_DEVICE], [BY_DEVICE, {**BY_DEVICE, "from_day": "2026-12-08"}], True),
    ],
)
def test_parts_of_campaigns(before: Any, after: Any, is_weaker: bool) -> None:
    """Any rule that was not there says more of people than before, if only by its names."""
    weaker = found(policy("campaign_parts", before), policy("campaign_parts", after))
    assert weaker == (["campaign_parts"] if is_weaker else [])
