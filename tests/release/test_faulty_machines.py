"""Disks that fail, folders that cannot be written, memory that is short: refused, nothing lost."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest
from release_world import DAY, POLICY, SECRET, content, facts, recheck, release, world

from anonymizer.exports.database import build_database
from anonymizer.exports.export_folders import write_exports
from anonymizer.exports.verification import verify_folder
from anonymizer.model.errors import NoSpace
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_releases, publish
from anonymizer.storage.home import Home

NEXT = date(2026, 11, 23)
SCRIPT = Path(__file__).with_name("interrupted_run.py")


def administer(*words: str | Path, check: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a command of administration; these are not on everybody's path."""
    positions = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin:/sbin"}
    line = [str(word) for word in words]
    return subprocess.run(line, capture_output=True, text=True, check=check, env=positions)


def command(*words: str | Path) -> str:
    """What a command says; the test is skipped where the machine does not allow it."""
    done = administer(*words)
    if done.returncode:
        pytest.skip(f"{words[0]} needs the right to do so")
    return done.stdout.strip()


@dataclass(frozen=True)
class FailingDisk:
    """A home on a disk whose image lies on another such disk, and that one's in a small memory.

    With the memory full, the outer disk takes writes and cannot keep them: waiting for it fails.
    """

    home: Home
    memory: Path

    def fail(self) -> None:
        filler = os.open(self.memory / "filler", os.O_WRONLY | os.O_CREAT)
        try:
            with pytest.raises(OSError, match="No space left"):
                fill(filler)
        finally:
            os.close(filler)


def fill(descriptor: int) -> None:
    while os.write(descriptor, bytes(4096)):
        pass


def make_disk(store: Path, position: Path, megabytes: int, undo: ExitStack) -> None:
    """Mount a new file system at `position` whose sparse image lies in `store`."""
    position.mkdir()
    image = store / "image"
    with image.open("wb") as file:
        file.truncate(megabytes * 1_000_000)
    device = command("losetup", "-f", "--show", image)
    undo.callback(administer, "losetup", "-d", device, check=True)
    command("mkfs.ext4", "-q", "-O", "^has_journal", device)
    command("mount", device, position)
    undo.callback(administer, "umount", position, check=True)


@pytest.fixture
def failing_disk(tmp_path: Path) -> Iterator[FailingDisk]:
    memory, inner, outer = (tmp_path / name for name in ("memory", "inner", "outer"))
    memory.mkdir()
    with ExitStack() as undo:
        command("mount", "-t", "tmpfs", "-o", "size=6m", "none", memory)
        undo.callback(administer, "umount", "-l", memory, check=True)
        make_disk(memory, inner, 60, undo)
        make_disk(inner, outer, 40, undo)
        yield FailingDisk(Home(outer / "home"), memory)


@pytest.mark.needs("ext4")
def test_a_disk_that_fails_to_keep_what_it_was_given_is_noticed(
    failing_disk: FailingDisk, tmp_path: Path
) -> None:
    """No simulation: the device under the file system fails, and fsync returns EIO.

    The ledger is on a sound disk, and must not get an entry of what the other one has lost.
    """
    home, ledger = failing_disk.home, Ledger.open(tmp_path / "ledger.sqlite")
    release(home, DAY, ledger=ledger)
    os.sync()
    before = content(home.published)
    passed = recheck(home, ledger, world(NEXT))
    failing_disk.fail()
    with (home.root / "probe").open("wb", buffering=0) as probe:
        probe.write(bytes(100_000))
        with pytest.raises(OSError, match="Input/output") as error:
            os.fsync(probe.fileno())
    assert error.value.errno == errno.EIO
    with pytest.raises(NoSpace, match="no_space"):
        publish(passed, facts(), home, ledger, SECRET)
    assert content(home.published) == before
    assert ledger.verify() == 1


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Home]:
    """A home on a file system of its own."""
    position = tmp_path / "place"
    position.mkdir()
    command("mount", "-t", "tmpfs", "-o", "size=20m", "none", position)
    yield Home(position / "home")
    subprocess.run(["umount", "-l", position], check=True)


@pytest.mark.alternate("faulty machines")
def test_in_a_read_only_folder_nothing_is_done_and_the_release_before_can_be_read(
    mounted: Home,
) -> None:
    released = release(mounted, DAY).release
    write_exports(released, mounted, Ledger.open(mounted.ledger), SECRET)
    build_database([released], mounted)
    before = content(mounted.root)
    command("mount", "-o", "remount,ro", mounted.root.parent)
    for work in (
        lambda: release(mounted, NEXT),
        lambda: write_exports(released, mounted, Ledger.open(mounted.ledger), SECRET),
        lambda: build_database([released], mounted),
    ):
        with pytest.raises(NoSpace, match="permissions"):
            work()
    assert content(mounted.root) == before
    ledger = Ledger.open(mounted.ledger)
    assert len(load_releases(mounted, ledger)) == 1
    assert verify_folder(mounted.published).releases == 1
    command("mount", "-o", "remount,rw", mounted.root.parent)
    release(mounted, NEXT)


def test_a_read_only_ledger_alone_holds_the_release(home: Home, mounted: Home) -> None:
    ledger = Ledger.open(mounted.root.parent / "ledger.sqlite")
    ledger.append("note", "first", {})
    command("mount", "-o", "remount,ro", mounted.root.parent)
    with pytest.raises(NoSpace, match="the ledger"):
        ledger.append("note", "second", {})
    assert ledger.verify() == 1


@pytest.mark.alternate("faulty machines")
@pytest.mark.parametrize("megabytes", [250, 500, 800])
def test_with_too_little_memory_a_run_ends_and_what_is_published_stands(
    megabytes: int, home: Home
) -> None:
    """Wherever the memory ends, the next run finishes the job."""
    released = release(home, DAY).release
    write_exports(released, home, Ledger.open(home.ledger), SECRET)
    before = content(home.published)
    chain = before.pop("ledger.jsonl")
    limit = megabytes * 1_000_000
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(home.root), NEXT.isoformat(), "never"],
        capture_output=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    after = content(home.published)
    assert done.returncode != 0
    assert before.items() <= after.items()
    assert after["ledger.jsonl"].startswith(chain)
    release(home, NEXT)
    assert len(load_releases(home, Ledger.open(home.ledger))) == 2


@pytest.mark.alternate("faulty machines")
def test_a_damaged_database_is_replaced_by_what_was_released(home: Home) -> None:
    released = release(home, DAY).release
    write_exports(released, home, Ledger.open(home.ledger), SECRET)
    build_database([released], home)
    whole = home.database.read_bytes()
    home.database.write_bytes(whole[:4096] + b"damage" * 100 + whole[4696:])
    home.database.with_suffix(".duckdb.wal").write_bytes(b"not a log")
    with pytest.raises(Exception, match=r"segments\.duckdb"):
        verify_folder(home.published)
    home.database.with_suffix(".duckdb.wal").unlink()
    build_database([released], home)
    assert verify_folder(home.published).releases == 1


_WRITER = """
import sys, time, duckdb
with duckdb.connect(sys.argv[1]) as database:
    print("open", flush=True)
    time.sleep(60)
"""


@pytest.mark.alternate("faulty machines")
def test_somebody_who_holds_the_database_open_for_writing_stops_nothing(home: Home) -> None:
    released = release(home, DAY).release
    build_database([released], home)
    holder = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(home.database)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        second = release(home, NEXT).release
        build_database([released, second], home)
        with duckdb.connect(str(home.database), read_only=True) as database:
            assert database.sql("SELECT count(*) FROM releases").fetchall() == [(2,)]
    finally:
        holder.kill()
        holder.wait()


def test_a_released_period_stands_whatever_the_policy_says_now(home: Home) -> None:
    """Another threshold, another promise on inference: the check is new, the release is not."""
    release(home, DAY)
    before = content(home.published)
    for changes in ({"k": 60}, {"inference_k": 5}, {"k_jitter": 0}, {"rounding": 1}):
        promise = POLICY.promise.model_copy(update=changes)
        policy = POLICY.model_copy(update={"promise": promise})
        assert release(home, DAY, policy=policy).already_released
        assert content(home.published) == before
