"""The same work on many tables, by several processes side by side.

Protection and audit are pure computation, table by table. Processes rather than threads,
because a solver's threads belong to its process; processes started anew rather than forked,
because a fork copies the locks of the parent's other threads (DuckDB's, Dagster's) as they
stand. A process is sent what all tables share once, then one table at a time. It has no state,
no file and nothing to say: it ignores Ctrl-C and SIGTERM, which are its parent's business, and
ends when its parent does, however that ends.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from anonymizer.model.errors import Held
from anonymizer.storage import storage_limits

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")
CallSite = tuple[str, int]

_CALL_SITES = "places_elsewhere"
_LOST = "worker_lost"


def _always() -> None:
    """Nothing speaks against going on."""


@dataclass(frozen=True)
class Workers:
    """How much may be done at once, and who may call it off.

    `start_seconds` is what has to be saved before processes are started for it: they need about
    0.6 s until they have their imports and the catalogue, and as much time of a processor each. It
    is estimated from the CPU time of the first items, so that a busy machine does not look like
    heavy work; the first of them also pay for what is imported or prepared once.
    `go_on` is asked before each table and about twice a second while processes work; whatever
    it raises ends them and comes out of `results`. Processes of a `pool` are there for other work
    afterwards, and cost less when they are there already.
    """

    processes: int = 1
    go_on: Callable[[], None] = _always
    start_seconds: float = 1.0
    pool: "ProcessPool | None" = None

    def results(
        self,
        work: Callable[[Shared, Item], Result],
        shared: Shared,
        items: Sequence[Item],
        costs: Sequence[int],
    ) -> list[Result]:
        """`work(shared, item)` of every item, in the order of the items.

        `work` is a function of a module and depends on nothing but its arguments: where it runs
        makes no difference. `costs` (above 0, in any unit) say which items take longest; these
        go first. Work begins in this process with the cheapest items, and others are started
        once the time that these took says that it pays.

        What `work` raises comes out as it is, from whichever item it came first. Raises Held
        when a process is killed from outside.
        """
        left = deque(sorted(range(len(items)), key=lambda number: (costs[number], number)))
        done: dict[int, Result] = {}
        begin = time.thread_time()
        while left and not self._pays(time.thread_time() - begin, done, left, costs):
            self.go_on()
            number = left.popleft()
            done[number] = work(shared, items[number])
        if left:
            done |= self._in_processes(_Task(work, shared), items, left)
        return [done[number] for number in range(len(items))]

    def _pays(
        self, seconds: float, done: dict[int, Result], left: deque[int], costs: Sequence[int]
    ) -> bool:
        """Whether the time saved on what is left outweighs the start of processes."""
        processes = min(self.processes, len(left))
        if not done or processes < 2:  # noqa: PLR2004  one beside this one saves nothing
            return False
        beyond = max(seconds - storage_limits.PREPARATION_SECONDS, 0.0)
        rate = beyond / sum(costs[number] for number in done)
        expected = rate * sum(costs[number] for number in left)
        ready = self.pool is not None and self.pool.has(processes)
        share = storage_limits.SHARE_OF_READY_ONES if ready else 1
        return expected * (1 - 1 / processes) > self.start_seconds * share

    def _in_processes(
        self, task: "_Task[Shared, Item, Result]", items: Sequence[Item], left: deque[int]
    ) -> dict[int, Result]:
        """The work that is left, cheapest last, by processes of their own."""
        done: dict[int, Result] = {}
        at_work: dict[_Worker, int] = {}
        with self._lent(min(self.processes, len(left)), task) as workers:
            for worker in workers:
                at_work[worker] = left.pop()
                worker.give(items[at_work[worker]])
            while at_work:
                self.go_on()
                for worker in _ready(at_work):
                    done[at_work.pop(worker)] = worker.outcome()
                    if left:
                        at_work[worker] = left.pop()
                        worker.give(items[at_work[worker]])
        return done

    @contextmanager
    def in_advance(
        self, work: Callable[[Shared, Item], Result], shared: Shared
    ) -> Iterator["Advance[Item, Result]"]:
        """Processes that do `work(shared, item)` for each item that is added, in order of adding.

        The other way round than in `results`, whoever needs a result asks for it, and does
        something else meanwhile. Processes that are at work when the block ends have a few seconds
        to finish, and are ended then.
        """
        with self._lent(self.processes, _Task(work, shared)) as workers:
            advance: Advance[Item, Result] = Advance(workers)
            try:
                yield advance
            finally:
                workers[:] = advance.wind_up()

    @contextmanager
    def _lent(self, number: int, task: "_Task[Any, Any, Any]") -> Iterator[list["_Worker"]]:
        """Processes that know the task. Those that the block leaves in the list go on living."""
        pool = self.pool or ProcessPool()
        with pool if self.pool is None else nullcontext():
            workers = pool.lend(number)
            lent = list(workers)
            try:
                for worker in workers:
                    worker.give(task)
                yield workers
            except BaseException:
                workers.clear()  # they may be in the middle of something
                raise
            finally:
                pool.take_back(lent, workers)


ALONE = Workers()


class ProcessPool:
    """Processes that outlive the work that they were started for. Use as a context manager.

    They are started when they are needed, and are gone when the block ends.
    """

    def __init__(self) -> None:
        self._idle: list[_Worker] = []
        self._running: dict[_Worker, ExitStack] = {}

    def __enter__(self) -> "ProcessPool":
        return self

    def __exit__(self, *_: object) -> None:
        for running in self._running.values():
            running.close()
        self._running.clear()
        self._idle.clear()

    def has(self, number: int) -> bool:
        """Whether so many are there already."""
        return len(self._idle) >= number

    def start(self, number: int, work: Callable[[Any, Any], object]) -> None:
        """Start so many processes ahead of need; they import what `work` needs."""
        workers = self.lend(number)
        with suppress(Held):  # one is gone: it is noticed when it is lent
            for worker in workers:
                worker.give(_Task(work, None))
        self.take_back(workers, workers)

    def lend(self, number: int) -> list["_Worker"]:
        """So many processes, which nobody else is lent before they are back; none that is gone."""
        for worker in [worker for worker in self._idle if worker.is_gone]:
            self._idle.remove(worker)
            self._running.pop(worker).close()
        while len(self._idle) < number:
            with ExitStack() as starting:
                worker = starting.enter_context(_started())
                self._running[worker] = starting.pop_all()
            self._idle.append(worker)
        lent, self._idle = self._idle[:number], self._idle[number:]
        return lent

    def take_back(self, lent: Sequence["_Worker"], idle: Sequence["_Worker"]) -> None:
        """Keep those that have nothing to do and end the others."""
        for worker in lent:
            if worker in idle:
                self._idle.append(worker)
            else:
                self._running.pop(worker).close()


class Advance(Generic[Item, Result]):
    """Items that processes work on ahead of whoever asks for the results."""

    def __init__(self, workers: Sequence["_Worker"]) -> None:
        self._idle, self._at_work = list(workers), dict[_Worker, object]()
        self._waiting: deque[tuple[object, Item]] = deque()
        self._expected: set[object] = set()
        self._results: dict[object, Result] = {}

    def add(self, key: object, item: Item) -> None:
        """Have one more done, after what was added before. Keys are hashable."""
        self._expected.add(key)
        self._waiting.append((key, item))
        self._hand_out()

    def take(self, key: object) -> Result | None:
        """The result of an item, once; waits for it. None if there is none to be expected.

        That is an item that was not added or was taken before, whose work raised something, or
        whose process is gone: whoever asks does the work, and meets for itself what was raised.
        """
        while key in self._expected and self._at_work:
            self._receive()
        self._expected.discard(key)
        return self._results.pop(key, None)

    def wind_up(self) -> list["_Worker"]:
        """Begin nothing more, wait a little for what has begun; who has nothing to do then."""
        self._waiting.clear()
        until = time.monotonic() + storage_limits.GRACE_SECONDS
        while self._at_work and time.monotonic() < until:
            self._receive()
        return self._idle

    def _receive(self) -> None:
        for worker in _ready(self._at_work):
            key = self._at_work.pop(worker)
            self._expected.discard(key)
            try:
                self._results[key] = worker.outcome()
            except Exception as error:  # noqa: BLE001  whoever asks meets it again
                if isinstance(error, Held) and error.reason == _LOST:
                    continue
            self._idle.append(worker)
        self._hand_out()

    def _hand_out(self) -> None:
        while self._idle and self._waiting:
            worker = self._idle.pop()
            with suppress(Held):  # it is gone
                worker.give(self._waiting[0][1])
                self._at_work[worker] = self._waiting.popleft()[0]


@dataclass(frozen=True)
class _Task(Generic[Shared, Item, Result]):
    """What a process is told once: what to do, and what all items share."""

    work: Callable[[Shared, Item], Result]
    shared: Shared


@dataclass(frozen=True)
class _Raised:
    """An exception on its way here: exceptions with arguments of their own do not pickle."""

    kind: type[Exception]
    arguments: tuple[Any, ...]
    fields: dict[str, Any]
    call_sites: list[CallSite]

    def rebuilt(self) -> Exception:
        """The exception as it was, except for its traceback, which stays behind as places."""
        error = self.kind.__new__(self.kind, *self.arguments)
        error.args = self.arguments
        vars(error).update(self.fields, **{_CALL_SITES: self.call_sites})
        return error


def remote_call_sites(error: BaseException) -> list[CallSite]:
    """File and line of each call that led to an error raised in another process, outermost first.

    Empty for an error of this process, which has a traceback.
    """
    call_sites: list[CallSite] = getattr(error, _CALL_SITES, [])
    return call_sites


class _Worker:
    """A process at work, by the connection to it. Each call raises Held when it is gone."""

    def __init__(self, connection: "Connection[Any, Any]") -> None:
        self._connection = connection

    def fileno(self) -> int:
        """For waiting on several."""
        return self._connection.fileno()

    @property
    def is_gone(self) -> bool:
        """Of a process without work, which has nothing to say: its connection has ended."""
        return self._connection.poll()

    def give(self, work: object) -> None:
        """Send the task, or an item of it."""
        with _losses_held():
            self._connection.send_bytes(_packed(work))

    def outcome(self) -> Any:
        """What came of the item that was given last; raises what its work raised."""
        with _losses_held():
            outcome = self._connection.recv()
        if isinstance(outcome, _Raised):
            raise outcome.rebuilt()
        return outcome


def _ready(workers: Iterable[_Worker]) -> Sequence[_Worker]:
    """Those that have an outcome, or are gone; none after a pause without any."""
    by_number = {worker.fileno(): worker for worker in workers}
    return [
        by_number[number]
        for number in wait(by_number, storage_limits.PAUSE_SECONDS)
        if number in by_number
    ]


@contextmanager
def _started() -> Iterator[_Worker]:
    """A process of this interpreter, to be given a task first. It is gone when the block ends."""
    ours, theirs = Pipe()
    program = (
        f"import sys; sys.path[:] = {sys.path!r}; "
        f"from {__name__} import serve; serve({theirs.fileno()})"
    )
    process = subprocess.Popen(  # noqa: S603  nothing in the program comes from outside
        [sys.executable, "-P", "-c", program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    try:
        yield _Worker(ours)
    finally:
        ours.close()
        process.kill()
        process.wait()


@contextmanager
def _losses_held() -> Iterator[None]:
    try:
        yield
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise Held(
            _LOST,
            "a worker process for this day's tables ended: it was killed, perhaps for lack of "
            "memory, or the program was replaced during the run; free memory or lower "
            "effort.threads in policy.yaml, then run again",
        ) from None


def serve(descriptor: int) -> None:
    """Work for the process at the other end of a connection; never returns. For `Workers` alone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    connection: Connection[Any, Any] = Connection(descriptor)
    inbox: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_take_in, args=(connection, inbox), daemon=True).start()
    task: _Task[Any, Any, Any] | None = None
    while True:
        work = inbox.get()
        if isinstance(work, _Task):
            task = work
        elif task is not None:
            connection.send_bytes(_done(task, work))


def _done(task: _Task[Shared, Item, Result], item: Item) -> bytes:
    """The result, or what was raised instead of it, ready to be sent."""
    try:
        return _packed(task.work(task.shared, item))
    except Exception as error:  # noqa: BLE001  raised again at the other end
        frames = traceback.extract_tb(error.__traceback__)
        call_sites = [(frame.filename, frame.lineno or 0) for frame in frames]
        raised = _Raised(type(error), error.args, dict(vars(error)), call_sites)
        return _packed_exception(raised)


def _packed_exception(raised: _Raised) -> bytes:
    """An exception that holds what cannot be sent keeps its kind and its places alone."""
    try:
        return _packed(raised)
    except Exception:  # noqa: BLE001  objects may refuse in any way
        return _packed(_Raised(RuntimeError, (raised.kind.__name__,), {}, raised.call_sites))


def _packed(content: object) -> bytes:
    """Ready to be sent. From protocol 5 on, arrays that are read-only arrive so."""
    return pickle.dumps(content, protocol=5)


def _take_in(connection: "Connection[Any, Any]", inbox: "SimpleQueue[Any]") -> None:
    """Receive beside the work, so that the end of the other side is noticed in the middle of it.

    What cannot be received ends the process too, so that the other side does not wait for it: the
    program's files were replaced during the run, for example.
    """
    try:
        while True:
            inbox.put(connection.recv())
    finally:
        os._exit(0)
