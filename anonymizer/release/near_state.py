"""Where the groups that were judged are kept, and which releases a new one is judged against.

One file a release in `private/near/`, its digest in the ledger. A release is judged against what
stands before it in the ledger, withdrawn releases included, and against nothing else: a release
that is lost and made again is judged as it was the first time. If a file is lost or changed,
everything that would have to be judged against it is held.

A release is forgotten for good as soon as one is recorded whose period ends more than `near_days`
later. The ledger alone decides that, so a file that was pruned is never asked for again, whatever
the policy says later and whatever period is released late.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any

from anonymizer.model.errors import Held
from anonymizer.model.periods import Period
from anonymizer.model.policy import Promise
from anonymizer.model.proofs import Representatives
from anonymizer.model.series import Series
from anonymizer.release import release_limits
from anonymizer.release.ledger import Entry, Ledger
from anonymizer.storage.files import sha256
from anonymizer.storage.home import Home
from anonymizer.suppression.representatives import read_representatives, write_representatives

STATES = "near"


@dataclass(frozen=True)
class NearHistory:
    """State files of earlier releases in the order of the ledger, and the digest of all of them.

    `roundings` are those of their promises, ascending: a figure that is shared was drawn with one.
    """

    files: tuple[Path, ...]
    digest: str
    roundings: tuple[int, ...] = ()
    states: tuple[str, ...] = ()  # the digest of each file, where the ledger recorded it

    def releases(self) -> Iterator[Representatives]:
        """What was judged on its own in each release; read one at a time.

        The days of a run are all judged against the same small files, so these are read once.
        """
        if not self.states:
            return (read_representatives(path) for path in self.files)
        return (
            _read_once(path, state)
            if path.stat().st_size <= release_limits.SMALL_STATE_BYTES
            else read_representatives(path)
            for path, state in zip(self.files, self.states, strict=True)
        )


@lru_cache(maxsize=release_limits.SMALL_STATES)
def _read_once(path: Path, _state: str) -> Representatives:
    """The content of a file while its digest is the same, in arrays that nobody can change."""
    found = read_representatives(path)
    sketches = found.sketches
    for array in (found.table, found.figures, sketches.people, sketches.fine, sketches.keys):
        array.flags.writeable = False
    return found


def near_history(
    home: Home, ledger: Ledger, series: Series, period: Period, days: int, edition: int = 1
) -> NearHistory:
    """What the release of a period is judged against: releases up to `days` away from it.

    Earlier editions of the period are among them, so a correction shares their figures wherever
    fewer than a step of people differ. Raises Held `near_state_lost` when a file is missing or not
    as the ledger recorded it.
    """
    own = series.release_id(period, edition)
    wanted = _recorded(ledger, own, period, days)
    for release, recorded in wanted.items():
        path = state_file(home, release)
        if not path.is_file() or sha256(path) != recorded["state"]:
            raise Held(
                "near_state_lost",
                f"private/{STATES}/{path.name} is missing or differs from what the ledger "
                f"recorded; {own} cannot be compared with the groups of {release}. Restore the "
                "file from its backup, or run the period of that release again while its working "
                "data exist",
            )
    lines = "\n".join(f"{name} {recorded['state']}" for name, recorded in wanted.items())
    return NearHistory(
        tuple(state_file(home, name) for name in wanted),
        hashlib.sha256(lines.encode()).hexdigest(),
        tuple(sorted({recorded["rounding"] for recorded in wanted.values()})),
        tuple(recorded["state"] for recorded in wanted.values()),
    )


def recorded_state(state: str, near: str, promise: Promise) -> dict[str, Any]:
    """What the ledger keeps of a release: the digest of its state file, that of the history that
    it was judged against, and what later releases have to know of its promise.
    """
    return {
        "state": state,
        "judged_against": near,
        "rounding": promise.rounding,
        "days": promise.near_days,
    }


def keep_state(home: Home, release: str, state: Representatives) -> str:
    """Write the state file of a release; its digest. Raises NoSpace."""
    path = state_file(home, release)
    write_representatives(state, path)
    return sha256(path)


def state_file(home: Home, release: str) -> Path:
    """The state file of a release."""
    return home.private / STATES / f"{release}.parquet"


def lost_state(home: Home, entry: Entry) -> bool:
    """Whether the state file of a release is not as the ledger recorded it."""
    if "near" not in entry.body:
        return False
    path, recorded = state_file(home, entry.subject), entry.body["near"]["state"]
    return not (path.is_file() and sha256(path) == recorded)


def is_forgotten(ledger: Ledger, entry: Entry) -> bool:
    """Whether nothing can be judged against a release any more."""
    judged = [other for other in ledger.releases() if "near" in other.body]
    return "near" not in entry.body or _end(entry) < _horizon(judged)


def forgotten_states(home: Home, ledger: Ledger) -> tuple[Path, ...]:
    """State files of releases that are forgotten, and those that a killed run has left.

    None while the ledger has no release: a ledger that is lost does not say what has to be kept.
    """
    judged = [entry for entry in ledger.releases() if "near" in entry.body]
    horizon = _horizon(judged)
    kept = {entry.subject for entry in judged if _end(entry) >= horizon}
    files = sorted((home.private / STATES).glob("*.parquet")) if judged else []
    return tuple(path for path in files if path.stem not in kept)


def _recorded(
    ledger: Ledger, own: str, period: Period, days: int
) -> Mapping[str, Mapping[str, Any]]:
    """What the ledger says of the states before the release `own`, in the order of the ledger."""
    before = takewhile(lambda entry: entry.subject != own, ledger.releases())
    judged = [entry for entry in before if "near" in entry.body]
    oldest = max(_horizon(judged), period.end - timedelta(days=days))
    newest = period.end + timedelta(days=days)
    return {
        entry.subject: entry.body["near"] for entry in judged if oldest <= _end(entry) <= newest
    }


def _horizon(judged: Iterable[Entry]) -> date:
    """Releases whose period ended before this day are forgotten."""
    ends = (_end(entry) - timedelta(days=entry.body["near"]["days"]) for entry in judged)
    return max(ends, default=date.min)


def _end(entry: Entry) -> date:
    return Period.from_id(entry.body["period"]).end
