"""Segments that readers of the portal have requested: one JSON object a line, appended, unchanged.

A line says who wants which segment since when, and has no figure. Its id is the digest of what it
says, so that a decision is about these words alone; a nonce keeps the login from being guessed from
the id, which is public. An officer decides in another process.
"""

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anonymizer.model.composed_segments import ComposedSegment
from anonymizer.model.errors import AudienceError, ConfigurationError, Fault, NoSpace
from anonymizer.storage.files import canonical_json, make_folder
from portal.user_accounts import UserAccount

_ID = 12  # characters of a digest


@dataclass(frozen=True)
class SegmentRequest:
    """A requested segment, as `ComposedSegment.parse` reads it.

    `advertisers` are those of the account when it asked; none for an account that reads every one.
    """

    time: str
    login: str
    advertisers: tuple[str, ...]
    segment: str
    nonce: str

    @property
    def id(self) -> str:
        """The beginning of the digest of all that it says."""
        content = canonical_json(asdict(self))
        return hashlib.sha256(content.encode()).hexdigest()[:_ID]

    @property
    def composed(self) -> ComposedSegment:
        """The segment."""
        return ComposedSegment.parse(self.segment, "segment_requests.jsonl")

    def is_for(self, account: UserAccount) -> bool:
        """Whether an account may see it: its own, or one of advertisers that it reads all of."""
        if self.login == account.login or account.scope is None:
            return True
        return bool(self.advertisers) and set(self.advertisers) <= set(account.scope)


@dataclass(frozen=True)
class RecordedRequests:
    """The requests in order; `unreadable` counts lines that are no requests."""

    requests: tuple[SegmentRequest, ...]
    unreadable: int = 0

    def find(self, request: str) -> SegmentRequest | None:
        """The request with this id."""
        return next((one for one in self.requests if one.id == request), None)


def _now() -> datetime:
    return datetime.now(UTC)


class SegmentRequests:
    """The requests in the file at `path`; `clock` says what time it is."""

    def __init__(self, path: Path, clock: Callable[[], datetime] = _now) -> None:
        self._path, self._clock = path, clock

    def read(self) -> RecordedRequests:
        """Every request. Raises NoSpace where the file cannot be read."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return RecordedRequests(())
        except OSError as error:
            raise NoSpace(self._path.parent.name, type(error).__name__) from None
        lines = [line for line in content.split(b"\n") if line]
        found = [request for line in lines for request in _read(line)]
        return RecordedRequests(tuple(found), len(lines) - len(found))

    def add(self, account: UserAccount, segment: ComposedSegment) -> SegmentRequest:
        """Append a request: what cannot be kept, or read again, is not answered as kept.

        Raises NoSpace and ConfigurationError.
        """
        request = SegmentRequest(
            self._clock().isoformat(timespec="seconds"),
            account.login,
            tuple(sorted(account.scope or ())),
            str(segment),
            secrets.token_hex(8),
        )
        line = canonical_json({"id": request.id, **asdict(request)}) + "\n"
        if list(_read(line.encode())) != [request]:
            problem = "the segment is not the one that its text is read as"
            raise ConfigurationError([Fault("segment", problem, "give each code once, in order")])
        try:
            make_folder(self._path.parent)
            descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                _write_all(descriptor, (_broken_end(descriptor) + line).encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise NoSpace(self._path.parent.name, type(error).__name__) from None
        return request


def _write_all(descriptor: int, content: bytes) -> None:
    """Write all of it: on a disk that is nearly full the system writes a part without an error."""
    while content:
        content = content[os.write(descriptor, content) :]


def _broken_end(descriptor: int) -> str:
    """The end of the last line, if a process was killed before it had written it."""
    size = os.fstat(descriptor).st_size
    return "" if not size or os.pread(descriptor, 1, size - 1) == b"\n" else "\n"


def _read(line: bytes) -> Iterator[SegmentRequest]:
    """The request on a line; nothing for a line that is none, or whose id is of another one."""
    try:
        content: Mapping[str, Any] = json.loads(line)
        fields = {name: content[name] for name in ("time", "login", "segment", "nonce")}
        advertisers = tuple(content["advertisers"])
        if not all(isinstance(text, str) for text in (*fields.values(), *advertisers)):
            return
        request = SegmentRequest(advertisers=advertisers, **fields)
        if request.id == content["id"] and str(request.composed) == request.segment:
            yield request
    except (ValueError, KeyError, TypeError, RecursionError, AudienceError):
        return
