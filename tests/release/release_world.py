"""A world small enough to check by hand: two campaigns, four kinds of people, a few segments.

spring (advertiser maju): 503 men of 25-29 in Central Jakarta, 398 men of 45-49 in Bandung City,
                          301 women of 30-34 in Central Jakarta, 33 women of 50-54 in Makassar
autumn (advertiser jaya): half as many of each, other people

The people of a kind are numbered; a table takes so many of them from a first number on.
"""

import hashlib
import pickle
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from anonymizer.model.accounting import RowAccount
from anonymizer.model.dimensions import Text
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy, Promise
from anonymizer.model.segments import Catalogue, SegmentSettings, build_catalogue
from anonymizer.model.series import (
    AUDIENCE_MONTH,
    CAMPAIGN_DAY,
    CAMPAIGN_MONTH,
    CAMPAIGN_WEEK,
    INTEREST_WEEK,
    Series,
)
from anonymizer.model.subjects import Campaign, Subject, Topic
from anonymizer.model.tables import BUCKETS, Counted, Figures, SetHashes, TableKey
from anonymizer.release.earlier_releases import earlier_releases
from anonymizer.release.gate import Checked, Overlaps, ReleaseHistory, check
from anonymizer.release.ledger import Ledger
from anonymizer.release.near_state import NearHistory, near_history
from anonymizer.release.publication import Facts, Publication, publish
from anonymizer.storage.home import Home
from anonymizer.storage.processes import ALONE
from anonymizer.storage.secret import Secret
from anonymizer.suppression.release_suppression import ReleaseTerms, Suppressed, suppress_release

SECRET = Secret(bytes(range(32)))
POLICY = Policy()
DAY = date(2026, 11, 22)
Kind = tuple[str, str, str]
World = Mapping[str, Counted]
SPRING: Mapping[Kind, int] = {
    ("male", "25-29", "31.71"): 503,
    ("male", "45-49", "32.73"): 398,
    ("female", "30-34", "31.71"): 301,
    ("female", "50-54", "73.71"): 33,
}
AUTUMN: Mapping[Kind, int] = {kind: people // 2 for kind, people in SPRING.items()}
OTHERS = 10_000  # where the people of autumn begin
SHOWN = (
    *("everyone", "men", "women", "men_under_40"),
    *("all:all:java", "male:all:java", "female:all:java"),
)
CAMPAIGNS = (
    Campaign("spring", "Spring Sale", "maju", "PT Maju", date(2026, 11, 1), date(2026, 12, 31)),
    Campaign("autumn", "Autumn Sale", "jaya", "PT Jaya", date(2026, 11, 1), date(2026, 12, 31),
             ("31", "32", "73")),
)  # fmt: skip
NOTHING_BEFORE = NearHistory((), hashlib.sha256(b"").hexdigest())
# The catalogue is kept so that no other one has its identity.
_SUPPRESSED: dict[tuple[object, ...], tuple[tuple[Suppressed, ...], Catalogue]] = {}


def settings() -> dict[str, Any]:
    """The settings of the segments."""
    words = {"english": "under 40", "indonesian": "di bawah 40 tahun"}
    return {
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
            "age": ["all"],
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


@cache
def catalogue() -> Catalogue:
    return build_catalogue(SegmentSettings.model_validate(settings()))


# --- counts


@cache
def person(kind: Kind, number: int) -> tuple[int, int]:
    """The keyed number of a person, and the bucket that the person is in."""
    digest = hashlib.sha256(f"{kind} {number}".encode()).digest()
    return int.from_bytes(digest[:8], "big"), digest[8] % BUCKETS


def count(
    subject: str,
    people: Mapping[Kind, int],
    day: date = DAY,
    first: int = 0,
    series: Series = CAMPAIGN_DAY,
    edition: int = 1,
) -> Counted:
    """A true table: so many people of each kind, from the one numbered `first` on."""
    dimensions, shape = catalogue().dimensions, catalogue().shape
    grid = np.zeros(shape, dtype=np.int64)
    totals: defaultdict[tuple[int, int], int] = defaultdict(int)
    for kind, wanted in people.items():
        cell = tuple(d.leaves.index(code) for d, code in zip(dimensions, kind, strict=True))
        grid[cell] = wanted
        for number in range(first, first + wanted):
            mark, bucket = person(kind, number)
            totals[int(np.ravel_multi_index(cell, shape)), bucket] += mark
    positions = sorted(totals)
    hashes = SetHashes(
        np.array([cell for cell, _ in positions], dtype=np.intp),
        np.array([bucket for _, bucket in positions], dtype=np.uint8),
        np.array([totals[position] % 2**64 for position in positions], dtype=np.uint64),
    )
    key = TableKey(series.kind, subject, Period.of(series.period_kind, day), edition)
    return Counted(key, grid, hashes, np.ones(shape, dtype=bool))


def world(day: date = DAY, **fewer: int) -> list[Counted]:
    """Both campaigns on a day; `spring=3` leaves out three of the men of 25-29 of spring."""
    return [
        count(name, without(people, fewer.get(name, 0)), day, first)
        for name, people, first in (("autumn", AUTUMN, OTHERS), ("spring", SPRING, 0))
    ]


def without(people: Mapping[Kind, int], fewer: int) -> Mapping[Kind, int]:
    """The same with fewer men of 25-29."""
    kind = ("male", "25-29", "31.71")
    return {**people, kind: people[kind] - fewer}


def true_count(counted: Counted, segment: str) -> int:
    leaves = [group.leaves for group in catalogue().groups(catalogue().positions[segment])]
    return int(counted.people[np.ix_(*leaves)].sum())


# --- suppressed and checked


def terms(promise: Promise = POLICY.promise, secret: Secret = SECRET) -> ReleaseTerms:
    return ReleaseTerms(catalogue(), promise, secret, POLICY.effort)


def suppressed(
    counted: Sequence[Counted], near: NearHistory = NOTHING_BEFORE, of: ReleaseTerms | None = None
) -> tuple[Suppressed, ...]:
    """The tables of a release; equal ones are computed once in a process."""
    of = of or terms()
    promise = of.promise.model_dump_json()
    content = hashlib.sha256(pickle.dumps(tuple(counted))).digest()
    key = (content, near.digest, promise, of.secret.fingerprint, id(of.catalogue))
    if key not in _SUPPRESSED:
        _SUPPRESSED[key] = (suppress_release(counted, near.releases(), of, ALONE), of.catalogue)
    return _SUPPRESSED[key][0]


def only(table: Suppressed, segments: Iterable[str]) -> Suppressed:
    """The table with nothing but these segments published."""
    kept = [catalogue().positions[name] for name in segments]
    return table.without(np.setdiff1d(table.figures.segments, kept).astype(np.int32))


def showing(table: Suppressed, **figures: int) -> Suppressed:
    """The table with other figures for some segments, as if the suppressor had made them."""
    people = dict(zip(table.figures.segments.tolist(), table.figures.people.tolist(), strict=True))
    people |= {catalogue().positions[name]: figure for name, figure in figures.items()}
    rows = np.array(sorted(people), dtype=np.int32)
    shown = np.array([people[row] for row in rows.tolist()], dtype=np.int64)
    outcomes = table.outcomes.copy()
    outcomes[np.isin(table.judged.groups.segments, rows)] = shown
    return replace(table, figures=Figures(table.figures.key, rows, shown), outcomes=outcomes)


def figures_of(table: Suppressed) -> dict[str, int]:
    """What is published of a table, by segment id."""
    names = [catalogue().id(row) for row in table.figures.segments.tolist()]
    return dict(zip(names, table.figures.people.tolist(), strict=True))


def judged(
    tables: Sequence[Suppressed],
    counted: Sequence[Counted],
    near: NearHistory = NOTHING_BEFORE,
    of: ReleaseTerms | None = None,
) -> Checked:
    """What the gate lets through; without linked releases."""
    return check(tables, counted, of or terms(), ReleaseHistory(near, (), CAMPAIGNS, {}), ALONE)


def checked(day: date = DAY, shown: Sequence[str] = SHOWN) -> Checked:
    """The release of a day that is the first of all."""
    counted = world(day)
    return judged([only(table, shown) for table in suppressed(counted)], counted)


# --- released


def facts(subjects: Sequence[Subject] = CAMPAIGNS, policy: Policy = POLICY) -> Facts:
    return Facts(
        policy=policy,
        subjects=subjects,
        inputs={"visits/day=2026-11-22/a.parquet": "0" * 64},
        accounts={"visits": RowAccount("visits", 10, 8, 1, {"late": 1})},
        code_version="0.1.0",
    )


def recheck(
    home: Home,
    ledger: Ledger,
    counted: Sequence[Counted],
    of: ReleaseTerms | None = None,
    subjects: Sequence[Subject] = CAMPAIGNS,
    overlaps: Overlaps | None = None,
) -> Checked:
    """What may be released of counts, compared with what stands before it in the ledger."""
    key = counted[0].key
    of, series = of or terms(), Series(key.kind, key.period.kind)
    days, edition = of.promise.near_days, key.edition
    near = near_history(home, ledger, series, key.period, days, edition=edition)
    linked = earlier_releases(home, ledger, series, key.period, edition)
    tables = suppressed(counted, near, of)
    return check(tables, counted, of, ReleaseHistory(near, linked, subjects, overlaps or {}), ALONE)


def release(
    home: Home,
    day: date = DAY,
    secret: Secret = SECRET,
    ledger: Ledger | None = None,
    counted: Sequence[Counted] | None = None,
    policy: Policy = POLICY,
) -> Publication:
    ledger = ledger or Ledger.open(home.ledger)
    passed = recheck(home, ledger, counted or world(day), terms(policy.promise, secret))
    return publish(passed, facts(policy=policy), home, ledger, secret)


def release_longer(home: Home, day: date = DAY) -> None:
    """The week and month that hold the day, of campaigns, interests and the audience.

    The people of autumn are among those of spring here, and those of spring in the audience.
    """
    everybody = {kind: 4 * people for kind, people in SPRING.items()}
    topics = {
        INTEREST_WEEK: [Topic(code, Text(code, code)) for code in ("electronics", "sports")],
        AUDIENCE_MONTH: [Topic("everyone", Text("everyone", "semua orang"))],
    }
    overlaps = {("autumn", "spring"): sum(AUTUMN.values())}
    ledger = Ledger.open(home.ledger)
    for series in (CAMPAIGN_WEEK, CAMPAIGN_MONTH, INTEREST_WEEK, AUDIENCE_MONTH):
        subjects = topics.get(series, CAMPAIGNS)
        people = {"autumn": AUTUMN, "everyone": everybody}
        counted = [
            count(name, people.get(name, SPRING), day, series=series)
            for name in sorted(one.id for one in subjects)
        ]
        shared = overlaps if series.kind == "campaign" else {}
        passed = recheck(home, ledger, counted, subjects=subjects, overlaps=shared)
        publish(passed, facts(subjects), home, ledger, SECRET)


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
