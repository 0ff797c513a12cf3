"""Backup and restore as docs/operations.md says: what is noticed, what is not, what comes back."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from running import call

from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from cli import home_backup
from cli.commands.init import create_home
from pipelines import run_limits
from portal.account_store import AccountStore
from portal.user_accounts import UserAccount

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


def files_in(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_backup_has_what_is_lost_with_the_machine_and_not_the_key(
    released_home: Home, audience: Audience, tmp_path: Path
) -> None:
    noted = head(audience)
    done = audience("backup", tmp_path / "backup")
    assert done.returncode == 0, done.stderr
    assert f"The chain ends with {noted}" in done.stdout
    backup = files_in(tmp_path / "backup")
    assert {name.split("/")[0] for name in backup} == {
        "deliveries.yaml", "ledger.sqlite", "policy.yaml", "private", "published",
        "segments.yaml", "sources.yaml",
    }  # fmt: skip
    assert {name.split("/")[1] for name in backup if name.startswith("private")} == {"near"}
    key = released_home.secret.read_bytes().strip()
    assert not any(key in content or bytes.fromhex(key.decode()) in content
                   for content, _ in backup.values())  # fmt: skip
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700
    assert audience("backup", tmp_path / "backup").returncode == 2  # is there already
    assert audience("backup", released_home.published / "backup").returncode == 2

    new = Home(tmp_path / "new")
    other = f"sqlite:///{tmp_path}/other.sqlite"
    done = call(
        "restore", tmp_path / "backup", "--home", new.root, "--head", noted,
        environment={"AUDIENCE_LEDGER": other},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not new.ledger.exists()
    assert Ledger.open(other).entries() == Ledger.open(released_home.ledger).entries()
    restored = files_in(new.root)
    assert all(restored[name] == found for name, found in backup.items() if name != "ledger.sqlite")
    shutil.copy2(released_home.secret, new.secret)
    shutil.copytree(released_home.raw, new.raw)
    done = call("run", "--from", "2026-11-03", "--to", "2026-11-03", "--home", new.root,
                environment={"AUDIENCE_LEDGER": other})  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert published(new) == published(released_home)


def test_a_restore_completes_after_a_kill_and_replaces_nothing_else(
    released_home: Home, audience: Audience, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup, put = tmp_path / "backup", home_backup._put
    assert audience("backup", backup).returncode == 0
    before = files_in(backup)
    for kill_at in range(4):  # releases, groups, segments, policy
        new, done = Home(tmp_path / f"new-{kill_at}"), list[Path]()

        def killed(source: Path, target: Path) -> None:
            if len(done) == kill_at:  # noqa: B023  called before the next round
                raise KeyboardInterrupt
            done.append(target)  # noqa: B023
            put(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(home_backup, "_put", killed)
            with pytest.raises(KeyboardInterrupt):
                home_backup.restore_backup(Home(backup), new, "")
        assert not new.policy.exists()  # no command takes it for a home
        for _ in range(2):
            assert call("restore", backup, "--home", new.root).returncode == 0
        assert before.items() <= {
            **files_in(new.root), "ledger.sqlite": before["ledger.sqlite"]
        }.items()  # fmt: skip
    new.policy.write_text(new.policy.read_text() + "# other\n")
    refusal = call("restore", backup, "--home", new.root)
    assert refusal.returncode == 2
    assert "policy.yaml: is not that of the backup" in refusal.stderr
    new.policy.unlink()
    Ledger.open(new.ledger).append("note", "later", {})
    refusal = call("restore", backup, "--home", new.root)
    assert refusal.returncode == 4
    assert "not empty and not that of the backup" in " ".join(refusal.stderr.split())


def test_a_backup_that_was_changed_or_is_older_than_noted_is_refused(
    released_home: Home, audience: Audience, tmp_path: Path
) -> None:
    assert audience("backup", tmp_path / "backup").returncode == 0
    new = Home(tmp_path / "new")
    done = call("restore", tmp_path / "backup", "--home", new.root, "--head", "0" * 16)
    assert "no entry of ledger.jsonl has the hash" in refused(done)
    figures = next((tmp_path / "backup").glob("published/releases/*/figures.parquet"))
    figures.write_bytes(figures.read_bytes()[:-1])
    refused(call("restore", tmp_path / "backup", "--home", new.root))
    assert not new.root.exists()
    # The same for a home: what cannot be proved is no backup.
    figures = next(released_home.releases.glob("*/figures.parquet"))
    figures.write_bytes(figures.read_bytes()[:-1])
    refused(audience("backup", tmp_path / "second"))
    assert [path.name for path in tmp_path.glob("*second*")] == []


def test_a_backup_waits_for_the_run_that_is_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = create_home(Home(tmp_path / "home"))
    holding = (
        "import sys; from pathlib import Path; from anonymizer.storage.home import Home; "
        "from anonymizer.storage.lock import exclusive\n"
        "with exclusive(Home(Path(sys.argv[1]))): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, home.root],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ),
    ) as run:  # fmt: skip
        assert run.stdout
        assert run.stdin
        assert run.stdout.readline() == b"held\n"
        monkeypatch.setattr(run_limits, "PATIENCE_SECONDS", 1)
        assert call("backup", tmp_path / "backup", "--home", home.root).returncode == 5
        run.stdin.close()
        run.wait()
    assert call("backup", tmp_path / "backup", "--home", home.root).returncode == 0


def test_mapping_files_accounts_and_requests_of_a_home_without_raw_files_are_in_a_backup(
    tmp_path: Path,
) -> None:
    home = create_home(Home(tmp_path / "home"))
    text = home.policy.read_text(encoding="utf-8")
    declared = "scheme: file\n    file: codes.csv"
    home.policy.write_text(text.replace("scheme: kemendagri", declared, 1), encoding="utf-8")
    (home.root / "codes.csv").write_text("code,region\n1,31.71\n")
    added = call("user", "add", "nina", "--advertiser", "adv-01", "--home", home.root)
    assert added.returncode == 0, added.stderr
    secret = home.root / "client-secret"
    secret.write_text("of the client")
    secret.chmod(0o600)
    home.sign_in.write_text(
        "provider: {name: Login, issuer: 'https://login.example', client_id: portal, "
        f"client_secret_file: {secret}}}\n"
    )
    (home.raw / "requests").mkdir()
    (home.raw / "requests" / "filed.csv").write_text("request_id\n")
    assert call("backup", tmp_path / "one", "--home", home.root).returncode == 0
    bucket = {"AUDIENCE_RAW": "s3://bucket/raw"}
    done = call("backup", tmp_path / "two", "--home", home.root, environment=bucket)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "one" / "codes.csv").exists()
    assert (tmp_path / "one" / "sign_in.yaml").read_text() == home.sign_in.read_text()
    assert not (tmp_path / "one" / "client-secret").exists()
    assert not (tmp_path / "one" / "raw").exists()
    assert (tmp_path / "two" / "raw" / "requests" / "filed.csv").exists()
    users = call("user", "list", "--home", tmp_path / "two")
    assert "nina" in users.stdout, users.stderr
    assert (tmp_path / "two" / "portal" / "accounts.sqlite").stat().st_mode & 0o777 == 0o600


def test_accounts_of_the_home_stay_and_those_of_a_backup_come_back_signed_out(
    tmp_path: Path,
) -> None:
    home, backup = create_home(Home(tmp_path / "home")), tmp_path / "backup"
    store = AccountStore(home.portal_accounts)
    for login in ("nina", "budi"):
        store.add(UserAccount(login, "privacy_officer"), "hash")
        token = store.begin_session(login, "hash", 0)
        device = store.recognise_device(login, "hash")
        assert token
        assert device
        assert store.find_session(token)
    _, of_program = store.tokens.add("nina", "crm", 30)
    assert store.tokens.find(of_program)
    home.portal_log.write_text('{"event": "before"}\n')
    assert call("backup", backup, "--home", home.root).returncode == 0

    store.remove("budi")
    home.portal_log.write_text('{"event": "after"}\n')
    home.policy.unlink()
    done = call("restore", backup, "--home", home.root)
    assert done.returncode == 0, done.stderr
    assert [one.login for one in store.accounts()] == ["nina"]
    assert "after" in home.portal_log.read_text()

    new = Home(tmp_path / "new")
    done = call("restore", backup, "--home", new.root)
    assert done.returncode == 0, done.stderr
    assert "Review accounts: audience user list" in " ".join(done.stdout.split())
    restored = AccountStore(new.portal_accounts)
    assert [one.login for one in restored.accounts()] == ["budi", "nina"]
    assert not restored.find_session(token)
    assert store.tokens.find(of_program), "the token of the home that went on"
    assert not restored.tokens.find(of_program)
    assert restored.tokens.all() == ()
    assert "API tokens of the backup have ended" in " ".join(done.stdout.split())
    assert not restored.is_device_of(device, "budi")
    assert restored.password_of("budi") == "hash"
    assert new.portal_accounts.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"no database at all, and longer than its header"])
def test_accounts_that_cannot_be_read_end_neither_command_in_a_traceback(
    tmp_path: Path, content: bytes
) -> None:
    home = create_home(Home(tmp_path / "home"))
    home.portal.mkdir()
    home.portal_accounts.write_bytes(content)
    done = call("backup", tmp_path / "backup", "--home", home.root)
    assert done.returncode == (2 if content else 0), done.stderr
    if content:
        assert "accounts.sqlite: is damaged" in " ".join(done.stderr.split())
    else:
        restored = call("restore", tmp_path / "backup", "--home", tmp_path / "new")
        assert restored.returncode == 0, restored.stderr
