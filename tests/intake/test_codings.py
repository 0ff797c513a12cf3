"""Codes of regions and genders mean what the policy declares, and nothing is guessed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from raw_world import Row, World, as_csv, as_json_lines, as_parquet, campaign, profile

from anonymizer.model.codings import read_codings
from anonymizer.model.dimensions import REGION_REFERENCE, reference_regions
from anonymizer.model.errors import ConfigurationError, Held
from anonymizer.model.policy import CodingSettings, Policy

FORMATS: dict[str, Callable[[list[Row]], bytes]] = {
    "csv": as_csv,
    "jsonl": as_json_lines,
    "parquet": as_parquet,
}
BPS = "code,region\n3171,31.74\n3172,31.75\n3173,31.71\n3174,31.73\n3175,31.72\n31,31\n"


def coded(world: World, **settings: Any) -> World:
    world.policy = Policy.model_validate({"codings": settings})
    return world


def put_profiles(world: World, form: str, rows: list[Row]) -> None:
    for path in (world.home.raw / "profiles").rglob("p.*"):
        path.unlink()
    world.put(f"profiles/day={world.day}/p.{form}", FORMATS[form](rows))


def with_regions(world: World, form: str, codes: list[str | None]) -> None:
    put_profiles(world, form, [profile(f"u{n}", region_code=code) for n, code in enumerate(codes)])


def regions(world: World) -> list[str]:
    return sorted(row["region"] for row in world.rows("profiles"))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("codes", "shape"),
    [
        (["3171"] * 10, "four digits without a dot"),
        (["3171", "3578"] + ["31.71"] * 8, "four digits without a dot"),
        (["9701"] * 3 + [None] * 7, "four digits without a dot"),
        (["11.1"] * 10, "written as a number"),
        (["3171.0"] * 5 + ["31.71"] * 5, "written as a number"),
    ],
)
def test_codes_of_another_scheme_hold_the_day(
    world: World, form: str, codes: list[str | None], shape: str
) -> None:
    with_regions(world, form, codes)
    with pytest.raises(Held, match=shape) as held:
        world.take_in()
    assert held.value.reason == "region_coding"
    assert "codings.region" in str(held.value) or "as text" in str(held.value)
    assert f"p.{form} row 1" in str(held.value)
    assert set(world.written()) == {f"quarantine/day={world.day}.parquet"}


@pytest.mark.parametrize("form", FORMATS)
def test_a_few_such_codes_are_not_stated_and_told_by_file_and_row(world: World, form: str) -> None:
    codes: list[str | None] = ["31.71"] * 30
    codes[6], codes[20] = "3174", "99.99"
    with_regions(world, form, codes)
    warnings = {warned.code: warned for warned in world.take_in().warnings}
    assert regions(world).count("not_stated") == 2
    assert warnings["region_not_mapped"].rows == (7, 21)
    assert warnings["region_without_dot"].rows == (7,)
    assert warnings["region_without_dot"].file == f"profiles/day={world.day}/p.{form}"
    assert warnings["region_without_dot"].columns == ("region_code",)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("scheme", "codes", "meant"),
    [
        ("kemendagri_without_dots", ["3171", "3174", "31.75"], ["31.71", "31.74", "31.75"]),
        ("bps", ["3171", "3173", "31.72"], ["31.71", "31.74", "31.75"]),
        ("file", ["3171", "3173", "3174"], ["31.71", "31.73", "31.74"]),
    ],
)
def test_declared_schemes_are_read(
    world: World, form: str, scheme: str, codes: list[str | None], meant: list[str]
) -> None:
    file = {} if scheme.startswith("kemendagri") else {"file": "codes.csv"}
    (world.home.root / "codes.csv").write_text(BPS)
    coded(world, region={"scheme": scheme, **file})
    with_regions(world, form, codes)
    intake = world.take_in()
    assert regions(world) == meant
    mappings = [found.name for found in intake.files if found.status == "mapping"]
    assert mappings == (["codes.csv"] if file else [])


def test_south_jakarta_of_bps_is_never_central_jakarta(world: World) -> None:
    """Not by dropping dots, and not by the codes of the other authority beside a mapping."""
    (world.home.root / "codes.csv").write_text("code,region\n3171,31.74\n")
    coded(world, region={"scheme": "bps", "file": "codes.csv"})
    with_regions(world, "csv", ["3171", "31.71", "3172"] + ["3171"] * 30)
    world.take_in()
    assert set(regions(world)) == {"31.74", "not_stated"}
    assert regions(world).count("not_stated") == 1


def test_a_code_that_a_mapping_lacks_is_told(world: World) -> None:
    (world.home.root / "codes.csv").write_text("code,region\nJKT-P,31.71\n31,31\n")
    coded(world, region={"scheme": "file", "file": "codes.csv"})
    with_regions(world, "csv", ["JKT-P", "jkt-p", "31.71", "31"])
    warnings = {warned.code: warned.count for warned in world.take_in().warnings}
    assert regions(world) == ["31.71"] + ["not_stated"] * 3  # a province is no regency
    assert warnings == {"region_not_mapped": 3}


@pytest.mark.parametrize("form", FORMATS)
def test_target_regions_have_a_scheme_of_their_own(world: World, form: str) -> None:
    (world.home.root / "codes.csv").write_text(BPS)
    coded(world, target_regions={"scheme": "bps", "file": "codes.csv"})
    (world.home.raw / "campaigns" / "c.csv").unlink()
    rows = [
        campaign(target_regions="3171;31"),
        campaign(campaign_id="C2", link_url="https://two.example/", target_regions="3578"),
    ]
    world.put(f"campaigns/c.{form}", FORMATS[form](rows))
    account = world.take_in().accounts["campaigns"]
    assert account.quarantined == {"not_in_domain": 1}
    (only,) = world.rows("campaigns")
    assert only["target_regions"] == ["31", "31.74"]
    assert regions(world) == ["31.71"]


@pytest.mark.parametrize("form", FORMATS)
def test_words_of_gender_are_declared(world: World, form: str) -> None:
    coded(world, gender={1: "male", "2": "female", " P ": "male", "Tidak Tahu": "not_stated"})
    words = ["1", "2", "P", "p", "perempuan", "L", "tidak tahu", "9", None]
    put_profiles(world, form, [profile(f"u{n}", gender=word) for n, word in enumerate(words)])
    warnings = {warned.code: warned.count for warned in world.take_in().warnings}
    found = sorted(row["gender"] for row in world.rows("profiles"))
    assert found == ["female"] * 2 + ["male"] * 4 + ["not_stated"] * 3
    assert warnings == {"gender_not_mapped": 1}


def test_whole_numbers_of_a_json_file_are_read_as_they_are_written(world: World) -> None:
    coded(world, region={"scheme": "kemendagri_without_dots"}, gender={"1": "male"})
    rows = [profile(f"u{n}") | {"region_code": 3171, "gender": 1} for n in range(3)]
    put_profiles(world, "jsonl", rows)
    world.take_in()
    assert {(row["region"], row["gender"]) for row in world.rows("profiles")} == {("31.71", "male")}


def test_a_mapping_with_mistakes_is_refused_with_all_of_them(tmp_path: Path) -> None:
    lines = ["3171,31.74", "3172,99.99", "31.71,31.71", "x,31.71", "3173", ",31.71", "3174,31.73"]
    (tmp_path / "codes.csv").write_text("code,region\n" + "\n".join(lines) + "\n")
    (tmp_path / "other.csv").write_text("bps,kemendagri\n3171,31.74\n")
    settings = CodingSettings.model_validate(
        {
            "region": {"scheme": "bps", "file": "codes.csv"},
            "target_regions": {"scheme": "file", "file": "other.csv"},
        }
    )
    with pytest.raises(ConfigurationError) as refused:
        read_codings(settings, tmp_path)
    assert [fault.place for fault in refused.value.faults] == [
        *(f"codes.csv:{line}" for line in (3, 4, 5, 6, 7)),
        "other.csv:1",
    ]


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"code,region\n"])
def test_a_mapping_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "codes.csv").write_bytes(content)
    settings = CodingSettings.model_validate({"region": {"scheme": "file", "file": "codes.csv"}})
    with pytest.raises(ConfigurationError, match=r"codes\.csv"):
        read_codings(settings, tmp_path)


@pytest.mark.parametrize(
    ("codings", "problem"),
    [
        ("{region: {scheme: bps}}", "needs a file"),
        ("{region: {file: codes.csv}}", "does not use a file"),
        ("{region: {scheme: iso}}", "kemendagri"),
        ("{gender: {'1': mann}}", "not_stated"),
        ("{gender: {M: male, m: female}}", "must occur once only"),
    ],
)
def test_declarations_with_mistakes_are_refused(codings: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Policy.parse(f"codings: {codings}")


def test_the_reference_is_the_edition_that_it_says() -> None:
    """Numbers that the decree's edition has, as the source of the file states them."""
    levels = [region.level for region in reference_regions()]
    codes = [region.code for region in reference_regions() if region.level == "regency"]
    assert (levels.count("province"), len(codes)) == (38, 416 + 98)
    assert sum(int(code[3:]) >= 71 for code in codes) == 98
    assert "300.2.2-2138" in REGION_REFERENCE.edition
    page = (Path(__file__).parents[2] / "docs" / "raw-contract.md").read_text(encoding="utf-8")
    assert "300.2.2-2138" in page
