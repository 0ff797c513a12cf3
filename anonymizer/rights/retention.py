"""Removes working data that nobody may or can need any more, and keeps count of what went.

Four things go: files of days that no open release can need, states that no release is judged
against any more, what a killed process has spilled, and rows of people whose profile is no longer
taken in because it was closed years ago. Reports hold counts only, a file a day, and go themselves
when their day goes.
"""

import json
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.counting.working_rows import day_of, keys, remove_people
from anonymizer.model.policy import Policy
from anonymizer.release.ledger import Ledger
from anonymizer.release.near_state import forgotten_states
from anonymizer.release.public_ledger import check_public_ledger
from anonymizer.storage.files import write_bytes
from anonymizer.storage.home import Home

_PARTITION = re.compile(r"^day=(\d{4}-\d{2}-\d{2})\.(?:parquet|json)$")
_REPORTS = "retention"
Counts = Mapping[str, int]


@dataclass(frozen=True)
class Report:
    """What went in the runs that began with one day, by stage: whole files, and rows of people."""

    day: date
    outdated_files: Counts = field(default_factory=dict)
    closed_rows: Counts = field(default_factory=dict)
    erased_rows: Counts = field(default_factory=dict)


def prune(home: Home, policy: Policy, newest: date) -> tuple[Path, ...]:
    """Delete partitions in `private/` older than `private_days` before `newest`; returns them.

    What a killed process has spilled or left half written goes too, so nobody else may be at
    work. Released figures do not change: they stand in `published/`, not here.
    """
    for half_written in home.private.rglob(".*.tmp"):
        half_written.unlink()
    remove_spilled(home)
    outdated = _outdated(home, policy, newest)
    for path in outdated:
        path.unlink()
    record(home, Report(newest, outdated_files=_by_stage(home, outdated)))
    return outdated


def prune_states(home: Home, ledger: Ledger) -> Counts:
    """Delete the state files of releases that are forgotten; returns files by stage.

    Raises LedgerBroken for a ledger that is older than what was published: it does not say all
    that has to be kept.
    """
    check_public_ledger(home, [entry.link for entry in ledger.entries()])
    forgotten = forgotten_states(home, ledger)
    for path in forgotten:
        path.unlink()
    return _by_stage(home, forgotten)


def purge_closed(home: Home, days: Sequence[date]) -> Counts:
    """Remove people with a closed profile that a day no longer takes in; returns rows by stage.

    Intake takes in no profile that was closed more than `closed_years` ago: whoever was there
    closed on the day before and is not there on the day has passed that age, or has left the
    raw zone. Raises NoSpace.
    """
    gone: list[pa.Array] = []
    snapshots = sorted((home.private / "profiles").glob("day=*.parquet"))
    for before, after in pairwise(snapshots):
        if day_of(after) in days:
            closed, present = keys(before, only="closed"), keys(after)
            gone.append(closed.filter(pc.invert(pc.is_in(closed, value_set=present))))
    if not any(map(len, gone)):
        return {}
    return dict(remove_people(home, pc.unique(pa.concat_arrays(gone))))


def remove_spilled(home: Home) -> None:
    """Remove what killed processes have spilled; nobody may be at work in the home."""
    for spilled in home.private.glob("spill-*"):
        shutil.rmtree(spilled, ignore_errors=True)


def outlook(home: Home, policy: Policy, newest: date) -> Counts:
    """How many files of each stage a run that begins with `newest` would delete as outdated."""
    return _by_stage(home, _outdated(home, policy, newest))


def record(home: Home, removed: Report) -> None:
    """Add to what is written down for the day; nothing is written when nothing went."""
    counts = {name: dict(value) for name, value in asdict(removed).items() if name != "day"}
    if not any(counts.values()):
        return
    before = asdict(_read(home, removed.day))
    total = {name: dict(Counter(before[name]) + Counter(counts[name])) for name in counts}
    write_bytes(
        (json.dumps(total, indent=1, sort_keys=True) + "\n").encode(), _file(home, removed.day)
    )


def reports(home: Home) -> list[Report]:
    """What went, run by run, as far back as working data is kept."""
    return [
        _read(home, day_of(path)) for path in sorted((home.private / _REPORTS).glob("day=*.json"))
    ]


def _outdated(home: Home, policy: Policy, newest: date) -> tuple[Path, ...]:
    oldest_kept = newest - timedelta(days=policy.retention.private_days)
    return tuple(
        path
        for path in sorted(home.private.rglob("day=*"))
        if (match := _PARTITION.match(path.name)) and date.fromisoformat(match[1]) < oldest_kept
    )


def _by_stage(home: Home, paths: Sequence[Path]) -> Counts:
    stages = Counter(path.parent.relative_to(home.private).as_posix() for path in paths)
    return dict(sorted(stages.items()))


def _read(home: Home, day: date) -> Report:
    try:
        return Report(day, **json.loads(_file(home, day).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Report(day)


def _file(home: Home, day: date) -> Path:
    return home.private / _REPORTS / f"day={day.isoformat()}.json"
