"""The raw zone with the files of sources in it, as if they lay where the raw contract says.

    logs/akses-2026-11-02.csv  of source web  ->  visits/day=2026-11-02/web:akses-2026-11-02.csv

So the landing zone, sensors, requests of access and everything else see one tree. Nothing is
copied: a file is read where it lies, by the mapping of its source. A day of visits or profiles is
complete when every source has delivered it; what is lacking is listed in a manifest of the day.
"""

import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile

from anonymizer.intake.contract import TABLES
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.policy import Policy
from anonymizer.sources import source_limits
from anonymizer.sources.field_paths import file_path, parse_path
from anonymizer.sources.file_layout import FilePattern, compile_pattern, is_working_file
from anonymizer.sources.mapped_source import SourceMapping
from anonymizer.sources.mapping_statement import id_paths, leaves_of
from anonymizer.sources.source_catalogue import (
    FILE_NAME,
    Source,
    Sources,
    load_sources,
)
from anonymizer.sources.source_settings import BY_DAY, WarehouseTable
from anonymizer.sources.warehouse import WarehouseStore, read_address
from anonymizer.storage.home import Home
from anonymizer.storage.object_store import ObjectStore
from anonymizer.storage.object_tree import (
    FOLDER,
    MANIFEST,
    MARKS,
    SUCCESS,
    ObjectListing,
    ObjectPath,
    ObjectStatus,
)
from anonymizer.storage.raw_zone import RawPath, RawZone

_STORES = ("s3://", "gs://")
_ROOT = PurePosixPath()


@dataclass(frozen=True)
class SourceFile:
    """A file of a source: its path below the location, and the day for which it was delivered."""

    source: Source
    name: str
    path: RawPath
    day: date | None

    @property
    def place(self) -> PurePosixPath:
        """Where the raw contract has it."""
        return _folder(self.source.table, self.day) / _plain_name(self.source, self.name)


@dataclass(frozen=True)
class SourceListing:
    """What lies in the location of a source.

    `files` are read, `replaced` are not because an earlier pattern has files of the same day,
    `unmatched` fit no pattern. `promised` has the files that are certainly complete or that a
    manifest lists, with their digests; `days` those for which something was delivered. A table
    of a database that has no rows is delivered, too (`is_empty`).
    """

    source: Source
    files: tuple[SourceFile, ...]
    replaced: tuple[str, ...]
    unmatched: tuple[str, ...]
    promised: Mapping[PurePosixPath, str]
    days: frozenset[date]
    is_empty: bool = False

    @property
    def has_delivered(self) -> bool:
        """Whether a source without days has anything to read, or says that there is nothing."""
        return self.is_empty or _has_delivered(self.files)

    def expects(self, day: date) -> bool:
        """Whether the source has to deliver this day."""
        settings = self.source.settings
        begin = settings.from_day or min(self.days, default=date.min)
        return begin <= day and (settings.to_day is None or day <= settings.to_day)


@dataclass
class SourceZone:
    """The raw zone of an installation and its sources. Stores keep what they have fetched.

    Of a database the columns are read that intake reads, those of `parts` among them, by which the
    policy divides campaigns; with `everything`, all that are mapped.
    """

    zone: RawZone
    sources: Sources
    everything: bool = False
    parts: frozenset[str] = frozenset()
    _stores: dict[str, ObjectStore] = field(default_factory=dict)

    @classmethod
    def of(cls, home: Home) -> "SourceZone":
        """As the environment and `sources.yaml` say. Raises ConfigurationError.

        Also where a day can still be rewritten when the policy has it released.
        """
        sources = load_sources(home)
        parts: frozenset[str] = frozenset()
        if sources.all and home.policy.exists():
            policy = Policy.load(home.policy)
            parts = frozenset(rule.column for rule in policy.campaign_parts)
            late = policy.timing.late_days
            slow = [each for each in sources.all if each.settings.late_days > late]
            if slow:
                raise ConfigurationError([_too_early(source, late) for source in slow])
        return cls(RawZone.of(home), sources, parts=parts)

    def root(self) -> RawPath:
        """The raw zone as it is now. Raises RawZoneUnreachable when a store does not answer."""
        root = self.zone.root()
        return _tree(root, [self.listed(source, root) for source in self.sources.all]) if (
            self.sources.all
        ) else root  # fmt: skip

    def listed(self, source: Source, root: RawPath) -> SourceListing:
        """What lies in the location of a source; `root` is the raw zone."""
        base = self._base(source, root)
        names = dict(_files_below(base, ""))
        return _listing(source, names)

    def _base(self, source: Source, root: RawPath) -> RawPath:
        location, warehouse = source.location, source.settings.warehouse
        if warehouse is not None:
            return self._warehouse(source, warehouse).listed()
        if location.startswith(_STORES):
            if location not in self._stores:
                place = f"{FILE_NAME} {source.table}.{source.name}.location"
                copies = self.zone.home.private
                self._stores[location] = ObjectStore.at(location, place, copies)
            return self._stores[location].listed(self.zone.home.raw / "no-requests")
        if location.startswith("/"):
            return Path(location)
        base = root
        for part in PurePosixPath(location).parts:
            base = base / part
            if base.is_symlink():
                return base  # has no files: links are not followed on the way, either
        return base

    def _read_of(self, source: Source) -> frozenset[str]:
        """The columns of a database that intake reads."""
        read = TABLES[source.table].columns
        return frozenset((*read, *(self.parts if source.table == "visits" else ())))

    def _warehouse(self, source: Source, table: WarehouseTable) -> WarehouseStore:
        home = self.zone.home
        place = f"{FILE_NAME} {source.table}.{source.name}.warehouse.address"
        wanted = source.settings.columns if self.everything else self._read_of(source)
        paths = leaves_of(source, wanted)
        columns = dict.fromkeys(parse_path(file_path(path), nested=True).column for path in paths)
        return WarehouseStore(
            source.name,
            table,
            read_address(home, place, table.address),
            tuple(columns),
            frozenset(id_paths(source)),
            home.private,
        )


def source_root(
    home: Home, *, everything: bool = False, parts: frozenset[str] = frozenset()
) -> RawPath:
    """The raw zone with the files of sources as it is now, for who looks once.

    With `everything` also the columns of databases that are mapped and never used for figures.
    """
    zone = SourceZone.of(home)
    zone.everything = everything
    zone.parts |= parts
    return zone.root()


def _too_early(source: Source, late: int) -> Fault:
    days = source.settings.late_days
    problem = f"its days are rewritten for up to {days} day(s), and timing.late_days is {late}"
    remedy = f"set timing.late_days of policy.yaml to {days} or more"
    return Fault(f"{FILE_NAME} {source.table}.{source.name}", problem, remedy)


def _folder(table: str, day: date | None) -> PurePosixPath:
    return PurePosixPath(table) / f"day={day}" if day else PurePosixPath(table)


def _plain_name(source: Source, name: str) -> str:
    """A path below the location as the name of one file; no two paths have the same."""
    plain = name.replace("%", "%25").replace("+", "%2B").replace("/", "+")
    return f"{'_' if is_working_file(name) else ''}{source.name}:{plain}"


def _files_below(base: RawPath, prefix: str) -> Iterator[tuple[str, RawPath]]:
    """Every file below a folder by its path; links are not followed, and are no files."""
    if not base.is_dir() or base.is_symlink():
        return
    for path in sorted(base.iterdir()):
        name = f"{prefix}{path.name}"
        if path.is_dir() and not path.is_symlink():
            yield from _files_below(path, f"{name}/")
        else:
            yield name, path


def _listing(source: Source, names: Mapping[str, RawPath]) -> SourceListing:
    by_day: dict[date | None, dict[int, list[SourceFile]]] = {}
    unmatched = []
    for name, path in names.items():
        found = _delivery(source, name)
        if name.rpartition("/")[2] in MARKS:
            continue
        if found is None:
            unmatched += [] if is_working_file(name) else [name]
            continue
        number, day = found
        by_day.setdefault(day, {}).setdefault(number, []).append(
            SourceFile(source, name, path, day)
        )
    files: list[SourceFile] = []
    replaced: list[str] = []
    for of_day in by_day.values():
        written = [number for number, each in of_day.items() if _has_delivered(each)]
        first = min(written, default=None) if source.table in BY_DAY else None
        for number, each in of_day.items():
            if first in (None, number) or not _has_delivered(each):
                files += each
            else:
                replaced += [file.name for file in each]
    days = {
        day for day, of_day in by_day.items() if day and any(map(_has_delivered, of_day.values()))
    } | set(_empty_days(source, names))
    return SourceListing(
        source,
        tuple(files),
        tuple(replaced),
        tuple(unmatched),
        _promises(files, names),
        frozenset(days),
        source.settings.warehouse is not None and not files and SUCCESS in names,
    )


def _has_delivered(files: Iterable[SourceFile]) -> bool:
    """Whether one of the files is more than a working file."""
    return not all(is_working_file(file.name) for file in files)


def _delivery(source: Source, name: str) -> tuple[int, date | None] | None:
    """The number of the first pattern that a name fits, and its day."""
    for number, pattern in enumerate(source.patterns):
        if found := pattern.match(name):
            return number, found.day
    return None


def _empty_days(source: Source, names: Mapping[str, RawPath]) -> Iterator[date]:
    """The days whose own folder says that it is complete."""
    for pattern in source.patterns:
        folder = pattern.text.rpartition("/")[0]
        if not folder:
            continue
        mark: FilePattern = compile_pattern(f"{folder}/{SUCCESS}")
        for name in names:
            found = mark.match(name)
            if found and found.day:
                yield found.day


def _promises(files: list[SourceFile], names: Mapping[str, RawPath]) -> dict[PurePosixPath, str]:
    """The digest (empty if not stated) of the files that are complete, by place.

    A manifest that cannot be read, and each file that one lists and nobody delivered, is promised
    as well: it is missing.
    """
    promised: dict[PurePosixPath, str] = {}
    by_name = {file.name: file for file in files}
    manifests = {
        name.rpartition("/")[0]: _manifest(path)
        for name, path in names.items()
        if name.rpartition("/")[2] == MANIFEST
    }
    for file in files:
        for folder in _folders(file.name):
            if f"{folder}/{SUCCESS}".lstrip("/") in names:
                promised.setdefault(file.place, "")
            manifest = manifests.get(folder, {})
            if manifest is None:
                promised[file.place.parent / f"{file.source.name}: {folder}/{MANIFEST}"] = ""
                continue
            for listed, digest in manifest.items():
                name = f"{folder}/{listed}".lstrip("/")
                if name == file.name:
                    promised[file.place] = digest
                elif name not in by_name and _delivery(file.source, name) == (
                    _delivery(file.source, file.name)
                ):
                    promised[file.place.parent / _plain_name(file.source, name)] = digest
    return promised


def _folders(name: str) -> Iterator[str]:
    """The folder of a file and those above it; the location itself is the empty name."""
    folder = name.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""


def _manifest(path: RawPath) -> dict[str, str] | None:
    """Digest by file name; None when it cannot be read."""
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(source_limits.MANIFEST_BYTES))
        return {
            str(entry["name"]): str(entry.get("sha256") or "").lower() for entry in content["files"]
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


@dataclass
class _Tree:
    """The nodes of the tree while it is built."""

    nodes: dict[PurePosixPath, ObjectStatus] = field(default_factory=lambda: {_ROOT: FOLDER})
    origins: dict[PurePosixPath, RawPath] = field(default_factory=dict)
    contents: dict[PurePosixPath, bytes] = field(default_factory=dict)
    mappings: dict[PurePosixPath, object] = field(default_factory=dict)

    def add(self, place: PurePosixPath, path: RawPath) -> None:
        """Add a file or folder that lies somewhere."""
        status = path.lstat()
        folder = stat.S_ISDIR(status.st_mode)
        mark = ObjectStatus(status.st_mode, status.st_size, status.st_mtime_ns)
        self._set(place, FOLDER if folder else mark)
        self.origins[place] = path

    def add_content(self, place: PurePosixPath, content: bytes) -> None:
        """Add a file that lies nowhere."""
        self._set(place, ObjectStatus(stat.S_IFREG, len(content)))
        self.contents[place] = content

    def remove(self, place: PurePosixPath) -> None:
        """Forget a file."""
        self.nodes.pop(place, None)
        self.origins.pop(place, None)

    def below(self, folder: PurePosixPath) -> list[PurePosixPath]:
        """All files in a folder and in those below."""
        return [
            place
            for place, status in self.nodes.items()
            if status != FOLDER and folder in place.parents
        ]

    def _set(self, place: PurePosixPath, status: ObjectStatus) -> None:
        for folder in place.parents:
            self.nodes.setdefault(folder, FOLDER)
        self.nodes[place] = status

    def path(self) -> ObjectPath:
        """The root of the finished tree."""
        children: dict[PurePosixPath, list[str]] = {}
        for place in sorted(self.nodes.keys() - {_ROOT}):
            children.setdefault(place.parent, []).append(place.name)
        local = {place: file for place, path in self.origins.items() if (file := _local(path))}
        return ObjectPath(ObjectListing(self.nodes, children, local, self._fetch, self.mappings))

    def _fetch(self, place: PurePosixPath, _: ObjectStatus) -> int:
        if place in self.contents:
            with TemporaryFile(buffering=0) as file:
                file.write(self.contents[place])
                return os.dup(file.fileno())
        origin = self.origins[place]
        assert isinstance(origin, ObjectPath), "local files are opened where they lie"
        return origin.fetch()


def _local(path: RawPath) -> Path | None:
    if isinstance(path, Path):
        return path
    return path.filed if isinstance(path, ObjectPath) else None


def _tree(root: RawPath, listings: list[SourceListing]) -> RawPath:
    """The raw zone without the locations of sources, and with their files."""
    tree = _Tree()
    own = [PurePosixPath(each.source.location) for each in listings]
    for name, path in _everything(root, ""):
        place = PurePosixPath(name)
        if not any(location in (place, *place.parents) for location in own):
            tree.add(place, path)
    owners: dict[tuple[str, str], Source] = {}
    for listing in listings:
        for name in listing.unmatched[: source_limits.UNMATCHED_LISTED]:
            tree.add_content(PurePosixPath(_plain_name(listing.source, name)), b"")
        for file in listing.files:
            other = owners.setdefault((file.source.table, _file_address(file)), file.source)
            if other is not file.source:
                raise ConfigurationError([_shared(file, other)])
            tree.add(file.place, file.path)
            tree.mappings[file.place] = SourceMapping(file.source)
    known = {_address(each.source, name) for each in listings for name in _matched(each)}
    for table in TABLES:
        of_table = [each for each in listings if each.source.table == table]
        _add_manifests(tree, table, of_table, known)
    return tree.path()


def _matched(listing: SourceListing) -> Iterator[str]:
    yield from (file.name for file in listing.files)
    yield from listing.replaced


def _address(source: Source, name: str) -> PurePosixPath:
    """Where a file is, the same for every source whose location has it."""
    return PurePosixPath(source.location) / name


def _file_address(file: SourceFile) -> str:
    """Where a file is; equal names in two buckets or databases are not the same file."""
    if (local := _local(file.path)) is not None:
        return str(local)
    place = str(_address(file.source, file.name))
    warehouse = file.source.settings.warehouse
    return f"{warehouse.address if warehouse else ''} {place}"


def _strangers(listing: SourceListing, known: Set[PurePosixPath]) -> Iterator[str]:
    """What is promised of the files that no source reads: that somebody says what they are.

    Of requests and consents alone, because one of them may be an objection.
    """
    if not TABLES[listing.source.table].objections:
        return
    for name in listing.unmatched:
        if _address(listing.source, name) not in known:
            yield f"a pattern of source {listing.source.name} that {name} fits"


def _shared(file: SourceFile, other: Source) -> Fault:
    problem = f"{file.name} is a file of the sources {other.name} and {file.source.name}"
    return Fault(FILE_NAME, problem, "a file is read once a table: correct location or files")


def _everything(base: RawPath, prefix: str) -> Iterator[tuple[str, RawPath]]:
    """Every file and folder below a folder."""
    if not base.is_dir() or base.is_symlink():
        return
    for path in sorted(base.iterdir()):
        name = f"{prefix}{path.name}"
        yield name, path
        if not path.is_symlink():
            yield from _everything(path, f"{name}/")


def _add_manifests(
    tree: _Tree, table: str, listings: list[SourceListing], known: Set[PurePosixPath]
) -> None:
    """In each folder of a table: which files are complete, and which sources are lacking."""
    if not listings:
        return
    folders: dict[PurePosixPath, date | None] = {_folder(table, None): None}
    if table in BY_DAY:
        days = {day for each in listings for day in each.days} | set(_own_days(tree, table))
        folders = {_folder(table, day): day for day in days}
    for folder, day in folders.items():
        if day and not any(day in each.days or each.expects(day) for each in listings):
            continue
        promised = _own_promises(tree, folder)
        for listing in listings:
            promised |= {
                str(place.relative_to(folder)): digest
                for place, digest in listing.promised.items()
                if place.parent == folder
            }
            lacks = day not in listing.days if day else not listing.has_delivered
            if lacks and (day is None or listing.expects(day)):
                promised[f"files of source {listing.source.name}"] = ""
            promised |= dict.fromkeys(_strangers(listing, known), "")
        files = [{"name": name, "sha256": digest} for name, digest in sorted(promised.items())]
        tree.add_content(folder / MANIFEST, json.dumps({"files": files}).encode())


def _own_days(tree: _Tree, table: str) -> Iterator[date]:
    """The days that lie in the raw zone as the contract says."""
    for place in list(tree.nodes):
        if place.parent == PurePosixPath(table) and place.name.startswith("day="):
            try:
                yield date.fromisoformat(place.name.removeprefix("day="))
            except ValueError:
                continue


def _own_promises(tree: _Tree, folder: PurePosixPath) -> dict[str, str]:
    """What marks of the raw zone say about its own files of a folder; they say nothing of others.

    A manifest that cannot be read stays, and is noticed.
    """
    promised: dict[str, str] = {}
    for place in tree.below(folder):
        if place in tree.mappings or place.name not in MARKS or place.parent != folder:
            continue
        if place.name == SUCCESS:
            for file in tree.below(folder):
                if file not in tree.mappings and file.name not in MARKS:
                    promised.setdefault(str(file.relative_to(folder)), "")
        else:
            found = _manifest(tree.origins[place])
            promised |= {f"{MANIFEST} that can be read": ""} if found is None else found
        tree.remove(place)
    return promised
