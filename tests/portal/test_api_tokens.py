"""`audience user token`: shown once, kept as digests, limited to advertisers, ended in time."""

import json
import stat
from pathlib import Path

import pytest
from running import call
from test_portal_accounts import home, printed_password, user

from anonymizer.storage.home import Home
from portal.account_store import AccountStore
from portal.user_accounts import UserAccount

__all__ = ["home"]
_DAY = 24 * 60 * 60


@pytest.fixture
def store(tmp_path: Path) -> AccountStore:
    """nina of maju, both of two advertisers, and an analyst."""
    found = AccountStore(tmp_path / "portal/accounts.sqlite", lambda: 1_000_000.0)
    for account in (
        UserAccount("nina", "ad_ops", ("maju",)),
        UserAccount("both", "ad_ops", ("jaya", "maju")),
        UserAccount("wira", "analyst"),
    ):
        found.add(account, "hash")
    return found


def test_a_token_is_printed_once_and_kept_as_a_digest(home: Home) -> None:
    password = printed_password(user(home, "add", "nina", "--advertiser", "maju"))
    done = user(home, "token", "add", "nina", "--name", "crm")
    written = done.stdout.split("Token: ")[1].split("\n")[0]
    found = AccountStore(home.portal_accounts).tokens.find(written)
    assert found
    assert (found.name, found.reader) == ("crm", UserAccount("nina", "ad_ops", ("maju",)))
    listed = user(home, "token", "list", "--json").stdout
    assert json.loads(listed)[0] | {"expires": "", "used": ""} == {
        "token": found.id, "login": "nina", "name": "crm", "reads": "maju", "expires": "",
        "used": "",
    }  # fmt: skip
    log = home.portal_log.read_text()
    assert json.loads(log)["event"] == "token_added"
    assert json.loads(log)["token"] == found.id
    secret = written.split("_", 2)[2]
    for path in home.portal.iterdir():
        assert secret.encode() not in path.read_bytes()
        assert password.encode() not in path.read_bytes()
    assert secret not in listed


def test_a_profile_has_the_token_and_its_owner_alone_reads_it(home: Home, tmp_path: Path) -> None:
    user(home, "add", "nina", "--advertiser", "maju")
    profile = tmp_path / "nina.share"
    words = ("--profile", str(profile), "--origin", "https://portal.example")
    done = user(home, "token", "add", "nina", *words)
    assert done.returncode == 0, done.stderr
    assert "aud_" not in done.stdout
    written = json.loads(profile.read_text())
    assert written["shareCredentialsVersion"] == 1
    assert written["endpoint"] == "https://portal.example/delta-sharing/"
    assert AccountStore(home.portal_accounts).tokens.find(written["bearerToken"])
    assert stat.S_IMODE(profile.stat().st_mode) == 0o600
    again = user(home, "token", "add", "nina", *words)
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert len(AccountStore(home.portal_accounts).tokens.all()) == 1


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("add", "budi"), "there is no account 'budi'"),
        (("add", "nina", "--advertiser", "jaya"), "nina does not read 'jaya'"),
        (("add", "nina", "--days", "0"), "a token cannot last 0 days"),
        (("add", "nina", "--days", "367"), "a token cannot last 367 days"),
        (("add", "nina", "--name", "a\nb"), "cannot be the name of a token"),
        (("add", "wira", "--advertiser", "_all"), "'_all' is not the id of an advertiser"),
        (("add", "nina", "--profile", "/nowhere/at/all"), "its folder does not exist"),
        (("add", "nina", "--profile", "new", "--origin", "http://portal"), "not the address"),
        (("revoke", "0123456789ab"), "there is no token '0123456789ab'"),
    ],
)
def test_a_mistake_makes_no_token(home: Home, words: tuple[str, ...], problem: str) -> None:
    user(home, "add", "nina", "--advertiser", "maju")
    user(home, "add", "wira", "--role", "analyst")
    done = user(home, "token", *words)
    assert done.returncode == 2
    assert problem in done.stderr
    assert AccountStore(home.portal_accounts).tokens.all() == ()


def test_what_cannot_be_recorded_makes_no_token(home: Home) -> None:
    user(home, "add", "nina", "--advertiser", "maju")
    home.portal_log.mkdir()
    assert user(home, "token", "add", "nina").returncode == 6
    assert AccountStore(home.portal_accounts).tokens.all() == ()


def test_a_token_reads_what_its_account_reads_or_less(store: AccountStore) -> None:
    def scope(login: str, *advertisers: str) -> list[str] | None:
        added, written = store.tokens.add(login, "crm", 30, advertisers)
        found = store.tokens.find(written)
        assert found
        assert found.reader == added.reader
        return found.reader.scope

    assert scope("both") == ["jaya", "maju"]
    assert scope("both", "jaya") == ["jaya"]
    assert scope("wira") is None
    assert scope("wira", "jaya") == ["jaya"]


def test_a_token_expires(tmp_path: Path) -> None:
    now = [1_000_000.0]
    store = AccountStore(tmp_path / "portal/accounts.sqlite", lambda: now[0])
    store.add(UserAccount("nina", "ad_ops", ("maju",)), "hash")
    added, written = store.tokens.add("nina", "crm", 30)
    now[0] += 30 * _DAY - 1
    assert store.tokens.find(written)
    assert store.tokens.all()[0].used
    now[0] += 1
    assert store.tokens.find(written) is None
    assert store.tokens.find_by_id(added.id) is None
    assert [one.id for one in store.tokens.all()] == [added.id]


def test_a_token_ends_with_its_account_its_password_and_when_it_is_revoked(
    store: AccountStore,
) -> None:
    of_nina, of_both, of_wira, kept = (
        store.tokens.add(login, "crm", 30)[1] for login in ("nina", "both", "wira", "wira")
    )
    store.remove("nina")
    store.add(UserAccount("nina", "ad_ops", ("maju",)), "hash")
    store.set_password("both", "other")
    store.tokens.revoke(of_wira.split("_")[1])
    assert [store.tokens.find(one) is None for one in (of_nina, of_both, of_wira, kept)] == (
        [True, True, True, False]
    )


def test_another_secret_or_form_finds_no_token(store: AccountStore) -> None:
    _, written = store.tokens.add("nina", "crm", 30)
    _, other = store.tokens.add("both", "crm", 30)
    head, mixed = written.rpartition("_")[0], "_".join(written.split("_")[:2])
    for wrong in (
        *("", head, written[:-1], written + "a", written.upper(), f" {written}"),
        f"{mixed}_{other.split('_', 2)[2]}",
    ):
        assert store.tokens.find(wrong) is None, wrong
    assert store.tokens.find(written)


def test_help_names_the_commands(home: Home) -> None:
    assert {"add", "list", "revoke"} <= set(call("user", "token", "--help").stdout.split())
