"""What was delivered to whom, when, and with which outcome: one JSON object a line, appended.

For the privacy officer and a SIEM, and it is the state of deliveries: a line `sending` stands in it
before anything is sent, and `delivered` or `failed` after that. Where a process is killed between
the two, the delivery is repeated under the same id. It has digests of files and hosts of
destinations, no figure, no secret and no address of a person.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

from anonymizer.delivery import delivery_limits
from anonymizer.delivery.delivery_changes import Event, ExportKey, Standing
from anonymizer.model.errors import Busy, NoSpace
from anonymizer.storage.files import canonical_json, make_folder
from anonymizer.storage.home import Home
from anonymizer.storage.permissions import account_name

Step = Literal["sending", "delivered", "failed"]
_MODE = 0o600
_STEPS = ("sending", "delivered", "failed")
_EVENTS = ("released", "corrected", "withdrawn")


@dataclass(frozen=True)
class LogLine:
    """A line. `changes` are event and release, `files` the digests of what was sent, by name.

    `target` is the host or bucket, `problem` a code and what to do, `login` who delivered. Files
    went into `folder` of the account or bucket that `place` identifies; lines of earlier versions
    have neither (None).
    """

    time: datetime
    step: Step
    destination: str
    kind: str
    id: str
    advertiser: str
    changes: tuple[tuple[Event, str], ...]
    target: str
    login: str
    files: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    folder: str | None = None
    place: str | None = None

    def text(self) -> str:
        """As it is in the file."""
        content: dict[str, Any] = {
            "time": self.time.isoformat(timespec="milliseconds"),
            "event": self.step,
            "destination": self.destination,
            "kind": self.kind,
            "id": self.id,
            "advertiser": self.advertiser,
            "changes": [list(change) for change in self.changes],
            "target": self.target,
            "login": self.login,
            "files": dict(self.files),
            "problem": self.problem,
            "folder": self.folder,
            "place": self.place,
        }
        return canonical_json(content) + "\n"


@dataclass(frozen=True)
class PutFiles:
    """Where files of an export were put by a destination, and the target that the log names."""

    kind: str
    target: str
    place: str | None
    folder: str | None


@dataclass(frozen=True)
class Failures:
    """Attempts of a destination that failed since the last one that did not."""

    number: int
    last: datetime
    problem: str

    @property
    def paused_until(self) -> datetime:
        """When it is tried again: after 5 minutes, then twice as long each time, up to 6 hours."""
        times = min(self.number - 1, delivery_limits.MOST_DOUBLED)
        doubled = delivery_limits.FIRST_PAUSE * (1 << times)
        return self.last + min(doubled, delivery_limits.LONGEST_PAUSE)


@dataclass(frozen=True)
class DeliveryHistory:
    """The lines in order; `unreadable` counts what is none, as a kill leaves it."""

    lines: tuple[LogLine, ...]
    unreadable: int = 0

    def standing(self, destination: str) -> dict[ExportKey, Standing]:
        """The last that a destination was told of each export.

        `attempted`: it may have a part of it, because a delivery began and did not end well. What
        failed before anything was sent is not there.
        """
        found: dict[ExportKey, Standing] = {}
        for line in self.of(destination):
            for event, release in line.changes:
                if line.step == "delivered":
                    found[line.advertiser, release] = event
                elif line.step == "sending":
                    found.setdefault((line.advertiser, release), "attempted")
        return found

    def files(self, destination: str, key: ExportKey) -> frozenset[str]:
        """The files that a destination may have of an export: of every attempt to bring it."""
        return frozenset(self._brought.get((destination, *key), ()))

    def put(self, destination: str, key: ExportKey) -> tuple[PutFiles, ...]:
        """Where a destination may have files of an export: of every attempt to bring it."""
        return tuple(self._put.get((destination, *key), ()))

    def failures(self, destination: str) -> Failures | None:
        """The failures since the last success; None where the last attempt succeeded."""
        failed: list[LogLine] = []
        for line in self.of(destination):
            if line.step == "delivered":
                failed = []
            elif line.step == "failed":
                failed.append(line)
        last = failed[-1] if failed else None
        return Failures(len(failed), last.time, last.problem) if last else None

    def deliveries(self, destination: str) -> tuple[LogLine, ...]:
        """What was delivered to a destination, in order."""
        return tuple(line for line in self.of(destination) if line.step == "delivered")

    def of(self, destination: str) -> Sequence[LogLine]:
        """The lines of a destination, in order."""
        return self._by_destination.get(destination, ())

    @cached_property
    def _by_destination(self) -> Mapping[str, Sequence[LogLine]]:
        found: dict[str, list[LogLine]] = {}
        for line in self.lines:
            found.setdefault(line.destination, []).append(line)
        return found

    @cached_property
    def _brought(self) -> Mapping[tuple[str, str, str], set[str]]:
        """Names of files by destination, recipient and release."""
        found: dict[tuple[str, str, str], set[str]] = {}
        for key, line in self._lines_with_files():
            found.setdefault(key, set()).update(line.files)
        return found

    @cached_property
    def _put(self) -> Mapping[tuple[str, str, str], dict[PutFiles, None]]:
        """Where files went by destination, recipient and release, each place once, in order."""
        found: dict[tuple[str, str, str], dict[PutFiles, None]] = {}
        for key, line in self._lines_with_files():
            one = PutFiles(line.kind, line.target, line.place, line.folder)
            found.setdefault(key, {})[one] = None
        return found

    def _lines_with_files(self) -> Iterator[tuple[tuple[str, str, str], LogLine]]:
        for line in self.lines:
            for event, release in line.changes if line.files else ():
                if event == "released":
                    yield (line.destination, line.advertiser, release), line


@dataclass(frozen=True)
class _KnownPart:
    """What was read of a log: so many bytes, how they end, and the lines in them.

    The last line is read again when more follows: it may have been half written.
    """

    length: int = 0
    end: bytes = b""
    history: DeliveryHistory = DeliveryHistory(())
    half: bytes = b""

    def with_more(self, added: bytes) -> "_KnownPart":
        """The same and the bytes that follow."""
        whole, _, half = (self.half + added).rpartition(b"\n")
        written = [line for line in whole.split(b"\n") if line]
        found = [one for line in written for one in _read(line)]
        before = self.history
        unreadable = before.unreadable - bool(self.half) + len(written) - len(found) + bool(half)
        return _KnownPart(
            self.length + len(added),
            (self.end + added)[-delivery_limits.COMPARED_BYTES :],
            DeliveryHistory((*before.lines, *found), unreadable),
            half,
        )


_read_before: dict[str, _KnownPart] = {}


class DeliveryLog:
    """The log of a home."""

    def __init__(self, home: Home) -> None:
        self._path, self._folder = home.delivery_log, home.delivery

    def read(self) -> DeliveryHistory:
        """Every line; of what this process has read before, only what came after it.

        Raises NoSpace where the file cannot be read.
        """
        known = _read_before.get(str(self._path), _KnownPart())
        try:
            with self._path.open("rb") as file:
                file.seek(max(known.length - len(known.end), 0))
                if file.read(len(known.end)) != known.end:  # another file: a restored one
                    known = _KnownPart()
                    file.seek(0)
                added = file.read()
        except FileNotFoundError:
            return DeliveryHistory(())
        except OSError as error:
            raise NoSpace(self._folder.name, type(error).__name__) from None
        if added:
            known = known.with_more(added)
            _read_before[str(self._path)] = known
        return known.history

    def write(self, line: LogLine) -> None:
        """Append a line, durably. Raises NoSpace: what cannot be recorded must not happen."""
        try:
            make_folder(self._folder)
            descriptor = os.open(
                self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, _MODE
            )
            try:
                content = (_broken_end(descriptor) + line.text()).encode()
                while content:  # on a disk that is nearly full the system writes a part
                    content = content[os.write(descriptor, content) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise NoSpace(self._folder.name, type(error).__name__) from None

    @contextmanager
    def delivering(self) -> Iterator[None]:
        """Hold the lock of whoever delivers, apart from that of runs. Raises Busy at once."""
        try:
            make_folder(self._folder)
            descriptor = os.open(
                self._folder / "deliver.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _MODE
            )
        except OSError as error:
            raise NoSpace(self._folder.name, type(error).__name__) from None
        try:
            _take(descriptor)
            yield
        finally:
            os.close(descriptor)


def line_of_delivery(step: Step, **facts: Any) -> LogLine:
    """A line of now, by the account that runs this process."""
    return LogLine(time=datetime.now(UTC), step=step, login=account_name(), **facts)


def _take(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Busy("another process delivers") from None


def _broken_end(descriptor: int) -> str:
    """The end of the last line, if a process was killed before it had written it."""
    size = os.fstat(descriptor).st_size
    return "" if not size or os.pread(descriptor, 1, size - 1) == b"\n" else "\n"


def _read(line: bytes) -> Iterator[LogLine]:
    """The line; nothing for one that is none."""
    names = ("destination", "kind", "id", "advertiser", "target", "login", "problem")
    try:
        content: Mapping[str, Any] = json.loads(line)
        texts = {name: content[name] for name in names}
        changes: Sequence[Any] = content["changes"]
        files = dict(content["files"])
        step, time = content["event"], datetime.fromisoformat(content["time"])
        known = tuple((event, release) for event, release in changes)
        is_sound = all(isinstance(text, str) for text in (*texts.values(), *files.values()))
        is_sound &= step in _STEPS and all(event in _EVENTS for event, _ in known)
        folder, place = content.get("folder"), content.get("place")
        is_sound &= all(one is None or isinstance(one, str) for one in (folder, place))
        if is_sound and time.tzinfo:
            read = LogLine(time=time, step=step, changes=known, files=files, **texts)
            yield replace(read, folder=folder, place=place)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return
