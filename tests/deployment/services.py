"""What compose.yaml, the Dockerfile and the units start, started on this machine without Docker.

Commands, variables and files are read from deploy/. Only places are others: folders, ports, and
PostgreSQL behind a socket.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import yaml
from demonstration import ROOT
from release.postgresql import Server

DEPLOY = ROOT / "deploy"
PATIENCE_SECONDS = 900
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: Mapping[str, Mapping[str, Any]] = COMPOSE["services"]
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
OURS = ("code", "webserver", "daemon")
PROGRAMS = Path(sys.executable).parent
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
_SECONDS_TO_STOP = 60


def commands() -> dict[str, list[str]]:
    """What compose.yaml and the units start, by service."""
    found = {name: [str(word) for word in SERVICES[name]["command"]] for name in OURS}
    for unit in UNITS:
        found[unit.name] = in_unit(unit, "ExecStart").split()
    return found


def in_unit(unit: Path, setting: str) -> str:
    """The one value of a setting."""
    (value,) = re.findall(rf"^{setting}=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    return str(value)


def in_dockerfile(instruction: str) -> str:
    """The last instruction of a kind, on one line."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{instruction} (.*)$", text, re.MULTILINE)[-1]


def environment_of_the_image() -> dict[str, str]:
    pairs = (word.partition("=") for word in in_dockerfile("ENV").split())
    return {name: value for name, _, value in pairs}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def make_databases(server: Server, folder: Path) -> dict[str, str]:
    """By the script of the database's container; addresses without a password."""
    accounts = folder / "pgpass"
    words = {"dagster": "d'o\"g $1", "ledger": "le dger\\"}
    escaped = {user: word.replace("\\", "\\\\") for user, word in words.items()}
    made = "".join(f"database:5432:{user}:{user}:{word}\n" for user, word in words.items())
    (folder / "of-accounts").write_text(made + "other:1:x:postgres:never\n")
    accounts.write_text("".join(f"*:*:{user}:{user}:{word}\n" for user, word in escaped.items()))
    accounts.chmod(0o600)
    done = subprocess.run(
        ["sh", DEPLOY / "create-databases.sh"],
        env={
            "PATH": f"{server.programs}:{os.environ['PATH']}",
            "PGHOST": str(server.folder),
            "PGUSER": "keeper",
            "PGPASSWORD": "correct-horse-battery",
            "PGPASS_OF_ACCOUNTS": str(folder / "of-accounts"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {
        "PGPASSFILE": str(accounts),
        "DAGSTER_POSTGRES_URL": f"postgresql+psycopg2://dagster@/dagster?host={server.folder}",
        "AUDIENCE_LEDGER": f"postgresql://ledger@/ledger?host={server.folder}",
    }


def drop_databases(server: Server) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        for name in ("dagster", "ledger"):
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
            connection.execute(f"DROP ROLE {name}")


@dataclass(frozen=True)
class Machine:
    """Where things of the containers, or of the units, are on this machine.

    `chosen` are the variables that the operator sets, `places` paths and addresses in the files
    with what takes their place, `ports` the same for ports.
    """

    folder: Path
    places: Mapping[str, str]
    ports: Mapping[str, int]
    chosen: Mapping[str, str] = field(default_factory=dict)

    def here(self, text: str, own: Mapping[str, str] | None = None) -> str:
        """The text with the places of this machine; those of a service go before others."""
        places = {**self.places, **(own or {})}
        # Each place once, longest first: what took the place of one is not replaced again.
        pattern = "|".join(re.escape(place) for place in sorted(places, key=len, reverse=True))
        return re.sub(pattern, lambda found: places[found[0]], _expanded(text, self.chosen))

    def words(self, name: str, own: Mapping[str, str] | None = None) -> list[str]:
        """The command of a service with its program, here."""
        program, *words = commands()[name]
        found = [str(self.ports.get(word, word)) for word in words]
        found = ["127.0.0.1" if word == "0.0.0.0" else word for word in found]
        return [str(PROGRAMS / Path(program).name), *(self.here(word, own) for word in found)]

    def of_compose(self, name: str) -> tuple[list[str], dict[str, str]]:
        """Command and variables of a container, whose files are a folder of its own."""
        root = self.folder / "containers" / name
        own = {"/srv/audience": str(root / "srv/audience")}
        for volume in SERVICES[name]["volumes"]:
            source, target = _expanded(volume, self.chosen).removesuffix(":ro").split(":")
            if source.startswith("/"):
                own[target] = source  # a folder of the host
            else:
                (place := root / target.removeprefix("/")).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(DEPLOY / source, place)
        if name == "code":  # the settings are mounted into the folder of the host
            dagster = Path(own["/srv/audience"]) / "dagster"
            dagster.mkdir(mode=0o700, exist_ok=True)
            shutil.copy(DEPLOY / "dagster.yaml", dagster)
        variables = {**environment_of_the_image(), **SERVICES[name]["environment"]}
        translated = {
            key: self.address(self.here(str(value), own)) for key, value in variables.items()
        }
        return self.words(name, own), {**translated, **_installed(own["/srv/audience"])}

    def address(self, text: str) -> str:
        """The host, port or both of a service, here; any other text as it is."""
        host, _, port = text.partition(":")
        if host in SERVICES and (not port or port in self.ports):
            return f"127.0.0.1:{self.ports[port]}" if port else "127.0.0.1"
        return str(self.ports.get(text, text))

    def of_unit(self, unit: Path) -> tuple[list[str], dict[str, str]]:
        """Command and variables of a unit."""
        path = DEPLOY / "systemd" / Path(in_unit(unit, "EnvironmentFile")).name
        lines = path.read_text(encoding="utf-8").splitlines()
        pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
        variables = {name: self.here(value) for name, _, value in pairs}
        return self.words(unit.name), {
            **variables,
            **self.chosen,
            **_installed(variables["AUDIENCE_HOME"]),
        }


def _installed(home: str) -> dict[str, str]:
    """What the image and the units have installed is here a folder of sources."""
    return {"PATH": f"{PROGRAMS}:/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": home}


def _expanded(text: str, chosen: Mapping[str, str]) -> str:
    """As Compose does: `${NAME:-default}`, and an error for `${NAME:?message}` without a value."""

    def value(found: re.Match[str]) -> str:
        name, kind, otherwise = found.groups()
        assert chosen.get(name) or kind == "-", f"{name} is not set: {otherwise}"
        return chosen.get(name) or otherwise

    return _VARIABLE.sub(value, text)


@contextmanager
def started(
    words: list[str], environment: Mapping[str, str], folder: Path, log: Path
) -> Iterator[None]:
    """A service until the end of the block, when it has to be alive still; SIGINT ends it."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            words,
            env=dict(environment),
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        still = process.poll() is None
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _end_children(process.pid)
        assert still, log.read_text(errors="replace")[-3000:]


def _end_children(group: int) -> None:
    """Nothing of a service is left, also where it had to be killed."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def await_health(name: str, ports: Mapping[str, int]) -> None:
    """Until the health check of a service passes."""
    kind, program, *words = SERVICES[name]["healthcheck"]["test"]
    assert kind == "CMD"
    for port, chosen in ports.items():
        words = [word.replace(port, str(chosen)) for word in words]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while subprocess.run(
        [PROGRAMS / program, *words], stderr=subprocess.DEVNULL, check=False
    ).returncode:
        assert time.monotonic() < deadline, name
        time.sleep(0.5)
