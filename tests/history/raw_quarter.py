"""The raw zone of a simulated history: what a service delivers day after day, with all accidents.

People, their homes and their habits follow the sample world's figures. Visits arrive late,
people ask to be erased, withdraw and correct their data, some cheat. The same options give the
same bytes; without a victim everything else is the same, row for row.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data_samples.options import WorldOptions
from data_samples.people import draw_people, regencies
from data_samples.raw_schemas import SCHEMAS

WIB = timezone(timedelta(hours=7))
_DAY_US = 86_400_000_000
_LATE, _TOO_LATE, _ACCESSES = 0.015, 0.004, 0.55
_SYBILS, _SYBIL_DAYS = 60, 8
_NOBODY = (None, "", "0", "unknown", "00000000-0000-0000-0000-000000000000", "-1")
_CATEGORIES = ("electronics", "phones", "fashion", "beauty", "groceries", "travel", "health")
_SNAPSHOT_DAYS = 7
_JAVA = ("31", "32", "33", "34", "35", "36")
# The five provinces with the fewest people: no campaign of the divided link is aimed at them.
_LEFT_OUT = ("65", "91", "92", "93", "96")
PROBE = "cmp-probe"
# By campaign: the last one has four, more than a person counts in.
_ADVERTISERS = (
    *("adv-1", "adv-2", "adv-3", "adv-5", "adv-1", "adv-4"),
    *("adv-5", "adv-5", "adv-5", "adv-2", "adv-3", "adv-4"),
)

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Options:
    """How large, how long, and how much happens."""

    people: int = 40_000
    first: date = date(2026, 7, 1)
    days: int = 94
    visits_a_day: int = 12_000
    erasures: int = 300
    withdrawals: int = 500
    corrections: int = 200
    victims: int = 20
    campaigns: int = 12
    seed: int = 7

    def day(self, number: int) -> date:
        return self.first + timedelta(days=number)

    @property
    def last(self) -> date:
        return self.day(self.days - 1)


@dataclass(frozen=True)
class Link:
    """A campaign: where its link lies and how many of the visits go there.

    Its page sends everybody on to the campaigns `sends_to`: each visit is one to these as well.
    """

    id: str
    advertiser: str
    url: str
    starts_on: date
    ends_on: date
    targets: tuple[str, ...]
    share: float
    sends_to: tuple[str, ...] = ()

    def runs(self, day: date) -> bool:
        return self.starts_on <= day <= self.ends_on


@dataclass(frozen=True)
class Victim:
    """Somebody whose visits are suspected; `visits` are days and campaigns, the first is asked for.

    `late` visits arrive two days after. `alone` lives where nobody else does; `sybils` are
    new accounts of the attacker in the same atom, opened a week before.
    """

    number: int
    user: str
    visits: tuple[tuple[date, str], ...]
    alone: bool
    late: bool
    asks: str | None
    sybils: bool

    @property
    def day(self) -> date:
        return self.visits[0][0]

    @property
    def campaign(self) -> str:
        return self.visits[0][1]


@dataclass(frozen=True)
class _Asked:
    """A request of a person, by position."""

    person: int
    kind: str
    moment: datetime


class RawQuarter:
    """All that ever happens, and what of it has arrived by a day."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._world = WorldOptions(
            people=options.people,
            days=options.days,
            visits=max(10, options.days * options.visits_a_day),
            start=options.first,
            seed=options.seed,
        )
        self._people = draw_people(self._world)
        self._regency = self._people.regency.copy()
        self.links = _links(options)
        draw = self._draw("victims")
        self._places = self._choose_places(draw)
        self.victims = tuple(self._victim(draw, n) for n in range(options.victims))
        self._asked = self._requests()
        self._pending: dict[int, list[pa.Table]] = {}

    @cached_property
    def sent_on(self) -> Mapping[str, Set[str]]:
        """To which campaigns the page of each sends everybody who counts there, to count again."""
        everywhere = {link.id for link in self.links if not link.targets}
        return {link.id: everywhere.intersection(link.sends_to) for link in self.links}

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {user: position for position, user in enumerate(self._people.ids)}

    def deliver_first(self, raw: Path, without: Victim | None = None) -> None:
        """What lies there before the first day: campaigns, consents, everybody's profiles."""
        _land(raw / "campaigns", "campaigns", self._campaigns())
        _land(raw / "consents", "consents", _left_out(self._consents(), without))
        self._land_profiles(raw, -1, without)

    def deliver(self, raw: Path, number: int, without: Victim | None = None) -> None:
        """What arrives on day `number`: visits of it and late ones, requests, a week's profiles."""
        day = self.options.day(number)
        arrived = pa.concat_tables(self._arriving(number))
        _land(raw / f"visits/day={day}", "visits", _left_out(arrived, without))
        asked = [one for one in self._asked if one.moment.astimezone(WIB).date() == day]
        requests = self._requests_table(asked)
        _land(raw / "requests", "requests", _left_out(requests, without), f"requests-{day}")
        if number % _SNAPSHOT_DAYS == 0:
            self._land_profiles(raw, number, without)

    def atom(self, victim: Victim, day: date) -> tuple[str, int, str]:
        """Gender, age in years and regency of a victim, as the profiles of that day have it."""
        position = self._positions[victim.user]
        born = date(1970, 1, 1) + timedelta(days=int(self._people.born[position]))
        years = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
        gender = "female" if self._people.female[position] else "male"
        return gender, years, regencies()[self._regency[position]].code

    def asked_by(self, kind: str) -> int:
        """Requests of that kind in all."""
        return sum(one.kind == kind for one in self._asked)

    def _draw(self, *what: object) -> np.random.Generator:
        words = "/".join(map(str, (self.options.seed, *what)))
        return np.random.default_rng([*words.encode()])

    def _choose_places(self, draw: np.random.Generator) -> Numbers:
        """People who may be victims: grown up, an account of years, open; some get a home alone."""
        people, start = self._people, datetime.combine(self.options.first, time(), WIB).timestamp()
        age = (start / 86_400 - people.born) / 365.25
        sound = (age > 22) & (age < 60) & (people.closed < 0)
        sound &= people.registered < start - 400 * 86_400
        chosen = draw.permutation(np.flatnonzero(sound))[: self.options.victims]
        counts = np.bincount(self._regency, minlength=len(regencies()))
        smallest = np.argsort(counts, kind="stable")[: (len(chosen) + 2) // 3]
        elsewhere = int(counts.argmax())
        for position, home in zip(chosen[::3], smallest, strict=True):
            self._regency[self._regency == home] = elsewhere
            self._regency[position] = home
        return chosen

    def _victim(self, draw: np.random.Generator, number: int) -> Victim:
        """Two or three visits to campaigns; what is asked comes after the first of them."""
        options = self.options
        first, last = (2, options.days - 4) if options.days > 20 else (0, options.days - 1)
        days = sorted(draw.choice(np.arange(first, last), 3 if number % 2 else 2, replace=False))
        if number % 3 == 1 and options.days > 60:
            days[1] = min(last, days[0] + 2)
        everywhere = [link for link in self.links if not link.targets and link.id != PROBE]
        running = [[link.id for link in everywhere if link.runs(options.day(int(n)))] for n in days]
        favourite = str(draw.choice(running[0][: 1 + number % len(running[0])]))
        campaigns = [favourite if favourite in ids else ids[0] for ids in running]
        return Victim(
            number=number,
            user=self._people.ids[self._places[number]],
            visits=tuple((options.day(int(n)), c) for n, c in zip(days, campaigns, strict=True)),
            alone=number % 3 == 0,
            late=number % 5 == 2,
            asks={1: "erase", 4: "withdraw", 7: "erase", 8: "correct"}.get(number % 10),
            sybils=number % 4 == 3,
        )

    def _requests(self) -> list[_Asked]:
        options, draw = self.options, self._draw("requests")
        wanted = {
            "erase": options.erasures,
            "withdraw": options.withdrawals,
            "correct": options.corrections,
        }
        asked = []
        for victim in self.victims:
            if victim.asks:
                wanted[victim.asks] -= 1
                moment = datetime.combine(victim.day + timedelta(days=3), time(15), WIB)
                asked.append(_Asked(self._positions[victim.user], victim.asks, moment))
        others = np.setdiff1d(np.arange(options.people), self._places)
        kinds = np.repeat(list(wanted), [max(0, n) for n in wanted.values()])
        people = draw.choice(others, len(kinds), replace=False)
        seconds = draw.integers(0, options.days * 86_400, len(kinds))
        start = datetime.combine(options.first, time(), WIB)
        asked += [
            _Asked(int(person), str(kind), start + timedelta(seconds=int(second)))
            for person, kind, second in zip(people, kinds, seconds, strict=True)
        ]
        return sorted(asked, key=lambda one: (one.moment, one.person))

    def _land_profiles(self, raw: Path, number: int, without: Victim | None) -> None:
        day = self.options.day(number)
        table = pa.concat_tables([self._profiles(day), self._sybil_profiles(day)])
        _land(raw / f"profiles/day={day}", "profiles", _left_out(table, without))

    def _profiles(self, day: date) -> pa.Table:
        """As they stand when the day begins; who corrected has moved and was born earlier."""
        people, draw = self._people, self._draw("profiles")
        size = len(people)
        gender = np.where(people.female, "female", "male").astype(object)
        unsure = draw.random(size) < 0.05
        unsure[self._places] = False
        gender[unsure] = None
        born, home = people.born.copy(), self._regency.copy()
        midnight = datetime.combine(day, time(), WIB)
        for one in self._asked:
            if one.kind == "correct" and one.moment < midnight:
                born[one.person] -= 365
                home[one.person] = self._regency[(one.person * 7 + 1) % size]
        there = people.registered < midnight.timestamp()
        closed = np.where(people.closed < midnight.timestamp(), people.closed, -1)
        codes = pa.array([position.code for position in regencies()])
        return _table(
            "profiles",
            {
                "user_id": pa.array(people.ids),
                "gender": pa.array(gender, pa.string()),
                "birth_date": pa.array(born.astype(np.int32), pa.date32()),
                "region_code": codes.take(pa.array(home)),
                "registered_at": _moments(people.registered * 1_000_000),
                "closed_at": _moments(closed * 1_000_000, closed < 0),
                "full_name": pa.array([f"Siti Rahmawati {n}" for n in range(size)]),
            },
        ).filter(pa.array(there))

    def _sybil_profiles(self, day: date) -> pa.Table:
        rows = []
        for victim in self.victims:
            opened = victim.day - timedelta(days=_SYBIL_DAYS)
            if victim.sybils and opened <= day:
                gender, years, region = self.atom(victim, victim.day)
                rows += [
                    {
                        "user_id": f"sybil-{victim.number}-{n}",
                        "gender": gender,
                        "birth_date": victim.day - timedelta(days=int((years + 0.5) * 365.25)),
                        "region_code": region,
                        "registered_at": datetime.combine(opened, time(0, 0, 1), WIB),
                    }
                    for n in range(_SYBILS)
                ]
        return pa.Table.from_pylist(rows, SCHEMAS["profiles"])

    def _consents(self) -> pa.Table:
        draw, ids = self._draw("consents"), list(self._people.ids)
        sybils = [f"sybil-{v.number}-{n}" for v in self.victims if v.sybils for n in range(_SYBILS)]
        tables = []
        for purpose, share in (("use", 0.97), ("disclosure", 0.95), ("advertising_cookies", 0.6)):
            granted = draw.random(len(ids)) < share
            granted[self._places] = True
            users = [user for user, yes in zip(ids, granted, strict=True) if yes] + sybils
            moment = np.full(len(users), self._start_us() - 300 * _DAY_US)
            tables.append(
                _table(
                    "consents",
                    {
                        "user_id": pa.array(users),
                        "purpose": pa.array([purpose] * len(users)),
                        "granted": pa.array([True] * len(users)),
                        "decided_at": _moments(moment),
                    },
                )
            )
        return pa.concat_tables(tables)

    def _requests_table(self, asked: Sequence[_Asked]) -> pa.Table:
        ids = self._people.ids
        rows = [
            {
                "request_id": f"req-{one.person}-{one.kind}",
                "user_id": ids[one.person],
                "kind": one.kind,
                "requested_at": one.moment,
            }
            for one in asked
        ]
        return pa.Table.from_pylist(rows, SCHEMAS["requests"])

    def _campaigns(self) -> pa.Table:
        rows = [
            {
                "campaign_id": link.id,
                "advertiser_id": link.advertiser,
                "advertiser_name": f"PT {link.advertiser}",
                "campaign_name": f"Promo {link.id}",
                "link_url": link.url,
                "starts_on": link.starts_on,
                "ends_on": link.ends_on,
                "target_regions": list(link.targets) or None,
            }
            for link in self.links
        ]
        return pa.Table.from_pylist(rows, SCHEMAS["campaigns"])

    def _arriving(self, number: int) -> list[pa.Table]:
        """Visits in the folder of a day: its own, and late ones of the two days before."""
        return [
            self._visits(earlier, number - earlier)
            for earlier in range(max(0, number - 2), number + 1)
        ]

    def _visits(self, number: int, delay: int) -> pa.Table:
        """Visits of a day that arrive so many days later."""
        draw, options = self._draw("visits", number), self.options
        day, size = options.day(number), options.visits_a_day
        visitor = draw.choice(len(self._people), size, p=self._people.activity)
        visitor[np.isin(visitor, self._places)] = -1
        moment = np.sort(draw.integers(0, _DAY_US, size))
        chance = draw.random(size)
        arrives = np.where(chance < _TOO_LATE, 2, np.where(chance < _TOO_LATE + _LATE, 1, 0))
        urls, categories = self._pages(draw, visitor, day)
        guests = visitor < 0
        users = pa.array(self._people.ids).take(pa.array(visitor, mask=guests))
        general = _table(
            "visits",
            {
                "visit_id": pa.array([f"v{number}-{n}" for n in range(size)]),
                "user_id": users,
                "occurred_at": _moments(moment + self._start_us() + number * _DAY_US),
                "url": urls,
                "product_category": categories,
            },
        ).filter(pa.array(arrives == delay))
        return self._followed(pa.concat_tables([general, self._planted(number, delay)]))

    def _followed(self, visits: pa.Table) -> pa.Table:
        """The visits, and those to the campaigns that their pages send everybody to."""
        url = {link.id: link.url for link in self.links}
        tables = [visits]
        for link in self.links:
            own = visits.filter(pc.equal(visits["url"], link.url))
            for number, other in enumerate(link.sends_to):
                columns = {name: own[name] for name in own.column_names}
                columns["visit_id"] = pc.binary_join_element_wise(
                    own["visit_id"], f"to{number}", "-"
                )
                columns["url"] = pa.repeat(url[other], len(own))
                tables.append(_table("visits", columns))
        return pa.concat_tables(tables)

    def _pages(
        self, draw: np.random.Generator, visitor: Numbers, day: date
    ) -> tuple[pa.Array, pa.Array]:
        size = len(visitor)
        shares = np.array([link.share for link in self.links])
        choice = draw.choice(len(shares), size, p=shares / shares.sum())
        running = np.array([link.runs(day) for link in self.links])
        accesses = (draw.random(size) < _ACCESSES) & running[choice]
        category = draw.integers(0, len(_CATEGORIES), size)
        links = np.array([link.url for link in self.links], dtype=object)
        pages = np.array([f"https://www.shop.example/produk/{c}/1" for c in _CATEGORIES], object)
        urls = np.where(accesses, links[choice], pages[category])
        named = np.array(_CATEGORIES, dtype=object)[category]
        named[accesses] = None
        return pa.array(urls, pa.string()), pa.array(named, pa.string())

    def _planted(self, number: int, delay: int) -> pa.Table:
        """Visits of victims, of the attacker's accounts, and of nobody."""
        day, url = self.options.day(number), {link.id: link.url for link in self.links}
        rows = []
        for victim in self.victims:
            for turn, (when, campaign) in enumerate(victim.visits):
                wanted = 2 if victim.late and turn == 0 else 0
                if when == day and wanted == delay:
                    rows.append((f"w{victim.number}-{turn}", victim.user, url[campaign], "fashion"))
            if victim.sybils and victim.day == day and delay == 0:
                rows += [
                    (f"s{user}", user, url[victim.campaign], None)
                    for user in (f"sybil-{victim.number}-{n}" for n in range(_SYBILS))
                ]
        if delay == 0:
            rows += [
                (f"n{number}-{n}", _NOBODY[n % len(_NOBODY)], url[PROBE], None) for n in range(90)
            ]
        moment = datetime.combine(day, time(12, 30), WIB).astimezone(UTC)
        names = ("visit_id", "user_id", "url", "product_category")
        return pa.Table.from_pylist(
            [{**dict(zip(names, row, strict=True)), "occurred_at": moment} for row in rows],
            SCHEMAS["visits"],
        )

    def _start_us(self) -> int:
        return int(datetime.combine(self.options.first, time(), WIB).timestamp()) * 1_000_000


def _links(options: Options) -> tuple[Link, ...]:
    """Five advertisers, with two campaigns each but for the last; targets, short ones.

    The page of the fifth campaign sends everybody on to the first, those of the second and the
    sixth send to each other. So do those of the third and of two that are aimed at different
    regions, which leave out few people. Nobody is in more than two campaigns of any of these
    advertisers, so that all who are sent on count there as well.
    """
    first, last = options.first - timedelta(days=9), options.last + timedelta(days=9)
    middle, third = options.day(options.days // 2), options.day(options.days // 3)
    provinces = sorted({position.code[:2] for position in regencies()})
    others = tuple(code for code in provinces if code not in (*_JAVA, *_LEFT_OUT))
    targets = {8: _JAVA, 9: ("31",), 10: _JAVA, 11: others}
    sends_to = {4: (0,), 1: (5,), 5: (1,), 2: (10, 11), 10: (2, 11), 11: (2, 10)}
    links: list[Link] = []
    for number in range(options.campaigns):
        advertiser = _ADVERTISERS[number % len(_ADVERTISERS)]
        links.append(
            Link(
                id=_campaign(number),
                advertiser=advertiser,
                url=f"https://{advertiser}.example/c{number}",
                starts_on=third if number == 6 else first,
                ends_on=middle if number == 7 else last,
                targets=targets.get(number, ()),
                share=(number + 1) ** -0.9,
                sends_to=tuple(
                    _campaign(other)
                    for other in sends_to.get(number, ())
                    if other < options.campaigns
                ),
            )
        )
    probe = Link(PROBE, "adv-4", "https://adv-4.example/probe", first, last, (), 0.0)
    return (*links, probe)


def _campaign(number: int) -> str:
    return f"cmp-{number + 1:02d}"


def _left_out(table: pa.Table, victim: Victim | None) -> pa.Table:
    """The table without the rows of a victim."""
    if victim is None:
        return table
    users = table["user_id"].to_numpy(zero_copy_only=False)
    return table.filter(pa.array(users != victim.user))


def _land(folder: Path, name: str, table: pa.Table, file: str | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / f"{file or name}.parquet", compression="zstd")
    (folder / "_SUCCESS").touch()


def _moments(microseconds: Numbers, unknown: NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.array(microseconds, mask=unknown).cast(pa.timestamp("us", tz="UTC"))


def _table(name: str, columns: Mapping[str, pa.Array]) -> pa.Table:
    """The columns of the contract; those that are not given are empty."""
    schema = SCHEMAS[name]
    empty = pa.nulls(len(next(iter(columns.values()))))
    return pa.table(
        [columns.get(field.name, empty).cast(field.type) for field in schema], schema=schema
    )
