"""A small table whose sums a reader can check.

region  f   m
w1     40  35     WEST = w1 + w2
w2     30   3     EAST = e1 + e2
e1     25  28     METRO = w2 + e1, across both
e2      0  50
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from anonymizer.tabular.protection import ProtectedTable, protect_cells
from anonymizer.tabular.request import Files, Request, read_request
from anonymizer.tabular.rules import RuleSettings, Zeros

HIERARCHY = [
    ("Total", "WEST"),
    ("Total", "EAST"),
    ("WEST", "w1"),
    ("WEST", "w2"),
    ("EAST", "e1"),
    ("EAST", "e2"),
    ("METRO", "w2"),
    ("METRO", "e1"),
]
PEOPLE = {
    ("w1", "f"): 40,
    ("w1", "m"): 35,
    ("w2", "f"): 30,
    ("w2", "m"): 3,
    ("e1", "f"): 25,
    ("e1", "m"): 28,
    ("e2", "f"): 0,
    ("e2", "m"): 50,
}
KEY = "17" * 32
ROWS = [(region, sex, people) for (region, sex), people in PEOPLE.items()]


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> Path:
    lines = [",".join(header), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_world(folder: Path, rows: Iterable[Iterable[object]] = ROWS) -> Path:
    """The cells; beside them the hierarchy and a key."""
    write_csv(folder / "regions.csv", ("parent", "child"), HIERARCHY)
    key = folder / "key"
    key.write_text(KEY)
    key.chmod(0o600)
    return write_csv(folder / "cells.csv", ("region", "sex", "people_counted"), rows)


def files(cells: Path, **others: Path | None) -> Files:
    folder = cells.parent
    named: dict = {
        "cells": cells,
        "count": "people_counted",
        "hierarchies": {"region": folder / "regions.csv"},
        "tables": None,
        "secret": folder / "key",
        "published": folder / "published.csv",
        "internal": folder / "why.csv",
        "report": None,
    }
    return Files(**{**named, **others})


def settings(
    k: int = 10, inference_k: str = "k", rounding: int = 1, zeros: Zeros = "protect"
) -> RuleSettings:
    return RuleSettings(k, inference_k, rounding, zeros, proof_work=600_000, jobs=1)


def request(cells: Path, wanted: RuleSettings | None = None, **others: Path | None) -> Request:
    return read_request(files(cells, **others), wanted or settings())


def outcome(
    cells: Path, wanted: RuleSettings | None = None, **others: Path | None
) -> ProtectedTable:
    return protect_cells(request(cells, wanted, **others))


def by_code(result: ProtectedTable, values: np.ndarray) -> dict[str, object]:
    """One value for each segment, by its codes: `WEST:f`."""
    return {result.catalogue.id(row): values[row].item() for row in range(len(values))}
