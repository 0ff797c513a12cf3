"""The sample world keeps the raw contract, is the same for a seed, and checks its options."""

import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from sample_worlds import (
    CONTRACT,
    MEDIUM,
    ROOT,
    World,
    build,
    checksums,
    columns,
    lists_of,
    raw_rows,
    required,
)

from anonymizer.model.errors import ConfigurationError
from anonymizer.storage.home import Home
from data_samples.world import SMALL, WorldOptions, generate

SMALL_RAW = ROOT / "data_samples" / "small" / "raw"
IDENTIFYING = {
    "profiles": ("user_id", "full_name", "email", "phone", "address"),
    "visits": ("cookie_id", "url", "ip", "user_agent"),
    "consents": ("user_id",),
}


_SCRIPT = """
import sys
from pathlib import Path
import pyarrow as pa
from anonymizer.storage.home import Home
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


@pytest.mark.alternate("sample worlds")
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
