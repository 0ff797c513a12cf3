"""CPU seconds of the search for near groups as the history grows, beside the release's suppression.

python benchmarks/near_sets.py [--tables 100] [--visits 1000000] [--days 0 10 30 90] [--distinct 10]
                               [--genders 2]

A day of zipf-sized campaign tables (`day.py`) is judged against so many earlier days of the same
size. As in the product, each earlier day is read from its file in turn. `--distinct` days are drawn
and stand for all of them in turn; they are of other people, so that only what the search costs is
measured.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from importlib.resources import files
from itertools import cycle, islice
from pathlib import Path

from day import cpu_seconds, zipf_sizes
from protection import GENDERS, SECRET, campaign

from anonymizer.model.policy import Effort, Promise
from anonymizer.model.segments import Catalogue, load_catalogue
from anonymizer.model.tables import Counted
from anonymizer.storage.processes import Workers
from anonymizer.suppression.groups import judged_groups
from anonymizer.suppression.judgement import PairSteps, judge, representatives
from anonymizer.suppression.release_suppression import ReleaseTerms, suppress_release
from anonymizer.suppression.representatives import read_representatives, write_representatives


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=100)
    parser.add_argument("--visits", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, nargs="+", default=[0, 10, 30, 90])
    parser.add_argument("--distinct", type=int, default=10)
    parser.add_argument("--genders", type=int, choices=sorted(GENDERS), default=2)
    given = parser.parse_args()
    catalogue = load_catalogue(Path(str(files("anonymizer") / "defaults/segments.yaml")))
    sizes = zipf_sizes(given.tables, given.visits, 1.0).tolist()

    def day(number: int) -> list[Counted]:
        first = number * len(sizes)
        return [campaign(n, first + i, catalogue, given.genders) for i, n in enumerate(sizes)]

    today = day(0)
    begin = cpu_seconds()
    terms = ReleaseTerms(catalogue, Promise(), SECRET, Effort())
    suppress_release(today, (), terms, Workers(1))
    print(f"suppression without a history: {cpu_seconds() - begin:.1f} CPU s\n")
    with tempfile.TemporaryDirectory() as folder:
        states = [
            state(day(1 + number), catalogue, Path(folder) / f"{number}.parquet")
            for number in range(given.distinct)
        ]
        print(f"a state file: {states[0].stat().st_size / 1e6:.1f} MB\n")
        print("| earlier days | groups there | near sets, CPU s |\n|---|---|---|")
        for days in given.days:
            judged_against(today, catalogue, list(islice(cycle(states), days)))


def state(tables: Sequence[Counted], catalogue: Catalogue, path: Path) -> Path:
    """The groups of a day that were judged on their own, as the product keeps them."""
    promise = Promise()
    names = [str(table.key) for table in tables]
    groups = [judged_groups(table, catalogue, promise) for table in tables]
    judged = judge(names, groups, (), PairSteps(promise, SECRET), promise)
    outcomes = [of_table.groups.people for of_table in judged]
    write_representatives(representatives(names, judged, outcomes, promise), path)
    return path


def judged_against(tables: Sequence[Counted], catalogue: Catalogue, states: list[Path]) -> None:
    promise = Promise()
    groups = [judged_groups(table, catalogue, promise) for table in tables]
    names = [str(table.key) for table in tables]
    earlier = [len(read_representatives(path).table) for path in sorted(set(states))]
    per_day = sum(earlier) / max(1, len(earlier))
    begin = time.process_time()
    history = map(read_representatives, states)
    judge(names, groups, history, PairSteps(promise, SECRET), promise)
    seconds = time.process_time() - begin
    print(f"| {len(states)} | {per_day * len(states):,.0f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
