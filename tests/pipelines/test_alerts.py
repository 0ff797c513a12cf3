"""A failed run is told: in a file always, to a webhook if there is one."""

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from anonymizer.storage.home import Home
from pipelines.definitions import defs
from pipelines.messages.alerts import NotDelivered, raise_alert
from pipelines.resources.resources import Installation

Audience = Callable[..., subprocess.CompletedProcess[str]]


@dataclass
class Webhook:
    """A real HTTP server on this machine that keeps what was posted."""

    status: int = 204
    received: list[tuple[str, Any]] = field(default_factory=list)
    address: str = ""


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            hook.received.append((self.headers["Content-Type"], json.loads(content)))
            self.send_response(hook.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hook.address = f"http://127.0.0.1:{server.server_port}/alerts"
    monkeypatch.setenv("AUDIENCE_ALERT_WEBHOOK", hook.address)
    yield hook
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_alert_is_written_and_posted(tmp_path: Path, webhook: Webhook) -> None:
    raise_alert(Home(tmp_path), "one", {"kind": "run_failed"})

    assert json.loads((tmp_path / "alerts" / "one.json").read_text()) == {"kind": "run_failed"}
    assert webhook.received == [("application/json", {"kind": "run_failed"})]


def test_without_a_webhook_the_file_is_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIENCE_ALERT_WEBHOOK", raising=False)
    raise_alert(Home(tmp_path), "one", {})

    assert (tmp_path / "alerts" / "one.json").exists()


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/closed", "file:///etc/hostname", "nonsense"]
)
def test_a_webhook_that_takes_nothing_leaves_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("AUDIENCE_ALERT_WEBHOOK", address)
    with pytest.raises(NotDelivered):
        raise_alert(Home(tmp_path), "one", {})

    assert (tmp_path / "alerts" / "one.json").exists()


def test_a_refusing_webhook_is_named_by_its_status(tmp_path: Path, webhook: Webhook) -> None:
    webhook.status = 500
    with pytest.raises(NotDelivered, match="status 500"):
        raise_alert(Home(tmp_path), "one", {})


def test_a_held_day_raises_an_alert_with_days_and_codes_and_is_measured(
    fresh_home: Home,
    webhook: Webhook,
    audience: Audience,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    metrics = tmp_path / "audience.prom"
    monkeypatch.setenv("AUDIENCE_METRICS", str(metrics))
    repository, cursor = defs.get_repository_def(), None
    sensor = repository.get_sensor_def("days_held")

    def look(instance: dg.DagsterInstance) -> None:
        nonlocal cursor
        context = dg.build_sensor_context(
            instance,
            cursor=cursor,
            # Named as in the daemon, which passes over runs of other places.
            repository_name=repository.name,
            repository_def=repository,
            sensor_name="days_held",
            resources={"installation": Installation.of(Home.from_environment())},
        )
        cursor = sensor.evaluate_tick(context).cursor

    run = ("run", "--from", "2026-11-01", "--to", "2026-11-01", "--home", fresh_home.root)
    for folder in fresh_home.raw.glob("visits/day=2026-11-01"):
        shutil.rmtree(folder)
    assert audience(*run).returncode == 4
    assert 'audience_late_days{reason="missing_day"} 1' in metrics.read_text()
    with dg.DagsterInstance.from_config(str(fresh_home.dagster)) as instance:
        look(instance)  # the first look only takes note of where the history ends
        assert audience(*run).returncode == 4
        metrics.unlink()
        look(instance)
        look(instance)
    assert 'audience_late_days{reason="missing_day"} 1' in metrics.read_text()

    ((_, posted),) = webhook.received
    (alert,) = (fresh_home.root / "alerts").iterdir()
    assert json.loads(alert.read_text()) == posted
    assert posted["kind"] == "days_held"
    assert posted["days"] == ["2026-11-01"]
    assert posted["failed_steps"] == ["intake"]
    assert [(held["day"], held["stage"], held["code"]) for held in posted["held"]] == [
        ("2026-11-01", "intake", "missing_day")
    ]


def test_a_failed_run_raises_an_alert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, webhook: Webhook
) -> None:
    """As of a process that was killed: no step could say anything."""
    monkeypatch.setenv("AUDIENCE_HOME", str(tmp_path))
    monkeypatch.setenv("AUDIENCE_METRICS", str(tmp_path / "audience.prom"))
    repository, cursor = defs.get_repository_def(), None
    sensor = repository.get_sensor_def("run_failed")
    with dg.instance_for_test() as instance:
        for ended in range(2):
            if ended:
                run = instance.create_run_for_job(
                    defs.resolve_job_def("release_days"),
                    tags={"dagster/partition": "2026-11-01"},
                    status=dg.DagsterRunStatus.STARTED,
                )
                instance.report_run_failed(run)
            context = dg.build_sensor_context(
                instance,
                cursor=cursor,
                repository_name=repository.name,
                repository_def=repository,
                sensor_name="run_failed",
                resources={"installation": Installation.of(Home.from_environment())},
            )
            cursor = sensor.evaluate_tick(context).cursor

    ((_, posted),) = webhook.received
    assert (posted["kind"], posted["days"]) == ("run_failed", ["2026-11-01"])
    assert (posted["failed_steps"], posted["held"]) == ([], [])
    assert "audience_healthy 0" in (tmp_path / "audience.prom").read_text()
