"""The Dagster code location: what `defs/` has. Loading it needs no network, home or data."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg


@contextmanager
def _without_lineage_warnings() -> Iterator[None]:
    """Dagster imports every installed component. That of OpenLineage warns that it has no address,
    although it emits nothing until `dagster.yaml` switches it on."""
    log = logging.getLogger("openlineage.client")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


with _without_lineage_warnings():
    defs = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
