"""The same taken-in day counted by DuckDB and by Spark: CPU seconds, wall time, equal files.

python benchmarks/spark_counting.py --folder FOLDER [--visits 1000000] [--campaigns 1000]
                                    [--rounds 3]

The folder is made anew, as by `large_day.py`, and its day is taken in once. Eligibility and reach
are then run by both engines in turn. Spark is what `SPARK_CONF_DIR` says, `local[2]` without it;
its CPU seconds are those of this process and of the Java process that it starts (the driver, and
with `local` the executor). Its start is measured apart.
"""

import argparse
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from large_day import DAY, make

from anonymizer.counting.eligibility import find_eligible
from anonymizer.counting.reach import count_reach
from anonymizer.intake.day_intake import take_in
from anonymizer.model.policy import Policy
from anonymizer.storage.engine import Engine
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.engines.spark import Spark
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

Result = TypeVar("Result")
_SECRET = Secret(b"k" * 32)
_MEGABYTES = 2_048
_STAGES = ("people", "excluded", "reach", "overlaps")
_SETTINGS = "spark.master local[2]\nspark.driver.memory 5g\nspark.sql.shuffle.partitions 4\n"


def main() -> None:
    """Make the day, take it in, count it with each engine, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--visits", type=int, default=1_000_000)
    parser.add_argument("--campaigns", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    make(given.folder, given.visits, given.campaigns)
    home = Home(given.folder)
    spill = home.private / "spill-benchmark"
    spill.mkdir(parents=True)
    with DuckDB(memory_megabytes=_MEGABYTES, threads=2, spill=None) as raw:
        take_in(home, DAY, Policy(), _SECRET, raw, now=time.time() + 1e6)
    if "SPARK_CONF_DIR" not in os.environ:
        (given.folder / "spark-defaults.conf").write_text(_SETTINGS, encoding="utf-8")
        os.environ["SPARK_CONF_DIR"] = str(given.folder.resolve())
    with (
        DuckDB(memory_megabytes=_MEGABYTES, threads=2, spill=spill) as duckdb,
        DuckDB(memory_megabytes=256, threads=1, spill=None) as shapes,
    ):
        spark = measured("spark, start", lambda: Spark(shapes))
        with spark:
            written = set()
            for _ in range(given.rounds):
                for name, engine in (("duckdb", duckdb), ("spark", spark)):
                    measured(name, lambda engine=engine: counted(engine, home))
                    written.add(digest(home))
    print(f"{given.visits:,} visits; all {2 * given.rounds} results equal: {len(written) == 1}")


def counted(engine: Engine, home: Home) -> None:
    """Who counts, and how many people each campaign reached."""
    find_eligible(engine, home, DAY, Policy(), _SECRET)
    count_reach(engine, home, DAY, Policy(), _SECRET)


def digest(home: Home) -> str:
    """Of the files that counting writes."""
    total = hashlib.sha256()
    for stage in _STAGES:
        total.update(home.working_file(stage, DAY).read_bytes())
    return total.hexdigest()


def measured(name: str, work: Callable[[], Result]) -> Result:
    """Do the work and print what it took."""
    cpu, begin = cpu_seconds(), time.monotonic()
    result = work()
    wall = time.monotonic() - begin
    print(f"{name}: {cpu_seconds() - cpu:.1f} CPU seconds, {wall:.1f} s", flush=True)
    return result


def cpu_seconds() -> float:
    """Of this process and of its children that run."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8").rpartition(") ")[2].split()
        except OSError:  # it has just ended
            continue
        if int(fields[1]) == os.getpid():
            ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
