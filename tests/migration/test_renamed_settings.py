"""Earlier names of settings: each is told, and a file gets the present ones and keeps the rest."""

from pathlib import Path

import pytest
import yaml

from anonymizer.model.errors import ConfigurationError
from anonymizer.model.policy import Policy
from anonymizer.model.renamed_settings import (
    FORMAT,
    RENAMED,
    migrated,
    present,
    require_present,
)

NAME = "policy.yaml"
OLD = """\
# Ours.

# Who publishes.
provider: Example  # a name: fewest_days
plausibility:
  wider: 3.0        # we ship late on Mondays
  share_changes: {late: 0.2, guest: 0.3}

  # fewest_days, as agreed
  fewest_days: 4
retention: {closed_years: 4}
"""
NEW = """\
# Ours.

# Which names the settings below have. `audience migrate` brings an older file to this format.
format: 2

# Who publishes.
provider: Example  # a name: fewest_days
plausibility:
  other_weekdays_factor: 3.0        # we ship late on Mondays
  max_share_change_by_reason: {late: 0.2, guest: 0.3}

  # fewest_days, as agreed
  min_days: 4
retention: {closed_years: 4}
"""


def test_every_setting_has_its_present_name_and_no_other() -> None:
    plain = Policy().model_dump()
    for path, now in RENAMED.items():
        section = plain
        for part in path[:-1]:
            section = section[part]
        assert now in section, now
        assert path[-1] not in section, path


def test_names_change_and_nothing_else_does() -> None:
    done = migrated(OLD, NAME)
    assert done.text == NEW
    assert done.changes == (
        "line 6: plausibility.wider is now plausibility.other_weekdays_factor",
        "line 7: plausibility.share_changes is now plausibility.max_share_change_by_reason",
        "line 10: plausibility.fewest_days is now plausibility.min_days",
        "format: 2 is stated",
    )
    assert Policy.parse(NEW).plausibility.min_days == 4


def test_a_migrated_text_is_left_alone() -> None:
    assert migrated(NEW, NAME).changes == ()
    assert migrated(NEW, NAME).text == NEW
    require_present(NEW, NAME, "")


def test_what_audience_init_wrote_of_the_names_is_corrected_too() -> None:
    text = (
        "plausibility:\n"
        "  # A day is compared with the same weekdays of so many weeks before; with fewer than "
        "fewest_days of\n"
        "  # these, with all days before, with limits that are `wider` times as wide.\n"
        "  fewest_days: 3\n"
    )
    done = migrated(text, NAME).text
    assert "fewest_days" not in done
    assert "wider`" not in done
    assert len(done.splitlines()) == len(text.splitlines()) + 3  # the format


@pytest.mark.parametrize(
    "text",
    [
        'plausibility: {"fewest_days":4,wider: 2.5}',
        "{plausibility: {'fewest_days': 4}}",
        "---\nplausibility:\n  ? fewest_days\n  : 4\n",
        "plausibility:\r\n  fewest_days: 4  # ours\r\nprovider: Example\r\n",
        "plausibility: &shared\n  fewest_days: 4\n",
        "format: 1\nplausibility:\n  fewest_days: 4\n",
        "plausibility: {<<: {fewest_days: 4}}\n",
        "# ours\nplausibility:\n  fewest_days: 4",
        "provider: 'fewest_days: 4'\nplausibility: {fewest_days: 4}\n",
    ],
)
def test_files_of_any_layout_keep_what_they_say(text: str) -> None:
    done = migrated(text, NAME).text
    before, after = yaml.safe_load(text), yaml.safe_load(done)
    assert after.pop("format") == FORMAT
    before.pop("format", None)
    assert {**after, "plausibility": None} == {**before, "plausibility": None}
    assert list(after["plausibility"].values()) == list(before["plausibility"].values())
    assert after["plausibility"]["min_days"] == 4
    assert ("\r\n" in done) == ("\r\n" in text)
    assert done.count("\r") == done.count("\r\n")
    assert ("# ours" in done) == ("# ours" in text)
    assert migrated(done, NAME).changes == ()


def test_a_setting_with_both_names_is_for_its_owner_to_decide() -> None:
    text = "plausibility:\n  wider: 2.0\n  other_weekdays_factor: 3.0\n"
    with pytest.raises(ConfigurationError) as refused:
        migrated(text, NAME)
    (fault,) = refused.value.faults
    assert fault.place == "policy.yaml:2 plausibility.wider"
    assert fault.remedy == "remove one of them"


@pytest.mark.parametrize("text", ["a: [", "", "- 1\n"])
def test_what_cannot_be_read_is_refused_and_kept(text: str) -> None:
    with pytest.raises(ConfigurationError):
        migrated(text, NAME)
    assert present(text) == text
    require_present(text, NAME, "")  # whoever reads it says what is wrong


def test_a_name_that_cannot_be_replaced_in_place_is_not_guessed() -> None:
    with pytest.raises(ConfigurationError, match="cannot be migrated line by line"):
        migrated('plausibility: {"fewest\\u005fdays": 4}\n', NAME)


@pytest.mark.parametrize("stated", [FORMAT + 1, 10])
def test_a_newer_file_is_refused_whatever_else_it_has(tmp_path: Path, stated: int) -> None:
    text = f"provider: Example\nformat: {stated}\nplausibility: {{wider: 2.0}}\n"
    told = f"this home has format {stated}, and this program reads up to {FORMAT}"
    for refuse in (
        lambda: migrated(text, NAME),
        lambda: require_present(text, NAME, ""),
        lambda: Policy.parse(text),
    ):
        with pytest.raises(ConfigurationError, match=told):
            refuse()


def test_an_older_format_without_earlier_names_is_raised() -> None:
    text = "format: 1  # ours\nprovider: Example\n"
    with pytest.raises(ConfigurationError, match="the present format is 2"):
        require_present(text, NAME, "")
    with pytest.raises(ConfigurationError, match="audience migrate"):
        Policy.parse(text)
    assert migrated(text, NAME).text == "format: 2  # ours\nprovider: Example\n"


@pytest.mark.parametrize("path", RENAMED)
def test_a_reader_of_the_policy_is_told_the_present_name(path: tuple[str, ...]) -> None:
    section, key = path
    with pytest.raises(ConfigurationError) as refused:
        Policy.parse(f"{section}:\n  {key}: 1\n")
    (fault,) = refused.value.faults
    assert fault.place == f"policy.yaml:2 {section}.{key}"
    assert fault.problem == f"this setting is now called {section}.{RENAMED[path]}"
    assert fault.remedy == "run: audience migrate"


def test_the_format_bears_on_no_figure() -> None:
    assert Policy.parse("format: 2\n").digest == Policy.parse("provider: Example Company\n").digest
