"""What a demo prints at its end is counted right, and its commands can be typed."""

import csv
import re
import shlex
import sys
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from demonstration import ROOT
from rich.console import Console
from running import call

from anonymizer.model.segments import load_catalogue
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from cli import demo_report
from cli.commands.init import create_home
from cli.demo_accounts import add_demo_accounts, mark_demo
from cli.demo_report import print_demo
from portal.account_store import AccountStore
from portal.passwords import fits, hashed
from portal.user_accounts import UserAccount

DAYS = [date(2026, 11, 1) + timedelta(days=number) for number in range(3)]


@pytest.mark.alternate("words of commands")
def test_a_demo_ends_with_what_is_published_and_what_to_type_next(
    released_home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    print_demo(released_home)
    said = capsys.readouterr().out
    named = {segment.id for segment in load_catalogue(released_home.segments).named.values()}
    rows = [
        row
        for path in released_home.exports.glob("*/campaign-day-*/*.csv")
        for row in csv.DictReader(path.open(encoding="utf-8-sig", newline=""))
        if row["segment_id"] in named
    ]
    published = sum(row["status"] == "published" for row in rows)
    assert 0 < published < len(rows)
    assert f"Named     {published:,} of {len(rows):,} named segments" in said
    assert "Released  3 days: " in said
    assert re.search(r"^Possible  [\d,]+ of [\d,]+ segments with enough people", said, re.MULTILINE)
    assert f"Rows      {equation_of(released_home)}. A day's run also reads" in said
    commands = [line.strip() for line in said.splitlines() if line.startswith("  audience ")]
    assert len(commands) == 9
    servers = {"audience portal", "audience ui"}
    assert servers < set(commands)
    for command in commands:
        if command not in servers and "--last week" not in command:  # no week has ended
            typed = command.replace("$AUDIENCE_HOME", str(released_home.root))
            done = call(*shlex.split(typed)[1:])
            assert done.returncode == 0, (command, done.stderr)
    for page in re.findall(r"docs/[\w-]+\.md", said):
        assert (ROOT / page).exists(), page


def equation_of(home: Home) -> str:
    """What became of all rows of the days, by the ledger."""
    bodies = [entry.body for entry in Ledger.open(home.ledger).releases()]
    visits = [body["rows"]["visits"] for body in bodies if "rows" in body]
    assert len(visits) == len(DAYS)
    read, counted, duplicates = (
        sum(one[name] for one in visits) for name in ("read", "counted", "duplicates")
    )
    excluded, quarantined = (
        sum(sum(one[name].values()) for one in visits) for name in ("excluded", "quarantined")
    )
    assert read == counted + excluded + quarantined + duplicates
    others = sum(one["excluded"].get("other_day", 0) for one in visits)
    return (
        f"{read:,} visits read = {counted:,} counted + {others:,} of other days + "
        f"{excluded - others:,} excluded (no campaign, guest, consent, age ...) + "
        f"{quarantined:,} quarantined + {duplicates:,} duplicates"
    )


@pytest.mark.parametrize("width", [60, 80, 120])
def test_on_a_terminal_nothing_but_a_path_or_a_command_is_wider(
    released_home: Home, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(demo_report, "out", lambda: Console(width=width))
    monkeypatch.setattr(demo_report, "say", lambda text: lines.extend(text.split("\n")))
    print_demo(released_home)
    wide = [line for line in lines if len(line) > width]
    assert all(re.match(r"  audience |  export |  \. ", line) or "/" in line for line in wide)
    assert not [line for line in lines if "audience " in line and len(line) > 80]
    words = " ".join(" ".join(lines).split())
    assert "for late arrivals, so each folder is read twice; no visit is counted twice." in words


@pytest.mark.parametrize("awake", [True, False])
def test_the_shell_is_prepared_as_far_as_it_is_not(
    released_home: Home,
    awake: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix if awake else "/elsewhere")
    monkeypatch.chdir(sys.prefix)
    print_demo(released_home)
    said = capsys.readouterr().out
    activates = "  . bin/activate\n" in said
    assert activates == (not awake and Path("bin/activate").exists())
    assert f"  export AUDIENCE_HOME={shlex.quote(str(released_home.root))}\n" in said


@pytest.mark.alternate("words of commands")
def test_a_home_that_a_demo_made_gets_accounts_once(
    released_home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    print_demo(released_home)
    assert "Accounts of the portal" not in capsys.readouterr().out
    store = AccountStore(released_home.portal_accounts)
    assert not store.exists, "a home that no demo made"
    mark_demo(released_home)
    print_demo(released_home)
    section = capsys.readouterr().out.partition("Accounts of the portal (docs/portal.md)\n")[2]
    logins, password, command = (line.split() for line in section.splitlines()[:3])
    accounts = {one.login: one for one in store.accounts()}
    assert {login.strip(",") for login in logins[1:]} == set(accounts)
    assert set(accounts) == {"ad-ops", "advertiser", "analyst", "officer"}
    assert command == ["audience", "portal"]
    assert all(fits(password[1], store.password_of(login)) for login in accounts)
    every, one = (accounts[login].scope for login in ("ad-ops", "advertiser"))
    assert every
    assert one
    assert len(every) > len(one) == 1
    assert set(one) < set(every)
    assert every == sorted(path.name for path in released_home.exports.glob("[!_]*"))
    assert accounts["analyst"].scope is None
    assert accounts["officer"].role == "privacy_officer"
    print_demo(released_home)
    assert "Accounts of the portal" not in capsys.readouterr().out


@pytest.mark.alternate("words of commands")
def test_a_demo_that_was_killed_takes_over_its_own_accounts_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    mark_demo(home)
    store, real = AccountStore(home.portal_accounts), hashed("a real password")
    store.add(UserAccount("analyst", "analyst"), real)
    first = add_demo_accounts(home, ["adv-01"])
    assert first
    assert first.logins == ("ad-ops", "advertiser", "officer")
    assert first.password not in (home.portal / "demo").read_text()
    store.set_password("officer", real)
    store.remove("advertiser")
    store.add(UserAccount("advertiser", "ad_ops", ("adv-02",)), real)
    second = add_demo_accounts(home, ["adv-01"])  # the first one was killed here
    third = add_demo_accounts(home, ["adv-01"])
    assert second
    assert third
    assert second.logins == third.logins == ("ad-ops",)
    assert fits(third.password, store.password_of("ad-ops"))
    kept = {store.password_of(login) for login in ("analyst", "officer", "advertiser")}
    assert kept == {real}


def test_where_every_login_is_taken_none_is_shown(
    released_home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    mark_demo(released_home)
    store = AccountStore(released_home.portal_accounts)
    for login in ("ad-ops", "advertiser", "analyst", "officer"):
        store.add(UserAccount(login, "analyst"), "hash")
    print_demo(released_home)
    assert "Accounts of the portal" not in capsys.readouterr().out
    assert {store.password_of(one.login) for one in store.accounts()} == {"hash"}
    assert not (released_home.portal / "demo").exists()


def test_a_home_that_was_there_before_the_demo_gets_no_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = create_home(Home(tmp_path / "made"))
    nothing = SimpleNamespace(codes=[])
    monkeypatch.setattr("cli.demo_home.has_visits", lambda _: True)
    monkeypatch.setattr("cli.demo_home.missing_days", lambda _: [])
    monkeypatch.setattr("cli.demo_home.run_landed_periods", lambda _: nothing)
    monkeypatch.setattr("cli.demo_home.print_demo", lambda _: None)
    for home, is_demo in ((made, False), (Home(tmp_path / "new"), True)):
        assert call("demo", "--home", home.root).returncode == 0
        assert (home.portal / "demo").exists() == is_demo
