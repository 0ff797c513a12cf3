"""The same day of Parquet taken in by DuckDB and by workers of Spark: time, and equal files.

python benchmarks/spark_intake.py --folder FOLDER [--visits 1000000] [--files 8] [--rounds 2]

The folder is made anew, as by `large_day.py`. Workers are a master and two workers of Spark on this
machine, as in the tests, of which one or two executors are used, with a core each. DuckDB has one
thread and then two. CPU seconds are those of this process and of all that it has started.
"""

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from large_day import DAY, make
from spark_cluster import end_application, running_cluster

from anonymizer.intake.assessment_tasks import Workers
from anonymizer.intake.day_intake import take_in
from anonymizer.model.policy import Effort, Policy
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from pipelines.resources.cluster_intake import workers_of

_SECRET = Secret(b"k" * 32)
_MEGABYTES = 2_048
_WRITTEN = ("campaigns", "consents", "profiles", "requests", "visits", "quarantine")


def main() -> None:
    """Make the day, take it in again and again, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--visits", type=int, default=1_000_000)
    parser.add_argument("--campaigns", type=int, default=1_000)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    each = -(-given.visits // given.files)
    make(given.folder / "home", given.visits, given.campaigns, each)
    home = Home(given.folder / "home")
    written = set()
    for _ in range(given.rounds):
        for threads in (1, 2):
            written.add(measured(f"duckdb, {threads} threads", home, threads, None))
        for executors in (1, 2):
            with cluster_of(given.folder, executors):
                workers = workers_of(Effort(engine="spark"))
                for state in ("with its start", "started"):
                    name = f"spark, {executors} executors, {state}"
                    written.add(measured(name, home, 1, workers))
    print(f"{given.visits:,} visits in {given.files} files; all results equal: {len(written) == 1}")


@contextmanager
def cluster_of(folder: Path, executors: int) -> Iterator[None]:
    """A cluster that gives this process so many executors."""
    place = folder.resolve() / f"cluster-{executors}-{time.monotonic_ns()}"
    with running_cluster(place) as cluster:
        settings = place / "conf/spark-defaults.conf"
        lines = settings.read_text(encoding="utf-8")
        text = lines.replace("spark.cores.max 2", f"spark.cores.max {executors}")
        settings.write_text(text, encoding="utf-8")
        os.environ.update(cluster.environment())
        yield
        end_application()


def measured(name: str, home: Home, threads: int, workers: Workers | None) -> str:
    """Take the day in and print what it took; returns the digest of what was written."""
    cpu, begin = cpu_seconds(), time.monotonic()
    with DuckDB(memory_megabytes=_MEGABYTES, threads=threads, spill=None) as engine:
        now = time.time() + 1e6
        take_in(home, DAY, Policy(), _SECRET, engine, now=now, workers=workers)
    wall = time.monotonic() - begin
    print(f"{name}: {cpu_seconds() - cpu:.1f} CPU seconds, {wall:.1f} s", flush=True)
    total = hashlib.sha256()
    for stage in _WRITTEN:
        total.update(home.working_file(stage, DAY).read_bytes())
    return total.hexdigest()


def cpu_seconds() -> float:
    """Of this process and of all that run below it, with those that they have waited for."""
    parents, ticks = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8").rpartition(") ")[2].split()
        except OSError:  # it has just ended
            continue
        number = int(path.parent.name)
        parents[number], ticks[number] = int(fields[1]), sum(map(int, fields[11:15]))
    own = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in own} - own:
        own |= more
    return sum(ticks.get(number, 0) for number in own) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
