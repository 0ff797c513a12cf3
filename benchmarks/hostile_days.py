"""Days full of what visitors can write, each of which must go through with the right figures.

python benchmarks/hostile_days.py [--days 500] [--seed 0]

Each day mixes sound rows with hostile ones, in files of all formats, as the tests' hostile_days.py
makes them. It must be taken in and counted, and each campaign must have reached as many people as
a plain count of the sound rows says. The first lines name the days that did not; exit code 1 if
there are any.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests/intake"))

from hostile_days import HostileDay, make_day, reached

from anonymizer.model.errors import AudienceError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0, help="of the first day")
    options = parser.parse_args()
    wrong, rows, began = 0, 0, time.process_time()
    for seed in range(options.seed, options.seed + options.days):
        with tempfile.TemporaryDirectory() as folder:
            day = make_day(Path(folder), seed)
            rows += day.rows
            outcome = _outcome(day)
        if outcome:
            wrong += 1
            print(f"seed {seed}: {outcome}", flush=True)
    seconds = time.process_time() - began
    print(
        f"{options.days - wrong:,} of {options.days:,} hostile days ({rows:,} rows) went through "
        f"with the right figures; {seconds:.0f} CPU seconds"
    )
    sys.exit(wrong > 0)


def _outcome(day: HostileDay) -> str:
    """What went wrong with a day; empty if nothing did."""
    try:
        found = reached(day.world)
    except AudienceError as error:
        return f"not taken in: {error}"
    return "" if found == day.expected else f"counted {found}, right is {day.expected}"


if __name__ == "__main__":
    main()
