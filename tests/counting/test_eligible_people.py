"""Who counts: each rule alone, in a world where everybody else is fine."""

import hashlib
from collections.abc import Callable

import pyarrow.parquet as pq
import pytest
from small_world import DAY, SECRET, Run, World, key

from anonymizer.model.errors import Held
from anonymizer.model.policy import Bots, Eligibility, Policy, PolicyPromise
from anonymizer.storage.home import Home

Change = Callable[[World], object]


def with_ann(change: Change, **ann: object) -> World:
    """Ben, to whom nothing happens, and Ann, to whom `change` does; both accessed the campaign."""
    world = World()
    campaign = world.campaign()
    for name, other in (("ann", ann), ("ben", {})):
        world.person(name, **other)  # type: ignore[arg-type]
        world.visit(name, campaign)
    change(world)
    return world


def nothing(world: World) -> None:
    """Ann is left as she is."""


def request(kind: str, days: float) -> Change:
    return lambda world: world.request("ann", kind, days)


def decide(*decisions: tuple[str, bool | None, float]) -> Change:
    def change(world: World) -> None:
        for purpose, granted, days in decisions:
            world.decide("ann", purpose, granted=granted, days=days)

    return change


def both(granted: bool, days: float) -> Change:
    return decide(("use", granted, days), ("disclosure", granted, days))


def then(*changes: Change) -> Change:
    def change(world: World) -> None:
        for each in changes:
            each(world)

    return change


INSTANT = 1 / 86_400_000_000  # a microsecond, in days

CASES: dict[str, tuple[Change, dict[str, object], str | None]] = {
    "an adult with everything in order": (nothing, {}, None),
    "17 years old": (nothing, {"age": 17}, "minor"),
    "18 years old": (nothing, {"age": 18}, None),
    "age not known": (nothing, {"age": None}, "age_not_known"),
    "gender not stated": (nothing, {"gender": "not_stated"}, None),
    "region not stated": (nothing, {"region": "not_stated"}, None),
    "closed": (nothing, {"closed": True}, "closed"),
    "closed or not is not known": (nothing, {"closed": None}, "closed"),
    "registered 30 days before": (nothing, {"account_days": 30}, None),
    "registered 29 days before": (nothing, {"account_days": 29}, "new_account"),
    "registered on the day": (nothing, {"account_days": 0}, "new_account"),
    "registered a day later": (nothing, {"account_days": -1}, "not_yet_registered"),
    "registration not known": (nothing, {"account_days": None}, "not_yet_registered"),
    "never decided": (nothing, {"consents": False}, "no_consent_use"),
    "granted use alone": (
        decide(("use", True, -1)), {"consents": False}, "no_consent_disclosure"
    ),
    "granted disclosure alone": (
        decide(("disclosure", True, -1)), {"consents": False}, "no_consent_use"
    ),
    "granted other purposes alone": (
        decide(("marketing", True, -1), ("advertising_cookies", True, -1)),
        {"consents": False},
        "no_consent_use",
    ),
    "refused marketing": (decide(("marketing", False, -1)), {}, None),
    "refused use before the day": (decide(("use", False, -9)), {}, "no_consent_use"),
    "refused disclosure on the day": (
        decide(("disclosure", False, -0.5)), {}, "no_consent_disclosure"
    ),
    "refused after the day": (decide(("use", False, 3)), {}, "no_consent_use"),
    "refused, then granted again": (
        decide(("use", False, -9), ("use", True, -8)), {}, None
    ),
    "refused and granted again after the day": (
        decide(("use", False, 1), ("use", True, 2)), {}, None
    ),
    "refused on the day, granted again after it": (
        decide(("use", False, -0.5), ("use", True, 2)), {}, "no_consent_use"
    ),
    "granted and refused at one instant": (
        decide(("use", True, -3), ("use", False, -3)), {}, "no_consent_use"
    ),
    "granted and refused at one instant, granted again after the day": (
        decide(("use", True, -3), ("use", False, -3), ("use", True, 2)), {}, "no_consent_use"
    ),
    "neither granted nor refused, granted after the day": (
        decide(("use", None, -3), ("use", True, 2)), {}, "no_consent_use"
    ),
    "neither granted nor refused after the day": (
        decide(("use", None, 2)), {}, "no_consent_use"
    ),
    "refused and granted at one instant after the day": (
        decide(("use", False, 2), ("use", True, 2)), {}, "no_consent_use"
    ),
    "granted in the last instant of the day": (
        both(True, -INSTANT), {"consents": False}, None
    ),
    "granted in the first instant after the day": (
        both(True, 0), {"consents": False}, "no_consent_use"
    ),
    "erased": (request("erase", -9), {}, "erased"),
    "erased after the day": (request("erase", 9), {}, "erased"),
    "erased, then granted again": (
        then(request("erase", -9), both(True, -8)), {}, "erased"
    ),
    "asked for something unread": (request("unread", -9), {}, "unread_objection"),
    "asked for something unread after the day": (request("unread", 9), {}, "unread_objection"),
    "asked for something unread, then granted again": (
        then(request("unread", -9), both(True, -8)), {}, "unread_objection"
    ),
    "erased, and asked for something unread": (
        then(request("erase", -9), request("unread", -8)), {}, "erased"
    ),
    "withdrew": (request("withdraw", -9), {}, "withdrawn"),
    "withdrew and never granted": (
        request("withdraw", -9), {"consents": False}, "withdrawn"
    ),
    "withdrew, then refused": (
        then(request("withdraw", -9), both(False, -8)), {}, "withdrawn"
    ),
    "withdrew after the day": (request("withdraw", 9), {}, "withdrawn"),
    "withdrew, then granted again": (
        then(request("withdraw", -9), both(True, -8)), {}, None
    ),
    "withdrew, then granted one purpose again": (
        then(request("withdraw", -9), decide(("use", True, -8))), {}, "withdrawn"
    ),
    "withdrew, granted again after the day": (
        then(request("withdraw", -9), both(True, 8)), {}, "withdrawn"
    ),
    "withdrew after the day, granted again later": (
        then(request("withdraw", 2), both(True, 3)), {}, None
    ),
    "withdrew and granted at one instant": (
        then(request("withdraw", -8), both(True, -8)), {}, "withdrawn"
    ),
    "withdrew and granted at one instant, granted again after the day": (
        then(request("withdraw", -8), both(True, -8), both(True, 2)), {}, "withdrawn"
    ),
    "withdrew and granted at one instant after the day": (
        then(request("withdraw", 2), both(True, 2)), {}, "withdrawn"
    ),
    "asked for access": (request("access", -1), {}, None),
    "asked for a correction": (request("correct", -1), {}, None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_rule_alone(case: str, run: Run) -> None:
    change, ann, reason = CASES[case]
    outcome = run(with_ann(change, **ann))
    expected = {reason: 1} if reason else {}
    assert outcome.eligibility.excluded == expected
    assert outcome.eligibility.people == 2 - len(expected)
    assert outcome.reach.account.excluded == expected
    assert outcome.reach.account.counted == 2 - len(expected)
    assert outcome.table("c1").people.sum() == 2 - len(expected)


def test_more_purposes_can_be_required(run: Run) -> None:
    needed = Policy(eligibility=Eligibility(purposes=("use", "disclosure", "advertising_cookies")))
    world = with_ann(decide(("advertising_cookies", True, -1)))
    assert run(world, policy=needed).eligibility.excluded == {"no_consent_advertising_cookies": 1}


def test_the_first_reason_in_order_is_the_one_told(run: Run) -> None:
    everything = then(request("erase", -1), request("withdraw", -1), both(False, -1))
    world = with_ann(everything, age=None, closed=True, account_days=-1)
    assert run(world).eligibility.excluded == {"erased": 1}
    world = with_ann(request("withdraw", -1), age=12, consents=False)
    assert run(world).eligibility.excluded == {"minor": 1}
    world = with_ann(request("withdraw", -1), age=12, account_days=3)
    assert run(world).eligibility.excluded == {"new_account": 1}
    assert run(with_ann(nothing, account_days=3, closed=True)).eligibility.excluded == {"closed": 1}


def test_a_visitor_without_profile(run: Run) -> None:
    world = with_ann(nothing)
    world.visit("stranger", "c1", times=3)
    outcome = run(world)
    assert outcome.eligibility.excluded == {"no_profile": 1}
    assert outcome.reach.account.excluded == {"no_profile": 3}


def test_requests_and_consents_of_strangers_change_nothing(run: Run) -> None:
    world = with_ann(nothing)
    world.request("stranger", "erase", -1)
    world.request("stranger", "withdraw", -1)
    world.decide("stranger", "use", granted=False, days=-1)
    assert run(world).eligibility.account.read == 2


@pytest.mark.parametrize(("visits", "excluded"), [(5, {}), (6, {"too_many_visits": 1})])
def test_more_visits_than_a_person_makes(visits: int, excluded: object, run: Run) -> None:
    world = with_ann(lambda world: world.visit("ann", times=visits - 1))
    outcome = run(world, policy=Policy(bots=Bots(max_visits_per_day=5)))
    assert outcome.eligibility.excluded == excluded
    assert outcome.reach.account.excluded.get("too_many_visits", 0) == (visits if excluded else 0)


def test_a_programs_visit_is_excluded_but_not_its_person(run: Run) -> None:
    world = with_ann(lambda world: world.visit("ann", "c1", program=True, times=4))
    outcome = run(world)
    assert outcome.eligibility.excluded == {}
    assert outcome.reach.account.excluded == {"program": 4}
    assert outcome.table("c1").people.sum() == 2


def test_whom_only_a_program_visited_for_is_not_reached(run: Run) -> None:
    world = World()
    world.campaign()
    world.person("ann")
    world.visit("ann", "c1", program=True)
    outcome = run(world)
    assert outcome.reach.account.excluded == {"program": 1}
    assert outcome.table("c1").people.sum() == 0


def test_programs_visits_count_towards_the_limit(run: Run) -> None:
    world = with_ann(lambda world: world.visit("ann", program=True, times=5))
    outcome = run(world, policy=Policy(bots=Bots(max_visits_per_day=5)))
    assert outcome.eligibility.excluded == {"too_many_visits": 1}
    assert outcome.reach.account.excluded == {"too_many_visits": 1, "program": 5}


@pytest.mark.parametrize(
    ("age", "band"),
    [(18, "18-20"), (20, "18-20"), (21, "21-24"), (24, "21-24"), (25, "25-29"), (74, "70-74"),
     (75, "75+"), (130, "75+")],
)  # fmt: skip
def test_ages_fall_into_the_iab_bands(age: int, band: str, run: Run, home: Home) -> None:
    run(with_ann(nothing, age=age))
    people = pq.read_table(home.working_file("people", DAY)).to_pylist()
    assert {row["age_band"] for row in people if row["person_key"] == key("ann")} == {band}


@pytest.mark.parametrize(("account_days", "counts"), [(13, False), (14, True), (15, True)])
def test_only_accounts_open_long_enough_count(account_days: int, counts: bool, run: Run) -> None:
    policy = Policy(promise=PolicyPromise(min_account_days=14))
    outcome = run(with_ann(nothing, account_days=account_days), policy=policy)
    excluded = {} if counts else {"new_account": 1}
    assert outcome.eligibility.excluded == outcome.reach.account.excluded == excluded
    assert outcome.people() == {"c1": 1 + counts}


def test_marks_and_buckets_are_keyed_hashes_of_the_person(run: Run, home: Home) -> None:
    run(with_ann(nothing))
    people = pq.read_table(home.working_file("people", DAY)).to_pylist()
    for row in people:
        digest = hashlib.sha256(SECRET.derive("mark") + row["person_key"]).digest()
        assert (row["mark"], row["bucket"]) == (int.from_bytes(digest[:8], "big"), digest[8])


def test_nobody_is_counted_twice_for_two_profiles(run: Run) -> None:
    world = with_ann(nothing)
    world.person("ann", age=40)
    with pytest.raises(Held, match="rows_unaccounted"):
        run(world)


@pytest.mark.parametrize("stage", ["profiles", "consents", "requests", "visits"])
def test_a_missing_working_file_holds_the_day(stage: str, run: Run, home: Home) -> None:
    world = with_ann(nothing)
    run(world)

    def write_all_but_one(place: Home) -> None:
        place.working_file(stage, DAY).unlink()

    world.write = write_all_but_one  # type: ignore[method-assign]
    with pytest.raises(Held, match=f"missing_input: {stage}/day=2026-11-22.parquet"):
        run(world)
