"""A day of many visits taken in and counted: CPU seconds and peak memory of the whole process.

python benchmarks/large_day.py --folder FOLDER [--visits 1000000] [--memory-megabytes 2048]
                               [--campaigns 1000]

The folder is made anew: raw Parquet files of the visits and of a fifth as many people, each with
three consents. Intake, eligibility and reach then run one after the other in a process of their
own, as a run does them.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb
from process_usage import run

import data_samples
from anonymizer.counting.eligibility import find_eligible
from anonymizer.counting.reach import count_reach
from anonymizer.intake.day_intake import take_in
from anonymizer.model.policy import Policy
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

DAY = date(2026, 11, 22)
_VISITS_OF_A_FILE = 5_000_000
_REGIONS = Path(data_samples.__file__).parent / "reference/regions.csv"
_CAMPAIGNS = """
SELECT 'c' || i AS campaign_id, 'a' || (i % 50) AS advertiser_id,
       'A' || (i % 50) AS advertiser_name,
       'Campaign ' || i AS campaign_name, 'https://shop.example/p/' || i AS link_url,
       DATE '2026-11-01' AS starts_on, DATE '2026-11-30' AS ends_on
FROM range($campaigns) AS r(i)
"""
_PROFILES = """
SELECT 'user-' || i AS user_id, ['male', 'female', NULL][1 + draw(i) % 3] AS gender,
       DATE '1950-01-01' + CAST(draw(i + 1) % 18000 AS INTEGER) AS birth_date,
       $codes[1 + draw(i + 2) % len($codes)] AS region_code,
       TIMESTAMPTZ '2020-01-01 00:00:00+00' AS registered_at
FROM range($people) AS r(i)
"""
_CONSENTS = """
SELECT 'user-' || i AS user_id, purpose, draw(i + 3) % 20 > 0 AS granted,
       TIMESTAMPTZ '2024-01-01 00:00:00+00' AS decided_at
FROM range($people) AS r(i), unnest(['use', 'disclosure', 'advertising_cookies']) AS p(purpose)
"""
# One visit in 500 stands twice.
_VISITS = """
SELECT 'visit-' || (i - CASE WHEN i % 500 = 0 THEN 1 ELSE 0 END) AS visit_id,
       CASE WHEN draw(k) % 10 > 0 THEN 'user-' || (draw(k + 5) % $people) END AS user_id,
       TIMESTAMPTZ '2026-11-21 17:00:00+00' + to_seconds(CAST(draw(k + 6) % 86400 AS BIGINT))
           AS occurred_at,
       'https://shop.example/p/' || CAST(pow(draw(k + 7) % 1000000 / 1e6, 2) * $campaigns AS BIGINT)
           || '/x?utm_source=' || (draw(k + 8) % 50) AS url,
       'Mozilla/5.0 (' || (draw(k + 9) % 200) || ')' AS user_agent,
       NULL::VARCHAR AS product_category
FROM (SELECT i, i - CASE WHEN i % 500 = 0 THEN 1 ELSE 0 END AS k FROM range($first, $end) AS r(i))
"""


def main() -> None:
    """Make the day, run it, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--visits", type=int, default=1_000_000)
    parser.add_argument("--campaigns", type=int, default=1_000)
    parser.add_argument("--memory-megabytes", type=int, default=2_048)
    parser.add_argument("--stages", action="store_true", help="run the stages in this process")
    given = parser.parse_args()
    if given.stages:
        run_stages(Home(given.folder), given.memory_megabytes)
        return
    make(given.folder, given.visits, given.campaigns)
    command = [sys.executable, __file__, "--folder", str(given.folder), "--stages"]
    done = run([*command, "--memory-megabytes", str(given.memory_megabytes)], 3_600)
    print(done.said, end="")
    print(
        f"{given.visits:,} visits, limit {given.memory_megabytes:,} MB: {done.cpu_seconds:.1f} CPU "
        f"seconds, peak {done.peak_megabytes:,.0f} MB, exit {done.exit_code}"
    )


def make(
    folder: Path, visits: int, campaigns: int, visits_of_a_file: int = _VISITS_OF_A_FILE
) -> None:
    """The raw zone."""
    shutil.rmtree(folder, ignore_errors=True)
    raw, people = folder / "raw", max(visits // 5, 1)
    connection = duckdb.connect(config={"memory_limit": "2GB", "threads": 2})
    connection.execute("CREATE MACRO draw(number) AS CAST(hash(number) >> 2 AS BIGINT)")
    codes = [
        code
        for code, level in connection.execute(
            f"SELECT code, level FROM read_csv('{_REGIONS}', all_varchar = true)"
        ).fetchall()
        if level == "regency"
    ]
    numbers = {"campaigns": campaigns, "people": people, "codes": codes}

    def write(path: Path, query: str, names: Sequence[str], **more: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        parameters = {name: (numbers | more)[name] for name in names}
        connection.execute(
            f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)", parameters
        )

    write(raw / "campaigns/c.parquet", _CAMPAIGNS, ["campaigns"])
    write(raw / f"profiles/day={DAY}/p.parquet", _PROFILES, ["people", "codes"])
    write(raw / "consents/c.parquet", _CONSENTS, ["people"])
    for number, first in enumerate(range(0, visits, visits_of_a_file)):
        end = min(first + visits_of_a_file, visits)
        path = raw / f"visits/day={DAY}/v{number}.parquet"
        write(path, _VISITS, ["people", "campaigns", "first", "end"], first=first, end=end)
    for day in (DAY, DAY + timedelta(days=1)):
        (raw / f"visits/day={day}").mkdir(exist_ok=True)
        (raw / f"visits/day={day}/_SUCCESS").touch()


def run_stages(home: Home, megabytes: int) -> None:
    """Intake, eligibility and reach, with the CPU seconds of each."""
    policy, secret = Policy(), Secret(b"k" * 32)
    spill = home.private / "spill-benchmark"
    spill.mkdir(parents=True, exist_ok=True)
    for name, work in (("intake", take_in), ("eligibility", find_eligible), ("reach", count_reach)):
        begin = time.process_time()
        folder = None if name == "intake" else spill
        with DuckDB(memory_megabytes=megabytes, threads=2, spill=folder) as engine:
            if work is take_in:
                done = take_in(home, DAY, policy, secret, engine, now=time.time() + 1e6)
                said = {table: account.counted for table, account in done.accounts.items()}
            else:
                work(engine, home, DAY, policy, secret)
                said = {}
        print(f"{name}: {time.process_time() - begin:.1f} CPU seconds {json.dumps(said)}")
    shutil.rmtree(spill)


if __name__ == "__main__":
    main()
