"""What attackers achieve across tables, with each defence off and on.

python benchmarks/attacks.py [--worlds 200] [--seed 1] [--only G9 ladder] [--defences sharing]
                             [--near-jitter 2] [--campaigns-per-person 2]

Each row is an attack of `tests/attacks`, each column a defence; the same worlds for each. A cell is
detection less false alarms with the best tell and threshold, and in brackets what the tell and
threshold of one half of the worlds achieve on the other half, with the half width of its interval
(`tests/attacks/advantage.py`). CPU seconds are those of this process, of all defences together.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests/attacks"))

from advantage import Advantage
from attack_list import ATTACKS, Attack
from measuring import DEFENCES, measured, seed_of

from anonymizer.model.policy import Promise

SHOWN = ("unprotected", "rules only", "sharing only", "sharing", "product")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=[""])
    parser.add_argument("--defences", nargs="+", choices=DEFENCES, default=list(SHOWN))
    parser.add_argument("--near-jitter", type=int, default=Promise().near_jitter)
    bound = Promise().campaigns_per_person
    parser.add_argument("--campaigns-per-person", type=int, default=bound)
    given = parser.parse_args()
    promise = Promise(
        near_jitter=given.near_jitter, campaigns_per_person=given.campaigns_per_person
    )
    print(f"| attack | allowed | {' | '.join(given.defences)} | CPU s |")
    print("|---|---|" + "---|" * (len(given.defences) + 1))
    for name, attack in ATTACKS.items():
        if any(part in name for part in given.only):
            begin = time.process_time()
            results = [
                measured(
                    attack, DEFENCES[defence], given.worlds, seed_of(name, given.seed), promise
                )
                for defence in given.defences
            ]
            cells = " | ".join(cell(result) for result in results)
            seconds = time.process_time() - begin
            print(f"| {name} | {limit(attack)} | {cells} | {seconds:.1f} |", flush=True)


def cell(result: Advantage) -> str:
    return f"{result.best.advantage:.2f} ({result.held_out:.2f} ± {result.margin:.2f})"


def limit(attack: Attack) -> str:
    return "stated" if attack.allowed is None else f"{attack.allowed:.2f}"


if __name__ == "__main__":
    main()
