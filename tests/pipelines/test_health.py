"""What a monitoring system is told: days that are late, and a ledger that cannot be trusted."""

import json
import re
import stat
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from running import call

from anonymizer.model.policy import Policy
from anonymizer.storage.home import Home
from cli.commands import health as health_command
from cli.commands.health import late_lines
from cli.commands.init import create_home
from pipelines.automation.health import Health, health_of, update_metrics, write_metrics
from pipelines.messages.trouble import Trouble
from pipelines.partitions.landed_days import complete_at
from pipelines.partitions.run_times import RunTimes, note_run_times
from pipelines.stages import journal

FIRST = date(2026, 11, 2)
_LINE = re.compile(r'audience_\w+(\{reason="[a-z_]+"\})? \d+')


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return create_home(Home(tmp_path / "home"), FIRST)


def hours_after(home: Home, day: date, hours: float) -> datetime:
    """So many hours after the schedule runs the day."""
    return complete_at(day, Policy.load(home.policy).timing) + timedelta(hours=hours)


def hold(home: Home, stage: str, day: date, code: str) -> None:
    trouble = Trouble(code, "as a message", 4)
    journal.write(home, journal.JournalEntry(stage, day, 0.0, trouble=trouble))


def test_a_day_is_late_some_hours_after_its_time_and_not_before(home: Home) -> None:
    assert health_of(home, hours_after(home, FIRST, 5.9)).is_sound
    found = health_of(home, hours_after(home, FIRST, 6.1))
    assert dict(found.late) == {FIRST: "not_run"}
    assert (found.is_sound, found.exit_code) == (False, 4)


def test_an_implausible_day_is_told_with_the_command_that_lists_who_accepts(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, code in enumerate(("not_yet_arrived", "implausible")):
        late = Health(hours_after(home, FIRST, 7), {FIRST: code})
        monkeypatch.setattr(health_command, "health_of", lambda *_, late=late: late)
        done = call("health", "--home", home.root)
        assert done.returncode == 4
        assert done.stdout.count("who accepts them: audience accept") == number


def test_days_that_are_late_for_one_reason_are_one_line() -> None:
    days = [FIRST + timedelta(days=number) for number in range(6)]
    reasons = ["not_run", "not_run", "not_run", "implausible", "not_run", "not_run"]
    late = dict(zip([*days[:5], days[5] + timedelta(days=1)], reasons, strict=True))
    assert list(late_lines(late)) == [
        "2026-11-02 to 2026-11-04 (3 days) are late: not run yet (audience backfill)",
        "2026-11-05 is late: implausible",
        "2026-11-06 is late: not run yet (audience backfill)",
        "2026-11-08 is late: not run yet (audience backfill)",
    ]


@pytest.mark.parametrize(
    ("times", "later"), [(RunTimes(time(11, 45)), 8.75), (RunTimes(None, 10), -3)]
)
def test_a_day_is_late_by_the_schedule_that_the_daemon_goes_by(
    home: Home, times: RunTimes, later: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_run_times(home, times)
    monkeypatch.setenv("AUDIENCE_SCHEDULE", "23:59")  # of this shell; the daemon has another
    assert health_of(home, hours_after(home, FIRST, later + 5.9)).is_sound
    assert list(health_of(home, hours_after(home, FIRST, later + 6.1)).late) == [FIRST]


def test_before_the_first_look_of_the_daemon_the_environment_says_when(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIENCE_SCHEDULE", "04:30")
    assert health_of(home, hours_after(home, FIRST, 7.4)).is_sound
    assert not health_of(home, hours_after(home, FIRST, 7.6)).is_sound
    monkeypatch.setenv("AUDIENCE_SCHEDULE", "dawn")
    found = health_of(home, hours_after(home, FIRST, 0))
    assert found.exit_code == 2


def test_the_moment_may_be_told_in_any_zone(home: Home) -> None:
    moment = hours_after(home, FIRST, 6.1)
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Niue"):
        assert list(health_of(home, moment.astimezone(ZoneInfo(zone))).late) == [FIRST]


def test_each_late_day_has_the_code_that_holds_it(home: Home) -> None:
    days = [FIRST + timedelta(days=number) for number in range(4)]
    hold(home, "intake", days[0], "missing_day")
    hold(home, "intake", days[1], "schema_missing:user_id,url")
    done = journal.JournalEntry("publication", days[2], 0.0, facts={"tables": 0})
    journal.write(home, done)
    found = health_of(home, hours_after(home, days[3], 7))
    assert dict(found.late) == {
        days[0]: "missing_day",
        days[1]: "schema_missing",
        days[3]: "not_run",
    }
    assert 'audience_late_days{reason="schema_missing"} 1' in found.metrics()


def test_days_whose_working_data_are_gone_are_left_alone(home: Home) -> None:
    kept = Policy.load(home.policy).retention.private_days
    found = health_of(home, hours_after(home, FIRST + timedelta(days=300), 7))
    assert len(found.late) < kept


def test_a_policy_that_cannot_be_read_is_no_health_either(home: Home) -> None:
    now = hours_after(home, FIRST, 0)
    home.policy.write_text("promise: [", encoding="utf-8")
    found = health_of(home, now)
    assert found.exit_code == 2
    assert "audience_late_days" not in found.metrics()
    assert "audience_free_bytes" not in found.metrics()


def test_a_ledger_that_cannot_be_trusted_is_no_health(home: Home) -> None:
    home.ledger.write_bytes(b"no database")
    found = health_of(home, hours_after(home, FIRST, 0))
    assert found.trouble
    assert found.trouble.code == "ledger"
    assert found.exit_code == 4
    told = [line for line in found.metrics().splitlines() if not line.startswith("#")]
    assert told[0] == "audience_healthy 0"
    assert [line.split()[0] for line in told[1:]] == ["audience_checked_timestamp_seconds"]
    facts = found.facts()
    assert facts["late_days"] is facts["releases"] is facts["free_bytes"] is None


def test_metrics_are_in_the_text_format_and_replaced_at_once(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "collector" / "audience.prom"
    write_metrics(home, path)
    inode = path.stat().st_ino
    write_metrics(home, path)
    assert path.stat().st_ino != inode
    assert [entry.name for entry in path.parent.iterdir()] == ["audience.prom"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    lines = path.read_text().splitlines()
    assert path.read_text().endswith("\n")
    described = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(described) == len(set(described)) >= 5
    for line in lines:
        assert line.startswith(("# HELP audience_", "# TYPE audience_")) or _LINE.fullmatch(line)


def test_the_command_ends_with_the_code_and_says_the_days(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "audience.prom"
    done = call("health", "--json", "--metrics", path, "--home", home.root)
    facts = json.loads(done.stdout)
    assert done.returncode == (0 if facts["healthy"] else 4)
    assert facts["releases"] == 0
    assert f"audience_healthy {int(facts['healthy'])}" in path.read_text()
    home.ledger.write_bytes(b"no database")
    done = call("health", "--home", home.root)
    assert done.returncode == 4
    assert "ledger" in done.stdout


def test_without_the_variable_nothing_is_written(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUDIENCE_METRICS", raising=False)
    assert update_metrics(home) is None
    monkeypatch.setenv("AUDIENCE_METRICS", str(home.policy / "within.prom"))
    trouble = update_metrics(home)
    assert trouble
    assert trouble.code == "no_space"
    assert health_of(home, datetime.now(UTC)).trouble is None
