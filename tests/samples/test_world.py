"""The sample world keeps the raw contract and holds every kind of row that intake must settle."""

import csv
import itertools
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from sample_worlds import MEDIUM, World, build, checksums, lists_of, raw_rows

from anonymizer.errors import ConfigurationError
from anonymizer.home import Home
from anonymizer.policy import Bots
from data_samples.dirt import FIELD_COUNTS, KINDS
from data_samples.world import SMALL, WorldOptions, generate

ROOT = Path(__file__).parents[2]
SMALL_RAW = ROOT / "data_samples" / "small" / "raw"
# The design's raw contract, written out again: columns, and those that may not be null.
CONTRACT = {
    "profiles": "user_id* full_name email phone address gender birth_date region_code "
    "registered_at* closed_at",
    "visits": "visit_id* user_id cookie_id occurred_at* url* referrer product_category ip "
    "user_agent duration_ms page_response_ms interactions exit_method",
    "campaigns": "campaign_id* advertiser_id* advertiser_name* campaign_name* link_url* "
    "starts_on* ends_on* target_regions",
    "consents": "user_id* purpose* granted* decided_at*",
    "requests": "request_id* user_id* kind* requested_at*",
}
IDENTIFYING = {
    "profiles": ("user_id", "full_name", "email", "phone", "address"),
    "visits": ("cookie_id", "url", "ip", "user_agent"),
    "consents": ("user_id",),
}


def columns(table: str) -> list[str]:
    return CONTRACT[table].replace("*", "").split()


def required(table: str) -> list[str]:
    return re.findall(r"(\w+)\*", CONTRACT[table])


def wib_day(moment: datetime) -> date:
    return (moment.astimezone(UTC) + timedelta(hours=7)).date()


# --- the same options give the same bytes

_SCRIPT = """
import sys
from pathlib import Path
import pyarrow as pa
from anonymizer.home import Home
from data_samples.world import WorldOptions, generate
pa.set_cpu_count(int(sys.argv[2]))
options = WorldOptions(people=2000, days=3, visits=9000, seed=int(sys.argv[3]))
generate(options, Home(Path(sys.argv[1])))
"""


def generated_elsewhere(root: Path, hash_seed: str, threads: int, seed: int) -> dict[str, int]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": "America/New_York"}
    command = [sys.executable, "-c", _SCRIPT, str(root), str(threads), str(seed)]
    subprocess.run(command, check=True, env=environment, cwd=ROOT)
    return checksums(root)


def test_a_seed_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    first = generated_elsewhere(tmp_path / "a", "1", 1, seed=5)
    second = generated_elsewhere(tmp_path / "b", "4711", 2, seed=5)
    other = generated_elsewhere(tmp_path / "c", "1", 1, seed=6)
    assert first == second
    assert first.keys() == other.keys()
    assert not {
        name for name in first if first[name] == other[name] and not name.endswith("_SUCCESS")
    }


def test_the_committed_sample_is_what_the_generator_makes(tmp_path: Path) -> None:
    build(SMALL, tmp_path)
    made = {str(p.relative_to(tmp_path / "raw")): p for p in tmp_path.rglob("*") if p.is_file()}
    kept = {str(p.relative_to(SMALL_RAW)): p for p in SMALL_RAW.rglob("*") if p.is_file()}
    assert made.keys() == kept.keys()
    for name, path in made.items():
        assert path.read_bytes() == kept[name].read_bytes(), name


def test_the_committed_sample_is_small_and_plain() -> None:
    visits = list((SMALL_RAW / "visits").rglob("*.csv"))
    assert 200 <= sum(len(list(lists_of(file))) - 1 for file in visits) <= 300
    assert {p.suffix for p in SMALL_RAW.rglob("*") if p.is_file()} == {".csv", ""}
    assert sum(p.stat().st_size for p in SMALL_RAW.rglob("*") if p.is_file()) < 400_000


# --- the raw contract


def test_every_file_has_the_columns_of_the_contract(world: World) -> None:
    for table in CONTRACT:
        assert world.files(table)
        for path in world.files(table):
            if path.suffix == ".parquet":
                assert pq.read_schema(path).names == columns(table)
            elif path.suffix == ".jsonl":
                assert {tuple(row) for row in raw_rows(path)} == {tuple(columns(table))}
            else:
                assert next(lists_of(path)) == columns(table)


def test_typed_files_are_complete_and_their_moments_are_utc(world: World) -> None:
    for table in ("profiles", "visits", "consents"):
        typed = world.typed(table)
        assert not {name for name in required(table) if typed.column(name).null_count}
        moments = [f.type for f in typed.schema if pa.types.is_timestamp(f.type)]
        assert {str(kind.tz) for kind in moments} == {"UTC"}


def test_every_folder_is_complete_and_days_of_arrival_follow_each_other(world: World) -> None:
    folders = {path.parent for table in CONTRACT for path in world.files(table)}
    assert all((folder / "_SUCCESS").read_bytes() == b"" for folder in folders)
    start, days = world.options.start, world.options.days
    arrivals = [f"day={start + timedelta(days=number)}" for number in range(days + 1)]
    assert sorted(path.name for path in (world.home.raw / "visits").iterdir()) == arrivals
    snapshots = sorted(path.name for path in (world.home.raw / "profiles").iterdir())
    assert snapshots[0] == f"day={start - timedelta(days=1)}"
    assert len(snapshots) > 1


def test_a_day_of_visits_has_parquet_gzipped_csv_and_json_lines(world: World) -> None:
    for folder in (world.home.raw / "visits").iterdir():
        kinds = Counter("".join(path.suffixes) for path in folder.iterdir())
        assert kinds[".parquet"] >= 1
        assert (kinds[".csv.gz"], kinds[".jsonl"]) == (1, 1)


@pytest.mark.parametrize("table", IDENTIFYING)
def test_identifying_columns_are_filled(world: World, table: str) -> None:
    typed = world.typed(table)
    for name in IDENTIFYING[table]:
        column = typed.column(name)
        assert column.null_count == 0, name
        assert pc.count_distinct(column).as_py() > 1
    if table == "visits":
        for name in ("user_id", "referrer"):
            assert typed.column(name).null_count < len(typed) / 2


def test_nobody_can_be_reached_by_what_the_profiles_say(world: World) -> None:
    domains = {text.split("@")[1] for text in world.typed("profiles").column("email").to_pylist()}
    assert domains <= {"example.org", "example.com", "example.net"}
    addresses = world.typed("visits").column("ip").unique().to_pylist()
    assert all(re.match(r"10\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.", ip) for ip in addresses)
    hosts = {url.split("/")[2] for url in world.typed("visits").column("url").unique().to_pylist()}
    assert all(host.endswith(".example") for host in hosts)


# --- sizes and proportions


def test_sizes_are_those_asked_for(tidy: World) -> None:
    ids = {row["visit_id"] for path in tidy.files("visits") for row in raw_rows(path)}
    assert len(ids) == tidy.options.visits
    users = {row["user_id"] for path in tidy.files("profiles") for row in raw_rows(path)}
    assert 0.98 * tidy.options.people <= len(users) <= tidy.options.people
    campaigns = [row for path in tidy.files("campaigns") for row in raw_rows(path)]
    assert len(campaigns) == 12
    assert len({row["advertiser_id"] for row in campaigns}) == 4


def test_summary_counts_the_rows_that_lie_there(world: World) -> None:
    for table, count in world.summary.rows.items():
        rows = 0
        for path in world.files(table):
            header = ".csv" in path.name
            reader = lists_of(path) if header else raw_rows(path)
            rows += sum(1 for _ in reader) - header
        assert rows == count
    assert world.summary.files == sum(len(world.files(table)) for table in CONTRACT)


def test_bad_rows_of_every_kind_are_there_in_the_share_asked_for(world: World) -> None:
    planted = world.summary.planted
    for table in ("visits", "profiles", "consents"):
        kinds = {**KINDS[table], **FIELD_COUNTS}
        counts = [planted[f"{table}.{kind}"] for kind in kinds]
        share = sum(counts) / world.summary.rows[table]
        assert share == pytest.approx(world.options.dirt_share, rel=0.15)
        assert max(counts) <= 2 * min(counts) + 2
    assert any(kind.startswith("requests.") for kind in planted)
    for kind in ("late", "too_late", "redelivered", "repeated_in_file", "repeated_in_other_file"):
        assert planted[f"visits.{kind}"] > 0


def text_cells(world: World, column: str) -> Iterator[str]:
    for path in world.files("visits"):
        if path.suffix != ".parquet":
            for row in raw_rows(path):
                yield str(row[column] or "")


def test_bad_rows_look_as_their_kind_says(world: World) -> None:
    """Found again in the files by patterns that share nothing with the generator."""
    planted = world.summary.planted
    times, users, urls = (list(text_cells(world, c)) for c in ("occurred_at", "user_id", "url"))
    zoned = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

    def matching(pattern: str, cells: list[str]) -> int:
        return sum(1 for cell in cells if re.fullmatch(pattern, cell))

    naive = matching(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d+", times)
    assert naive == planted["visits.naive_time"]
    assert matching(r"\d{10,19}", times) == planted["visits.epoch_time"]
    assert matching(r"(1970|0001|9999)-.*", times) == planted["visits.impossible_time"]
    assert times.count("") == planted["visits.missing_time"]
    assert matching(r"\s+", users) == planted["visits.blank_user"]
    assert matching(r"0+|-1|unknown|[0-]{36}", users) == planted["visits.placeholder_user"]
    assert matching(r".*utm_id=cmp-999999", urls) == planted["visits.unknown_campaign"]
    long = sum(1 for cell in urls if len(cell) > 8_192)
    assert long == planted["visits.too_long"]
    offsets = Counter(match[2] for cell in times if (match := zoned.fullmatch(cell)))
    assert all(offsets[zone] for zone in ("+07:00", "+08:00", "+09:00", "Z"))
    wrong = sum(
        1
        for path in world.files("visits")
        if ".csv" in path.name
        for row in lists_of(path)
        if len(row) != len(columns("visits"))
    )
    assert wrong == planted["visits.too_many_fields"] + planted["visits.too_few_fields"]


def test_respelled_users_are_real_ones(world: World) -> None:
    known = set(world.typed("profiles").column("user_id").to_pylist())
    plain = {user.lstrip("0") if user.isdigit() else user for user in known}
    strange = {user for user in text_cells(world, "user_id") if user and user not in known}
    settled = {u.strip().lower().lstrip("0") if u.strip().isdigit() else u.strip().lower()
               for u in strange}  # fmt: skip
    assert len(settled & plain) >= world.summary.planted["visits.respelled_user"] * 0.8


def test_a_tidy_world_has_no_bad_row(tidy: World) -> None:
    bad = {f"{table}.{kind}" for table in KINDS for kind in (*KINDS[table], *FIELD_COUNTS)}
    assert not bad & tidy.summary.planted.keys()
    moments = [row["occurred_at"] for path in tidy.files("visits") for row in raw_rows(path)]
    assert all(
        isinstance(moment, datetime) or datetime.fromisoformat(str(moment)).tzinfo
        for moment in moments
    )


def test_visits_arrive_on_their_day_or_one_or_two_days_later(tidy: World) -> None:
    delays: Counter[int] = Counter()
    for path in tidy.files("visits"):
        arrival = date.fromisoformat(path.parent.name.removeprefix("day="))
        for row in raw_rows(path):
            moment = row["occurred_at"]
            if not isinstance(moment, datetime):
                moment = datetime.fromisoformat(str(moment))
            delays[(arrival - wib_day(moment)).days] += 1
    assert delays.keys() == {0, 1, 2}
    assert 0.01 < delays[1] / delays.total() < 0.03
    assert 0 < delays[2] / delays.total() < 0.005


def test_conflicting_and_repeated_ids(world: World, tidy: World) -> None:
    def contents(chosen: World) -> dict[object, set[object]]:
        found = defaultdict(set)
        for path in chosen.files("visits"):
            for row in raw_rows(path):
                if row["visit_id"]:
                    found[row["visit_id"]].add(row["url"])
        return found

    assert all(len(urls) == 1 for urls in contents(tidy).values())
    differing = sum(1 for urls in contents(world).values() if len(urls) > 1)
    planted = world.summary.planted
    # A row that comes again on the next day may be a bad one then.
    least = planted["visits.conflicting_id"]
    assert least <= differing <= least + planted["visits.redelivered"]


# --- who they are


def shares(values: list[object]) -> dict[object, float]:
    counts = Counter(values)
    return {value: count / counts.total() for value, count in counts.items()}


def reference(name: str) -> list[dict[str, str]]:
    with (ROOT / "data_samples" / "reference" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


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


def test_links_lead_to_one_campaign_except_the_nested_one(world: World) -> None:
    rows = [row for path in world.files("campaigns") for row in raw_rows(path)]
    links = [str(row["link_url"]) for row in rows]
    nested = [(a, b) for a in links for b in links if a != b and a.startswith(b)]
    assert nested == [(links[4], links[0])]
    assert all(link.startswith("https://") and "?" not in link for link in links)
    targets = [row["target_regions"] for row in rows if row["target_regions"]]
    assert 2 <= len(targets) <= 3
    codes = {row["code"] for row in reference("regions.csv")}
    assert {code for text in targets for code in str(text).split(";")} <= codes


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
    averages = []
    for row in campaigns:
        own = pc.or_(
            pc.starts_with(urls, row["link_url"]),
            pc.match_substring(urls, f"={row['campaign_id']}"),
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


# --- what is asked for is checked


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        WorldOptions(
            people=0, days=0, visits=-1, advertisers=9, campaigns=3, seed=-1, dirt_share=0.9,
            start=date(1999, 1, 1), layout="paper",  # type: ignore[arg-type]
        )  # fmt: skip
    places = [fault.place for fault in caught.value.faults]
    assert sorted(places) == sorted(
        ["people", "days", "visits", "campaigns", "seed", "dirt_share", "start", "layout"]
    )


@pytest.mark.parametrize(
    "extreme",
    [
        {"people": 10, "days": 1, "visits": 10, "advertisers": 1, "campaigns": 1},
        {"people": 10, "days": 40, "visits": 10, "advertisers": 2, "campaigns": 2},
        {"people": 500, "days": 1, "visits": 30_000, "advertisers": 120, "campaigns": 1_000},
        {"people": 50, "days": 2, "visits": 300, "dirt_share": 0.2},
    ],
)
def test_extreme_worlds_can_be_made(tmp_path: Path, extreme: dict[str, int]) -> None:
    world = build(replace(WorldOptions(), **extreme), tmp_path)
    assert world.summary.rows["visits"] >= extreme["visits"]


def test_a_world_is_never_mixed_with_another(tmp_path: Path) -> None:
    world = build(replace(MEDIUM, people=50, visits=100), tmp_path)
    before = checksums(tmp_path)
    with pytest.raises(ConfigurationError, match="is not empty"):
        generate(world.options, world.home)
    assert checksums(tmp_path) == before


def test_progress_counts_folders_to_the_end(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    options = replace(MEDIUM, people=50, visits=100)
    generate(options, Home(tmp_path), lambda _, done, total: steps.append((done, total)))
    folders = len(list(tmp_path.rglob("_SUCCESS")))
    assert steps == [(number, folders) for number in range(1, folders + 1)]
