"""Charts as SVG, drawn here: no script, no style attribute, colours by class for light and dark.

Each number in a chart is also in a table on the page, so the drawing has a short name and no more.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from portal.published_tables import Bounded

_WIDTH, _HEIGHT = 760, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 16, 14, 30
_TICKS, _MOST_LABELS, _WIDEST = 4, 8, 44
_STEPS = (1, 2, 2.5, 5, 10)
Grouped = Callable[[int], str]


@dataclass(frozen=True)
class ChartPoint:
    """A period of a trend, or an age; without a figure where it is suppressed."""

    label: str
    figures: tuple[Bounded | None, ...]


@dataclass(frozen=True)
class _Plot:
    """Where numbers and positions are on the drawing."""

    top: int
    slots: int

    def x(self, slot: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * (slot + 0.5) / self.slots, 1)

    def y(self, people: float) -> float:
        height = _HEIGHT - _TOP - _BOTTOM
        return round(_TOP + height * (1 - people / self.top), 1)


def trend_chart(points: Sequence[ChartPoint], name: str, grouped: Grouped) -> Markup:
    """A line of figures with the band of the true numbers; a gap where one is suppressed."""
    plot = _plot(points)
    parts = [*_axis(plot, points, grouped)]
    for run in _runs(points):
        upper = [f"{plot.x(slot)},{plot.y(figure.most)}" for slot, figure in run]
        lower = [f"{plot.x(slot)},{plot.y(figure.least)}" for slot, figure in reversed(run)]
        line = [f"{plot.x(slot)},{plot.y(figure.people)}" for slot, figure in run]
        if len(run) > 1:
            parts.append(f'<polygon class="band" points="{" ".join(upper + lower)}"/>')
            parts.append(f'<polyline class="line" points="{" ".join(line)}"/>')
        parts += [_whisker(plot, slot, figure) for slot, figure in run]
        parts += [
            f'<circle class="dot" cx="{plot.x(slot)}" cy="{plot.y(figure.people)}" r="4"/>'
            for slot, figure in run
        ]
    return _drawing(parts, name)


def column_chart(points: Sequence[ChartPoint], name: str, grouped: Grouped) -> Markup:
    """Columns by age, one colour a series, each with the range of the true number."""
    plot = _plot(points)
    parts = [*_axis(plot, points, grouped)]
    series = max(len(point.figures) for point in points)
    width = min(_WIDEST, (_WIDTH - _LEFT - _RIGHT) / plot.slots * 0.72 / series)
    for slot, point in enumerate(points):
        for number, figure in enumerate(point.figures):
            if figure is None:
                continue
            left = plot.x(slot) + (number - series / 2) * width
            y = plot.y(figure.people)
            parts.append(
                f'<rect class="series{number}" x="{left:.1f}" y="{y}" width="{width - 2:.1f}" '
                f'height="{plot.y(0) - y:.1f}" rx="2"/>'
            )
            middle = left + width / 2 - 1
            parts.append(
                f'<line class="whisker" x1="{middle:.1f}" x2="{middle:.1f}" '
                f'y1="{plot.y(figure.least)}" y2="{plot.y(figure.most)}"/>'
            )
    return _drawing(parts, name)


def bar(figure: Bounded, longest: int) -> Markup:
    """A bar of a ranked table; `longest` is the figure that fills it."""
    width = max(1.0, 100 * figure.people / longest)
    return Markup(  # noqa: S704  numbers alone
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" '
        f'focusable="false"><rect class="series0" width="{width:.1f}" height="8" rx="1"/></svg>'
    )


def _plot(points: Sequence[ChartPoint]) -> _Plot:
    known = [figure.most for point in points for figure in point.figures if figure]
    return _Plot(_round_up(max(known, default=1)), max(1, len(points)))


def _round_up(number: int) -> int:
    """The top of the axis: of four equal steps that are easy to read."""
    step = number / _TICKS
    power = 10 ** math.floor(math.log10(step)) if step >= 1 else 1
    nice = next(factor for factor in _STEPS if factor * power >= step)
    return max(_TICKS, math.ceil(nice * power * _TICKS))


def _runs(points: Sequence[ChartPoint]) -> Iterator[list[tuple[int, Bounded]]]:
    """Neighbouring points that have a figure."""
    run: list[tuple[int, Bounded]] = []
    for slot, point in enumerate(points):
        if figure := point.figures[0]:
            run.append((slot, figure))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _whisker(plot: _Plot, slot: int, figure: Bounded) -> str:
    x = plot.x(slot)
    return (
        f'<line class="whisker" x1="{x}" x2="{x}" y1="{plot.y(figure.least)}" '
        f'y2="{plot.y(figure.most)}"/>'
    )


def _axis(plot: _Plot, points: Sequence[ChartPoint], grouped: Grouped) -> Iterator[str]:
    for tick in range(_TICKS + 1):
        people = plot.top * tick // _TICKS
        y = plot.y(people)
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        yield f'<text class="tick end" x="{_LEFT - 8}" y="{y + 4}">{grouped(people)}</text>'
    every = math.ceil(len(points) / _MOST_LABELS) if len(points) > 2 * _MOST_LABELS else 1
    for slot, point in enumerate(points):
        if slot % every == 0:
            label = escape(point.label)
            yield f'<text class="tick middle" x="{plot.x(slot)}" y="{_HEIGHT - 8}">{label}</text>'


def _drawing(parts: Sequence[str], name: str) -> Markup:
    return Markup(  # noqa: S704  labels are escaped where they are put in
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(name)}">{"".join(parts)}</svg>'
    )
