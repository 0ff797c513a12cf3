"""Weeks beside their days: the order of runs, changed settings, late visits, trouble."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pyarrow.parquet as pq
import pytest
from checking import outcome

from anonymizer.exports.verification import verify_folder
from anonymizer.model.series import CAMPAIGN_WEEK
from anonymizer.release.ledger import Ledger
from anonymizer.release.settings import revisions
from anonymizer.storage.home import Home
from cli.commands.init import create_home
from cli.period_runs import release_days, release_periods
from data_samples.options import WorldOptions
from data_samples.world import generate
from pipelines.definitions import defs
from pipelines.resources.resources import Installation
from pipelines.stages import journal

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("series")]
DAYS = tuple(date(2026, 11, number) for number in range(2, 16))
SUNDAYS = (date(2026, 11, 8), date(2026, 11, 15))
WEEKS = ("campaign-week-2026-W45", "campaign-week-2026-W46")
WORLD = WorldOptions(
    people=1_500, days=14, visits=40_000, campaigns=2, advertisers=2, start=DAYS[0]
)


@dataclass(frozen=True)
class Worlds:
    """Copies of one raw zone that nothing has run on."""

    origin: Home
    folder: Path

    def copy(self, name: str) -> Home:
        shutil.copytree(self.origin.root, self.folder / name)
        return Home(self.folder / name)


@pytest.fixture(scope="module")
def environment() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Worlds:
    """Two weeks; visits are late on the day after, a week closes with its Sunday."""
    folder = tmp_path_factory.mktemp("weeks")
    origin = create_home(Home(folder / "origin"))
    text = origin.policy.read_text()
    for old, new in (("late_days: 1", "late_days: 0"), ("open_days: 2", "open_days: 0")):
        assert old in text
        text = text.replace(old, new)
    origin.policy.write_text(text)
    generate(WORLD, origin, lambda *_: None)
    return Worlds(origin, folder)


@pytest.fixture(scope="module")
def days_alone(worlds: Worlds, environment: pytest.MonkeyPatch) -> Home:
    """All days in one run, no week yet. Not to be changed."""
    home = worlds.copy("days")
    environment.setenv("AUDIENCE_HOME", str(home.root))
    assert release_days(home, DAYS[0], DAYS[-1]) == 0
    return home


@pytest.fixture(scope="module")
def in_one_range(worlds: Worlds, days_alone: Home, environment: pytest.MonkeyPatch) -> Home:
    """The same with its weeks. Not to be changed."""
    home = Worlds(days_alone, worlds.folder).copy("range")
    environment.setenv("AUDIENCE_HOME", str(home.root))
    assert release_periods(home, DAYS[0], DAYS[-1]) == [0]
    return home


def run(home: Home, environment: pytest.MonkeyPatch, first: date, last: date) -> list[int]:
    """What `audience run` does; the exit codes of the days and of every run of weeks."""
    environment.setenv("AUDIENCE_HOME", str(home.root))
    return [release_days(home, first, last), *release_periods(home, first, last)]


def released_bytes(home: Home) -> dict[str, str]:
    return {
        str(path.relative_to(home.releases)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.releases.rglob("*")
        if path.is_file()
    }


def counts(home: Home) -> dict[str, str]:
    """Digests of the true counts of all days and weeks."""
    return {
        str(path.relative_to(home.private)): hashlib.sha256(path.read_bytes()).hexdigest()
        for stage in ("reach", "campaign_week_reach")
        for path in (home.private / stage).glob("*.parquet")
    }


def released(home: Home) -> list[str]:
    return [entry.subject for entry in Ledger.open(home.ledger).releases()]


def held(home: Home, sunday: date) -> str | None:
    entry = journal.read(home, CAMPAIGN_WEEK.stage("publication"), sunday) or journal.read(
        home, CAMPAIGN_WEEK.stage("eligibility"), sunday
    )
    assert entry is not None
    return entry.trouble.code if entry.trouble else None


def test_the_weeks_come_after_their_days(in_one_range: Home) -> None:
    days = [f"campaign-day-{day}" for day in DAYS]
    assert released(in_one_range) == [*days, *WEEKS]
    for week in WEEKS:
        assert len(list(in_one_range.exports.glob(f"*/{week}/manifest.json"))) == 2


def test_a_week_counts_each_person_once_and_late_visits_too(in_one_range: Home) -> None:
    home, sunday = in_one_range, SUNDAYS[0]
    reach = pq.read_table(home.working_file("campaign_week_reach", sunday), partitioning=None)
    by_day = [pq.read_table(home.working_file("reach", day), partitioning=None) for day in DAYS[:7]]
    people = sum(reach["people"].to_pylist())
    of_days = [sum(table["people"].to_pylist()) for table in by_day]
    assert max(of_days) < people < sum(of_days)

    entry = journal.read(home, CAMPAIGN_WEEK.stage("reach"), sunday)
    assert entry is not None
    on_time = sum(pq.read_metadata(home.working_file("visits", day)).num_rows for day in DAYS[:7])
    assert entry.facts["account"]["read"] > on_time


def test_each_day_by_itself_gives_the_bytes_of_one_range(
    worlds: Worlds, in_one_range: Home, environment: pytest.MonkeyPatch
) -> None:
    home = worlds.copy("one-by-one")
    for day in DAYS[:8]:
        assert set(run(home, environment, day, day)) == {0}

    # The first week is released as soon as it closes, before the days of the second one.
    assert released(home).index(WEEKS[0]) == 7
    assert len(counts(home)) == 8 + 1
    assert counts(home).items() <= counts(in_one_range).items()


def test_another_order_counts_the_same_people_and_keeps_the_error_that_it_states(
    worlds: Worlds, in_one_range: Home, environment: pytest.MonkeyPatch
) -> None:
    """Figures follow the order of the ledger (promise 8), counts do not."""
    home = worlds.copy("reverse")
    for day in reversed(DAYS[:7]):
        assert set(run(home, environment, day, day)) == {0}

    assert released(home)[-1] == WEEKS[0]
    assert len(counts(home)) == 7 + 1
    assert counts(home).items() <= counts(in_one_range).items()
    assert verify_folder(home.published).releases == 7 + 1
    for day in (DAYS[0], DAYS[6]):
        passed, said = outcome("campaign_release", "figures_in_range", day)
        assert passed, said


def test_the_same_order_gives_the_same_bytes(
    worlds: Worlds, environment: pytest.MonkeyPatch
) -> None:
    homes = [worlds.copy(name) for name in ("once", "twice")]
    for home in homes:
        for day in (DAYS[2], DAYS[0], DAYS[1]):
            assert set(run(home, environment, day, day)) == {0}

    assert released(homes[0]) == released(homes[1])
    assert released_bytes(homes[0]) == released_bytes(homes[1])


def test_a_change_in_mid_week_applies_from_the_next_week_on(
    worlds: Worlds, in_one_range: Home, environment: pytest.MonkeyPatch
) -> None:
    home = worlds.copy("changed")
    run(home, environment, DAYS[0], DAYS[2])
    home.policy.write_text(home.policy.read_text().replace("  k: 50", "  k: 60"))
    run(home, environment, DAYS[3], DAYS[-1])
    old, new = revisions(Ledger.open(home.ledger))
    mine, unchanged = released_bytes(home), released_bytes(in_one_range)

    assert new.first_day == DAYS[3]
    policies = {
        entry.subject: entry.body["policy"] for entry in Ledger.open(home.ledger).releases()
    }
    assert policies[WEEKS[0]] == policies["campaign-day-2026-11-04"] == old.digests["policy"]
    assert policies[WEEKS[1]] == policies["campaign-day-2026-11-05"] == new.digests["policy"]
    for name in (WEEKS[0], "campaign-day-2026-11-04"):
        figures = f"{name}/release.json"
        assert mine[figures] == unchanged[figures]

    before = released_bytes(home)
    shutil.rmtree(home.releases / WEEKS[0])
    assert run(home, environment, DAYS[6], DAYS[6])[1:] == [0]
    assert released_bytes(home) == before


def test_a_held_week_stops_no_day_and_comes_later(
    worlds: Worlds, environment: pytest.MonkeyPatch
) -> None:
    home = worlds.copy("held")
    run(home, environment, DAYS[0], DAYS[5])
    home.working_file("late", DAYS[4]).write_bytes(b"no parquet")
    codes = run(home, environment, DAYS[6], DAYS[8])

    assert codes[0] == 0
    assert codes[1] != 0
    assert held(home, SUNDAYS[0]) == "fault"
    assert released(home) == [f"campaign-day-{day}" for day in DAYS[:9]]

    assert run(home, environment, DAYS[4], DAYS[4]) == [0, 0]
    assert released(home)[-1] == WEEKS[0]


def test_the_schedule_asks_for_weeks_that_closed_until_they_are_released(
    days_alone: Home, in_one_range: Home, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("AUDIENCE_HOME", str(days_alone.root))
    monday = datetime(2026, 11, 16, 4, tzinfo=ZoneInfo("Asia/Jakarta"))

    assert asked("campaign_week_when_closed", monday) == ["2026-11-02", "2026-11-09"]
    assert asked("interest_week_when_closed", monday) == []
    assert asked("campaign_month_when_closed", monday) == []
    environment.setenv("AUDIENCE_HOME", str(in_one_range.root))
    assert asked("campaign_week_when_closed", monday) == []


def asked(schedule: str, moment: datetime) -> list[str]:
    """The partitions that a tick of a schedule asks for."""
    repository = defs.get_repository_def()
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=moment,
            repository_def=repository,
            resources={"installation": Installation.of(Home.from_environment())},
        )
        tick = repository.get_schedule_def(schedule).evaluate_tick(context)
    return [str(request.partition_key) for request in tick.run_requests or ()]


def test_a_week_with_a_day_missing_is_not_counted_half(
    worlds: Worlds, environment: pytest.MonkeyPatch
) -> None:
    home = worlds.copy("gap")
    assert run(home, environment, DAYS[1], DAYS[6]) == [0]
    assert released(home) == [f"campaign-day-{day}" for day in DAYS[1:7]]
