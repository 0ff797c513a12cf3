"""Runs single asset checks through Dagster, without the assets that they are about."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from anonymizer.storage.home import Home
from pipelines.assembly import assemble
from pipelines.automation.run_settings import range_tags
from pipelines.resources.resources import Installation

defs = assemble(Installation(), Home.from_environment())
KEYS = {(key.asset_key.to_user_string(), key.name): key
        for key in defs.resolve_asset_graph().asset_check_keys}  # fmt: skip
_ALONE = dg.Definitions(
    assets=defs.assets,
    asset_checks=defs.asset_checks,
    resources=defs.resources,
    jobs=[
        dg.define_asset_job(
            f"{asset}_{name}",
            selection=dg.AssetSelection.checks(key),
            executor_def=dg.in_process_executor,
        )
        for (asset, name), key in KEYS.items()
    ],
)
Outcome = tuple[bool, Mapping[str, Any]]


def outcomes(asset: str, name: str, first: date, last: date) -> list[Outcome]:
    """Whether a check passed, and its metadata: one by one for a range, then of the whole."""
    with dg.DagsterInstance.ephemeral() as instance:  # a file for each would take ten times as long
        done = _ALONE.resolve_job_def(f"{asset}_{name}").execute_in_process(
            instance=instance,
            raise_on_error=False,  # that of a blocking check is its result
            tags=range_tags(first, last),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        found = logged(instance, done.run_id)
    return [
        (one.passed, {label: value.value for label, value in one.metadata.items()}) for one in found
    ]


def logged(instance: dg.DagsterInstance, run_id: str) -> list[dg.AssetCheckEvaluation]:
    """The results of the checks of a run as they are recorded, also those of a failed step."""
    of_checks = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=of_checks)]
    return [event.asset_check_evaluation_data for event in events if event]


def outcome(asset: str, name: str, day: date) -> Outcome:
    """The same for one partition, by its first day."""
    (only,) = outcomes(asset, name, day, day)
    return only


def names_of(assets: Sequence[str]) -> set[tuple[str, str]]:
    """All checks of some assets."""
    return {key for key in KEYS if key[0] in assets}
