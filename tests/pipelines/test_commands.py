"""The command line: what it makes, what it refuses, and how it says so."""

import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from running import start

from anonymizer.model.version import code_version
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from cli import main as cli
from cli.demo_home import world_in_the_past
from cli.period_runs import stretches
from data_samples.options import WorldOptions

Audience = Callable[..., subprocess.CompletedProcess[str]]
CANARY = "canary-5d@example.invalid"


@pytest.fixture
def new_home(tmp_path: Path, audience: Audience) -> Home:
    home = Home(tmp_path / "home")
    assert audience("init", "--home", home.root).returncode == 0
    return home


def test_init_makes_commented_settings_and_a_private_key(
    new_home: Home, audience: Audience
) -> None:
    assert stat.S_IMODE(new_home.secret.stat().st_mode) == 0o600
    for path in (new_home.policy, new_home.segments):
        assert path.read_text().count("#") > 5
        assert yaml.safe_load(path.read_text())
    assert audience("policy", "check", "--home", new_home.root).returncode == 0


def test_init_overwrites_nothing(new_home: Home, audience: Audience) -> None:
    before = {path: path.read_bytes() for path in new_home.root.iterdir() if path.is_file()}
    done = audience("init", "--home", new_home.root)

    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert before == {path: path.read_bytes() for path in before}


def test_policy_check_lists_the_mistakes_of_both_files(new_home: Home, audience: Audience) -> None:
    new_home.policy.write_text("promise: {k: 3, rounding: 0}\n")
    new_home.segments.write_text("named: {one: {english: a, indonesian: b, user_id: 7}}\n")
    done = audience("policy", "check", "--home", new_home.root)

    assert done.returncode == 2
    for place in ("promise.k", "promise.rounding", "named.one"):
        assert place in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_as_json(new_home: Home, audience: Audience) -> None:
    at = ("--home", new_home.root, "--json")
    found = json.loads(audience("policy", "check", *at).stdout)
    assert (found["valid"], found["weaker"], found["held"]) == (True, [], False)
    assert found["segments"] > 1_000
    explained = json.loads(audience("policy", "explain", *at).stdout)
    assert explained[0]["subject"] == "Threshold"
    assert all(one["subject"] and one["text"] for one in explained)
    assert json.loads(audience("ledger", "verify", *at).stdout)["entries"] == 0
    new_home.policy.write_text("promise: {k: 3}\n")
    done = audience("policy", "check", *at)
    found = json.loads(done.stdout)
    assert (done.returncode, found["valid"], found["exit_code"]) == (2, False, 2)
    assert "promise.k" in found["message"]


def test_the_policy_in_plain_words(new_home: Home, audience: Audience) -> None:
    assert "50 different people" in audience("policy", "explain", "--home", new_home.root).stdout
    assert "k_jitter" in audience("policy", "reference").stdout


def test_segments_are_listed(new_home: Home, audience: Audience) -> None:
    listed = audience("segments", "--home", new_home.root).stdout

    for code in ("men_under_40", "from_25_to_34", "jabodetabek", "31.71"):
        assert code in listed


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--from", "2026-11-03", "--to", "2026-11-01"),
        ("run", "--from", "yesterday", "--to", "2026-11-01"),
        ("run", "--from", "2025-12-31", "--to", "2026-01-01"),
        ("run", "--from", "2026-11-01", "--to", "2199-01-01"),
        ("ledger", "show", "7"),
        ("rights", "erase", "--user", " "),
        ("rights", "erase"),
        ("no-such-command",),
    ],
)
def test_a_wrong_command_is_explained(
    new_home: Home, audience: Audience, arguments: tuple[str, ...]
) -> None:
    home = () if arguments[0] == "no-such-command" else ("--home", str(new_home.root))
    done = audience(*arguments, *home)

    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_home_one_is_asked_for(tmp_path: Path, audience: Audience) -> None:
    done = audience("run", "--from", "2026-11-01", "--to", "2026-11-01", "--home", tmp_path / "no")

    assert done.returncode == 2
    assert "audience init" in done.stderr
    assert not (tmp_path / "no").exists()


@pytest.mark.alternate("words of commands")
def test_a_home_at_work_is_busy(fresh_home: Home) -> None:
    with exclusive(fresh_home):  # which one process may enter again
        done = start("run", "--from", "2026-11-01", "--to", "2026-11-01")

    assert done.returncode == 5
    assert "busy" in done.stderr
    assert list(fresh_home.private.iterdir()) == []


def test_an_unexpected_error_shows_its_type_and_keeps_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise KeyError(CANARY)

    monkeypatch.setenv("AUDIENCE_HOME", str(tmp_path))
    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()

    (log,) = (tmp_path / "logs").iterdir()
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "KeyError" in said
    assert log.name in said.replace("\n", "")
    assert CANARY not in said + log.read_text()
    assert Path(__file__).name in log.read_text()


def test_rights_are_filed_in_the_raw_zone_and_explained(
    released_home: Home, audience: Audience
) -> None:
    filed = set((released_home.raw / "requests").iterdir())
    done = audience("rights", "withdraw", "--user", "u0000007")
    (request,) = set((released_home.raw / "requests").iterdir()) - filed

    assert done.returncode == 0
    assert json.loads(request.read_text())["kind"] == "withdraw"
    assert "2026-11-04" in done.stdout
    assert "final" in done.stdout


def test_what_is_held_about_a_person_is_shown(released_home: Home, audience: Audience) -> None:
    shown = audience("rights", "access", "--user", "u0000007").stdout

    for category in ("Identity and contact", "Consents", "Pseudonymous working data"):
        assert category in shown


def test_the_ledger_is_listed_shown_and_verified(released_home: Home, audience: Audience) -> None:
    assert "campaign-day-2026-11-02" in audience("ledger", "list").stdout
    # Settings, the requests that the run has taken in, and a day's release and exports come first.
    shown = json.loads(audience("ledger", "show", "5").stdout)
    assert (shown["sequence"], shown["subject"]) == (5, "campaign-day-2026-11-02")
    of_release = audience("ledger", "show", "campaign-day-2026-11-02").stdout
    assert '"kind": "release"' in of_release
    assert '"kind": "exports"' in of_release
    assert " by " in shown["recorded"]
    # The tree may have been edited since the run.
    assert shown["body"]["code"].removesuffix(".changed") == code_version().removesuffix(".changed")
    assert audience("ledger", "verify").returncode == 0

    export = next(released_home.exports.rglob("*.csv"))
    export.write_bytes(export.read_bytes().replace(b"0", b"1", 1))
    done = audience("ledger", "verify")
    assert done.returncode == 4
    assert export.name in done.stderr


def test_what_is_published_is_proved_without_a_home(
    released_home: Home, audience: Audience, tmp_path: Path
) -> None:
    received = shutil.copytree(released_home.published, tmp_path / "received")
    nowhere = {"AUDIENCE_HOME": str(tmp_path / "nowhere")}
    proved = audience("verify", received, environment=nowhere)
    assert proved.returncode == 0, proved.stderr
    assert "9 entries, 3 releases" in proved.stdout
    assert audience("verify", received, "--head", "0" * 64, environment=nowhere).returncode == 4

    export = next(received.glob("exports/*/campaign-day-2026-11-02"))
    checked = audience("check", export, environment=nowhere)
    assert checked.returncode == 0, checked.stderr
    assert "Is it still possible to single out an individual?" in checked.stdout
    assert "Not promised:" in checked.stdout

    figures = next(export.glob("*.csv"))
    figures.write_bytes(figures.read_bytes() + b" ")
    for command in (("verify", received), ("check", export)):
        refused = audience(*command, environment=nowhere)
        assert refused.returncode == 4
        assert figures.name in refused.stderr
    assert audience("check", tmp_path / "no").returncode == 2


def test_days_are_run_in_unbroken_stretches() -> None:
    one, two, three, five = (date(2026, 11, number) for number in (1, 2, 3, 5))

    assert stretches([five, two, one, three]) == [(one, three), (five, five)]
    assert stretches([]) == []


def test_the_sample_world_has_ended() -> None:
    options = WorldOptions()

    assert world_in_the_past(options, date(2027, 1, 1)) == options
    assert world_in_the_past(options, date(2026, 3, 1)).day(options.days) < date(2026, 3, 1)


@pytest.mark.alternate("start-up")
def test_the_module_is_a_command_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "backfill" in done.stdout


def test_a_mistyped_user_is_noticed_and_not_repeated(
    released_home: Home, audience: Audience
) -> None:
    mistyped = audience("rights", "withdraw", "--user", "nobody-has-this-id")
    snapshot = next((released_home.raw / "profiles").rglob("*.parquet"))
    somebody = pq.read_table(snapshot, columns=["user_id"], partitioning=None)[0][0].as_py()
    known = audience("rights", "withdraw", "--user", somebody)

    assert mistyped.returncode == known.returncode == 0
    assert "check its spelling" in mistyped.stderr
    assert "nobody-has-this-id" not in mistyped.stdout + mistyped.stderr
    assert "spelling" not in known.stderr
