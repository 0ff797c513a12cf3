"""Whether the pipeline does what it is for, told to a monitoring system.

A process that has died tells nothing, so what counts is the outcome: a day is late when the
schedule should have released it hours ago. Numbers are of days and releases, never of
people.
"""

import os
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from anonymizer.model.policy import Policy
from anonymizer.storage.files import PUBLIC, write_bytes
from anonymizer.storage.home import Home
from pipelines import run_limits
from pipelines.messages.progress import STAGES
from pipelines.messages.trouble import Trouble, attempt
from pipelines.partitions.landed_days import complete_at
from pipelines.partitions.run_times import run_times_of
from pipelines.resources.release_history import open_ledger, released_days
from pipelines.stages import journal

METRICS_VARIABLE = "AUDIENCE_METRICS"
NOT_RUN = "not_run"
IMPLAUSIBLE = "implausible"


@dataclass(frozen=True)
class Health:
    """What is late as of a moment: days by the reason why they have no release."""

    at: datetime
    late: Mapping[date, str] = field(default_factory=dict)
    releases: int = 0
    newest: datetime | None = None  # midnight of the newest released day, where people are
    free_bytes: int = 0
    trouble: Trouble | None = None

    @property
    def is_sound(self) -> bool:
        """Whether nothing is late and the history can be trusted."""
        return self.trouble is None and not self.late

    @property
    def exit_code(self) -> int:
        """0, that of what keeps from looking, or that of a held day."""
        if self.trouble:
            return self.trouble.exit_code
        return 4 if self.late else 0

    def facts(self) -> dict[str, object]:
        """The same for programs; null where trouble kept from looking."""
        late = {day.isoformat(): reason for day, reason in sorted(self.late.items())}
        return {
            "healthy": self.is_sound,
            "late_days": None if self.trouble else late,
            "releases": None if self.trouble else self.releases,
            "newest_released_day": self.newest.date().isoformat() if self.newest else None,
            "free_bytes": None if self.trouble else self.free_bytes,
            "trouble": self.trouble.message if self.trouble else None,
            "checked_at": self.at.isoformat(timespec="seconds"),
        }

    def metrics(self) -> str:
        """The same in the text format of Prometheus; where there is trouble, no number."""
        state = [
            _group("healthy", "1 if no day is late and the ledger can be trusted.",
                   f"audience_healthy {int(self.is_sound)}"),
            _group("checked_timestamp_seconds", "When this was written.",
                   f"audience_checked_timestamp_seconds {self.at.timestamp():.0f}"),
        ]  # fmt: skip
        return "".join(state) + ("" if self.trouble else self._numbers())

    def _numbers(self) -> str:
        reasons = sorted(Counter(self.late.values()).items())
        late = [f'audience_late_days{{reason="{code}"}} {days}' for code, days in reasons]
        groups = [
            _group("late_days", "Days without a release six hours after the schedule.",
                   *late or ["audience_late_days 0"]),
            _group("releases", "Releases in the ledger.", f"audience_releases {self.releases}"),
            _group("free_bytes", "Free disk space of the home.",
                   f"audience_free_bytes {self.free_bytes}"),
        ]  # fmt: skip
        if self.newest:
            groups.append(
                _group("newest_release_timestamp_seconds", "Midnight of the newest released day.",
                       f"audience_newest_release_timestamp_seconds {self.newest.timestamp():.0f}")
            )  # fmt: skip
        return "".join(groups)


def _group(name: str, meaning: str, *lines: str) -> str:
    head = (f"# HELP audience_{name} {meaning}", f"# TYPE audience_{name} gauge")
    return "".join(f"{line}\n" for line in (*head, *lines))


def health_of(home: Home, now: datetime) -> Health:
    """Look at the ledger, the journal and the disk; raw files are not looked at."""
    outcome = attempt(lambda: _look(home, now))
    return Health(now, trouble=outcome) if isinstance(outcome, Trouble) else outcome


def _look(home: Home, now: datetime) -> Health:
    policy, ledger = Policy.load(home.policy), open_ledger(home)
    released, zone = released_days(ledger), ZoneInfo(policy.timing.timezone)
    newest = datetime.combine(max(released), time(), zone) if released else None
    run_at = run_times_of(home).first
    late = [day for day in _expected(policy, now, run_at) if _is_late(home, day, released)]
    return Health(
        now,
        {day: _reason(home, day) for day in late},
        len(ledger.releases()),
        newest,
        shutil.disk_usage(home.root).free,
    )


def _expected(policy: Policy, now: datetime, run_at: time) -> list[date]:
    """The days that should have been released, as far back as working data are kept."""
    timing, days = policy.timing, policy.retention.private_days
    last = now.astimezone(ZoneInfo(timing.timezone)).date()
    recent = (last - timedelta(days=back) for back in range(days, 0, -1))
    return [
        day
        for day in recent
        if day >= timing.first_day and complete_at(day, timing, run_at) + run_limits.GRACE <= now
    ]


def _is_late(home: Home, day: date, released: frozenset[date]) -> bool:
    return day not in released and not journal.has_nothing_to_publish(home, day)


def _reason(home: Home, day: date) -> str:
    """The code of what held the day, without columns; `not_run` if nothing did."""
    entries = (journal.read(home, stage, day) for stage in STAGES)
    held = (entry.trouble.code for entry in entries if entry and entry.trouble)
    return next(held, NOT_RUN).partition(":")[0]


def write_metrics(home: Home, path: Path) -> Health:
    """Replace the file at once, readable by everybody: a collector never sees a part of it.

    Raises NoSpace.
    """
    found = health_of(home, datetime.now(UTC))
    write_bytes(found.metrics().encode(), path, mode=PUBLIC)
    return found


def update_metrics(home: Home) -> Trouble | None:
    """Write the file that `$AUDIENCE_METRICS` names, if it does; what went wrong is returned."""
    path = os.environ.get(METRICS_VARIABLE)
    outcome = attempt(lambda: write_metrics(home, Path(path).absolute())) if path else None
    return outcome if isinstance(outcome, Trouble) else None
