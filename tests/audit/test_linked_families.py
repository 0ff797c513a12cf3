"""Months, weeks and days proved as one: the families, and that there are people of each."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import numpy as np
import pytest
from linked_worlds import links_among
from shops import FLOOR, published

from anonymizer.audit.linked_checker import check_linked
from anonymizer.periods import Period
from anonymizer.protection.linked.related import joins_of
from anonymizer.protection.linked.withholding import withhold_joined

SATURDAY = date(2026, 11, 21)
DAYS = [SATURDAY + timedelta(days=number) for number in range(4)]  # the last two: another week
KINDS = np.array([kind for kind in product((0, 1), repeat=4) if any(kind)])


def period_tables(seed):
    """A month, its two weeks and the two days of each, of people who come at least once."""
    rng = np.random.default_rng(seed)
    chances = np.multiply.outer(np.multiply.outer([5, 4], [4, 3, 2, 1]), 1 / np.arange(1, 9))
    chance = (0.4**KINDS * 0.6 ** (1 - KINDS)).prod(axis=1)
    came = rng.multinomial(rng.poisson(chances * 40), chance / chance.sum())
    parts = {Period("day", day): [number] for number, day in enumerate(DAYS)}
    parts |= {Period.of("week", DAYS[0]): [0, 1], Period.of("week", DAYS[2]): [2, 3]}
    parts[Period.of("month", DAYS[0])] = [0, 1, 2, 3]
    tables = []
    for period, days in parts.items():
        made = published("c", came[..., KINDS[:, days].any(axis=1)].sum(axis=-1), rng)
        figures = replace(made.figures, key=replace(made.key, period=period))
        tables.append(replace(made, figures=figures, runs=(DAYS[0], DAYS[-1])))
    return tables


@pytest.fixture(scope="module")
def proved():
    tables = period_tables(1)
    return tables, withhold_joined(joins_of(tables, ()), tables, FLOOR)


def test_a_month_with_its_weeks_and_days_has_one_proof(proved):
    tables, left = proved
    assert left.figures == 0
    month = max(left.proofs, key=lambda proof: len(proof.tables))
    assert len(month.tables) == 7
    assert check_linked(links_among(tables), left.proofs, FLOOR) == ()
    assert check_linked(links_among(tables), [month], FLOOR) == ()
    others = [proof for proof in left.proofs if proof is not month]
    assert check_linked(links_among(tables), others, FLOOR)


def families(proof):
    """Starts and some of the others, by table and class."""
    witnesses = proof.witnesses
    yield from (start.reshape(len(proof.tables), -1) for start in witnesses.starts)
    for row in range(0, witnesses.changes.shape[0], 50):
        moved = witnesses.changes[[row]].toarray().ravel()
        start = witnesses.starts[witnesses.start_of[row]]
        yield (start + moved).reshape(len(proof.tables), -1)


def on_a_circle(proof, people):
    """People by table in one cell: weeks side by side on the circle of the month, days in them."""
    count = {key.period: int(own) for key, own in zip(proof.tables, people, strict=True)}
    month, begin = Period.of("month", DAYS[0]), 0
    found = {month: set(range(count[month]))}
    for week in (Period.of("week", DAYS[0]), Period.of("week", DAYS[2])):
        arc = [(begin + place) % max(count[month], 1) for place in range(count[week])]
        found[week], inside = set(arc), 0
        for day in (Period("day", day) for day in DAYS if day in week.days):
            places = [(inside + place) % max(len(arc), 1) for place in range(count[day])]
            found[day], inside = {arc[place] for place in places}, inside + count[day]
        begin += count[week]
    return count, found


def test_there_are_people_for_every_family(proved):
    proof = max(proved[1].proofs, key=lambda proof: len(proof.tables))
    seen = 0
    for family in families(proof):
        for people in family.T:
            count, found = on_a_circle(proof, people)
            assert {period: len(who) for period, who in found.items()} == count
            days = set().union(*(who for period, who in found.items() if period.kind == "day"))
            assert days == found[Period.of("month", DAYS[0])]
            for period, who in found.items():
                around = [Period.of(kind, period.start) for kind in ("week", "month")]
                assert all(who <= found[wider] for wider in around if period.kind != "month")
            seen += bool(count[Period.of("month", DAYS[0])])
    assert seen > 100


@pytest.mark.parametrize("kind", ["day", "week", "month"])
@pytest.mark.parametrize("off", [-40, 40])
def test_people_of_one_table_alone_are_seen_to_be_wrong(proved, kind, off):
    """One cell of one table, where another cell of the same figures makes up for it."""
    tables, left = proved
    proof = max(left.proofs, key=lambda proof: len(proof.tables))
    starts = proof.witnesses.starts.reshape(len(proof.witnesses.starts), len(proof.tables), -1)
    place = next(n for n, key in enumerate(proof.tables) if key.period.kind == kind)
    largest = np.argsort(-starts[0, place])[:2]
    changed = starts.copy()
    changed[0, place, largest] += (off, -off)
    witnesses = replace(proof.witnesses, starts=changed.reshape(len(starts), -1))
    assert check_linked(links_among(tables), [replace(proof, witnesses=witnesses)], FLOOR)
