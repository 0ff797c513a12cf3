"""A release that the auditor breaks: held, nothing published, the evidence kept private."""

import json
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anonymizer.counting import load_counted
from anonymizer.files import write_parquet
from anonymizer.home import Home
from anonymizer.segments import Catalogue, load_catalogue
from pipelines.evidence import findings_file

DAY = date(2026, 11, 1)
MATERIALIZE = """
import os, sys
import dagster as dg
from pipelines.definitions import defs
from pipelines.instance import prepare_instance
from anonymizer.home import Home
prepare_instance(Home.from_environment())
job = defs.get_job_def("release_days")
with dg.DagsterInstance.get() as instance:
    done = job.execute_in_process(
        partition_key=sys.argv[1],
        instance=instance,
        raise_on_error=False,
        asset_selection=[dg.AssetKey(a) for a in ("campaign_release", "exports",
                                                  "segments_database")],
    )
sys.exit(0 if done.success else 9)
"""


def test_what_the_auditor_found_is_kept_private(released_home: Home, tmp_path: Path) -> None:
    unreleased(released_home)
    smallest_protected_figure_becomes_too_small(released_home)
    script = tmp_path / "materialize.py"
    script.write_text(MATERIALIZE, encoding="utf-8")
    done = run_python(script, DAY.isoformat(), released_home)
    assert done.returncode == 9, done.stdout + done.stderr
    assert not (released_home.releases / f"campaign-day-{DAY}").exists()
    assert list(released_home.exports.glob(f"*/campaign-day-{DAY}")) == []
    (finding, *_) = json.loads(findings_file(released_home, DAY).read_text(encoding="utf-8"))
    assert finding["kind"] == "floor"
    said = finding["explanation"].encode()
    for path in released_home.dagster.rglob("*"):
        assert not path.is_file() or said not in path.read_bytes(), path
    assert said.decode() not in done.stdout + done.stderr


def unreleased(home: Home) -> None:
    """As before the first release: the ledger and what is published are gone together."""
    home.ledger.unlink()
    shutil.rmtree(home.published)


def smallest_protected_figure_becomes_too_small(home: Home) -> None:
    """A segment far below the floor is added to what protection left for publication."""
    path = home.working_file("protected", DAY)
    table = pq.read_table(path, partitioning=None)
    catalogue = load_catalogue(home.segments)
    counted = next(c for c in load_counted(home, DAY, catalogue) if c.people.sum() >= 60)
    known = set(table["segment_id"].to_pylist())
    small = next(
        catalogue.id(row)
        for row in range(len(catalogue))
        if catalogue.id(row) not in known and 0 < people_in(counted.people, catalogue, row) < 30
    )
    rows = table.to_pylist()
    rows.append({"campaign_id": counted.key.subject_id, "segment_id": small, "people": 50})
    order = {catalogue.id(row): row for row in range(len(catalogue))}
    rows.sort(key=lambda row: (row["campaign_id"], order[row["segment_id"]]))
    write_parquet(table.from_pylist(rows, schema=table.schema), path)


def people_in(people: NDArray[np.int64], catalogue: Catalogue, row: int) -> int:
    return int(people[np.ix_(*(group.leaves for group in catalogue.groups(row)))].sum())


def run_python(script: Path, day: str, home: Home) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script), day],
        env={**os.environ, "AUDIENCE_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=False,
    )
