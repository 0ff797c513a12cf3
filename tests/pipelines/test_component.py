"""The component in a Dagster project of somebody else: `examples/deployment`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from pydantic import ValidationError

import audience
from anonymizer.storage.home import Home
from pipelines.resources.release_history import open_ledger, released_days

ROOT = Path(__file__).parents[2]
RELEASE_A_DAY = """
import json
import dagster as dg
from shop.definitions import defs

repository = defs.get_repository_def()
with dg.instance_for_test() as instance:
    done = defs.resolve_job_def("release_days").execute_in_process(
        instance=instance, partition_key="2026-11-01"
    )
    said = {
        "success": done.success,
        "materialized": sorted(
            event.asset_key.to_user_string() for event in done.get_asset_materialization_events()
        ),
        "failed_checks": [
            one.check_name for one in done.get_asset_check_evaluations() if not one.passed
        ],
        "cron": {one.name: one.cron_schedule for one in repository.schedule_defs},
        "upstream": sorted(
            key.to_user_string()
            for key in defs.resolve_asset_graph().get(dg.AssetKey("weekly_report")).parent_keys
        ),
    }
print(json.dumps(said))
"""


@pytest.mark.slow
def test_a_deployment_loads_it_and_releases_a_day(fresh_home: Home, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(ROOT / "examples" / "deployment", project)
    environment = {**os.environ, "PYTHONPATH": f"{project}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", RELEASE_A_DAY],
        cwd=project, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-2_000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["success"]
    assert said["failed_checks"] == []
    assert said["materialized"] == [
        "accepted_rows", "campaign_reach", "campaign_release", "eligible_people", "exports",
        "protected_tables", "quarantined_rows", "segments_database",
    ]  # fmt: skip
    assert said["cron"]["every_day"] == "30 4 * * *"
    assert said["cron"]["campaign_week_when_closed"] == "30 5 * * *"
    assert said["upstream"] == ["campaign_release"]
    assert [day.isoformat() for day in released_days(open_ledger(fresh_home))] == ["2026-11-01"]


@pytest.mark.parametrize(
    "text", ["25:00", "3", "04:30:10", "noon", "every 0 minutes", "every 75 minutes", "every day"]
)
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        audience.Releases(schedule=text)


def test_attributes_are_a_schema_that_tools_can_show() -> None:
    assert issubclass(audience.Releases, dg.Component)
    assert set(audience.Releases.get_model_cls().model_fields) == {"home", "schedule"}
