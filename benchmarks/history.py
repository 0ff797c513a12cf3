"""CPU seconds of the gate over the history: a week joined with its days, by size of the campaign.

python benchmarks/history.py [--visitors 1000 10000 100000] [--seeds 1]

A campaign of so many visitors in a week; each comes on one or more of its days.
"""

import argparse
import resource
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import numpy as np
from protection import GENDERS, SECRET

from anonymizer.audit.attack import attack
from anonymizer.audit.history.related import joins_of, related
from anonymizer.audit.history.shown import Shown
from anonymizer.audit.history.withholding import withhold_joined
from anonymizer.periods import Period
from anonymizer.policy import Effort, Promise
from anonymizer.protection.suppression import protect
from anonymizer.segments import Catalogue, load_catalogue
from anonymizer.series import CAMPAIGN_DAY, CAMPAIGN_WEEK
from anonymizer.tables import Counted, TableKey

MONDAY = date(2026, 11, 16)
DAYS = 7
RETURNING = 0.2  # the chance to come on any one day


def catalogue() -> Catalogue:
    return load_catalogue(Path(str(files("anonymizer") / "defaults/segments.yaml")))


def atoms_of(people: int, random: np.random.Generator, catalogue: Catalogue) -> np.ndarray:
    """The atom of each person: zipf regions in random order, ages around 30."""
    _, bands, regions = catalogue.shape
    ages = np.exp(-(((np.arange(bands) - 3) / 4) ** 2)) + 0.03
    places = 1 / np.arange(1, regions + 1)
    random.shuffle(places)
    weights = np.multiply.outer(np.multiply.outer(GENDERS, ages), places).ravel()
    return random.choice(len(weights), size=people, p=weights / weights.sum())


def counted(
    subject: str, period: Period, atoms: np.ndarray, marks: np.ndarray, catalogue: Catalogue
) -> Counted:
    size = int(np.prod(catalogue.shape))
    people = np.bincount(atoms, minlength=size).reshape(catalogue.shape).astype(np.int64)
    total = np.zeros(size, dtype=np.uint64)
    np.add.at(total, atoms, marks)
    grid = total.reshape(catalogue.shape)
    kind = "audience" if subject == "everyone" else "campaign"
    possible = np.ones(people.shape, dtype=bool)
    return Counted(TableKey(kind, subject, period), people, people.copy(), grid, possible)


def week_of_days(visitors: int, seed: int, catalogue: Catalogue) -> list[Counted]:
    """The week of a campaign, then its days."""
    random = np.random.default_rng(seed)
    atoms = atoms_of(visitors, random, catalogue)
    marks = random.integers(0, 2**64, size=visitors, dtype=np.uint64)
    there = random.random((visitors, DAYS)) < RETURNING
    there[np.arange(visitors), random.integers(0, DAYS, visitors)] = True
    tables = [counted("c1", Period.of("week", MONDAY), atoms, marks, catalogue)]
    for day in range(DAYS):
        who, when = there[:, day], Period("day", MONDAY + timedelta(days=day))
        tables.append(counted("c1", when, atoms[who], marks[who], catalogue))
    return tables


def shown(tables: Sequence[Counted], catalogue: Catalogue, promise: Promise) -> list[Shown]:
    protected = [protect(table, catalogue, promise, SECRET, Effort()).figures for table in tables]
    return [
        Shown(figures, catalogue, promise, table.possible)
        for figures, table in zip(protected, tables, strict=True)
    ]


def audited(visitors: int, seed: int, catalogue: Catalogue, promise: Promise) -> str:
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
    return (
        f"| {visitors:,} | {figures[0]:,} and {figures[1]:,} | {alone:.1f} | {joined:.1f} "
        f"| {left.figures} |"
    )


def grown(days: int, catalogue: Catalogue, promise: Promise) -> str:
    """A row: the newest week's gate, after so many days of history."""
    table = week_of_days(1_000, 1, catalogue)
    first = MONDAY - timedelta(days=days - DAYS)
    tables = shown(table, catalogue, promise)
    history = {
        CAMPAIGN_DAY.release_id(Period("day", first + timedelta(days=number)))
        for number in range(days)
    }
    period = Period.of("week", MONDAY)
    begin = time.process_time()
    wanted = history & set(related(CAMPAIGN_WEEK, period))
    week, *others = (replace(t, runs=(first, MONDAY + timedelta(days=DAYS - 1))) for t in tables)
    earlier = [day for day in others if CAMPAIGN_DAY.release_id(day.key.period) in wanted]
    withhold_joined(joins_of([week], earlier), [week], promise.inference_floor)
    return f"| {days} | {len(wanted)} | {time.process_time() - begin:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    options = parser.parse_args()
    segments, promise = catalogue(), Promise()
    print(
        "| visitors | figures of the week and its days | alone, CPU s | joined, CPU s | withheld |"
    )
    print("|---|---|---|---|---|")
    for visitors in options.visitors:
        for seed in options.seeds:
            print(audited(visitors, seed, segments, promise), flush=True)
    print("\n| days of history | releases joined | CPU s |\n|---|---|---|")
    for days in (10, 90):
        print(grown(days, segments, promise), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"Peak memory of the whole process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
