"""What an added dimension costs: figures of other segments, and CPU seconds.

python benchmarks/added_dimension.py [--visitors 3000 10000 30000 100000] [--seeds 1 2 3]

The campaign tables of `protection.py`, and the same people with a device each: 55% mobile, 35%
desktop, 5% tablet, 5% other. Devices are crossed with nothing, gender, gender and age group, and
province. Seconds are of suppression and of the independent checker, one process.
"""

import argparse
import time
from importlib.resources import files
from pathlib import Path

import numpy as np
from protection import SECRET, campaign, set_hashes

from anonymizer.audit.checker import check_release
from anonymizer.feasible.totals import segment_totals
from anonymizer.model.configuration import parse
from anonymizer.model.policy import Effort, Promise
from anonymizer.model.segments import Catalogue, SegmentSettings, build_catalogue
from anonymizer.model.tables import BUCKETS, Counted, SetHashes
from anonymizer.storage.processes import ALONE
from anonymizer.suppression.release_suppression import ReleaseTerms, claim_of, suppress_release

SERIES = "campaign-day"
SHARES = (0.55, 0.35, 0.05, 0.05)
ADDED = """
added_dimensions:
  device:
    series: [campaign-day]
    cross_tables: [[], [gender], [gender, group], [province]]
"""


def with_devices(plain: Counted, catalogue: Catalogue, seed: int) -> Counted:
    """As many people in each cell, each with a device."""
    random = np.random.default_rng([seed, 1])
    people = random.multinomial(plain.people.ravel(), SHARES).astype(np.int64)
    possible = np.ones(catalogue.shape, dtype=bool)
    hashes = set_hashes(people.ravel(), random)
    return Counted(plain.key, people.reshape(catalogue.shape), hashes, possible)


def without_devices(table: Counted) -> Counted:
    """The same people without their devices."""
    own = table.hashes
    places = own.cells // len(SHARES) * BUCKETS + own.buckets
    known, where = np.unique(places, return_inverse=True)
    totals = np.zeros(len(known), dtype=np.uint64)
    np.add.at(totals, where, own.totals)
    hashes = SetHashes(known // BUCKETS, (known % BUCKETS).astype(np.uint8), totals)
    return Counted(table.key, table.people.sum(axis=-1), hashes, table.possible.any(axis=-1))


def measured(table: Counted, catalogue: Catalogue, promise: Promise) -> tuple[set[str], int, float]:
    """Ids of the figures, how many segments have `k` people, and the seconds."""
    begin = time.process_time()
    terms = ReleaseTerms(catalogue, promise, SECRET, Effort())
    (result,) = suppress_release([table], (), terms, ALONE)
    claims = [claim_of(result, table)]
    findings = check_release(claims, (), catalogue, promise, SECRET.draw)
    seconds = time.process_time() - begin
    assert not findings, findings
    publishable = int((segment_totals(catalogue, table.people) >= promise.k).sum())
    return {catalogue.id(row) for row in result.figures.segments.tolist()}, publishable, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, nargs="+", default=[3_000, 10_000, 30_000, 100_000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    path = Path(str(files("anonymizer") / "defaults/segments.yaml"))
    text = path.read_text(encoding="utf-8")
    settings = [parse(each, path.name, SegmentSettings) for each in (text, text + ADDED)]
    plain, whole = (build_catalogue(each) for each in settings)
    extended, promise = whole.of_series(SERIES), Promise()
    print(f"{len(plain):,} segments, {len(extended) - len(plain):,} more by device")
    print(
        "| visitors | seed | publishable | kept | CPU s | with devices: publishable | kept | "
        "others lost | CPU s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for visitors in options.visitors:
        for seed in options.seeds:
            table = with_devices(campaign(visitors, seed, plain), extended, seed)
            before, publishable, seconds = measured(without_devices(table), plain, promise)
            after, more, longer = measured(table, extended, promise)
            print(
                f"| {visitors:,} | {seed} | {publishable:,} | {len(before):,} | {seconds:.2f} | "
                f"{more - publishable:,} | {len(after - before):,} | {len(before - after):,} | "
                f"{longer:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
