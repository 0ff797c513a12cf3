"""G10: one public, campaigns with random halves of the regions as targets, and least squares.

Shown to work by simulation on 29 November 2026 (attacks.md, G). A campaign's total is the sum of
its target regions; many totals of many random halves give away each region's own people.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from cases import Case, Setting, case
from evidence import Evidence, Reading, Seen
from numpy.typing import NDArray
from population import Crowd, Positions, catalogue, cell_weights, leaves_of
from publishers import SUPPRESSED
from segment_sums import segments_of_cell
from worlds import Campaign, Visit, day, loaded

from anonymizer.model.policy import Promise

TODAY = day(0)
SIZE = 600
_PROVINCE = "32"  # 27 regencies
_SMALL, _LARGE = 10, 20
_ROUNDING_VARIANCE = 16.0
_GENDERS, _HALVES_OF_AGE = ("male", "female", "not_stated"), ("under_40", "from_40")

Design = NDArray[np.float64]  # campaigns x regencies: which share of its people a campaign counts
Visiting = Callable[[Positions, Sequence[str]], Sequence[Visit]]


def one_link(people: Positions, names: Sequence[str]) -> Sequence[Visit]:
    """All campaigns have the same link."""
    return [Visit(people, TODAY.start, links=(tuple(names),))]


def separate_links(people: Positions, names: Sequence[str]) -> Sequence[Visit]:
    """The page loads a URL of its own for each campaign, so that a person may count in several."""
    return loaded(people, TODAY, *names)


def victim_alone(draw: np.random.Generator, number: int, visiting: Visiting) -> Case:
    """Nobody of the victim's regency got the link but the victim: is there anyone from there?"""
    crowd = Crowd(draw)
    regency = _regency(draw)
    public = crowd.strangers(SIZE, leaves_of(_PROVINCE) & ~leaves_of(regency))
    victim = crowd.strangers(1, leaves_of(regency))
    own = np.flatnonzero(segments_of_cell(crowd.cell_of(victim[0])) & _everywhere())
    counts = Unknown(regency, 0.5, [[segment] for segment in own.tolist()])
    return _case(draw, crowd, visiting, counts, _Groups(number, public, victim, victim[:0]))


def small_regency(draw: np.random.Generator, number: int, visiting: Visiting) -> Case:
    """As found: a regency has 10 to 19 people in the one world and 1 to 9 in the other."""
    crowd = Crowd(draw)
    regency = _regency(draw)
    public = crowd.strangers(SIZE, leaves_of(_PROVINCE) & ~leaves_of(regency))
    many = crowd.strangers(int(draw.integers(_SMALL, _LARGE)), leaves_of(regency))
    few = many[: draw.integers(1, _SMALL)]
    ways = [[("all", "all")], [(g, "all") for g in _GENDERS], [("all", a) for a in _HALVES_OF_AGE]]
    rows = [[_row(gender, age) for gender, age in way] for way in ways]
    counts = Unknown(regency, float(_SMALL), rows)
    return _case(draw, crowd, visiting, counts, _Groups(number, public, many, few))


@dataclass(frozen=True)
class Unknown:
    """A regency whose people are looked for, and what is assumed of their number beforehand.

    Each of `totals` is a list of segments that add up to what is looked for.
    """

    regency: str
    assumed: float
    totals: Sequence[Sequence[int]]


@dataclass(frozen=True)
class _Groups:
    """How many campaigns, who is in all worlds, in the one, and in the other."""

    campaigns: int
    public: Positions
    present: Positions
    absent: Positions


def _case(
    draw: np.random.Generator, crowd: Crowd, visiting: Visiting, unknown: Unknown, groups: _Groups
) -> Case:
    names = [f"c{position:03d}" for position in range(groups.campaigns)]
    halves = (draw.random((len(names), len(leaves_of(_PROVINCE)))) < 1 / 2) & leaves_of(_PROVINCE)
    aimed = tuple(
        Campaign(name, targets=targets) for name, targets in zip(names, halves, strict=True)
    )
    return case(
        crowd,
        Setting(aimed, (TODAY,)),
        visiting(groups.public, names),
        visiting(groups.present, names),
        _solved(names, _designs(halves[:, leaves_of(_PROVINCE)]), unknown),
        otherwise=visiting(groups.absent, names),
    )


def _solved(names: Sequence[str], designs: Mapping[str, Design], unknown: Unknown) -> Reading:
    """The unknown by ridge regression, averaged over all sums that give it."""
    position = int(leaves_of(unknown.regency)[leaves_of(_PROVINCE)].argmax())
    expected = {segment: _expected(segment) for way in unknown.totals for segment in way}
    for people in expected.values():
        people[position] = unknown.assumed

    def read(seen: Seen) -> Evidence:
        figures = np.stack([seen[name, TODAY] for name in names])
        tells = {}
        for tell, design in designs.items():
            found = {
                segment: _ridge(design, figures[:, segment], people)[position]
                for segment, people in expected.items()
                if (figures[:, segment] != SUPPRESSED).mean() >= 1 / 2
            }
            totals = [sum(found[s] for s in way if s in found) for way in unknown.totals]
            tells[tell] = float(np.mean(totals))
        return Evidence(tells)

    return read


def _designs(halves: NDArray[np.bool_]) -> Mapping[str, Design]:
    """What each campaign counts: all its targets, what earlier ones left, or its share of both."""
    bound = Promise().campaigns_per_person
    share = np.minimum(1.0, bound / np.maximum(halves.sum(axis=0), 1))
    return {
        "all targets": halves.astype(float),
        "first target only": (halves & (np.cumsum(halves, axis=0) == 1)).astype(float),
        "share of the targets": halves * share,
    }


def _ridge(design: Design, totals: NDArray[np.int64], expected: NDArray[np.float64]) -> Design:
    """Least squares, towards what is expected of each region; suppressed totals are left out."""
    shown = totals != SUPPRESSED
    design = design[shown]
    weighted = design * np.maximum(expected, 1.0)
    covariance = weighted @ design.T + _ROUNDING_VARIANCE * np.eye(len(design))
    residuals = totals[shown] - design @ expected
    people: Design = expected + weighted.T @ np.linalg.solve(covariance, residuals)
    return people


def _expected(segment: int) -> NDArray[np.float64]:
    """People of each regency of the province in a segment that spans all regions."""
    gender, age, _ = catalogue().groups(segment)
    grid = cell_weights().reshape(catalogue().shape)[:, :, leaves_of(_PROVINCE)]
    chosen = grid[np.ix_(gender.leaves, age.leaves)].sum(axis=(0, 1))
    people: NDArray[np.float64] = SIZE * chosen / grid.sum()
    return people


def _regency(draw: np.random.Generator) -> str:
    inside = np.flatnonzero(leaves_of(_PROVINCE))
    return str(catalogue().dimensions[2].leaves[inside[draw.integers(len(inside))]])


def _everywhere() -> NDArray[np.bool_]:
    spans: NDArray[np.bool_] = catalogue().cells[:, 2] == 0
    return spans


def _row(gender: str, age: str) -> int:
    axes = catalogue().dimensions
    cell = (axes[0].positions[gender], axes[1].positions[age], 0)
    return int(np.flatnonzero((catalogue().cells == cell).all(axis=1))[0])
