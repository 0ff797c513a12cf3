"""The drawings of "How it works" say what the tables of the page say."""

import re
import sys
from xml.etree import ElementTree as ET

import pytest
from demonstration import ROOT

sys.path.insert(0, str(ROOT / "website"))
import drawings
from drawings import PAGE, PICTURES

_SVG = "{http://www.w3.org/2000/svg}"
_SHOWN = re.compile(r"!\[([^]]+)\]\(pictures/([\w-]+)\.svg\)")


def texts_of(drawing: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(drawing).iter(f"{_SVG}text")]


def test_each_drawing_is_that_of_the_page_as_it_is() -> None:
    drawn = drawings.drawings()
    assert {path.stem for path in PICTURES.glob("*.svg")} == drawn.keys()
    for name, text in drawn.items():
        kept = (PICTURES / f"{name}.svg").read_text(encoding="utf-8")
        assert kept == text, f"{name}: run website/drawings.py"


def test_each_drawing_is_on_the_page_and_is_told_to_those_who_do_not_see_it() -> None:
    shown = dict(map(reversed, _SHOWN.findall(PAGE.read_text(encoding="utf-8"))))
    assert shown.keys() == drawings.drawings().keys()
    assert all(len(told.split()) > 8 for told in shown.values())


@pytest.mark.parametrize("name", sorted(drawings.drawings()))
def test_a_drawing_loads_nothing_and_has_colours_for_the_dark(name: str) -> None:
    text = drawings.drawings()[name]
    assert "prefers-color-scheme:dark" in text
    assert not re.search(r"href|url\(|<script|@import|<image", text)
    assert set(re.findall(r"https?://[^\"]+", text)) == {"http://www.w3.org/2000/svg"}


def test_drawings_have_the_numbers_of_the_tables() -> None:
    tables = drawings.page_tables(PAGE.read_text(encoding="utf-8"))
    for name, heading in (("cells", "counted"), ("witness", "rounded"), ("witness", "proof")):
        told = texts_of(drawings.drawings()[name])
        for cells in tables[heading].values():
            assert all(cell in told for cell in cells.values() if cell.isdigit())


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("| women | 185 | 12 | 197 |", "| women | 185 | 9 | 194 |", "does not add up"),
        ("| both | 399 | 62 | 461 |", "| both | 399 | 62 | 460 |", "does not add up"),
        ("| men | 210 | 54 | 264 |\n", "| men | 199 | 65 | 264 |\n", "does not add up"),
        ("| 271 | near the first | 270 |", "| 271 | near the first | 280 |", "share a figure"),
        ("| men | 210 | 60 | 270 |", "| men | 230 | 60 | 270 |", "does not fit"),
        ("| women | 187 | 4 | 191 |", "| women | 187 | 54 | 241 |", "add up|not below"),
    ],
)
def test_a_page_that_contradicts_itself_is_not_drawn(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    before: str,
    after: str,
    problem: str,
) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert before in text
    page = tmp_path_factory.mktemp("page") / PAGE.name
    page.write_text(text.replace(before, after), encoding="utf-8")
    monkeypatch.setattr(drawings, "PAGE", page)
    with pytest.raises(ValueError, match=problem):
        drawings.drawings()
