"""`timing.first_day`: who sets it, who reads it, and what is said of days outside."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from running import COMMAND

from anonymizer.model.errors import ConfigurationError
from anonymizer.model.policy import Policy
from anonymizer.storage.home import Home
from pipelines.partitions.partitions import Calendar

Audience = Callable[..., subprocess.CompletedProcess[str]]


def first_day(home: Home) -> str:
    return Policy.load(home.policy).timing.first_day.isoformat()


def today() -> str:
    return datetime.now(ZoneInfo("Asia/Jakarta")).date().isoformat()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_without_a_terminal_it_is_today_and_nobody_is_asked(home: Home, audience: Audience) -> None:
    done = audience("init", "--home", home.root)
    assert done.returncode == 0
    assert first_day(home) == today()
    assert f"The first day to be released is {today()}" in done.stderr


def test_with_landed_days_it_is_the_earliest(home: Home, audience: Audience) -> None:
    for day in ("2026-10-04", "2026-10-03"):
        (home.raw / "visits" / f"day={day}").mkdir(parents=True)
    assert audience("init", "--home", home.root).returncode == 0
    assert first_day(home) == "2026-10-03"


def test_the_option_decides(home: Home, audience: Audience) -> None:
    assert audience("init", "--first-day", "2026-09-09", "--home", home.root).returncode == 0
    assert first_day(home) == "2026-09-09"


@pytest.mark.parametrize("text", ["tomorrow", "20260909", "2026-W37-3", "2026-02-30"])
def test_what_is_no_date_makes_no_home(home: Home, audience: Audience, text: str) -> None:
    done = audience("init", "--first-day", text, "--home", home.root)
    assert done.returncode == 2
    assert f"{text!r} is not a date (YYYY-MM-DD)" in done.stderr
    assert not home.policy.exists()


@pytest.mark.parametrize(("typed", "expected"), [("2026-08-08\n", "2026-08-08"), ("\n", None)])
def test_on_a_terminal_somebody_is_asked(home: Home, typed: str, expected: str | None) -> None:
    ours, theirs = pty.openpty()
    command = [COMMAND, "init", "--home", str(home.root)]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.write(ours, typed.encode())
        assert process.wait(60) == 0
    said = os.read(ours, 10_000).decode()
    os.close(theirs)
    os.close(ours)
    assert "First local day to release" in said
    assert first_day(home) == (expected or today())


@pytest.mark.parametrize("value", ["20261101", "2026-11-01T10:00:00", "yesterday", "1.5", "[]"])
def test_the_policy_takes_a_day_and_nothing_like_one(value: str) -> None:
    with pytest.raises(ConfigurationError, match="this is not a date"):
        Policy.parse(f"timing:\n  first_day: {value}\n")


def test_it_bears_on_no_figure() -> None:
    """Beginning earlier or later makes no new settings, and counts at once."""
    later = Policy.parse("timing: {first_day: 2026-11-09}")
    assert later.digest == Policy().digest
    assert Policy().running_as(later).timing.first_day == later.timing.first_day
    assert Policy.parse("timing: {late_days: 2}").digest != Policy().digest


@pytest.mark.alternate("start-up")
def test_partitions_begin_with_it(home: Home, audience: Audience) -> None:
    audience("init", "--first-day", "2026-09-09", "--home", home.root)
    script = (
        "from pipelines.definitions import defs\n"
        "days = defs.resolve_asset_graph().get(next(iter(defs.resolve_job_def('release_days')"
        ".asset_layer.executable_asset_keys))).partitions_def\n"
        "print(days.get_first_partition_key())"
    )
    environment = {**os.environ, "AUDIENCE_HOME": str(home.root)}

    def first_partition() -> str:
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    assert first_partition() == "2026-09-09"
    home.policy.write_text("promise: {k: nonsense}\n")
    assert Calendar.of(home).partitions("day").get_first_partition_key() == "2026-01-01"


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2026-09-08", "2026-09-08 is before the first day, 2026-09-09"),
        ("2199-01-01", "2199-01-01 is in the future: it is "),
        (today(), f"{today()} has not ended yet: it is "),
    ],
)
def test_a_day_that_cannot_be_run_is_told_why(
    home: Home, audience: Audience, day: str, said: str
) -> None:
    audience("init", "--first-day", "2026-09-09", "--home", home.root)
    done = audience("run", "--from", day, "--to", day, "--home", home.root)
    assert done.returncode == 2
    assert said in done.stderr.replace("\n", " ")
    assert ("timing.first_day" in done.stderr) == (day == "2026-09-08")


@pytest.mark.alternate("partitions are what is read")
def test_a_day_without_a_folder_has_a_message_of_its_own(
    fresh_home: Home, audience: Audience
) -> None:
    day = datetime.fromisoformat("2026-11-01").date() + timedelta(days=9)
    run = ("run", "--from", day.isoformat(), "--to", day.isoformat())
    done = audience(*run)
    assert done.returncode == 4
    assert f"raw/visits/day={day} is not there" in done.stderr.replace("\n", " ")
    (fresh_home.raw / "visits" / f"day={day}").mkdir()
    done = audience(*run)
    assert done.returncode == 4
    assert f"raw/visits/day={day} has no files" in done.stderr.replace("\n", " ")


@pytest.mark.parametrize("arguments", [("segments",), ("init",), ("run", "--from", "x")])
def test_the_variable_that_it_was_is_refused(
    home: Home, audience: Audience, arguments: tuple[str, ...]
) -> None:
    full = (*arguments, *(("--to", "x") if arguments[0] == "run" else ()))
    done = audience(*full, "--home", home.root, environment={"AUDIENCE_FIRST_DAY": "2026-01-01"})
    assert done.returncode == 2
    assert "AUDIENCE_FIRST_DAY" in done.stderr
    assert "timing.first_day" in done.stderr
    assert not home.policy.exists()


def test_the_sample_moves_it_to_where_its_days_begin(fresh_home: Home) -> None:
    assert first_day(fresh_home) == "2026-11-01"
