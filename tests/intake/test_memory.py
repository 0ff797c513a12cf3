"""A day may be larger than the memory: pseudonymous rows wait on disk, raw values never do."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from raw_world import DAY, LINK, NOW, World

from anonymizer.intake.day_intake import take_in
from anonymizer.intake.deduplication import Claims
from anonymizer.intake.intake_outcome import Intake
from anonymizer.storage.engines.duckdb import DuckDB

VISITS = 400_000
SMALL, LARGE = 60, 2_000  # megabytes; the rows of the day take about 100


@pytest.fixture
def large_day(tmp_path: Path) -> World:
    world = World(tmp_path)
    numbers = [n - (n % 1_000 == 1) for n in range(VISITS)]  # one in a thousand stands twice
    visits = pa.table(
        {
            "visit_id": [f"visit-{n}" for n in numbers],
            "user_id": [f"person-{n % 50_000}" for n in numbers],
            "occurred_at": [f"{DAY}T10:00:00+07:00"] * VISITS,
            "url": [f"{LINK}/{n % 100}" for n in numbers],
            "user_agent": ["Mozilla/5.0"] * VISITS,
        }
    )
    content = io.BytesIO()
    pq.write_table(visits, content, row_group_size=50_000)
    world.visits(content.getvalue(), "large.parquet")
    return world


def taken_in(world: World, megabytes: int) -> Intake:
    with DuckDB(memory_megabytes=megabytes, threads=1, spill=None) as engine:
        return take_in(world.home, world.day, world.policy, world.secret, engine, now=NOW)


@pytest.mark.alternate("equal bytes")
def test_a_day_larger_than_the_memory_gives_the_same_bytes(
    large_day: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    spilled = bytearray()
    settle = Claims.settle

    def watched(claims: Claims, *arguments: object) -> object:
        for path in sorted(claims.folder.rglob("*")):
            if path.is_file() and path.suffix != ".parquet":
                spilled.extend(path.read_bytes())
        return settle(claims, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Claims, "settle", watched)
    account = taken_in(large_day, SMALL).accounts["visits"]
    assert len(spilled) > 1_000_000
    for raw in (b"person-", b"visit-", LINK.encode(), b"Mozilla"):
        assert raw not in spilled
    assert account.duplicates == VISITS // 1_000
    assert account.counted == VISITS - account.duplicates + 1
    assert not list(large_day.home.private.glob("spill-*"))
    small = large_day.written()
    taken_in(large_day, LARGE)
    assert large_day.written() == small
