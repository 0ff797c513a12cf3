"""Results of `audience whatif` that are kept for the officer's page, as files of mode 0600.

They come from private counts, so they are in `private/`, which no backup has, and are removed after
90 days. The name of a file is the digest of what it says: one that was changed later is not shown.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anonymizer.model.errors import NoSpace
from anonymizer.storage.files import canonical_json, make_folder, write_new
from anonymizer.storage.home import Home
from officer import officer_limits

_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class StoredTrials:
    """Settings that were tried at one time by one login, as `audience whatif --json` has them."""

    id: str
    time: datetime
    login: str
    releases: Sequence[str]
    settings: Sequence[Mapping[str, Any]]
    added_segments: Sequence[Mapping[str, Any]]
    notes: Sequence[str]


def _now() -> datetime:
    return datetime.now(UTC)


class TrialFolder:
    """The stored results of a home; `clock` says what time it is."""

    def __init__(self, home: Home, clock: Callable[[], datetime] = _now) -> None:
        self._folder, self._clock = home.trials, clock

    def add(self, login: str, result: Mapping[str, Any]) -> str:
        """Keep a result; returns its id. Results that are too old, or too many, are removed.

        Raises NoSpace.
        """
        time = self._clock().isoformat(timespec="seconds")
        content = canonical_json({"time": time, "login": login, **result}).encode()
        id_ = _digest(content)
        try:
            make_folder(self._folder)
            if not (self._folder / f"{id_}.json").exists():
                write_new(content, self._folder / f"{id_}.json")
            self.remove_old()
        except OSError as error:
            raise NoSpace(self._folder.name, type(error).__name__) from None
        return id_

    def all(self) -> tuple[StoredTrials, ...]:
        """The results that are kept, newest first; a file that was changed is left out."""
        kept = self._clock() - officer_limits.TRIAL_AGE
        found = [one for one in self._read() if one.time >= kept]
        return tuple(sorted(found, key=lambda one: (one.time, one.id), reverse=True))

    def find(self, id_: str) -> StoredTrials | None:
        """The result with an id; None where there is none."""
        if not _ID.fullmatch(id_):
            return None
        return next((one for one in self.all() if one.id == id_), None)

    def remove_old(self) -> int:
        """Remove results that are no longer kept; returns how many there were."""
        kept = {one.id for one in self.all()[: officer_limits.MOST_STORED]}
        removed = [path for path in self._files() if path.stem not in kept]
        for path in removed:
            path.unlink(missing_ok=True)
        return len(removed)

    def _files(self) -> Iterator[Path]:
        yield from sorted(self._folder.glob("*.json"))

    def _read(self) -> Iterator[StoredTrials]:
        for path in self._files():
            try:
                content = path.read_bytes()
                if _digest(content) != path.stem:
                    continue
                fields = json.loads(content)
                yield StoredTrials(
                    path.stem,
                    datetime.fromisoformat(fields["time"]),
                    *(fields[name] for name in ("login", "releases", "settings")),
                    *(fields[name] for name in ("added_segments", "notes")),
                )
            except (OSError, ValueError, KeyError, TypeError):
                continue


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
