"""Dagster's own storage under `$AUDIENCE_HOME/dagster`: no telemetry, no captured output.

Runs are kept apart by a lock on the home, not by a limit in Dagster: a
killed run would keep its place in the queue.

Several processes of Dagster start together. Before they do, one makes what they all open:
`python -m pipelines.instance`, for the home of `AUDIENCE_HOME`.
"""

from pathlib import Path

from anonymizer.storage.home import Home

# Steps print nothing; what they have to say stands in the event log. Not capturing stdout
# leaves one place less where a value could come to rest.
_SETTINGS = """\
# Written by `audience`. Run history and event log are SQLite files in this folder.
# No welcome dialogue.
nux:
  enabled: false

telemetry:
  enabled: false

compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager

# Freshness policies are evaluated by the daemon.
freshness:
  enabled: true

retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days:
      skipped: 7
      failure: 30
      success: 90
"""


def prepare_instance(home: Home) -> Path:
    """Make the folder that Dagster calls `DAGSTER_HOME`, with its settings, once."""
    folder = home.dagster
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "dagster.yaml"
    if not settings.exists():
        settings.write_text(_SETTINGS, encoding="utf-8")
    return folder


def make_storage(folder: Path) -> None:
    """Make Dagster's tables, where there are none, before the first process asks for them."""
    from pipelines.instance.open_files import open_instance  # noqa: PLC0415  loads Dagster

    with open_instance(folder):
        pass
