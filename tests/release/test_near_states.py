"""Promise 8 across releases: judged groups are kept, lost, restored and forgotten."""

import shutil
import signal
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from interrupted_run import run, run_and_die
from release_world import (
    DAY,
    POLICY,
    SECRET,
    SHOWN,
    SPRING,
    content,
    count,
    facts,
    recheck,
    release,
    true_count,
    without,
    world,
)

from anonymizer.exports.withdrawal import withdraw
from anonymizer.model.errors import Held, LedgerBroken
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.model.series import CAMPAIGN_DAY
from anonymizer.release.ledger import Ledger
from anonymizer.release.near_state import forgotten_states, lost_state, near_history
from anonymizer.release.publication import load_release, load_releases, publish, restore_state
from anonymizer.release.release import Release
from anonymizer.rights.retention import prune_states
from anonymizer.storage.home import Home

NEXT = date(2026, 11, 23)
LATER = date(2026, 11, 24)
FIRST, SECOND, THIRD = (f"campaign-day-{day}" for day in (DAY, NEXT, LATER))


def state(home: Home, name: str) -> Path:
    return home.private / "near" / f"{name}.parquet"


def states(home: Home) -> set[str]:
    return {path.stem for path in (home.private / "near").glob("*")}


def figures(of: Release, subject: str = "spring") -> dict[str, int | None]:
    return {
        row["segment_id"]: row["people"]
        for row in of.figures.to_pylist()
        if row["subject_id"] == subject
    }


def policy(**promise: int) -> Policy:
    return POLICY.model_copy(update={"promise": POLICY.promise.model_copy(update=promise)})


def judged_against(home: Home, day: date, days: int = 400) -> set[str]:
    """Names of the releases that the release of a day is judged against."""
    ledger = Ledger.open(home.ledger)
    history = near_history(home, ledger, CAMPAIGN_DAY, Period("day", day), days)
    return {path.stem for path in history.files}


# --- one outcome


@pytest.mark.parametrize("fewer", [0, 1, 9])
def test_groups_that_hardly_differ_have_one_outcome_from_release_to_release(
    fewer: int, home: Home
) -> None:
    first = release(home, DAY).release
    second = release(home, NEXT, counted=world(NEXT, spring=fewer)).release
    assert figures(second) == figures(first)


def test_the_group_that_was_judged_first_decides(home: Home, tmp_path: Path) -> None:
    """The other order gives other figures, and both releases have them."""
    other = Home(tmp_path / "other")
    found = []
    for position, fewer in ((home, (0, 9)), (other, (9, 0))):
        for day, so_many in zip((DAY, NEXT), fewer, strict=True):
            release(position, day, counted=world(day, spring=so_many))
        first, second = load_releases(position, Ledger.open(position.ledger))
        assert figures(first) == figures(second)
        found.append(figures(first))
    assert found[0] != found[1]


def test_a_withdrawn_release_still_decides(home: Home, tmp_path: Path) -> None:
    """Its readers have not forgotten it; without it the next day has figures of its own."""
    run(home, DAY)
    withdraw(FIRST, "Delivered twice", home, Ledger.open(home.ledger), SECRET)
    assert judged_against(home, NEXT) == {FIRST}
    counted = world(NEXT, spring=9)
    second = release(home, NEXT, counted=counted).release
    first = load_release(home, Ledger.open(home.ledger), FIRST)
    assert figures(second) == figures(first)
    alone = release(Home(tmp_path / "alone"), NEXT, counted=counted).release
    assert figures(alone) != figures(first)


def test_what_is_kept_names_no_one(home: Home, released: Release) -> None:
    rows = pq.read_table(state(home, FIRST))
    assert rows.column_names == ["table", "people", "size", "keys", "fine"]
    text = str(rows.schema) + str(rows.schema.metadata)
    for told in ("25-29", "31.71", "men", "male"):
        assert told not in text


# --- lost and restored


def lose(path: Path) -> None:
    path.unlink()


def change(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"?")


@pytest.mark.parametrize("harm", [lose, change])
def test_a_lost_or_changed_state_holds_the_next_release_until_its_period_has_run_again(
    harm: Callable[[Path], None], home: Home, tmp_path: Path
) -> None:
    release(home, DAY)
    undisturbed = Home(shutil.copytree(home.root, tmp_path / "undisturbed"))
    release(undisturbed, NEXT)
    ledger, before = Ledger.open(home.ledger), content(home.published)
    whole = state(home, FIRST).read_bytes()
    passed = recheck(home, ledger, world(NEXT))
    harm(state(home, FIRST))
    assert lost_state(home, ledger.releases()[0])
    with pytest.raises(Held, match=rf"near_state_lost: private/near/{FIRST}.* run the period"):
        release(home, NEXT)
    with pytest.raises(Held, match="near_state_lost"):  # nor what was checked before
        publish(passed, facts(), home, ledger, SECRET)
    assert content(home.published) == before

    restore_state(recheck(home, ledger, world(DAY)), home, ledger)
    assert state(home, FIRST).read_bytes() == whole
    assert not lost_state(home, ledger.releases()[0])
    release(home, NEXT)
    assert content(home.published) == content(undisturbed.published)
    assert content(home.private) == content(undisturbed.private)


def test_a_small_state_is_read_once_and_cannot_be_changed_in_memory(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(home, DAY)
    asked = (home, Ledger.open(home.ledger), CAMPAIGN_DAY, Period("day", NEXT), 400)
    (first,), (again,) = near_history(*asked).releases(), near_history(*asked).releases()
    assert first is again
    for array in (first.table, first.figures, first.sketches.keys, first.sketches.fine):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0
    monkeypatch.setattr("anonymizer.release.release_limits.SMALL_STATE_BYTES", 0)
    (large,) = near_history(*asked).releases()
    assert large is not first
    assert large.figures.tolist() == first.figures.tolist()


def test_a_state_is_restored_as_it_was_or_not_at_all(home: Home, ledger: Ledger) -> None:
    """A person was erased since: other groups would be judged against other ones."""
    release(home, DAY)
    state(home, FIRST).unlink()
    with pytest.raises(Held, match=r"near_state_lost.*no longer give the groups"):
        restore_state(recheck(home, ledger, world(DAY, spring=1)), home, ledger)
    assert states(home) == set()
    with pytest.raises(Held, match="near_state_lost"):
        release(home, NEXT)


def test_several_lost_states_are_restored_in_the_order_of_the_ledger(
    home: Home, ledger: Ledger
) -> None:
    for day in (DAY, NEXT):
        release(home, day, counted=world(day, spring=(day == NEXT) * 15))
    before = content(home.private)
    shutil.rmtree(home.private / "near")
    with pytest.raises(Held, match=f"near_state_lost.*{FIRST}"):
        recheck(home, ledger, world(NEXT, spring=15))
    for day in (DAY, NEXT):
        restore_state(recheck(home, ledger, world(day, spring=(day == NEXT) * 15)), home, ledger)
    assert content(home.private) == before


def test_a_release_that_was_lost_with_its_state_comes_back_as_it_was(home: Home) -> None:
    """Whatever was released since is not what it is judged against."""
    release(home, NEXT, counted=world(NEXT, spring=9))
    release(home, DAY)
    before = content(home.published)
    shutil.rmtree(home.releases / SECOND)
    assert judged_against(home, NEXT) == set()
    assert not release(home, NEXT, counted=world(NEXT, spring=9)).already_released
    assert content(home.published) == before


# --- killed


@pytest.mark.alternate("interrupted runs")
def test_a_state_without_a_release_leaves_no_trace(home: Home, tmp_path: Path) -> None:
    """Killed before the ledger; until the next run other people have been erased."""
    run(home, DAY)
    undisturbed = Home(shutil.copytree(home.root, tmp_path / "undisturbed"))
    assert run_and_die(home, "between state and ledger") == -signal.SIGKILL
    assert states(home) == {FIRST, SECOND}
    assert judged_against(home, LATER) == {FIRST}
    for position in (home, undisturbed):
        release(position, LATER, counted=world(LATER, spring=15))
        release(position, NEXT, counted=world(NEXT, spring=30))
    assert content(home.releases) == content(undisturbed.releases)
    assert content(home.private) == content(undisturbed.private)


# --- forgotten


def days_later(days: int) -> date:
    return DAY + timedelta(days=days)


def names(*days: int) -> set[str]:
    """Releases of these days, counted from the first one."""
    return {f"campaign-day-{days_later(number)}" for number in days}


def test_states_are_forgotten_after_near_days(home: Home, ledger: Ledger) -> None:
    short = policy(near_days=40)
    for days in (0, 1, 40):
        release(home, days_later(days), policy=short)
    assert prune_states(home, ledger) == {}  # 40 days later it still counts
    assert judged_against(home, days_later(41), 40) == names(1, 40)
    release(home, days_later(41), policy=short)
    assert prune_states(home, ledger) == {"near": 1}
    assert states(home) == names(1, 40, 41)
    assert prune_states(home, ledger) == {}


def test_what_is_forgotten_is_never_asked_for_again(home: Home, ledger: Ledger) -> None:
    """By a period that is released late, or under a policy that looks back further."""
    short = policy(near_days=40)
    for days in (0, 10, 60):
        release(home, days_later(days), policy=short)
    assert prune_states(home, ledger) == {"near": 2}
    release(home, days_later(5), policy=short)
    release(home, days_later(61), policy=policy(near_days=400))
    assert judged_against(home, days_later(62)) == names(60, 61)


def test_a_lost_release_is_judged_by_what_was_known_then(home: Home, ledger: Ledger) -> None:
    """What came later does not make it forget."""
    short = policy(near_days=40)
    for days in (0, 10):
        release(home, days_later(days), policy=short)
    before = content(home.releases)
    release(home, days_later(60), policy=short)
    shutil.rmtree(home.releases / f"campaign-day-{days_later(10)}")
    release(home, days_later(10), policy=short)
    assert before.items() <= content(home.releases).items()


@pytest.mark.alternate("interrupted runs")
def test_what_a_killed_run_has_left_is_pruned(home: Home) -> None:
    run(home, DAY)
    run_and_die(home, "between state and ledger")
    assert prune_states(home, Ledger.open(home.ledger)) == {"near": 1}
    assert states(home) == {FIRST}


def test_without_the_ledger_nothing_is_pruned(home: Home) -> None:
    release(home, DAY)
    release(home, NEXT)
    older = home.root / "older.sqlite"
    whole = home.ledger.read_bytes()
    home.ledger.unlink()
    for lost in (Ledger.open(home.ledger), Ledger.open(older)):
        assert forgotten_states(home, lost) == ()
        with pytest.raises(LedgerBroken, match="ledger is missing"):
            prune_states(home, lost)
    assert states(home) == {FIRST, SECOND}
    home.ledger.write_bytes(whole)
    release(home, LATER)


# --- how far a figure is from the truth


@pytest.mark.parametrize(("before", "after"), [(1, 10), (50, 10), (10, 10), (1, 1)])
def test_no_figure_is_further_from_the_truth_than_its_release_says(
    before: int, after: int, home: Home
) -> None:
    """Also when a figure is shared with a release that was rounded in another way."""
    release(home, DAY, counted=[count("spring", SPRING)], policy=policy(rounding=before))
    counted = count("spring", without(SPRING, 9), NEXT)
    second = release(home, NEXT, counted=[counted], policy=policy(rounding=after)).release
    assert second.error == max(before, after) - 1 + max(after, 10) + 5 - 1
    published = {name: people for name, people in figures(second).items() if people is not None}
    assert len(published) >= len(SHOWN) - 1  # exactly, women would tell of those in Makassar
    for segment, people in published.items():
        least, most = second.range_of(people)
        assert least <= true_count(counted, segment) <= most
        assert people % second.base == 0


def test_a_figure_can_be_further_from_the_truth_than_a_rounding_step(home: Home) -> None:
    release(home, DAY, counted=[count("spring", SPRING)])
    counted = count("spring", without(SPRING, 9), NEXT)
    second = release(home, NEXT, counted=[counted]).release
    assert figures(second)["everyone"] == 1240
    assert true_count(counted, "everyone") == 1226


def test_groups_of_other_roundings_are_said_to_be_so(home: Home) -> None:
    for day, rounding in ((DAY, 25), (NEXT, 10), (LATER, 10)):
        release(home, day, policy=policy(rounding=rounding))
    first, second, third = load_releases(home, Ledger.open(home.ledger))
    assert (first.base, second.base, third.base) == (25, 5, 5)
    assert (first.error, second.error, third.error) == (24 + 29, 24 + 14, 24 + 14)
