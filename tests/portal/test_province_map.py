"""The map of provinces has the figures of the table, no others, and nothing like a zero."""

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from province_world import PROVINCES, add_provinces
from test_portal_downloads import client

from anonymizer.model.dimensions import reference_regions
from anonymizer.storage.home import Home
from portal.province_map import MappedProvince, ProvinceMap, Shade, province_map
from portal.published_tables import Bounded

pytestmark = pytest.mark.xdist_group("portal")
PAGE = "/figures/campaign/spring?every=week"
CSS = (Path(__file__).parents[2] / "portal/static/portal.css").read_text()
KNOWN = [one for one in reference_regions() if one.level == "province"]
DASH = "\N{EN DASH}"
_PATH = re.compile(r'<path class="([^"]+)"( fill="url\(#hatching\)")? d="[^"]+"><title>([^<]+)<')


def provinces(figures: Mapping[str, int]) -> list[MappedProvince]:
    return [
        MappedProvince(
            one.code,
            one.name,
            Bounded(people, people - 9, people + 9)
            if (people := figures.get(one.code, 0))
            else None,
        )
        for one in KNOWN
    ]


def drawn(figures: Mapping[str, int]) -> ProvinceMap:
    found = province_map(provinces(figures), "Map", lambda one: str(one.people if one else "none"))
    assert found
    return found


def titles(text: str) -> dict[str, tuple[str, bool]]:
    """What each province of a drawing is called, its shade and whether it is hatched."""
    return {title: (shade, bool(hatched)) for shade, hatched, title in _PATH.findall(text)}


def test_every_province_has_an_outline() -> None:
    assert len(KNOWN) == 38
    found = drawn(PROVINCES)
    assert found.undrawn == ()
    assert {title.partition(":")[0] for title in titles(found.drawing)} == {
        one.name for one in KNOWN
    }


def test_provinces_without_a_figure_are_hatched_and_have_no_number() -> None:
    found = drawn(PROVINCES)
    assert len(found.suppressed) == len(KNOWN) - len(PROVINCES)
    for title, (shade, hatched) in titles(found.drawing).items():
        assert hatched == title.endswith(": none"), title
        assert (shade == "province") == hatched, title


def test_equal_figures_have_one_shade_and_larger_ones_no_lighter_one() -> None:
    found = drawn(PROVINCES)
    assert found.legend == (
        *(Shade(1, 60, 60), Shade(2, 80, 80), Shade(3, 150, 150), Shade(4, 430, 430)),
        Shade(5, 1210, 2400),
    )
    shades = {
        int(title.rpartition(" ")[2]): shade
        for title, (shade, hatched) in titles(found.drawing).items()
        if not hatched
    }
    assert [shades[people][-1] for people in sorted(shades)] == list("123455")


@pytest.mark.parametrize(
    ("figures", "numbers"),
    [({"31": 60}, [3]), ({"31": 60, "32": 60}, [3]), ({"31": 60, "32": 70, "33": 90}, [1, 3, 5])],
)
def test_few_figures_have_few_shades(figures: Mapping[str, int], numbers: list[int]) -> None:
    assert [one.number for one in drawn(figures).legend] == numbers


def test_the_smallest_province_is_drawn_again_in_its_frame() -> None:
    found = drawn(PROVINCES)
    assert len(re.findall("<title>[^<]*Jakarta: 1210<", found.drawing)) == 2
    assert len(_PATH.findall(found.drawing)) == len(KNOWN) + 1


def test_a_province_without_an_outline_is_named_with_its_figure() -> None:
    known = provinces(PROVINCES)
    unknown = replace(known[0], code="97", figure=Bounded(70, 61, 79))
    found = province_map([*known, unknown], "Map", lambda _: "")
    assert found
    assert found.undrawn == (unknown,)
    assert province_map([unknown], "Map", lambda _: "") is None


def test_no_figure_of_a_province_means_no_map() -> None:
    assert province_map(provinces({}), "Map", lambda _: "") is None


def test_names_are_escaped() -> None:
    found = province_map(
        [MappedProvince("31", "<b>&", Bounded(70, 61, 79))], '"><script>', lambda _: "<i>"
    )
    assert found
    assert not re.search(r"<(b|i|script)>", found.drawing)


@pytest.mark.parametrize(
    ("language", "suppressed", "separator"),
    [("en", "not published", ","), ("id", "tidak ditampilkan", ".")],
)
def test_the_page_has_the_figures_of_its_table_on_the_map(
    portal_home: Home, language: str, suppressed: str, separator: str
) -> None:
    add_provinces(portal_home)
    page = client(portal_home).get(f"{PAGE}&language={language}").text
    section = page.partition('id="regions"')[2].partition("</section>")[0]
    drawing, _, rest = section.partition("</svg>")
    rows = re.findall(
        r'<th scope="row">([^<]+)</th><td class="number">([\d.,]+) <span class="range">([^<]+)<',
        rest.partition("</table>")[0],
    )
    assert len(rows) == len(PROVINCES)
    stated = {f"{name[0].upper()}{name[1:]}: {people} ({range_})" for name, people, range_ in rows}
    found = titles(drawing)
    assert {title for title, (_, hatched) in found.items() if not hatched} == stated
    assert any(f": 1{separator}210 (1{separator}201{DASH}1{separator}219)" in one for one in stated)
    others = {title for title, (_, hatched) in found.items() if hatched}
    assert {title.partition(": ")[2] for title in others} == {suppressed}
    named = rest.partition('<p class="aside">')[2].partition(".</p>")[0].partition(": ")[2]
    assert set(named.split(", ")) == {title.partition(":")[0] for title in others}
    assert "Aceh" in named


def test_a_table_without_provinces_has_no_map(portal_home: Home) -> None:
    assert 'class="map"' not in client(portal_home).get(PAGE).text


def luminance(colour: str) -> float:
    """The relative luminance of WCAG."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1])
def test_shades_differ_in_brightness_alone_and_outlines_from_the_paper(scheme: int) -> None:
    """Without colours too each shade is told from the next one; 3 to 1 is WCAG's for graphics."""
    shades = [re.findall(rf"--shade{n}: (#\w{{6}})", CSS)[scheme] for n in range(1, 6)]
    soft, card = (re.findall(rf"--{name}: (#\w{{6}})", CSS)[scheme] for name in ("soft", "card"))
    assert contrast(soft, card) >= 3
    for one, other in pairwise(shades):
        assert contrast(one, other) >= 1.35, (one, other)
    assert contrast(shades[0], shades[-1]) >= 4.5
    assert contrast(shades[-1], card) == max(contrast(shade, card) for shade in shades)
