"""What files of an export are called."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from release_world import CAMPAIGNS, DAY, SECRET, checked, facts

from anonymizer.exports.export_folders import write_exports
from anonymizer.exports.file_names import slug, stems, workbook_name
from anonymizer.model.periods import Period
from anonymizer.model.subjects import Campaign
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import publish
from anonymizer.release.release import Release
from anonymizer.storage.home import Home

WEEK = Period.of("week", DAY)
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.I)


def named(names: Sequence[str], edition: int = 1) -> list[str]:
    """The stems of campaigns with these names and the ids c1, c2, ..."""
    release = SimpleNamespace(kind="campaign", period=WEEK, edition=edition)
    campaigns = [
        replace(CAMPAIGNS[0], id=f"c{number}", name=name) for number, name in enumerate(names, 1)
    ]
    return list(stems(cast(Release, release), campaigns).values())


def test_a_name_says_campaign_and_period() -> None:
    assert named(["Promo Gajian"]) == ["promo-gajian_week-2026-W47"]
    assert named(["Promo Gajian"], 2) == ["promo-gajian_week-2026-W47_edition-2"]
    assert workbook_name("promo_week-2026-W47", "english") == "promo_week-2026-W47.xlsx"
    assert workbook_name("promo_week-2026-W47", "indonesian") == "promo_week-2026-W47_id.xlsx"


def test_names_that_collide_have_ids() -> None:
    assert named(["Promo Gajian", "promo gajian!", "Promo"]) == [
        "promo-gajian_c1_week-2026-W47",
        "promo-gajian_c2_week-2026-W47",
        "promo_week-2026-W47",
    ]


def test_a_name_without_latin_letters_is_the_id() -> None:
    assert named(["薪水促销"]) == ["campaign_c1_week-2026-W47"]


@pytest.mark.parametrize("name", ["Promo", "薪水促销"])
def test_ids_that_differ_by_capitals_alone_have_files_of_their_own(name: str) -> None:
    release = cast(Release, SimpleNamespace(kind="campaign", period=WEEK, edition=1))
    campaigns = [replace(CAMPAIGNS[0], id=key, name=name) for key in ("A1", "a1", "b1")]
    found = stems(release, campaigns)
    assert len({stem.lower() for stem in found.values()}) == 3
    assert found["b1"].endswith("_b1_week-2026-W47")
    assert stems(release, campaigns[::-1]) == found


@pytest.mark.parametrize("name", ["Call 0812/3456/7890", "3171.2345.6789.0123", "a 0811111111 b"])
def test_a_long_number_is_left_out(name: str) -> None:
    assert slug(name) == ""


@given(st.lists(st.text(min_size=1, max_size=80), min_size=1, max_size=6))
def test_every_name_is_fit_for_every_file_system_and_no_two_are_one(names: list[str]) -> None:
    release = cast(Release, SimpleNamespace(kind="campaign", period=WEEK, edition=1))
    campaigns = [cast(Campaign, _Named(f"c{number}", name)) for number, name in enumerate(names, 1)]
    found = list(stems(release, campaigns).values())
    files = [f"{stem}{ending}" for stem in found for ending in (".csv", ".xlsx", "_id.xlsx")]
    assert len({file.lower() for file in files}) == len(files)
    for file in files:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", file)
        assert len(file) < 150
        assert not RESERVED.fullmatch(file)


class _Named(Campaign):
    """A campaign of any name, also of one that is refused."""

    def __init__(self, key: str, name: str) -> None:
        object.__setattr__(self, "id", key)
        object.__setattr__(self, "name", name)


def test_two_campaigns_of_one_name_and_advertiser_have_files_of_their_own(tmp_path: Path) -> None:
    spring, autumn = CAMPAIGNS
    same = replace(autumn, name="SPRING sale", advertiser_id="maju", advertiser_name="PT Maju")
    home = Home(tmp_path / "home")
    ledger = Ledger.open(home.ledger)
    released = publish(checked(), facts((spring, same)), home, ledger, SECRET).release
    write_exports(released, home, ledger, SECRET)
    found = {path.name for path in (home.exports / "maju" / released.id).glob("*.csv")}
    assert found == {
        "spring-sale_spring_day-2026-11-22.csv",
        "spring-sale_autumn_day-2026-11-22.csv",
    }
