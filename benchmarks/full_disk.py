"""Disks that fill at random sizes: what a run leaves and says, what the next run makes of it.

python benchmarks/full_disk.py [--sizes 200] [--seed 1] [--people 1500] [--settled 2]
                               [--seconds 600]

A sample world is made and its first days are released and verified. The day after them is run once
undisturbed. Then, for every size, a copy of the state before is put on a file system in memory that
has so many bytes left, from 0 to 4 MB, drawn by the seed. The day is run there, and what it leaves
is judged: the exit code is 6 or, if there was room, 0; what was published before is there byte for
byte and proves itself; the ledger holds, the database answers; nothing is half published. Then room
is made, and the next run must end with the undisturbed run's bytes. It stops after so many seconds.
The first difference ends the benchmark with exit code 1. It needs the right to mount.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import kills
from kills import Difference, World, copy, count_figures, fork_run, in_child, make_world, public

from anonymizer.exports.verification import verify_folder
from anonymizer.model.series import SERIES
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from pipelines.definitions import defs
from pipelines.stages.flow import job_name

MOST_ROOM = 4_000_000
SPACE = 64_000_000
NO_SPACE = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=1_500)
    parser.add_argument("--settled", type=int, default=2, help="days released before")
    parser.add_argument("--seconds", type=float, default=600.0, help="for all sizes together")
    options = parser.parse_args()
    for series in SERIES:
        defs.resolve_job_def(job_name(series))
    folder = Path(tempfile.mkdtemp(prefix="full-disk-"))
    kills.KILLED_DAYS = 1
    world, _ = make_world(folder, options.people, options.settled)
    draw, ends = random.Random(options.seed), Counter[str]()
    begin = time.monotonic()
    for number in range(options.sizes):
        if time.monotonic() - begin > options.seconds:
            break
        room = draw.randrange(MOST_ROOM)
        end = fill_and_judge(world, folder, room)
        ends[end] += 1
        print(f"{number + 1}: {room:,} bytes left: {end}", file=sys.stderr, flush=True)
    for end, sizes in sorted(ends.items()):
        print(f"{sizes} of {ends.total()} sizes: {end}")
    print("nothing lost, nothing half published, each next run ended with the undisturbed bytes")
    shutil.rmtree(folder)


def fill_and_judge(world: World, folder: Path, room: int) -> str:
    """How a run with so much room ended; raises Difference when it is not as it has to be."""
    with small_disk(folder / "disk") as position:
        home, log = copy(world.previous, position / "home"), folder / "disk.log"
        filler = fill(position, room)
        code = run(world, home, log)
        if code not in {0, NO_SPACE}:
            raise Difference(f"with {room:,} bytes left the run ended with {code}")
        told = in_child(lambda: judge(world, home))
        filler.unlink()
        if again := run(world, home, log):
            raise Difference(f"after {room:,} bytes the next run ended with {again}")
        kills.require_same(world, home)
    return f"exit code {code}, {told}"


def run(world: World, home: Home, log: Path) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(fork_run(world, home, log, eager=False), 0)[1])


def judge(world: World, home: Home) -> str:
    now = public(home)
    changed = [name for name, digest in world.before.items()
               if name != "ledger.jsonl" and now.get(name) != digest]  # fmt: skip
    if changed:
        raise Difference(f"{changed[0]} and {len(changed) - 1} more changed")
    if count_figures(home) < world.figures:
        raise Difference("the database lost figures")
    Ledger.open(home.ledger).verify()
    proved = verify_folder(home.published)
    return "the next run completes" if proved.unfinished else "proved"


def fill(position: Path, room: int) -> Path:
    """Take everything but so many bytes."""
    filler, state = position / "filler", os.statvfs(position)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(state.f_bavail * state.f_frsize - room, 1))
    return filler


@contextmanager
def small_disk(position: Path) -> Iterator[Path]:
    position.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SPACE}", "none", position], check=True)
    try:
        yield position
    finally:
        subprocess.run(["umount", "-l", position], check=True)


if __name__ == "__main__":
    try:
        main()
    except Difference as difference:
        sys.exit(f"full_disk: {difference}")
