"""The systems under attack do what their docstrings say, against sets of people in plain Python."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from plain_sets import sets_of
from population import Crowd, Positions, leaves_of
from publishers import (
    FixedStepSharing,
    Judge,
    Publisher,
    RaisedThresholdSharing,
    Sharing,
    Unprotected,
)
from segment_sums import hashes_by_segment
from worlds import Campaign, Census, World, bounded, day, loaded, releases

from anonymizer.model.policy import Promise
from anonymizer.model.tables import TableKey
from anonymizer.storage.secret import Secret

PROMISE = Promise()
SECRET = Secret(b"attacks on tables of visitors 32")


def test_a_figure_is_right_on_average_and_never_below_the_threshold() -> None:
    judge = Judge(PROMISE, SECRET)
    for people in (57, 64, 101):
        figures = [judge.figure(people, mark) for mark in range(3_000)]
        assert set(figures) == {people // 10 * 10, people // 10 * 10 + 10}
        assert abs(np.mean(figures) - people) < 0.3
    assert {judge.figure(53, mark) for mark in range(1_000)} == {0, 50, 60}
    assert {judge.figure(49, mark) for mark in range(1_000)} == {0}


def test_the_offset_publishes_one_more_sixth_of_sets_with_each_person() -> None:
    judge = Judge(PROMISE, SECRET)
    for people in range(50, 57):
        published = np.mean([judge.figure(people, mark) > 0 for mark in range(3_000)])
        assert abs(published - min(people - 49, 6) / 6) < 0.03


@dataclass(frozen=True)
class Judged:
    """A representative: its table, its people, its outcome."""

    key: TableKey
    people: frozenset[int]
    outcome: int


def shared_outcomes(tables: Sequence[Census], judge: Judge, smallest: int) -> list[dict[int, int]]:
    """Promise 8 with sets: the earliest near representative decides, else the set itself."""
    judged: list[Judged] = []
    every = []
    for table in tables:
        hashes, outcomes = hashes_by_segment(table), {}
        for segment, people in sets_of(table, 25).items():
            near = [r for r in judged if len(r.people ^ people) < step(r.key, table.key)]
            if not near:
                figure = judge.figure(len(people), int(hashes[segment]))
                judged.append(Judged(table.key, people, figure))
            representative = near[0] if near else judged[-1]
            if representative.outcome and len(people) >= smallest:
                outcomes[segment] = representative.outcome
        every.append(outcomes)
    return every


def step(earlier: TableKey, later: TableKey) -> int:
    return 10 + SECRET.draw("near", f"{earlier}|{later}") % 6


def published(publisher: Publisher, tables: Sequence[Census]) -> list[dict[int, int]]:
    return [
        dict(zip(figures.segments.tolist(), figures.people.tolist(), strict=True))
        for figures in publisher.release(tables)
    ]


def many_near_tables(seed: int, size: int) -> list[Census]:
    """Tables on seven days that lack and gain 0 to 15 people of one public."""
    draw = np.random.default_rng(seed)
    crowd = Crowd(draw)
    public, more = crowd.strangers(size), crowd.strangers(15)

    def visitors() -> Positions:
        lacking, gained = draw.integers(0, 16, 2)
        return np.concatenate([draw.permutation(public)[lacking:], more[:gained]])

    return tables_of_days(crowd, [visitors() for _ in range(7)])


def layered_tables(seed: int) -> list[Census]:
    """Tables whose regency, province, Java and country are about a step from each other.

    All of the layers come on the first day, some of each on later days: their groups are between
    groups of the first day, and often near two of them.
    """
    draw = np.random.default_rng(seed)
    crowd = Crowd(draw)
    core = crowd.strangers(58, leaves_of("32.01"))
    layers = [crowd.strangers(11, leaves_of(code)) for code in ("32.73", "33.74", "73.71")]
    later = [
        np.concatenate([core, *(layer[: draw.integers(12)] for layer in layers)]) for _ in range(6)
    ]
    return tables_of_days(crowd, [np.concatenate([core, *layers]), *later])


def tables_of_days(crowd: Crowd, visitors: Sequence[Positions]) -> list[Census]:
    periods = tuple(day(number) for number in range(len(visitors)))
    visits = tuple(
        visit
        for people, period in zip(visitors, periods, strict=True)
        for visit in loaded(people, period, "a")
    )
    world = World(crowd.population(), (Campaign("a"),), visits, periods)
    return [table for (table,) in releases(world, bounded(PROMISE), SECRET)]


MADE = {
    "70 people": partial(many_near_tables, 1, 70),
    "150 people": partial(many_near_tables, 2, 150),
    "300 people": partial(many_near_tables, 3, 300),
    **{f"layers {seed}": partial(layered_tables, seed) for seed in range(4)},
}


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_sharing_is_promise_8_on_sets_of_people(made: Callable[[], list[Census]]) -> None:
    tables = made()
    expected = shared_outcomes(tables, Judge(PROMISE, SECRET), PROMISE.k)
    assert published(Sharing(PROMISE, SECRET), tables) == expected
    assert any(expected)
    assert published(Unprotected(PROMISE, SECRET), tables) != expected


def test_a_step_has_six_lengths_and_one_for_each_pair_of_tables() -> None:
    tables = many_near_tables(4, 60)
    sharing = Sharing(PROMISE, SECRET)
    steps = {sharing._step(one.key, other.key) for one in tables for other in tables}
    assert steps == {10, 11, 12, 13, 14, 15}
    assert FixedStepSharing(PROMISE, SECRET)._step(tables[0].key, tables[1].key) == 10


@pytest.mark.parametrize(("seed", "size"), [(1, 62), (2, 66), (3, 72)])
def test_with_a_raised_threshold_no_follower_needs_to_be_suppressed(seed: int, size: int) -> None:
    """The oracle gives followers what their representative got, however few they are."""
    tables = many_near_tables(seed, size)
    expected = shared_outcomes(tables, Judge(PROMISE, SECRET, margin=14), smallest=0)
    assert published(RaisedThresholdSharing(PROMISE, SECRET), tables) == expected
    assert any(expected)
    for table, outcomes in zip(tables, expected, strict=True):
        people = sets_of(table, 1)
        assert all(len(people[segment]) >= PROMISE.k for segment in outcomes)


def test_the_same_world_is_published_alike() -> None:
    tables = many_near_tables(5, 200)
    for publisher in (Unprotected, Sharing):
        first, second = (published(publisher(PROMISE, SECRET), tables) for _ in range(2))
        assert first == second
