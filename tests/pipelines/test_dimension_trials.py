"""What an added dimension costs, told before it is enabled; and that enabling it does just that."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from running import Done, call
from two_logins import ENGINEER, OFFICER, OTHER, ROLES, login

from anonymizer.storage.home import Home

FIRST = "2026-11-01"
CATEGORIES = "product_category=food+sports:all,gender"
ENABLED = """
added_dimensions:
  product_category:
    series: [campaign-day]
    cross_tables: [[], [gender]]
    interests: [food, sports]
"""


@pytest.fixture
def home(released_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Three released days, and settings that name an officer and an engineer."""
    monkeypatch.setenv("AUDIENCE_HOME", str(released_home.root))
    text = released_home.policy.read_text(encoding="utf-8")
    released_home.policy.write_text(text.replace("roles: {}", ROLES), encoding="utf-8")
    return released_home


def whatif(*words: str | Path, name: str = OFFICER) -> Done:
    with login(name):
        return call("whatif", *words)


def costs(*words: str) -> list[dict[str, Any]]:
    done = whatif(*words, "--period", FIRST, "--json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["added_dimensions"]
    return found


def files(home: Home) -> dict[str, bytes]:
    return {
        str(path.relative_to(home.root)): path.read_bytes()
        for path in sorted(home.root.rglob("*"))
        if path.is_file()
    }


def test_a_cost_is_told_in_private_and_changes_nothing(home: Home) -> None:
    before = files(home)
    by_device, by_category = costs("--dimension", "device", "--dimension", CATEGORIES)
    assert files(home) == before
    rows = pq.read_table(
        home.private / "reach" / f"day={FIRST}.parquet", partitioning=None
    ).to_pylist()
    people = sum(row["people"] for row in rows)
    for cost in (by_device, by_category):
        assert not cost["refused"]
        assert sum(one["people"] for one in cost["values"]) == people
        assert all(one["published"] <= one["publishable"] for one in cost["values"])
        assert cost["lost"] <= cost["figures"]
        assert min(cost["seconds"], cost["seconds_with"]) > 0
    # The sample world states no devices: everybody's is another one.
    values = {one["value"]: one["people"] for one in by_device["values"]}
    assert values == {"mobile": 0, "desktop": 0, "tablet": 0, "other": people}
    assert [one["value"] for one in by_category["values"]] == ["food", "sports", "other"]
    assert any(one["published"] for one in by_category["values"])
    refused = whatif("--dimension", "device", name=OTHER)
    assert refused.returncode == 2
    assert "roles.privacy_officer" in refused.stderr
    told = whatif("--dimension", "device", "--period", FIRST, name=ENGINEER)
    assert "figures by device would be published" in told.stdout
    assert "private counts" in told.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("income", "'income' cannot be added: only device and product_category can"),
        ("device:province+area", "--dimension"),
        ("product_category=credit", "'credit' is not an interest"),
    ],
)
def test_what_cannot_be_added_is_refused(home: Home, text: str, said: str) -> None:
    refused = whatif("--dimension", text, "--period", FIRST)
    assert refused.returncode == 2
    assert said in refused.stderr


def test_enabling_it_publishes_what_was_told(
    home: Home, sample_world: Home, tmp_path: Path
) -> None:
    """The first day has no history, so that a home with the dimension is comparable."""
    (cost,) = costs("--dimension", CATEGORIES)
    other = Home(shutil.copytree(sample_world.root, tmp_path / "other", symlinks=True))
    text = other.segments.read_text(encoding="utf-8")
    other.segments.write_text(text + ENABLED, encoding="utf-8")
    done = call("run", "--from", FIRST, "--to", FIRST, "--home", other.root)
    assert done.returncode == 0, done.stderr
    folder = other.releases / f"campaign-day-{FIRST}"
    rows = pq.read_table(folder / "figures.parquet").to_pylist()
    published = [row for row in rows if row["status"] == "published"]
    added = [row for row in published if "product_category=" in row["segment_id"]]
    assert len(added) == sum(one["published"] for one in cost["values"])
    kept = cost["figures"] - cost["lost"] + cost["gained"]
    assert len(published) - len(added) == kept
    held = json.loads((folder / "release.json").read_text())
    assert held["format"] == 5
    verified = call("verify", "--home", other.root)
    assert verified.returncode == 0, verified.stderr
    # The released days of the home without it are as they were.
    own = pq.read_table(home.releases / f"campaign-day-{FIRST}" / "segments.parquet")
    assert "product_category" not in own.column_names
