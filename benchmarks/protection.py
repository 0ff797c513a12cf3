"""Candidates kept and CPU seconds of protection, on zipf-sized campaign tables.

python benchmarks/protection.py [--visitors 1000 10000 100000] [--seeds 1 2 3]
                                [--rounding 10] [--inference-k 10]
"""

import argparse
import resource
import time
from datetime import date
from importlib.resources import files
from pathlib import Path

import numpy as np

from anonymizer.periods import Period
from anonymizer.policy import Effort, Promise
from anonymizer.protection.suppression import protect
from anonymizer.secret import Secret
from anonymizer.segments import Catalogue, load_catalogue
from anonymizer.tables import Counted, TableKey

SECRET = Secret(bytes(range(32)))
GENDERS = (0.53, 0.44, 0.03)


def campaign(visitors: int, seed: int, catalogue: Catalogue) -> Counted:
    """One campaign day: zipf regions in random order, ages around 30, 3% of no stated gender."""
    random = np.random.default_rng(seed)
    _, bands, regions = catalogue.shape
    ages = np.exp(-(((np.arange(bands) - 3) / 4) ** 2)) + 0.03
    places = 1 / np.arange(1, regions + 1)
    random.shuffle(places)
    weights = np.multiply.outer(np.multiply.outer(GENDERS, ages), places).ravel()
    people = random.multinomial(visitors, weights / weights.sum()).reshape(catalogue.shape)
    marks = random.integers(0, 2**64, size=people.shape, dtype=np.uint64) * (people > 0)
    return Counted(
        TableKey("campaign", f"c{seed}", Period("day", date(2026, 11, 22))),
        people.astype(np.int64),
        random.binomial(people, 0.97).astype(np.int64),
        marks,
        np.ones(people.shape, dtype=bool),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--rounding", type=int, default=10)
    parser.add_argument("--inference-k", default="10")
    options = parser.parse_args()
    inference_k = "k" if options.inference_k == "k" else int(options.inference_k)
    promise = Promise(rounding=options.rounding, inference_k=inference_k)
    catalogue = load_catalogue(Path(str(files("anonymizer") / "defaults/segments.yaml")))
    print(f"{len(catalogue):,} segments, {promise}")
    print("| visitors | seed | candidates | kept | share | CPU s |\n|---|---|---|---|---|---|")
    for visitors in options.visitors:
        for seed in options.seeds:
            table = campaign(visitors, seed, catalogue)
            begin = time.process_time()
            result = protect(table, catalogue, promise, SECRET, Effort())
            seconds = time.process_time() - begin
            kept = len(result.figures.segments)
            share = kept / max(1, result.candidates)
            print(
                f"| {visitors:,} | {seed} | {result.candidates:,} | {kept:,} "
                f"| {share:.2%} | {seconds:.2f} |"
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"Peak memory of the whole process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
