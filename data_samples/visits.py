"""What people, guests and programs do on the web pages, day by day."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymizer.model.policy import Bots
from data_samples.campaigns import SampleCampaign
from data_samples.chance import share_of, stream
from data_samples.options import WorldOptions
from data_samples.people import DAY_S, Numbers, People, midnight, regencies
from data_samples.portions import PORTION, Portions, slices_of
from data_samples.raw_schemas import SCHEMAS
from data_samples.site_pages import SitePages, list_pages

_COOKIE_BYTES = 16
# Visits by hour of the day in Jakarta: a lunch peak and a longer one in the evening.
_HOURS = np.array(
    [12, 7, 4, 3, 4, 9, 17, 26, 35, 42, 46, 50, 58, 52, 45, 43, 45, 50, 60, 74, 82, 76, 52, 28]
)
_WEEKDAYS = (1.0, 0.97, 0.98, 1.0, 1.08, 1.2, 1.15)
_GUESTS, _PROGRAMS, _ANONYMOUS_PROGRAMS = 0.16, 0.02, 0.75
_CAMPAIGN_VISITS = 0.62
# Old links are still followed, and links meant for other regions too.
_STRAY_ACCESS = 0.1
_SECOND_DEVICE, _NEWSLETTER = 0.3, 0.02
# The busiest account exceeds the policy's limit on every fifth day of a large enough world.
_HEAVY_DAYS, _HEAVY_VISITS, _HEAVY_SHARE = 5, 1.2, 0.08  # of a day: it stays plausible

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0"
_BROWSERS = (
    f"Mozilla/5.0 (Linux; Android 14; SM-A546E) {_WEBKIT} Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 13; CPH2387) {_WEBKIT} Mobile Safari/537.36",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {_WEBKIT} Mobile/15E148",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0",
)
_VERSIONS = range(128, 144)
_PROGRAM_AGENTS = tuple(f"Example-{word.title()}/2.1 (+check)" for word in Bots().user_agent_words)
_REFERRERS = (
    *(None, None, None, "https://www.google.com/", "https://l.instagram.com/"),
    *("https://m.facebook.com/", "https://www.tiktok.com/", "https://mail.example.org/inbox"),
)
_EXITS = ("navigate", "navigate", "close", "close", "back", "timeout", "logout")


@dataclass(frozen=True)
class Devices:
    """Cookies and addresses: two for each person, then those of guests, then of programs."""

    cookies: pa.ChunkedArray
    ips: pa.ChunkedArray
    agents: pa.Array
    guests: int


class Traffic:
    """The visits of a world; each day can be drawn alone."""

    def __init__(
        self, people: People, campaigns: tuple[SampleCampaign, ...], options: WorldOptions
    ) -> None:
        self._people, self._campaigns, self._options = people, campaigns, options
        self._pages: SitePages = list_pages(campaigns, options.seed)
        self._devices = _draw_devices(options)
        self._ids = pa.array(people.ids)
        weekdays = [options.day(number).weekday() for number in range(options.days)]
        weights = np.array([_WEEKDAYS[weekday] for weekday in weekdays])
        draw = stream(options.seed, "days")
        self._sizes = draw.multinomial(options.visits, weights / weights.sum())
        self._wanted = np.array(
            [
                [campaign.targets_region(place.code) for place in regencies()]
                for campaign in campaigns
            ]
        )

    def day(self, number: int) -> Portions:
        """All visits of a day in Jakarta, in order of time."""
        slices = slices_of(int(self._sizes[number]))
        return Portions(len(slices), self._portions(number, slices))

    def _portions(self, number: int, slices: Sequence[slice]) -> Iterator[pa.Table]:
        draw, size = stream(self._options.seed, "visits", number), int(self._sizes[number])
        moments, heavy = _moments(draw, size), -(-self._heavy(size, number) // len(slices))
        for place, part in enumerate(slices):
            own = stream(self._options.seed, "visits", number, place) if place else draw
            yield self._drawn(own, moments[part], number, part.start + 1, heavy)

    def _heavy(self, size: int, number: int) -> int:
        """How many visits of the day are those of the busiest account, beside its share."""
        heavy = int(Bots().max_visits_per_day * _HEAVY_VISITS)
        return heavy if number % _HEAVY_DAYS == 0 and heavy <= size * _HEAVY_SHARE else 0

    def _drawn(
        self, draw: np.random.Generator, moments: Numbers, number: int, first: int, heavy: int
    ) -> pa.Table:
        """Visits at these moments; the ids count on from `first`."""
        visitor = self._visitors(draw, moments, number, heavy)
        program = share_of(draw, len(moments), _PROGRAMS)
        visitor[program & (draw.random(len(moments)) < _ANONYMOUS_PROGRAMS)] = -1
        page = self._accessed(draw, visitor, number)
        user_ids = self._ids.take(pa.array(visitor, mask=visitor < 0))
        prefix = f"v{self._options.day(number):%Y%m%d}-"
        columns = {
            "visit_id": _visit_ids(prefix, first, len(moments)),
            "user_id": user_ids,
            "occurred_at": pa.array(moments * 1_000 + midnight(self._options, number) * 1_000_000),
            "url": self._urls(draw, page, user_ids),
            "product_category": self._pages.categories.take(pa.array(page)),
            **self._machines(draw, visitor, program),
            **_behaviour(draw, len(moments)),
        }
        schema = SCHEMAS["visits"]
        return pa.table([columns[field.name].cast(field.type) for field in schema], schema=schema)

    def _visitors(
        self, draw: np.random.Generator, moments: Numbers, number: int, heavy: int
    ) -> Numbers:
        """Positions of people, -1 for guests; nobody logs in before having registered."""
        size, activity = len(moments), self._people.activity
        visitor = draw.choice(len(activity), size, p=activity)
        if heavy:
            visitor[draw.choice(size, heavy, replace=False)] = activity.argmax()
        visitor[share_of(draw, size, _GUESTS) & (visitor != activity.argmax())] = -1
        now = midnight(self._options, number) + moments // 1_000
        visitor[self._people.registered[visitor] > now] = -1
        return visitor

    def _accessed(self, draw: np.random.Generator, visitor: Numbers, number: int) -> Numbers:
        """The page of each visit: one of a campaign for most, of the service for the others."""
        size, today = len(visitor), self._options.day(number)
        popularity = np.array([campaign.popularity for campaign in self._campaigns])
        campaign = draw.choice(len(popularity), size, p=popularity / popularity.sum())
        running = np.array([campaign.runs(today) for campaign in self._campaigns])
        regency = self._people.regency[visitor]
        fitting = running[campaign] & (self._wanted[campaign, regency] | (visitor < 0))
        accesses = (draw.random(size) < _CAMPAIGN_VISITS) & (
            fitting | (draw.random(size) < _STRAY_ACCESS)
        )
        own, theirs = (
            self._pages.of_the_service(draw, size),
            self._pages.of_campaigns(draw, campaign),
        )
        return np.where(accesses, theirs, own)

    def _urls(self, draw: np.random.Generator, page: Numbers, user_ids: pa.Array) -> pa.Array:
        """Some links come from a newsletter and carry the reader's id."""
        urls = self._pages.urls.take(pa.array(page))
        carries = self._pages.has_query[page] & (draw.random(len(page)) < _NEWSLETTER)
        tagged = pc.binary_join_element_wise(urls, user_ids, "&uid=")
        return pc.if_else(pc.and_(pa.array(carries), tagged.is_valid()), tagged, urls)

    def _machines(
        self, draw: np.random.Generator, visitor: Numbers, program: NDArray[np.bool_]
    ) -> dict[str, pa.Array]:
        size, devices = len(visitor), self._devices
        device = visitor * 2 + (draw.random(size) < _SECOND_DEVICE)
        guest = visitor < 0
        first_guest = 2 * len(self._people)
        device[guest] = first_guest + draw.integers(0, devices.guests, int(guest.sum()))
        browsers = len(devices.agents) - len(_PROGRAM_AGENTS)
        agent = (device * 7) % browsers
        agent[program] = browsers + draw.integers(0, len(_PROGRAM_AGENTS), int(program.sum()))
        return {
            "cookie_id": devices.cookies.take(pa.array(device)).combine_chunks(),
            "ip": devices.ips.take(pa.array(device)).combine_chunks(),
            "user_agent": devices.agents.take(pa.array(agent)),
        }


def _draw_devices(options: WorldOptions) -> Devices:
    draw = stream(options.seed, "devices")
    guests = max(options.people // 2, 1)
    size = 2 * options.people + guests
    random = draw.bytes(_COOKIE_BYTES * size)
    parts = draw.integers(0, 256, (size, 3)).astype(np.uint8)
    shared = draw.random(size) < 0.5  # noqa: PLR2004
    slices = [slice(first, first + PORTION) for first in range(0, size, PORTION)]
    agents = [text.format(version=version) for text in _BROWSERS for version in _VERSIONS]
    return Devices(
        cookies=pa.chunked_array([_cookies(random, place) for place in slices]),
        ips=pa.chunked_array([_addresses(parts[place], shared[place]) for place in slices]),
        agents=pa.array([*agents, *_PROGRAM_AGENTS]),
        guests=guests,
    )


def _cookies(random: bytes, place: slice) -> pa.Array:
    """16 bytes each, in hexadecimal digits."""
    digits = random[_COOKIE_BYTES * place.start : _COOKIE_BYTES * place.stop].hex().encode()
    width = 2 * _COOKIE_BYTES
    buffers = [None, pa.py_buffer(digits)]
    fixed = pa.Array.from_buffers(pa.binary(width), len(digits) // width, buffers)
    return fixed.cast(pa.binary()).cast(pa.string())


def _addresses(parts: NDArray[np.uint8], shared: NDArray[np.bool_]) -> pa.Array:
    """Of private networks and of carrier-grade translation: never a real household's."""
    first, second, third = (pa.array(part).cast(pa.string()) for part in parts.T.copy())
    translated = pa.array(64 + parts[:, 0] % 64).cast(pa.string())
    private = pc.binary_join_element_wise("10", first, second, third, ".")
    carried = pc.binary_join_element_wise("100", translated, second, third, ".")
    return pc.if_else(pa.array(shared), carried, private)


def _moments(draw: np.random.Generator, size: int) -> Numbers:
    """Milliseconds since midnight, ascending."""
    hour = draw.choice(24, size, p=_HOURS / _HOURS.sum())
    moments: Numbers = np.sort(hour * 3_600_000 + draw.integers(0, 3_600_000, size))
    assert size == 0 or moments[-1] < DAY_S * 1_000
    return moments


def _visit_ids(prefix: str, first: int, size: int) -> pa.Array:
    serial = pc.utf8_lpad(pa.array(np.arange(first, first + size)).cast(pa.string()), 7, "0")
    return pc.binary_join_element_wise(prefix, serial, "")


def _behaviour(draw: np.random.Generator, size: int) -> dict[str, pa.Array]:
    exits = pa.array(_EXITS).take(pa.array(draw.integers(0, len(_EXITS), size)))
    referrers = pa.array(_REFERRERS).take(pa.array(draw.integers(0, len(_REFERRERS), size)))
    response = draw.gamma(3.0, 90.0, size).astype(np.int64) + 20
    return {
        "referrer": referrers,
        "duration_ms": pa.array(draw.lognormal(9.8, 1.1, size).astype(np.int64)),
        "page_response_ms": pa.array(response, mask=draw.random(size) < 0.02),  # noqa: PLR2004
        "interactions": pa.array(draw.poisson(4, size)),
        "exit_method": exits,
    }
