"""The log for machines: an object of JSON a line, numbers and codes, no value of a person."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from running import Done, call

from anonymizer.storage.home import Home
from pipelines.assembly import definitions_of
from pipelines.automation.run_settings import config_of_runs
from pipelines.messages import event_log

CANARY = "canary"
DAY = "2026-11-01"
JSON = {"AUDIENCE_LOG": "json"}
_SOMEONE = re.compile(r"u\d{7}|@|https?://(?!github)|cookie", re.IGNORECASE)
Audience = Callable[..., Done]


def lines(text: str) -> list[dict[str, object]]:
    """Every line as an object; it fails on one that is none."""
    found: list[dict[str, object]] = [json.loads(line) for line in text.splitlines()]
    for one in found:
        assert {"time", "level", "event"} <= one.keys()
        assert datetime.fromisoformat(str(one["time"])).tzinfo
        assert one["level"] in ("info", "warning", "error")
    return found


def events(found: list[dict[str, object]], name: str) -> list[dict[str, object]]:
    return [one for one in found if one["event"] == name]


def spoil(raw: Path) -> None:
    """Rows that are wrong in every column, each with a value that must not be seen again."""
    columns = (
        "visit_id", "user_id", "cookie_id", "occurred_at", "url", "referrer", "product_category",
        "ip", "user_agent", "duration_ms", "page_response_ms", "interactions", "exit_method",
    )  # fmt: skip
    rows = [",".join(f"{CANARY}-{column}-{number}" for column in columns) for number in range(40)]
    head = ",".join(columns)
    (raw / "visits" / f"day={DAY}" / "hostile.csv").write_text("\n".join([head, *rows]) + "\n")
    people = ("user_id", "full_name", "email", "gender", "birth_date", "region_code",
              "registered_at")  # fmt: skip
    rows = [",".join(f"{CANARY}-{column}-{number}" for column in people) for number in range(20)]
    head = ",".join((*people, f"{CANARY}_column"))
    content = "\n".join([head, *(f"{row},{CANARY}" for row in rows)]) + "\n"
    (raw / "profiles" / f"day={DAY}" / "hostile.csv").write_text(content)


@pytest.mark.slow
def test_every_line_is_an_object_and_none_has_a_value_of_a_person(
    fresh_home: Home, audience: Audience
) -> None:
    spoil(fresh_home.raw)
    commands: tuple[tuple[str, ...], ...] = (
        ("check-input", "--day", DAY),
        ("run", "--from", DAY, "--to", "2026-11-02"),
        ("run", "--from", DAY, "--to", "2026-11-01"),
        ("rights", "withdraw", "--user", f"{CANARY}-user"),
        ("rights", "withdraw", f"{CANARY}-user"),
        ("run", f"--{CANARY}-user"),
        (f"{CANARY}-user",),
        ("backfill", "--from", f"{CANARY}-day"),
        ("health",),
    )
    every = []
    for words in commands:
        done = audience(*words, environment=JSON)
        found = lines(done.stderr)
        every += found
        (ended,) = events(found, "command_ended")
        assert ended["exit_code"] == done.returncode
        known = words[0] if CANARY not in words[0] else None
        assert ended.get("command") == known
    told = "\n".join(json.dumps(one) for one in every)
    assert CANARY not in told
    assert not _SOMEONE.findall(told)
    # It says what became of the days, by stage, with numbers.
    stages = [one for one in events(every, "done") if one["stage"] == "intake"]
    assert [one["day"] for one in stages] == [DAY, "2026-11-02", DAY]
    counts = stages[0]["counts"]
    assert isinstance(counts, dict)
    assert counts["rows"]["visits"]["quarantined"] >= 40
    assert {one["series"] for one in stages} == {"campaign-day"}
    runs = events(every, "run_ended")
    assert [(one["first"], one["last"]) for one in runs] == [(DAY, "2026-11-02"), (DAY, DAY)]


def test_a_run_that_dagster_starts_says_the_same_and_nothing_else(
    fresh_home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in (fresh_home.raw / "visits" / f"day={DAY}").iterdir():
        path.unlink()
    monkeypatch.setenv("AUDIENCE_LOG", "json")
    job = definitions_of(fresh_home).resolve_job_def("release_days")
    capfd.readouterr()
    config = config_of_runs()  # what schedules and sensors start runs with
    assert job.execute_in_process(run_config=config, partition_key=DAY).success
    (held,) = [one for one in lines(capfd.readouterr().err) if one["stage"] == "intake"]
    assert (held["event"], held["level"], held["code"]) == ("held", "error", "missing_day")
    assert (held["day"], held["series"], held["exit_code"]) == (DAY, "campaign-day", 4)


def test_it_is_off_unless_asked_for(tmp_path: Path) -> None:
    done = call("health", "--home", tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("audience: ")
    done = call("health", "--home", tmp_path, environment={"AUDIENCE_LOG": "xml"})
    assert done.returncode == 2
    assert "write: json" in done.stderr
    done = call("health", "--home", tmp_path, environment={"AUDIENCE_LOG": ""})
    assert done.stderr.startswith("audience: ")


def test_what_is_printed_on_stdout_stays_for_programs(tmp_path: Path) -> None:
    plain = call("segments", "--json")
    logged = call("segments", "--json", environment=JSON)
    assert logged.stdout == plain.stdout
    assert len(events(lines(logged.stderr), "command_ended")) == 1


def test_of_a_code_nothing_from_a_file_is_told(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIENCE_LOG", "json")
    with event_log.notices_as_events():
        event_log.log_event("done", counts=event_log.counts_in({"tables": 3, CANARY: CANARY}))
    (line,) = lines(capfd.readouterr().err)
    assert line["counts"] == {"tables": 3}
