"""Suppressed segments of a release: what anyone is told, and what the privileged role is."""

import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from anonymizer.model.errors import Held
from anonymizer.model.segments import Catalogue, load_catalogue
from anonymizer.model.subjects import name_of
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_release
from anonymizer.storage.home import Home
from pipelines.resources.release_history import catalogue_of

Audience = Callable[..., subprocess.CompletedProcess[str]]
DAY = "2026-11-01"
_LINE = re.compile(
    r"^(.+) \[(.+?)\] is suppressed; (.+?)\.(?: Reason: .* \((threshold|near|inference)\)\.)?$"
)


@pytest.fixture
def campaign(released_home: Home) -> str:
    return max(figures(released_home), key=lambda one: len(figures(released_home)[one]))


def figures(home: Home) -> dict[str, dict[str, int]]:
    """Published people by campaign and segment."""
    found: dict[str, dict[str, int]] = {}
    table = pq.read_table(home.releases / f"campaign-day-{DAY}" / "figures.parquet")
    for row in table.to_pylist():
        if row["status"] == "published":
            found.setdefault(row["subject_id"], {})[row["segment_id"]] = row["people"]
    return found


def true_people(home: Home, campaign: str, catalogue: Catalogue, code: str) -> int:
    """People of a segment, from the rows of reach."""
    groups = catalogue.groups(catalogue.positions[code])
    wanted = [
        {axis.leaves[leaf] for leaf in group.leaves}
        for axis, group in zip(catalogue.dimensions, groups, strict=True)
    ]
    rows = pq.read_table(
        home.working_file("reach", date.fromisoformat(DAY)),
        partitioning=None,
    ).to_pylist()
    return sum(
        row["people"]
        for row in rows
        if row["subject_id"] == campaign
        and all(row[n] in w for n, w in zip(("gender", "age_band", "region"), wanted, strict=True))
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str | None]]:
    assert done.returncode == 0, done.stderr
    lines = [_LINE.match(line) for line in done.stdout.splitlines()]
    return {line[2]: (line[3], line[4]) for line in lines if line}


def test_every_suppressed_named_segment_gets_the_nearest_published_one(
    released_home: Home, campaign: str, audience: Audience
) -> None:
    catalogue = load_catalogue(released_home.segments)
    published = figures(released_home)[campaign]
    named = {segment.id for segment in catalogue.named.values()}
    said = told(audience("suppressed", "--campaign", campaign, "--day", DAY))

    assert set(said) == named - set(published)
    assert said
    for code, (around, reason) in said.items():
        assert reason is None
        inside = atoms(catalogue, code)
        wider = [other for other in published if inside <= atoms(catalogue, other)]
        if not wider:
            assert around == "no coarser segment is published"
            continue
        best = min(wider, key=lambda o: (len(atoms(catalogue, o)), catalogue.positions[o]))
        assert f"[{best}], {published[best]:,} people" in around


def atoms(catalogue: Catalogue, code: str) -> set[int]:
    groups = catalogue.groups(catalogue.positions[code])
    grid = np.arange(np.prod(catalogue.shape)).reshape(catalogue.shape)
    return set(grid[np.ix_(*(group.leaves for group in groups))].ravel().tolist())


def test_reasons_are_told_on_request_and_are_true(
    released_home: Home, campaign: str, audience: Audience
) -> None:
    catalogue = load_catalogue(released_home.segments)
    said = told(audience("suppressed", "--campaign", campaign, "--day", DAY, "--reasons"))

    assert said
    for code, (_, reason) in said.items():
        people = true_people(released_home, campaign, catalogue, code)
        if people < 50:
            assert reason in {"threshold", "near"}
        if people >= 55:
            assert reason in {"near", "inference"}


def test_segments_that_are_asked_for(
    released_home: Home, campaign: str, audience: Audience
) -> None:
    published = next(iter(figures(released_home)[campaign]))
    asked = ("suppressed", "--campaign", campaign, "--day", DAY)
    one = audience(*asked, "--segment", "male:75+:31.71", "--segment", published)

    assert set(told(one)) == {"male:75+:31.71"}
    assert (
        "None of these segments is suppressed." in audience(*asked, "--segment", published).stdout
    )


def test_a_campaign_is_named_as_in_the_other_commands(
    released_home: Home, campaign: str, audience: Audience
) -> None:
    release = load_release(released_home, Ledger.open(released_home.ledger), f"campaign-day-{DAY}")
    names = {subject.id: name_of(subject).english for subject in release.subjects}
    by_id = audience("suppressed", "--campaign", campaign, "--day", DAY)
    for written in (names[campaign], names[campaign].upper()):
        assert audience("suppressed", "--campaign", written, "--day", DAY).stdout == by_id.stdout
    several = audience("suppressed", "--campaign", "e", "--day", DAY)
    assert several.returncode == 2
    assert f"{campaign} ({names[campaign]})" in several.stderr


def test_what_there_is_not_is_a_mistake(
    released_home: Home, campaign: str, audience: Audience
) -> None:
    for arguments, problem in (
        (("--campaign", campaign, "--day", "2026-12-24"), "nothing is released for 2026-12-24"),
        (("--campaign", "nobody", "--day", DAY), f"no campaign of {DAY} is called 'nobody'"),
        (("--campaign", campaign, "--day", DAY, "--segment", "men_on_mars"), "no segment"),
    ):
        done = audience("suppressed", *arguments)
        assert done.returncode == 2
        assert problem in done.stderr


def test_without_working_data_anybody_is_told_and_reasons_are_held(
    released_home: Home, campaign: str, audience: Audience
) -> None:
    shutil.rmtree(released_home.private)
    asked = ("suppressed", "--campaign", campaign, "--day", DAY)

    assert told(audience(*asked))
    assert audience(*asked, "--reasons").returncode == 4


def test_segments_that_have_changed_since_are_those_of_the_release(
    released_home: Home, campaign: str, audience: Audience
) -> None:
    asked = ("suppressed", "--campaign", campaign, "--day", DAY, "--reasons")
    before = told(audience(*asked))
    released_home.segments.write_text("cross_tables: {age: [all]}\n")

    assert told(audience(*asked)) == before


def test_segments_that_nothing_keeps_are_held(released_home: Home, tmp_path: Path) -> None:
    ledger = Ledger.open(released_home.ledger)
    release = load_release(released_home, ledger, ledger.releases()[0].subject)
    keeps_none = Ledger.open(tmp_path / "none.sqlite")
    catalogue_of(released_home, keeps_none, release)
    released_home.segments.write_text("cross_tables: {age: [all]}\n")

    with pytest.raises(Held, match="segments_changed"):
        catalogue_of(released_home, keeps_none, release)
