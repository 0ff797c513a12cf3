"""The sample world: people, campaigns and visits as a web service would deliver them.

The same options give the same bytes, whatever the machine's threads and hash seed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from anonymizer.model.errors import ConfigurationError, Fault, NoSpace
from anonymizer.storage.home import Home
from data_samples.campaigns import campaigns_table, draw_campaigns
from data_samples.chance import stream
from data_samples.consents import draw_consents, draw_requests
from data_samples.options import WorldOptions
from data_samples.people import draw_people
from data_samples.portions import Portions
from data_samples.profiles import snapshot_days, snapshots
from data_samples.raw_folders import LandingZone
from data_samples.raw_schemas import SCHEMAS
from data_samples.visits import Traffic

__all__ = ["DEMO", "SMALL", "Progress", "WorldOptions", "WorldSummary", "generate"]

# What is being written, folders written so far, folders in all.
Progress = Callable[[str, int, int], None]

# The sample in `small/`: readable, and with one bad row of nearly every kind.
SMALL = WorldOptions(
    people=160, days=2, visits=240, advertisers=2, campaigns=4, dirt_share=0.1, layout="csv"
)

# The world of `audience demo`: few people and files, and just the days of which a month and a week
# of interests are made. More people than in truth live in Central Jakarta, so that its women are
# enough for a figure; the rest of Jabodetabek is as it is, so that its groups are not near.
DEMO = WorldOptions(
    people=8_000,
    days=34,
    visits=120_000,
    advertisers=2,
    campaigns=4,
    start=date(2026, 10, 1),
    seed=57,
    layout="single",
    central_jakarta_share=0.06,
)

# Share of a day's visits by when they arrive: a day later, two days later (too late by the
# default policy), and on time but delivered once more on the next day.
_LATE, _TOO_LATE, _REDELIVERED = 0.015, 0.002, 0.001


@dataclass(frozen=True)
class WorldSummary:
    """What was written: rows by raw table, and how many rows of each special kind.

    Keys of `planted` are `<table>.<kind>`; the kinds of bad rows are those of `dirt`.
    """

    first_day: date
    last_day: date
    people: int
    files: int
    rows: Mapping[str, int]
    planted: Mapping[str, int]


def generate(options: WorldOptions, home: Home, progress: Progress | None = None) -> WorldSummary:
    """Write the world into `home.raw`.

    Visits have one folder more than there are days: the last holds only what arrives late.
    Raises ConfigurationError if anything lies in `home.raw` already, NoSpace if a write fails.
    """
    if home.raw.exists() and any(home.raw.iterdir()):
        raise ConfigurationError(
            [Fault(str(home.raw), "is not empty", "choose another home or remove it first")]
        )
    try:
        return _World(options, home, progress or _silent).write()
    except OSError as error:
        raise NoSpace(str(home.raw), error.strerror or type(error).__name__) from error


class _World:
    def __init__(self, options: WorldOptions, home: Home, progress: Progress) -> None:
        self._options, self._progress = options, progress
        self._zone = LandingZone(home.raw, options)
        self._landed = 0
        self._folders = 3 + len(snapshot_days(options)) + options.days + 1

    def write(self) -> WorldSummary:
        options = self._options
        people = draw_people(options)
        campaigns = draw_campaigns(options)
        self._land("campaigns", campaigns_table(campaigns))
        self._land("consents", draw_consents(people, options))
        self._land("requests", draw_requests(people, options))
        for number, profiles in snapshots(people, options):
            self._land_all("profiles", profiles, options.day(number))
        self._land_visits(Traffic(people, campaigns, options))
        return WorldSummary(
            first_day=options.start,
            last_day=options.day(options.days - 1),
            people=options.people,
            files=self._zone.files,
            rows=dict(self._zone.rows),
            planted={kind: count for kind, count in sorted(self._zone.planted.items()) if count},
        )

    def _land_visits(self, traffic: Traffic) -> None:
        """Day by day; what arrives later waits for its folder."""
        days = self._options.days
        nothing = SCHEMAS["visits"].empty_table()
        waiting: dict[int, list[pa.Table]] = {number: [nothing] for number in range(days + 1)}

        def arriving(number: int, visits_of_day: Portions) -> Iterator[pa.Table]:
            """What arrives on the day, some at a time: first what has waited for it."""
            before = waiting.pop(number)
            for place, visits in enumerate(visits_of_day.tables):
                for later, some in self._arrivals(number, place, visits):
                    if later == number:
                        yield pa.concat_tables([*before, some])
                        before.clear()
                    else:
                        waiting[later].append(some)
            if before:
                yield pa.concat_tables(before)

        for number in range(days):
            drawn = traffic.day(number)
            arrived = Portions(drawn.number, arriving(number, drawn))
            self._land_all("visits", arrived, self._options.day(number))
        self._land("visits", pa.concat_tables(waiting.pop(days)), self._options.day(days))

    def _arrivals(self, number: int, place: int, visits: pa.Table) -> list[tuple[int, pa.Table]]:
        """The visits of a day by the number of the day on which they arrive."""
        name = ("arrivals", number, place) if place else ("arrivals", number)
        draw = stream(self._options.seed, *name)
        chance = draw.random(len(visits))
        too_late = chance < _TOO_LATE
        late = (chance < _TOO_LATE + _LATE) & ~too_late
        late[-1:] = True  # just before midnight
        too_late[-1:] = False
        if number + 2 > self._options.days:
            late, too_late = late | too_late, np.zeros_like(too_late)
        twice = ~late & ~too_late & (chance > 1 - _REDELIVERED)
        for kind, marks in (("late", late), ("too_late", too_late), ("redelivered", twice)):
            self._zone.planted[f"visits.{kind}"] += int(marks.sum())
        groups = ((0, ~late & ~too_late), (1, late | twice), (2, too_late))
        return [
            (number + delay, visits.filter(pa.array(marks)))
            for delay, marks in groups
            if marks.any()
        ]

    def _land_all(self, name: str, portions: Portions, day: date) -> None:
        """Write a folder whose rows come in portions; of a small one there is one."""
        if portions.number == 1:
            self._land(name, pa.concat_tables(portions.tables), day)
            return
        self._zone.land_portions(name, portions, day)
        self._tell(name, day)

    def _land(self, name: str, table: pa.Table, day: date | None = None) -> None:
        self._zone.land(name, table, day)
        self._tell(name, day)

    def _tell(self, name: str, day: date | None) -> None:
        pa.default_memory_pool().release_unused()
        self._landed += 1
        what = f"{name} of {day}" if day else name
        self._progress(what, self._landed, self._folders)


def _silent(what: str, done: int, total: int) -> None:
    """No progress is shown."""
