"""What is longer than a day through the real command: weeks, a month, interests, the audience."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from anonymizer.exports.verification import verify_folder
from anonymizer.model.periods import Period
from anonymizer.model.series import AUDIENCE_MONTH, CAMPAIGN_DAY, CAMPAIGN_MONTH, INTEREST_WEEK
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_release
from anonymizer.storage.home import Home
from cli.commands.init import create_home
from cli.period_runs import release_days, release_periods
from data_samples.options import WorldOptions
from data_samples.world import generate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("months")]
# The 30 days to a Sunday, with the whole of February among them.
DAYS = Period("month", date(2026, 2, 1)).days
FIRST, LAST = date(2026, 1, 31), date(2026, 3, 1)
WORLD = WorldOptions(
    people=1_500, days=30, visits=40_000, campaigns=2, advertisers=2, start=FIRST
)  # fmt: skip
# Of a figure that is shared with a near group: 9 by rounding, 14 by the largest step less one.
ERROR = 23


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Not to be changed."""
    place = create_home(Home(tmp_path_factory.mktemp("months")))
    text = place.policy.read_text()
    for old, new in (("late_days: 1", "late_days: 0"), ("open_days: 2", "open_days: 0")):
        assert old in text
        text = text.replace(old, new)
    place.policy.write_text(text)
    generate(WORLD, place, lambda *_: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDIENCE_HOME", str(place.root))
        codes = [release_days(place, FIRST, LAST), *release_periods(place, FIRST, LAST)]
        assert not any(codes)
        yield place


def everyone(home: Home, release_id: str) -> dict[str, int]:
    """The figure of all people of each subject, where it is published."""
    figures = load_release(home, Ledger.open(home.ledger), release_id).figures.to_pylist()
    return {
        row["subject_id"]: row["people"]
        for row in figures
        if row["segment_id"] == "everyone" and row["people"] is not None
    }


def people(path: Path) -> set[bytes]:
    return set(pq.read_table(path, partitioning=None)["person_key"].to_pylist())


def visits_of(home: Home, days: Sequence[date]) -> list[dict[str, Any]]:
    """Those of people, of these days, with the ones that arrived late for their day."""
    rows = []
    for day in days:
        for stage in ("visits", "late"):
            table = pq.read_table(home.working_file(stage, day), partitioning=None)
            rows += table.to_pylist()
    return [row for row in rows if not row["program"] and row["local_day"] in set(days)]


def test_what_is_wider_is_released_after_what_is_narrower(home: Home) -> None:
    released = [entry.subject for entry in Ledger.open(home.ledger).releases()]
    assert all(name.startswith("campaign-day-") for name in released[:30])
    assert released[30:] == [
        *(f"campaign-week-2026-W{week:02}" for week in (6, 7, 8, 9)),
        "campaign-month-2026-02",
        "interest-week-2026-W09",
        "audience-month-2026-02",
    ]


def test_a_month_counts_each_person_once(home: Home) -> None:
    eligible = people(home.working_file(CAMPAIGN_MONTH.stage("people"), DAYS[-1]))
    came: dict[str, set[bytes]] = {}
    for visit in visits_of(home, DAYS):
        for campaign in visit["campaign_ids"]:
            came.setdefault(campaign, set()).add(visit["person_key"])
    release = load_release(home, Ledger.open(home.ledger), "campaign-month-2026-02")
    everywhere = {one.id for one in release.campaigns if one.target_regions is None}
    shown = everyone(home, release.id)
    assert everywhere & set(shown)
    for campaign in everywhere & set(shown):
        assert abs(shown[campaign] - len(came[campaign] & eligible)) <= ERROR
        days = [CAMPAIGN_DAY.release_id(Period("day", day)) for day in DAYS]
        assert shown[campaign] < sum(everyone(home, day).get(campaign, 0) for day in days)


def test_the_audience_is_everybody_who_may_be_counted(home: Home) -> None:
    eligible = people(home.working_file(AUDIENCE_MONTH.stage("people"), DAYS[-1]))
    shown = everyone(home, "audience-month-2026-02")
    assert abs(shown["everyone"] - len(eligible)) <= ERROR


def test_an_interest_counts_who_viewed_it_in_thirty_days(home: Home) -> None:
    eligible = people(home.working_file(INTEREST_WEEK.stage("people"), LAST))
    viewed: dict[str, set[bytes]] = {}
    for visit in visits_of(home, (FIRST, *DAYS, LAST)):
        if visit["interest"]:
            viewed.setdefault(visit["interest"], set()).add(visit["person_key"])
    shown = everyone(home, "interest-week-2026-W09")
    assert shown
    for interest, figure in shown.items():
        assert abs(figure - len(viewed[interest] & eligible)) <= ERROR


def test_everything_was_checked_with_what_is_linked_to_it_and_is_exported(home: Home) -> None:
    ledger = Ledger.open(home.ledger)
    linked = {e.subject: e.body["audit"]["linked_releases"] for e in ledger.releases()}
    assert linked["campaign-week-2026-W08"] == 7
    assert linked["campaign-month-2026-02"] == 28 + 3  # its days and whole weeks
    assert linked["audience-month-2026-02"] > linked["campaign-month-2026-02"]
    for name in ("interest-week-2026-W09", "audience-month-2026-02"):
        assert list((home.exports / "_all" / name).glob("*.csv"))
    assert verify_folder(home.published).releases == 37


def test_running_again_changes_no_byte(home: Home) -> None:
    def content() -> dict[Path, bytes]:
        folders = (home.releases, home.exports)
        return {p: p.read_bytes() for f in folders for p in f.rglob("*") if p.is_file()}

    before = content()
    codes = [release_days(home, LAST, LAST), *release_periods(home, FIRST, LAST)]
    assert not any(codes)
    assert content() == before
