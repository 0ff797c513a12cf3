"""Loading the code location needs nothing, and engineers find in it what they look for."""

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest

from anonymizer.exports.rows import Row
from anonymizer.intake.contract import TABLES
from anonymizer.model.series import SERIES, Series
from anonymizer.release.folder import _FIGURES
from anonymizer.storage.engines.duckdb import read
from anonymizer.storage.home import Home
from cli.commands.init import create_home
from pipelines.assembly import assemble
from pipelines.assets.column_schemas import column_lineage
from pipelines.checks.held_days import held_days
from pipelines.definitions import defs
from pipelines.resources.resources import Installation
from pipelines.stages.flow import LONGER, Flow, job_name

ROOT = Path(__file__).parents[2]
NO_NETWORK = """
import socket
def refuse(*_): raise AssertionError("the network was asked")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
"""
SPECS = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
MADE = {name: spec for name, spec in SPECS.items() if not name.startswith("raw/")}


def bare_environment(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "nowhere"),
        "AUDIENCE_HOME": str(tmp_path / "no-home"),
        "PYTHONPATH": str(ROOT),
    }


@pytest.mark.alternate("start-up")
def test_definitions_load_without_home_network_and_data(tmp_path: Path) -> None:
    program = NO_NETWORK + (
        "from pipelines.definitions import defs\ndefs.get_repository_def().load_all_definitions()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=bare_environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_dagster_accepts_the_workspace(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"],
        env=bare_environment(tmp_path) | {"DAGSTER_HOME": str(tmp_path)},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "Validation successful for code location audience" in done.stdout


def test_the_flow_has_one_direction() -> None:
    upstream = {
        name: {d.asset_key.to_user_string() for d in spec.deps} for name, spec in MADE.items()
    }

    assert upstream["eligible_people"] == {"accepted_rows"}
    assert upstream["campaign_reach"] == {"accepted_rows", "eligible_people"}
    assert upstream["protected_tables"] == {"campaign_reach"}
    assert upstream["campaign_release"] == {"protected_tables"}
    assert upstream["exports"] == upstream["segments_database"] == {"campaign_release"}


def test_what_is_wider_is_released_after_what_lies_in_it() -> None:
    releases = {
        "campaign_week_release": {"campaign_release"},
        "campaign_month_release": {"campaign_release", "campaign_week_release"},
        "interest_week_release": {"campaign_release"},
        "audience_month_release": {
            "campaign_release",
            "campaign_week_release",
            "campaign_month_release",
            "interest_week_release",
        },
    }
    for name, before in releases.items():
        upstream = {dep.asset_key.to_user_string() for dep in MADE[name].deps}
        assert {key for key in upstream if key.endswith("_release")} == before


@pytest.mark.parametrize("name", sorted(MADE))
def test_an_asset_says_what_it_is_and_whose(name: str) -> None:
    spec = MADE[name]

    assert spec.description
    assert spec.group_name not in {None, "default"}
    assert spec.owners
    assert all(owner.startswith("team:") for owner in spec.owners)
    assert spec.kinds
    assert isinstance(spec.partitions_def, dg.TimeWindowPartitionsDefinition)
    assert spec.partitions_def.timezone == "Asia/Jakarta"


@pytest.mark.parametrize("series", LONGER)
def test_a_longer_series_has_the_flow_of_a_day_and_a_job_of_its_own(series: Series) -> None:
    name = series.stage("{}")
    stages = [name.format(stage) for stage in ("people", "reach", "protected", "release")]
    for before, after in pairwise(stages):
        assert dg.AssetKey(before) in {dep.asset_key for dep in MADE[after].deps}
    cron = "0 0 * * 1" if series.period_kind == "week" else "0 0 1 * *"
    job = defs.resolve_job_def(job_name(series))
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == set(stages)
    assert MADE[stages[0]].partitions_def.cron_schedule == cron  # type: ignore[union-attr]
    daily = defs.resolve_job_def("release_days").asset_layer.executable_asset_keys
    assert not {dg.AssetKey(stage) for stage in stages} & set(daily)


@pytest.mark.parametrize("name", sorted(MADE))
def test_every_asset_has_its_columns_described(name: str) -> None:
    schema = MADE[name].metadata["dagster/column_schema"]

    assert isinstance(schema, dg.TableSchema)
    assert all(column.description for column in schema.columns)


def test_every_made_asset_is_backfilled_in_one_run_and_checked() -> None:
    graph = defs.resolve_asset_graph()
    checked = {key.asset_key.to_user_string() for key in graph.asset_check_keys}

    # The deadline of requests passes, and files land, whether or not a day is run.
    assert checked == {*MADE, "raw/requests", "raw/visits"}
    for key in graph.executable_asset_keys:
        assert graph.get(key).backfill_policy == dg.BackfillPolicy.single_run()


def test_what_is_published_has_a_deadline() -> None:
    for name in ("campaign_release", "exports", "segments_database"):
        assert MADE[name].freshness_policy


def test_importing_the_command_line_imports_no_dagster() -> None:
    program = "import sys, cli.main; print('dagster' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("series", SERIES)
def test_column_lineage_names_columns_that_are_there(series: Series) -> None:
    """Of this side and, for raw tables, of the raw contract."""
    for asset, lineage in column_lineage(series).items():
        own = {one.name for one in MADE[asset].metadata["dagster/column_schema"].columns}
        upstream = {dep.asset_key for dep in MADE[asset].deps}
        graph = defs.resolve_asset_graph()
        assert set(lineage.deps_by_column) <= own
        for dep in (dep for deps in lineage.deps_by_column.values() for dep in deps):
            name = dep.asset_key.to_user_string()
            if name.startswith("raw/"):
                known = set(TABLES[name.removeprefix("raw/")].columns)
            else:
                assert dep.asset_key in upstream
                schema = MADE[name].metadata["dagster/column_schema"]
                known = {one.name for one in schema.columns}
            assert dep.column_name in known, (asset, dep)
            assert dep.asset_key in graph.get_ancestor_asset_keys(dg.AssetKey(asset))


def test_no_asset_is_without_column_lineage() -> None:
    assert set().union(*map(column_lineage, SERIES)) == set(MADE)


def test_published_columns_are_those_that_are_written() -> None:
    def described(name: str) -> list[str]:
        return [one.name for one in MADE[name].metadata["dagster/column_schema"].columns]

    assert described("exports") == list(Row._fields)
    written = re.findall(r"COMMENT ON COLUMN figures\.(\w+) ", read("create_figures"))
    assert described("segments_database") == written
    for series in SERIES:
        assert described(Flow(series).release) == _FIGURES.names


@pytest.mark.parametrize("series", SERIES)
def test_a_period_without_input_is_held_by_its_first_stage(series: Series, tmp_path: Path) -> None:
    """In every series: a failed check with a table, nothing materialized, no failed step."""
    home = create_home(Home(tmp_path / "home"))
    job = assemble(Installation.of(home), home).resolve_job_def(job_name(series))
    key = "2026-02-01" if series.period_kind == "month" else "2026-02-02"
    with dg.DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(instance=instance, partition_key=key, raise_on_error=False)
        (run,) = instance.get_runs()

    (held,) = held_days(done.get_asset_check_evaluations())
    assert held.trouble.stage == Flow(series).stages[0].name
    assert held.trouble.exit_code == 4
    assert run.tags["audience/held"] == key
    assert done.success
    assert not done.get_asset_materialization_events()
