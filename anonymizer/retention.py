"""Removes working data that no open release can need any more."""

import re
import shutil
from datetime import date, timedelta
from pathlib import Path

from anonymizer.home import Home
from anonymizer.policy import Policy

_PARTITION = re.compile(r"^day=(\d{4}-\d{2}-\d{2})\.(?:parquet|json)$")


def prune(home: Home, policy: Policy, newest: date) -> tuple[Path, ...]:
    """Delete partitions in `private/` older than `private_days` before `newest`; returns them.

    What a killed process has spilled goes too, so nobody else may be at work. Released figures do
    not change: they stand in `published/`, not here.
    """
    for spilled in home.private.glob("spill-*"):
        shutil.rmtree(spilled, ignore_errors=True)
    oldest_kept = newest - timedelta(days=policy.retention.private_days)
    outdated = tuple(
        path
        for path in sorted(home.private.rglob("day=*"))
        if (match := _PARTITION.match(path.name)) and date.fromisoformat(match[1]) < oldest_kept
    )
    for path in outdated:
        path.unlink()
    return outdated
