"""Which landed days wait for late arrivals, and which of their files cannot be read."""

import time
from collections.abc import Sequence
from datetime import date, datetime

from anonymizer.intake.file_inspection import broken_files
from anonymizer.intake.landing_zone import LandedFile, survey
from anonymizer.model.errors import InputRejected
from anonymizer.model.policy import Policy
from anonymizer.sources.source_zone import source_root
from anonymizer.storage.home import Home
from pipelines.partitions.landed_days import complete_at, landed_days
from pipelines.partitions.run_times import run_times_of


def waiting_days(
    home: Home, policy: Policy, released: frozenset[date], now: datetime
) -> list[date]:
    """The landed days that are not due yet: they wait for late arrivals."""
    timing, run_at = policy.timing, run_times_of(home).first
    return [
        landed.day
        for landed in landed_days(home, timing, timing.first_day)
        if landed.day not in released and complete_at(landed.day, timing, run_at) > now
    ]


def broken_of(home: Home, days: Sequence[date], policy: Policy) -> tuple[InputRejected, ...]:
    """The refusal of each file that runs of these days would read and could not, once a file."""
    now, raw = time.time(), source_root(home)
    files: dict[str, LandedFile] = {}
    for day in days:
        landing = survey(raw, day, policy.timing, now)
        files |= {file.name: file for file in landing.files}
    return broken_files([files[name] for name in sorted(files)], policy.intake)
