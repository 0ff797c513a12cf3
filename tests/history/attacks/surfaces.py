"""B2, B5, C2, C3, E4, F5, F6 and the same figure in several files: what else a folder says.

A published folder may hold releases, exports in three formats with their manifest and certificate,
and nothing else; every row of it is a segment and its people.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq

from attacks.published import Seen
from attacks.verdicts import Proof, Suspicion, Verdict

_KNOWN = re.compile(
    r"releases/[a-z]+-(day|week|month)-[0-9W-]+/(figures|segments|groups)\.parquet"
    r"|releases/[a-z]+-(day|week|month)-[0-9W-]+/release\.json"
    r"|exports/[A-Za-z0-9_.-]+/[a-z]+-(day|week|month)-[0-9W-]+/[A-Za-z0-9_.-]+\.(csv|xlsx|parquet|json)"
)
# A segment's id has a group of ages before a colon: all:18-20:32.
_MOMENT = re.compile(rb"(?<![\d:-])([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?\b")
_IDENTIFIER = re.compile(
    rb"[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+|(?<![0-9a-f])(?:\+?62|0)8\d{8,11}(?![0-9a-f])"
    rb"|(?<![0-9a-fA-F])\d{16}(?![0-9a-fA-F])"
)
_STATUSES = {"published", "suppressed"}
_HOW_MANY = re.compile(r'"(cells|rows|segments)_(withheld|suppressed)"')
# What a workbook calls the same, in English and Indonesian.
_HEADINGS = {
    **dict.fromkeys(("Segment id", "ID segmen"), "segment_id"),
    **dict.fromkeys(("Number of people", "Jumlah orang"), "people"),
    "Status": "status",
}
_WORDS = {
    "ditampilkan": "published",
    **dict.fromkeys(("not published", "tidak ditampilkan"), "suppressed"),
}
_SIZES = {"people", "matched", "size", "estimate", "users"}
_OTHER_COUNTS = re.compile(
    r"visits|events|clicks|percent|share|rate|average|ctr|withheld_rows", re.I
)


def uploaded_lists(seen: Seen, suspicion: Suspicion) -> Verdict:
    """B2, B5: an answer about a list of the attacker's own: overlap, size, an estimate of it."""
    proofs, present = [], None
    for path in _unknown(seen):
        for size in _sizes(path):
            proofs.append(Proof("B2", str(path.name), "members of a list", size, size))
            present = size > 0
    return Verdict(tuple(proofs), present)


def filtered_rows(seen: Seen, suspicion: Suspicion) -> Verdict:
    """C2: a row that sums up what was filtered; where one row was, it is that row."""
    proofs, present = [], None
    for path, row in _rows(seen, suspicion):
        if row.get("status") not in _STATUSES:
            people = int(row.get("people") or 0)
            proofs.append(Proof("C2", path.name, "the rows withheld", people, people))
            present = people > suspicion.others
    return Verdict(tuple(proofs), present)


def unhidden_metrics(seen: Seen, suspicion: Suspicion) -> Verdict:
    """C3: a withheld row that keeps another number; percentages beside hidden counts."""
    proofs, present = [], None
    for path, row in _rows(seen, suspicion):
        others = [name for name in row if _OTHER_COUNTS.search(name) and row[name]]
        hidden = row.get("status") == "suppressed"
        kept = [*others, *(["people"] if hidden and row.get("people") else [])]
        for name in kept:
            proofs.append(Proof("C3", path.name, f"{row.get('segment_id')} {name}", 1, 1))
            present = float(row[name]) > 0
    return Verdict(tuple(proofs), present)


def disagreeing_formats(seen: Seen, suspicion: Suspicion) -> Verdict:
    """One figure in several files: where they differ, one says what another withholds."""
    proofs = []
    for path in seen.files():
        if path.suffix != ".csv":
            continue
        said = _figures(_csv_rows(path))
        endings = (".parquet", ".xlsx", "_id.xlsx")
        others = [path.with_name(f"{path.stem}{ending}") for ending in endings]
        proofs += [
            Proof("95", other.name, "differs from its CSV", 0, 0)
            for other in others
            if other.exists() and _figures(_read(other)) != said
        ]
    proofs += _counted_in_words(seen)
    return Verdict(tuple(proofs))


def moments(seen: Seen, suspicion: Suspicion) -> Verdict:
    """F5: a time of day in an export."""
    proofs = [
        Proof("F5", path.name, match.group().decode(), 1, 1)
        for path in seen.files()
        if path.suffix in {".csv", ".json"}
        for match in _MOMENT.finditer(path.read_bytes())
    ]
    return Verdict(tuple(proofs), True if proofs else None)


def row_order(seen: Seen, suspicion: Suspicion) -> Verdict:
    """F5: rows that follow something else than their names, and so perhaps the people."""
    orders: dict[str, list[tuple[Path, list[str]]]] = {}
    for path in seen.files():
        if path.suffix == ".csv":
            rows = [row["segment_id"] for row in _csv_rows(path) if row.get("segment_id")]
            orders.setdefault(path.parent.name, []).append((path, rows))
    proofs = [
        Proof("F5", f"{release}/{path.name}", "rows in another order", 1, 1)
        for release, files in orders.items()
        for (_, before), (path, rows) in pairwise(files)
        if _common(rows, before) != _common(before, rows)
    ]
    return Verdict(tuple(proofs))


def names(seen: Seen, suspicion: Suspicion) -> Verdict:
    """F6: words of a person, or what looks like an identifier, in names, cells and headers."""
    words = [word.encode() for word in suspicion.words]
    proofs = []
    for path in seen.files():
        content = path.name.encode() + b"\n" + _text(path)
        found = [word for word in words if word in content]
        found += [match.group() for match in _IDENTIFIER.finditer(content)]
        proofs += [Proof("F6", path.name, "names a person", 1, 1) for _ in found]
    return Verdict(tuple(proofs), True if proofs else None)


def _common(mine: Sequence[str], others: Sequence[str]) -> list[str]:
    """What both have, in my order."""
    known = set(others)
    return [name for name in mine if name in known]


def _text(path: Path) -> bytes:
    """What a reader can search; Parquet in plain words."""
    if path.suffix == ".parquet":
        table = pq.read_table(path, partitioning=None)
        words = {str(value) for row in table.to_pylist() for value in row.values()}
        return "\n".join([*table.schema.names, *sorted(words)]).encode()
    return path.read_bytes() if path.suffix in {".csv", ".json"} else b""


def _unknown(seen: Seen) -> Iterator[Path]:
    for path in seen.files():
        if not _KNOWN.fullmatch(str(path.relative_to(seen.published))):
            yield path


def _sizes(path: Path) -> Iterator[int]:
    """Numbers of people in a file that is neither a release nor an export; 0 if it says none."""
    if path.suffix != ".json":
        yield 0
        return
    content = json.loads(path.read_text(encoding="utf-8"))
    found = [value for name, value in content.items() if name in _SIZES]
    yield from found or [0]


def _rows(seen: Seen, suspicion: Suspicion) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Rows of the exports about the victim's campaign and day."""
    for path in seen.files():
        if path.suffix == ".csv" and str(suspicion.day) in path.parent.name:
            for row in _csv_rows(path):
                owner = row.get("subject_id") or row.get("campaign_id") or path.stem
                if owner == suspicion.campaign:
                    yield path, row


def _csv_rows(path: Path) -> Sequence[Mapping[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _read(path: Path) -> Sequence[Mapping[str, Any]]:
    if path.suffix == ".parquet":
        rows: Sequence[Mapping[str, Any]] = pq.read_table(path, partitioning=None).to_pylist()
        return rows
    book = openpyxl.load_workbook(path, read_only=True)
    try:
        for sheet in book.worksheets:
            header, *cells = [list(row) for row in sheet.iter_rows(values_only=True)] or [[]]
            header = [_HEADINGS.get(name, name) for name in header]
            if "segment_id" in header:
                rows = [dict(zip(header, row, strict=False)) for row in cells]
                return [{**row, "status": _WORDS.get(row["status"], row["status"])} for row in rows]
        return []
    finally:
        book.close()


def _figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    return {
        row["segment_id"]: (row["status"], str("" if row["people"] is None else row["people"]))
        for row in rows
        if row.get("segment_id")
    }


def _counted_in_words(seen: Seen) -> Iterator[Proof]:
    """How many were withheld, said in a text: with one hidden row it is that row."""
    for path in seen.files():
        if path.suffix == ".json" and _HOW_MANY.search(path.read_text(encoding="utf-8")):
            yield Proof("95", path.name, "says how many are withheld", 0, 0)
