"""What is still to be done: landed days that lack a release, its exports or their place in the
analysts' database; and of every landed day without a release, why it has none."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from anonymizer.exports.export_folders import faulty_exports
from anonymizer.exports.notice import withdrawn
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.model.series import CAMPAIGN_DAY, first_edition
from anonymizer.release.corrections import open_orders
from anonymizer.release.ledger import Entry
from anonymizer.sources.source_zone import source_root
from anonymizer.storage.home import Home
from anonymizer.storage.raw_zone import RawPath
from pipelines.messages.progress import STAGES
from pipelines.messages.trouble import Trouble
from pipelines.partitions.first_day import has_begun
from pipelines.partitions.landed_days import (
    arrived_days,
    complete_at,
    has_files,
    misnamed_folders,
    runnable_days,
)
from pipelines.partitions.run_times import run_times_of
from pipelines.partitions.waiting_days import broken_of
from pipelines.resources.release_history import open_ledger, released_days
from pipelines.stages import journal

_REJECTED = 3  # the exit code of a refused file


@dataclass(frozen=True)
class Unreleased:
    """A landed day without a release, or one whose release was withdrawn, and the reason."""

    day: date
    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.day} {self.reason}: {self.detail}"


def unreleased(home: Home, now: datetime) -> tuple[Unreleased, ...]:
    """Every landed day that has no figures in circulation, in order, each with the reason.

    Of days that wait for late arrivals the files are read through, so that a broken one is told.
    """
    known = _Days.read(home, now)
    return tuple(found for day in sorted(known.arrived) if (found := known.find(day)))


def unread_folders(home: Home) -> list[str]:
    """Folders and files of `raw/visits` that no run reads, because their name is no day."""
    return [
        f"raw/visits/{name} is not read: name it day=YYYY-MM-DD" for name in misnamed_folders(home)
    ]


def unreleased_days(home: Home) -> list[date]:
    """Days that have landed with all of their late arrivals and are not released.

    Days before the first one are left out, and so are days on which no campaign ran.
    """
    released = released_days(open_ledger(home))
    timing = Policy.load(home.policy).timing
    waiting = (
        day for day in runnable_days(home, timing) if has_begun(day, timing) and day not in released
    )
    return [day for day in waiting if not journal.has_nothing_to_publish(home, day)]


def missing_days(home: Home) -> list[date]:
    """Unreleased days, ordered corrections, and days whose exports or database are not complete."""
    ledger = open_ledger(home)
    released = released_days(ledger)
    missing = unreleased_days(home)
    faulty = faulty_exports(home, ledger)
    ordered = {first_edition(order.release) for order in open_orders(ledger)}
    for day in released:
        first = CAMPAIGN_DAY.release_id(Period("day", day))
        if first in ordered or any(f"/{first}" in name for name in faulty):
            missing.append(day)
    if released and not home.database.exists() and not missing:
        missing.append(max(released))  # any run builds the whole database again
    return sorted(missing)


@dataclass(frozen=True)
class _Days:
    """What is known of the landed days as of now."""

    home: Home
    policy: Policy
    raw: RawPath
    arrived: frozenset[date]
    released: Mapping[date, str]
    withdrawn: Mapping[str, Entry]
    now: datetime

    @classmethod
    def read(cls, home: Home, now: datetime) -> "_Days":
        """The landing zone and the ledger as they are. Raises LedgerBroken."""
        ledger = open_ledger(home)
        released = {
            day: CAMPAIGN_DAY.release_id(Period("day", day)) for day in released_days(ledger)
        }
        return cls(
            home,
            Policy.load(home.policy),
            source_root(home),
            frozenset(arrived_days(home)),
            released,
            withdrawn(ledger.entries()),
            now,
        )

    def find(self, day: date) -> Unreleased | None:
        """Why a landed day has no figures in circulation; None when it has."""
        if day in self.released:
            notice = self.withdrawn.get(self.released[day])
            return Unreleased(day, "withdrawn", notice.body["reason"]) if notice else None
        reasons: Iterator[tuple[str, str]] = (
            (reason, detail) for reason, judge in self._judges() if (detail := judge(day))
        )
        reason, detail = next(reasons, ("not run yet", f"audience run --from {day} --to {day}"))
        return Unreleased(day, reason, detail)

    def _judges(self) -> tuple[tuple[str, Callable[[date], str]], ...]:
        """The reasons in the order in which they are looked for; each says nothing if not so."""
        return (
            ("before the first day", self._too_early),
            ("in the future", self._too_late),
            ("no campaign", self._without_campaign),
            ("empty folder", self._empty),
            ("broken", self._broken),
            ("waiting for late arrivals", self._late),
            ("broken", self._rejected),
            ("held", self._held),
        )

    def _too_early(self, day: date) -> str:
        first = self.policy.timing.first_day
        if has_begun(day, self.policy.timing):
            return ""
        return (
            f"the first day is {first}; set timing.first_day in policy.yaml to an earlier day "
            "to run this one"
        )

    def _too_late(self, day: date) -> str:
        zone = self.policy.timing.timezone
        today = self.now.astimezone(ZoneInfo(zone)).date()
        return f"today is {today} in {zone}; check the name of the folder" if day > today else ""

    def _without_campaign(self, day: date) -> str:
        nothing = "no campaign ran on this day, so there is nothing to release"
        return nothing if journal.has_nothing_to_publish(self.home, day) else ""

    def _empty(self, day: date) -> str:
        if has_files(self.raw, day):
            return ""
        return f"raw/visits/day={day} has no files; deliver them, or remove the folder"

    def _waits(self, day: date) -> bool:
        last = day + timedelta(days=self.policy.timing.late_days)
        return last not in self.arrived

    def _broken(self, day: date) -> str:
        """Files of a day that waits: its run would not have told yet."""
        if not self._waits(day):
            return ""
        broken = broken_of(self.home, [day], self.policy)
        return f"{'; '.join(map(str, broken))}. Deliver them again" if broken else ""

    def _late(self, day: date) -> str:
        if not self._waits(day):
            return ""
        timing = self.policy.timing
        until = complete_at(day, timing, run_times_of(self.home).first)
        last = day + timedelta(days=timing.late_days)
        moment = f"{until:%Y-%m-%d %H:%M} {timing.timezone}"
        folder = f"raw/visits/day={last}"
        if self.now < until:
            return f"until {moment}, when {folder} has to be there"
        return (
            f"{folder} should have arrived by {moment}; deliver it, or an empty folder with "
            "_SUCCESS if there were no visits"
        )

    def _rejected(self, day: date) -> str:
        trouble = _trouble(self.home, day)
        return _brief(trouble.message) if trouble and trouble.exit_code == _REJECTED else ""

    def _held(self, day: date) -> str:
        trouble = _trouble(self.home, day)
        return _brief(trouble.message.removeprefix("held, ")) if trouble else ""


def _trouble(home: Home, day: date) -> Trouble | None:
    entries = (journal.read(home, stage, day) for stage in STAGES)
    return next((entry.trouble for entry in entries if entry and entry.trouble), None)


def _brief(message: str) -> str:
    """The message of a run on one line."""
    return " ".join(message.split())
