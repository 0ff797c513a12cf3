"""Where the groups that were judged are kept, and which releases a new one is judged against.

One file a release in `private/near/`, its digest in the ledger. A release is judged against what
stands before it in the ledger, withdrawn releases included, and against nothing else: a release
that is lost and made again is judged as it was the first time. If a file is lost or changed,
everything that would have to be judged against it is held.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from anonymizer.errors import Held
from anonymizer.files import sha256
from anonymizer.home import Home
from anonymizer.ledger import Entry, Ledger
from anonymizer.periods import Period
from anonymizer.proofs import Representatives
from anonymizer.protection.representatives import read_representatives, write_representatives
from anonymizer.series import Series

_STAGE = "near"


@dataclass(frozen=True)
class NearHistory:
    """State files of earlier releases in the order of the ledger, and the digest of all of them."""

    files: tuple[Path, ...]
    digest: str

    def releases(self) -> Iterator[Representatives]:
        """What was judged on its own in each release; read one at a time."""
        return (read_representatives(path) for path in self.files)


def near_history(
    home: Home, ledger: Ledger, series: Series, period: Period, days: int
) -> NearHistory:
    """What the release of a period is judged against: releases up to `days` away from it.

    Raises Held `near_state_lost` when a file is missing or not as the ledger recorded it.
    """
    wanted = _recorded(ledger, series, period, days)
    for release, digest in wanted.items():
        path = state_file(home, release)
        if not path.is_file() or sha256(path) != digest:
            raise Held(
                "near_state_lost",
                f"private/{_STAGE}/{path.name} is missing or not as the ledger recorded it; "
                f"{series.release_id(period)} cannot be compared with the groups of {release}. "
                "Restore the file from its backup, or run the period of that release again while "
                "its working data are there",
            )
    chain = hashlib.sha256("\n".join(f"{name} {d}" for name, d in wanted.items()).encode())
    return NearHistory(tuple(state_file(home, name) for name in wanted), chain.hexdigest())


def keep_state(home: Home, release: str, state: Representatives) -> str:
    """Write the state file of a release; its digest. Raises NoSpace."""
    path = state_file(home, release)
    write_representatives(state, path)
    return sha256(path)


def state_file(home: Home, release: str) -> Path:
    """The state file of a release."""
    return home.private / _STAGE / f"{release}.parquet"


def lost_state(home: Home, entry: Entry) -> bool:
    """Whether the state file of a release is not as the ledger recorded it."""
    if "near" not in entry.body:
        return False
    path, recorded = state_file(home, entry.subject), entry.body["near"]["state"]
    return not (path.is_file() and sha256(path) == recorded)


def prune_states(home: Home, ledger: Ledger, newest: date, days: int) -> tuple[Path, ...]:
    """Delete state files of releases whose period ended more than `days` before; returns them."""
    kept = {
        entry.subject for entry in ledger.releases() if _end(entry) >= newest - timedelta(days=days)
    }
    old = [path for path in (home.private / _STAGE).glob("*.parquet") if path.stem not in kept]
    for path in sorted(old):
        path.unlink()
    return tuple(sorted(old))


def _recorded(ledger: Ledger, series: Series, period: Period, days: int) -> Mapping[str, str]:
    """The digests of the state files before a release, in the order of the ledger."""
    own, found = series.release_id(period), dict[str, str]()
    for entry in ledger.releases():
        if entry.subject == own:
            break
        if "near" in entry.body and abs((_end(entry) - period.end).days) <= days:
            found[entry.subject] = entry.body["near"]["state"]
    return found


def _end(entry: Entry) -> date:
    return Period.from_id(entry.body["period"]).end
