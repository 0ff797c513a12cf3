"""Where raw files are read: the folder `raw/` of the home, or a bucket that `$AUDIENCE_RAW` names.

Both look alike to who reads them (`RawPath`), so one intake serves both. A folder on this machine
is read where it lies. Requests that `audience rights` files lie in the home in either case.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol, Self

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.storage.home import Home
from anonymizer.storage.object_store import ObjectStore

RAW_VARIABLE = "AUDIENCE_RAW"


class FileStatus(Protocol):
    """What a listing says of a file or folder."""

    @property
    def st_mode(self) -> int:
        """Its kind, as `stat` tells it."""
        ...

    @property
    def st_size(self) -> int:
        """Bytes."""
        ...

    @property
    def st_mtime(self) -> float:
        """When it changed, in seconds."""
        ...

    @property
    def st_mtime_ns(self) -> int:
        """The same in nanoseconds."""
        ...


class RawPath(Protocol):
    """A file or folder of the raw zone. `pathlib.Path` is one, `ObjectPath` the other."""

    @property
    def name(self) -> str:
        """The last part."""
        ...

    def __truediv__(self, part: str, /) -> Self:
        """A file or folder in this one, whether it is there or not."""
        ...

    def __lt__(self, other: Self, /) -> bool:
        """The order of names."""
        ...

    def iterdir(self) -> Iterator[Self]:
        """What lies in this folder. Raises FileNotFoundError, perhaps at the first step."""
        ...

    def glob(self, pattern: str, /) -> Iterator[Self]:
        """What lies below and fits a pattern, part by part."""
        ...

    def rglob(self, pattern: str, /) -> Iterator[Self]:
        """The same in all folders below."""
        ...

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        ...

    def is_file(self) -> bool:
        """Whether it is a file."""
        ...

    def is_symlink(self) -> bool:
        """Whether it is a link, which nobody follows."""
        ...

    def lstat(self) -> FileStatus:
        """Kind, size and time of change. Raises FileNotFoundError."""
        ...

    def relative_to(self, other: Self, /) -> object:
        """The parts below another; as text, parts are separated by `/`."""
        ...

    def open(self, mode: Literal["rb"], /) -> BinaryIO:
        """The bytes of a small file. Raises OSError."""
        ...


@dataclass(frozen=True)
class RawZone:
    """The raw zone of an installation; without a store it is the folder of the home."""

    home: Home
    store: ObjectStore | None = None

    @classmethod
    def of(cls, home: Home) -> "RawZone":
        """The one that the environment names. Raises ConfigurationError; connects to nothing."""
        address = os.environ.get(RAW_VARIABLE)
        store = ObjectStore.at(address, RAW_VARIABLE, home.private) if address else None
        return cls(home, store)

    def root(self) -> RawPath:
        """The raw zone as it is now. Raises RawZoneUnreachable when a store does not answer."""
        return self.store.listed(self.home.raw / "requests") if self.store else self.home.raw


def require_local() -> None:
    """Refuse to write a world into the home while raw files are read from elsewhere."""
    if os.environ.get(RAW_VARIABLE):
        problem = "raw files are read from a bucket, but a sample world is written into the home"
        raise ConfigurationError([Fault(RAW_VARIABLE, problem, "unset it")])


def raw_root(home: Home) -> RawPath:
    """The raw zone as it is now, for who looks once."""
    return RawZone.of(home).root()
