"""`/health` says what `audience health` found, to this machine only and nothing more."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from browsing import Browsing
from published_world import Server, serving
from starlette.testclient import TestClient

from anonymizer.model.errors import Held
from anonymizer.storage.home import Home
from pipelines.automation import health as pipeline_health
from pipelines.automation.health import Health
from pipelines.messages.trouble import attempt
from portal import portal_limits
from portal.application import create_application
from portal.health_answer import METRICS_VARIABLE, HealthAnswer
from portal.server import site_of

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
LATE = {date(2026, 11, 29): "not_run"}
_CANNOT = Held("ledger", "the ledger cannot be read")


def broken() -> None:
    raise _CANNOT


CHECKS = {
    "sound": (Health(NOW, releases=3, free_bytes=1), "healthy", 200),
    "late": (Health(NOW, LATE, 3, free_bytes=1), "unhealthy", 503),
    "trouble": (Health(NOW, trouble=attempt(broken)), "unhealthy", 503),
}


def answer_at(path: Path | None, now: datetime = NOW) -> HealthAnswer:
    return HealthAnswer(path, lambda: now)


@pytest.mark.parametrize("name", CHECKS)
def test_it_says_what_the_pipeline_wrote(tmp_path: Path, name: str) -> None:
    check, state, _ = CHECKS[name]
    assert check.is_sound == (state == "healthy")
    path = tmp_path / "metrics.prom"
    path.write_text(check.metrics(), encoding="utf-8")
    assert answer_at(path).state() == state
    assert answer_at(path, NOW + portal_limits.NEWEST_CHECK - timedelta(minutes=1)).state() == state
    for other in (NOW + portal_limits.NEWEST_CHECK, NOW - portal_limits.NEWEST_CHECK):
        assert answer_at(path, other).state() == "unknown"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"audience_healthy 1\n",
        b"audience_checked_timestamp_seconds 1796040000\n",
        b"# audience_healthy 1\naudience_checked_timestamp_seconds 1796040000\n",
        b"audience_healthy 1\naudience_checked_timestamp_seconds 99999999999999999999\n",
        b"\xff\xfe",
    ],
)
def test_a_damaged_file_is_not_healthy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "metrics.prom").write_bytes(content)
    assert answer_at(tmp_path / "metrics.prom").state() == "unknown"
    for nowhere in (tmp_path / "none", tmp_path, None):
        assert answer_at(nowhere).state() == "unknown"


@pytest.mark.parametrize("name", CHECKS)
def test_only_this_machine_has_an_answer(portal_world: Home, tmp_path: Path, name: str) -> None:
    check, state, status = CHECKS[name]
    (tmp_path / "metrics.prom").write_text(check.metrics(), encoding="utf-8")
    application = create_application(
        site_of(portal_world), answer_at(tmp_path / "metrics.prom", NOW)
    )

    def ask(sender: str, path: str = "/health", **headers: str) -> tuple[int, str]:
        with TestClient(
            application, "http://127.0.0.1", client=(sender, 5000), follow_redirects=False
        ) as client:
            found = client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        return found.status_code, found.text

    found, text = ask("127.0.0.1")
    assert (found, json.loads(text)) == (status, {"status": state})
    unknown = ask("10.0.0.7", "/nowhere")
    assert unknown[0] == 303  # to the page for signing in
    assert ask("10.0.0.7") == unknown
    for header in ("X_Forwarded_For", "Forwarded", "X_Real_IP", "Via", "X_Forwarded_Host"):
        assert ask("127.0.0.1", **{header: "10.0.0.7"}) == unknown
    assert ask("127.0.0.1", Host="evil.example")[0] == 400


def test_the_variable_is_that_of_the_pipeline() -> None:
    assert METRICS_VARIABLE == pipeline_health.METRICS_VARIABLE


def test_the_process_answers_without_a_sign_in(
    portal_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "metrics.prom"
    monkeypatch.setenv(METRICS_VARIABLE, str(path))
    with serving(portal_home) as server:
        browser = Browsing(server)
        assert browser.send("GET", "/health").status == 503  # nothing is written yet
        path.write_text(Health(datetime.now(UTC)).metrics(), encoding="utf-8")
        answer = browser.send("GET", "/health")
        assert (answer.status, answer.text) == (200, '{"status":"healthy"}')
        assert answer.header("cache-control") == "no-store"
        assert not answer.cookies
        passed_on = browser.send("GET", "/health", headers={"X-Forwarded-For": "10.0.0.7"})
        unknown = browser.send("GET", "/nowhere")
        assert passed_on.status == unknown.status == 303


def test_without_a_file_there_is_no_such_address(server: Server) -> None:
    browser = Browsing(server)
    assert browser.send("GET", "/health").status == browser.send("GET", "/nowhere").status
