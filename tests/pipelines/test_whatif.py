"""Settings tried in memory: what they would publish, for those who may approve settings."""

import hashlib
import json
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from running import Done, call
from two_logins import ENGINEER, OFFICER, OTHER, ROLES, login

from anonymizer.model.composed_segments import ComposedSegment
from anonymizer.model.segments import load_catalogue
from anonymizer.storage.home import Home

pytestmark = pytest.mark.alternate("what a setting would change")

FIRST, SECOND = "2026-11-01", "2026-11-02"
ADDED = "all:25-29+30-34+35-39:31+32"


@pytest.fixture
def home(released_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Three released days, and settings that name an officer and an engineer."""
    monkeypatch.setenv("AUDIENCE_HOME", str(released_home.root))
    text = released_home.policy.read_text(encoding="utf-8")
    assert "roles: {}" in text
    released_home.policy.write_text(text.replace("roles: {}", ROLES), encoding="utf-8")
    return released_home


def whatif(*words: str | Path, name: str = OFFICER) -> Done:
    with login(name):
        return call("whatif", *words)


def tried(*words: str) -> dict[str, Any]:
    done = whatif(*words, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def published(home: Home, day: str) -> int:
    table = pq.read_table(home.releases / f"campaign-day-{day}" / "figures.parquet")
    return table["status"].to_pylist().count("published")


def digests(home: Home) -> Mapping[str, str]:
    return {
        str(path.relative_to(home.root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.root.rglob("*"))
        if path.is_file()
    }


def test_only_who_may_approve_settings_reads_it(home: Home) -> None:
    refused = whatif("--k", "20", name=OTHER)
    assert refused.returncode == 2
    assert "audience whatif" in refused.stderr
    assert "roles.privacy_officer or roles.data_engineer" in refused.stderr
    assert not refused.stdout
    assert whatif("--period", FIRST, name=ENGINEER).returncode == 0


def test_without_an_officer_it_says_where_to_name_one(home: Home) -> None:
    text = home.policy.read_text(encoding="utf-8")
    home.policy.write_text(text.replace(ROLES, "roles: {}"), encoding="utf-8")
    refused = whatif("--k", "20")
    assert refused.returncode == 2
    assert "list the logins in roles: privacy_officer of policy.yaml" in refused.stderr


def test_it_changes_nothing_and_the_recorded_settings_give_what_was_released(home: Home) -> None:
    before = digests(home)
    found = tried("--k", "20,100", "--period", SECOND)
    assert digests(home) == before
    assert found["releases"] == [f"campaign-day-{SECOND}"]
    recorded, *others = found["settings"]
    assert recorded["recorded"]
    assert recorded["k"] == 50
    assert recorded["published"] == published(home, SECOND)
    assert found["notes"] == []
    by_k = {one["k"]: one for one in others}
    assert by_k[20]["published"] > recorded["published"] > by_k[100]["published"]
    assert by_k[20]["weaker"] == ["promise.k: 50 -> 20"]
    assert by_k[100]["weaker"] == []
    for one in found["settings"]:
        assert one["published"] + one["suppressed"] == one["segments"]
        assert sum(one["reasons"].values()) == one["segments"]
        assert one["published"] <= one["publishable"]
        assert one["in_detail"] <= one["covered"] <= one["people"]
        assert one["largest_error"] <= one["error_bound"]
        assert f"at least {one['k']} people" in one["promise"]


def test_it_says_what_a_run_under_the_setting_publishes(
    home: Home, sample_world: Home, tmp_path: Path
) -> None:
    """The first day has no history, so that a home with other settings is comparable."""
    other = Home(shutil.copytree(sample_world.root, tmp_path / "other", symlinks=True))
    text = other.policy.read_text(encoding="utf-8")
    assert "\n  rounding: 10" in text
    changed = text.replace("\n  k: 50", "\n  k: 30").replace("\n  rounding: 10", "\n  rounding: 5")
    other.policy.write_text(changed, encoding="utf-8")
    done = call("run", "--from", FIRST, "--to", FIRST, "--home", other.root)
    assert done.returncode == 0, done.stderr
    found = tried("--k", "30", "--rounding", "5", "--period", FIRST)
    assert found["settings"][1]["published"] == published(other, FIRST)


def test_added_segments_are_counted_and_what_they_cost_is_listed(home: Home) -> None:
    found = tried("--add-segment", ADDED, "--period", FIRST)
    (effect,) = found["added_segments"]
    catalogue = load_catalogue(home.segments)
    segment = ComposedSegment.parse(ADDED, "here")
    ages = {"25-29", "30-34", "35-39"}
    regions = {code for code in catalogue.dimensions[2].leaves if code.startswith(("31.", "32."))}
    rows = pq.read_table(
        home.private / "reach" / f"day={FIRST}.parquet", partitioning=None
    ).to_pylist()
    for one in effect["added"]:
        people = sum(
            row["people"]
            for row in rows
            if row["subject_id"] == one["subject"]
            and row["age_band"] in ages
            and row["region"] in regions
        )
        assert one["people"] == people
        assert one["segment"] == segment.code(catalogue.dimensions)
        assert (one["published"] is not None) == (one["reason"] == "kept")
    assert any(one["published"] for one in effect["added"])
    assert effect["figures"] == published(home, FIRST)
    assert len(effect["lost"]) <= effect["figures"]


def test_a_segment_of_the_catalogue_is_refused(home: Home) -> None:
    for text in ("male:under_40:all", "male:18-20+21-24+25-29+30-34+35-39:"):
        done = whatif("--add-segment", text)
        assert done.returncode == 2
        assert "already in the catalogue as men_under_40" in done.stderr


def test_values_that_are_no_setting_are_named(home: Home) -> None:
    found = tried("--k", "5,20", "--rounding", "25", "--period", FIRST)
    assert [(one["k"], one["rounding"]) for one in found["settings"]] == [(50, 10)]
    assert len(found["notes"]) == 2
    assert "k 20, rounding 25" in found["notes"][1]
    assert "must not exceed k" in found["notes"][1]
    for words, said in (
        (("--k", "many"), "'many' is not a whole number"),
        (("--series", "campaign-year"), "no release is of the series 'campaign-year'"),
        (("--period", "2026-11-20"), "nothing is released for 2026-11-20"),
        (("--k", ",".join(map(str, range(20, 120)))), "ask for at most 60 at once"),
    ):
        refused = whatif(*words)
        assert refused.returncode == 2, words
        assert said in refused.stderr


def test_the_page_is_its_owners_alone_and_never_in_the_published_folder(
    home: Home, tmp_path: Path
) -> None:
    page = tmp_path / "tried.html"
    done = whatif("--k", "100", "--period", FIRST, "--chart", page)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    text = page.read_text(encoding="utf-8")
    assert "k 100, rounding 10, inference_k 10" in text
    assert text.count("<svg") == 12
    assert "<script" not in text
    assert "http" not in text
    link = tmp_path / "link.html"
    link.symlink_to(home.policy)
    for wrong in (page, link, home.published / "tried.html", tmp_path / "none" / "tried.html"):
        refused = whatif("--period", FIRST, "--chart", wrong)
        assert refused.returncode == 2, wrong
        assert "--chart" in refused.stderr
    assert not (home.published / "tried.html").exists()


def test_the_table_says_which_setting_needs_an_approval(home: Home) -> None:
    done = whatif("--k", "20", "--inference-k", "k", "--period", FIRST)
    assert done.returncode == 0, done.stderr
    assert "weaker: needs two approvals" in done.stdout
    assert "recorded" in done.stdout
    assert "private counts" in done.stderr
