"""Weeks, months, interests and the audience, against plain loops over a small life."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_periods import BOT, Life, Table, overlaps, tables, write
from plain_reach import lowest
from rotation import examples
from small_world import SECRET, key

from anonymizer.counting.eligibility import find_eligible_in
from anonymizer.counting.inputs import inputs_missing
from anonymizer.counting.reach import (
    campaigns_of,
    count_series,
    load_counted_series,
    load_overlaps,
)
from anonymizer.model.accounting import RowAccount
from anonymizer.model.dimensions import Text
from anonymizer.model.errors import Held
from anonymizer.model.periods import Period
from anonymizer.model.policy import Bots, Policy, Timing
from anonymizer.model.segments import Catalogue, Interest
from anonymizer.model.series import (
    AUDIENCE_MONTH,
    CAMPAIGN_DAY,
    CAMPAIGN_MONTH,
    CAMPAIGN_WEEK,
    INTEREST_WEEK,
    Series,
)
from anonymizer.model.tables import Counted
from anonymizer.model.windows import closing_day, oldest_needed
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.home import Home

MONDAY, SUNDAY = date(2026, 11, 16), date(2026, 11, 22)
WEEK = Period("week", MONDAY)
MONTH = Period("month", date(2026, 11, 1))
POLICY = Policy(bots=Bots(max_visits_per_day=BOT))
INTERESTS = tuple(Interest(code, Text(code, code), (code,)) for code in ("books", "films"))
PRIVATE = ("people", "excluded", "reach", "overlaps")
CODES = tuple(interest.code for interest in INTERESTS)


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


@dataclass(frozen=True)
class Outcome:
    account: RowAccount
    tables: tuple[Counted, ...]

    def people(self) -> dict[str, int]:
        return {table.key.subject_id: int(table.people.sum()) for table in self.tables}


Work = Callable[..., Outcome]


@pytest.fixture
def work(tmp_path_factory: pytest.TempPathFactory, engine: DuckDB, catalogue: Catalogue) -> Work:
    interested = replace(catalogue, interests=INTERESTS)

    def run(life: Life, series: Series = CAMPAIGN_WEEK, period: Period = WEEK) -> Outcome:
        home = Home(tmp_path_factory.mktemp("home"))
        write(life, home)
        find_eligible_in(engine, home, series, period, POLICY, SECRET)
        reach = count_series(engine, home, series, period, POLICY, SECRET, interested)
        counted = load_counted_series(home, series, period, interested)
        assert reach.tables == len(counted)
        expected = agree(life, counted, series, period, interested)
        if series.kind == "campaign":
            assert load_overlaps(home, series, period) == overlaps(expected)
        return Outcome(reach.account, counted)

    return run


def agree(
    life: Life, counted: tuple[Counted, ...], series: Series, period: Period, catalogue: Catalogue
) -> Mapping[str, Table]:
    """Every cell of every table is what plain loops say, which is returned."""
    subjects = tuple(table.key.subject_id for table in counted)
    assert list(subjects) == sorted(subjects)
    expected = tables(life, series.kind, series.period_kind, period.start, period.end, subjects)
    leaves = [axis.leaves for axis in catalogue.dimensions]
    for table in counted:
        found = {
            tuple(codes[p] for codes, p in zip(leaves, place, strict=True)): int(people)
            for place, people in zip(
                zip(*table.people.nonzero(), strict=True),
                table.people[table.people.nonzero()],
                strict=True,
            )
        }
        wanted = expected[table.key.subject_id]
        assert found == {cell: len(who) for cell, who in wanted.items()}
    return expected


def life_of(*names: str, starts: date = date(2026, 10, 1), ends: date = date(2026, 12, 31)) -> Life:
    life = Life()
    life.campaigns["c1"] = (starts, ends, None)
    for name in names:
        life.person(name)
    return life


@pytest.mark.alternate("people of longer periods")
def test_people_of_a_week_are_not_those_of_its_days_added_up(work: Work) -> None:
    life = life_of("ann", "ben")
    life.campaigns["c2"] = life.campaigns["c1"]
    for number in range(7):
        life.visit("ann", day(number), "c2" if number % 2 else "c1")
    life.visit("ben", day(3), "c1")
    life.visit("ben", day(-1), "c2")
    outcome = work(life)
    assert outcome.people() == {"c1": 2, "c2": 1}
    assert (outcome.account.read, outcome.account.counted) == (8, 8)


@pytest.mark.alternate("people of longer periods")
def test_late_visits_count_until_the_closing_day_and_not_after(work: Work) -> None:
    life = life_of("ann", "ben", "eve", "kim")
    life.visit("ann", SUNDAY, "c1", arrival=SUNDAY + timedelta(days=2))
    life.visit("ben", SUNDAY, "c1", arrival=SUNDAY + timedelta(days=3))
    life.visit("eve", MONDAY, "c1", arrival=MONDAY + timedelta(days=4))
    life.visit("kim", day(-1), "c1", arrival=day(2))  # late, and of the week before
    outcome = work(life)
    assert outcome.people() == {"c1": 2}
    assert outcome.account.counted == outcome.account.read == 2


@pytest.mark.alternate("people of longer periods")
def test_a_late_visit_that_was_read_before_is_a_duplicate(work: Work) -> None:
    life = life_of("ann", "ben")
    life.visit("ann", MONDAY, "c1")
    life.visit("ann", MONDAY, "c1", arrival=day(3), again=0)
    life.visit("ben", MONDAY, "c1", arrival=day(3))
    life.visit("ben", MONDAY, "c1", arrival=day(4), again=2)
    outcome = work(life)
    assert outcome.people() == {"c1": 2}
    assert (outcome.account.read, outcome.account.duplicates) == (4, 2)


@pytest.mark.alternate("people of longer periods")
def test_a_visit_that_was_read_before_makes_no_program(work: Work) -> None:
    life = life_of("ann")
    for _ in range(BOT):
        life.visit("ann", MONDAY, "c1")
    life.visit("ann", MONDAY, "c1", arrival=day(3), again=0)
    assert work(life).people() == {"c1": 1}


@pytest.mark.parametrize("kind", ["erase", "withdraw"])
@pytest.mark.parametrize(("on", "counts"), [(2, False), (8, False), (9, True)])
def test_what_is_asked_for_until_the_closing_day_acts(
    kind: str, on: int, counts: bool, work: Work
) -> None:
    life = life_of("ann", "ben")
    for who in ("ann", "ben"):
        life.visit(who, MONDAY, "c1")
    life.requests.append(("ann", kind, day(on)))
    assert work(life).people() == {"c1": 2 if counts else 1}


@pytest.mark.alternate("people of longer periods")
def test_a_person_is_who_they_are_on_the_last_day(work: Work) -> None:
    life = life_of("ann", "ben", "eve", "kim", "lou")
    life.campaigns["jakarta"] = (day(0), day(6), ["31"])
    for who in life.people:
        life.visit(who, MONDAY, "c1")
        life.visit(who, MONDAY, "jakarta")
    life.changes += [
        ("ann", day(3), {"region": "32.73", "age": 35}),
        ("ben", day(6), {"closed": True}),
        ("eve", day(7), {"region": "32.73", "closed": True}),
        ("kim", day(2), {"age": 17}),
    ]
    life.people["lou"]["registered"] = day(6) - timedelta(days=30)
    outcome = work(life)
    assert outcome.people() == {"c1": 3, "jakarta": 2}
    life.people["lou"]["registered"] = day(6) - timedelta(days=29)
    outcome = work(life)
    assert outcome.people() == {"c1": 2, "jakarta": 1}
    assert outcome.account.excluded["new_account"] == 2


@pytest.mark.alternate("several periods")
def test_day_week_and_month_choose_the_same_campaigns(work: Work) -> None:
    """Where a person accesses the same campaigns, they count in the same ones in every period."""
    names = ("c1", "c2", "c3", "c4")
    life = life_of(*(f"p{number}" for number in range(12)))
    life.campaigns |= dict.fromkeys(names, life.campaigns["c1"])
    for who in life.people:
        for name in names:
            life.visit(who, SUNDAY, name)
    expected = [
        sum(name in lowest(key(who), set(names), 2) for who in life.people) for name in names
    ]
    for series, period in (
        (CAMPAIGN_DAY, Period("day", SUNDAY)),
        (CAMPAIGN_WEEK, WEEK),
        (CAMPAIGN_MONTH, MONTH),
    ):
        outcome = work(life, series, period)
        assert list(outcome.people().values()) == expected
        assert outcome.account.excluded == {"contribution_bound": 24}


@pytest.mark.alternate("several periods")
def test_a_week_bounds_what_its_days_count_together(work: Work) -> None:
    life = life_of("ann")
    names = ("c1", "c2", "c3")
    life.campaigns |= dict.fromkeys(names, life.campaigns["c1"])
    life.advertisers["other"] = "b"
    life.campaigns["other"] = life.campaigns["c1"]
    for number, name in enumerate((*names, "other")):
        life.visit("ann", day(number), name)
        outcome = work(life, CAMPAIGN_DAY, Period("day", day(number)))
        assert outcome.people()[name] == outcome.account.counted == 1
    outcome = work(life)
    counted = {name for name, people in outcome.people().items() if people}
    assert counted == {"other"} | lowest(key("ann"), set(names), 2)
    assert outcome.account.excluded == {"contribution_bound": 1}


@pytest.mark.alternate("people of longer periods")
def test_a_campaign_without_a_table_keeps_its_visits(work: Work) -> None:
    """A tie is decided alike in every period: what a day counts for c1 no week counts for c2."""
    life = life_of("ann", "ben")
    life.campaigns["short"] = (day(2), day(2), ["31"])
    life.people["ben"]["region"] = "61.71"
    for who in ("ann", "ben"):
        life.visit(who, day(2), "short", "c1")
    outcome = work(life, CAMPAIGN_DAY, Period("day", day(2)))
    assert outcome.people() == {"c1": 1, "short": 1}
    outcome = work(life)
    assert outcome.people() == {"c1": 1}
    assert outcome.account.excluded == {"no_campaign": 1}


@pytest.mark.alternate("people of longer periods")
def test_a_program_on_one_day_is_a_program_all_week(work: Work) -> None:
    life = life_of("ann", "ben", "eve")
    for who in ("ann", "ben", "eve"):
        life.visit(who, MONDAY, "c1")
    for _ in range(BOT + 1):
        life.visit("ann", day(2))
    for number in range(BOT):
        life.visit("ben", day(4))
        life.visit("eve", day(5), arrival=None if number else day(8))
    life.visit("eve", day(5), arrival=day(8))
    outcome = work(life)
    assert outcome.people() == {"c1": 1}
    assert outcome.account.excluded["too_many_visits"] == 2 * BOT + 4


@pytest.mark.alternate("several periods")
@pytest.mark.parametrize(
    ("starts", "ends", "week", "month"),
    [
        (day(2), day(2), False, False),
        (day(2), day(3), True, False),
        (day(0), day(6), True, False),
        (day(6), day(7), False, True),
        (day(-30), day(0), False, True),
        (day(-40), day(-16), False, False),  # ends on Saturday 31 October
        (day(-40), day(-15), False, False),  # on Sunday 1 November, alone in its week and month
        (day(14), day(40), False, False),  # begins on Monday 30 November
        (day(13), day(40), False, True),
        (day(-40), day(40), True, True),
    ],
)
def test_no_table_shows_the_people_of_a_shorter_one_again(
    starts: date, ends: date, week: bool, month: bool, work: Work
) -> None:
    life = life_of("ann", starts=starts, ends=ends)
    for number in range(-10, 16):
        if starts <= day(number) <= ends:
            life.visit("ann", day(number), "c1")
    for series, period, there in (
        (CAMPAIGN_WEEK, WEEK, week),
        (CAMPAIGN_MONTH, MONTH, month),
    ):
        outcome = work(life, series, period)
        assert outcome.people() == ({"c1": 1} if there else {})


def test_interests_look_back_thirty_days_and_need_their_own_consent(work: Work) -> None:
    life = life_of("ann", "ben", "eve", "kim")
    life.person("lou", purposes=("use", "disclosure"))
    life.decisions.append(("kim", "advertising_cookies", False, SUNDAY + timedelta(days=2)))
    first = SUNDAY - timedelta(days=29)
    life.visit("ann", first, interest="books")
    life.visit("ben", first - timedelta(days=1), interest="books")
    life.visit("eve", day(0), "c1", interest="films")
    life.visit("eve", day(1))
    for who in ("kim", "lou", None):
        life.visit(who, day(0), interest="books")
    outcome = work(life, INTEREST_WEEK, WEEK)
    assert outcome.people() == {"books": 1, "films": 1}
    assert outcome.account.counted == 2
    assert outcome.account.excluded == {
        "guest": 1,
        "no_consent_advertising_cookies": 2,
        "no_interest": 1,
    }


@pytest.mark.alternate("people of longer periods")
def test_interests_count_no_program_and_no_visit_twice(work: Work) -> None:
    life = life_of("ann", "ben")
    life.visit("ann", day(0), interest="books")
    life.visit("ann", day(0), interest="books", arrival=day(3), again=0)
    life.visit("ben", day(0), interest="books", program=True)
    outcome = work(life, INTEREST_WEEK, WEEK)
    assert outcome.people() == {"books": 1, "films": 0}
    assert (outcome.account.read, outcome.account.duplicates) == (3, 1)
    assert outcome.account.excluded == {"program": 1}


@pytest.mark.alternate("people of longer periods")
def test_the_audience_is_everybody_eligible_on_the_last_day_of_the_month(work: Work) -> None:
    life = life_of("ann", "ben", "eve", "kim", "lou")
    life.person("max", purposes=("use",))
    life.changes += [
        ("ann", date(2026, 11, 30), {"closed": True}),
        ("ben", date(2026, 12, 1), {"closed": True}),
    ]
    life.requests.append(("eve", "erase", date(2026, 12, 2)))
    life.people["kim"]["registered"] = date(2026, 11, 1)
    for _ in range(BOT + 1):
        life.visit("lou", day(0))
    outcome = work(life, AUDIENCE_MONTH, MONTH)
    assert outcome.people() == {"everyone": 1}
    assert outcome.account == RowAccount("people", 1, 1)
    assert outcome.tables[0].possible.all()


def test_a_day_that_is_not_taken_in_holds_the_period(
    tmp_path_factory: pytest.TempPathFactory, engine: DuckDB, catalogue: Catalogue
) -> None:
    home = Home(tmp_path_factory.mktemp("home"))
    write(life_of("ann"), home)
    timing = POLICY.timing
    for series in (CAMPAIGN_WEEK, INTEREST_WEEK):
        assert inputs_missing(home, series, WEEK, timing) == ()
    home.working_file("visits", day(3)).unlink()
    home.working_file("late", day(8)).unlink()
    assert inputs_missing(home, CAMPAIGN_WEEK, WEEK, timing) == (day(3), day(8))
    assert inputs_missing(home, INTEREST_WEEK, Period("week", date(2026, 10, 19)), timing) == (
        *(date(2026, 9, 26) + timedelta(days=number) for number in range(5)),
    )
    with pytest.raises(Held, match=r"missing_input.*2026-11-19, 2026-11-24; run them first"):
        find_eligible_in(engine, home, CAMPAIGN_WEEK, WEEK, POLICY, SECRET)
    with pytest.raises(Held, match="missing_input"):
        count_series(engine, home, CAMPAIGN_WEEK, WEEK, POLICY, SECRET, catalogue)


def test_a_period_closes_some_days_after_its_last() -> None:
    timing = Timing(open_days=3)
    assert closing_day(WEEK, timing) == date(2026, 11, 25)
    assert closing_day(MONTH, timing) == date(2026, 12, 3)
    assert closing_day(Period("day", MONDAY), timing) == MONDAY
    # Of October, which is open until 3 November; and 30 days before a week that is open.
    assert oldest_needed(date(2026, 11, 3), timing) == date(2026, 10, 1)
    assert oldest_needed(date(2026, 11, 4), timing) == date(2026, 10, 3)


NAMES = [f"p{number}" for number in range(6)]
NAMED = ["c1", "c2", "c3", "c4"]
OFFSETS = st.integers(-32, 16)
VISITS = st.lists(
    st.tuples(
        st.sampled_from([*NAMES, "stranger", None]),
        OFFSETS,
        st.lists(st.sampled_from(NAMED), unique=True, max_size=2),
        st.sampled_from([None, *CODES]),
        st.sampled_from([0, 0, 0, 2, 3, 5]),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=30,
)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        OFFSETS,
        st.sampled_from(
            [{"age": 17}, {"age": 40}, {"region": "32.73"}, {"closed": True}, {"gender": "female"}]
        ),
    ),
    max_size=5,
)
REQUESTS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["erase", "withdraw"]), OFFSETS), max_size=3
)
DECISIONS = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(["use", "disclosure", "advertising_cookies"]),
        st.booleans(),
        OFFSETS,
    ),
    max_size=4,
)


@pytest.mark.slow
@given(VISITS, CHANGES, REQUESTS, DECISIONS)
@settings(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_life_is_counted_as_plain_loops_count_it(
    work: Work,
    visits: list[tuple[str | None, int, list[str], str | None, int, bool]],
    changes: list[tuple[str, int, dict[str, object]]],
    requests: list[tuple[str, str, int]],
    decisions: list[tuple[str, str, bool, int]],
) -> None:
    life = life_of(*NAMES)
    first, last = life.campaigns["c1"][:2]
    life.campaigns |= {"c2": (first, last, ["31"]), "c3": (day(1), last, None)}
    life.campaigns["c4"] = (first, last, ["32"])
    life.advertisers["c4"] = "b"
    for who, number, campaigns, interest, later, program in visits:
        arrival = day(number + later) if later else None
        if arrival and arrival > date(2026, 12, 4):
            arrival = None
        life.visit(
            who, day(number), *campaigns, interest=interest, arrival=arrival, program=program
        )
    life.changes += [(who, day(number), change) for who, number, change in changes]
    life.requests += [(who, kind, day(number)) for who, kind, number in requests]
    life.decisions += [(who, purpose, told, day(n)) for who, purpose, told, n in decisions]
    for series, period in (
        (CAMPAIGN_WEEK, WEEK),
        (CAMPAIGN_MONTH, MONTH),
        (INTEREST_WEEK, WEEK),
        (AUDIENCE_MONTH, MONTH),
    ):
        work(life, series, period)


@pytest.mark.alternate("equal bytes")
def test_the_same_life_gives_the_same_bytes_and_stages_of_their_own(
    tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue
) -> None:
    life = life_of("ann", "ben", "eve")
    life.campaigns["c2"] = life.campaigns["c3"] = life.campaigns["c1"]
    for number in range(7):
        for who in ("ann", "ben", "eve"):
            arrival = day(number + 2) if number == 3 else None
            life.visit(who, day(number), f"c{number % 3 + 1}", arrival=arrival)
    written = []
    for threads in (1, 2):
        home = Home(tmp_path_factory.mktemp("home"))
        write(life, home)
        life.visits.reverse()
        with DuckDB(memory_megabytes=512, threads=threads, spill=None) as engine:
            find_eligible_in(engine, home, CAMPAIGN_WEEK, WEEK, POLICY, SECRET)
            count_series(engine, home, CAMPAIGN_WEEK, WEEK, POLICY, SECRET, catalogue)
        stages = [CAMPAIGN_WEEK.stage(name) for name in PRIVATE]
        written.append([home.working_file(stage, SUNDAY).read_bytes() for stage in stages])
        assert not home.working_file("people", SUNDAY).exists()
        assert campaigns_of(home, CAMPAIGN_DAY, Period("day", SUNDAY)).num_rows == 3
        assert not any(key("ann") in content for content in written[0][2:])
    assert written[0] == written[1]
