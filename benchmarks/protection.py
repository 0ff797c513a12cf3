"""Candidates kept and CPU seconds of suppression, on zipf-sized campaign tables.

python benchmarks/protection.py [--visitors 3000 10000 30000 100000] [--seeds 1 2 3]
                                [--genders 2 3] [--rounding 10] [--inference-k 10]

Each table is a release of its own. With two genders nobody is "not stated", so that a group of
many cells is empty.
"""

import argparse
import resource
import time
from datetime import date
from importlib.resources import files
from pathlib import Path

import numpy as np

from anonymizer.model.periods import Period
from anonymizer.model.policy import Effort, Promise
from anonymizer.model.segments import Catalogue, load_catalogue
from anonymizer.model.tables import BUCKETS, Counted, SetHashes, TableKey
from anonymizer.storage.processes import ALONE
from anonymizer.storage.secret import Secret
from anonymizer.suppression.release_suppression import ReleaseTerms, suppress_release

SECRET = Secret(bytes(range(32)))
GENDERS = {2: (0.53, 0.47, 0.0), 3: (0.53, 0.44, 0.03)}


def campaign(visitors: int, seed: int, catalogue: Catalogue, genders: int = 3) -> Counted:
    """One campaign day: zipf regions in random order, ages around 30, 3% of no stated gender."""
    random = np.random.default_rng(seed)
    _, bands, regions = catalogue.shape
    ages = np.exp(-(((np.arange(bands) - 3) / 4) ** 2)) + 0.03
    positions = 1 / np.arange(1, regions + 1)
    random.shuffle(positions)
    weights = np.multiply.outer(np.multiply.outer(GENDERS[genders], ages), positions).ravel()
    people = random.multinomial(visitors, weights / weights.sum()).astype(np.int64)
    return Counted(
        TableKey("campaign", f"c{seed}", Period("day", date(2026, 11, 22))),
        people.reshape(catalogue.shape),
        set_hashes(people, random),
        np.ones(catalogue.shape, dtype=bool),
    )


def set_hashes(people: np.ndarray, random: np.random.Generator) -> SetHashes:
    """Of new people, so many in each cell."""
    count = int(people.sum())
    positions = np.repeat(np.arange(people.size), people) * BUCKETS
    positions += random.integers(0, BUCKETS, count)
    numbers = random.integers(0, 2**64, count, dtype=np.uint64)
    occupied, where = np.unique(positions, return_inverse=True)
    totals = np.zeros(len(occupied), dtype=np.uint64)
    np.add.at(totals, where, numbers)
    return SetHashes(occupied // BUCKETS, (occupied % BUCKETS).astype(np.uint8), totals)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, nargs="+", default=[3_000, 10_000, 30_000, 100_000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--genders", type=int, nargs="+", choices=sorted(GENDERS), default=[2, 3])
    parser.add_argument("--rounding", type=int, default=10)
    parser.add_argument("--inference-k", default="10")
    options = parser.parse_args()
    inference_k = "k" if options.inference_k == "k" else int(options.inference_k)
    promise = Promise(rounding=options.rounding, inference_k=inference_k)
    catalogue = load_catalogue(Path(str(files("anonymizer") / "defaults/segments.yaml")))
    terms = ReleaseTerms(catalogue, promise, SECRET, Effort())
    print(f"{len(catalogue):,} segments, {promise}")
    print("| genders | visitors | seed | candidates | kept | share | witnesses | CPU s |")
    print("|---|---|---|---|---|---|---|---|")
    for genders in options.genders:
        for visitors in options.visitors:
            for seed in options.seeds:
                table = campaign(visitors, seed, catalogue, genders)
                print(f"| {genders} | {visitors:,} | {seed} | {measured_row(table, terms)} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"Peak memory of the whole process: {peak:.0f} MB")


def measured_row(table: Counted, terms: ReleaseTerms) -> str:
    """What suppression keeps of a table, and what that takes."""
    begin = time.process_time()
    result = suppress_release([table], (), terms, ALONE)[0]
    seconds = time.process_time() - begin
    kept = len(result.figures.segments)
    share = kept / max(1, result.candidates)
    witnesses = result.witnesses.changes.shape[0]
    return f"{result.candidates:,} | {kept:,} | {share:.2%} | {witnesses:,} | {seconds:.2f}"


if __name__ == "__main__":
    main()
