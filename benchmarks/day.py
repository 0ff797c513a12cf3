"""A day of zipf-sized campaign tables, suppressed by several processes: time, memory, sameness.

python benchmarks/day.py [--tables 1000] [--visits 10000000] [--exponent 1.0] [--processes 2]
                         [--at-most V] [--genders 3] [--check]

The clock runs from the counted tables to the figures, with the start of processes; CPU seconds
are those of all processes together. Memory is the proportional set size summed over them,
sampled twice a second, Python, libraries and counted tables with it.
--at-most V leaves out the day's larger tables; with --genders 2 nobody is "not stated"; --check
has the independent checker verify the release.
"""

import argparse
import hashlib
import itertools
import os
import resource
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from protection import GENDERS, SECRET, campaign

from anonymizer.audit.checker import check_release
from anonymizer.model.policy import Effort, Promise
from anonymizer.model.segments import Catalogue, load_catalogue
from anonymizer.model.tables import Counted
from anonymizer.storage.processes import Workers
from anonymizer.suppression.release_suppression import (
    ReleaseTerms,
    Suppressed,
    claim_of,
    suppress_release,
)

SAMPLES_A_SECOND = 2
BANDS = (0, 3_000, 10_000, 30_000, 100_000, 300_000, 10_000_000)


@dataclass
class Usage:
    """What the processes of a block took together."""

    wall: float = 0.0
    cpu: float = 0.0
    peak_megabytes: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=1_000)
    parser.add_argument("--visits", type=int, default=10_000_000)
    parser.add_argument("--exponent", type=float, default=1.0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--at-most", type=int, default=None)
    parser.add_argument("--genders", type=int, choices=sorted(GENDERS), default=3)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    catalogue = load_catalogue(Path(str(files("anonymizer") / "defaults/segments.yaml")))
    terms = ReleaseTerms(catalogue, Promise(), SECRET, Effort())
    sizes = zipf_sizes(options.tables, options.visits, options.exponent)
    print(f"{len(catalogue):,} segments, {terms.promise}, {options.processes} process(es)")
    print(
        f"{len(sizes):,} tables, zipf exponent {options.exponent}: {sizes.sum():,} visitors, "
        f"largest {sizes.max():,}, smallest {sizes.min():,}"
    )
    at_most = options.at_most or int(sizes.max())
    tables = day_of_campaigns(sizes, at_most, catalogue, options.genders)
    with measured() as usage:
        suppressed = suppress_release(tables, (), terms, Workers(options.processes))
    report(f"{len(tables):,} tables suppressed", usage)
    describe(tables, suppressed)
    if options.check:
        claims = [claim_of(*pair) for pair in zip(suppressed, tables, strict=True)]
        with measured() as usage:
            findings = check_release(claims, (), catalogue, terms.promise, SECRET.draw)
        report(f"{len(tables):,} tables checked, {len(findings)} findings", usage)


def zipf_sizes(tables: int, visits: int, exponent: float) -> np.ndarray:
    """Visitors of each table, the largest first; one visit each."""
    shares = 1 / np.arange(1, tables + 1) ** exponent
    return np.rint(visits * shares / shares.sum()).astype(np.int64)


def day_of_campaigns(
    sizes: np.ndarray, at_most: int, catalogue: Catalogue, genders: int
) -> list[Counted]:
    """The tables of at most so many visitors, in an order unrelated to their sizes."""
    order = np.random.default_rng(0).permutation(len(sizes)).tolist()
    return [
        campaign(int(sizes[position]), position, catalogue, genders)
        for position in order
        if sizes[position] <= at_most
    ]


def describe(tables: Sequence[Counted], suppressed: Sequence[Suppressed]) -> None:
    """What was kept, by size of the tables, and a digest of all figures."""
    people = np.array([table.people.sum() for table in tables])
    print("| visitors | tables | candidates | kept | share |")
    print("|---|---|---|---|---|")
    for low, high in itertools.pairwise(BANDS):
        inside = [suppressed[n] for n in np.flatnonzero((people >= low) & (people < high))]
        if not inside:
            continue
        candidates = sum(table.candidates for table in inside)
        kept = sum(len(table.figures.segments) for table in inside)
        print(
            f"| {low:,} to {high:,} | {len(inside)} | {candidates:,} | {kept:,} "
            f"| {kept / max(1, candidates):.2%} |"
        )
    digest = hashlib.sha256()
    for table in suppressed:
        digest.update(table.figures.segments.tobytes() + table.figures.people.tobytes())
    print(f"figures sha256 {digest.hexdigest()[:16]}")


def report(what: str, usage: Usage) -> None:
    print(
        f"{what}: {usage.wall:.1f} s, {usage.cpu:.1f} CPU seconds, "
        f"peak memory of all processes {usage.peak_megabytes:,.0f} MB",
        flush=True,
    )


@contextmanager
def measured() -> Iterator[Usage]:
    """Time, CPU seconds of this process and its children, peak of their memory together."""
    usage, done = Usage(), threading.Event()

    def sample() -> None:
        while not done.wait(1 / SAMPLES_A_SECOND):
            usage.peak_megabytes = max(usage.peak_megabytes, megabytes_in_use())

    sampler = threading.Thread(target=sample)
    begin, cpu = time.monotonic(), cpu_seconds()
    sampler.start()
    try:
        yield usage
    finally:
        usage.peak_megabytes = max(usage.peak_megabytes, megabytes_in_use())
        done.set()
        sampler.join()
        usage.wall, usage.cpu = time.monotonic() - begin, cpu_seconds() - cpu


def cpu_seconds() -> float:
    """User and system time; of children that have ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def megabytes_in_use() -> float:
    tasks = list(Path(f"/proc/{os.getpid()}/task").iterdir())
    children = {c for task in tasks for c in quietly(task / "children").split()}
    return sum(proportional_set(process) for process in (str(os.getpid()), *children)) / 1024


def proportional_set(process: str) -> int:
    lines = quietly(Path(f"/proc/{process}/smaps_rollup")).splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def quietly(path: Path) -> str:
    """What the file says; nothing once its process has ended."""
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""


if __name__ == "__main__":
    main()
