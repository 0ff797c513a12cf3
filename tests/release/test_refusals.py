"""What cannot be read, written or decided is refused with its reason; nothing is left behind."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from release_world import DAY, SECRET, checked, facts, release, release_longer

from anonymizer.model.errors import Busy, ConfigurationError, Held, LedgerBroken, NoSpace
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.release import publication
from anonymizer.release.ledger import Ledger, _explain
from anonymizer.release.public_ledger import PublicLedger, write_public_ledger
from anonymizer.release.publication import publish, released
from anonymizer.release.settings import SETTINGS, SettingsTexts, refuse_lost_ledger
from anonymizer.release.settings_change import recorded_roles, roles_in_force
from anonymizer.storage.home import Home

OFFICERS = "roles: {privacy_officer: [ayu, budi]}\n"


@pytest.fixture
def history(tmp_path: Path) -> Ledger:
    """An empty ledger."""
    return Ledger.open(tmp_path / "ledger.sqlite")


class ServerError(Exception):
    """What a driver of PostgreSQL raises."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("postgresql://user:secret@host")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        *((state, LedgerBroken) for state in (None, "08006", "28P01", "3D000", "57P01", "22P02")),
        *((state, Busy) for state in ("40001", "55P03", "42P07")),
        *((state, NoSpace) for state in ("53100", "42501", "58030", "25006")),
    ],
)
def test_each_state_of_a_server_has_its_remedy_and_repeats_no_address(
    state: str | None, kind: type[Exception]
) -> None:
    found = _explain(sa.exc.DBAPIError("SELECT 1", {}, ServerError(state)))
    assert type(found) is kind
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("database is locked", Busy),
        ("database or disk is full", NoSpace),
        ("attempt to write a readonly database", NoSpace),
        ("file is not a database", LedgerBroken),
    ],
)
def test_each_error_of_sqlite_has_its_remedy(said: str, kind: type[Exception]) -> None:
    found = _explain(sa.exc.DBAPIError("SELECT 1", {}, sqlite3.OperationalError(said)))
    assert type(found) is kind


def test_a_ledger_that_cannot_be_made_is_no_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full)
        with pytest.raises(NoSpace, match="the ledger"):
            ledger.append("release", "a", {})
    assert list(tmp_path.iterdir()) == []


def test_a_release_that_finds_no_room_leaves_nothing(
    home: Home, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(publication, "write_contents", _full)
        with pytest.raises(NoSpace, match="published"):
            publish(checked(), facts(), home, ledger, SECRET)
    assert not list(home.published.rglob("*.parquet"))
    assert not list((home.published / ".staging" / "releases").glob("*"))
    assert ledger.entries() == ()
    assert publish(checked(), facts(), home, ledger, SECRET).release.number == 1


def _full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_the_release_in_force_is_found_while_its_folder_is_there(home: Home) -> None:
    ledger, period = Ledger.open(home.ledger), Period.of("day", DAY)
    assert released(home, ledger, SECRET, "campaign", period) is None
    made = release(home)
    found = released(home, ledger, SECRET, "campaign", period)
    assert found
    assert found.already_released
    assert found.release.id == made.release.id
    (home.releases / made.release.id).rename(home.root / "elsewhere")
    assert released(home, ledger, SECRET, "campaign", period) is None


def test_a_week_is_not_judged_without_a_day_that_was_released_and_is_lost(home: Home) -> None:
    made = release(home)
    shutil.rmtree(home.releases / made.release.id)
    with pytest.raises(Held, match=f"release_lost: .*{made.release.id}"):
        release_longer(home)


def test_no_new_ledger_begins_beside_releases(home: Home, history: Ledger) -> None:
    release(home)
    home.public_ledger.unlink()
    refuse_lost_ledger(home, Ledger.open(home.ledger).entries())
    with pytest.raises(LedgerBroken, match=r"the ledger is missing while 1 release\(s\)"):
        refuse_lost_ledger(home, history.entries())


def test_the_public_ledger_takes_no_entry_and_loses_what_a_killed_process_left(home: Home) -> None:
    release(home)
    path = home.public_ledger
    left = path.with_name(f".{path.name}.1.tmp")
    left.write_bytes(b"{")
    before = path.read_bytes()
    assert write_public_ledger(Ledger.open(home.ledger), home) == path
    assert not left.exists()
    public = PublicLedger(path)
    with pytest.raises(LedgerBroken, match="only the public part"):
        public.append("release", "another", {})
    assert path.read_bytes() == before
    assert str(home.root) not in repr(public)


def test_settings_that_cannot_be_read_are_all_named(home: Home) -> None:
    with pytest.raises(ConfigurationError) as refused:
        SettingsTexts.in_force(home)
    assert [fault.place.rpartition("/")[2] for fault in refused.value.faults] == [
        "policy.yaml",
        "segments.yaml",
    ]


def test_whoever_a_recorded_text_names_decides_though_the_rest_of_it_is_not_read(
    history: Ledger,
) -> None:
    record(history, OFFICERS + "a_setting_of_a_later_version: 1\n")
    roles = recorded_roles(history.entries())
    assert roles.of("ayu") == roles.of("budi") == ("privacy_officer",)


@pytest.mark.parametrize(
    "text", ["roles: [", "only words", "roles: {privacy_officer: 3}\nunknown: 1\n"]
)
def test_a_recorded_text_that_is_no_policy_makes_nobody_an_officer(
    history: Ledger, text: str
) -> None:
    record(history, OFFICERS)
    record(history, text)
    assert recorded_roles(history.entries()).of("ayu") == ("privacy_officer",)
    assert recorded_roles(history.entries()[1:]).logins == {}


def test_more_officers_decide_only_when_they_are_recorded(history: Ledger) -> None:
    """But for a ledger of a version that recorded no safeguards: there the file names the first."""
    record(history, OFFICERS)
    today = Policy.parse("roles: {privacy_officer: [ayu, budi, cici]}\n").roles
    assert roles_in_force(history.entries(), today).of("cici") == ()
    assert roles_in_force(history.entries(), today).of("ayu") == ("privacy_officer",)
    history.append(SETTINGS, "earlier", {}, {"policy_text": OFFICERS, "segments_text": ""})
    assert roles_in_force(history.entries(), today).of("cici") == ("privacy_officer",)


def record(ledger: Ledger, policy: str) -> None:
    """An entry of settings, as a run makes it."""
    number = len(ledger.entries())
    texts = {"policy_text": policy, "segments_text": ""}
    ledger.append(SETTINGS, f"settings {number}", {}, texts | {"approvals": []})
