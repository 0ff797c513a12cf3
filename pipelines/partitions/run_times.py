"""At which times of a day the schedule runs days, and what of it a home remembers.

Only the code location knows the schedule of a component. So each look of the daemon notes it in the
home, where `audience health` and the listings of waiting days read it.
"""

import json
import os
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.storage.files import write_bytes
from anonymizer.storage.home import Home
from pipelines.partitions.landed_days import RUN_AT

VARIABLE = "AUDIENCE_SCHEDULE"
PATTERN = r"^(([01]\d|2[0-3]):[0-5]\d|every ([1-9]|[1-5]\d) minutes?)$"
_HOUR = 60
_NAME = "schedule.json"


@dataclass(frozen=True)
class RunTimes:
    """Once a day at a local time, or every few minutes, from midnight on."""

    once_at: time | None = RUN_AT
    minutes: int | None = None

    @classmethod
    def read(cls, text: str, place: str = VARIABLE) -> "RunTimes":
        """From `03:00` or `every 15 minutes`. Raises ConfigurationError."""
        found = re.match(PATTERN, text)
        minutes = int(found[3]) if found and found[3] else None
        if not found or (minutes and _HOUR % minutes):
            remedy = "write HH:MM, or `every N minutes` with an N that divides 60"
            raise ConfigurationError([Fault(place, f"{text!r} is no time of a schedule", remedy)])
        return cls(None, minutes) if minutes else cls(time.fromisoformat(text))

    @classmethod
    def from_environment(cls) -> "RunTimes":
        """As `$AUDIENCE_SCHEDULE` says, 03:00 without it."""
        text = os.environ.get(VARIABLE)
        return cls.read(text) if text else AT_THREE

    @property
    def first(self) -> time:
        """The first local time of a day at which days are run."""
        return self.once_at or time()

    def cron(self, after: timedelta = timedelta()) -> str:
        """Each time that days are run, or once a day this long after it."""
        return f"*/{self.minutes} * * * *" if self.minutes else self.daily_cron(after)

    def daily_cron(self, after: timedelta) -> str:
        """Once a day, this long after days are run for the first time."""
        moment = datetime.combine(date.min, self.first) + after
        return f"{moment.minute} {moment.hour} * * *"

    def __str__(self) -> str:
        return f"every {self.minutes} minutes" if self.minutes else f"{self.first:%H:%M}"


AT_THREE = RunTimes()


def note_run_times(home: Home, times: RunTimes) -> None:
    """Remember that these are the times of the schedule that is switched on. Raises NoSpace."""
    content = json.dumps({"schedule": str(times)}).encode() + b"\n"
    path = home.private / _NAME
    if not path.exists() or path.read_bytes() != content:
        write_bytes(content, path)


def run_times_of(home: Home) -> RunTimes:
    """The times that the daemon goes by; before its first look, those of the environment."""
    try:
        content = json.loads((home.private / _NAME).read_text(encoding="utf-8"))
        return RunTimes.read(content["schedule"])
    except FileNotFoundError:
        return RunTimes.from_environment()
    except (ValueError, KeyError, TypeError):
        remedy = "remove it; the daemon writes it again"
        raise ConfigurationError([Fault(f"private/{_NAME}", "cannot be read", remedy)]) from None
