"""A weaker promise takes effect once two logins have approved it, and not before."""

import json
from collections.abc import Callable
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from running import Done, call
from two_logins import ENGINEER, OFFICER, OTHER, ROLES, approve_by_two, login

from anonymizer.model.errors import ConfigurationError, Held
from anonymizer.model.policy import Policy
from anonymizer.release import settings_change
from anonymizer.release.acceptances import role_that_accepts
from anonymizer.release.ledger import RELEASE, Ledger
from anonymizer.release.public_ledger import read_public_ledger
from anonymizer.release.settings import Revision, SettingsTexts, applying, revisions
from anonymizer.release.settings_change import (
    _parts,
    record_settings,
    require_approved,
    roles_in_force,
)
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from cli.commands.init import create_home
from pipelines.resources.resources import Installation

WHY = ("--reason", "Small regencies are wanted.")
Text = Callable[[str], str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The default settings with an officer and an engineer, recorded, and a day released."""
    home = create_home(Home(tmp_path / "home"))
    monkeypatch.setenv("AUDIENCE_HOME", str(home.root))
    edit(home, "roles: {}", ROLES)
    record(home)
    Ledger.open(home.ledger).append(
        RELEASE, "campaign-day-2026-11-17", {"period": "2026-11-17", "files": {}}
    )
    return home


def edit(home: Home, old: str, new: str) -> None:
    text = home.policy.read_text(encoding="utf-8")
    assert old in text
    home.policy.write_text(text.replace(old, new, 1), encoding="utf-8")


def record(home: Home) -> Revision:
    return record_settings(home, Ledger.open(home.ledger), Secret.load(home.secret))


def secret_of(home: Home) -> Secret:
    return Secret.load(home.secret)


def approve(name: str, *words: str) -> Done:
    with login(name):
        return call("policy", "approve", *(words or WHY))


def held(home: Home) -> str:
    with pytest.raises(Held) as refused:
        record(home)
    assert refused.value.reason == "weaker_settings"
    return str(refused.value)


def test_a_weaker_promise_is_held_and_the_old_one_stays(home: Home) -> None:
    before = Ledger.open(home.ledger).entries()
    edit(home, "\n  k: 50", "\n  k: 30")
    said = held(home)
    assert "promise.k: 50 -> 30" in said
    assert "0 of 2 approvals" in said
    assert "audience policy approve" in said
    assert Ledger.open(home.ledger).entries() == before
    run = call("check-input", "--day", "2026-11-18")
    assert run.returncode == 4
    assert "weaker_settings" in run.stdout


def test_a_check_of_weaker_settings_says_that_runs_are_held(home: Home) -> None:
    assert "held" not in call("policy", "check").stdout
    edit(home, "\n  k: 50", "\n  k: 30")
    done = call("policy", "check")
    assert done.returncode == 0
    for said in ("promise.k: 50 -> 30", "Every run is held.", "audience policy approve --digest"):
        assert said in done.stdout
    for command in ("check", "approve"):
        found = json.loads(call("policy", command, "--json").stdout)
        assert found["weaker"] == [{"setting": "promise.k", "before": "50", "after": "30"}]
        assert (found["approvals"], found["needed"], found["held"]) == (0, 2, True)


def test_settings_are_checked_without_a_readable_ledger(home: Home) -> None:
    home.ledger.write_bytes(b"no ledger")
    done = call("policy", "check")
    assert done.returncode == 0
    assert "are valid" in done.stderr
    assert "They cannot be compared with the settings recorded last" in done.stderr
    found = json.loads(call("policy", "check", "--json").stdout)
    assert (found["valid"], found["held"]) == (True, None)


def test_where_no_login_has_a_role_no_approval_is_recommended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = create_home(Home(tmp_path / "bare"))
    monkeypatch.setenv("AUDIENCE_HOME", str(bare.root))
    record(bare)
    edit(bare, "\n  k: 50", "\n  k: 30")
    for command in ("check", "approve"):
        said = call("policy", command).stdout
        assert "0 of 2 logins may approve" in said
        assert "under roles in policy.yaml" in said
        assert "--digest" not in said


def test_two_logins_approve_it_and_it_applies_from_the_next_period(home: Home) -> None:
    edit(home, "\n  k: 50", "\n  k: 30")
    first = approve(ENGINEER)
    assert (first.returncode, "1 of 2 approvals" in first.stdout) == (0, True), first.stderr
    assert "1 of 2 approvals" in held(home)
    second = approve(OFFICER)
    assert (second.returncode, "They are approved" in second.stdout) == (0, True), second.stderr
    record(home)

    ledger = Ledger.open(home.ledger)
    known = revisions(ledger)
    floors = [
        revision.meaning().policy.promise.k
        for day in (17, 18)
        if (revision := applying(known, date(2026, 11, day)))
    ]
    assert floors == [50, 30]
    *_, one, two, settings = ledger.entries()
    assert settings.body["approvals"] == [one.sequence, two.sequence]
    assert [entry.body["by"] for entry in (one, two)] == [ENGINEER, OFFICER]
    assert [entry.body["role"] for entry in (one, two)] == ["data_engineer", "privacy_officer"]
    assert one.body["digest"] == two.body["digest"]
    assert one.body["weakened"] == ["promise.k"]
    assert one.body["at"][:2] == "20"


def test_two_privacy_officers_may_approve_and_two_engineers_may_not(home: Home) -> None:
    edit(home, ROLES, f"roles: {{privacy_officer: [{OFFICER}], data_engineer: [{OTHER}]}}")
    approve(ENGINEER)
    assert approve(OFFICER).returncode == 0
    record(home)  # another engineer: two logins have agreed to him
    edit(home, ROLES.split("data_engineer")[0], "roles: {privacy_officer: [daemon, nobody], ")
    edit(home, "\n  k: 50", "\n  k: 30")
    assert approve(ENGINEER).returncode == 2  # no role yet
    assert approve(OFFICER).returncode == 0
    assert approve(OTHER).returncode == 0
    record(home)
    edit(home, "\n  k: 30", "\n  k: 20")
    assert approve(ENGINEER).returncode == approve(OFFICER).returncode == 0
    assert record(home).meaning().policy.promise.k == 20


def test_two_engineers_are_not_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = create_home(Home(tmp_path / "home"))
    monkeypatch.setenv("AUDIENCE_HOME", str(home.root))
    logins = f"roles: {{privacy_officer: [{OFFICER}], data_engineer: [{ENGINEER}, {OTHER}]}}"
    edit(home, "roles: {}", logins)
    record(home)
    edit(home, "\n  k: 50", "\n  k: 30")
    assert approve(ENGINEER).returncode == 0
    refused = approve(OTHER)
    assert refused.returncode == 2
    assert "one of the two must have the role privacy_officer" in refused.stderr
    held(home)
    assert approve(OFFICER).returncode == 0
    record(home)


def test_one_login_approves_once(home: Home) -> None:
    edit(home, "\n  k: 50", "\n  k: 30")
    assert approve(OFFICER).returncode == 0
    again = approve(OFFICER)
    assert again.returncode == 2
    assert "this login has approved these settings" in again.stderr
    held(home)


def test_a_login_without_a_role_approves_nothing(home: Home) -> None:
    edit(home, "\n  k: 50", "\n  k: 30")
    before = Ledger.open(home.ledger).entries()
    refused = approve(OTHER)
    assert refused.returncode == 2
    assert "no role that may approve" in refused.stderr
    assert Ledger.open(home.ledger).entries() == before


def test_nobody_is_made_an_officer_by_the_change_that_is_approved(home: Home) -> None:
    """The roles that were recorded count, in approvals, acceptances and corrections."""
    edit(home, "\n  k: 50", "\n  k: 30")
    edit(
        home, ROLES, f"roles: {{privacy_officer: [{OTHER}], data_engineer: [{ENGINEER}, {OTHER}]}}"
    )
    assert approve(OTHER).returncode == 2
    said = held(home)
    assert "roles.privacy_officer: 1 login(s) -> 1 more" in said
    assert OTHER not in said
    ledger = Ledger.open(home.ledger)
    second = "campaign-day-2026-11-17~2"
    body = {"period": "2026-11-17", "files": {}, "corrects": second.removesuffix("~2")}
    ledger.append(RELEASE, second, {**body, "reason": "Births were wrong."})
    with login(OTHER):
        accepted = call("accept", "--day", "2026-11-18", *WHY)
        corrected = call("correct-release", second, "--approve", *WHY)
    assert accepted.returncode == 4
    assert "weaker_settings" in accepted.stderr
    with pytest.raises(ConfigurationError, match="has no role that may accept"):
        role_that_accepts(roles_in_force(ledger.entries(), Policy.load(home.policy).roles), OTHER)
    assert "does not have the role privacy_officer" in " ".join(corrected.stderr.split())
    assert len(ledger.entries()) == 3
    with login(OFFICER):
        assert call("correct-release", second, "--approve", *WHY).returncode == 0


def test_nobody_is_made_an_engineer_by_the_change_that_is_approved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = create_home(Home(tmp_path / "home"))
    monkeypatch.setenv("AUDIENCE_HOME", str(home.root))
    edit(home, "roles: {}", f"roles: {{privacy_officer: [{OFFICER}]}}")
    record(home)
    edit(home, "\n  k: 50", "\n  k: 30")
    edit(home, f"[{OFFICER}]}}", f"[{OFFICER}], data_engineer: [{OTHER}]}}")
    assert approve(OTHER).returncode == 2
    assert approve(OFFICER).returncode == 0
    held(home)


def test_removing_the_officers_makes_no_room_for_others(home: Home) -> None:
    """The list that names a login counts, however long ago it was recorded."""
    edit(home, ROLES, f"roles: {{data_engineer: [{ENGINEER}]}}")
    record(home)
    edit(home, "roles: {data", f"roles: {{privacy_officer: [{OTHER}], data")
    assert "roles.privacy_officer: 1 login(s) -> 1 more" in held(home)
    assert approve(OTHER).returncode == 2
    entries, today = Ledger.open(home.ledger).entries(), Policy.load(home.policy).roles
    assert roles_in_force(entries, today).of(OTHER) == ()
    assert roles_in_force(entries, today).of(OFFICER) == ("privacy_officer",)
    assert approve(OFFICER).returncode == approve(ENGINEER).returncode == 0
    record(home)


def test_removing_the_engineers_makes_no_room_either(home: Home) -> None:
    edit(home, ROLES, f"roles: {{privacy_officer: [{OFFICER}]}}")
    record(home)
    edit(home, f"[{OFFICER}]}}", f"[{OFFICER}, {OTHER}]}}")
    assert "0 of 2 approvals" in held(home)  # the engineer still counts: not one officer alone
    assert approve(OFFICER).returncode == 0
    held(home)
    assert approve(ENGINEER).returncode == 0
    record(home)


def test_roles_that_were_removed_with_approvals_decide_all_the_same(home: Home) -> None:
    edit(home, ROLES, "roles: {}")
    approve_by_two(home, Ledger.open(home.ledger), secret_of(home), name_roles=False)
    record(home)
    record(home)
    edit(home, "roles: {}", f"roles: {{privacy_officer: [{OTHER}], data_engineer: [{OTHER}]}}")
    held(home)
    assert approve(OTHER).returncode == 2


def test_two_who_decide_are_not_made_one_unseen(home: Home) -> None:
    edit(home, ROLES, f"roles: {{privacy_officer: [{OFFICER}, {OTHER}]}}")
    assert approve(OFFICER).returncode == approve(ENGINEER).returncode == 0
    record(home)
    edit(home, f"[{OFFICER}, {OTHER}]", f"[{OFFICER}], data_engineer: [{OFFICER}]")
    assert "roles" in held(home)


def test_an_officer_alone_names_a_second_login_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = create_home(Home(tmp_path / "home"))
    monkeypatch.setenv("AUDIENCE_HOME", str(home.root))
    edit(home, "roles: {}", f"roles: {{privacy_officer: [{OFFICER}]}}")
    record(home)
    edit(home, f"[{OFFICER}]}}", f"[{OFFICER}], data_engineer: [{ENGINEER}]}}")
    edit(home, "\n  k: 50", "\n  k: 30")
    assert "0 of 2 approvals" in held(home)
    edit(home, "\n  k: 30", "\n  k: 50")
    assert "0 of 1 approvals" in held(home)
    assert approve(ENGINEER).returncode == 2
    assert "They are approved" in approve(OFFICER).stdout
    record(home)
    edit(home, "\n  k: 50", "\n  k: 30")
    assert approve(ENGINEER).returncode == approve(OFFICER).returncode == 0
    assert record(home).meaning().policy.promise.k == 30


@pytest.fixture
def earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The default settings as a version recorded them that knew no approvals and no safeguards."""
    home = create_home(Home(tmp_path / "earlier"))
    monkeypatch.setenv("AUDIENCE_HOME", str(home.root))
    with monkeypatch.context() as patched:
        patched.setattr(settings_change, "_parts", parts_of_an_earlier_version)
        record(home)
    return home


def parts_of_an_earlier_version(*arguments: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    public, kept = _parts(*arguments)
    del public["approvals"]
    return public, kept


def test_the_first_run_after_an_upgrade_compares_no_safeguards(earlier: Home) -> None:
    """They may have changed long ago: what the files say then is where comparisons begin."""
    edit(earlier, "roles: {}", ROLES)
    edit(earlier, "private_days: 40", "private_days: 400")
    record(earlier)
    assert [entry.kind for entry in Ledger.open(earlier.ledger).entries()] == [
        "settings",
        "safeguards",
    ]
    edit(earlier, "private_days: 400", "private_days: 401")
    assert "retention.private_days: 400 -> 401" in held(earlier)


def test_the_first_run_after_an_upgrade_ends_it_though_nothing_was_changed(earlier: Home) -> None:
    record(earlier)
    edit(earlier, "private_days: 40", "private_days: 400")
    assert "retention.private_days" in held(earlier)


def test_an_upgrade_makes_no_promise_weaker(earlier: Home) -> None:
    edit(earlier, "private_days: 40", "private_days: 400")
    edit(earlier, "\n  k: 50", "\n  k: 30")
    said = held(earlier)
    assert "promise.k" in said
    assert "private_days" not in said
    segments = earlier.segments.read_text(encoding="utf-8")
    edit(earlier, "\n  k: 30", "\n  k: 50")
    earlier.segments.write_text(segments.replace("[books, buku]", "[books, x]"), encoding="utf-8")
    assert "interests.books.categories" in held(earlier)


def test_without_roles_nobody_can_approve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = create_home(Home(tmp_path / "home"))
    monkeypatch.setenv("AUDIENCE_HOME", str(home.root))
    record(home)
    edit(home, "\n  k: 50", "\n  k: 30")
    refused = approve(OFFICER)
    assert refused.returncode == 2
    assert "no login has the role privacy_officer" in refused.stderr
    edit(home, "roles: {}", ROLES)  # the first ones: naming them weakens nothing
    assert approve(ENGINEER).returncode == approve(OFFICER).returncode == 0
    assert record(home).meaning().policy.promise.k == 30


def test_what_is_edited_after_an_approval_needs_new_ones(home: Home) -> None:
    edit(home, "\n  k: 50", "\n  k: 30")
    assert approve(ENGINEER).returncode == 0
    edit(home, "\n  k: 30", "\n  k: 20")
    told = approve(OFFICER)
    assert "1 of 2 approvals" in told.stdout
    assert "promise.k: 50 -> 20" in held(home)
    edit(home, "\n  k: 20", "\n  k: 30")  # back to what the engineer has approved
    assert "1 of 2 approvals" in held(home)
    assert approve(OFFICER).returncode == 0
    edit(home, "threads: 2", "threads: 1")  # any setting at all
    held(home)
    edit(home, "threads: 1", "threads: 2")
    edit(home, "# Name of the publisher", "# The name of the publisher")  # a comment is no setting
    assert record(home).meaning().policy.promise.k == 30


def test_an_approval_is_not_used_twice(home: Home) -> None:
    edit(home, "\n  k: 50", "\n  k: 30")
    approve_by_two(home, Ledger.open(home.ledger), Secret.load(home.secret))
    record(home)
    edit(home, "\n  k: 30", "\n  k: 50")
    record(home)  # stronger again: nobody is asked
    edit(home, "\n  k: 50", "\n  k: 30")
    assert "0 of 2 approvals" in held(home)


def test_approvals_of_a_change_that_was_taken_back_are_used_up_by_the_next_run(home: Home) -> None:
    edit(home, "\n  k: 50", "\n  k: 30")
    approve_by_two(home, Ledger.open(home.ledger), secret_of(home))
    edit(home, "\n  k: 30", "\n  k: 50")
    record(home)
    edit(home, "\n  k: 50", "\n  k: 30")
    assert "0 of 2 approvals" in held(home)
    edit(home, "\n  k: 30", "\n  k: 50")
    before = Ledger.open(home.ledger).entries()
    record(home)
    assert Ledger.open(home.ledger).entries() == before


def test_what_is_recorded_is_what_was_compared(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files change while a run looks at them: it goes by what it has read first."""
    edit(home, "\n  k: 50", "\n  k: 60")
    read = SettingsTexts.in_force

    def then_changed(place: Home) -> SettingsTexts:
        texts = read(place)
        place.policy.write_text(texts.policy.replace("\n  k: 60", "\n  k: 30"))
        place.policy.write_text(
            place.policy.read_text().replace("private_days: 40", "private_days: 400")
        )
        return texts

    monkeypatch.setattr(SettingsTexts, "in_force", then_changed)
    assert record(home).meaning().policy.promise.k == 60
    entry = Ledger.open(home.ledger).entries()[-1]
    assert "private_days: 40\n" in entry.body["policy_text"]


def test_safeguards_that_change_meanwhile_are_not_recorded_unseen(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = SettingsTexts.in_force

    def then_changed(place: Home) -> SettingsTexts:
        texts = read(place)
        weaker = texts.policy.replace("private_days: 40\n", "private_days: 400\n")
        place.policy.write_text(weaker)
        return texts

    monkeypatch.setattr(SettingsTexts, "in_force", then_changed)
    record(home)
    assert "safeguards" not in [entry.kind for entry in Ledger.open(home.ledger).entries()]


def test_the_key_may_be_kept_elsewhere(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = home.root.parent / "key"
    home.secret.rename(elsewhere)
    monkeypatch.setenv("AUDIENCE_SECRET_FILE", str(elsewhere))
    edit(home, "\n  k: 50", "\n  k: 30")
    done = approve(OFFICER)
    assert done.returncode == 0, done.stderr


def test_an_approval_names_the_settings_that_were_read(home: Home) -> None:
    edit(home, "\n  k: 50", "\n  k: 30")
    listed = approve(OFFICER, "--digest", "")
    assert listed.returncode == 0
    assert "promise.k: 50 -> 30" in listed.stdout
    digest = listed.stdout.split("(digest ")[1].split(")")[0]
    edit(home, "\n  k: 30", "\n  k: 20")
    refused = approve(OFFICER, "--digest", digest, *WHY)
    assert refused.returncode == 2
    assert "not the ones with this digest" in refused.stderr
    edit(home, "\n  k: 20", "\n  k: 30")
    assert approve(OFFICER, "--digest", digest, *WHY).returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "setting"),
    [
        ("enabled: true", "enabled: false", "plausibility.enabled"),
        ("private_days: 40", "private_days: 400", "retention.private_days"),
        ("max_quarantined_share: 0.2", "max_quarantined_share: 1", "intake.max_quarantined_share"),
        (ROLES, "roles: {}", "roles"),
    ],
)
def test_settings_of_today_need_an_approval_too(
    home: Home, old: str, new: str, setting: str
) -> None:
    """They make no revision, and are recorded all the same, so that the next change is compared."""
    edit(home, old, new)
    assert f"{setting}:" in held(home)
    for name in (ENGINEER, OFFICER):
        assert approve(name).returncode == 0
    record(home)
    assert Ledger.open(home.ledger).entries()[-1].kind == "safeguards"
    assert len(revisions(Ledger.open(home.ledger))) == 1
    record(home)
    assert Ledger.open(home.ledger).entries()[-1].body["approvals"] == [3, 4]


def test_a_limit_that_was_raised_cannot_be_lowered_again_unseen(home: Home) -> None:
    edit(home, "min_visits_ratio: 0.5", "min_visits_ratio: 0.8")
    record(home)
    assert Ledger.open(home.ledger).entries()[-1].kind == "safeguards"
    edit(home, "min_visits_ratio: 0.8", "min_visits_ratio: 0.5")
    assert "plausibility.min_visits_ratio: 0.8 -> 0.5" in held(home)


def test_finer_segments_and_more_categories_need_an_approval(home: Home) -> None:
    text = home.segments.read_text(encoding="utf-8")
    home.segments.write_text(text.replace("[all, area, province, regency]", "[all, area]"))
    record(home)
    home.segments.write_text(text.replace("[books, buku]", "[books, pregnancy]"))
    said = held(home)
    assert "more groups" in said
    assert "interests.books.categories" in said
    assert approve(OFFICER).returncode == approve(ENGINEER).returncode == 0
    assert record(home).number == 3


def test_a_weaker_policy_does_not_come_in_by_migration(home: Home) -> None:
    old = home.policy.read_text(encoding="utf-8").replace("format: 2", "format: 1")
    old = old.replace("min_visits_ratio: 0.5", "fewest_visits: 0.1")
    home.policy.write_text(old.replace("\n  k: 50", "\n  k: 30"), encoding="utf-8")
    assert call("migrate").returncode == 0
    said = held(home)
    assert "promise.k: 50 -> 30" in said
    assert "plausibility.min_visits_ratio: 0.5 -> 0.1" in said


def test_recorded_settings_that_cannot_be_read_are_taken_for_stronger(
    home: Home, tmp_path: Path
) -> None:
    ledger = Ledger.open(tmp_path / "other.sqlite")
    segments = (files("anonymizer") / "defaults" / "segments.yaml").read_text()
    kept = {"policy_text": "promise: {wit: 3}\n", "segments_text": segments, "salt": "x"}
    ledger.append("settings", "settings-1", {"first_day": None, "digests": {}}, kept)
    with pytest.raises(Held, match="settings that this version does not read"):
        require_approved(home, ledger.entries())


def test_stronger_and_first_settings_need_no_approval(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(home, "\n  k: 50", "\n  k: 60")
    edit(home, "campaigns_per_person: 2", "campaigns_per_person: 1")
    assert record(home).number == 2
    assert Ledger.open(home.ledger).entries()[-1].body["approvals"] == []
    said = call("policy", "approve", *WHY)
    assert said.returncode == 2
    assert "nothing to approve" in said.stderr
    new = create_home(Home(tmp_path / "new"))
    edit(new, "\n  k: 50", "\n  k: 20")
    assert record(new).meaning().policy.promise.k == 20


def test_weeks_are_not_released_under_files_that_were_weakened_after_intake(home: Home) -> None:
    installation = Installation.of(home)
    installation.require_approved_settings()
    edit(home, "enabled: true", "enabled: false")
    with pytest.raises(Held, match=r"plausibility\.enabled"):
        installation.require_approved_settings()


def test_an_approval_says_publicly_what_and_why_and_not_who(home: Home) -> None:
    edit(home, "\n  k: 50", "\n  k: 30")
    approve_by_two(home, Ledger.open(home.ledger), Secret.load(home.secret))
    links = read_public_ledger(home.public_ledger)
    shown = [
        link.shown for link in links if link.shown and link.shown["kind"] == "settings_approval"
    ]
    assert len(shown) == 2
    assert set(shown[0]["body"]) == {"replaces", "role", "reason", "weakened"}
    for name in (OFFICER, ENGINEER):
        assert name not in home.public_ledger.read_text()


def test_the_history_says_that_runs_are_held(home: Home) -> None:
    edit(home, "\n  k: 50", "\n  k: 30")
    shown = call("policy", "history")
    assert "every run is held" in " ".join(shown.stderr.split())


PARTS = """
campaign_parts:
  - from_day: {day}
    column: {column}
    parts:
      mobile: {{english: Mobile, indonesian: Ponsel, values: [mobile]}}
"""


def test_parts_of_campaigns_need_approval_and_begin_after_what_is_released(home: Home) -> None:
    """What visits of released days counted for is part of weeks that are still to come."""
    text = home.policy.read_text(encoding="utf-8")
    released, free = date(2026, 11, 17), date(2026, 11, 18)
    assert "campaign_parts: []" in text
    for begins, passes in ((released, False), (free, True)):
        rule = PARTS.format(day=begins, column="device")
        home.policy.write_text(text.replace("campaign_parts: []", rule), encoding="utf-8")
        assert "campaign_parts: 0 rule(s) -> 1 new or changed" in held(home)
        done = approve(OFFICER)
        if passes:
            assert done.returncode == approve(ENGINEER).returncode == 0
            assert record(home).first_day == free
            continue
        assert done.returncode == 4, "nobody approves what no run could record"
        assert f"let new rules begin on {free} or later" in " ".join(done.stderr.split())
    # One that has not begun may be taken back: that makes nothing weaker.
    home.policy.write_text(text, encoding="utf-8")
    assert record(home).number == 3


NEEDED = "purposes: [use, disclosure, advertising_cookies]"


def without_interests(home: Home) -> None:
    text = home.segments.read_text(encoding="utf-8")
    head, found, _ = text.partition("\ninterests:\n")
    assert found
    home.segments.write_text(f"{head}\ninterests: {{}}\n", encoding="utf-8")


def test_parts_by_category_and_interests_exclude_each_other(home: Home) -> None:
    """Everybody in a part has viewed products of an interest; no proof compares the two."""
    edit(home, "purposes: [use, disclosure]", NEEDED)
    rule = PARTS.format(day=date(2027, 1, 1), column="product_category")
    edit(home, "campaign_parts: []", rule)
    done = call("policy", "check")
    assert done.returncode == 2
    assert "interests: {} or no rule by product_category" in " ".join(done.stderr.split())
    with pytest.raises(ConfigurationError, match="no proof compares them"):
        record(home)
    without_interests(home)
    assert call("policy", "check").returncode == 0


@pytest.mark.parametrize("lacked", ["consent", "no interests"])
def test_parts_by_category_begin_in_a_week_and_month_whose_settings_fit(
    lacked: str, home: Home
) -> None:
    """A period is counted by the settings of its first day, its later days too.

    From 18 November on settings apply that lack one thing alone, and 2 December is released.
    """

    def consented() -> None:
        edit(home, "purposes: [use, disclosure]", NEEDED)

    def apart() -> None:
        without_interests(home)

    first, last = (apart, consented) if lacked == "consent" else (consented, apart)
    first()
    record(home)
    ledger = Ledger.open(home.ledger)
    ledger.append(RELEASE, "campaign-day-2026-12-02", {"period": "2026-12-02", "files": {}})
    last()
    text = home.policy.read_text(encoding="utf-8")

    def by_category(begins: date) -> None:
        rule = PARTS.format(day=begins, column="product_category")
        home.policy.write_text(text.replace("campaign_parts: []", rule), encoding="utf-8")

    allowed = date(2027, 1, 1)
    for day in (date(2026, 12, 3), date(2026, 12, 6), date(2026, 12, 7), date(2026, 12, 31)):
        by_category(day)
        done = approve(OFFICER)
        assert done.returncode == 4, day
        assert f"let it begin on {allowed} or later" in " ".join(done.stderr.split())
    for day in (allowed, date(2027, 1, 2)):
        by_category(day)
        assert approve(OFFICER).returncode == approve(ENGINEER).returncode == 0
        record(home)


def test_parts_by_category_may_begin_at_once_where_consent_was_needed_before(home: Home) -> None:
    edit(home, "purposes: [use, disclosure]", NEEDED)
    without_interests(home)
    record(home)
    ledger = Ledger.open(home.ledger)
    for day in range(18, 31):
        ledger.append(RELEASE, f"campaign-day-2026-11-{day}", {"period": f"2026-11-{day}"})
    for day in range(1, 17):
        ledger.append(RELEASE, f"campaign-day-2026-12-{day:02}", {"period": f"2026-12-{day:02}"})
    rule = PARTS.format(day=date(2026, 12, 17), column="product_category")
    edit(home, "campaign_parts: []", rule)
    assert approve(OFFICER).returncode == approve(ENGINEER).returncode == 0
    record(home)
