"""Processor time of intake for a day of visits: a file of the contract beside one of a source.

python benchmarks/source_throughput.py --visits 500000
"""

import argparse
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.intake.day_intake import take_in
from anonymizer.model.policy import Policy
from anonymizer.sources.source_zone import source_root
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

DAY = date(2026, 1, 1)
SETTINGS = """
visits:
  app:
    location: app
    files: "{day}.parquet"
    format: parquet
    columns:
      visit_id: event_id
      user_id: user.id
      occurred_at: {path: event_time, time: epoch_us}
      url: page
      user_agent: agent
"""


def write_home(root: Path, visits: int, *, mapped: bool) -> Home:
    home = Home(root)
    draw = np.random.default_rng(1)
    users = np.char.add("u", draw.integers(0, visits // 5, visits).astype(str))
    micros = 1_767_200_400_000_000 + draw.integers(0, 86_400_000_000, visits)
    pages = np.char.add("https://shop.example/p", draw.integers(0, 500, visits).astype(str))
    ids = pa.array(np.char.add("v", np.arange(visits).astype(str)))
    agent = pa.array(["Mozilla/5.0"] * visits).dictionary_encode()
    if mapped:
        home.root.mkdir(parents=True)
        home.sources.write_text(SETTINGS)
        user = pa.StructArray.from_arrays([pa.array(users)], ["id"])
        columns = {
            "event_id": ids,
            "user": user,
            "event_time": pa.array(micros),
            "page": pa.array(pages),
            "agent": agent,
        }
        place = home.raw / "app" / f"{DAY}.parquet"
    else:
        columns = {
            "visit_id": ids,
            "user_id": pa.array(users),
            "occurred_at": pa.array(micros).cast(pa.timestamp("us", "UTC")),
            "url": pa.array(pages),
            "user_agent": agent,
        }
        place = home.raw / "visits" / f"day={DAY}" / "v.parquet"
    _write(place, columns)
    for name, text in {
        "campaigns/c.csv": "campaign_id,advertiser_id,advertiser_name,campaign_name,link_url,"
        "starts_on,ends_on\nC,A,N,N,https://shop.example/p1,2025-12-01,2026-02-01\n",
        "consents/c.csv": "user_id,purpose,granted,decided_at\nu1,use,true,2025-01-01T00:00:00Z\n",
        f"profiles/day={DAY}/p.csv": "user_id,registered_at\nu1,2025-01-01T00:00:00Z\n",
    }.items():
        path = home.raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return home


def _write(place: Path, columns: dict[str, pa.Array]) -> None:
    place.parent.mkdir(parents=True)
    pq.write_table(pa.table(columns), place)


def measure(home: Home) -> float:
    policy = Policy.model_validate({"timing": {"late_days": 0}})
    began = time.process_time()
    with DuckDB(memory_megabytes=2_000, threads=1, spill=None) as engine:
        taken = take_in(
            home,
            DAY,
            policy,
            Secret(b"k" * 32),
            engine,
            now=time.time() + 1e6,
            raw=source_root(home),
        )
    assert not taken.accounts["visits"].quarantined
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--visits", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    seconds: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as folder:
        homes = {
            mapped: write_home(Path(folder) / str(mapped), arguments.visits, mapped=mapped)
            for mapped in (False, True)
        }
        for _ in range(arguments.runs):
            for mapped, home in homes.items():
                seconds[mapped].append(measure(home))
    native, mapped = min(seconds[False]), min(seconds[True])
    print(f"contract {native:.2f} s, source {mapped:.2f} s, {mapped / native:.2f} times")


if __name__ == "__main__":
    main()
