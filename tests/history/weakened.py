"""Releases as they should never be: the published layout, written from unprotected counts.

A small country (three regencies of two provinces, four age bands), every group of which is a
segment. Nothing is withheld but what is below a floor of the test's choice.
"""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from attacks.published import Group

Atom = tuple[str, str, str]
Counts = Mapping[Atom, int]

GROUPS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "gender": {"all": ("male", "female"), "male": ("male",), "female": ("female",)},
    "age": {
        "all": ("18-20", "21-24", "40-44", "45-49"),
        "under_40": ("18-20", "21-24"),
        **{band: (band,) for band in ("18-20", "21-24", "40-44", "45-49")},
    },
    "region": {
        "all": ("31.71", "31.72", "73.71"),
        "31": ("31.71", "31.72"),
        **{regency: (regency,) for regency in ("31.71", "31.72", "73.71")},
    },
}
ATOMS: tuple[Atom, ...] = tuple(product(*(leaves["all"] for leaves in GROUPS.values())))


@dataclass(frozen=True)
class Weakness:
    """How figures are made: the lowest that is shown, and what is written in its place.

    `draw` is given a name of the group and its people. `skipped` segments are not spoken of.
    """

    floor: int = 1
    rounding: int = 1
    draw: Callable[[str, int], int] = field(default=lambda _, people: people)
    inference_k: int = 10
    skipped: frozenset[str] = frozenset()
    twice_named: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subject:
    """A campaign as a release knows it."""

    id: str = "spring"
    advertiser: str = "adv-1"
    starts_on: date = date(2026, 11, 1)
    ends_on: date = date(2026, 11, 30)
    name: str = "Promo"
    targets: tuple[str, ...] = ()


def group(gender: str = "all", age: str = "all", region: str = "all") -> Group:
    codes = zip(GROUPS.values(), (gender, age, region), strict=True)
    return Group(*(frozenset(leaves[code]) for leaves, code in codes))


def crowd(people: int, **changes: int) -> dict[Atom, int]:
    """So many people in every atom; `changes` by position, as `at_3=0`."""
    counts = dict.fromkeys(ATOMS, people)
    for position, number in changes.items():
        counts[ATOMS[int(position.removeprefix("at_"))]] = number
    return counts


def write_release(
    published: Path,
    start: date,
    tables: Mapping[Subject, Counts],
    weakness: Weakness = Weakness(),
    *,
    end: date | None = None,
    series: str = "campaign-day",
    release_id: str | None = None,
) -> str:
    """Write a release and its CSV exports; returns its id."""
    last = end or start
    name = release_id or f"{series}-{start}"
    folder = published / "releases" / name
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row for subject in tables for row in _figures(subject, tables[subject], weakness)]
    names = sorted({row["segment_id"] for row in rows} | {"all:all:all"})
    _parquet(rows, _FIGURES, folder / "figures.parquet")
    _parquet([_segment(one) for one in names], _SEGMENTS, folder / "segments.parquet")
    _parquet(_groups(), _GROUPS, folder / "groups.parquet")
    facts = _facts(name, series, (start, last), list(tables), weakness)
    (folder / "release.json").write_text(json.dumps(facts), encoding="utf-8")
    for subject in tables:
        mine = [row for row in rows if row["campaign_id"] == subject.id]
        write_export(published, subject, name, mine)
    return name


def write_export(
    published: Path, subject: Subject, release: str, rows: list[dict[str, Any]]
) -> Path:
    """The rows as CSV, in the advertiser's folder."""
    path = published / "exports" / subject.advertiser / release / f"{subject.id}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        columns = list(dict.fromkeys(name for row in rows for name in row)) or ["segment_id"]
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _figures(subject: Subject, counts: Counts, weakness: Weakness) -> list[dict[str, Any]]:
    rows = []
    for codes in product(*GROUPS.values()):
        name = ":".join(codes)
        if name in weakness.skipped:
            continue
        box = group(*codes)
        inside = [n for atom, n in counts.items() if _in(atom, box)]
        people = sum(inside)
        if people >= weakness.floor:
            labels = [name, *(t for t in weakness.twice_named if t.startswith(f"{name}/"))]
            rows += [_row(subject, label, weakness.draw(label, people)) for label in labels]
    return rows


def _row(subject: Subject, name: str, people: int) -> dict[str, Any]:
    return {
        "campaign_id": subject.id,
        "segment_id": name,
        "status": "published",
        "people": people,
    }


def _in(atom: Atom, box: Group) -> bool:
    return all(leaf in leaves for leaf, leaves in zip(atom, box, strict=True))


def _segment(name: str) -> dict[str, Any]:
    gender, age, region = name.split("/", maxsplit=1)[0].split(":")
    return {"id": name, "named": False, "gender": gender, "age": age, "region": region}


def _groups() -> list[dict[str, Any]]:
    return [
        {"dimension": axis, "code": code, "leaves": list(leaves)}
        for axis, codes in GROUPS.items()
        for code, leaves in codes.items()
    ]


def _facts(
    name: str, series: str, period: tuple[date, date], subjects: list[Subject], weakness: Weakness
) -> dict[str, Any]:
    kind, length = series.split("-")
    return {
        "id": name,
        "kind": kind,
        "period": {"kind": length, "start": str(period[0]), "end": str(period[1])},
        "promise": {
            "k": weakness.floor,
            "inference_k": weakness.inference_k,
            "rounding": weakness.rounding,
        },
        "campaigns": [
            {
                "id": subject.id,
                "name": subject.name,
                "advertiser_id": subject.advertiser,
                "starts_on": str(subject.starts_on),
                "ends_on": str(subject.ends_on),
                "target_regions": list(subject.targets) or None,
            }
            for subject in subjects
        ],
    }


def _parquet(rows: list[dict[str, Any]], schema: pa.Schema, path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)


_TEXT, _NUMBER = pa.string(), pa.int64()
_FIGURES = pa.schema(
    [("campaign_id", _TEXT), ("segment_id", _TEXT), ("status", _TEXT), ("people", _NUMBER)]
)
_SEGMENTS = pa.schema(
    [("id", _TEXT), ("named", pa.bool_()), ("gender", _TEXT), ("age", _TEXT), ("region", _TEXT)]
)
_GROUPS = pa.schema([("dimension", _TEXT), ("code", _TEXT), ("leaves", pa.list_(_TEXT))])
