"""Releases, the checker and linked tables against brute force on small random tables.

python benchmarks/agreement.py [--tables 10000] [--first-seed 1]

Of the tables, a third are released by the product, many of them near to each other or to an earlier
release, and every table that a reader could believe is listed: no published cell may be proved to
have too few people. A third are proofs made by hand, good and bad, on which the checker must say
what the listing says. A third are linked tables, half of them with shared figures, before and after
the gate. `tests/audit` has the listings; they share no code with the product.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests/audit"))

from small_releases import judged, small_release
from test_checker_oracles import check_proofs
from test_history_agrees_with_enumeration import check, check_shared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=10_000)
    parser.add_argument("--first-seed", type=int, default=1)
    given = parser.parse_args()
    third = given.tables // 3
    parts: dict[str, tuple[Callable[[int], str], int]] = {
        "released": (released, third // TABLES_OF_A_RELEASE),
        "proofs by hand": (proofs, third),
        "linked": (check, third // 2),
        "linked, figures shared": (check_shared, third - third // 2),
    }
    print("| kind | worlds | outcomes | CPU s |")
    print("|---|---|---|---|")
    for name, (judge, number) in parts.items():
        begin = time.process_time()
        seeds = range(given.first_seed, given.first_seed + number)
        counted = Counter(judge(seed) for seed in seeds)
        outcomes = ", ".join(f"{what} {many:,}" for what, many in sorted(counted.items()))
        seconds = time.process_time() - begin
        print(f"| {name} | {number:,} | {outcomes} | {seconds:.0f} |", flush=True)


TABLES_OF_A_RELEASE = 3


def released(seed: int) -> str:
    """Whether the release of a seed shares figures; fails where a cell is proved to be small."""
    found = judged(small_release(seed))
    assert not found.refused, f"seed {seed}: the checker refuses what the suppressor made"
    assert not found.small, f"seed {seed}: a published cell is proved to have too few people"
    return "with shared figures" if found.shared else "without shared figures"


def proofs(seed: int) -> str:
    """The checker on good and bad proofs of one table; fails where it says something else."""
    level, occupied = 1 + seed % 3, bool(seed % 2)
    return "proved" if check_proofs(seed, level, occupied) else "not proved"


if __name__ == "__main__":
    main()
