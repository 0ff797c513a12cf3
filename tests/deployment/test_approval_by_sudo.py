"""`deploy/audience-approve`: a second login approves in a home that its owner alone can read."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from demonstration import ROOT
from two_logins import ENGINEER, OFFICER, OTHER, ROLES

from anonymizer.model.composed_segments import ComposedSegment
from anonymizer.release.ledger import RELEASE, Ledger
from anonymizer.release.segment_decisions import segment_states
from anonymizer.release.settings_change import record_settings
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from cli.commands.init import create_home
from portal.segment_requests import SegmentRequests
from portal.user_accounts import UserAccount

SCRIPT = ROOT / "deploy" / "audience-approve"
OWNER = "daemon"
WHY = ("--reason", "Small regencies are wanted.")
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="takes the rights of another account, as sudo gives them",
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that every account can enter, unlike those of pytest."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def home(folder: Path) -> Home:
    """Settings with an officer and an engineer, recorded, and weaker ones in the file."""
    home = create_home(Home(folder / "home"))
    text = home.policy.read_text(encoding="utf-8").replace("roles: {}", ROLES)
    home.policy.write_text(text, encoding="utf-8")
    record_settings(home, Ledger.open(home.ledger), Secret.load(home.secret))
    home.policy.write_text(text.replace("\n  k: 50", "\n  k: 30"), encoding="utf-8")
    return home


def installed(folder: Path, program: str, home: Path) -> Path:
    """The script with the paths of an installation of its own."""
    (folder / "environment").write_text(
        f'# of the service\nAUDIENCE_HOME="{home}"\n\nPYTHONPATH={ROOT}\n', encoding="utf-8"
    )
    (folder / "program").write_text(program, encoding="utf-8")
    (folder / "program").chmod(0o755)
    text = SCRIPT.read_text(encoding="utf-8")
    for name, before in (
        ("environment", "/etc/audience/environment"),
        ("program", "/opt/audience/.venv/bin/audience"),
    ):
        assert text.count(before) == 1
        text = text.replace(before, str(folder / name))
    script = folder / "audience-approve"
    script.write_text(text, encoding="utf-8")
    script.chmod(0o755)
    return script


def called(script: Path, login: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """As sudo calls it, with a variable that the caller has set."""
    number = str(pwd.getpwnam(login).pw_uid)
    environment = {"PATH": os.environ["PATH"], "SUDO_UID": number, "AUDIENCE_HOME": "/elsewhere"}
    return subprocess.run(
        [script, *words], capture_output=True, text=True, check=False, env=environment
    )


def audience() -> str:
    return f"#!{sys.executable}\nfrom cli.main import main\nmain()\n"


@pytest.mark.alternate("officers and their logins")
def test_two_logins_approve_in_a_home_that_they_cannot_read(folder: Path, home: Home) -> None:
    script = installed(folder, audience(), home.root)
    listed = called(script, OFFICER)
    assert listed.returncode == 0, listed.stderr
    assert "promise.k: 50 -> 30" in listed.stdout
    digest = listed.stdout.split("(digest ")[1].split(")")[0]
    assert called(script, OTHER if pwd.getpwnam(OTHER).pw_uid else "bin", *WHY).returncode == 2
    for login in (OFFICER, ENGINEER):
        done = called(script, login, "--digest", digest, *WHY)
        assert done.returncode == 0, done.stderr
    record_settings(home, Ledger.open(home.ledger), Secret.load(home.secret))
    entries = Ledger.open(home.ledger).entries()
    assert [entry.body["by"] for entry in entries[1:3]] == [OFFICER, ENGINEER]
    assert home.ledger.stat().st_mode & 0o777 == 0o600


@pytest.mark.alternate("officers and their logins")
def test_a_correction_is_approved_by_the_caller(folder: Path, home: Home) -> None:
    home.policy.write_text(home.policy.read_text().replace("\n  k: 30", "\n  k: 50"))
    ledger, first = Ledger.open(home.ledger), "campaign-day-2026-11-17"
    body = {"period": "2026-11-17", "files": {}}
    ledger.append(RELEASE, first, body)
    ledger.append(RELEASE, f"{first}~2", {**body, "corrects": first, "reason": "Births."})
    script = installed(folder, audience(), home.root)
    assert called(script, ENGINEER, f"{first}~2", *WHY).returncode == 2
    done = called(script, OFFICER, *WHY, f"{first}~2")
    assert done.returncode == 0, done.stderr
    assert Ledger.open(home.ledger).entries()[-1].body["by"] == OFFICER


@pytest.mark.alternate("two logins decide")
def test_two_logins_decide_on_a_requested_segment(folder: Path, home: Home) -> None:
    home.policy.write_text(home.policy.read_text().replace("\n  k: 30", "\n  k: 50"))
    segment = ComposedSegment.parse("male:60-64+70-74:all", "here")
    account = UserAccount("nina", "ad_ops", ("maju",))
    requests = [SegmentRequests(home.segment_requests).add(account, segment) for _ in range(2)]
    script, why = installed(folder, audience(), home.root), ("--reason", "It is wanted.")
    rejected = called(script, ENGINEER, "--segment", requests[0].id, "--reject", *why)
    assert rejected.returncode == 0, rejected.stderr
    for login in (ENGINEER, OFFICER):
        done = called(script, login, *why, "--segment", requests[1].id)
        assert done.returncode == 0, done.stderr
    assert "men_60_64_or_70_74" in home.segments.read_text(encoding="utf-8")
    states = segment_states(Ledger.open(home.ledger).entries())
    assert [states[one.id].standing for one in requests] == ["rejected", "approved"]


def test_the_rights_are_those_of_the_owner_and_the_name_is_the_callers(folder: Path) -> None:
    place = folder / "place"
    place.mkdir(mode=0o700)
    owner = pwd.getpwnam(OWNER)
    os.chown(place, owner.pw_uid, owner.pw_gid)
    shown = "-e ^Uid: -e ^Gid: -e ^Groups: -e ^CapEff: -e ^NoNewPrivs: /proc/self/status"
    script = installed(folder, f"#!/usr/bin/env -S grep -h -s {shown}\n", place)
    said = [line.split() for line in called(script, ENGINEER).stdout.splitlines()]
    found = {words[0]: words[1:] for words in said}
    caller, of_owner = str(pwd.getpwnam(ENGINEER).pw_uid), str(owner.pw_uid)
    assert found["Uid:"] == [caller, of_owner, of_owner, of_owner]
    assert found["Gid:"] == [str(owner.pw_gid)] * 4
    assert found["Groups:"] == []
    assert int(found["CapEff:"][0], 16) == 0
    assert found["NoNewPrivs:"] == ["1"]


@pytest.mark.parametrize(
    "words",
    [
        ("--home", "/tmp"),
        ("--home=/tmp", *WHY),
        ("--cancel", "campaign-day-2026-11-17", *WHY),
        ("campaign-day-2026-11-17",),
        ("campaign-day-2026-11-17", "campaign-day-2026-11-18", *WHY),
        ("campaign-day-2026-11-17", "--digest", "0", *WHY),
        ("--reason",),
        ("--segment", "../raw", *WHY),
        ("--segment", "0123456789ab", "--reject"),
        ("--segment", "0123456789ab", "--digest", "0", *WHY),
        ("--reject", *WHY),
        ("--segment", "", *WHY),
        ("--digest", "", *WHY),
        ("--reason", ""),
        ("", *WHY),
        ("--segments", *WHY),
        ("--segments", "--segment", "0123456789ab"),
        ("--segments", "--whatif"),
        ("--segments", "--reject"),
        ("--segments", "--k", "20"),
        ("--days", *WHY),
        ("--days", "--whatif"),
        ("--days", "--day", "2026-11-17"),
        ("--day",),
        ("--day", "", *WHY),
        ("--day", "--home", *WHY),
        ("--day", "2026-11-17/..", *WHY),
        ("--day", "2026-11-17", "--reject", *WHY),
        ("--day", "2026-11-17", "--digest", "--home", *WHY),
        ("--day", "2026-11-17", "--segment", "0123456789ab", *WHY),
        ("--day", "2026-11-17", "campaign-day-2026-11-17", *WHY),
        ("--k", "20"),
        ("--whatif", *WHY),
        ("--whatif", "--digest", "0"),
        ("--whatif", "campaign-day-2026-11-17"),
        ("--whatif", "--chart", "/tmp/page.html"),
        ("--whatif", "--home", "/tmp"),
        ("--whatif", "--k", ""),
        ("--whatif", "--k"),
        ("--whatif", "--k", "20 --home=/tmp"),
        ("--whatif", "--k", "20,k"),
        ("--whatif", "--rounding", "5\n6"),
        ("--whatif", "--inference-k", "--home"),
        ("--whatif", "--period", "2026-11-17/.."),
        ("--whatif", "--period", "-1"),
        ("--whatif", "--add-segment", "--home=/tmp"),
        ("--whatif", "--add-segment", "male:all:/tmp"),
        ("--whatif", "--add-segment", "male:all:$HOME"),
    ],
)
def test_nothing_else_is_passed_on(folder: Path, words: tuple[str, ...]) -> None:
    script = installed(folder, "#!/bin/echo passed on\n", folder)
    done = called(script, OFFICER, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("audience-approve: ")


@pytest.mark.parametrize(
    ("words", "passed"),
    [
        (("--segments",), "segment-request list"),
        (("--segment", "0123456789ab"), "segment-request show 0123456789ab"),
        (("--whatif",), "whatif"),
        (("--days",), "accept"),
        (("--day", "2026-11-17"), "accept --day=2026-11-17"),
        (
            ("--reason", "A holiday.", "--day", "2026-11-17", "--digest", "0f"),
            "accept --day=2026-11-17 --digest=0f --reason=A holiday.",
        ),
        (
            ("--k", "20,50", "--whatif", "--inference-k", "10,k", "--period", "2026-W44"),
            "whatif --k=20,50 --inference-k=10,k --period=2026-W44",
        ),
        (
            ("--whatif", "--add-segment", "all:75+:31.71", "--add-segment", "male:under_40:all"),
            "whatif --add-segment=all:75+:31.71 --add-segment=male:under_40:all",
        ),
    ],
)
def test_what_officers_read_is_passed_on(folder: Path, words: tuple[str, ...], passed: str) -> None:
    script = installed(folder, "#!/bin/echo\n", folder)
    done = called(script, OFFICER, *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split(" ", 1)[1] == f"{passed}\n"


@pytest.mark.alternate("two logins decide")
def test_officers_list_requests_and_try_settings_in_a_home_that_they_cannot_read(
    folder: Path, home: Home
) -> None:
    segment = ComposedSegment.parse("male:60-64+70-74:all", "here")
    account = UserAccount("nina", "ad_ops", ("maju",))
    request = SegmentRequests(home.segment_requests).add(account, segment)
    script = installed(folder, audience(), home.root)
    listed = called(script, OFFICER, "--segments")
    assert listed.returncode == 0, listed.stderr
    assert request.id in listed.stdout
    refused = called(script, OTHER if pwd.getpwnam(OTHER).pw_uid else "bin", "--whatif")
    assert "has no role that may approve" in refused.stderr
    tried = called(script, OFFICER, "--whatif", "--k", "20")
    assert "has no role" not in tried.stderr
    assert "release" in tried.stderr, "nothing was released in this home"


@pytest.mark.parametrize("number", ["", "0", "1 --euid 0", "daemon"])
def test_without_a_login_it_refuses(folder: Path, number: str) -> None:
    script = installed(folder, "#!/bin/echo passed on\n", folder)
    done = subprocess.run(
        [script, *WHY],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "SUDO_UID": number},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "names no login" in done.stderr
