"""kill -9 at random moments of a run of three days and a week, and what the next run makes of it.

python benchmarks/kills.py [--kills 200] [--seed 1] [--people 1500] [--settled 8] [--folder F]

A sample world is made and its first days are released and verified: that is the previous state.
The three days after them are run once undisturbed, with whatever longer period becomes due: after
eight settled days a week. Then, for every kill, a copy of the previous state is run by a process of
its own, which is killed with SIGKILL at a moment drawn by the seed: of ten kills five over the
whole run, three over publication, two while suppression and the gate have processes. What
lies there then is judged, the run is started again, and what it leaves must be the undisturbed
run's, byte for byte. The first difference ends the benchmark with exit code 1; its home is left in
the folder.

Processes are forked from this one, which has imported everything and has touched no data: a run
costs its own seconds and not those of its imports.
"""

import argparse
import ctypes
import os
import pickle
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import TextIO, TypeVar

# A solver's or NumPy's threads would not live on in a forked process.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import duckdb

import pipelines.resources.workers
from anonymizer.exports.verification import verify_folder
from anonymizer.model.errors import AudienceError, Held
from anonymizer.model.series import SERIES
from anonymizer.release.ledger import Ledger
from anonymizer.release.public_ledger import read_public_ledger
from anonymizer.release.settings import SettingsTexts, read_meaning
from anonymizer.storage.files import sha256
from anonymizer.storage.home import Home
from anonymizer.storage.processes import Workers
from cli.release_summary import verify_published
from pipelines.definitions import defs
from pipelines.messages.progress import Listener, StageProgress
from pipelines.partitions.releasable_periods import releasable_periods, stretches_of
from pipelines.resources.release_history import open_ledger
from pipelines.runs import run_days, run_periods
from pipelines.stages.flow import LONGER, job_name

FIRST = date(2026, 11, 1)
KILLED_DAYS = 3
AUDIENCE = str(Path(sys.executable).with_name("audience"))
PATIENCE_SECONDS = 300
RELEASING = ["end", *(series.stage("publication") for series in SERIES)]
BY_PROCESSES = [series.stage("publication") for series in SERIES]
_BECOME_SUBREAPER = 36  # prctl: processes whose parent was killed come to this one
Result = TypeVar("Result")


class Difference(Exception):
    """A kill after which something was not as it has to be."""


@dataclass(frozen=True)
class Moment:
    """When to kill: some seconds after the run has said as many things as that."""

    announced: int
    seconds: float


@dataclass(frozen=True)
class Course:
    """An undisturbed run: when it said which of its steps, and when it was over."""

    said: tuple[tuple[float, str], ...]
    seconds: float

    def moment(self, draw: random.Random, stages: Sequence[str] = ()) -> Moment:
        """Drawn evenly over the run, or over the stretches in which these stages were at work."""
        times = [0.0, *(when for when, _ in self.said), self.seconds]
        at_work = ["start", *(stage for _, stage in self.said)]
        wanted = [n for n, stage in enumerate(at_work) if not stages or stage in stages]
        lengths = [times[n + 1] - times[n] for n in wanted]
        position = draw.choices(wanted, lengths)[0]
        return Moment(position, draw.uniform(0, times[position + 1] - times[position]))


@dataclass(frozen=True)
class Killed:
    """A kill and what came after it."""

    stage: str
    processes: int
    verified: str
    recovery_seconds: float


@dataclass(frozen=True)
class World:
    """The home before the days that are killed, what it holds, and what has to come of them."""

    previous: Home
    first: date
    before: Mapping[str, str]
    figures: int
    undisturbed: Home
    after: Mapping[str, str]

    @property
    def last(self) -> date:
        return self.first + timedelta(days=KILLED_DAYS - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=1_500)
    parser.add_argument("--settled", type=int, default=8, help="days released before")
    parser.add_argument("--folder", type=Path, default=None, help="where homes are made")
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)
    for series in SERIES:
        defs.resolve_job_def(job_name(series))
    folder = options.folder or Path(tempfile.mkdtemp(prefix="kills-"))
    world, course = make_world(folder, options.people, options.settled)
    eager, beside = run_undisturbed(world, folder / "beside", eager=True)
    require_same(world, eager)
    print(
        f"{len(world.before)} published files before; undisturbed {course.seconds:.1f} s, with "
        f"processes of their own {beside.seconds:.1f} s",
        flush=True,
    )
    draw, found = random.Random(options.seed), list[Killed]()
    while len(found) < options.kills:
        attempt = partial(kill_once, world, folder)
        match len(found) % 10:
            case 0 | 1:
                killed = attempt(beside.moment(draw, BY_PROCESSES), eager=True)
            case 2 | 3 | 4:
                killed = attempt(course.moment(draw, RELEASING), eager=False)
            case _:
                killed = attempt(course.moment(draw), eager=False)
        if killed:  # a run that was faster than the undisturbed one has ended: drawn again
            found.append(killed)
            print(f"{len(found)}: {killed}", file=sys.stderr, flush=True)
    report(found)
    if options.folder is None:
        shutil.rmtree(folder)


def make_world(folder: Path, people: int, settled: int) -> tuple[World, Course]:
    """The previous state, verified, and the undisturbed run that follows."""
    home, days = folder / "previous", settled + KILLED_DAYS
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    audience("init", "--home", home)
    size = ("--people", people, "--visits", 25 * people, "--days", days)
    audience("sample", *size, "--campaigns", 3, "--advertisers", 2, "--home", home)
    last = FIRST + timedelta(days=settled - 1)
    audience("run", "--from", FIRST, "--to", last, "--home", home)
    previous = Home(home)
    read_meaning(
        SettingsTexts.in_force(previous)
    )  # remembered, and the same in every forked process
    in_child(lambda: verify_folder(previous.published))
    first = FIRST + timedelta(days=settled)
    figures = in_child(lambda: count_figures(previous))
    world = World(previous, first, public(previous), figures, previous, {})
    undisturbed, course = run_undisturbed(world, folder / "undisturbed", eager=False)
    in_child(lambda: verify_folder(undisturbed.published))
    return World(previous, first, world.before, figures, undisturbed, final(undisturbed)), course


def audience(*words: object) -> None:
    done = subprocess.run([AUDIENCE, *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


def run_undisturbed(world: World, position: Path, *, eager: bool) -> tuple[Home, Course]:
    """A run to the end in a copy of the previous state."""
    home, log = copy(world.previous, position), position.with_suffix(".log")
    begin = time.monotonic()
    code = os.waitstatus_to_exitcode(os.waitpid(fork_run(world, home, log, eager=eager), 0)[1])
    end = time.monotonic()
    if code:
        raise Difference(f"a run that nobody disturbed ended with {code}: {home.root}")
    said = tuple((float(when) - begin, stage) for when, stage in announced(log))
    return home, Course(said, end - begin)


def kill_once(world: World, folder: Path, moment: Moment, *, eager: bool) -> Killed | None:
    """Kill a run, judge what it leaves, run again, judge that. None when it ended before."""
    home, log = copy(world.previous, folder / "killed"), folder / "killed.log"
    if not killed_at(moment, fork_run(world, home, log, eager=eager), log):
        return None
    stages = ["start", *(stage for _, stage in announced(log))]
    processes = reap_the_rest()
    verified = in_child(lambda: judge_interrupted(world, home))
    log.unlink(missing_ok=True)
    begin = time.monotonic()
    status = os.waitpid(fork_run(world, home, log, eager=False), 0)[1]
    seconds = time.monotonic() - begin
    if code := os.waitstatus_to_exitcode(status):
        raise Difference(f"the next run ended with {code}: {home.root}")
    require_same(world, home)
    return Killed(stages[-1], processes, verified, seconds)


def fork_run(world: World, home: Home, log: Path, *, eager: bool) -> int:
    """Start the run in a forked process; its number. `eager` has processes from the first table."""
    log.unlink(missing_ok=True)
    process = os.fork()
    if process:
        return process
    code = 70
    try:
        os.environ["AUDIENCE_HOME"] = str(home.root)
        if eager:
            vars(pipelines.resources.workers)["Workers"] = partial(Workers, start_seconds=-1.0)
        with log.open("a", encoding="ascii", buffering=1) as lines:
            listener = partial(announce, world, lines)
            code = run_all(home, world, listener)
    except AudienceError as error:
        code = error.exit_code  # as the command line ends
    except BaseException:  # noqa: BLE001  a forked process ends here, whatever happens
        traceback.print_exc()
    finally:
        os._exit(code)


def run_all(home: Home, world: World, listener: Listener) -> int:
    """The days and what becomes due with them, as `audience run` does; the first exit code."""
    runs = [run_days(home, world.first, world.last, listener)]
    for series in LONGER:
        due = releasable_periods(home, open_ledger(home), series, world.first, world.last)
        runs += [run_periods(home, series, *row, listener) for row in stretches_of(due)]
    for held in (held for run in runs for held in run.held):
        print(f"{held.day} {held.trouble.code}: {held.trouble.message}", file=sys.stderr)
    return next((run.exit_code for run in runs if run.exit_code), 0)


def announce(world: World, lines: TextIO, step: StageProgress) -> None:
    """Write when a stage begins, and that what follows the last day of publication has begun."""
    over = step.done and step.stage == "publication" and step.day == world.last
    if over or not step.done:
        print(time.monotonic(), "end" if over else step.stage, file=lines)


def announced(log: Path) -> list[tuple[str, str]]:
    """When, and the stage; a line that a kill has cut short is left out."""
    lines = log.read_text(encoding="ascii").splitlines() if log.exists() else []
    return [(words[0], words[1]) for line in lines if len(words := line.split()) == 2]


def killed_at(moment: Moment, process: int, log: Path) -> bool:
    """Kill the process at that moment; False when it had ended by itself."""
    while len(announced(log)) < moment.announced and not ended(process):
        time.sleep(0.002)
    time.sleep(moment.seconds)
    if not ended(process):
        os.kill(process, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if status not in {0, -signal.SIGKILL}:
        raise Difference(f"a run ended with {status} before it was killed")
    return status != 0


def ended(process: int) -> bool:
    """Whether it is over; its status stays there to be asked for."""
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def reap_the_rest() -> int:
    """How many processes the killed one had; all of them have to end by themselves."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    for number in count():
        try:
            while os.waitpid(-1, os.WNOHANG) == (0, 0):
                if time.monotonic() > deadline:
                    raise Difference("a process of the killed run goes on")
                time.sleep(0.01)
        except ChildProcessError:
            return number
    raise AssertionError


def judge_interrupted(world: World, home: Home) -> str:
    """What was published before has to be there, readable and provable, right after a kill."""
    now = public(home)
    changed = [name for name, digest in world.before.items()
               if name != "ledger.jsonl" and now.get(name) != digest]  # fmt: skip
    if changed:
        raise Difference(f"a kill changed {changed[0]} and {len(changed) - 1} more: {home.root}")
    chain = read_public_ledger(world.previous.public_ledger)
    if read_public_ledger(home.public_ledger)[: len(chain)] != chain:
        raise Difference(f"the public ledger is not the one before, continued: {home.root}")
    if count_figures(home) < world.figures:
        raise Difference(f"the database lost figures: {home.root}")
    try:
        verify_published(home, Ledger.open(home.ledger))
        proved = verify_folder(home.published, chain[-1].hash)
    except Held as held:
        raise Difference(f"{held}: {home.root}") from None
    return "names what is unfinished" if proved.unfinished else "proved"


def require_same(world: World, home: Home) -> None:
    """The end has to be that of the undisturbed run: every byte, the ledger, the database."""
    after = in_child(lambda: final(home))
    differing = sorted(
        name
        for name in after.keys() | world.after.keys()
        if after.get(name) != world.after.get(name)
    )
    if differing:
        raise Difference(f"{len(differing)} differ, first {differing[0]}: {home.root}")
    if not in_child(lambda: same_history(home, world.undisturbed)):
        raise Difference(f"the ledger is not that of the undisturbed run: {home.root}")
    in_child(lambda: verify_folder(home.published))
    left = [*home.private.glob("spill-*"), *home.published.glob(".segments*"),
            *home.published.glob(".staging/*/*"), *home.root.rglob(".*.tmp")]  # fmt: skip
    if left:
        raise Difference(f"{left[0]} was left behind")


def same_history(home: Home, other: Home) -> bool:
    """Entries compare without the time and the account that recorded them."""
    return Ledger.open(home.ledger).entries() == Ledger.open(other.ledger).entries()


def public(home: Home) -> dict[str, str]:
    """Digest of every published file but the database, whose bytes DuckDB does not promise."""
    return digests(home.published, lambda path: path != home.database)


def final(home: Home) -> dict[str, str]:
    """What is published, and the working data of all days."""
    return public(home) | digests(home.private, lambda path: path.suffix == ".parquet")


def digests(folder: Path, wanted: Callable[[Path], bool]) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path) for path in files(folder) if wanted(path)
    }


def files(folder: Path) -> Iterator[Path]:
    """Every file below but those that a run is still writing."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith((".", "spill-")) for part in parts):
            yield path


def count_figures(home: Home) -> int:
    with duckdb.connect(str(home.database), read_only=True) as database:
        rows = database.sql("SELECT count(*) FROM figures").fetchall()
    return int(rows[0][0])


def copy(home: Home, position: Path) -> Home:
    shutil.rmtree(position, ignore_errors=True)
    shutil.copytree(home.root, position)
    return Home(position)


def in_child(work: Callable[[], Result]) -> Result:
    """The result of work that is done by a forked process, so that this one stays untouched."""
    reader, writer = os.pipe()
    process = os.fork()
    if not process:
        os.close(reader)
        outcome: object
        try:
            outcome = work()
        except BaseException as error:  # noqa: BLE001  raised again by who waits
            outcome = Difference(f"{type(error).__name__}: {error}")
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(outcome, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        outcome = pickle.load(pipe)
    os.waitpid(process, 0)
    if isinstance(outcome, Difference):
        raise outcome
    return outcome  # type: ignore[return-value]


def report(found: Sequence[Killed]) -> None:
    groups: dict[str, list[Killed]] = defaultdict(list)
    for killed in found:
        groups[killed.stage].append(killed)
    print("| killed in | kills | with processes | proved at once | recovery s, median | longest |")
    print("|---|---|---|---|---|---|")
    for stage, kills in [*groups.items(), ("all", list(found))]:
        seconds = [killed.recovery_seconds for killed in kills]
        print(
            f"| {stage} | {len(kills)} | {sum(killed.processes > 0 for killed in kills)} "
            f"| {sum(killed.verified == 'proved' for killed in kills)} "
            f"| {statistics.median(seconds):.1f} | {max(seconds):.1f} |"
        )
    print(f"{len(found)} kills, {len(found)} recoveries, each to the undisturbed run's bytes")


if __name__ == "__main__":
    try:
        main()
    except Difference as difference:
        sys.exit(f"kills: {difference}")
