"""A quarter released day by day, with and without each of its victims, and every attack on it.

python benchmarks/quarter.py --folder FOLDER [--people 40000] [--days 94] [--visits 12000]
                             [--victims 20] [--followed N] [--in-periods 6]

The folder must not exist; it holds the home, what readers kept of it and the worlds without a
victim. CPU seconds are those of this process, in which everything runs; `--followed` plays the
game with the first N victims only (all of them are in the world), `--in-periods` says for how
many of these weeks, months, audiences and interests are made again too.
"""

import argparse
import os
import pickle
import resource
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests/history"))

from findings import Findings, attack_everything
from game import Score
from raw_quarter import Options
from simulation import Accidents, History, Simulation, series_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    for name, number in (("people", 40_000), ("days", 94), ("visits", 12_000), ("victims", 20)):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--followed", type=int)
    parser.add_argument("--in-periods", type=int, default=6)
    given = parser.parse_args()
    share = given.people / 40_000
    options = Options(
        people=given.people,
        days=given.days,
        visits_a_day=given.visits,
        victims=given.victims,
        erasures=round(300 * share),
        withdrawals=round(500 * share),
        corrections=round(200 * share),
    )
    accidents = Accidents(given.days // 3, 2 * given.days // 3, given.days // 2)
    followed = range(given.victims if given.followed is None else given.followed)
    os.environ["DAGSTER_HOME"] = ""
    simulation = Simulation(
        given.folder, options, accidents, followed, followed[: given.in_periods]
    )
    history = run(given.folder, simulation)
    begin = time.process_time()
    findings = attack_everything(history, given.folder / "game", say)
    say(f"attacks: {time.process_time() - begin:.0f} CPU seconds, peak {peak():.0f} MB")
    report(history, findings, options.seed)
    if history.held:
        sys.exit("days were held: " + "; ".join(held.split("\n")[0] for held in history.held))


def run(folder: Path, simulation: Simulation) -> History:
    history = simulation.run(say)
    (folder / "history.pickle").write_bytes(pickle.dumps(history))
    say(f"{time.process_time():.0f} CPU seconds, peak memory {peak():.0f} MB")
    return history


def report(history: History, findings: Findings, seed: int) -> None:
    releases = Counter(series_of(path.name) for path in history.home.releases.iterdir())
    print(f"{dict(releases)} releases, {findings.tables:,} tables, {findings.figures:,} figures")
    print(f"runs again {history.runs_again}, restored {history.restored}, held {len(history.held)}")
    restated = [name for name, kept in history.archive.versions().items() if len(kept) > 1]
    print(f"files that were ever seen: {len(history.archive.versions()):,}; changed: {restated}")
    others = history.without.values()
    same, different = sum(o.same for o in others), [d for o in others for d in o.different]
    changed = sum(len(set(series_names(o.files))) for o in others)
    print(f"without a victim: {changed} releases made again, {same} untouched ones compared,")
    print(f"of these different: {different}")
    print("| attack | groups proved small | joins not decided | CPU seconds |\n|---|---|---|---|")
    for one in findings.at_large:
        print(f"| {one.attack} | {len(one.proofs)} | {one.undecided} | {one.seconds:.1f} |")
    print("| attack | victims | answers | tells the worlds apart | proofs |\n|---|---|---|---|---|")
    for name in dict.fromkeys(one.attack for one in findings.rounds):
        mine = [one for one in findings.rounds if one.attack == name]
        answers, apart = sum(o.answers for o in mine), sum(o.tells_apart for o in mine)
        proofs = sum(len(one.proofs) for one in mine)
        print(f"| {name} | {len(mine)} | {answers} | {apart} | {proofs} |")
    print(f"all attacks: {described(findings.score(seed))}")
    knowing = findings.all_knowing
    print("| victim | figures | differ | of the victim | says with, without | certain |")
    print("|---|---|---|---|---|---|")
    for one in knowing:
        print(
            f"| {one.victim} | {one.figures} | {one.differing} | {one.figures_with_victim} "
            f"| {one.says_with}, {one.says_without} "
            f"| {one.certain_with}, {one.certain_without} |"
        )
    both = [says for one in knowing for says in (one.says_with is True, one.says_without is False)]
    sure = sum(one.certain_with + one.certain_without for one in knowing)
    print(f"all-knowing: certain in {sure} of {2 * len(knowing)} worlds")
    print(f"all-knowing, both worlds of each victim: {sum(both)} of {len(both)} right")
    print(
        f"figures: {sum(o.differing for o in knowing)} of {sum(o.figures for o in knowing)} differ"
    )


def series_names(files: dict[str, Path]) -> list[str]:
    return [name.split("/")[1] for name in files if name.startswith("releases/")]


def described(score: Score) -> str:
    return (
        f"{score.right} of {score.rounds} answers right, p = {score.chance:.3f}, "
        f"at most {score.at_most:.0%} with 95 % confidence"
    )


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def say(what: str) -> None:
    print(f"{time.process_time():8.0f} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
