"""A listing of a bucket as a tree of files and folders, on which the landing zone is surveyed.

`ObjectPath` has the members of `pathlib.Path` that surveys use, so that one survey reads both. A
listing reads no content.
"""

import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from anonymizer.storage import storage_limits

# Names by which a sender says that a folder is complete.
SUCCESS, MANIFEST = "_SUCCESS", "_manifest.json"
MARKS = frozenset({SUCCESS, MANIFEST})
_REQUESTS = PurePosixPath("requests")
_ROOT = PurePosixPath()
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class ObjectStatus:
    """What a listing says of an object or a folder of objects, named as in `os.stat_result`."""

    st_mode: int
    st_size: int = 0
    st_mtime_ns: int = 0

    @property
    def st_mtime(self) -> float:
        """When it changed, in seconds."""
        return self.st_mtime_ns / _NANOSECONDS


FOLDER = ObjectStatus(stat.S_IFDIR)
_NOTHING = ObjectStatus(0)


class AmbiguousListingError(ValueError):
    """Two things have one name, or a name has no place in a tree. The text says what to do."""


@dataclass(frozen=True)
class ObjectListing:
    """The tree. `filed` is what lies on this machine, as requests that are listed with a bucket.

    `mappings` has the files that are not laid out as the raw contract says, each with what reads
    it (`intake.readers.FileMapping`).
    """

    nodes: Mapping[PurePosixPath, ObjectStatus]
    children: Mapping[PurePosixPath, Sequence[str]]
    filed: Mapping[PurePosixPath, Path]
    fetch: Callable[[PurePosixPath, ObjectStatus], int]
    mappings: Mapping[PurePosixPath, object] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        found: Iterable[tuple[str, ObjectStatus]],
        filed: Path,
        fetch: Callable[[PurePosixPath, ObjectStatus], int],
    ) -> "ObjectListing":
        """The tree of objects by name, with the files of a local folder among its requests.

        Raises AmbiguousListingError.
        """
        nodes: dict[PurePosixPath, ObjectStatus] = {_ROOT: FOLDER}
        for name, status in found:
            _add(nodes, _place(name), status)
        own = {_REQUESTS / path.relative_to(filed): path for path in _paths_in(filed)}
        for place, path in own.items():
            here = path.lstat()
            if stat.S_ISDIR(here.st_mode):
                _add(nodes, place, FOLDER)
                continue
            if place in nodes:
                problem = f"{place} is both in the bucket and in raw/ of the home; remove one"
                raise AmbiguousListingError(problem)
            _add(nodes, place, ObjectStatus(here.st_mode, here.st_size, here.st_mtime_ns))
        children: dict[PurePosixPath, list[str]] = {}
        for place in sorted(nodes.keys() - {_ROOT}):
            children.setdefault(place.parent, []).append(place.name)
        return cls(nodes, children, own, fetch)


@dataclass(frozen=True)
class ObjectPath:
    """A place in a listing."""

    listing: ObjectListing = field(repr=False)
    place: PurePosixPath = _ROOT

    @property
    def name(self) -> str:
        """The last part."""
        return self.place.name

    @property
    def filed(self) -> Path | None:
        """Where it lies on this machine, if it is a request that was filed here."""
        return self.listing.filed.get(self.place)

    @property
    def mapping(self) -> object:
        """What reads a file that is not laid out as the raw contract says; None for others."""
        return self.listing.mappings.get(self.place)

    def __truediv__(self, part: str) -> "ObjectPath":
        """A place in this one."""
        return ObjectPath(self.listing, self.place / part)

    def __lt__(self, other: "ObjectPath") -> bool:
        """The order of names."""
        return self.place < other.place

    def iterdir(self) -> Iterator["ObjectPath"]:
        """What lies in this folder. Raises FileNotFoundError."""
        if not self.is_dir():
            raise FileNotFoundError(str(self.place))
        return iter([self / name for name in self.listing.children.get(self.place, ())])

    def glob(self, pattern: str) -> Iterator["ObjectPath"]:
        """What lies below and fits the pattern, part by part."""
        first, _, rest = pattern.partition("/")
        for path in self.iterdir() if self.is_dir() else ():
            if fnmatchcase(path.name, first):
                yield from path.glob(rest) if rest else (path,)

    def rglob(self, pattern: str) -> Iterator["ObjectPath"]:
        """The same in all folders below."""
        yield from self.glob(pattern)
        for path in self.iterdir() if self.is_dir() else ():
            yield from path.rglob(pattern)

    def is_dir(self) -> bool:
        """Whether objects lie below this name."""
        return stat.S_ISDIR(self._status.st_mode)

    def is_file(self) -> bool:
        """Whether this is an object."""
        return stat.S_ISREG(self._status.st_mode)

    def is_symlink(self) -> bool:
        """Whether it is a link; a bucket has none."""
        return stat.S_ISLNK(self._status.st_mode)

    def lstat(self) -> ObjectStatus:
        """Kind, size and time of change. Raises FileNotFoundError."""
        if self.place not in self.listing.nodes:
            raise FileNotFoundError(str(self.place))
        return self._status

    def relative_to(self, other: "ObjectPath") -> PurePosixPath:
        """The parts below another place."""
        return self.place.relative_to(other.place)

    def open(self, _mode: Literal["rb"] = "rb") -> BinaryIO:
        """The first bytes of a small object, in memory. Raises as `fetch` does.

        A request that was filed here is read where it lies. Raises OSError.
        """
        if self.filed:
            with os.fdopen(os.open(self.filed, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                return io.BytesIO(file.read(storage_limits.SMALL_OBJECT_BYTES))
        with os.fdopen(self.fetch(), "rb") as file:
            file.seek(0)
            return io.BytesIO(file.read(storage_limits.SMALL_OBJECT_BYTES))

    def fetch(self) -> int:
        """A descriptor of a copy of the object, to be closed by the caller.

        Raises InputRejected `unreadable` when it is gone, denied or breaks off, and `changed` when
        it is not what was listed; NoSpace when there is no room for the copy.
        """
        return self.listing.fetch(self.place, self.lstat())

    @property
    def _status(self) -> ObjectStatus:
        return self.listing.nodes.get(self.place, _NOTHING)


def _place(name: str) -> PurePosixPath:
    if name and not all(part not in ("", ".", "..") for part in name.split("/")):
        problem = f"{name} has an empty part, '.' or '..' in its name; rename or remove it"
        raise AmbiguousListingError(problem)
    return PurePosixPath(name)


def _add(
    nodes: dict[PurePosixPath, ObjectStatus], place: PurePosixPath, status: ObjectStatus
) -> None:
    for folder in (*reversed(place.parents), *([place] if status == FOLDER else [])):
        if nodes.setdefault(folder, FOLDER) != FOLDER:
            raise AmbiguousListingError(f"{folder} is both an object and a folder; remove one")
    if nodes.setdefault(place, status) != status:
        raise AmbiguousListingError(f"{place} is both an object and a folder; remove one")


def _paths_in(folder: Path) -> list[Path]:
    """Files and folders below a local folder, as they lie there; links are not followed."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        problem = f"raw/{folder.name} of the home is not a folder; make it one"
        raise AmbiguousListingError(problem)
    return sorted(folder.rglob("*"))
