"""`audience ui`: Dagster's pages are up on this machine alone, and gone when they are ended."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from urllib.parse import quote

import pytest

from anonymizer.storage.home import Home
from cli.commands.init import create_home
from pipelines.instance.pages import _running

pytestmark = pytest.mark.slow
AUDIENCE = str(Path(sys.executable).with_name("audience"))
PATIENCE_SECONDS = 120
CHANGE = "mutation{reloadWorkspace{__typename}}"
WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec_WebSocket_Protocol": "graphql-ws",
}
REFUSED = [400, 400, 405, 405, 405, 403, 403, 403, 403, 400]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return create_home(Home(tmp_path / "home"))


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield int(taken.getsockname()[1])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def until(true: Iterator[bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    for answer in true:
        if answer:
            return
        assert time.monotonic() < deadline
        time.sleep(0.2)


def answering(port: int) -> Iterator[bool]:
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info") as answer:
                yield b"dagster_webserver_version" in answer.read()
        except OSError:
            yield False


def processes_of(home: Home) -> set[int]:
    """Every process that was given this home, however it was started."""
    found = set()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if str(home.root).encode() in environ.read_bytes():
                found.add(int(environ.parent.name))
    return found


IN_BACKGROUND = ["env", "--ignore-signal=INT"]  # as shells start background jobs


@pytest.mark.parametrize(
    ("before", "number"),
    [([], signal.SIGINT), ([], signal.SIGTERM), (IN_BACKGROUND, signal.SIGTERM)],
    ids=["Ctrl-C", "ended", "ended in the background"],
)
def test_ended_pages_leave_no_process_behind(
    before: list[str], number: signal.Signals, home: Home
) -> None:
    port = free_port()
    with subprocess.Popen(
        [*before, AUDIENCE, "ui", "--port", str(port)],
        env=os.environ | {"AUDIENCE_HOME": str(home.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said == f"Dagster's pages: http://127.0.0.1:{port} (Ctrl-C ends them)\n"
            assert refused_by(port) == REFUSED
            assert len(processes_of(home)) > 2
            process.send_signal(number)
            assert process.wait(PATIENCE_SECONDS) == 0
            until(not processes_of(home) for _ in count())
            more, complaints = process.communicate()
            assert more == ""
            first, *rest = complaints.splitlines()
            assert first == "Starting Dagster's pages; this takes up to half a minute ..."
            assert all("handshake" in line for line in rest), "of the refused WebSockets alone"
            assert len(rest) < 5
        finally:
            for left in processes_of(home):
                with suppress(ProcessLookupError):
                    os.kill(left, signal.SIGKILL)


def test_complaints_are_shown_until_the_end_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A process that is interrupted while it starts would fill the screen with its trace."""
    (tmp_path / "complaining.py").write_text(
        "import sys, time\nprint('complaint', file=sys.stderr, flush=True)\ntime.sleep(600)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    complaints = ""
    with _running(["complaining"]) as processes:
        while not complaints:
            complaints = capfd.readouterr().err
    assert complaints == "complaint\n"
    assert [process.poll() for process in processes] == [-signal.SIGINT]
    assert capfd.readouterr().err == ""


def refused_by(port: int) -> list[int]:
    """Statuses of the answers to what a page of another site can ask."""
    here = f"127.0.0.1:{port}"
    link = f"/graphql?query={quote(CHANGE)}"
    return [
        status(port, "GET", "/server_info", Host="evil.example"),
        status(port, "POST", "/graphql", Host="evil.example", Origin="http://evil.example"),
        status(port, "GET", link, Host=here),
        status(port, "HEAD", link, Host=here),
        status(port, "GET", link.replace("?", "/?"), Host=here),
        status(port, "POST", link, Host=here, Origin="http://evil.example"),
        status(port, "POST", link, Host=here, Origin="null"),
        status(port, "POST", link, Host=here, Origin=f"http://localhost:{port + 1}"),
        status(port, "GET", "/graphql", Host=here, Origin="http://evil.example", **WEBSOCKET),
        status(port, "GET", "/graphql", Host="evil.example", **WEBSOCKET),
    ]


def status(port: int, method: str, path: str, body: str | None = None, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def serving(folder: Path, **variables: str) -> Iterator[int]:
    """The webserver that the pages and the unit of systemd start, without a code location."""
    port = free_port()
    command = [sys.executable, "-m", "pipelines.webserver", "--port", str(port)]
    with subprocess.Popen(
        [*command, "--empty-workspace"],
        env=os.environ | {"DAGSTER_HOME": str(folder)} | variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            until(answering(port))
            yield port
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def webserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving(tmp_path_factory.mktemp("dagster")) as port:
        yield port


def test_behind_a_proxy_they_answer_to_its_origin_and_refuse_others(tmp_path: Path) -> None:
    public, link = "https://audience.example", f"/graphql?query={quote(CHANGE)}"
    with serving(tmp_path, AUDIENCE_ORIGIN=public) as port:
        here = f"127.0.0.1:{port}"
        for host in ("audience.example", here):  # passed on by the proxy, or not
            assert status(port, "GET", "/", Host=host) == 200
            assert status(port, "POST", link, Host=host, Origin=public) == 200
            assert status(port, "GET", "/graphql", Host=host, Origin=public, **WEBSOCKET) == 101
            for other in ("http://audience.example", "https://audience.example:444", "null"):
                assert status(port, "POST", link, Host=host, Origin=other) == 403
        assert status(port, "POST", link, Host=here, Origin=f"http://{here}") == 200
        assert refused_by(port) == REFUSED


@pytest.mark.parametrize("origin", ["audience.example", "https://audience.example/", "https://*"])
def test_a_wrong_origin_is_said_so_at_once(origin: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.webserver", "--port", str(free_port())],
        env=os.environ | {"DAGSTER_HOME": str(tmp_path), "AUDIENCE_ORIGIN": origin},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "AUDIENCE_ORIGIN" in done.stderr
    assert "write https://audience.example" in done.stderr
    assert "Traceback" not in done.stderr


def test_pages_of_other_sites_cannot_change_anything(webserver: int) -> None:
    assert refused_by(webserver) == REFUSED


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_pages_themselves_and_programs_can(name: str, webserver: int) -> None:
    host = f"{name}:{webserver}"
    own = {"Host": host, "Origin": f"http://{host}", "Content_Type": "application/json"}
    asked = json.dumps({"query": CHANGE})
    assert status(webserver, "POST", "/graphql", asked, **own) == 200
    assert status(webserver, "POST", f"/graphql?query={quote(CHANGE)}", Host=host) == 200
    assert status(webserver, "GET", "/", Host=host) == 200
    tunnelled = {"Host": f"{name}:8080", "Origin": f"http://{name}:8080"}  # ssh -L 8080:...:3000
    assert status(webserver, "POST", f"/graphql?query={quote(CHANGE)}", **tunnelled) == 200
    assert status(webserver, "GET", "/graphql", **own, **WEBSOCKET) == 101


@pytest.mark.parametrize(
    ("path", "expected", "headers"),
    [
        ("/", 200, {}),
        ("/server_info", 200, {}),
        ("/graphql", 405, {}),
        ("/", 403, {"Origin": "http://evil.example"}),
        ("/", 400, {"Host": "evil.example"}),
    ],
)
def test_no_page_can_frame_an_answer(
    path: str, expected: int, headers: dict[str, str], webserver: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", webserver, timeout=60)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    assert answer.status == expected
    assert answer.headers.get_all("X-Frame-Options") == ["DENY"]
    assert "frame-ancestors 'none'" in (answer.headers.get_all("Content-Security-Policy") or [])
    connection.close()


LOADED = '{"query": "{ repositoryOrError(repositorySelector: {repositoryLocationName: '
LOADED += '\\"audience\\", repositoryName: \\"__repository__\\"}) { __typename } }"}'


def loaded(port: int) -> Iterator[bool]:
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=LOADED.encode(),
        headers={"Content-Type": "application/json"},
    )
    while True:
        try:
            with urllib.request.urlopen(asked) as answer:
                yield b'"__typename":"Repository"' in answer.read().replace(b" ", b"")
        except OSError:
            yield False


def test_the_pages_load_no_package_of_the_working_directory(home: Home, tmp_path: Path) -> None:
    for package in ("pipelines", "audience", "anonymizer"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise ValueError('not ours')\n", "utf-8")
    port = free_port()
    with subprocess.Popen(
        [AUDIENCE, "ui", "--port", str(port)],
        cwd=tmp_path,
        env=os.environ | {"AUDIENCE_HOME": str(home.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            until(loaded(port))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_SECONDS)


def test_a_port_that_is_taken_is_said_so_at_once(home: Home, busy: int) -> None:
    command = [AUDIENCE, "ui", "--home", str(home.root), "--port", str(busy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert f"port {busy} cannot be listened on" in done.stderr
