"""Raw files in a bucket: listed at once, each fetched whole and once, never half read.

An object is copied into a file without a name in `private/`, which no other account can open and
which is gone with the process; it is read from there. What the store says of it (size, time, ETag)
has to be the same before and after, and as it was listed. What libraries say of a failure is not
passed on: it may quote keys and names of users.
"""

import os
import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from anonymizer.model.errors import (
    ConfigurationError,
    Fault,
    InputRejected,
    NoSpace,
    RawZoneUnreachable,
)
from anonymizer.storage import storage_limits
from anonymizer.storage.files import make_folder
from anonymizer.storage.object_tree import (
    FOLDER,
    MARKS,
    AmbiguousListingError,
    ObjectListing,
    ObjectPath,
    ObjectStatus,
)

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

_NANOSECONDS = 1_000_000_000
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_REGULAR = 0o100000  # as a mode: a regular file
_FORM = (
    "give s3://BUCKET/FOLDER or gs://BUCKET/FOLDER; credentials, region and endpoint are read from "
    "variables of their own"
)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]+")
_CODE = re.compile(r"AWS Error ([A-Z_]+)|google::cloud::Status\(([A-Z_]+)")
_CREDENTIALS = "the credentials are wrong; check those of the environment (AWS_ACCESS_KEY_ID, ...)"
_SILENCE = "nothing answers there; check the endpoint and the network, then run again"
_DENIED = (
    "no permission; let the account list the bucket and read its objects (s3:ListBucket, "
    "s3:GetObject), and check the name of the bucket"
)
_NO_BUCKET = "there is no bucket of this name; check the address"
_ANSWERS = {
    "NO_SUCH_BUCKET": _NO_BUCKET,
    "ACCESS_DENIED": _DENIED,
    "PERMISSION_DENIED": _DENIED,
    "UNAUTHENTICATED": "no valid credentials; check GOOGLE_APPLICATION_CREDENTIALS",
    "SIGNATURE_DOES_NOT_MATCH": _CREDENTIALS,
    "INVALID_ACCESS_KEY_ID": _CREDENTIALS,
    "INVALID_CLIENT_TOKEN_ID": _CREDENTIALS,
    "NETWORK_CONNECTION": _SILENCE,
    "UNAVAILABLE": _SILENCE,
    "EXPIRED_TOKEN": "the credentials have expired; renew them",
    "RESOURCE_NOT_FOUND": "the server there is not an object store; check the endpoint",
}
_NETWORK = ("NETWORK_CONNECTION", "UNAVAILABLE")
_Version = tuple[int, int, tuple[tuple[str, str], ...]]


class _NoBucketError(Exception):
    """The store says that there is no bucket of this name."""


class ObjectStore:
    """One address in a bucket. What was fetched is kept, so that a run fetches it once."""

    def __init__(self, system: "FileSystem", scheme: str, base: str, copies: Path) -> None:
        self._system, self._scheme, self._base, self._copies = system, scheme, base, copies
        self._kept: OrderedDict[PurePosixPath, tuple[_Version, BinaryIO]] = OrderedDict()

    @classmethod
    def at(cls, address: str, variable: str, copies: Path) -> "ObjectStore":
        """The store at `s3://bucket/folder` or `gs://bucket/folder`, as `variable` has it.

        Copies lie in the folder `copies`. Connects to nothing. Raises ConfigurationError, which
        does not repeat the address: it may have a password in it.
        """
        scheme, base = _parsed(address, variable)
        system = _amazon(variable) if scheme == "s3" else _google()
        return cls(system, scheme, base, copies)

    def listed(self, filed: Path) -> ObjectPath:
        """All objects as they are now, and as requests also the files of the local folder `filed`.

        A store lists its objects one after the other, so a mark of completeness may be newer than
        what was listed before it. Where there are marks everything is listed again, and a mark
        counts only if both listings have it. Raises RawZoneUnreachable when the store does not
        answer, refuses, or has names that are no tree.
        """
        try:
            found = self._objects()
            if marks := {name for name, _ in found if _is_mark(name)}:
                again = self._objects()
                found = [one for one in again if one[0] in marks or not _is_mark(one[0])]
            return ObjectPath(ObjectListing.of(found, filed, self.fetch))
        except AmbiguousListingError as error:
            problem = str(error)
        except _NoBucketError:
            problem = _NO_BUCKET
        except OSError as error:
            problem = _answer(error)
        raise RawZoneUnreachable(f"{self._scheme}://{self._base}: {problem}")

    def fetch(self, place: PurePosixPath, status: ObjectStatus) -> int:
        """See `ObjectPath.fetch`."""
        version = self._version(place)
        if version[:2] != (status.st_size, status.st_mtime_ns // _NANOSECONDS):
            detail = "it was replaced after it was listed; run again"
            raise InputRejected(str(place), "changed", detail=detail)
        kept = self._kept.pop(place, None)
        if kept and kept[0] != version:
            kept[1].close()
            kept = None
        copy = kept[1] if kept else self._copied(place, version)
        self._kept[place] = (version, copy)
        descriptor = os.dup(copy.fileno())
        self._let_go()
        return descriptor

    def _copied(self, place: PurePosixPath, version: _Version) -> BinaryIO:
        copy = self._nameless_file()
        try:
            for chunk in self._chunks(place):
                self._write(copy, chunk)
            if self._version(place) != version:
                detail = "it was replaced while being read; run again"
                raise InputRejected(str(place), "changed", detail=detail)
            if os.fstat(copy.fileno()).st_size != version[0]:
                raise _broken_off(place)
        except BaseException:
            copy.close()
            raise
        return copy

    def _chunks(self, place: PurePosixPath) -> Iterator[bytes]:
        try:
            with self._system.open_input_file(self._key(place)) as stream:
                while chunk := stream.read(storage_limits.COPIED_BYTES):
                    yield chunk
        except OSError as error:
            refusal = _refusal(place, error)
        else:
            return
        raise refusal

    def _version(self, place: PurePosixPath) -> _Version:
        """Size, time of change in seconds, and what else the store tells versions apart by."""
        key = self._key(place)
        try:
            info = self._system.get_file_info(key)
            with self._system.open_input_file(key) as stream:
                labels = stream.metadata() or {}
        except OSError as error:
            refusal = _refusal(place, error)
        else:
            named = tuple(sorted((str(name), str(value)) for name, value in labels.items()))
            return int(info.size or 0), _seconds(info), named
        raise refusal

    def _infos(self) -> "list[FileInfo]":
        from pyarrow.fs import FileSelector, FileType  # noqa: PLC0415  slow to import

        try:
            return list(self._system.get_file_info(FileSelector(self._base, recursive=True)))
        except FileNotFoundError:
            pass
        bucket = self._base.partition("/")[0]
        with suppress(OSError):  # who may list a folder alone is not told
            if self._system.get_file_info(bucket).type == FileType.NotFound:
                raise _NoBucketError
        return []  # nothing has landed yet

    def _objects(self) -> list[tuple[str, ObjectStatus]]:
        return [(self._name(info), _status(info)) for info in self._infos()]

    def _name(self, info: "FileInfo") -> str:
        return str(info.path.removeprefix(self._base).removeprefix("/"))

    def _key(self, place: PurePosixPath) -> str:
        return f"{self._base}/{place}"

    def _nameless_file(self) -> BinaryIO:
        try:
            make_folder(self._copies)
            copy = TemporaryFile(dir=self._copies, buffering=0)  # noqa: SIM115  kept open
        except OSError as error:
            raise NoSpace(self._copies.name, type(error).__name__) from None
        return copy

    def _write(self, copy: BinaryIO, chunk: bytes) -> None:
        try:
            rest = memoryview(chunk)
            while rest:
                rest = rest[copy.write(rest) :]
        except OSError as error:
            raise NoSpace(self._copies.name, type(error).__name__) from None

    def _let_go(self) -> None:
        """Keep no more than is reasonable, what was read last; descriptors handed out stay."""
        size = sum(version[0] for version, _ in self._kept.values())
        while len(self._kept) > storage_limits.KEPT_FILES or size > storage_limits.KEPT_BYTES:
            _, (version, copy) = self._kept.popitem(last=False)
            copy.close()
            size -= version[0]


def _is_mark(name: str) -> bool:
    return name.rpartition("/")[2] in MARKS


def _parsed(address: str, variable: str) -> tuple[str, str]:
    """Scheme, and bucket with folder."""
    try:
        parts = urlsplit(address)
        bucket, folder = parts.netloc, parts.path.strip("/")
    except ValueError:
        raise _unfit(variable, "is not an address") from None
    if "@" in bucket:
        raise _unfit(variable, "contains a name or password")
    if parts.scheme not in ("s3", "gs"):
        raise _unfit(variable, "is not an address of an object store")
    if parts.query or parts.fragment or not _BUCKET.fullmatch(bucket):
        raise _unfit(variable, "does not have the form BUCKET/FOLDER")
    if any(part in ("", ".", "..") for part in folder.split("/")) and folder:
        raise _unfit(variable, "has an empty part, '.' or '..' in its folder")
    return parts.scheme, f"{bucket}/{folder}" if folder else bucket


def _unfit(variable: str, problem: str, remedy: str = _FORM) -> ConfigurationError:
    return ConfigurationError([Fault(variable, problem, remedy)])


def _amazon(variable: str) -> "FileSystem":
    """By the variables that other tools of S3 read too; credentials are found by the library."""
    from pyarrow.fs import S3FileSystem  # noqa: PLC0415  slow to import

    endpoint = _environment(_ENDPOINTS)
    options = {}
    if endpoint:
        named, address = _endpoint(endpoint)
        options = {"scheme": named, "endpoint_override": address}
    if authorities := os.environ.get("AWS_CA_BUNDLE"):
        options["tls_ca_file_path"] = authorities
    if region := _environment(_REGIONS) or ("us-east-1" if endpoint else None):
        options["region"] = region
    try:
        return S3FileSystem(
            connect_timeout=storage_limits.CONNECT_SECONDS,
            request_timeout=storage_limits.SILENT_SECONDS,
            **options,
        )
    except (OSError, ValueError) as error:
        problem = f"cannot be used ({type(error).__name__})"
    raise _unfit(variable, problem, "check region, endpoint and AWS_CA_BUNDLE")


def _endpoint(endpoint: str) -> tuple[str, str]:
    """Scheme and host of an endpoint's URL."""
    name = next(name for name in _ENDPOINTS if os.environ.get(name))
    remedy = "give http:// or https://, a host and a port, nothing else"
    try:
        parts = urlsplit(endpoint)
        _ = parts.port
    except ValueError:
        raise _unfit(name, "is not a URL", remedy) from None
    plain = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise _unfit(name, "is not the URL of a server", remedy)
    return parts.scheme, parts.netloc


def _google() -> "FileSystem":
    from pyarrow.fs import GcsFileSystem  # noqa: PLC0415  slow to import

    return GcsFileSystem(retry_time_limit=timedelta(seconds=storage_limits.GOOGLE_SECONDS))


def _environment(names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)


def _status(info: "FileInfo") -> ObjectStatus:
    if not info.is_file:
        return FOLDER
    return ObjectStatus(_REGULAR, int(info.size or 0), int(info.mtime_ns or 0))


def _seconds(info: "FileInfo") -> int:
    """Listings and answers about one object may differ in what is smaller."""
    return int(info.mtime_ns or 0) // _NANOSECONDS


def error_code(error: OSError) -> str:
    """The code in a library's message, which is safe to repeat; the kind of error without one."""
    found = _CODE.search(str(error))
    return (found[1] or found[2]) if found else type(error).__name__


def _answer(error: OSError) -> str:
    code = error_code(error)
    return _ANSWERS.get(code, f"the store refuses to list it ({code}); check address and region")


def _refusal(place: PurePosixPath, error: OSError) -> InputRejected:
    code = error_code(error)
    if isinstance(error, FileNotFoundError):
        detail = "it disappeared after it was listed; deliver it again"
    elif code in _NETWORK:
        return _broken_off(place)
    else:
        detail = _ANSWERS.get(code, f"the store refuses to read it ({code})")
    return InputRejected(str(place), "unreadable", detail=detail)


def _broken_off(place: PurePosixPath) -> InputRejected:
    detail = "the connection to the store was interrupted; run again"
    return InputRejected(str(place), "unreadable", detail=detail)
