"""A world: campaigns and visits, and the tables that the pipeline would count of them.

The rules of counting are those of the design's promises 1 and 10, each of which can be switched
off; without any of them a visit counts for every campaign that it matches, as before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache

import numpy as np
from numpy.typing import NDArray
from population import Population, Positions, catalogue, region_of

from anonymizer.model.periods import Period
from anonymizer.model.policy import Promise
from anonymizer.model.tables import BUCKETS, Counted, SetHashes, TableKey
from anonymizer.storage.secret import Secret

MONDAY = date(2026, 11, 2)
WEEK, MONTH = Period.of("week", MONDAY), Period.of("month", MONDAY)
Membership = NDArray[np.bool_]
NOBODY: Positions = np.array([], dtype=np.intp)


def day(number: int) -> Period:
    """A day of the world; day 0 is a Monday."""
    return Period.of("day", MONDAY + timedelta(days=number))


@dataclass(frozen=True)
class Rules:
    """Who counts where: promises 1 (age of the account) and 10 (bounded contributions)."""

    min_account_days: int
    one_campaign_per_visit: bool
    campaigns_per_person: int | None


def bounded(promise: Promise) -> Rules:
    """The rules in force."""
    return Rules(promise.min_account_days, True, promise.campaigns_per_person)


def unbounded(promise: Promise) -> Rules:
    """None of them."""
    return Rules(0, False, None)


@dataclass(frozen=True)
class Campaign:
    """Who pays for it, and the regions that it targets (leaves; None: everywhere)."""

    id: str
    advertiser: str = "one"
    targets: Membership | None = None

    def is_for(self, regions: Positions) -> Membership:
        """Whether it targets each of these regions."""
        if self.targets is None:
            return np.ones(len(regions), dtype=bool)
        return self.targets[regions]


@dataclass(frozen=True)
class Visit:
    """People who open one page on a day, and the campaigns that the page's URL matches.

    `tags` are the campaigns that the URL names, `utm_id` before `utm_campaign`. `links` are those
    whose link contains it, the longest first; equally long ones stand together, in their order.
    A late visit counts in the week and the month only.
    """

    people: Positions
    day: date
    tags: tuple[str, ...] = ()
    links: tuple[tuple[str, ...], ...] = ()
    late: bool = False


def loaded(people: Positions, on: Period, *campaigns: str) -> tuple[Visit, ...]:
    """Visits to a page that loads one tracked URL of each campaign."""
    return tuple(Visit(people, on.start, tags=(campaign,)) for campaign in campaigns)


@dataclass(frozen=True)
class World:
    """People, campaigns, visits, and the periods that are released, in the order of the ledger.

    A period that occurs again is corrected: `missed` are people whom its first release did not
    count by mistake, `objected` those who count no more in the correction. `excluded` people do
    not count in a period (erased, withdrawn, without consent when it is counted); `moved` holds
    the cells of a period for which profiles were corrected.
    """

    population: Population
    campaigns: tuple[Campaign, ...]
    visits: tuple[Visit, ...]
    periods: tuple[Period, ...]
    excluded: Mapping[Period, Positions] = field(default_factory=dict)
    moved: Mapping[Period, Positions] = field(default_factory=dict)
    missed: Positions = field(default_factory=lambda: NOBODY)
    objected: Positions = field(default_factory=lambda: NOBODY)

    def cells(self, period: Period) -> Positions:
        """The cell of each person in a period."""
        return self.moved.get(period, self.population.cells)


@dataclass(frozen=True)
class Census(Counted):
    """A counted table that still knows its people: positions in a population of that size."""

    members: Positions = field(kw_only=True)
    cells_of_members: Positions = field(kw_only=True)
    population: int = field(kw_only=True)


def releases(world: World, rules: Rules, secret: Secret) -> Iterator[tuple[Census, ...]]:
    """The tables of each period, by campaign id."""
    keys = {campaign.id: _contribution_key(secret, campaign.id) for campaign in world.campaigns}
    marks = world.population.marks
    ranks = {name: _mixed(marks ^ np.uint64(key)) for name, key in keys.items()}
    for number, period in enumerate(world.periods):
        edition = 1 + world.periods[:number].count(period)
        reached = _reached(world, period, rules, edition)
        counting = _bounded(reached, world.campaigns, rules, ranks)
        ordered = sorted(world.campaigns, key=lambda campaign: campaign.id)
        keys_of = (TableKey("campaign", c.id, period, edition) for c in ordered)
        yield tuple(
            _census(world, c, key, np.flatnonzero(counting[c.id]))
            for c, key in zip(ordered, keys_of, strict=True)
        )


def _reached(world: World, period: Period, rules: Rules, edition: int) -> dict[str, Membership]:
    """Who reached each campaign in the period and counts at all, in one of its editions."""
    reached = {c.id: np.zeros(len(world.population), dtype=bool) for c in world.campaigns}
    campaigns = {campaign.id: campaign for campaign in world.campaigns}
    regions = region_of(world.cells(period))
    for visit in world.visits:
        if period.start <= visit.day <= period.end and not (visit.late and period.kind == "day"):
            for name, people in _campaigns_of(visit, campaigns, regions, rules):
                reached[name][people] = True
    counts = world.population.account_days >= rules.min_account_days
    counts[world.excluded.get(period, NOBODY)] = False
    if world.periods.count(period) > 1:
        counts[world.missed if edition == 1 else world.objected] = False
    return {name: people & counts for name, people in reached.items()}


def _campaigns_of(
    visit: Visit, campaigns: Mapping[str, Campaign], regions: Positions, rules: Rules
) -> Iterator[tuple[str, Positions]]:
    """Each campaign that the visit counts for, with those of its people who are targeted."""
    if not rules.one_campaign_per_visit:
        for name in dict.fromkeys((*visit.tags, *(n for tied in visit.links for n in tied))):
            yield name, visit.people[campaigns[name].is_for(regions[visit.people])]
        return
    left = visit.people
    for name in visit.tags[:1] or visit.links[0]:
        targeted = campaigns[name].is_for(regions[left])
        yield name, left[targeted]
        left = left[~targeted]


def _bounded(
    reached: Mapping[str, Membership],
    campaigns: Sequence[Campaign],
    rules: Rules,
    ranks: Mapping[str, NDArray[np.uint64]],
) -> Mapping[str, Membership]:
    """Each person in no more campaigns of one advertiser than the bound, those ranked first."""
    bound = rules.campaigns_per_person
    if bound is None:
        return reached
    kept = dict(reached)
    for advertiser in {campaign.advertiser for campaign in campaigns}:
        own = [campaign.id for campaign in campaigns if campaign.advertiser == advertiser]
        there = np.stack([reached[name] for name in own])
        if len(own) <= bound or (there.sum(axis=0) <= bound).all():
            continue
        rank = np.where(there, np.stack([ranks[name] for name in own]), np.iinfo(np.uint64).max)
        last = np.partition(rank, bound - 1, axis=0)[bound - 1]
        kept.update(zip(own, there & (rank <= last), strict=True))
    return kept


def _census(world: World, campaign: Campaign, key: TableKey, members: Positions) -> Census:
    grid = catalogue().shape
    cells = world.cells(key.period)[members]
    people = np.bincount(cells, minlength=int(np.prod(grid))).reshape(grid).astype(np.int64)
    return Census(
        key,
        people,
        _set_hashes(cells, world.population.buckets[members], world.population.marks[members]),
        np.broadcast_to(_everywhere() if campaign.targets is None else campaign.targets, grid),
        members=members,
        cells_of_members=cells,
        population=len(world.population),
    )


@cache
def _everywhere() -> Membership:
    return np.ones(catalogue().shape[2], dtype=bool)


def _set_hashes(
    cells: Positions, buckets: NDArray[np.uint8], marks: NDArray[np.uint64]
) -> SetHashes:
    positions = cells * BUCKETS + buckets
    order = np.argsort(positions, kind="stable")
    distinct, starts = np.unique(positions[order], return_index=True)
    totals = np.add.reduceat(marks[order], starts) if len(starts) else marks[:0]
    return SetHashes(distinct // BUCKETS, (distinct % BUCKETS).astype(np.uint8), totals)


def _contribution_key(secret: Secret, campaign: str) -> int:
    return secret.draw("contribution", campaign)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scrambled one to one (the finalizer of splitmix64), so that ranks do not follow marks."""
    mixed = numbers.copy()
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))
