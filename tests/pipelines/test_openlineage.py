"""Lineage events for another catalogue: off until the instance says so, and free of values."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from running import start

from anonymizer.storage.home import Home
from pipelines.instance.instance import prepare_instance

DAY = "2026-11-01"
PERSONAL = ("user_id", "full_name", "email", "phone", "address", "cookie_id", "ip", "url",
            "visit_id", "referrer", "user_agent", "birth_date")  # fmt: skip


def switch_on(home: Home) -> None:
    """As docs/operations.md says."""
    settings = prepare_instance(home) / "dagster.yaml"
    settings.write_text(
        settings.read_text(encoding="utf-8")
        + f"""
event_log_storage:
  module: dagster_openlineage
  class: OpenLineageEventLogStorage
  config:
    namespace: audience
    wrapped:
      module: dagster._core.storage.event_log
      class: SqliteEventLogStorage
      config:
        base_dir: {home.dagster}/history/runs
""",
        encoding="utf-8",
    )


def raw_values(home: Home) -> set[str]:
    """Everything in the raw zone that could tell who somebody is."""
    found: set[str] = set()
    for path in home.raw.rglob("*.parquet"):
        table = pq.read_table(path, partitioning=None)
        for name in set(PERSONAL) & set(table.column_names):
            found |= {str(value) for value in table[name].unique().to_pylist() if value}
    return {value for value in found if len(value) > 5}


def test_it_is_off_until_it_is_configured(tmp_path: Path) -> None:
    settings = yaml.safe_load((prepare_instance(Home(tmp_path)) / "dagster.yaml").read_text())

    assert "event_log_storage" not in settings


@pytest.mark.slow
def test_what_is_emitted_names_nobody(fresh_home: Home, tmp_path: Path) -> None:
    pytest.importorskip("dagster_openlineage", reason="make install brings dagster-openlineage")
    switch_on(fresh_home)
    told = tmp_path / "events.jsonl"
    done = start(
        "run", "--from", DAY, "--to", DAY, "--home", fresh_home.root,
        environment={
            "OPENLINEAGE__TRANSPORT__TYPE": "file",
            "OPENLINEAGE__TRANSPORT__LOG_FILE_PATH": str(told),
            "OPENLINEAGE__TRANSPORT__APPEND": "true",
        },
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    text = told.read_text(encoding="utf-8")
    events = [json.loads(line) for line in text.splitlines()]
    complete = {
        output["name"]
        for event in events
        if event["eventType"] == "COMPLETE"
        for output in event["outputs"]
    }
    assert {"accepted_rows", "campaign_reach", "campaign_release", "exports"} <= complete
    assert '"columnLineage"' in text
    values = raw_values(fresh_home)
    assert len(values) > 1_000
    # Word by word, as ids are short and stand inside of nothing else.
    words = set(text.replace('"', " ").replace("'", " ").replace(",", " ").split())
    assert not values & words
    assert not [value for value in values if len(value) > 12 and value in text][:3]
