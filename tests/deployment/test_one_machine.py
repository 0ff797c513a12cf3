"""A deployment from deploy/ that releases days by its own schedule, and comes back from its backup.

First as compose.yaml starts it: PostgreSQL, code server, webserver, daemon, Caddy. Then from the
backup, in another place, as the units of systemd start it. All of it listens on this machine alone.
"""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from release.postgresql import Server
from running import Done, call
from services import (
    DEPLOY,
    OURS,
    PATIENCE_SECONDS,
    PROGRAMS,
    SERVICES,
    UNITS,
    Machine,
    await_health,
    drop_databases,
    free_port,
    in_dockerfile,
    in_unit,
    make_databases,
    started,
)

from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from pipelines.resources.release_history import released_days

pytestmark = pytest.mark.slow
EVERY_MINUTE = "every 1 minutes"
SCHEDULE = "every_day"
ONE_DAY = timedelta(days=1)
LOGIN = {"Authorization": "Basic " + b64encode(b"ratna:opensesame").decode()}
_SELECTOR = """scheduleSelector: { repositoryLocationName: "audience",
  repositoryName: "__repository__", scheduleName: "every_day" }"""
_START = f"""mutation {{ startSchedule({_SELECTOR}) {{ __typename
  ... on ScheduleStateResult {{ scheduleState {{ status }} }} }} }}"""
_SEEN = f"""{{ scheduleOrError({_SELECTOR}) {{ __typename
  ... on Schedule {{ cronSchedule scheduleState {{ status }} }} }} }}"""
_RUNS = """{ runsOrError { ... on Runs { results { status jobName tags { key value } } } } }"""


@dataclass(frozen=True)
class Pages:
    """Dagster's pages behind an address, as one who has a login asks them."""

    port: int
    host: str
    login: Mapping[str, str]

    def answer(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Host": self.host, "Content-Type": "application/json", **headers}
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def ask(self, query: str) -> dict[str, Any]:
        status, body = self.answer(
            "POST", "/graphql", json.dumps({"query": query}), **self.login,
            Origin=f"http://{self.host}",
        )  # fmt: skip
        assert status == 200, body
        found: dict[str, Any] = json.loads(body)["data"]
        return found


@dataclass(frozen=True)
class Deliveries:
    """What the service delivers: three days, and the folder with the last one's late visits."""

    made: Home
    days: tuple[date, ...]

    def land(self, home: Home, folder: str) -> None:
        """A file after the other, each by a rename; the mark that all are there comes last."""
        source, target = self.made.raw / folder, home.raw / folder
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(source.iterdir(), key=lambda path: path.name == "_SUCCESS"):
            if path.is_dir():
                self.land(home, f"{folder}/{path.name}")
                continue
            arriving = target / f"{path.name}.part"
            shutil.copy2(path, arriving)
            arriving.rename(target / path.name)

    def land_visits(self, home: Home, *days: date) -> None:
        for day in days:
            self.land(home, f"visits/day={day}")


@pytest.fixture
def deliveries(tmp_path: Path) -> Deliveries:
    """Days that end with the newest that is complete today, written an hour ago."""
    zone = ZoneInfo("Asia/Jakarta")
    newest = datetime.now(zone).date() - 2 * ONE_DAY
    days = (newest - 2 * ONE_DAY, newest - ONE_DAY, newest)
    made = Home(tmp_path / "service")
    done = call(
        "sample", "--home", made.root, "--start", str(days[0]), "--people", "3000", "--days", "3",
        "--visits", "30000", "--campaigns", "4", "--advertisers", "2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    before = time.time() - 3600
    for path in made.raw.rglob("*"):
        os.utime(path, (before, before))
    return Deliveries(made, days)


def until(what: str, fits: Callable[[], object]) -> None:
    """Wait, and fail with the name of what did not happen."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not fits():
        assert time.monotonic() < deadline, what
        time.sleep(1)


def answers(pages: Pages) -> bool:
    try:
        return pages.answer("GET", "/server_info", **pages.login)[0] == 200
    except OSError:
        return False


@contextmanager
def compose(machine: Machine) -> Iterator[Pages]:
    """The services of compose.yaml in the order that it demands, behind the proxy."""
    waiting = list(OURS)
    with ExitStack() as services:
        while waiting:
            name = waiting.pop(0)
            for needed in SERVICES[name]["depends_on"].keys() - {"database"}:
                await_health(needed, machine.ports)
            words, environment = machine.of_compose(name)
            log = machine.folder / f"{name}.log"
            place = Path(environment["AUDIENCE_HOME"])
            services.enter_context(started(words, environment, place, log))
        pages = services.enter_context(behind_proxy(machine))
        until("the pages answer", lambda: answers(pages))
        yield pages


@contextmanager
def behind_proxy(machine: Machine) -> Iterator[Pages]:
    """Caddy with the rules and variables of the deployment, on loopback, without certificates."""
    folder, port = machine.folder / "proxy", machine.ports["443"]
    folder.mkdir()
    words = [PROGRAMS / "caddy", "hash-password", "--plaintext", "opensesame"]
    hashed = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    (folder / "logins").write_text(f"ratna {hashed}\n")
    rules = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    (_, logins) = next(
        volume.split(":")[:2] for volume in SERVICES["proxy"]["volumes"] if "logins" in volume
    )
    for before, here in (
        (logins, str(folder / "logins")),
        (":443, :80", f"http://:{port}"),
        ("admin off\n", "admin off\n\tdefault_bind 127.0.0.1\n"),
    ):
        assert rules.count(before) == 1
        rules = rules.replace(before, here)
    (folder / "Caddyfile").write_text(rules)
    environment = {
        name: machine.address(machine.here(value))
        for name, value in SERVICES["proxy"]["environment"].items()
    }
    site = f"pages.test:{port}"
    environment |= {"AUDIENCE_SITE": f"http://{site}", "AUDIENCE_ORIGIN": f"http://{site}"}
    command = [PROGRAMS / "caddy", "run", "--config", folder / "Caddyfile", "--adapter"]
    with started(
        [*map(str, command), "caddyfile"],
        {**environment, "HOME": str(folder)},
        folder,
        machine.folder / "proxy.log",
    ):
        until("the proxy listens", lambda: not socket.socket().connect_ex(("127.0.0.1", port)))
        yield Pages(port, site, LOGIN)


@contextmanager
def units(machine: Machine) -> Iterator[Pages]:
    """What systemd starts: the webserver listens on this machine, as its unit says."""
    with ExitStack() as services:
        for unit in UNITS:
            words, environment = machine.of_unit(unit)
            log = machine.folder / f"{unit.name}.log"
            place = Path(environment["AUDIENCE_HOME"])
            before = [PROGRAMS / "python", *in_unit(unit, "ExecStartPre").split()[1:]]
            subprocess.run(before, env=environment, cwd=place, check=True)
            services.enter_context(started(words, environment, place, log))
        port = machine.ports["3000"]
        pages = Pages(port, f"127.0.0.1:{port}", {})
        until("the pages answer", lambda: answers(pages))
        assert pages.answer("GET", "/server_info", Host="evil.example")[0] == 400
        yield pages


def switch_on(pages: Pages) -> None:
    """What an operator does in the pages under "Automation"; the schedule is the configured one."""
    until("the pages know the pipeline", lambda: "cronSchedule" in _schedule(pages))
    assert _schedule(pages)["cronSchedule"] == "*/1 * * * *"
    assert _schedule(pages)["scheduleState"]["status"] == "STOPPED"
    done = pages.ask(_START)
    assert done["startSchedule"]["scheduleState"]["status"] == "RUNNING"


def _schedule(pages: Pages) -> dict[str, Any]:
    found: dict[str, Any] = pages.ask(_SEEN)["scheduleOrError"]
    return found


def run_by(pages: Pages) -> list[tuple[str, str | None]]:
    """Job and schedule of each run that has ended well."""
    runs = pages.ask(_RUNS)["runsOrError"]["results"]
    return [
        (run["jobName"], {tag["key"]: tag["value"] for tag in run["tags"]}.get(
            "dagster/schedule_name"
        ))
        for run in runs
        if run["status"] == "SUCCESS"
    ]  # fmt: skip


def refuses(pages: Pages) -> None:
    """No login, a change by a link, and another name: the proxy lets none of them in."""
    change = _START
    link = "/graphql?query=" + re.sub(r"\s+", "%20", change)
    assert pages.answer("GET", "/server_info")[0] == 401
    assert pages.answer("POST", "/graphql", json.dumps({"query": change}))[0] == 401
    assert pages.answer("GET", link)[0] in (401, 405)
    assert pages.answer("GET", link, **LOGIN)[0] == 405
    assert pages.answer("GET", "/server_info", **{**LOGIN, "Host": "127.0.0.1"})[0] == 421


@dataclass(frozen=True)
class Place:
    """A home, the machine that it is on, and the variables of the account that works in it."""

    home: Home
    machine: Machine
    ledger: str
    variables: Mapping[str, str]

    def audience(self, *words: str | Path) -> Done:
        """As `docker compose exec code audience` is called, or by the account of the units."""
        return call(*words, environment=self.variables)

    def is_released(self, *days: date) -> bool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PGPASSFILE", self.variables["PGPASSFILE"])
            return released_days(Ledger.open(self.ledger)) >= set(days)


def for_containers(folder: Path, server: Server, home: Home, key: Path) -> Place:
    """What the operator has set, and where the image and the secrets have their files here."""
    databases = make_databases(server, folder)
    workspace, place = in_dockerfile("COPY").split()
    machine = Machine(
        folder / "host",
        {
            "@database:5432/dagster": f"@/dagster?host={server.folder}",
            "@database:5432/ledger": f"@/ledger?host={server.folder}",
            "/run/secrets/pgpass": databases["PGPASSFILE"],
            "/run/secrets/audience_key": str(key),
            place: str(DEPLOY.parent / workspace),
        },
        {port: free_port() for port in ("4000", "3000", "443")},
        {
            "AUDIENCE_HOME_DIR": str(home.root),
            "AUDIENCE_RAW_DIR": str(home.raw),
            "AUDIENCE_SITE": "pages.test",
            "AUDIENCE_SCHEDULE": EVERY_MINUTE,
            "AUDIENCE_LOG": "json",
        },
    )
    _, variables = machine.of_compose("code")
    assert variables["AUDIENCE_HOME"] == str(home.root)
    return Place(home, machine, databases["AUDIENCE_LEDGER"], variables)


def for_units(folder: Path, server: Server, home: Home) -> Place:
    databases = make_databases(server, folder)
    machine = Machine(
        folder / "elsewhere",
        {"/srv/audience": str(home.root), "/opt/audience": str(DEPLOY.parent)},
        {"3000": free_port()},
        {**databases, "AUDIENCE_SCHEDULE": EVERY_MINUTE},
    )
    _, variables = machine.of_unit(UNITS[0])
    return Place(home, machine, databases["AUDIENCE_LEDGER"], variables)


def test_days_are_released_by_the_schedule_and_go_on_after_a_restore(
    deliveries: Deliveries, server: Server, tmp_path: Path
) -> None:
    key, backup = tmp_path / "audience_key", tmp_path / "backup"
    home = Home(tmp_path / "host" / "audience")
    assert call("init", "--home", home.root, "--first-day", deliveries.days[0]).returncode == 0
    home.secret.rename(key)
    noted = release_two_days(for_containers(tmp_path, server, home, key), deliveries, backup)

    drop_databases(server)
    raw = home.raw.rename(tmp_path / "raw")  # it belongs to the service that delivers
    shutil.rmtree(home.root)
    restored = Home(tmp_path / "elsewhere" / "audience")
    restored.root.mkdir(parents=True, mode=0o700)
    raw.rename(restored.raw)
    place = for_units(tmp_path, server, restored)
    done = place.audience("restore", backup, "--head", noted)
    assert done.returncode == 0, done.stderr
    shutil.copy(key, restored.secret)
    restored.secret.chmod(0o600)
    assert place.audience("verify", "--head", noted).returncode == 0
    assert place.audience("ledger", "verify").returncode == 0
    release_the_next_day(place, deliveries)
    assert place.audience("verify", "--head", noted).returncode == 0


def release_two_days(place: Place, deliveries: Deliveries, backup: Path) -> str:
    """In the containers' processes; the hash that ends the chain of the backup."""
    (first, second, third), home = deliveries.days, place.home
    for table in ("campaigns", "consents", "requests", "profiles"):
        deliveries.land(home, table)
    deliveries.land_visits(home, first, second)
    with compose(place.machine) as pages:
        refuses(pages)
        switch_on(pages)  # it is off still
        until("the first day", lambda: place.is_released(first))
        deliveries.land_visits(home, third)
        until("the second day", lambda: place.is_released(first, second))
        until("two runs", lambda: len(run_by(pages)) >= 2)
        assert set(run_by(pages)) == {("release_days", SCHEDULE)}
        assert not place.is_released(third)
        # The delivery of the second day was not whole when the first run came to it.
        until("an alert", lambda: "not_yet_arrived" in told_by_alerts(home))
        assert place.audience("verify").returncode == 0
        judge_health(place, second, late={third})
        judge_log(place.machine.folder / "code.log", first, second)
        done = place.audience("backup", backup)
        assert done.returncode == 0, done.stderr
    return done.stdout.split("The chain ends with ")[1].split("\n")[0]


def release_the_next_day(place: Place, deliveries: Deliveries) -> None:
    """By the units' processes, with the late visits that have come since."""
    third = deliveries.days[-1]
    place.home.dagster.mkdir(mode=0o700)
    shutil.copy(DEPLOY / "dagster.yaml", place.home.dagster)
    deliveries.land_visits(place.home, third + ONE_DAY)
    with units(place.machine) as pages:
        switch_on(pages)
        until("the next day", lambda: place.is_released(third))
        until("its run", lambda: run_by(pages))
        assert set(run_by(pages)) == {("release_days", SCHEDULE)}
        judge_health(place, third, late=set())  # the daemon writes the metrics after the run


def told_by_alerts(home: Home) -> set[str]:
    """Codes of what the alerts say."""
    alerts = [json.loads(path.read_text()) for path in (home.root / "alerts").glob("*.json")]
    return {held["code"] for alert in alerts for held in alert.get("held", ())}


def judge_log(log: Path, *days: date) -> None:
    """Of the days' runs: an object a line for each stage, and no line of Dagster's own."""
    text = log.read_text()
    assert "RUN_START" not in text
    events = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    done = [(one["stage"], one["day"]) for one in events if one["event"] == "done"]
    for day in map(str, days):
        assert [stage for stage, of in done if of == day][-4:] == [
            "intake", "eligibility", "reach", "publication",
        ]  # fmt: skip


def judge_health(place: Place, newest: date, late: set[date]) -> None:
    """What is asked now, and what the last run wrote for the collector, say the same."""
    done = place.audience("health", "--json")
    facts = json.loads(done.stdout)
    assert facts["trouble"] is None
    assert facts["newest_released_day"] == newest.isoformat()
    assert {date.fromisoformat(day) for day in facts["late_days"]} <= late
    assert done.returncode == (4 if facts["late_days"] else 0)
    metrics, line = place.home.root / "metrics.prom", f"audience_releases {facts['releases']}\n"
    # The daemon has it written after a run that it has started.
    until("the metrics", lambda: metrics.exists() and line in metrics.read_text())
