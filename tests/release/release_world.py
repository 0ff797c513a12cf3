"""A world small enough to check by hand: two campaigns, four kinds of people, a few segments.

spring (advertiser maju): 503 men of 25-29 in Central Jakarta, 398 men of 45-49 in Bandung City,
                          301 women of 30-34 in Central Jakarta, 298 women of 50-54 in Makassar
autumn (advertiser jaya): half as many of each
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np

from anonymizer.accounting import RowAccount
from anonymizer.dimensions import Text
from anonymizer.earlier import earlier_releases
from anonymizer.gate import Audited, History, audit
from anonymizer.home import Home
from anonymizer.ledger import Ledger
from anonymizer.periods import Period
from anonymizer.policy import Policy
from anonymizer.publishing import Facts, Publication, publish
from anonymizer.secret import Secret
from anonymizer.segments import Catalogue, SegmentSettings, build_catalogue
from anonymizer.series import (
    AUDIENCE_MONTH,
    CAMPAIGN_DAY,
    CAMPAIGN_MONTH,
    CAMPAIGN_WEEK,
    INTEREST_WEEK,
    Series,
)
from anonymizer.subjects import Campaign, Subject, Topic
from anonymizer.tables import Counted, Figures, TableKey

SECRET = Secret(bytes(range(32)))
POLICY = Policy()
DAY = date(2026, 11, 22)
SPRING = {
    ("male", "25-29", "31.71"): 503,
    ("male", "45-49", "32.73"): 398,
    ("female", "30-34", "31.71"): 301,
    ("female", "50-54", "73.71"): 298,
}
AUTUMN = {atom: people // 2 for atom, people in SPRING.items()}
TABLES = {"spring": SPRING, "autumn": AUTUMN}
SHOWN = ("everyone", "men", "women", "men_under_40", "all:all:java", "male:all:java")
CAMPAIGNS = (
    Campaign("spring", "Spring Sale", "maju", "PT Maju", date(2026, 11, 1), date(2026, 12, 31)),
    Campaign("autumn", "Autumn Sale", "jaya", "PT Jaya", date(2026, 11, 1), date(2026, 12, 31),
             ("31", "32", "73")),
)  # fmt: skip
# The same campaigns with the link of one below that of the other.
NESTED = (CAMPAIGNS[0], replace(CAMPAIGNS[1], inside=("spring",)))
ALONE_IN_TIME = History((), CAMPAIGNS)


@cache
def catalogue() -> Catalogue:
    words = {"english": "under 40", "indonesian": "di bawah 40 tahun"}
    return build_catalogue(
        SegmentSettings.model_validate(
            {
                "age_groups": {
                    "under_40": {"bands": ["18-20", "21-24", "25-29", "30-34", "35-39"], **words}
                },
                "areas": {
                    "java": {
                        "regions": ["31", "32", "33", "34", "35", "36"],
                        "english": "Java",
                        "indonesian": "Pulau Jawa",
                    }
                },
                "cross_tables": {
                    "gender": ["all", "gender"],
                    "age": ["all", "group"],
                    "region": ["all", "area"],
                },
                "named": {
                    "everyone": {"english": "people", "indonesian": "orang"},
                    "men": {"gender": "male", "english": "men", "indonesian": "pria"},
                    "women": {"gender": "female", "english": "women", "indonesian": "wanita"},
                    "men_under_40": {
                        "gender": "male",
                        "age": "under_40",
                        "english": "men under 40",
                        "indonesian": "pria di bawah 40 tahun",
                    },
                    "women_makassar": {
                        "gender": "female",
                        "region": "73.71",
                        "english": "women in Makassar City",
                        "indonesian": "wanita di Kota Makassar",
                    },
                },
            }
        )
    )


def count(
    subject: str,
    people: Mapping[tuple[str, str, str], int],
    day: date = DAY,
    fresh: int = 0,
    series: Series = CAMPAIGN_DAY,
) -> Counted:
    """The true table; `fresh` people of each atom are not trusted yet."""
    dimensions = catalogue().dimensions
    grid = np.zeros(catalogue().shape, dtype=np.int64)
    trusted = grid.copy()
    for codes, number in people.items():
        atom = tuple(d.leaves.index(code) for d, code in zip(dimensions, codes, strict=True))
        grid[atom], trusted[atom] = number, number - min(fresh, number)
    key = TableKey(series.kind, subject, Period.of(series.period_kind, day))
    return Counted(key, grid, trusted, grid.astype(np.uint64), np.ones_like(grid, dtype=bool))


def true_count(counted: Counted, segment: int) -> int:
    leaves = [group.leaves for group in catalogue().groups(segment)]
    return int(counted.people[np.ix_(*leaves)].sum())


def show(counted: Counted, segments: Sequence[str] = SHOWN, **changed: int) -> Figures:
    """Figures rounded to the nearest ten, `changed` ones as given."""
    rows = sorted(catalogue().positions[name] for name in segments)
    people = [
        changed.get(catalogue().id(row), round(true_count(counted, row) / 10) * 10) for row in rows
    ]
    return Figures(counted.key, np.array(rows, dtype=np.int32), np.array(people, dtype=np.int64))


def audited(day: date = DAY, shown: Sequence[str] = SHOWN) -> Audited:
    counted = [count(name, people, day) for name, people in sorted(TABLES.items())]
    return judged([show(table, shown) for table in counted], counted)


def judged(
    figures: Sequence[Figures], counted: Sequence[Counted], history: History = ALONE_IN_TIME
) -> Audited:
    """What withstands the attack; without earlier releases unless they are given."""
    return audit(figures, counted, catalogue(), POLICY.promise, history=history)


def facts(subjects: Sequence[Subject] = CAMPAIGNS) -> Facts:
    return Facts(
        policy=POLICY,
        subjects=subjects,
        inputs={"visits/day=2026-11-22/a.parquet": "0" * 64},
        accounts={"visits": RowAccount("visits", 10, 8, 1, {"late": 1})},
        code_version="0.1.0",
    )


def release(home: Home, day: date = DAY, secret: Secret = SECRET) -> Publication:
    return publish(audited(day), facts(), home, Ledger.open(home.ledger), secret)


def release_longer(home: Home, day: date = DAY) -> None:
    """The week and month that hold the day, of campaigns, interests and the audience."""
    everybody = {atom: 4 * people for atom, people in SPRING.items()}
    topics = {
        INTEREST_WEEK: [Topic(code, Text(code, code)) for code in ("electronics", "sports")],
        AUDIENCE_MONTH: [Topic("everyone", Text("everyone", "semua orang"))],
    }
    ledger = Ledger.open(home.ledger)
    for series in (CAMPAIGN_WEEK, CAMPAIGN_MONTH, INTEREST_WEEK, AUDIENCE_MONTH):
        subjects = topics.get(series, NESTED)
        tables = {one.id: TABLES.get(one.id, SPRING) for one in subjects}
        if series == AUDIENCE_MONTH:
            tables = {"everyone": everybody}
        counted = [count(name, tables[name], day, series=series) for name in sorted(tables)]
        earlier = earlier_releases(home, ledger, series, Period.of(series.period_kind, day))
        safe = judged([show(table) for table in counted], counted, History(earlier, subjects))
        publish(safe, facts(subjects), home, ledger, SECRET)


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
