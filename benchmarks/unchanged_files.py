"""Days that all need the same file of profiles and of consents: what each costs to take in.

python benchmarks/unchanged_files.py --folder FOLDER [--people 200000] [--visits 20000] [--days 4]

The folder is made anew. Each day is taken in by a process of its own, as daily runs do it; CPU
seconds and peak memory are those of the whole process.
"""

import argparse
import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path

from large_day import DAY, make
from process_usage import run

from anonymizer.intake.day_intake import take_in
from anonymizer.model.policy import Policy
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret


def main() -> None:
    """Make the raw zone, take in the days, print what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--people", type=int, default=200_000)
    parser.add_argument("--visits", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=4)
    parser.add_argument("--number", type=int, default=-1, help="take in this day in this process")
    given = parser.parse_args()
    if given.number >= 0:
        one_day(Home(given.folder), given.number)
        return
    make(given.folder, given.visits, 100, given.people)
    visits = given.folder / "raw" / "visits"
    for number in range(1, given.days + 1):
        shutil.copytree(
            visits / f"day={DAY}", visits / f"day={DAY + timedelta(number)}", dirs_exist_ok=True
        )
    for number in range(given.days):
        done = run(
            [sys.executable, __file__, "--folder", str(given.folder), "--number", str(number)]
        )
        print(f"day {number + 1}: {done.cpu_seconds:.2f} CPU s, {done.peak_megabytes:,.0f} MB")
        print(done.said, end="")
    kept = sum(path.stat().st_size for path in (given.folder / "private").glob("kept/*/*"))
    print(f"kept: {kept / 1e6:.1f} MB")


def one_day(home: Home, number: int) -> None:
    """Intake of a day."""
    with DuckDB(memory_megabytes=2_048, threads=2, spill=None) as engine:
        day = DAY + timedelta(days=number)
        take_in(home, day, Policy(), Secret(b"k" * 32), engine, now=time.time() + 1e6)


if __name__ == "__main__":
    main()
