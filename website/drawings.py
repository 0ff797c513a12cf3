"""The drawings of the page on how it works, drawn from the tables of that page.

python website/drawings.py      writes docs/pictures/*.svg

Numbers are those of the tables in `docs/how-it-works.md` and of the default policy, and what a
drawing says of them is checked before it is drawn: a page with another table has other drawings,
and a test fails until they are drawn again. Each has a background of its own, so that it can be
read on light and on dark pages, and loads nothing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from anonymizer.model.policy import PolicyPromise

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/how-it-works.md"
PICTURES = ROOT / "docs/pictures"
PROMISE = PolicyPromise()
_WIDTH = 720
_CELL = (110, 44)

_STYLE = """
.paper{fill:#f7f8fa}.line{stroke:#5b6770;fill:none;stroke-width:1.5}
.box{stroke:#5b6770;fill:#fff;stroke-width:1.5}
.some{stroke:#1c6dd0;fill:#dbe9fb;stroke-width:2}
.gap{stroke:#b3540b;fill:#fdeedd;stroke-width:2;stroke-dasharray:6 4}
.dash{stroke-dasharray:6 4}.ring{stroke:#1c6dd0;fill:#1c6dd0;fill-opacity:.12;stroke-width:2}
text{fill:#1f2933;font:15px system-ui,sans-serif;text-anchor:middle;dominant-baseline:central}
.left{text-anchor:start}.small{font-size:13px}.strong{font-weight:600}.warm{fill:#8f4100}.cool{fill:#124f9c}
@media (prefers-color-scheme:dark){
.paper{fill:#1b2127}.line{stroke:#9aa7b2}.box{stroke:#9aa7b2;fill:#262e36}
.some{stroke:#6fb0ff;fill:#17324f}
.gap{stroke:#f0a35e;fill:#46301a}.ring{stroke:#6fb0ff;fill:#6fb0ff}
text{fill:#e8edf2}.warm{fill:#f7b77c}.cool{fill:#9cc8ff}}
"""
Table = Mapping[str, Mapping[str, str]]


def main() -> None:
    for name, text in drawings().items():
        (PICTURES / f"{name}.svg").write_text(text, encoding="utf-8")


def drawings() -> dict[str, str]:
    """Each drawing as SVG, by the name of its file. Raises ValueError if the page contradicts."""
    tables = page_tables(PAGE.read_text(encoding="utf-8"))
    return {
        "cells": _cells(tables["counted"]),
        "threshold": _threshold(tables["counted"], tables["rounded"]),
        "witness": _witness(tables["rounded"], tables["proof"]),
        "near-sets": _near_sets(tables["group"]),
    }


def page_tables(page: str) -> dict[str, Table]:
    """The tables of a page by their first heading: cells by row and column."""
    found: dict[str, Table] = {}
    for block in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
        heading, _, *rows = (
            [cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()
        )
        found[heading[0]] = {row[0]: dict(zip(heading[1:], row[1:], strict=True)) for row in rows}
    return found


# ----- what is drawn


@dataclass
class Sheet:
    """A drawing that grows; `title` is read to those who cannot see it."""

    title: str
    height: int
    parts: list[ET.Element] = field(default_factory=list)

    def add(self, kind: str, style: str, text: str = "", **places: float) -> None:
        attributes = {name.replace("_", "-"): f"{value:g}" for name, value in places.items()}
        part = ET.Element(kind, {"class": style, **attributes} if style else attributes)
        part.text = text or None
        self.parts.append(part)

    def box(self, style: str, x: float, y: float, text: str, size: tuple[int, int] = _CELL) -> None:
        """A box with its words in the middle, at its upper left corner."""
        width, height = size
        self.add("rect", style, x=x, y=y, width=width, height=height, rx=6)
        self.say(x + width / 2, y + height / 2, text, "strong")

    def say(self, x: float, y: float, text: str, style: str = "") -> None:
        self.add("text", style, text, x=x, y=y)

    def arrow(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """A line from left to right with a head."""
        self.add("line", "line", x1=x1, y1=y1, x2=x2, y2=y2)
        for rise in (-5, 5):
            self.add("line", "line", x1=x2 - 8, y1=y2 + rise, x2=x2, y2=y2)

    def svg(self) -> str:
        root = ET.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {_WIDTH} {self.height}",
                "width": str(_WIDTH),
                "height": str(self.height),
                "role": "img",
            },
        )
        ET.SubElement(root, "title").text = self.title
        ET.SubElement(root, "style").text = _STYLE
        paper = {"class": "paper", "width": str(_WIDTH), "height": str(self.height), "rx": "10"}
        ET.SubElement(root, "rect", paper)
        root.extend(self.parts)
        ET.indent(root, " ")
        return ET.tostring(root, encoding="unicode") + "\n"


def _cells(counted: Table) -> str:
    """Cells in a grid; a segment is the sum of its cells."""
    sheet = Sheet("Four cells add up to segments: rows, columns and everyone", 300)
    genders, regions = _inner(counted)
    _require_sums(counted)
    sheet.say(175, 30, "cells: each person is in exactly one", "cool strong")
    sheet.say(545, 30, "segments: sums of cells, they overlap", "strong")
    for column, region in enumerate(regions):
        sheet.say(145 + 120 * column, 66, region)
    for row, gender in enumerate(genders):
        y = 86 + 60 * row
        sheet.add("text", "left", gender, x=20, y=y + 22)
        for column, region in enumerate(regions):
            sheet.box("some", 90 + 120 * column, y, counted[gender][region])
        sheet.arrow(330, y + 22, 425, y + 22)
        sheet.box("box", 435, y, counted[gender]["both"])
        sheet.add("text", "left", f"all {gender}", x=560, y=y + 22)
    for column, region in enumerate(regions):
        sheet.box("box", 90 + 120 * column, 222, counted["both"][region])
        sheet.add("line", "line dash", x1=145 + 120 * column, y1=192, x2=145 + 120 * column, y2=220)
        sheet.say(145 + 120 * column, 281, f"all in {region}", "small")
    sheet.box("box", 435, 222, counted["both"]["both"])
    sheet.arrow(330, 244, 425, 244)
    sheet.add("text", "left", "everyone", x=560, y=244)
    return sheet.svg()


def _threshold(counted: Table, rounded: Table) -> str:
    """What is below the threshold, and both multiples that a count can become."""
    gender, region = _suppressed(rounded)
    few, k, jitter, base = int(counted[gender][region]), PROMISE.k, PROMISE.k_jitter, 10
    if few >= k or PROMISE.rounding != base:
        raise ValueError(f"{PAGE.name}: {few} {gender} in {region} are not below {k}")
    sheet = Sheet("Counts below the threshold have no figure, others become multiples of 10", 330)
    left, right, most = 60, 660, 75

    def at(people: int) -> float:
        return left + (right - left) * people / most

    sheet.say(360, 28, "threshold: is there a figure?", "strong")
    sheet.add("rect", "gap", x=left, y=92, width=at(k) - left, height=26)
    sheet.add("rect", "some", x=at(k + jitter), y=92, width=right - at(k + jitter), height=26)
    sheet.say((left + at(k)) / 2 + 40, 105, "suppressed", "warm")
    sheet.say((at(k + jitter) + right) / 2, 105, "a figure", "cool")
    for people in (0, k, k + jitter):
        sheet.say(at(people), 134, str(people), "small")
    sheet.say(at(k) + 20, 156, f"secret: {k} plus 0 to {jitter}", "small")
    sheet.say(at(few), 72, f"{few} {gender} in {region}", "left small warm")
    sheet.add("line", "line", x1=at(few), y1=80, x2=at(few), y2=92)
    other = next(name for name in _inner(counted)[0] if name != gender)
    enough = int(counted[other][region])
    sheet.say(at(enough), 72, f"{enough} {other} in {region}", "small cool")
    sheet.add("line", "line", x1=at(enough), y1=80, x2=at(enough), y2=92)

    count = int(counted[other][next(name for name in _inner(counted)[1] if name != region)])
    lower = count // base * base
    sheet.say(
        360, 200, "rounding: which multiple of 10? A keyed draw of this set of people", "strong"
    )
    sheet.box("box", 150, 246, f"{count} {other}", (130, 44))
    for number, y, chance in (
        (lower, 236, base - count % base),
        (lower + base, 290, count % base),
    ):
        sheet.arrow(280, 268, 430, y + 10)
        sheet.box("some", 440, y - 8, str(number), (80, 36))
        sheet.add("text", "left small", f"in {chance} of {base} cases", x=535, y=y + 10)
    return sheet.svg()


def _witness(rounded: Table, proof: Table) -> str:
    """A table of whole people that fits, with enough of them in the gap; and the check."""
    gender, region = _suppressed(rounded)
    base, floor = PROMISE.rounding, PROMISE.inference_floor
    _require_sums(proof)
    apart = {
        (row, column): abs(int(figure) - int(proof[row][column]))
        for row, cells in rounded.items()
        for column, figure in cells.items()
        if figure.isdigit()
    }
    here = int(proof[gender][region])
    if max(apart.values()) >= base or here < floor:
        raise ValueError(f"{PAGE.name}: the proof does not fit the figures")
    sheet = Sheet(f"A witness for the suppressed cell, with {here} people in it, is checked", 320)
    size = (80, 40)
    for x, heading, table in ((20, "what is published", rounded), (372, "a witness", proof)):
        sheet.say(x + 192, 28, heading, "strong")
        for column, name in enumerate(table[gender]):
            sheet.say(x + 104 + 88 * column, 62, name, "small")
        for row, name in enumerate(table):
            sheet.add("text", "left small", name, x=x, y=98 + 48 * row)
            for column, place in enumerate(table[name]):
                is_gap = (name, place) == (gender, region)
                style = "gap" if is_gap else "some" if table is rounded else "box"
                text = table[name][place] if table[name][place].isdigit() else "?"
                sheet.box(style, x + 64 + 88 * column, 78 + 48 * row, text, size)
    checks = (
        "Whole people, none negative, and rows and columns add up.",
        f"Each number is less than {base} from its figure (at most {max(apart.values())}).",
        f"The cell has {here} people: no reader can prove that it has fewer than {floor}.",
    )
    for row, check in enumerate(checks):
        sheet.add("text", "left small", f"\N{CHECK MARK}  {check}", x=40, y=246 + 24 * row)
    return sheet.svg()


def _near_sets(groups: Table) -> str:
    """Two groups that share nearly all people share one figure; one far away has its own."""
    (first, one), (second, other), (third, far) = groups.items()
    apart = abs(int(one["counted"]) - int(other["counted"]))
    if apart >= PROMISE.step or one["published"] != other["published"]:
        raise ValueError(f"{PAGE.name}: the groups do not share a figure")
    sheet = Sheet("Two groups that differ by one person have one figure", 330)
    for x, text in ((215, f"differ by {apart}: near"), (570, "far from both")):
        sheet.say(x, 28, text, "strong")
    for x, y, name, group in ((206, 126, first, one), (224, 126, second, other)):
        sheet.add("circle", "ring", cx=x, cy=y, r=76)
        place = x - 110 if group is one else x + 110
        sheet.say(place, 218, name.replace("men of the ", ""), "small")
        sheet.say(place, 238, f"{group['counted']} counted", "small")
    sheet.add("circle", "ring", cx=570, cy=132, r=84)
    sheet.say(570, 234, f"{third}: {far['counted']} counted", "small")
    sheet.say(215, 126, "the same people", "small")
    for x, figure, judged in (
        (215, one["published"], "judged once"),
        (570, far["published"], "on its own"),
    ):
        sheet.add("line", "line", x1=x, y1=246, x2=x, y2=268)
        sheet.box("some", x - 55, 270, figure)
        sheet.add("text", "left small", judged, x=x + 66, y=292)
    return sheet.svg()


# ----- what has to be so


def _inner(table: Table) -> tuple[Sequence[str], Sequence[str]]:
    """Rows and columns without the sums."""
    rows = [row for row in table if row != "both"]
    return rows, [column for column in table[rows[0]] if column != "both"]


def _suppressed(rounded: Table) -> tuple[str, str]:
    """Row and column of the one cell that has no figure."""
    (place,) = (
        (r, c) for r, cells in rounded.items() for c, text in cells.items() if not text.isdigit()
    )
    return place


def _require_sums(table: Table) -> None:
    rows, columns = _inner(table)
    sums = [
        *((table[row]["both"], [table[row][c] for c in columns]) for row in table),
        *((table["both"][c], [table[row][c] for row in rows]) for c in table["both"]),
    ]
    if any(int(total) != sum(map(int, parts)) for total, parts in sums):
        raise ValueError(f"{PAGE.name}: a table does not add up")


if __name__ == "__main__":
    main()
