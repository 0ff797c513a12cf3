"""`audience user`: accounts are made, listed, changed and removed; no password is kept."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from running import COMMAND, Done, call

from anonymizer.storage.home import Home
from cli.commands.init import create_home
from portal import portal_limits
from portal.account_store import AccountStore
from portal.passwords import fits, hashed


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return create_home(Home(tmp_path / "home"))


def user(home: Home, *words: str) -> Done:
    return call("user", *words, "--home", home.root)


def printed_password(done: Done) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout.split("Password: ")[1].split("\n")[0]


def begun(store: AccountStore, login: str) -> str:
    """The token of a session that begins now."""
    token = store.begin_session(login, store.password_of(login) or "", 0)
    assert token
    return token


def test_an_account_is_made_with_a_password_that_is_printed_once(home: Home) -> None:
    password = printed_password(user(home, "add", "nina", "--advertiser", "maju"))
    store = AccountStore(home.portal_accounts)
    assert fits(password, store.password_of("nina"))
    assert not fits(password[:-1], store.password_of("nina"))
    for path in home.portal.iterdir():
        assert password.encode() not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.portal.stat().st_mode) == 0o700
    listed = json.loads(user(home, "list", "--json").stdout)
    assert listed == [
        {"login": "nina", "role": "ad_ops", "reads": "maju", "password": "yes", "provider": ""}
    ]


def test_an_advertiser_without_exports_is_doubted(home: Home) -> None:
    (home.exports / "adv-01" / "campaign-day-2026-11-02").mkdir(parents=True)
    (home.exports / "_all" / "campaign-day-2026-11-02").mkdir(parents=True)
    said = user(home, "add", "nina", "--advertiser", "adv-77", "--advertiser", "adv-01")
    assert said.returncode == 0
    warning = "Warning: adv-77 has no export yet, so check the id: the closest is adv-01.\n"
    assert said.stderr == warning
    assert user(home, "add", "budi", "--advertiser", "adv-01").stderr == ""


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("add", "Nina", "--advertiser", "maju"), "'Nina' cannot be a login"),
        (("add", "a b", "--advertiser", "maju"), "'a b' cannot be a login"),
        (("add", "nina"), "an ad_ops account needs an advertiser"),
        (("add", "nina", "--advertiser", "_all"), "'_all' is not the id of an advertiser"),
        (("add", "nina", "--advertiser", "a/b"), "'a/b' is not the id of an advertiser"),
        (("add", "nina", "--role", "root"), "'root' is not one of ad_ops, analyst"),
        (("add", "nina", "--role", "analyst", "--advertiser", "maju"), "reads every advertiser"),
        (("add", "taken", "--advertiser", "maju"), "there is an account taken already"),
        (("remove", "nina"), "there is no account 'nina'"),
        (("password", "nina"), "there is no account 'nina'"),
        (("add", "nina", "--advertiser", "maju", "--ask"), "the fewest are 12"),
    ],
)
def test_a_mistake_is_refused_and_changes_nothing(
    home: Home, words: tuple[str, ...], problem: str
) -> None:
    assert user(home, "add", "taken", "--role", "analyst").returncode == 0
    before = AccountStore(home.portal_accounts).accounts()
    done = user(home, *words)
    assert done.returncode == 2
    assert problem in done.stderr
    assert AccountStore(home.portal_accounts).accounts() == before


@pytest.mark.parametrize(
    ("length", "problem"), [(11, "the fewest are 12"), (1025, "the most are 1,024")]
)
def test_a_typed_password_has_a_length(home: Home, length: int, problem: str) -> None:
    words = [COMMAND, "user", "add", "nina", "--advertiser", "maju", "--ask", "--home", home.root]
    done = subprocess.run(
        words, input="x" * length, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 2
    assert problem in done.stderr


def test_a_new_password_ends_the_sessions_of_its_account_alone(home: Home) -> None:
    old = printed_password(user(home, "add", "nina", "--advertiser", "maju"))
    user(home, "add", "budi", "--advertiser", "jaya")
    store = AccountStore(home.portal_accounts)
    nina, budi = (begun(store, login) for login in ("nina", "budi"))
    new = printed_password(user(home, "password", "nina"))
    assert not fits(old, store.password_of("nina"))
    assert fits(new, store.password_of("nina"))
    assert store.find_session(nina) is None
    assert store.find_session(budi) is not None
    assert user(home, "remove", "budi").returncode == 0
    assert store.find_session(budi) is None


def test_a_session_ends_by_itself(tmp_path: Path) -> None:
    from portal.user_accounts import UserAccount  # noqa: PLC0415

    now = [0.0]
    store = AccountStore(tmp_path / "portal/accounts.sqlite", lambda: now[0])
    store.add(UserAccount("nina", "ad_ops", ("maju",)), hashed("a horse that is correct"))
    idle, busy = begun(store, "nina"), begun(store, "nina")
    for number in range(0, portal_limits.LONGEST_SECONDS, portal_limits.IDLE_SECONDS - 1):
        assert store.find_session(busy) is not None
        now[0] += portal_limits.IDLE_SECONDS - 1
        if number:
            assert store.find_session(idle) is None
    assert store.find_session(busy) is None
    assert store.find_session("") is None


def test_tokens_are_kept_as_digests(home: Home) -> None:
    user(home, "add", "nina", "--advertiser", "maju")
    store = AccountStore(home.portal_accounts)
    tokens = (begun(store, "nina"), store.recognise_device("nina", store.password_of("nina") or ""))
    kept = home.portal_accounts.read_bytes()
    assert all(tokens)
    assert not any(token and token.encode() in kept for token in tokens)
