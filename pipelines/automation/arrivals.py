"""The files of days that wait for late arrivals: broken ones are reported when they land.

A run of such a day has to wait, and what is broken would be heard of days later. So the landing
sensor asks for this check whenever the files of a waiting day have changed and rested. It judges
the raw zone as it is now and writes nothing but an alert.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from pipelines import run_limits
from pipelines.partitions.waiting_days import broken_of, waiting_days
from pipelines.resources.release_history import released_days
from pipelines.resources.resources import Installation
from pipelines.stages.objection_report import alert_once


@dg.asset_check(
    asset=dg.AssetKey(["raw", "visits"]),
    name="files_readable",
    description="Every file needed by days that wait for late arrivals can be read.",
)
def files_readable(
    context: dg.AssetCheckExecutionContext, installation: Installation
) -> dg.AssetCheckResult:
    """Read the files through as of now; broken ones are told once as an alert."""
    home, policy = installation.home, installation.policy()
    released = released_days(installation.ledger())
    days = waiting_days(home, policy, released, datetime.now(UTC))
    broken = broken_of(home, days, policy)
    files = [{"file": refusal.file, "reason": refusal.reason} for refusal in broken]
    listed = [str(refusal) for refusal in broken[: run_limits.FILES_LISTED]]
    if broken:
        known = "".join(f"{refusal.file}\t{refusal.digest}\n" for refusal in broken)
        alert = {
            "kind": "broken_files",
            "days": [day.isoformat() for day in days],
            "files": files,
            "message": f"{len(broken)} landed file(s) cannot be read: deliver them again before "
            "the window of late arrivals closes",
        }
        name = f"broken-{hashlib.sha256(known.encode()).hexdigest()[:16]}"
        alert_once(context.log, home, name, alert)
    metadata: dict[str, Any] = {"days": [day.isoformat() for day in days], "broken": listed}
    return dg.AssetCheckResult(passed=not broken, metadata=metadata)


ARRIVALS = dg.define_asset_job(
    "arrivals",
    selection=dg.AssetSelection.checks(files_readable),
    executor_def=dg.in_process_executor,
    description="Check whether the files of days that wait for late arrivals can be read.",
)
