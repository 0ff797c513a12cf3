"""Statements, figures and exports are found by the same filters, and can be read by a program."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from release_world import SECRET
from running import Done, call

from anonymizer.exports.withdrawal import withdraw
from anonymizer.model.errors import ConfigurationError
from anonymizer.model.periods import Period
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from cli.selection import Selection

Audience = Callable[..., Done]


@pytest.fixture
def home(all_series: Home) -> Home:
    """Two days, and the week and month around them."""
    return all_series


@pytest.fixture
def audience(home: Home, tmp_path: Path) -> Audience:
    def run(*words: str) -> Done:
        at = ("--home", str(home.root))
        return call(*words, *at, folder=tmp_path, without=("AUDIENCE", "DAGSTER"))

    return run


def read(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_statements_are_those_of_the_campaign_advertiser_segment_and_period(
    audience: Audience,
) -> None:
    by_name = read(audience("statements", "--campaign", "spring sale", "--last", "day", "--json"))
    assert {row["campaign_id"] for row in by_name} == {"spring"}
    assert {row["period"] for row in by_name} == {"2026-11-23"}
    owners = read(audience("statements", "--advertiser", "jaya", "--last", "week", "--json"))
    assert {row["campaign_id"] for row in owners} == {"autumn"}
    assert {row["period"] for row in owners} == {"2026-W47"}
    named = audience("statements", "--segment", "men_under_40", "--day", "2026-11-22")
    lines = named.stdout.splitlines()
    assert len(lines) == 2
    assert all("men under 40 accessed" in line for line in lines)
    month = read(audience("statements", "--period", "2026-11", "--json", "--limit", "0"))
    assert {row["release"] for row in month} >= {"campaign-month-2026-11", "audience-month-2026-11"}


def test_without_a_period_statements_are_of_the_newest_release_that_has_any(
    audience: Audience,
) -> None:
    newest = read(audience("statements", "--json"))
    assert {row["release"] for row in newest} == {"audience-month-2026-11"}
    campaign = read(audience("statements", "--campaign", "autumn", "--json"))
    assert {row["release"] for row in campaign} == {"campaign-month-2026-11"}


def test_statements_and_segments_in_indonesian(audience: Audience) -> None:
    said = audience("statements", "--campaign", "spring", "--last", "day", "--language", "id")
    assert "pria di bawah 40 tahun mengakses tautan iklan Spring Sale pada 23 November 2026" in (
        said.stdout
    )
    figures = audience("figures", "--segment", "men_under_40", "--language", "id")
    assert "pria di bawah 40 tahun" in figures.stdout
    assert audience("statements", "--language", "fr").returncode == 2


def test_figures_of_the_newest_week_and_of_one_period(audience: Audience) -> None:
    week = read(audience("figures", "--last", "week", "--json"))
    assert {row["period"] for row in week} == {"2026-W47"}
    assert {"people_least", "people_most", "release_id"} <= week[0].keys()
    day = read(audience("figures", "--period", "2026-11-22", "--campaign", "Spring", "--json"))
    assert {row["period"] for row in day} == {"2026-11-22"}
    assert {row["subject_id"] for row in day} == {"spring"}
    suppressed = [row for row in day if row["status"] == "suppressed"]
    assert suppressed
    assert all(row["people"] is None for row in suppressed)


def test_a_misspelled_name_is_answered_with_the_closest_by_every_command(
    audience: Audience,
) -> None:
    for command in ("statements", "figures", "exports"):
        refused = audience(command, "--segment", "men_under_45")
        assert refused.returncode == 2
        assert "--segment: no segment is called 'men_under_45' (the closest is" in refused.stderr
        assert "men_under_40 (men under 40)" in refused.stderr


def test_the_list_of_figures_begins_with_the_newest_named_segments(audience: Audience) -> None:
    """A list that is cut off keeps what a reader asks for first."""
    first = audience("figures", "--campaign", "Spring", "--last", "day", "--limit", "8").stdout
    assert "everyone" in first
    assert "men_under_40" in first
    assert "all:18-20" not in first
    days = audience("figures", "--every", "day", "--limit", "5").stdout
    assert "2026-11-23" in days
    assert "2026-11-22" not in days


def test_exports_with_a_figure_of_what_is_asked_for(audience: Audience) -> None:
    def found(*words: str) -> set[tuple[str, str]]:
        rows = read(audience("exports", *words, "--json"))
        return {(row["advertiser"], row["release"]) for row in rows}

    assert found("--campaign", "Autumn Sale", "--every", "day") == {
        ("jaya", "campaign-day-2026-11-22"),
        ("jaya", "campaign-day-2026-11-23"),
    }
    assert found("--advertiser", "pt maju", "--last", "day") == {
        ("maju", "campaign-day-2026-11-23")
    }
    assert found("--segment", "women_makassar") == {("_all", "audience-month-2026-11")}
    assert found("--from", "2026-11-23", "--to", "2026-11-23") == {
        ("maju", "campaign-day-2026-11-23"),
        ("jaya", "campaign-day-2026-11-23"),
    }


def test_names_that_fit_nothing_are_refused_with_those_that_exist(audience: Audience) -> None:
    for command in ("statements", "exports", "figures"):
        for option, name, exists in (
            ("--campaign", "winter", "spring (Spring Sale)"),
            ("--advertiser", "nobody", "maju (PT Maju)"),
            ("--segment", "martians", "men"),
        ):
            done = audience(command, option, name)
            assert done.returncode == 2, (command, option)
            assert f"'{name}'" in done.stderr
            assert exists in done.stderr, (command, option)
    assert (
        "no figures are published for 2026-10-01"
        in audience("statements", "--day", "2026-10-01").stderr
    )


def test_a_withdrawn_export_is_listed_and_says_nothing(home: Home, tmp_path: Path) -> None:
    copy = Home(shutil.copytree(home.root, tmp_path / "copy"))
    withdraw("campaign-day-2026-11-23", "Wrong", copy, Ledger.open(copy.ledger), SECRET)
    at = ("--home", str(copy.root), "--json")
    said = read(call("statements", "--campaign", "spring", "--last", "day", *at))
    assert {row["period"] for row in said} == {"2026-11-22"}
    listed = read(call("exports", "--advertiser", "maju", "--day", "2026-11-23", *at))
    assert [row["notice"] for row in listed] == ["withdrawn"]


@pytest.mark.parametrize("width", ["40", "80", "200"])
@pytest.mark.parametrize("command", ["exports", "figures", "segments", "ledger list"])
def test_nothing_is_cut_off_in_a_pipe_whatever_the_width(
    audience: Audience, monkeypatch: pytest.MonkeyPatch, command: str, width: str
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    done = audience(*command.split())
    if command == "segments":  # needs a home with settings
        return
    assert done.returncode == 0, done.stderr
    assert "…" not in done.stdout
    if command == "exports":
        assert "campaign-month-2026-11" in done.stdout


def test_last_stands_alone() -> None:
    with pytest.raises(ConfigurationError, match="--last"):
        Selection(last="week", period=Period("day", date(2026, 11, 22)))
    with pytest.raises(ConfigurationError, match="--last"):
        Selection(last="week", every="day")
