"""A map of provinces as SVG: shades of the published figures, hatching where there is none.

A screen reader hears its name alone: the ranked table has the same figures, and the page names the
provinces without one. Colours are classes of the style sheet.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from portal.published_tables import Bounded

_OUTLINES = Path(__file__).with_name("province_outlines.json")
# Which of the five shades are used for so many classes of figures.
_SHADES = ((), (3,), (2, 4), (1, 3, 5), (1, 2, 4, 5), (1, 2, 3, 4, 5))
_FRAME = 24  # around an enlarged province, in units of the drawing
Named = Callable[[Bounded | None], str]


@dataclass(frozen=True)
class MappedProvince:
    """A province by its code and its name in the language of the page; no figure: suppressed."""

    code: str
    name: str
    figure: Bounded | None


@dataclass(frozen=True)
class Shade:
    """A line of the legend: the smallest and the largest figure that has this shade."""

    number: int
    smallest: int
    largest: int


@dataclass(frozen=True)
class ProvinceMap:
    """The drawing with its legend, lightest shade first.

    `suppressed` have no published figure; `undrawn` have no outline.
    """

    drawing: Markup
    legend: tuple[Shade, ...]
    suppressed: tuple[MappedProvince, ...]
    undrawn: tuple[MappedProvince, ...]


@dataclass(frozen=True)
class _Outlines:
    """Paths by code of province, in units of a drawing of this size.

    `enlarged` has those that would be too small, drawn again in a frame with its corner and sides.
    """

    width: int
    height: int
    paths: Mapping[str, str]
    enlarged: Mapping[str, tuple[str, tuple[int, int, int, int]]]


def province_map(
    provinces: Sequence[MappedProvince], name: str, worded_figure: Named
) -> ProvinceMap | None:
    """The map of all provinces that releases know; None if no outline has a figure.

    `worded_figure` says a figure, or that there is none, in the language of the page.
    """
    outlines = _outlines()
    drawn = [one for one in provinces if one.code in outlines.paths]
    shades = _shades([one.figure.people for one in drawn if one.figure])
    if not shades:
        return None
    shade_of = {one.code: _class(one, shades) for one in drawn}
    parts = [_HATCHING]
    for one in drawn:
        parts.append(_path(outlines.paths[one.code], shade_of[one.code], one, worded_figure))
        if one.code in outlines.enlarged:
            path, frame = outlines.enlarged[one.code]
            parts += [
                _framed(frame, one.name),
                _path(path, shade_of[one.code], one, worded_figure),
            ]
    drawing = Markup(  # noqa: S704  names are escaped where they are put in
        f'<svg class="map" viewBox="0 0 {outlines.width} {outlines.height}" role="img" '
        f'aria-label="{escape(name)}">{"".join(parts)}</svg>'
    )
    return ProvinceMap(
        drawing,
        shades,
        tuple(one for one in provinces if one.figure is None),
        tuple(one for one in provinces if one.code not in outlines.paths),
    )


_HATCHING = (
    '<defs><pattern id="hatching" width="16" height="16" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect class="hatched" width="16" height="16"/>'
    '<line class="hatch" x1="0" x2="0" y1="0" y2="16"/></pattern></defs>'
)


def _shades(figures: Sequence[int]) -> tuple[Shade, ...]:
    """Up to five classes with about as many different figures each."""
    distinct = sorted(set(figures))
    if not distinct:
        return ()
    numbers = _SHADES[min(len(distinct), len(_SHADES) - 1)]
    ends = [position * len(distinct) // len(numbers) for position in range(len(numbers) + 1)]
    return tuple(
        Shade(number, distinct[first], distinct[last - 1])
        for number, (first, last) in zip(numbers, pairwise(ends), strict=True)
    )


def _class(province: MappedProvince, shades: Sequence[Shade]) -> str:
    if province.figure is None:
        return ""
    people = province.figure.people
    return f"shade{next(one.number for one in shades if people <= one.largest)}"


def _path(path: str, shade: str, province: MappedProvince, worded_figure: Named) -> str:
    filled = f'class="province {shade}"' if shade else 'class="province" fill="url(#hatching)"'
    title = f"{province.name}: {worded_figure(province.figure)}"
    return f'<path {filled} d="{path}"><title>{escape(title)}</title></path>'


def _framed(frame: tuple[int, int, int, int], name: str) -> str:
    """The frame of an enlarged province with its name over it."""
    left, top, width, height = frame
    return (
        f'<rect class="frame" x="{left - _FRAME}" y="{top - _FRAME}" width="{width + 2 * _FRAME}" '
        f'height="{height + 2 * _FRAME}"/><text class="place" x="{left - _FRAME}" '
        f'y="{top - _FRAME - 12}">{escape(name)}</text>'
    )


@cache
def _outlines() -> _Outlines:
    read: dict[str, Any] = json.loads(_OUTLINES.read_text(encoding="utf-8"))
    enlarged = {
        code: (one["path"], (one["left"], one["top"], one["width"], one["height"]))
        for code, one in read["enlarged"].items()
    }
    return _Outlines(read["width"], read["height"], read["outlines"], enlarged)
