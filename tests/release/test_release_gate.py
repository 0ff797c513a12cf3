"""Nothing is written that was not checked, and nothing in which the checker finds a fault."""

import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from faulty_releases import FAULTS, Faulty, spring
from release_world import (
    AUTUMN,
    CAMPAIGNS,
    DAY,
    NOTHING_BEFORE,
    POLICY,
    SECRET,
    SHOWN,
    SPRING,
    Kind,
    checked,
    content,
    count,
    facts,
    judged,
    recheck,
    release,
    release_longer,
    suppressed,
    terms,
    world,
)

from anonymizer.audit.history.linked_suppression import withhold_joined
from anonymizer.audit.history.related_releases import joins_of
from anonymizer.exports.export_folders import write_exports
from anonymizer.model.errors import Disclosure, Held, SecretProblem
from anonymizer.model.periods import Period
from anonymizer.model.policy import Promise
from anonymizer.model.proofs import Representatives
from anonymizer.model.series import CAMPAIGN_DAY, CAMPAIGN_WEEK
from anonymizer.model.subjects import Campaign
from anonymizer.model.tables import Figures
from anonymizer.release import gate
from anonymizer.release.earlier_releases import earlier_releases
from anonymizer.release.gate import Checked, ReleaseHistory, check
from anonymizer.release.ledger import Ledger
from anonymizer.release.near_state import near_history
from anonymizer.release.publication import publish
from anonymizer.release.release import Release
from anonymizer.storage.home import Home
from anonymizer.storage.processes import ALONE
from anonymizer.storage.secret import Secret
from anonymizer.suppression.release_suppression import Suppressed, state_of


def refuse(fault: Faulty, position: Path) -> None:
    """The gate refuses a release with a fault, for the right reason."""
    with pytest.raises(Disclosure, match=FAULTS[fault]):
        fault(position / "state.parquet").pass_gate()


def test_a_sound_release_passes() -> None:
    summary = checked().summary
    assert (summary["tables"], summary["figures"]) == (2, 2 * len(SHOWN))
    assert spring().pass_gate().summary["figures"] == len(SHOWN)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_broken_promise_is_refused(fault: Faulty, tmp_path: Path) -> None:
    refuse(fault, tmp_path)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_checker_that_accepts_everything_is_noticed(
    fault: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the checker that refuses: without it the tests above fail."""
    monkeypatch.setattr(gate, "check_release", lambda *_: ())
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        refuse(fault, tmp_path)


STATES: Mapping[str, Mapping[str, object]] = {
    "an outcome": {"figures": np.zeros(12, dtype=np.int64)},
    "a group less": {"table": np.zeros(11, dtype=np.int32)},
    "another step": {"step": 9},
    "another table": {"tables": ("campaign autumn 2026-11-22", "campaign winter 2026-11-22")},
}


@pytest.mark.parametrize("fault", STATES)
def test_a_state_of_other_groups_is_not_recorded(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(tables: Sequence[Suppressed], promise: Promise) -> Representatives:
        return replace(state_of(tables, promise), **STATES[fault])  # type: ignore[arg-type]

    monkeypatch.setattr(gate, "state_of", faulty)
    with pytest.raises(Disclosure, match="state"):
        checked()
    monkeypatch.setattr(gate, "check_state", lambda *_: ())
    checked()  # it is the checker that refuses


def test_promise_4_a_released_period_never_changes(home: Home, ledger: Ledger) -> None:
    release(home)
    before = content(home.published)
    again = publish(checked(shown=("everyone", "men")), facts(), home, ledger, SECRET)
    assert again.already_released
    assert again.release.figures.num_rows == 2 * (len(SHOWN) + 1)
    assert content(home.published) == before
    assert ledger.verify() == 1


def test_promise_5_identifying_text_does_not_pass_as_a_campaign_name() -> None:
    for name in ("mail budi@example.com", "call +62 812 3456 7890", "0812-3456-7890",
                 "KTP 3171234567890123"):  # fmt: skip
        with pytest.raises(Held, match="identifying_text") as refusal:
            Campaign("spring", name, "maju", "PT Maju", DAY, DAY)
        assert name not in str(refusal.value)
    Campaign("spring", "Lebaran 2026-03-01 to 2026-03-31, 50% off", "maju", "PT 21", DAY, DAY)


@pytest.mark.parametrize("bad", ["", "..", "a/b", ".hidden", "a b", "x" * 82, "a\n", "é"])
def test_ids_that_are_no_file_names_are_refused(bad: str) -> None:
    with pytest.raises(Held, match="campaign_id"):
        Campaign(bad, "Sale", "maju", "PT Maju", DAY, DAY)
    with pytest.raises(Held, match="campaign_id"):
        Campaign("spring", "Sale", bad, "PT Maju", DAY, DAY)


def test_promise_6_a_step_cannot_be_skipped(home: Home, released: Release) -> None:
    sound = checked()
    with pytest.raises(TypeError, match="check alone"):
        Checked(**{name: getattr(sound, name) for name in sound.__dataclass_fields__ if
                   name != "seal"})  # fmt: skip
    with pytest.raises(TypeError, match="check alone"):
        replace(sound, figures=())
    with pytest.raises(TypeError, match="publishing alone"):
        replace(released, number=2)
    tables = suppressed(world())
    for not_checked in (tables, sound.figures, released, None):
        with pytest.raises(TypeError):
            publish(not_checked, facts(), home, Ledger.open(home.ledger), SECRET)  # type: ignore[arg-type]
    for not_released in (sound, sound.figures, home.releases):
        with pytest.raises(TypeError):
            write_exports(not_released, home, Ledger.open(home.ledger), SECRET)  # type: ignore[arg-type]


@pytest.mark.alternate("no proof, no figure")
def test_what_was_not_attacked_together_with_the_releases_before_it_is_not_published(
    home: Home, ledger: Ledger
) -> None:
    """Neither with the linked ones alone nor with the groups judged before alone."""
    release_longer(home)
    assert not ledger.find_release("campaign-day-2026-11-22")
    before = content(home.root)
    linked = earlier_releases(home, ledger, CAMPAIGN_DAY, Period("day", DAY))
    assert len(linked) == 3  # its week, its month, the audience
    near = near_history(home, ledger, CAMPAIGN_DAY, Period("day", DAY), POLICY.promise.near_days)
    assert len(near.files) == 4  # and the interests
    counted = world()
    for history in (
        ReleaseHistory(NOTHING_BEFORE, (), CAMPAIGNS, {}),
        ReleaseHistory(NOTHING_BEFORE, linked, CAMPAIGNS, {}),
        ReleaseHistory(near, (), CAMPAIGNS, {}),
        ReleaseHistory(near, linked[:2], CAMPAIGNS, {}),
    ):
        tables = suppressed(counted, history.near)
        passed = check(tables, counted, terms(), history, ALONE)
        with pytest.raises(Held, match="history_changed"):
            publish(passed, facts(), home, ledger, SECRET)
    assert content(home.root) == before

    whole = recheck(home, ledger, counted)
    assert publish(whole, facts(), home, ledger, SECRET).release.period.start == DAY


LINKED: Mapping[str, tuple[str, Callable[..., object]]] = {
    "no table is linked": ("joins_of", lambda *_: ()),
    "one link is forgotten": ("joins_of", lambda *tables: joins_of(*tables)[1:]),
    "no proof is handed out": (
        "withhold_joined",
        lambda *given: replace(withhold_joined(*given), proofs=()),
    ),
    "one proof is not handed out": (
        "withhold_joined",
        lambda *given: replace(found := withhold_joined(*given), proofs=found.proofs[1:]),
    ),
}


@pytest.mark.alternate("no proof, no figure")
@pytest.mark.parametrize("fault", LINKED)
def test_promise_6_linked_tables_are_published_with_their_proofs_only(
    fault: str, home: Home, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day of both campaigns, after the week that it is in."""
    week = [
        count(name, people, series=CAMPAIGN_WEEK)
        for name, people in (("autumn", fewer(AUTUMN)), ("spring", SPRING))
    ]
    publish(recheck(home, ledger, week, overlaps=SHARED), facts(), home, ledger, SECRET)
    day = [count("autumn", AUTUMN), count("spring", SPRING)]
    accepted = recheck(home, ledger, day, overlaps=SHARED)
    assert len(accepted.linked) == accepted.comparison.links == 3
    name, faulty = LINKED[fault]
    monkeypatch.setattr(gate, name, faulty)
    with pytest.raises(Disclosure, match="unproved"):
        recheck(home, ledger, day, overlaps=SHARED)
    monkeypatch.setattr(gate, "check_linked", lambda *_: ())
    recheck(home, ledger, day, overlaps=SHARED)  # it is the checker that refuses


SHARED = {("autumn", "spring"): sum(AUTUMN.values())}


def fewer(people: Mapping[Kind, int]) -> Mapping[Kind, int]:
    return {kind: number + 2 for kind, number in people.items()}


def test_promise_8_a_release_is_judged_against_what_was_released_since_it_was_checked(
    home: Home, ledger: Ledger
) -> None:
    """Two days are checked at the same time: the second cannot be published as it is."""
    days = (DAY, date(2026, 11, 23))
    first, second = (recheck(home, ledger, world(day)) for day in days)
    publish(first, facts(), home, ledger, SECRET)
    before = content(home.root)
    with pytest.raises(Held, match="history_changed"):
        publish(second, facts(), home, ledger, SECRET)
    assert content(home.root) == before
    publish(recheck(home, ledger, world(days[1])), facts(), home, ledger, SECRET)


def test_checked_figures_and_their_proofs_do_not_remember_the_truth() -> None:
    counted = [count("spring", {**SPRING, ("male", "45-49", "32.73"): 7771})]
    passed = judged(suppressed(counted), counted)
    kept = pickle.dumps((passed.figures, passed.witnesses, passed.comparison, passed.summary))
    assert np.int64(7771).tobytes() in pickle.dumps(counted)
    for number in (7771, 7771 + 503, 7771 + 503 + 334):
        assert np.int64(number).tobytes() not in kept


def test_tables_that_do_not_belong_together_are_refused() -> None:
    counted, others = world(), world(date(2026, 11, 23))
    tables, of_others = suppressed(counted), suppressed(others)
    for shown, truth in (
        ((), ()),
        (tables, counted[::-1]),
        (tables, counted[:1]),
        ([tables[0], tables[0]], [counted[0], counted[0]]),
        ([tables[0], of_others[1]], [counted[0], others[1]]),
        (of_others, counted),
    ):
        with pytest.raises(Held, match="tables"):
            judged(shown, truth)


def test_nothing_is_written_when_the_secret_has_changed(home: Home) -> None:
    release(home)
    before = content(home.root)
    with pytest.raises(SecretProblem, match="restore"):
        release(home, date(2026, 11, 23), Secret(b"x" * 32))
    assert content(home.root) == before


@pytest.mark.parametrize(
    "campaigns",
    [CAMPAIGNS[:1], (*CAMPAIGNS[:1], replace(CAMPAIGNS[1], advertiser_id="MAJU"))],
    ids=["a table without its campaign", "ids that differ in case only"],
)
def test_a_refusal_while_staging_leaves_nothing(
    campaigns: tuple[Campaign, ...], home: Home, ledger: Ledger
) -> None:
    with pytest.raises(Held, match="campaign"):
        publish(checked(), facts(campaigns), home, ledger, SECRET)
    assert content(home.published) == {}
    assert ledger.verify() == 0


def test_a_policy_that_changed_after_the_check_is_refused(home: Home, ledger: Ledger) -> None:
    promise = POLICY.promise.model_copy(update={"k": 40})
    changed = replace(facts(), policy=POLICY.model_copy(update={"promise": promise}))
    with pytest.raises(Held, match="promise"):
        publish(checked(), changed, home, ledger, SECRET)
    assert content(home.published) == {}


def test_promise_6_what_was_checked_cannot_be_changed_afterwards(home: Home) -> None:
    table = checked().figures[0]
    for array in (table.people, table.segments):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 10


def test_promise_6_an_array_handed_in_is_not_the_one_that_is_kept() -> None:
    people = np.array([60, 70], dtype=np.int64)
    key = checked().figures[0].key
    table = Figures(key, np.array([0, 1], dtype=np.int32), people)
    people[0] = 10
    assert table.people.tolist() == [60, 70]
