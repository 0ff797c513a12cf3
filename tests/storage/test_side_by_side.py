"""Several processes give what one gives, and end in good order however they end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from labour import EAGER, EQUAL, ITEMS, OfAnotherVersion, die, linger, process, refuse, tenfold

from anonymizer.model.errors import Disclosure, Held, InputRejected
from anonymizer.storage.processes import ProcessPool, Workers, remote_call_sites
from pipelines.messages.trouble import Trouble, attempt

HERE = Path(__file__).parent
LONG = """
import os, sys, time
sys.path[:0] = [sys.argv[1]]
import labour
print(os.getpid(), flush=True)
print(sum(labour.EAGER.results(labour.{work}, {shared}, labour.ITEMS, labour.EQUAL)))
"""


@pytest.mark.alternate("processes side by side")
def test_results_stand_in_the_order_of_the_items() -> None:
    assert EAGER.results(tenfold, 10, ITEMS, EQUAL) == [0, 10, 20, 30, 40, 50, 60, 70]


@pytest.mark.alternate("processes side by side")
def test_the_cheapest_item_runs_here_and_the_others_in_two_processes() -> None:
    found = EAGER.results(process, 0, ITEMS, [9, 9, 9, 1, 9, 9, 9, 9])
    assert found[3] == os.getpid()
    assert len(set(found) - {os.getpid()}) == 2


@pytest.mark.parametrize(
    ("workers", "items"),
    [(Workers(2), ITEMS), (Workers(1, start_seconds=0), ITEMS), (EAGER, ITEMS[:2])],
    ids=["short work", "one process allowed", "nothing left to share"],
)
def test_nothing_is_started_where_it_does_not_pay(workers: Workers, items: list[int]) -> None:
    found = workers.results(process, 0, items, EQUAL[: len(items)])
    assert set(found) == {os.getpid()}


def test_no_items_no_results() -> None:
    assert EAGER.results(process, 0, [], []) == []


def raised_by(item: int) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011  the kind is what the tests ask
        EAGER.results(refuse, os.getpid(), [0, item, item], [1, 2, 2])
    return caught.value


@pytest.mark.alternate("processes side by side")
def test_errors_come_back_as_themselves() -> None:
    held, disclosure, rejected = raised_by(0), raised_by(1), raised_by(2)

    assert type(held) is Held
    assert (held.reason, str(held)) == ("proof", "held, proof: a proof is wrong")
    assert type(disclosure) is Disclosure
    assert disclosure.findings == ("one", "two")
    assert type(rejected) is InputRejected
    assert (rejected.file, rejected.digest) == ("visits/a.csv", "0" * 64)


@pytest.mark.alternate("processes side by side")
def test_a_fault_elsewhere_is_sealed_with_its_kind_and_place() -> None:
    def work() -> list[int]:
        return EAGER.results(refuse, os.getpid(), [0, 3, 3], [1, 2, 2])

    trouble = attempt(work)
    error = raised_by(3)

    assert isinstance(trouble, Trouble)
    assert "ValueError at " in trouble.message
    assert "processes.py" in trouble.message  # the nearest line of the product itself
    assert "canary" not in trouble.message
    assert remote_call_sites(error)[-1][0].endswith("labour.py")
    assert remote_call_sites(ValueError()) == []


@pytest.mark.alternate("processes side by side")
def test_an_error_that_cannot_be_sent_keeps_its_kind() -> None:
    error = raised_by(4)
    assert (type(error), error.args) == (RuntimeError, ("Unsendable",))


def test_a_killed_process_holds_the_day() -> None:
    before = children()
    with pytest.raises(Held, match=r"worker_lost.*effort\.threads") as caught:
        EAGER.results(die, os.getpid(), ITEMS, EQUAL)
    assert caught.value.reason == "worker_lost"
    assert children() == before


@pytest.mark.parametrize("shared", [None, OfAnotherVersion()], ids=["an item", "the task"])
def test_what_a_process_cannot_receive_holds_the_day(shared: object) -> None:
    before = children()
    items = [0, 1, 2] if shared else [0, OfAnotherVersion(), OfAnotherVersion()]
    with pytest.raises(Held, match="worker_lost"):
        EAGER.results(process, shared, items, [1, 2, 2])
    assert children() == before


@pytest.mark.alternate("processes side by side")
def test_work_under_way_can_be_called_off() -> None:
    before = children()
    asked = iter(range(5))

    def go_on() -> None:
        if next(asked, None) is None:
            raise Held("interrupted", "told to stop")

    with pytest.raises(Held, match="interrupted"):
        Workers(2, go_on, start_seconds=-1).results(linger, os.getpid(), ITEMS, EQUAL)
    assert children() == before


def test_processes_end_with_a_parent_that_is_killed() -> None:
    with running("linger", "os.getpid()") as parent:
        workers = wait_for_workers(parent)
        parent.kill()
        parent.wait()
        assert all(wait_for_end(worker) for worker in workers)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_processes_leave_signals_to_their_parent(number: int) -> None:
    """A terminal and a supervisor send them to everybody."""
    with running("tenfold", "1") as parent:
        for worker in wait_for_workers(parent):
            os.kill(worker, number)
        said, _ = parent.communicate(timeout=60)
    assert (parent.returncode, int(said)) == (0, sum(ITEMS))


class running(subprocess.Popen[str]):  # noqa: N801  reads as what it is: with running(...)
    """A parent with two processes at work; ended with the block."""

    def __init__(self, work: str, shared: str) -> None:
        script = LONG.format(work=work, shared=shared)
        super().__init__(
            [sys.executable, "-c", script, str(HERE)], stdout=subprocess.PIPE, text=True
        )
        assert self.stdout is not None
        assert int(self.stdout.readline()) == self.pid

    def __exit__(self, *reason: object) -> None:
        self.kill()
        super().__exit__(None, None, None)


def children(parent: int | None = None) -> list[int]:
    tasks = Path(f"/proc/{parent or os.getpid()}/task")
    return [int(c) for task in tasks.iterdir() for c in (task / "children").read_text().split()]


def wait_for_workers(parent: subprocess.Popen[str]) -> list[int]:
    """The two processes, once they ignore signals."""
    return next(found for _ in patience() if len(found := ready(parent)) == 2)


def ready(parent: subprocess.Popen[str]) -> list[int]:
    return [child for child in children(parent.pid) if ignores(child, signal.SIGTERM)]


def ignores(process_id: int, number: int) -> bool:
    status = Path(f"/proc/{process_id}/status").read_text().splitlines()
    mask = next(line.split()[1] for line in status if line.startswith("SigIgn"))
    return bool(int(mask, 16) >> (number - 1) & 1)


def wait_for_end(process_id: int) -> bool:
    return any(not Path(f"/proc/{process_id}").exists() for _ in patience())


def patience() -> Iterator[None]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        yield
        time.sleep(0.02)


@pytest.mark.alternate("processes side by side")
def test_in_advance_each_result_is_there_when_it_is_asked_for() -> None:
    with Workers(2).in_advance(tenfold, 10) as advance:
        for item in ITEMS:
            advance.add(f"item {item}", item)
        assert [advance.take(f"item {item}") for item in ITEMS] == [10 * item for item in ITEMS]
        assert advance.take("item 0") is None, "taken before"
        assert advance.take("item 99") is None, "never added"
        advance.add("later", 7)
        assert advance.take("later") == 70


@pytest.mark.alternate("processes side by side")
def test_in_advance_there_is_no_result_of_what_raised_something() -> None:
    """Also of what cannot be sent: whoever asks does the work, and meets it here."""
    with Workers(2).in_advance(refuse, 0) as advance:
        for item in range(5):
            advance.add(item, item)
        assert [advance.take(item) for item in range(5)] == [None] * 5
        assert advance.take(0) is None
    with Workers(2).in_advance(tenfold, 10) as advance:
        advance.add("not a number", None)
        advance.add("number", 3)
        assert advance.take("not a number") is None
        assert advance.take("number") == 30, "the processes go on"


@pytest.mark.alternate("processes side by side")
def test_in_advance_nothing_is_expected_of_processes_that_are_gone() -> None:
    with Workers(2).in_advance(die, 0) as advance:
        for item in ITEMS:
            advance.add(item, item)
        assert [advance.take(item) for item in ITEMS] == [None] * len(ITEMS)


def test_in_advance_what_nobody_asked_for_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anonymizer.storage.storage_limits.GRACE_SECONDS", 0.1)
    before = set(children())
    with Workers(2).in_advance(linger, 0) as advance:
        for item in ITEMS:
            advance.add(item, item)
        assert len(set(children()) - before) == 2
    assert not set(children()) - before


@pytest.mark.alternate("processes side by side")
def test_processes_of_a_pool_do_other_work_afterwards() -> None:
    with ProcessPool() as pool:
        eager = replace(EAGER, pool=pool)
        first = set(eager.results(process, 0, ITEMS, EQUAL)) - {os.getpid()}
        assert eager.results(tenfold, 10, ITEMS, EQUAL) == [10 * item for item in ITEMS]
        with eager.in_advance(process, 0) as advance:
            for item in ITEMS:
                advance.add(item, item)
            assert {advance.take(item) for item in ITEMS} == first
        assert set(eager.results(process, 0, ITEMS, EQUAL)) - {os.getpid()} == first
        assert first <= set(children())
    assert not first & set(children())


def test_processes_that_are_started_ahead_do_the_work() -> None:
    others = set(children())  # servers of other tests
    with ProcessPool() as pool:
        pool.start(2, process)
        ahead = set(children()) - others
        assert pool.has(2)
        eager = replace(EAGER, pool=pool)
        assert set(eager.results(process, 0, ITEMS, EQUAL)) - {os.getpid()} <= ahead
        assert eager.results(tenfold, 10, ITEMS, EQUAL) == [10 * item for item in ITEMS]
    assert not ahead & set(children())


@pytest.mark.alternate("processes side by side")
def test_a_process_that_is_gone_is_lent_to_nobody() -> None:
    with ProcessPool() as pool:
        eager = replace(EAGER, pool=pool)
        gone = set(eager.results(process, 0, ITEMS, EQUAL)) - {os.getpid()}
        for number in gone:
            os.kill(number, signal.SIGKILL)
            os.waitid(os.P_PID, number, os.WEXITED | os.WNOWAIT)
        assert eager.results(tenfold, 10, ITEMS, EQUAL) == [10 * item for item in ITEMS]


@pytest.mark.alternate("processes side by side")
def test_a_pool_ends_processes_that_are_in_the_middle_of_something() -> None:
    """What they would say next is the answer to a question that nobody asks any more."""
    others = set(children())  # servers of other tests
    with ProcessPool() as pool:
        eager = replace(EAGER, pool=pool)
        with pytest.raises(Held, match="a proof is wrong"):
            eager.results(refuse, os.getpid(), ITEMS[:1] * 8, EQUAL)
        assert set(children()) <= others
        with pytest.raises(Held, match="worker_lost"):
            eager.results(die, os.getpid(), ITEMS, EQUAL)
        assert eager.results(tenfold, 10, ITEMS, EQUAL) == [10 * item for item in ITEMS]
