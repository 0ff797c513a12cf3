"""What all advertisers together hold: the published folder, as it stands and as it once stood.

Read with Parquet and JSON alone: nothing of the product is imported, so that an attack that works
on these types works on the files.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

Leaves = frozenset[str]
_GOES_ON = {"ledger.jsonl", "segments.duckdb"}


class Group(NamedTuple):
    """A box of atoms: the leaves of each dimension that belong to it."""

    gender: Leaves
    age: Leaves
    region: Leaves

    def contains(self, other: "Group") -> bool:
        return all(theirs <= mine for mine, theirs in zip(self, other, strict=True))

    def touches(self, other: "Group") -> bool:
        return all(mine & theirs for mine, theirs in zip(self, other, strict=True))

    def within(self, other: "Group") -> "Group":
        """The part that both have in common."""
        return Group(*(mine & theirs for mine, theirs in zip(self, other, strict=True)))

    def __str__(self) -> str:
        """A few words: the only leaf, or how many there are."""
        return " x ".join(next(iter(s)) if len(s) == 1 else f"{len(s)}" for s in self)


@dataclass(frozen=True)
class Table:
    """One subject in one period, as a reader sees it.

    A figure is less than `rounding` away from the people that it counts, or up to `error` if it is
    shared with a near group. Nobody is told which: attackers take a figure for unshared unless
    it cannot be.
    """

    release: str
    series: str
    subject: str
    start: date
    end: date
    figures: Mapping[Group, int]
    names: Mapping[str, tuple[Group, int | None]]
    whole: Group
    k: int
    inference_k: int
    rounding: int
    error: int
    advertiser: str
    runs: tuple[date, date]
    unique: bool

    def low(self, group: Group, *, shared: bool = False) -> int:
        """The fewest people that the figure can stand for."""
        return max(self.k, self.figures[group] - (self.error if shared else self.rounding - 1))

    def high(self, group: Group, *, shared: bool = False) -> int:
        """The most people that the figure can stand for."""
        return self.figures[group] + (self.error if shared else self.rounding - 1)

    def __str__(self) -> str:
        return f"{self.release}/{self.subject}"


class Version(NamedTuple):
    """What stood under a name at a moment."""

    moment: str
    digest: str


@dataclass(frozen=True)
class Archive:
    """Everything that was ever published, kept by readers who look after every run.

    `moments` say for each look, by name, which bytes stood there; the bytes are in `store`.
    """

    store: Path
    moments: Mapping[str, Mapping[str, str]]

    def versions(self) -> Mapping[str, tuple[Version, ...]]:
        """For each file name its different contents, oldest first."""
        found: dict[str, list[Version]] = {}
        for moment, files in self.moments.items():
            for name, digest in files.items():
                known = found.setdefault(name, [])
                if not known or known[-1].digest != digest:
                    known.append(Version(moment, digest))
        return {name: tuple(versions) for name, versions in found.items()}

    def gone(self) -> tuple[str, ...]:
        """Names that stood there once and do not any more."""
        *_, newest = self.moments.values()
        return tuple(
            sorted({name for files in self.moments.values() for name in files} - set(newest))
        )

    def path(self, digest: str) -> Path:
        """A file with those bytes."""
        return self.store / digest

    def tables(self, moment: str, releases: set[str] | None = None) -> tuple[Table, ...]:
        """All tables of these releases as they stood then."""
        folders: dict[str, dict[str, Path]] = {}
        for name, digest in self.moments[moment].items():
            kind, _, rest = name.partition("/")
            if kind == "releases" and rest.count("/") == 1:
                release, file = rest.split("/")
                folders.setdefault(release, {})[file] = self.path(digest)
        return tuple(
            table
            for release in sorted(folders if releases is None else releases)
            if set(folders[release]) >= _RELEASE_FILES
            for table in _tables(release, folders[release])
        )


_RELEASE_FILES = {"figures.parquet", "segments.parquet", "groups.parquet", "release.json"}


class Watcher:
    """Looks at a published folder from time to time and keeps what it sees."""

    def __init__(self, published: Path, store: Path) -> None:
        self._published, self._store = published, store
        self._moments: dict[str, dict[str, str]] = {}
        self._known: dict[str, tuple[tuple[int, int, int], str]] = {}
        store.mkdir(parents=True, exist_ok=True)

    def look(self, moment: str) -> None:
        self._moments[moment] = {
            str(path.relative_to(self._published)): self._keep(path)
            for path in sorted(self._published.rglob("*"))
            if path.is_file() and path.name not in _GOES_ON
        }

    def archive(self) -> Archive:
        return Archive(self._store, dict(self._moments))

    def _keep(self, path: Path) -> str:
        """The digest; a file of the same inode, size and time is not read again."""
        facts = path.stat()
        mark = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
        known = self._known.get(str(path))
        if known and known[0] == mark:
            return known[1]
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        copy = self._store / digest
        if not copy.exists():
            copy.write_bytes(content)
        self._known[str(path)] = (mark, digest)
        return digest


@dataclass(frozen=True)
class Seen:
    """All that the attackers have: what stands now, and what they kept of earlier looks.

    `sent_on` says of a campaign to which others its page sends all who count in it.
    """

    published: Path
    archive: Archive
    sent_on: Mapping[str, Set[str]] = field(default_factory=dict)

    def lies_in(self, inner: Table, outer: Table) -> bool:
        """Whether everybody of one table is in the other, a campaign of the same period."""
        same = (inner.series, inner.start) == (outer.series, outer.start)
        return same and outer.subject in self.sent_on.get(inner.subject, ())

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        folders = sorted(path for path in (self.published / "releases").iterdir() if path.is_dir())
        return tuple(
            table
            for folder in folders
            if {path.name for path in folder.iterdir()} >= _RELEASE_FILES
            for table in _tables(folder.name, {path.name: path for path in folder.iterdir()})
        )

    def table(self, subject: str, start: date, series: str = "campaign-day") -> Table | None:
        return next(
            (
                table
                for table in self.tables
                if (table.subject, table.start, table.series) == (subject, start, series)
            ),
            None,
        )

    def files(self) -> Iterator[Path]:
        """Every file but the ledger and the analysts' database, which have attacks of their own."""
        for path in sorted(self.published.rglob("*")):
            if path.is_file() and path.name not in _GOES_ON:
                yield path


def look_once(published: Path, store: Path, sent_on: Mapping[str, Set[str]] | None = None) -> Seen:
    """What is seen by who comes when all has been published."""
    watcher = Watcher(published, store)
    watcher.look("now")
    return Seen(published, watcher.archive(), sent_on or {})


def _tables(release: str, files: Mapping[str, Path]) -> Iterator[Table]:
    facts = json.loads(files["release.json"].read_text(encoding="utf-8"))
    groups = _groups(files["groups.parquet"])
    boxes = {
        row["id"]: Group(*(groups[axis, row[axis]] for axis in Group._fields))
        for row in pq.read_table(files["segments.parquet"], partitioning=None).to_pylist()
    }
    whole = _whole(groups)
    rows: dict[str, dict[str, tuple[Group, int | None]]] = {}
    for row in pq.read_table(files["figures.parquet"], partitioning=None).to_pylist():
        subject = row.get("subject_id") or row["campaign_id"]
        rows.setdefault(subject, {})[row["segment_id"]] = (boxes[row["segment_id"]], row["people"])
    subjects = {row["id"]: row for row in facts.get("subjects") or facts["campaigns"]}
    for subject, names in rows.items():
        yield _table(release, facts, subjects[subject], names, (whole, groups))


def _table(
    release: str,
    facts: Mapping[str, Any],
    subject: Mapping[str, Any],
    names: Mapping[str, tuple[Group, int | None]],
    geography: tuple[Group, Mapping[tuple[str, str], Leaves]],
) -> Table:
    start, end = (date.fromisoformat(facts["period"][side]) for side in ("start", "end"))
    promise, (whole, groups) = facts["promise"], geography
    k = promise["k"]
    return Table(
        release=release,
        series=f"{facts['kind']}-{facts['period']['kind']}",
        subject=subject["id"],
        start=start,
        end=end,
        figures={group: people for group, people in names.values() if people is not None},
        names=names,
        whole=_aimed_at(whole, subject.get("target_regions"), groups),
        k=k,
        inference_k=k if promise["inference_k"] == "k" else promise["inference_k"],
        rounding=promise["rounding"],
        error=_error(facts),
        advertiser=subject.get("advertiser_id") or "",
        runs=(
            date.fromisoformat(subject["starts_on"]) if subject.get("starts_on") else start,
            date.fromisoformat(subject["ends_on"]) if subject.get("ends_on") else end,
        ),
        unique=len({group for group, _ in names.values()}) == len(names),
    )


def _error(facts: Mapping[str, Any]) -> int:
    """How far a figure is from the truth at most, as a release states it."""
    promise = facts["promise"]
    if "roundings" not in facts:
        return int(promise["rounding"]) - 1
    level = promise["k"] if promise["inference_k"] == "k" else promise["inference_k"]
    step = max(promise["rounding"], level) + promise["near_jitter"]
    return int(max(facts["roundings"])) - 1 + step - 1


def _groups(path: Path) -> dict[tuple[str, str], Leaves]:
    return {
        (row["dimension"], row["code"]): frozenset(row["leaves"])
        for row in pq.read_table(path, partitioning=None).to_pylist()
    }


def _whole(groups: Mapping[tuple[str, str], Leaves]) -> Group:
    """All atoms that any code speaks of."""
    return Group(
        *(
            frozenset().union(*(leaves for (name, _), leaves in groups.items() if name == axis))
            for axis in Group._fields
        )
    )


def _aimed_at(
    whole: Group, targets: list[str] | None, groups: Mapping[tuple[str, str], Leaves]
) -> Group:
    """Where people can be: a province's regencies begin with its code."""
    if not targets or "ID" in targets:
        return whole
    wanted = {
        leaf
        for leaf in whole.region
        if any(leaf == code or leaf.startswith(f"{code}.") for code in targets)
    }
    return whole._replace(region=frozenset(wanted))
