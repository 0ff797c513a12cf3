"""The Dagster code location: what `defs/` has. Loading it needs no network, home or data."""

from pathlib import Path

import dagster as dg

defs = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
