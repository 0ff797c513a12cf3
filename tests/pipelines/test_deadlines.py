"""The check of deadlines warns a day before and fails at the deadline; the alert comes once."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from anonymizer.intake.objection_review import ReadRequest
from anonymizer.intake.objections import RowPlace
from anonymizer.model.policy import Policy
from anonymizer.rights.requests import DEADLINE, RequestState
from anonymizer.rights.rights import file_request
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from pipelines.automation.deadlines import judge_deadlines, requests_in_time
from pipelines.resources.resources import Installation

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def state(hours_ago: float, *, done: bool = False, row: int = 1) -> RequestState:
    made = NOW - timedelta(hours=hours_ago)
    request = ReadRequest("requests/r.csv", RowPlace("a" * 64, row), "access", made, bytes([row]))
    return RequestState(request, "access", made + DEADLINE, NOW if done else None, None, "")


@pytest.mark.parametrize(
    ("hours_ago", "done", "passed", "severity"),
    [
        (10, False, True, dg.AssetCheckSeverity.WARN),
        (50, False, False, dg.AssetCheckSeverity.WARN),
        (73, False, False, dg.AssetCheckSeverity.ERROR),
        (500, True, True, dg.AssetCheckSeverity.WARN),
    ],
)
def test_the_check_warns_a_day_before_and_fails_at_the_deadline(
    hours_ago: float, done: bool, passed: bool, severity: dg.AssetCheckSeverity
) -> None:
    result, late = judge_deadlines([state(hours_ago, done=done)], NOW)
    assert result.passed is passed
    if not passed:
        assert result.severity == severity
    assert bool(late) is not passed


def test_what_is_late_is_told_by_file_and_row_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    monkeypatch.setenv("AUDIENCE_HOME", str(home.root))
    monkeypatch.delenv("AUDIENCE_ALERT_WEBHOOK", raising=False)
    home.policy.write_text("{}\n", encoding="utf-8")
    Secret.create(home.secret)
    now = datetime.now(UTC)
    late = file_request(home, "access", "canary-7c1", now - timedelta(hours=80))
    file_request(home, "correct", "canary-7c2", now)

    def look() -> list[Path]:
        context = dg.build_asset_check_context()
        result = requests_in_time(context, installation=Installation.of(Home.from_environment()))  # type: ignore[call-arg]
        assert isinstance(result, dg.AssetCheckResult)
        assert not result.passed
        return sorted((home.root / "alerts").iterdir())

    (alert,) = look()
    told = json.loads(alert.read_text("utf-8"))
    assert told["overdue"] == [f"requests/{late.path.name}:1"]
    assert told["due_soon"] == []
    assert "canary" not in alert.read_text("utf-8")
    written = alert.stat().st_mtime_ns
    assert look() == [alert]
    assert alert.stat().st_mtime_ns == written
    assert Policy.load(home.policy)
