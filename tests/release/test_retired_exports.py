"""Old exports go; releases, the ledger and everything that proves them stay."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from interrupted_run import NEXT, run
from release_world import DAY, SECRET, content
from running import Done, call

from anonymizer.exports import retirement
from anonymizer.exports.export_folders import faulty_exports, write_exports
from anonymizer.exports.recorded_files import RETIREMENT
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_release
from anonymizer.storage.home import Home

pytestmark = pytest.mark.alternate("exports that are retired")

WHY = "Older than our contracts."
OLD = f"campaign-day-{DAY}"


@pytest.fixture
def sent(two_days: Home, tmp_path: Path) -> Home:
    """Two days released and exported, and what makes a folder a home."""
    home = Home(shutil.copytree(two_days.root, tmp_path / "home"))
    home.secret.write_text(bytes(range(32)).hex() + "\n")
    home.secret.chmod(0o600)
    home.policy.touch()
    return home


def retire(home: Home, before: object = NEXT) -> Done:
    return call("retire-exports", "--home", home.root, "--before", str(before), "--reason", WHY)


def verified(home: Home) -> str:
    ledger = call("ledger", "verify", "--home", home.root)
    assert ledger.returncode == 0, ledger.stderr
    done = call("verify", "--home", home.root)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_exports_before_a_day_go_and_all_else_stays(sent: Home) -> None:
    before = content(sent.published)
    assert retire(sent, DAY).stdout == "Exports of 0 release(s) removed.\n"
    done = retire(sent)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{OLD}\nExports of 1 release(s) removed.\n"
    after = content(sent.published)
    gone = before.keys() - after.keys()
    assert gone == {name for name in before if f"/{OLD}/" in name and name.startswith("exports")}
    assert gone
    assert {name for name in before if name not in gone and before[name] != after[name]} == {
        "ledger.jsonl"
    }
    assert not list(sent.exports.glob(f"*/{OLD}"))
    assert "A run was interrupted" not in verified(sent)
    assert faulty_exports(sent, Ledger.open(sent.ledger)) == []
    assert WHY in call("ledger", "list", "--home", sent.root).stdout
    run(sent, NEXT + timedelta(days=1))  # and later days are released
    verified(sent)


def test_they_are_not_written_again(sent: Home) -> None:
    assert retire(sent).returncode == 0
    ledger = Ledger.open(sent.ledger)
    write_exports(load_release(sent, ledger, OLD), sent, ledger, SECRET)
    assert not list(sent.exports.glob(f"*/{OLD}"))
    verified(sent)


def test_a_retired_release_can_still_be_withdrawn(sent: Home) -> None:
    assert retire(sent).returncode == 0
    done = call("withdraw-release", OLD, "--reason", "It was wrong.", "--home", sent.root)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in sent.exports.glob(f"*/{OLD}/*")} == {"WITHDRAWN.json"}
    assert f"{OLD} was withdrawn" in verified(sent)
    assert retire(sent, NEXT + timedelta(days=1)).returncode == 0
    assert len(list(sent.exports.glob(f"*/{OLD}/*"))) > 0


def test_what_a_kill_has_left_is_told_and_removed(
    sent: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(retirement, "remove_retired", killed)
        with pytest.raises(Killed):
            retirement.retire_exports(sent, Ledger.open(sent.ledger), SECRET, NEXT, WHY)
    assert f"{OLD} was retired and is not removed yet" in verified(sent)
    assert retire(sent).returncode == 0
    assert not list(sent.exports.glob(f"*/{OLD}"))
    assert "was retired" not in verified(sent)
    entries = Ledger.open(sent.ledger).entries()
    assert [entry.kind for entry in entries].count(RETIREMENT) == 1


def test_an_edited_file_is_left_and_named(sent: Home) -> None:
    edited = next(path for path in sent.exports.glob(f"*/{OLD}/*") if path.suffix == ".csv")
    edited.write_bytes(edited.read_bytes() + b"x")
    assert retire(sent).returncode == 0
    assert edited.exists()
    done = call("verify", "--home", sent.root)
    assert done.returncode == 4
    assert f"{edited.name} is not in the ledger" in " ".join(done.stderr.split())
