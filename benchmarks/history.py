"""CPU seconds of the gate over the history: a week with its days, and a day as history grows.

python benchmarks/history.py [--visitors 1000 10000 100000] [--seeds 1] [--weeks-alone]
                             [--days 10 40 60 90]

First a campaign of so many visitors in a week; each comes on one or more of its days. Then the gate
of a day, from the ledger's earlier releases to the end of the check, around each of `--days` of a
history that is really released, with its weeks, months and audiences.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from importlib.resources import files
from itertools import combinations
from pathlib import Path

import numpy as np
from protection import GENDERS, SECRET

from anonymizer.audit.attack import attack
from anonymizer.audit.history.linked_suppression import withhold_joined
from anonymizer.audit.history.public_table import PublicTable
from anonymizer.audit.history.related_releases import joins_of
from anonymizer.model.periods import Period
from anonymizer.model.policy import Effort, Policy, Promise
from anonymizer.model.segments import Catalogue, load_catalogue
from anonymizer.model.series import (
    AUDIENCE_MONTH,
    CAMPAIGN_DAY,
    CAMPAIGN_MONTH,
    CAMPAIGN_WEEK,
    Series,
)
from anonymizer.model.subjects import EVERYONE, Campaign, Topic
from anonymizer.model.tables import BUCKETS, Counted, SetHashes, TableKey
from anonymizer.release.earlier_releases import earlier_releases
from anonymizer.release.gate import ReleaseHistory, check
from anonymizer.release.ledger import Ledger
from anonymizer.release.near_state import near_history
from anonymizer.release.publication import Facts, publish
from anonymizer.storage.home import Home
from anonymizer.storage.processes import ALONE
from anonymizer.suppression.release_suppression import ReleaseTerms, suppress_release

MONDAY = date(2026, 11, 16)
DAYS = 7
RETURNING = 0.2  # the chance to come on any one day
FIRST = date(2026, 9, 1)
PEOPLE, CAMPAIGNS, COMING = 4_000, 4, 0.05


def catalogue() -> Catalogue:
    return load_catalogue(Path(str(files("anonymizer") / "defaults/segments.yaml")))


def atoms_of(people: int, random: np.random.Generator, catalogue: Catalogue) -> np.ndarray:
    """The atom of each person: zipf regions in random order, ages around 30."""
    _, bands, regions = catalogue.shape
    ages = np.exp(-(((np.arange(bands) - 3) / 4) ** 2)) + 0.03
    positions = 1 / np.arange(1, regions + 1)
    random.shuffle(positions)
    weights = np.multiply.outer(np.multiply.outer(GENDERS[3], ages), positions).ravel()
    return random.choice(len(weights), size=people, p=weights / weights.sum())


@dataclass(frozen=True)
class People:
    """Who is counted: the cell, the bucket and the keyed number of each."""

    atoms: np.ndarray
    buckets: np.ndarray
    numbers: np.ndarray

    @classmethod
    def drawn(cls, people: int, random: np.random.Generator, catalogue: Catalogue) -> "People":
        """So many people."""
        atoms = atoms_of(people, random, catalogue)
        buckets = random.integers(0, BUCKETS, people)
        return cls(atoms, buckets, random.integers(0, 2**64, people, dtype=np.uint64))

    def some(self, who: np.ndarray) -> "People":
        """Some of them."""
        return People(self.atoms[who], self.buckets[who], self.numbers[who])


def counted(subject: str, period: Period, people: People, catalogue: Catalogue) -> Counted:
    """The table of these people."""
    positions, of_person = np.unique(people.atoms * BUCKETS + people.buckets, return_inverse=True)
    totals = np.zeros(len(positions), dtype=np.uint64)
    np.add.at(totals, of_person, people.numbers)
    hashes = SetHashes(positions // BUCKETS, (positions % BUCKETS).astype(np.uint8), totals)
    grid = np.bincount(people.atoms, minlength=int(np.prod(catalogue.shape)))
    kind = "audience" if subject == "everyone" else "campaign"
    possible = np.ones(catalogue.shape, dtype=bool)
    key = TableKey(kind, subject, period)
    return Counted(key, grid.reshape(catalogue.shape).astype(np.int64), hashes, possible)


def week_of_days(visitors: int, seed: int, catalogue: Catalogue) -> list[Counted]:
    """The week of a campaign, then its days."""
    random = np.random.default_rng(seed)
    people = People.drawn(visitors, random, catalogue)
    there = random.random((visitors, DAYS)) < RETURNING
    there[np.arange(visitors), random.integers(0, DAYS, visitors)] = True
    tables = [counted("c1", Period.of("week", MONDAY), people, catalogue)]
    for day in range(DAYS):
        who, when = there[:, day], Period("day", MONDAY + timedelta(days=day))
        tables.append(counted("c1", when, people.some(who), catalogue))
    return tables


def shown(tables: Sequence[Counted], catalogue: Catalogue, promise: Promise) -> list[PublicTable]:
    """Each table as a release of its own, that shares no figure with another."""
    terms = ReleaseTerms(catalogue, promise, SECRET, Effort())
    suppressed = [suppress_release([table], [], terms, ALONE)[0] for table in tables]
    error = promise.error_of((promise.rounding,))
    return [
        PublicTable(one.figures, catalogue, promise, table.possible, error)
        for one, table in zip(suppressed, tables, strict=True)
    ]


def judged(visitors: int, seed: int, catalogue: Catalogue, promise: Promise) -> str:
    """A row of the table: the week against its days, after each of them by itself."""
    tables = week_of_days(visitors, seed, catalogue)
    week, *days = (
        replace(table, runs=(MONDAY, MONDAY + timedelta(days=DAYS - 1)))
        for table in shown(tables, catalogue, promise)
    )
    begin = time.process_time()
    for table in (week, *days):
        attack(table.figures, catalogue, promise, table.possible)
    alone = time.process_time() - begin
    begin = time.process_time()
    left = withhold_joined(joins_of([week], days), [week], promise.inference_floor)
    joined = time.process_time() - begin
    figures = len(week.figures.segments), sum(len(day.figures.segments) for day in days)
    unproved = sum(found.kind == "unproved" for found in (*left.findings, *left.beyond_help))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"| {visitors:,} | {seed} | {figures[0]:,} and {figures[1]:,} | {alone:.1f} "
        f"| {joined:.1f} | {peak:.0f} | {left.figures} | {unproved} |"
    )


class Quarter:
    """Days of a few campaigns with their weeks, months and audience, released one by one.

    People keep their atom; about a twentieth of a campaign's people come on any one day.
    """

    def __init__(self, home: Home, catalogue: Catalogue) -> None:
        self._home, self._ledger, self._catalogue = home, Ledger.open(home.ledger), catalogue
        self._random = np.random.default_rng(7)
        self._people = People.drawn(PEOPLE, self._random, catalogue)
        self._came: dict[tuple[str, date], np.ndarray] = {}
        last = FIRST + timedelta(days=120)
        self._campaigns = [
            Campaign(f"c{n}", f"Campaign {n}", "adv", "Advertiser", FIRST, last)
            for n in range(CAMPAIGNS)
        ]

    def live(self, day: date) -> float:
        """Release a day and whatever ends with it; CPU seconds of the day's own gate."""
        for number, campaign in enumerate(self._campaigns):
            pool = slice(number * PEOPLE // CAMPAIGNS // 2, None)
            who = np.zeros(PEOPLE, dtype=bool)
            who[pool] = self._random.random(PEOPLE - pool.start) < COMING
            self._came[campaign.id, day] = who
        seconds = self._release(CAMPAIGN_DAY, day)
        if day.isoweekday() == DAYS:
            self._release(CAMPAIGN_WEEK, day)
        if (day + timedelta(days=1)).day == 1:
            self._release(CAMPAIGN_MONTH, day)
            self._release(AUDIENCE_MONTH, day)
        return seconds

    def _release(self, series: Series, day: date) -> float:
        period = Period.of(series.period_kind, day)
        subjects = (EVERYONE,) if series == AUDIENCE_MONTH else tuple(self._campaigns)
        tables = [self._counted(subject.id, period) for subject in subjects]
        promise = Policy().promise
        terms = ReleaseTerms(self._catalogue, promise, SECRET, Effort())
        near = near_history(self._home, self._ledger, series, period, promise.near_days)
        suppressed = suppress_release(tables, near.releases(), terms, ALONE)
        begin = time.process_time()
        linked = earlier_releases(self._home, self._ledger, series, period)
        history = ReleaseHistory(near, linked, subjects, self._overlaps(subjects, period))
        checked = check(suppressed, tables, terms, history, ALONE)
        seconds = time.process_time() - begin
        publish(checked, Facts(Policy(), subjects, {}, {}, "0"), self._home, self._ledger, SECRET)
        return seconds

    def _overlaps(
        self, subjects: Sequence[Campaign | Topic], period: Period
    ) -> dict[tuple[str, str], int]:
        """How many people two campaigns of a period share."""
        names = sorted(subject.id for subject in subjects)
        return {
            (one, other): int((self._who(one, period) & self._who(other, period)).sum())
            for one, other in combinations(names, 2)
        }

    def _counted(self, subject: str, period: Period) -> Counted:
        people = self._people.some(self._who(subject, period))
        return counted(subject, period, people, self._catalogue)

    def _who(self, subject: str, period: Period) -> np.ndarray:
        there = [self._came.get((subject, day)) for day in period.days]
        days = [who for who in there if who is not None]
        return np.logical_or.reduce(days) if days else np.ones(PEOPLE, dtype=bool)


def grown(catalogue: Catalogue, numbers: Sequence[int]) -> Iterator[str]:
    """Rows: the gate of a day, the mean of three, early and late in a quarter."""
    with tempfile.TemporaryDirectory() as folder:
        quarter = Quarter(Home(Path(folder)), catalogue)
        spent = [quarter.live(FIRST + timedelta(days=number)) for number in range(max(numbers))]
    for number in numbers:
        yield f"| {number} | {np.mean(spent[number - 3 : number]):.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--weeks-alone", action="store_true", help="no history day by day")
    parser.add_argument("--days", type=int, nargs="+", default=[10, 40, 60, 90])
    options = parser.parse_args()
    segments, promise = catalogue(), Promise()
    print(
        "| visitors | seed | figures of the week and its days | alone, CPU s | joined, CPU s "
        "| peak MB | suppressed | not proved |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for visitors in options.visitors:
        for seed in options.seeds:
            print(judged(visitors, seed, segments, promise), flush=True)
    if options.weeks_alone:
        return
    print("\n| day | its gate, CPU s |\n|---|---|")
    for row in grown(segments, options.days):
        print(row, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"Peak memory of the whole process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
