"""Another key for a home: what stays, what is drawn anew, and a kill at any point."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from interrupted_run import NEXT, run
from release_world import DAY, SECRET, content, recheck, release, terms, world
from running import Done, call

from anonymizer.model.errors import SecretProblem
from anonymizer.release import key_change
from anonymizer.release.key_change import KEY_CHANGE, change_key, check_secret
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

pytestmark = pytest.mark.alternate("change of the key")

ONE_DAY = timedelta(days=1)
WHY = "The old key was in a log."
NAMES = ("person", "mark", "visit", "content", "request", "erasure", "requests_taken")
DRAWS = ("floor", "rounding", "near", "contribution", "certificate", "salt", "fingerprint", "cells")


@pytest.fixture
def sent(home: Home) -> Home:
    """A day released and exported with the first key, and what makes a folder a home."""
    home.root.mkdir()
    home.secret.write_text(bytes(range(32)).hex() + "\n")
    home.secret.chmod(0o600)
    run(home, DAY)
    home.policy.touch()
    return home


def changed(home: Home, *words: str | Path) -> Done:
    return call("change-key", "--home", home.root, "--reason", WHY, *words)


def refused(home: Home, *words: str | Path) -> str:
    """What is said of a file that cannot become the key."""
    done = changed(home, *words)
    assert done.returncode == 2, done.stdout + done.stderr
    return " ".join(done.stderr.split())


def figures(home: Home, day: date) -> list[dict[str, object]]:
    path = home.releases / f"campaign-day-{day}" / "figures.parquet"
    columns = [name for name in pq.read_schema(path).names if name != "period"]
    rows: list[dict[str, object]] = pq.read_table(path, columns=columns).to_pylist()
    return rows


def test_names_stay_and_draws_are_new(sent: Home) -> None:
    before = Secret.of(sent)
    assert changed(sent).returncode == 0
    after = Secret.of(sent)
    assert [after.derive(name) for name in NAMES] == [before.derive(name) for name in NAMES]
    for name in DRAWS:
        assert after.derive(name) != before.derive(name)
    assert changed(sent).returncode == 0
    third = Secret.of(sent)
    assert third.naming_fingerprint == before.fingerprint
    assert len({before.fingerprint, after.fingerprint, third.fingerprint}) == 3
    assert sent.secret.stat().st_mode & 0o777 == 0o600
    assert len(sent.secret.read_text().split()) == 2


def test_what_is_released_stays_and_says_which_key_was_replaced(sent: Home) -> None:
    export = next(sent.exports.glob("*/*"))
    before, seal = content(sent.published), call("check", export)
    done = changed(sent)
    assert done.returncode == 0, done.stderr
    after = content(sent.published)
    lines = after.pop("ledger.jsonl").splitlines()
    assert lines[:-1] == before.pop("ledger.jsonl").splitlines()
    assert WHY in lines[-1].decode()
    assert after == before
    for words in (("verify",), ("ledger", "verify")):
        assert call(*words, "--home", sent.root).returncode == 0
    assert call("check", export).stdout == seal.stdout
    listed = call("ledger", "list", "--home", sent.root).stdout
    assert f"new key in place of {SECRET.fingerprint}" in " ".join(listed.split())


def test_a_group_that_was_judged_before_keeps_its_figure_under_the_new_key(
    sent: Home, tmp_path: Path
) -> None:
    assert changed(sent).returncode == 0
    new = Secret.of(sent)
    release(sent, NEXT, secret=new)
    assert figures(sent, NEXT) == figures(sent, DAY)
    # The draws are others: in a home of its own, the same people get other figures.
    alone = Home(tmp_path / "alone")
    release(alone, NEXT, secret=new)
    assert figures(alone, NEXT) != figures(sent, DAY)
    # And people whom no release has counted are drawn for with the new key.
    drawn = [
        [
            table.people.tolist()
            for fewer in (155, 205, 255, 306)
            for table in recheck(
                sent, Ledger.open(sent.ledger), world(NEXT + ONE_DAY, spring=fewer),
                terms(secret=secret),
            ).figures
        ]
        for secret in (new, SECRET)
    ]  # fmt: skip
    assert drawn[0] != drawn[1]


def test_old_keys_and_keys_without_the_first_one_are_held(sent: Home) -> None:
    old = sent.secret.read_text()
    assert changed(sent).returncode == 0
    new = sent.secret.read_text().split()
    entries = Ledger.open(sent.ledger).entries()
    check_secret(entries, Secret.of(sent))
    for text, problem in (
        (old, "an older key was restored"),
        (new[0], "second line"),
        (f"{new[0]}\n{'ab' * 32}", "second line"),
        ("ab" * 32, "an older key was restored"),
        (f"{new[0]}\n{new[1]}\n{new[1]}", "damaged"),
    ):
        sent.secret.write_text(text)
        with pytest.raises(SecretProblem, match=problem):
            check_secret(entries, Secret.of(sent))
    with pytest.raises(SecretProblem):
        release(sent, NEXT, secret=SECRET)
    assert len(Ledger.open(sent.ledger).releases()) == 1


def test_a_release_with_another_key_than_that_in_force_is_noticed(sent: Home) -> None:
    ledger, new = Ledger.open(sent.ledger), Secret(bytes(range(1, 33)), bytes(range(32)))
    ledger.append("release", "campaign-day-2026-11-23", {"period": "2026-11-23", "files": {}},
                  {"secret": new.fingerprint})  # fmt: skip
    with pytest.raises(SecretProblem, match="no change of the key is recorded"):
        check_secret(ledger.entries(), new)


POINTS: dict[str, tuple[object, str, bool]] = {
    "before the new key": (Secret, "replace", False),
    "after the new key": (Secret, "replace", True),
    "after the entry": (Ledger, "append", True),
    "before its public part": (key_change, "write_public_ledger", False),
    "before the exchange": (key_change, "take_over", False),
    "after the exchange": (key_change, "take_over", True),
}


class Killed(BaseException):
    """Nothing in the program handles it."""


@pytest.mark.parametrize("point", POINTS)
def test_after_a_kill_the_same_command_ends_it_with_one_key(
    sent: Home, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, is_done = POINTS[point]
    whole: Callable[..., object] = getattr(owner, name)

    def killed(*arguments: object, **named: object) -> object:
        if is_done:
            whole(*arguments, **named)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, killed)
        with pytest.raises(Killed):
            change_key(sent, Ledger.open(sent.ledger), WHY, None)
    _judge_recovery(sent, changes=2 if point == "after the exchange" else 1)


def kill_itself(home: Home, where: str, target: Path | None = None) -> None:
    """Change the key in a process of its own, which ends where `where`, a statement, says."""
    killing = (
        "import os, signal, sys; from pathlib import Path\n"
        "from anonymizer.release import key_change; from anonymizer.release.ledger import Ledger\n"
        "from anonymizer.storage.home import Home\n"
        "def kill(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"{where}\n"
        "home, target = Home(Path(sys.argv[1])), Path(sys.argv[2]) if sys.argv[2:] else None\n"
        f"key_change.change_key(home, Ledger.open(home.ledger), {WHY!r}, target)\n"
    )
    words: list[str | Path] = [
        sys.executable,
        "-c",
        killing,
        home.root,
        *([target] if target else []),
    ]
    done = subprocess.run(words, check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL


HALF_WRITTEN = "os.fsync = lambda file: (os.ftruncate(file, 20), kill())"


def test_a_process_that_is_killed_while_it_writes_the_key(sent: Home) -> None:
    kill_itself(sent, HALF_WRITTEN)
    _judge_recovery(sent)
    assert list(sent.root.glob(".secret*")) == []


def test_a_process_that_is_killed_while_it_writes_the_key_outside_the_home(
    sent: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, new = sent.secret.rename(tmp_path / "vault.key"), tmp_path / "new.key"
    monkeypatch.setenv("AUDIENCE_SECRET_FILE", str(vault))
    kill_itself(sent, HALF_WRITTEN, new)
    assert not new.exists()
    assert change_key(sent, Ledger.open(sent.ledger), WHY, new).fingerprint
    assert sorted(path.name for path in tmp_path.glob("*.key*")) == ["new.key", "vault.key"]
    assert list(tmp_path.glob(".*")) == []
    # A damaged file that somebody named is left to them.
    (tmp_path / "other.key").write_text("ab")
    (tmp_path / "other.key").chmod(0o600)
    with pytest.raises(SecretProblem):
        change_key(sent, Ledger.open(sent.ledger), WHY, tmp_path / "other.key")
    assert (tmp_path / "other.key").read_text() == "ab"


@pytest.mark.parametrize("content", ["", "ab", "no key", f"{'ab' * 32}\n{'cd' * 20}"])
def test_a_damaged_new_key_is_replaced_unless_it_was_recorded(
    sent: Home, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ledger = sent.root / "secret.key.next", Ledger.open(sent.ledger)
    begun.write_text(content)
    begun.chmod(0o600)
    change_key(sent, ledger, WHY, None)
    check_secret(ledger.entries(), Secret.of(sent))
    assert not begun.exists()
    with monkeypatch.context() as patch:
        patch.setattr(key_change, "take_over", lambda *_: None)
        change_key(sent, ledger, WHY, None)
    begun.write_text(content)
    with pytest.raises(SecretProblem, match=r"secret\.key\.next|bytes"):
        change_key(sent, ledger, WHY, None)
    assert begun.read_text() == content


def test_a_process_that_is_killed_between_the_entry_and_the_exchange(sent: Home) -> None:
    kill_itself(sent, "key_change.take_over = kill")
    with pytest.raises(SecretProblem, match="audience change-key"):
        release(sent, NEXT, secret=Secret.of(sent))
    _judge_recovery(sent)


def _judge_recovery(home: Home, changes: int = 1) -> None:
    """So many changes, one key that is right, and no other file."""
    done = changed(home)
    assert done.returncode == 0, done.stderr
    entries = Ledger.open(home.ledger).entries()
    check_secret(entries, Secret.of(home))
    assert Secret.of(home).naming_fingerprint == SECRET.fingerprint
    recorded = [entry.subject for entry in entries if entry.kind == KEY_CHANGE]
    assert recorded[-1] == Secret.of(home).fingerprint
    assert len(recorded) == changes
    assert [path.name for path in home.root.glob("secret*")] == ["secret.key"]
    assert call("verify", "--home", home.root).returncode == 0
    release(home, NEXT, secret=Secret.of(home))
    assert figures(home, NEXT) == figures(home, DAY)


def test_a_key_outside_the_home_is_exchanged_by_the_operator(
    sent: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert changed(sent, "--to", tmp_path / "new.key").returncode == 2
    vault = sent.secret.rename(tmp_path / "vault.key")
    monkeypatch.setenv("AUDIENCE_SECRET_FILE", str(vault))
    assert changed(sent).returncode == 2
    for _ in range(2):  # as after a kill
        done = changed(sent, "--to", tmp_path / "new.key")
        assert done.returncode == 0, done.stderr
    entries = Ledger.open(sent.ledger).entries()
    assert [entry.kind for entry in entries].count(KEY_CHANGE) == 1
    with pytest.raises(SecretProblem):
        check_secret(entries, Secret.of(sent))
    (tmp_path / "new.key").rename(vault)
    check_secret(entries, Secret.of(sent))
    assert bytes(range(32)).hex() not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_file_with_a_key_in_use_is_no_new_key(
    sent: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, new = sent.secret.rename(tmp_path / "vault.key"), tmp_path / "new.key"
    monkeypatch.setenv("AUDIENCE_SECRET_FILE", str(vault))
    first = vault.read_bytes()
    assert changed(sent, "--to", new).returncode == 0
    second = new.read_bytes()
    vault.write_bytes(second)  # exchanged; now this key leaks, too
    for target in (new, vault):
        assert "has the key in force (name a new file)" in refused(sent, "--to", target)
    assert vault.read_bytes() == second
    assert changed(sent, "--to", tmp_path / "third.key").returncode == 0
    assert "has a key that was replaced (name a new file)" in refused(sent, "--to", new)
    # The same command goes on while the replaced key is there, and with no other.
    assert changed(sent, "--to", tmp_path / "third.key").returncode == 0
    vault.write_bytes(first)
    assert changed(sent, "--to", tmp_path / "third.key").returncode == 4
    changes = [one.subject for one in Ledger.open(sent.ledger).entries() if one.kind == KEY_CHANGE]
    assert changes == [Secret.load(path).fingerprint for path in (new, tmp_path / "third.key")]


def test_a_copy_of_the_key_in_force_beside_it_is_no_new_key(sent: Home) -> None:
    assert changed(sent).returncode == 0
    shutil.copy2(sent.secret, sent.root / "secret.key.next")
    assert "has the key in force (move it away)" in refused(sent)
    (sent.root / "secret.key.next").unlink()
    assert changed(sent).returncode == 0


def test_a_file_that_is_no_new_key_of_the_home_is_refused(
    sent: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = sent.secret.rename(tmp_path / "vault.key")
    monkeypatch.setenv("AUDIENCE_SECRET_FILE", str(vault))
    (tmp_path / "other.key").write_text("ab" * 32)
    (tmp_path / "other.key").chmod(0o600)
    assert "is no new key of this home" in refused(sent, "--to", tmp_path / "other.key")


def test_what_a_run_has_begun_is_finished_with_its_key(sent: Home) -> None:
    sent.database.unlink()
    before = content(sent.root)
    done = changed(sent)
    assert done.returncode == 4
    assert "audience backfill" in done.stderr
    after = content(sent.root)
    assert before.items() <= after.items()
    assert not any("next" in name for name in after)
