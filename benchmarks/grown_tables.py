"""Tables of cells of any size, of the same kind as the shared ones, from a fixed seed.

Geography grows, the other dimensions stay: areas in groups of six, groups in regions of eight;
18 ages in six groups and three, or six ages in three groups; three genders; with four dimensions
also four devices. Areas are zipf-sized in random order, cells log-normal around that, with 70
people on average: about a third of the cells have 1 to 9 people, and every fifth has none.
"""

import csv
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MEAN_PEOPLE = 70
SPREAD = 0.9
FLATTENING = 8  # areas are 1/(rank + this) of the whole
GENDERS = {"female": 0.46, "male": 0.5, "unknown": 0.04}
DEVICES = {"mobile": 0.72, "desktop": 0.18, "tablet": 0.07, "ctv": 0.03}
Rows = list[tuple[str, str]]


@dataclass(frozen=True)
class Shape:
    """A table of so many dimensions and areas, and the segments that it has."""

    dimensions: int
    areas: int
    segments: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"grown_{self.dimensions}d_{self.segments}"


SHAPES = (
    *(Shape(3, areas, s) for areas, s in (
        (7, 1_120), (22, 3_024), (75, 10_192), (225, 30_128), (750, 99_904), (2_250, 299_376)
    )),
    *(Shape(4, areas, s) for areas, s in (
        (4, 1_000), (12, 3_000), (42, 10_000), (125, 30_000), (420, 100_000), (1_260, 299_800)
    )),
)  # fmt: skip


def write(shape: Shape, folder: Path) -> None:
    """Write inner.csv and hier_*.csv as the shared tables have them."""
    folder.mkdir(parents=True, exist_ok=True)
    geography, areas = grouped("g", shape.areas, (6, 8))
    ages, bands = grouped("a", *((18, (3, 2)) if shape.dimensions == 3 else (6, (2,))))
    hierarchies = {"geo": geography, "age": ages, "gender": flat(GENDERS)}
    codes: list[Sequence[str]] = [areas, bands, list(GENDERS)]
    if shape.dimensions == 4:
        hierarchies["device"] = flat(DEVICES)
        codes.append(list(DEVICES))
    for name, rows in hierarchies.items():
        write_rows(folder / f"hier_{name}.csv", ("parent", "child"), rows)
    people = counts(shape).ravel().tolist()
    cells = zip(itertools.product(*codes), people, strict=True)
    write_rows(
        folder / "inner.csv", (*hierarchies, "freq"), [(*cell, count) for cell, count in cells]
    )


def grouped(letter: str, leaves: int, sizes: Sequence[int]) -> tuple[Rows, list[str]]:
    """Rows of a hierarchy with groups of so many members at each level, and the finest codes."""
    finest = members = [f"{letter}{leaf:04d}" for leaf in range(leaves)]
    rows: Rows = []
    for level, size in enumerate(sizes, start=1):
        if len(members) <= size:
            break
        groups = [f"{letter.upper()}{level}_{n}" for n in range(math.ceil(len(members) / size))]
        rows += [(groups[position // size], member) for position, member in enumerate(members)]
        members = groups
    return [*(("Total", member) for member in members), *rows], finest


def flat(shares: dict[str, float]) -> Rows:
    return [("Total", code) for code in shares]


def counts(shape: Shape) -> NDArray[np.int64]:
    """People of each cell."""
    random = np.random.default_rng([shape.dimensions, shape.areas])
    positions = 1 / (np.arange(shape.areas) + FLATTENING)
    random.shuffle(positions)
    bands = 18 if shape.dimensions == 3 else 6
    ages = np.exp(-(((np.arange(bands) / bands - 0.25) / 0.35) ** 2)) + 0.05
    parts = [positions, ages, np.array(list(GENDERS.values()))]
    if shape.dimensions == 4:
        parts.append(np.array(list(DEVICES.values())))
    weights = parts[0]
    for part in parts[1:]:
        weights = np.multiply.outer(weights, part)
    weights = weights * random.lognormal(0, SPREAD, weights.shape)
    people: NDArray[np.int64] = random.poisson(weights * MEAN_PEOPLE / weights.mean())
    return people


def write_rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
