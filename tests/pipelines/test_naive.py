"""`audience compare-naive`: a plain HAVING discloses small groups, the release does not."""

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from itertools import product

import pyarrow.parquet as pq
import pytest
from running import call

from anonymizer.model.segments import load_catalogue
from anonymizer.storage.home import Home

Audience = Callable[..., subprocess.CompletedProcess[str]]
K = 50


@pytest.fixture(scope="module")
def compared(released_world: Home) -> dict[str, object]:
    done = call("compare-naive", "--json", "--home", released_world.root)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_the_plain_having_publishes_every_segment_of_k_people(
    released_home: Home, compared: dict[str, object]
) -> None:
    assert isinstance(naive := compared["naive"], dict)
    assert naive["figures"] == sum(
        people >= K for day in (1, 2, 3) for people in plain_counts(released_home, day).values()
    )


def test_it_discloses_small_groups_and_the_release_none(compared: dict[str, object]) -> None:
    naive, released = compared["naive"], compared["released"]
    assert isinstance(naive, dict)
    assert isinstance(released, dict)

    assert naive["small"] >= naive["exact"] > 0
    assert 0 < naive["tables"] <= compared["tables"]
    assert released["figures"] == compared["both"] > 0
    assert released["small"] == released["exact"] == released["tables"] == 0


def test_the_table_says_the_same(
    released_home: Home, compared: dict[str, object], audience: Audience
) -> None:
    done = audience("compare-naive")

    assert isinstance(naive := compared["naive"], dict)
    assert f"{naive['figures']:,}" in done.stdout
    assert f"{compared['both']:,} segments have a figure in both." in done.stdout


@pytest.mark.alternate("words of commands")
def test_releases_are_read_with_the_settings_that_they_were_made_with(
    released_home: Home, compared: dict[str, object], audience: Audience
) -> None:
    released_home.segments.write_text("cross_tables: {age: [all]}\n")
    policy = released_home.policy.read_text()
    assert policy.count("inference_k: 10") == 1
    released_home.policy.write_text(policy.replace("inference_k: 10", "inference_k: 0"))

    done = audience("compare-naive", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == compared


def test_without_counts_there_is_nothing_to_compare(
    released_home: Home, audience: Audience
) -> None:
    shutil.rmtree(released_home.private / "reach")
    done = audience("compare-naive")
    assert done.returncode == 0, done.stderr
    assert "nothing to compare" in done.stdout


def plain_counts(home: Home, day: int) -> dict[tuple[str, int], int]:
    """People of every campaign and segment, added up row by row."""
    catalogue = load_catalogue(home.segments)
    holders = [
        {leaf: [n for n, g in enumerate(axis.groups) if position in g.leaves]
         for position, leaf in enumerate(axis.leaves)}
        for axis in catalogue.dimensions
    ]  # fmt: skip
    rows = {tuple(cell): row for row, cell in enumerate(catalogue.cells.tolist())}
    counts: dict[tuple[str, int], int] = {}
    reach = pq.read_table(home.working_file("reach", date(2026, 11, day)), partitioning=None)
    for row in reach.to_pylist():
        values = (row["gender"], row["age_band"], row["region"])
        for cell in product(*(of[value] for of, value in zip(holders, values, strict=True))):
            if cell in rows:
                key = row["subject_id"], rows[cell]
                counts[key] = counts.get(key, 0) + row["people"]
    return counts
