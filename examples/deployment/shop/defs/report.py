"""An asset of the deployment itself, made after the release of a day."""

import dagster as dg


@dg.asset(deps=["campaign_release"], group_name="reports")
def weekly_report() -> None:
    """Reads released figures only."""
