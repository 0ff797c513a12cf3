"""Page times of the portal with 50 readers at once, and its CPU seconds and memory meanwhile.

python benchmarks/readers.py [--folder FOLDER] [--readers 50] [--seconds 150] [--campaigns 1000]

Makes the figures of 1,000 campaigns over 90 days once into the folder, starts `audience portal`
there, and lets each reader open a page every five seconds: lists, searches, campaigns, segments,
files. Then it downloads a large file and a ZIP file, several at once, and states the memory of the
server before and after. Four of five readers are ad-ops of one advertiser, the others analysts.
"""

import argparse
import asyncio
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from reader_world import LARGE, PASSWORD, Size, advertiser, make

from anonymizer.storage.home import Home
from portal.user_accounts import UserAccount

EVERY_SECONDS = 5.0
TARGET_MILLISECONDS = 200
_ANALYSTS = 5  # every fifth reader
_TICKS = os.sysconf("SC_CLK_TCK")
_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
_FILE = re.compile(r'href="(/files/[^"]+)" download')
KINDS = {
    "list": 3,
    "search": 4,
    "week": 3,
    "day": 3,
    "month": 1,
    "compared": 2,
    "segment": 2,
    "file": 2,
}


@dataclass(frozen=True)
class Usage:
    """What the server has used until now: CPU seconds, and resident and peak memory in MB."""

    cpu_seconds: float
    megabytes: float
    peak_megabytes: float

    @classmethod
    def of(cls, process: int) -> "Usage":
        """As the kernel counts it."""
        folder = Path(f"/proc/{process}")
        parts = (folder / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        status = (folder / "status").read_text(encoding="ascii")
        sizes = [
            int(line.split()[1]) / 1024
            for name in ("VmRSS", "VmHWM")
            for line in status.splitlines()
            if line.startswith(name)
        ]
        return cls((int(parts[11]) + int(parts[12])) / _TICKS, *sizes)


@dataclass
class Times:
    """Milliseconds of each answered page by its kind, and the answers that were no success."""

    taken: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: list[str] = field(default_factory=list)


def accounts(readers: int, advertisers: int) -> list[UserAccount]:
    """An account a reader."""
    return [
        UserAccount(f"reader-{n}", "analyst")
        if n % _ANALYSTS == 0
        else UserAccount(f"reader-{n}", "ad_ops", (advertiser(n % advertisers),))
        for n in range(readers)
    ]


class Reader:
    """A browser of one account. It sends the cookies itself: they are marked for HTTPS."""

    def __init__(self, origin: str, login: str, campaigns: Sequence[str], times: Times) -> None:
        self._client = httpx.AsyncClient(base_url=origin, timeout=120)
        self._origin, self._login = origin, login
        self._campaigns, self._times = campaigns, times
        self._cookies: dict[str, str] = {}
        self._files: list[str] = []
        self._random = random.Random(login)

    async def sign_in(self) -> None:
        """Begin the session."""
        page = await self._send("GET", "/sign-in")
        found = _TOKEN.search(page.text)
        assert found
        fields = {"form_token": found[1], "login": self._login, "password": PASSWORD}
        answer = await self._send("POST", "/sign-in", fields)
        assert answer.status_code == 303, answer.status_code

    async def read(self, until: float) -> None:
        """Open a page every five seconds, from a moment of its own on."""
        await asyncio.sleep(self._random.random() * EVERY_SECONDS)
        while (begin := time.monotonic()) < until:
            kind = self._random.choices(list(KINDS), list(KINDS.values()))[0]
            await self._timed(kind)
            await asyncio.sleep(max(0.0, begin + EVERY_SECONDS - time.monotonic()))

    async def download(self, path: str) -> int:
        """How many bytes come; none is kept."""
        size = 0
        async with self._client.stream("GET", path, headers=self._headers()) as answer:
            assert answer.status_code == 200, answer.status_code
            async for part in answer.aiter_raw():
                size += len(part)
        return size

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()

    async def _timed(self, kind: str) -> None:
        path = self._path(kind)
        begin = time.perf_counter()
        answer = await self._send("GET", path)
        self._times.taken[kind].append(1000 * (time.perf_counter() - begin))
        if answer.status_code != httpx.codes.OK:
            self._times.failed.append(f"{kind} {answer.status_code}")
        self._files = _FILE.findall(answer.text) if "figures" in path else self._files

    def _path(self, kind: str) -> str:
        one, other = self._random.sample(self._campaigns, 2)
        page = f"/figures/campaign/{one}?every="
        paths = {
            "list": "/",
            "search": f"/?name={one[-3:]}",
            "segment": f"/segment?subject=campaign:{one}&every=day&gender=male&age=25-29",
            "compared": f"{page}week&compare={other}",
            "file": self._random.choice(self._files) if self._files else "",
        }
        return paths.get(kind) or f"{page}{kind if kind in ('day', 'month') else 'week'}"

    async def _send(
        self, method: str, path: str, fields: dict[str, str] | None = None
    ) -> httpx.Response:
        sent = {"data": fields, "headers": self._headers()}
        try:
            answer = await self._client.request(method, path, **sent)
        except httpx.TransportError:  # an idle connection was closed: again, as browsers do
            answer = await self._client.request(method, path, **sent)
        for header in answer.headers.get_list("set-cookie"):
            name, _, rest = header.partition("=")
            self._cookies[name] = rest.partition(";")[0]
        return answer

    def _headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return {"Cookie": cookies, "Origin": self._origin}


@contextmanager
def portal(home: Home) -> Iterator[tuple[str, int]]:
    """`audience portal` as a process: its address and its id."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "cli.main", "portal", "--home", str(home.root)]
    with subprocess.Popen(
        [*command, "--port", str(port)], stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[1]
    ) as process:
        try:
            origin = f"http://127.0.0.1:{port}"
            for _ in range(600):
                try:
                    httpx.get(f"{origin}/sign-in")
                    break
                except httpx.TransportError:
                    time.sleep(0.2)
            yield origin, process.pid
        finally:
            process.terminate()


async def measure(given: argparse.Namespace, size: Size, origin: str, process: int) -> None:
    """Sign everyone in, read, download, and print the tables."""
    times = Times()
    readers = []
    for n, account in enumerate(accounts(given.readers, size.advertisers)):
        own = n % size.advertisers
        campaigns = [
            f"cmp-{number:04d}"
            for number in range(size.campaigns)
            if account.role == "analyst" or number % size.advertisers == own
        ]
        readers.append(Reader(origin, account.login, campaigns, times))
    begin = time.monotonic()
    await asyncio.gather(*(reader.sign_in() for reader in readers))
    print(f"{given.readers} sign-ins at once: {time.monotonic() - begin:.1f} s")
    for reader in readers[:2]:  # the first page reads the ledger
        begin = time.monotonic()
        await reader._timed("list")
        print(f"first page: {time.monotonic() - begin:.1f} s")
    times.taken.clear()
    before, until = Usage.of(process), time.monotonic() + given.seconds
    watching = asyncio.create_task(watch(process, until))
    await asyncio.gather(*(reader.read(until) for reader in readers))
    memory = await watching
    after, load = Usage.of(process), os.getloadavg()[0]
    state(times, before, after, memory)
    print(f"load of the machine at the end: {load:.1f} on {os.cpu_count()} cores")
    await downloads(readers[0], process)
    for reader in readers:
        await reader.close()


async def watch(process: int, until: float) -> list[float]:
    """The memory of the server every five seconds, MB."""
    found = []
    while time.monotonic() < until:
        found.append(Usage.of(process).megabytes)
        await asyncio.sleep(EVERY_SECONDS)
    return found


async def downloads(reader: Reader, process: int) -> None:
    """A large file and a ZIP file, four at once: bytes, seconds, memory of the server."""
    owner = advertiser(0)
    page = await reader._send("GET", f"/figures/campaign/{reader._campaigns[0]}?every=week")
    release = _FILE.findall(page.text)[0].split("/")[3]
    paths = {
        "one large file": f"/files/{owner}/{release}/{LARGE}",
        "a ZIP file with it": f"/packages/{owner}?every=week",
    }
    print("\n| download, four at once | MB each | s | CPU s each | MB before | most MB meanwhile |")
    print("|---|---|---|---|---|---|")
    for name, path in paths.items():
        before, begin = Usage.of(process), time.monotonic()
        found: list[float] = []
        keeping = asyncio.create_task(keep_memory(process, found))
        sizes = await asyncio.gather(*(reader.download(path) for _ in range(4)))
        keeping.cancel()
        taken, after = time.monotonic() - begin, Usage.of(process)
        each = (after.cpu_seconds - before.cpu_seconds) / len(sizes)
        print(
            f"| {name} | {sizes[0] / 2**20:.0f} | {taken:.1f} | {each:.2f} "
            f"| {before.megabytes:.0f} | {max(found):.0f} |",
            flush=True,
        )


async def keep_memory(process: int, found: list[float]) -> None:
    """Add the memory of the server to `found` ten times a second."""
    while True:
        found.append(Usage.of(process).megabytes)
        await asyncio.sleep(0.1)


def state(times: Times, before: Usage, after: Usage, memory: Sequence[float]) -> None:
    """Print page times, CPU and memory."""
    every = [one for kind in times.taken.values() for one in kind]
    print("\n| page | number | median ms | 95 % | 99 % |\n|---|---|---|---|---|")
    for kind in (*KINDS, "all"):
        taken = every if kind == "all" else times.taken[kind]
        if len(taken) > 1:
            cuts = statistics.quantiles(taken, n=100, method="inclusive")
            print(f"| {kind} | {len(taken)} | {cuts[49]:.0f} | {cuts[94]:.0f} | {cuts[98]:.0f} |")
    each = 1000 * (after.cpu_seconds - before.cpu_seconds) / len(every)
    met = "met" if statistics.median(every) < TARGET_MILLISECONDS else "not met"
    print(f"median below {TARGET_MILLISECONDS} ms: {met}; answers that failed: {times.failed}")
    print(f"CPU of the server: {each:.1f} ms a page")
    steps = [f"{memory[len(memory) * n // 6]:.0f}" for n in range(6)]
    print(f"memory of the server over time, MB: {', '.join(steps)}, {after.megabytes:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="made where it is missing; else thrown away")
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=150)
    parser.add_argument("--campaigns", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=90)
    given = parser.parse_args()
    size = Size(campaigns=given.campaigns, days=given.days)
    with tempfile.TemporaryDirectory() as thrown_away:
        home = Home((given.folder or Path(thrown_away)) / "home")
        if not home.root.exists():
            begin = time.process_time()
            make(home, size, accounts(given.readers, size.advertisers))
            print(f"made in {time.process_time() - begin:.0f} CPU s", flush=True)
        print(f"database {home.database.stat().st_size / 2**20:.0f} MB, ", end="")
        print(f"published ledger {home.public_ledger.stat().st_size / 2**20:.0f} MB", flush=True)
        with portal(home) as (origin, process):
            asyncio.run(measure(given, size, origin, process))


if __name__ == "__main__":
    main()
