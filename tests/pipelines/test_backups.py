"""Backup and restore as docs/operations.md says: what is noticed, what is not, what comes back."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from running import call

from anonymizer.storage.home import Home

Audience = Callable[..., subprocess.CompletedProcess[str]]
Once = Callable[[str, Callable[[Path], object]], Path]
FIRST_DAY = ("run", "--from", "2026-11-01", "--to", "2026-11-01")
REST = ("run", "--from", "2026-11-02", "--to", "2026-11-03")
pytestmark = pytest.mark.slow


def head(audience: Audience) -> str:
    """The hash that the chain ends with, as one would note it somewhere else."""
    done = audience("verify")
    assert done.returncode == 0, done.stderr
    return done.stdout.split("The chain ends with ")[1].split("\n")[0]


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 4, done.stdout + done.stderr
    return " ".join(done.stderr.split())


def published(home: Home) -> dict[str, bytes]:
    return {
        str(path.relative_to(home.published)): path.read_bytes()
        for path in sorted(home.published.rglob("*"))
        if path.is_file() and path != home.database
    }


def restore(backup: Home, home: Home, *, ledger: bool, folder: bool) -> None:
    if ledger:
        shutil.copy2(backup.ledger, home.ledger)
    if folder:
        shutil.rmtree(home.published)
        shutil.copytree(backup.published, home.published)


@pytest.fixture
def backup(once: Once, sample_world: Home) -> Home:
    """Of a home after its first day. The home itself goes on to the third, beside it."""

    def make(folder: Path) -> None:
        home = copy_home(sample_world, folder / "home")
        done = call(*FIRST_DAY, "--home", home.root)
        assert done.returncode == 0, done.stderr
        copy_home(home, folder / "backup")
        assert call(*REST, "--home", home.root).returncode == 0

    return Home(once("backups", make) / "backup")


@pytest.fixture
def home(backup: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A copy of the home that went on, named by the environment."""
    monkeypatch.setenv("AUDIENCE_HOME", str(tmp_path / "home"))
    return copy_home(Home(backup.root.with_name("home")), tmp_path / "home")


def copy_home(home: Home, place: Path) -> Home:
    return Home(shutil.copytree(home.root, place, symlinks=True))


def test_an_old_backup_as_a_whole_is_noticed_by_a_noted_hash_alone_and_grows_back_the_same(
    backup: Home, home: Home, audience: Audience
) -> None:
    noted, before = head(audience), published(home)
    restore(backup, home, ledger=True, folder=True)
    assert audience("verify").returncode == 0  # consistent in itself
    assert audience("ledger", "verify").returncode == 0
    said = refused(audience("verify", "--head", noted))
    assert f"no entry of ledger.jsonl has the hash {noted[:16]}" in said
    assert "truncated before that entry" in said
    # The same raw files, key and settings: the history is again the one that was sent out.
    assert audience(*REST).returncode == 0
    assert published(home) == before
    assert audience("verify", "--head", noted).returncode == 0


def test_an_older_ledger_beside_a_newer_folder_holds_everything(
    backup: Home, home: Home, audience: Audience
) -> None:
    noted, before = head(audience), published(home)
    newest = home.ledger.read_bytes()
    restore(backup, home, ledger=True, folder=False)
    for words in (("ledger", "verify"), REST):
        done = audience(*words)
        assert "restore the newest backup of the ledger" in refused(done) + done.stdout
    assert published(home) == before
    home.ledger.write_bytes(newest)
    assert audience(*REST).returncode == 0
    assert head(audience) == noted


def test_an_older_folder_beside_a_newer_ledger_is_filled_up_again(
    backup: Home, home: Home, audience: Audience
) -> None:
    noted, before = head(audience), published(home)
    restore(backup, home, ledger=False, folder=True)
    said = refused(audience("ledger", "verify"))
    assert "are in the ledger but not in published/releases" in said
    assert audience("verify").returncode == 0  # the folder by itself is a consistent old one
    assert "truncated" in refused(audience("verify", "--head", noted))
    assert audience(*REST).returncode == 0
    assert published(home) == before
    assert head(audience) == noted


def test_with_the_key_lost_or_changed_nothing_is_released_and_what_is_published_can_be_proved(
    released_home: Home, audience: Audience
) -> None:
    noted, before, key = head(audience), published(released_home), released_home.secret.read_bytes()
    export = next(released_home.exports.glob("*/*"))
    for harm in (
        released_home.secret.unlink,
        lambda: released_home.secret.write_text("ab" * 32 + "\n", encoding="ascii"),
    ):
        harm()
        assert "secret" in refused(audience(*FIRST_DAY))
        assert "secret" in refused(
            audience("withdraw-release", export.name, "--reason", "The key is lost")
        )
        assert audience("check", export).returncode == 0
        assert head(audience) == noted
        assert published(released_home) == before
        released_home.secret.touch(mode=0o600)
    released_home.secret.write_bytes(key)
    assert audience(*FIRST_DAY).returncode == 0
