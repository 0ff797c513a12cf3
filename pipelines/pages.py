"""Dagster's pages, as the process that `audience ui` becomes."""

import runpy
import signal
import sys
from pathlib import Path


def main() -> None:
    """Serve the code location; options are those of `dagster dev`."""
    workspace = Path(__file__).with_name("workspace.yaml")
    sys.argv = ["dagster", "dev", "-w", str(workspace), *sys.argv[1:]]
    # Dagster ends its processes on Ctrl-C alone: a supervisor's SIGTERM would leave them behind,
    # and a shell's background job, which ignores Ctrl-C, could not be ended at all.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
