"""The people of the sample world are like those of the country, and of every standing."""

import itertools
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from sample_worlds import World, build, raw_rows, reference

from anonymizer.model.policy import Bots
from data_samples.world import WorldOptions


def shares(values: list[object]) -> dict[object, float]:
    counts = Counter(values)
    return {value: count / counts.total() for value, count in counts.items()}


def test_regions_follow_the_population(tidy: World) -> None:
    codes = tidy.typed("profiles").column("region_code").drop_null().to_pylist()
    found = shares([code[:2] for code in codes])
    rows = [row for row in reference("regions.csv") if row["level"] == "regency"]
    people: Counter[str] = Counter()
    for row in rows:
        people[row["code"][:2]] += int(row["male"]) + int(row["female"])
    for province, count in people.items():
        assert found.get(province, 0) == pytest.approx(count / people.total(), abs=0.015)
    assert set(codes) <= {row["code"] for row in rows}
    assert len(set(codes)) > 400


def test_ages_and_sexes_follow_the_population(tidy: World) -> None:
    first = next(iter(sorted((tidy.home.raw / "profiles").iterdir())))
    profiles = pa.concat_tables(pq.read_table(path) for path in sorted(first.glob("*.parquet")))
    born = [day for day in profiles.column("birth_date").to_pylist() if day]
    ages = np.array([(tidy.options.start - day).days // 365.2425 for day in born])
    assert ages.min() >= 13
    rows = reference("age_sex.csv")
    weights = Counter[int]()
    for row in rows:
        weights[int(row["age"].replace("+", "-").split("-")[0])] += int(row["pop_2025_medium"])
    adults = {lowest: count for lowest, count in weights.items() if lowest >= 20}
    for lowest, count in adults.items():
        found = np.count_nonzero((ages >= lowest) & (ages < lowest + 5))
        expected = count / sum(adults.values())
        assert found / np.count_nonzero(ages >= 20) == pytest.approx(expected, abs=0.02)
    assert 0.05 < np.count_nonzero(ages < 18) / len(ages) < 0.15
    spelled = {str(text).strip().lower() for text in profiles.column("gender").to_pylist() if text}
    male, female = {"male", "l", "pria", "laki-laki"}, {"female", "p", "wanita", "perempuan"}
    assert spelled == male | female
    genders = [str(text).strip().lower() for text in profiles.column("gender").drop_null()]
    assert sum(word in male for word in genders) / len(genders) == pytest.approx(0.5, abs=0.03)
    assert 0.03 < profiles.column("gender").null_count / len(profiles) < 0.1


def test_accounts_of_every_standing(tidy: World) -> None:
    """Closed, closed for more than five years, fresh, and opened during the world's days."""
    profiles = tidy.typed("profiles")
    start = datetime.combine(tidy.options.start, datetime.min.time(), UTC)
    closed = profiles.column("closed_at").drop_null().to_pylist()
    registered = profiles.column("registered_at").to_pylist()
    pairs = zip(registered, profiles.column("closed_at").to_pylist(), strict=True)
    assert all(end is None or opened <= end for opened, end in pairs)
    assert any(moment < start - timedelta(days=5 * 366) for moment in closed)
    assert any(start - timedelta(days=5 * 365) < moment < start for moment in closed)
    assert any(moment > start for moment in closed)
    assert any(start - timedelta(days=29) < moment < start for moment in registered)
    assert any(moment > start for moment in registered)


def test_ids_of_three_generations(tidy: World) -> None:
    users = set(tidy.typed("profiles").column("user_id").to_pylist())
    kinds = Counter(
        next(
            name
            for name, pattern in (
                ("digits", r"0\d{6}"),
                ("prefixed", r"u\d{7}"),
                ("uuid", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
            )
            if re.fullmatch(pattern, user)
        )
        for user in users
    )
    assert all(kinds[name] > 0.2 * len(users) for name in ("digits", "prefixed", "uuid"))


def test_snapshots_are_full_and_change(tidy: World) -> None:
    folders = sorted((tidy.home.raw / "profiles").iterdir())
    states = [
        {row["user_id"]: row for path in sorted(folder.glob("*.*")) for row in raw_rows(path)}
        for folder in folders
    ]
    for earlier, later in itertools.pairwise(states):
        assert earlier.keys() <= later.keys()
        assert later.keys() - earlier.keys()
        moved = [
            u
            for u in earlier
            if (earlier[u]["region_code"] or "") != (later[u]["region_code"] or "")
        ]
        assert 0 < len(moved) < 0.02 * len(earlier)


def test_consents_are_granted_refused_withdrawn_and_missing(tidy: World) -> None:
    decisions = defaultdict(list)
    rows = tidy.typed("consents").sort_by("decided_at").to_pylist()
    for row in rows:
        decisions[row["user_id"], row["purpose"]].append(row["granted"])
    purposes = {purpose for _, purpose in decisions}
    assert purposes == {"use", "disclosure", "advertising_cookies", "marketing"}
    courses = {tuple(dict.fromkeys(course)) for course in decisions.values()}
    assert {(True,), (False,), (True, False)} <= courses
    users = {row["user_id"] for row in tidy.typed("profiles").to_pylist()}
    assert {u for u in users if (u, "disclosure") not in decisions}


def test_requests_are_of_every_kind(tidy: World) -> None:
    rows = [row for path in tidy.files("requests") for row in raw_rows(path)]
    assert {row["kind"] for row in rows} == {"access", "correct", "erase", "withdraw"}


def test_guests_programs_and_nobody_before_registration(tidy: World) -> None:
    visits = tidy.typed("visits")
    guests = visits.column("user_id").null_count / len(visits)
    assert 0.1 < guests < 0.25
    agents = [agent.lower() for agent in visits.column("user_agent").to_pylist()]
    for word in Bots().user_agent_words:
        assert any(word in agent for agent in agents), word
    programs = sum(any(word in agent for word in Bots().user_agent_words) for agent in agents)
    assert 0.01 < programs / len(agents) < 0.03
    opened = {row["user_id"]: row["registered_at"] for row in tidy.typed("profiles").to_pylist()}
    assert all(
        opened[row["user_id"]] <= row["occurred_at"]
        for row in visits.select(["user_id", "occurred_at"]).to_pylist()
        if row["user_id"] in opened
    )


def test_links_are_apart_except_a_nested_one_and_a_tie(world: World) -> None:
    rows = [row for path in world.files("campaigns") for row in raw_rows(path)]
    links = [str(row["link_url"]) for row in rows]
    nested = {(a, b) for a in links for b in links if a != b and a.startswith(b)}
    assert nested == {(links[4], links[0])}
    assert [n for n, link in enumerate(links) if links.count(link) > 1] == [1, 5]
    first, second = rows[1], rows[5]
    assert first["advertiser_id"] == second["advertiser_id"]
    assert first["starts_on"] == second["starts_on"]
    assert first["target_regions"]
    assert not second["target_regions"]
    assert all(link.startswith("https://") and "?" not in link for link in links)
    targets = [row["target_regions"] for row in rows if row["target_regions"]]
    assert 3 <= len(targets) <= 4
    codes = {row["code"] for row in reference("regions.csv")}
    assert {code for text in targets for code in str(text).split(";")} <= codes


def test_visits_follow_shared_and_nested_links_and_tags_on_other_pages(world: World) -> None:
    """What one visit and one campaign have to be decided about is all there."""
    rows = [row for path in world.files("campaigns") for row in raw_rows(path)]
    urls = Counter(world.typed("visits").column("url").to_pylist())

    def visits(link: object, *, tag: object = None) -> int:
        """Visits to a link, with this tag or without any."""
        return sum(
            number
            for url, number in urls.items()
            if url.split("?")[0].split("#")[0] == link
            and (f"utm_id={tag}" in url if tag else "utm_id" not in url)
        )

    for row in (rows[0], rows[1], rows[4]):
        assert visits(row["link_url"]) > 50
    tagged = [visits(rows[1]["link_url"], tag=rows[n]["campaign_id"]) for n in (0, 1, 5)]
    assert all(number > 5 for number in tagged)


@pytest.mark.slow
def test_the_default_world_is_lively(tmp_path: Path) -> None:
    """Large campaigns have thousands of people a day, the smallest a few dozen."""
    world = build(WorldOptions(), tmp_path)
    campaigns = [row for path in world.files("campaigns") for row in raw_rows(path)]
    visits = world.typed("visits").filter(pc.field("user_id").is_valid())
    day = pc.floor_temporal(
        pc.add(visits["occurred_at"], pa.scalar(timedelta(hours=7))), unit="day"
    )
    visits = visits.append_column("day", day)
    urls = visits["url"]
    tagged = pc.match_substring_regex(urls, "utm_(id|campaign)=cmp-")
    links = sorted({str(row["link_url"]) for row in campaigns}, key=len)
    averages = []
    for row in campaigns:
        by_link = pc.starts_with(urls, row["link_url"])
        for longer in links:
            if longer.startswith(f"{row['link_url']}/"):
                by_link = pc.and_not(by_link, pc.starts_with(urls, longer))
        own = pc.or_(
            pc.and_not(by_link, tagged), pc.match_substring(urls, f"={row['campaign_id']}")
        )
        assert pc.mean(own.cast(pa.int8())).as_py() < 0.5
        people = visits.filter(own).group_by("day").aggregate([("user_id", "count_distinct")])
        averages.append(np.mean(people["user_id_count_distinct"].to_numpy()))
    averages.sort()
    assert averages[-1] > 3_000
    assert averages[-3] > 1_000
    assert 15 < averages[0] < 60
    per_day = visits.group_by(["day", "user_id"]).aggregate([("url", "count")])
    assert pc.max(per_day["url_count"]).as_py() > Bots().max_visits_per_day
