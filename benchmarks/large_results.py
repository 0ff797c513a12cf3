"""The analysts' database of many campaigns and days: its size, what a day more costs, its queries.

python benchmarks/large_results.py [--campaigns 1000] [--days 90] [--figures 60]

Releases are made up; the database is built and grown by the product. Two histories, of a tenth of
the days and of all but one, get one more day each, in a process of its own. Then the questions of
docs/queries.md are asked of the larger one, each three times in one process.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import duckdb
from finished_exports import build_history
from process_usage import run

from anonymizer.storage.home import Home

QUESTIONS = {
    "a segment of a campaign and day": ("FROM figure_of('cmp-0003', 'men_under_40', '2026-03-01')"),
    "all segments of a campaign and day": "FROM all_segments('cmp-0003', '2026-03-01')",
    "a campaign over all days": "FROM trend('cmp-0003')",
    "two days compared": "FROM compare_periods('cmp-0003', '2026-03-01', '2026-03-02')",
    "one day of all campaigns": (
        "SELECT subject_id, people FROM campaign_days WHERE period_start = DATE '2026-03-01'"
    ),
    "all figures, by segment": "SELECT segment_id, count(people) FROM figures GROUP BY segment_id",
}
_START = "nothing"


def main() -> None:
    """Build, grow, ask; print a table of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--figures", type=int, default=60)
    given = parser.parse_args()
    print("| days before | figures before | MB before | one day more, CPU s | s | peak MB |")
    print("|---|---|---|---|---|---|")
    for history in (given.days // 10, given.days - 1):
        with tempfile.TemporaryDirectory() as folder:
            home = Home(Path(folder))
            given.history = history
            build_history(given, home)
            before = home.database.stat().st_size / 1e6
            start, insertion = (_grown(given, home, name) for name in (_START, "insertion"))
            cost = tuple(one - other for one, other in zip(insertion[:2], start[:2], strict=True))
            figures = history * given.campaigns * given.figures
            print(
                f"| {history} | {figures:,} | {before:.1f} | {cost[0]:.2f} | {cost[1]:.2f} "
                f"| {insertion[2]:.0f} |",
                flush=True,
            )
            if history == given.days - 1:
                ask(home)


def _grown(given: argparse.Namespace, home: Home, work: str) -> tuple[float, float, float]:
    """CPU seconds, seconds by the clock and peak MB of a process that does this."""
    script = Path(__file__).with_name("finished_exports.py")
    command = [sys.executable, str(script), "--folder", str(home.root), "--only", work]
    for name in ("campaigns", "figures", "history"):
        command += [f"--{name}", str(getattr(given, name))]
    begin = time.monotonic()
    done = run(command, 900)
    assert done.exit_code == 0, done.said
    return done.cpu_seconds, time.monotonic() - begin, done.peak_megabytes


def ask(home: Home) -> None:
    """The questions: CPU milliseconds of the first time and the least of the others."""
    megabytes = home.database.stat().st_size / 1e6
    print(f"\nThe database has {megabytes:.1f} MB.\n\n| question | rows | first, CPU ms | again |")
    print("|---|---|---|---|")
    with duckdb.connect(str(home.database), read_only=True) as connection:
        for name, query in QUESTIONS.items():
            times, rows = [], 0
            for _ in range(3):
                begin = time.process_time()
                rows = len(connection.sql(query).fetchall())
                times.append(1e3 * (time.process_time() - begin))
            print(f"| {name} | {rows:,} | {times[0]:.0f} | {min(times[1:]):.0f} |")


if __name__ == "__main__":
    main()
