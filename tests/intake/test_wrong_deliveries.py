"""Nothing wrong becomes final: days of a plain world, delivered right and in many wrong ways."""

import re
import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest
from deliveries import FIRST, WRONG, deliver_visits, make_world, visits_on
from pydantic import ValidationError

from anonymizer.counting.eligibility import find_eligible
from anonymizer.counting.reach import count_reach
from anonymizer.intake import plausibility
from anonymizer.intake.day_intake import take_in
from anonymizer.intake.plausibility import Measures, Remarks, deviations, measures_of
from anonymizer.model.accounting import RowAccount
from anonymizer.model.errors import Held, InputRejected
from anonymizer.model.policy import Plausibility, Policy, Purpose, ShareReason
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

SECRET, POLICY, LIMITS = Secret(bytes(range(32))), Policy(), Plausibility()
DAYS = [FIRST + timedelta(days=number) for number in range(60)]
HOLIDAYS, OUTAGE, WRONG_DAY = (DAYS[17], DAYS[18]), DAYS[45], 23
WEEKS = timedelta(weeks=LIMITS.weeks)
LATER = 4e9  # seconds: every file has rested long enough
pytestmark = pytest.mark.xdist_group("plausible")


@cache
def engine(step: str) -> DuckDB:
    """One for all days."""
    assert step in ("intake", "counting")
    return DuckDB(memory_megabytes=1_024, threads=1, spill=None)


def measured(home: Home, day: date) -> Measures:
    """Take a day in and count it, as a run does, without publishing."""
    taken = take_in(home, day, POLICY, SECRET, engine("intake"), now=LATER)
    people = find_eligible(engine("counting"), home, day, POLICY, SECRET).account
    visits = count_reach(engine("counting"), home, day, POLICY, SECRET).account
    remarks = Remarks({**taken.unmapped, **taken.unstated}, taken.people, taken.ignored)
    return measures_of(day, taken.accounts, people, visits, remarks)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The days up to the wrong one, with weekends, growth and two holidays."""
    return delivered(tmp_path_factory.mktemp("plausible") / "home", DAYS[: WRONG_DAY + 1])


def delivered(root: Path, days: Sequence[date]) -> Home:
    """Two holidays, a campaign that begins and an outage, as far as they are among the days."""
    home = Home(root)
    make_world(home.raw, days)
    for day in HOLIDAYS:
        deliver_visits(home.raw, day, int(0.6 * visits_on(day)))
    for day in days[30:]:
        deliver_visits(home.raw, day, visits_on(day), third="https://shop.example/c")
    if OUTAGE in days:
        deliver_visits(home.raw, OUTAGE, visits_on(OUTAGE) // 12)
    return home


@pytest.fixture(scope="module")
def before(world: Home) -> list[Measures]:
    """What the wrong day is compared with: the same weekday of three weeks, and the day before."""
    days = [*DAYS[WRONG_DAY - 21 : WRONG_DAY : 7], DAYS[WRONG_DAY - 1]]
    return [measured(world, day) for day in days]


@pytest.mark.slow
def test_good_days_are_hardly_ever_held(tmp_path: Path) -> None:
    world = delivered(tmp_path / "home", DAYS)
    released: list[Measures] = []
    held = []
    for day in (measured(world, day) for day in DAYS):
        compared = [of for of in released if of.day >= day.day - WEEKS]
        (held if deviations(day, compared, LIMITS) else released).append(day)
    days = [of.day for of in held]
    assert OUTAGE in days
    assert len(days) <= 2


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_delivery_is_held(
    name: str, world: Home, before: list[Measures], tmp_path: Path
) -> None:
    home, day = Home(tmp_path / "home"), DAYS[WRONG_DAY]
    near = DAYS[WRONG_DAY - 7 : WRONG_DAY + 2]
    unused = [f"day={of}" for of in DAYS[:WRONG_DAY] if of not in near and (of - FIRST).days % 4]
    shutil.copytree(world.raw, home.raw, ignore=shutil.ignore_patterns(*unused))
    WRONG[name](home.raw, day)
    try:
        found = deviations(measured(home, day), before, LIMITS)
    except (InputRejected, Held):  # it cannot even be taken in
        return
    assert found
    assert all(deviation.look_at for deviation in found)


def test_what_is_found_says_where_to_look() -> None:
    def day(number: int, births: int) -> Measures:
        shares = {"people age_not_known": (births, 1_000)}
        return Measures(FIRST + timedelta(days=number), {"visits of the day": 900}, shares)

    (found,) = deviations(day(9, 990), [day(number, 20) for number in range(9)], LIMITS)
    assert str(found) == (
        "people: age_not_known: found 99.0%, expected 2.0% as on the days before, limit 20 "
        "percentage points from that; look at birth_date in raw/profiles"
    )
    (first,) = deviations(day(0, 990), (), LIMITS)
    assert "any day" in first.expected


def test_limits_are_tighter_where_weekdays_can_be_compared() -> None:
    def day(number: int, visits: int) -> Measures:
        return Measures(FIRST + timedelta(days=number), {"visits of the day": visits})

    weeks = [day(7 * number, 1_000) for number in range(4)]
    fewer = [day(number, 1_000) for number in range(5)]
    assert deviations(day(28, 450), weeks, LIMITS)
    assert not deviations(day(28, 550), weeks, LIMITS)
    assert not deviations(day(5, 450), fewer, LIMITS)
    assert deviations(day(5, 200), fewer, LIMITS)
    assert deviations(day(5, 6_100), fewer, LIMITS)
    assert not deviations(day(5, 5_900), fewer, LIMITS)


def test_a_source_that_was_repaired_is_not_held() -> None:
    """Nor is the last day that has arrived, whose folder has no visits of the next day yet."""

    def day(number: int, births: int, other: int) -> Measures:
        shares = {"people age_not_known": (births, 1_000), "visits other_day": (other, 1_000)}
        return Measures(FIRST + timedelta(days=number), {}, shares)

    before = [day(number, 300, 490) for number in range(9)]
    assert deviations(day(9, 2, 16), before, LIMITS) == ()
    assert len(deviations(day(9, 600, 960), before, LIMITS)) == 2


def test_a_day_without_campaigns_is_compared_by_its_delivery_alone() -> None:
    def day(number: int, births: int, *, campaigns: bool) -> Measures:
        account = RowAccount("profiles", 500, 500)
        raw = {"profiles": account, "visits": RowAccount("visits", 500, 500)}
        people = RowAccount("people", 500, 500 - births, excluded={"age_not_known": births})
        excluded = {"no_campaign": 100} if campaigns else {"no_campaign": 500}
        counted = RowAccount("visits", 500, 500 - sum(excluded.values()), excluded=excluded)
        on = FIRST + timedelta(days=number)
        return measures_of(on, raw, people, counted if campaigns else None, Remarks())

    before = [day(number, 10, campaigns=True) for number in range(9)]
    assert deviations(day(9, 10, campaigns=False), before, LIMITS) == ()
    found = deviations(day(9, 400, campaigns=False), before, LIMITS)
    assert [one.measure for one in found] == ["people counted", "people: age_not_known"]
    # Days without campaigns say nothing of how visits are counted on others.
    without = [day(number, 10, campaigns=False) for number in range(9)]
    assert deviations(day(9, 10, campaigns=True), without, LIMITS) == ()
    assert deviations(day(9, 400, campaigns=True), without, LIMITS)


def test_more_that_is_ignored_than_ever_is_held_and_less_is_not() -> None:
    def day(number: int, **ignored: int) -> Measures:
        account = RowAccount("profiles", 500, 500)
        raw = {"profiles": account, "visits": RowAccount("visits", 500, 500)}
        people, visits = RowAccount("people", 500, 500), RowAccount("visits", 500, 500)
        on = FIRST + timedelta(days=number)
        return measures_of(on, raw, people, visits, Remarks(ignored=ignored))

    before = [day(number, columns=2, files=number % 2) for number in range(6)]
    assert deviations(day(6, columns=2, files=1), before, LIMITS) == ()
    assert deviations(day(6, columns=0, files=0), before, LIMITS) == ()
    found = deviations(day(6, columns=3, files=2), before, LIMITS)
    names = [deviation.measure for deviation in found]
    assert names == ["ignored columns", "ignored files and folders"]
    assert "found 3, expected at most 2" in str(found[0])
    # The first days, and days that were taken in before this was counted.
    assert deviations(day(0, columns=9, files=9), (), LIMITS) == ()
    assert deviations(day(6, columns=9, files=9), [day(n) for n in range(6)], LIMITS) == ()


def test_people_of_each_table_are_compared() -> None:
    def day(number: int, people: int) -> Measures:
        on = FIRST + timedelta(days=number)
        return Measures(on, {"people of visits": people, "people counted": people})

    before = [day(7 * number, 1_000) for number in range(4)]
    assert deviations(day(28, 600), before, LIMITS) == ()
    names = [deviation.measure for deviation in deviations(day(28, 400), before, LIMITS)]
    assert names == ["people of visits", "people counted"]


def test_a_snapshot_does_not_shrink() -> None:
    before = [Measures(FIRST, {"profiles": 1_000, "consents": 50})]
    smaller = Measures(FIRST + timedelta(days=1), {"profiles": 940, "consents": 0})
    (found,) = deviations(smaller, before, LIMITS)
    assert found.measure == "rows of profiles"
    enough = Measures(FIRST + timedelta(days=1), {"profiles": 950})
    assert deviations(enough, before, LIMITS) == ()


@pytest.mark.parametrize("reason", ["age_not_known", "no_campaign", "guest"])
def test_each_share_can_have_a_limit_of_its_own(reason: str) -> None:
    """Where weekdays can be compared, where they cannot, and on the first day."""

    def day(number: int, rows: int) -> Measures:
        shares = {f"visits {reason}": (rows, 1_000), "visits minor": (rows, 1_000)}
        return Measures(FIRST + timedelta(days=number), {}, shares)

    own = Plausibility.model_validate({"max_share_change_by_reason": {reason: 0.02}})
    weeks = [day(7 * number, 100) for number in range(4)]
    fewer = [day(number, 100) for number in range(5)]
    for before, number, most in ((weeks, 28, 120), (fewer, 5, 140), ([], 0, 20)):
        assert deviations(day(number, most - 1), before, own) == ()
        assert deviations(day(number, most + 1), before, LIMITS) == ()
        (found,) = deviations(day(number, most + 1), before, own)
        assert found.measure == f"visits: {reason}"


def test_a_limit_of_a_reason_that_there_is_not_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="age_unknown"):
        Plausibility.model_validate({"max_share_change_by_reason": {"age_unknown": 0.02}})


def test_every_share_that_is_measured_can_be_named(before: list[Measures]) -> None:
    measured_ones = {name.split(" ", 1)[1] for day in before for name in day.shares}
    excluding = Path(str(files("anonymizer"))) / "counting/eligibility.py"
    rules = set(re.findall(r'Rule\("([a-z_]+)"', excluding.read_text("utf-8")))
    consents = {f"no_consent_{purpose}" for purpose in get_args(Purpose)}
    assert measured_ones | rules | consents | set(plausibility._LOOK_AT) <= set(
        get_args(ShareReason)
    )
