"""What each rule costs in published figures, over a sample world that is released in full.

python benchmarks/utility.py [--people 20000] [--days 45] [--visits 450000] [--campaigns 24]
                             [--folder FOLDER] [--seed 1]

The same world is released under several policies, each with the real pipeline: with no rule on who
counts, with each of them alone, and with the defaults. A segment is publishable if it would count
`k` people without any of the rules. The tables say what of 1,000 publishable segments, and of 1,000
people counted (a person once in each table), each rule takes. `small campaigns` are the tables of
50 to 300 people, of days and weeks. The counts in `private/` are read as the privileged role does.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from figure_errors import released

from anonymizer.counting.reach import load_counted_series
from anonymizer.feasible.totals import segment_totals
from anonymizer.model.periods import Period
from anonymizer.model.policy import Promise
from anonymizer.model.segments import Catalogue, load_catalogue
from anonymizer.model.series import SERIES, Series
from anonymizer.storage.home import Home
from pipelines.stages.figures import read_protected

NO_RULE = {"min_account_days": 0, "campaigns_per_person": 1_000, "k_jitter": 0}
POLICIES: Mapping[str, Mapping[str, int]] = {
    "no rule on who counts": NO_RULE,
    "accounts of 30 days": {**NO_RULE, "min_account_days": 30},
    "two campaigns a person": {**NO_RULE, "campaigns_per_person": 2},
    "one campaign a person": {**NO_RULE, "campaigns_per_person": 1},
    "all, two campaigns": {},
    "all, one campaign": {"campaigns_per_person": 1},
}
SMALL = range(50, 301)
START = "2026-09-25"
K = Promise().k


@dataclass
class Tally:
    """Of the tables of one kind: people, publishable segments, and what became of segments."""

    people: int = 0
    publishable: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, people: int, publishable: int, reasons: Counter[str]) -> None:
        self.people += people
        self.publishable += publishable
        self.reasons += reasons


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, number in (("people", 20_000), ("days", 45), ("visits", 450_000), ("campaigns", 24)):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="utility-"))
    world = [
        f"--{name}={getattr(given, name)}"
        for name in ("people", "days", "visits", "campaigns", "seed")
    ]
    tallies: dict[str, dict[str, Tally]] = {}
    first = Home(folder / "0")
    for number, (name, settings) in enumerate(POLICIES.items()):
        home = folder / str(number)
        if not home.exists():
            release(home, world, settings, first)
        tallies[name] = tallied(Home(home), first)
        print(f"{name}: done", file=sys.stderr, flush=True)
    for kind in tallies["no rule on who counts"]:
        report(kind, {name: tally[kind] for name, tally in tallies.items() if kind in tally})


def release(home: Path, world: list[str], settings: Mapping[str, int], first: Home) -> None:
    """Release a sample world under a policy with these settings, with the key of the first home."""
    audience("init", home)
    if home != first.root and first.secret.is_file():
        shutil.copy(first.secret, home / "secret.key")
    policy = home / "policy.yaml"
    text = policy.read_text()
    for name, value in {**settings, "private_days": 400}.items():
        text, changed = re.subn(rf"(?m)^(\s*){name}: .*$", rf"\g<1>{name}: {value}", text)
        if changed != 1:
            sys.exit(f"{name} stands {changed} times in policy.yaml")
    policy.write_text(text)
    audience("sample", home, f"--start={START}", *world)
    audience("demo", home)


def audience(command: str, home: Path, *options: str) -> None:
    arguments = [sys.executable, "-m", "cli.main", command, "--home", str(home), *options]
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def tallied(home: Home, first: Home) -> dict[str, Tally]:
    """By series, and for small campaigns: what was counted and what became of it.

    Which tables are small is read from the home `first`, so that all policies speak of the same.
    """
    catalogue = load_catalogue(home.segments)
    tallies: dict[str, Tally] = {}
    for series in SERIES:
        for period in released(first, series):
            small = {
                table.key.subject_id
                for table in load_counted_series(first, series, period, catalogue)
                if int(table.people.sum()) in SMALL
            }
            for subject, *found in tables_of(home, series, period, catalogue):
                tallies.setdefault(series.id, Tally()).add(*found)
                if series.kind == "campaign" and subject in small:
                    tallies.setdefault("small campaigns", Tally()).add(*found)
    return tallies


def tables_of(
    home: Home, series: Series, period: Period, catalogue: Catalogue
) -> Iterator[tuple[str, int, int, Counter[str]]]:
    rows = read_protected(home, period.end, series).select(
        ["subject_id", "segment_id", "reason", "people"]
    )
    reasons: dict[str, dict[str, str]] = {}
    for row in rows.to_pylist():
        reasons.setdefault(row["subject_id"], {})[row["segment_id"]] = row["reason"]
    for table in load_counted_series(home, series, period, catalogue):
        of_table = reasons.get(table.key.subject_id, {})
        people = segment_totals(catalogue, table.people)
        reached = (people >= K).nonzero()[0].tolist()
        became = Counter(of_table.get(catalogue.id(row), "threshold") for row in reached)
        yield table.key.subject_id, int(table.people.sum()), len(reached), became


def report(kind: str, tallies: Mapping[str, Tally]) -> None:
    base = tallies["no rule on who counts"]
    print(f"\n{kind}: {base.people:,} people counted, {base.publishable:,} publishable segments\n")
    print(
        "| policy | people, of 1,000 | reach k | threshold | near | inference | published |"
        "\n|---|---|---|---|---|---|---|"
    )
    for name, tally in tallies.items():
        of_people = 1_000 * tally.people / max(base.people, 1)
        shares = [
            1_000 * number / max(base.publishable, 1)
            for number in (
                tally.publishable,
                *(-tally.reasons[reason] for reason in ("threshold", "near", "inference")),
                tally.reasons["kept"],
            )
        ]
        print(f"| {name} | {of_people:.1f} | " + " | ".join(f"{n:.1f}" for n in shares) + " |")


if __name__ == "__main__":
    main()
