"""The world of the demo: a month of a service that many in Jakarta use."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from sample_worlds import CONTRACT, build, raw_rows

from anonymizer.model.errors import ConfigurationError
from anonymizer.model.periods import Period
from anonymizer.model.policy import Timing
from anonymizer.model.series import AUDIENCE_MONTH, INTEREST_WEEK
from anonymizer.model.windows import inputs_of
from cli.demo_home import months_in_the_past
from data_samples.campaigns import draw_campaigns
from data_samples.people import draw_people, regencies
from data_samples.world import DEMO, WorldOptions


@pytest.mark.parametrize("share", [0.0, 0.06, 0.4, 1.0])
def test_so_many_people_live_in_central_jakarta_as_asked_for(share: float) -> None:
    people = draw_people(WorldOptions(people=5_000, central_jakarta_share=share))
    there = np.array([place.code == "31.71" for place in regencies()])
    assert there[people.regency].mean() == pytest.approx(share, abs=0.02)


def test_a_share_is_between_none_and_all() -> None:
    with pytest.raises(ConfigurationError, match="central_jakarta_share"):
        WorldOptions(central_jakarta_share=1.5)


def test_a_folder_of_the_demo_is_one_file_and_visits_come_in_every_text_format(
    tmp_path: Path,
) -> None:
    world = build(replace(DEMO, people=500, days=3, visits=1_500), tmp_path)
    files = [path for table in CONTRACT for path in world.files(table)]
    assert len({path.parent for path in files}) == len(files) == world.summary.files
    endings = ["".join(path.suffixes) for path in world.files("visits")]
    assert sorted(endings[:3]) == [".csv", ".csv.gz", ".jsonl"]
    found = {row["visit_id"] for path in world.files("visits") for row in raw_rows(path)}
    assert 0.95 * 1_500 < len(found) <= 1_520  # but for what is bad
    assert {"visits.after_arrival", "profiles.missing_time"} <= set(world.summary.planted)


@pytest.mark.parametrize("options", [DEMO, WorldOptions(), WorldOptions(campaigns=400)])
def test_no_two_campaigns_have_the_same_name(options: WorldOptions) -> None:
    names = [campaign.name for campaign in draw_campaigns(options)]
    assert len(names) == len(set(names)) == options.campaigns


@pytest.mark.parametrize(
    "today",
    [date(2026, 11, 30), date(2026, 11, 8), date(2026, 11, 6), date(2026, 3, 1), date(2026, 1, 31)],
)
def test_the_demo_has_a_month_and_a_week_of_interests_whenever_it_is_run(today: date) -> None:
    moved = months_in_the_past(DEMO, today)
    assert moved == replace(DEMO, start=moved.start)
    assert moved.start == min(DEMO.start, moved.start)
    days = [moved.day(number) for number in range(moved.days)]
    assert days[-1] < today - timedelta(days=1)
    closed = [day for day in days if day + timedelta(days=Timing().open_days) <= days[-1]]
    for series in (AUDIENCE_MONTH, INTEREST_WEEK):
        kind = series.period_kind
        ended = [Period.of(kind, day) for day in closed if Period.of(kind, day).end == day]
        assert any(
            set(inputs_of(series, period, Timing()).days) <= set(days) for period in ended
        ), series
    if today >= date(2026, 11, 8):
        assert moved == DEMO
