"""Random people whose true answers are known, and the analysts' database of their figures.

Everybody has a gender and an age band and comes to one campaign on some days of one week; the
audience of the month holds them and others. A figure is anywhere within the error of the release.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import pyarrow as pa

from anonymizer.exports.database import create_objects, rows_of
from anonymizer.model.dimensions import AGE_BANDS, GENDERS

MONDAY = date(2026, 11, 2)
DAYS = [MONDAY + timedelta(days=number) for number in range(7)]
BANDS = AGE_BANDS[:3]
# Segments as gender and age band; None is all.
SEGMENTS: Mapping[str, tuple[str | None, str | None]] = {
    "everyone": (None, None),
    "men": ("male", None),
    "women": ("female", None),
    "not_stated:all:all": ("not_stated", None),
    **{f"all:{band}:all": (None, band) for band in BANDS},
    **{f"male:{band}:all": ("male", band) for band in BANDS},
}
NAMED = ("everyone", "men", "women")


@dataclass(frozen=True)
class Visitor:
    """Somebody of the audience, with the days on which they came."""

    gender: str
    band: str
    days: frozenset[date]

    def fits(self, segment: str) -> bool:
        gender, band = SEGMENTS[segment]
        return gender in (None, self.gender) and band in (None, self.band)


@dataclass(frozen=True)
class AnswerWorld:
    """People, and the database that tells of them with figures up to `error` away."""

    people: tuple[Visitor, ...]
    error: int
    threshold: int
    database: duckdb.DuckDBPyConnection

    def true(self, segment: str, days: Iterable[date]) -> int:
        """How many people of a segment came on any of the days."""
        wanted = frozenset(days)
        return sum(1 for one in self.people if one.days & wanted and one.fits(segment))

    def true_audience(self, segment: str) -> int:
        return sum(1 for one in self.people if one.fits(segment))

    def true_repeat(self, segment: str) -> int:
        return sum(1 for one in self.people if len(one.days) > 1 and one.fits(segment))

    def rows(self, query: str, *values: object) -> list[dict[str, object]]:
        answer = self.database.execute(query, list(values))
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def answer_world(
    chance: random.Random, error: int = 23, threshold: int = 50, few: bool = False
) -> AnswerWorld:
    """Up to 900 people, or few and nearly all men; each comes on few, some or many days."""
    habit = chance.choice((0.05, 0.2, 0.5, 0.9))
    busy = [min(1.0, habit * chance.choice((0.5, 1, 1, 2))) for _ in DAYS]
    people = tuple(
        Visitor(
            chance.choices(GENDERS, (30, 1, 1) if few else (5, 4, 1))[0],
            chance.choice(BANDS),
            frozenset(
                day for day, likely in zip(DAYS, busy, strict=True) if chance.random() < likely
            ),
        )
        for _ in range(chance.randint(60, 120 if few else 900))
    )
    database = duckdb.connect()
    world = AnswerWorld(people, error, threshold, database)
    create_objects(_incoming(world, chance), database)
    return world


def _incoming(world: AnswerWorld, chance: random.Random) -> Mapping[str, pa.Table]:
    releases, subjects, campaigns, figures = [], [], [], []
    tables = [
        *(("campaign", "day", str(day), day, day, [day]) for day in DAYS),
        ("campaign", "week", "2026-W45", DAYS[0], DAYS[-1], DAYS),
        ("audience", "month", "2026-11", date(2026, 11, 1), date(2026, 11, 30), None),
    ]
    for number, (kind, every, period, start, end, days) in enumerate(tables, start=1):
        name, subject = f"{kind}-{every}-{period}", "c" if kind == "campaign" else "everyone"
        precision = (world.threshold, 10, 1, world.error)
        releases.append(
            (name, number, kind, every, period, start, end, "P", "Asia/Jakarta", *precision,
             "", "", None, None)
        )  # fmt: skip
        subjects.append((number, kind, subject, subject, subject))
        if kind == "campaign":
            campaigns.append((name, number, "c", "C", "a", "A", DAYS[0], DAYS[-1], None))
        for position, segment in enumerate(SEGMENTS):
            true = world.true(segment, days) if days else world.true_audience(segment)
            published = true >= world.threshold and chance.random() < 0.95
            if published or segment in NAMED:
                drawn = max(true + chance.randint(-world.error, world.error), world.threshold)
                people = drawn if published else None
                status = "published" if published else "suppressed"
                figures.append((subject, segment, status, people, name, position))
    ages = [(0, "all", "all", "", "", list(AGE_BANDS))]
    ages += [(n, band, "band", band, band, [band]) for n, band in enumerate(AGE_BANDS, start=1)]
    genders = [(0, "all", "people", "orang", list(GENDERS))]
    genders += [(n, one, one, one, [one]) for n, one in enumerate(GENDERS, start=1)]
    segments = [
        (1, name, name, name, name in NAMED, gender or "all", band or "all", "all", [])
        for name, (gender, band) in SEGMENTS.items()
    ]
    rows: Mapping[str, list[tuple[object, ...]]] = {
        "releases": releases,
        "campaigns": campaigns,
        "subjects": subjects,
        "segments": segments,
        "regions": [("ID", None, "country", "Indonesia", "Indonesia", ["31.71"]),
                    ("31.71", "ID", "regency", "Central Jakarta", "Jakarta Pusat", ["31.71"])],
        "genders": genders,
        "ages": ages,
        "figures": figures,
    }  # fmt: skip
    return {name: rows_of(name, of_table) for name, of_table in rows.items()}
