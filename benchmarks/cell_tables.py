"""Tables of cells on disk, read without the product's code: what is published, what is hidden."""

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

COUNT = "freq"
K = 10
BESIDE_THE_PROJECT = Path(__file__).parents[2] / "shared" / "bench"
Segment = tuple[str, ...]


@dataclass(frozen=True)
class Folder:
    """Where a table lies: inner.csv and hier_*.csv; perhaps what GaussSuppression made of it."""

    path: Path

    @property
    def cells(self) -> Path:
        """The finest cells."""
        return self.path / "inner.csv"

    @property
    def hierarchies(self) -> dict[str, Path]:
        """Files by dimension."""
        return {p.stem.removeprefix("hier_"): p for p in sorted(self.path.glob("hier_*.csv"))}

    def peer(self, zeros: str) -> Path | None:
        """The outcome of GaussSuppression, if there is one."""
        path = self.path / ("gs_pzF.csv" if zeros == "public" else "gs_pzT.csv")
        return path if path.exists() else None


def shared_tables(path: Path | None) -> Path:
    """The folder of the shared tables; ends the program if there is none."""
    found = path or Path(os.environ.get("AUDIENCE_BENCH_TABLES", BESIDE_THE_PROJECT))
    if not any(found.glob("*/inner.csv")):
        raise SystemExit(
            f"no tables in {found}: none of its folders has an inner.csv. Name the folder with "
            "--bench or AUDIENCE_BENCH_TABLES, or run --only growth, which makes its own tables"
        )
    return found


@dataclass(frozen=True)
class Table:
    """`inside` (segments x cells) says which cells a segment sums, `people` counts each cell."""

    columns: tuple[str, ...]
    number: Mapping[Segment, int]
    inside: sparse.csr_array
    people: NDArray[np.int64]

    @property
    def totals(self) -> NDArray[np.int64]:
        """People of each segment."""
        totals: NDArray[np.int64] = self.inside @ self.people
        return totals

    def small(self, zeros: str) -> NDArray[np.bool_]:
        """The segments below the floor: those to protect. Public zeros are not."""
        return (self.totals < K) & (self.totals >= (1 if zeros == "public" else 0))

    def least(self, zeros: str) -> NDArray[np.int64]:
        """The fewest people that everybody knows to be in each cell."""
        return (self.people > 0).astype(np.int64) * (zeros == "public")

    def most(self, zeros: str) -> NDArray[np.int64]:
        """The most people that a cell can have: no more than all, none where a zero is public."""
        everybody = np.full(len(self.people), self.people.sum())
        return everybody * ((self.people > 0) | (zeros != "public"))


def read_table(folder: Folder) -> Table:
    """The full cross of all hierarchies."""
    levels = {name: read_hierarchy(path) for name, path in folder.hierarchies.items()}
    rows = list(read_rows(folder.cells))
    columns = tuple(name for name in rows[0] if name in levels)
    inside = sparse.csr_array(np.ones((1, 1), dtype=np.int64))
    segments: list[Segment] = [()]
    cells: dict[Segment, int] = {(): 0}
    for name in columns:
        groups = levels[name]
        leaves = [code for code, members in groups.items() if members == {code}]
        contains = [[leaf in members for leaf in leaves] for members in groups.values()]
        inside = sparse.csr_array(sparse.kron(inside, np.array(contains, dtype=np.int64)))
        segments = [(*segment, code) for segment in segments for code in groups]
        cells = {
            (*c, leaf): n * len(leaves) + p
            for c, n in cells.items()
            for p, leaf in enumerate(leaves)
        }
    people = np.zeros(len(cells), dtype=np.int64)
    for row in rows:
        people[cells[tuple(row[name] for name in columns)]] = int(row[COUNT])
    return Table(columns, {s: n for n, s in enumerate(segments)}, inside, people)


def read_hierarchy(path: Path) -> dict[str, set[str]]:
    """The finest codes of each code."""
    children: dict[str, list[str]] = {}
    for row in read_rows(path):
        children.setdefault(row["parent"], []).append(row["child"])
        children.setdefault(row["child"], [])

    def finest(code: str) -> set[str]:
        return set().union(*map(finest, children[code])) if children[code] else {code}

    return {code: finest(code) for code in children}


def published_by_us(table: Table, path: Path) -> NDArray[np.bool_]:
    """Which segments the file publishes; every figure must be true."""
    published = np.zeros(len(table.number), dtype=bool)
    totals = table.totals
    for row in read_rows(path):
        segment = table.number[tuple(row[name] for name in table.columns)]
        published[segment] = row["status"] == "published"
        assert not published[segment] or int(row["people"]) == totals[segment]
    return published


def published_by_peer(table: Table, path: Path) -> NDArray[np.bool_]:
    """Which segments GaussSuppression publishes; its counts must be those of the cells."""
    published = np.ones(len(table.number), dtype=bool)
    totals = table.totals
    for row in read_rows(path):
        segment = table.number[tuple(row[name] for name in table.columns)]
        published[segment] = row["suppressed"] == "0"
        assert int(row[COUNT]) == totals[segment]
    return published


def read_rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
