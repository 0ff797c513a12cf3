"""`sign_in.yaml`: what cannot be trusted is refused at once, before the portal serves anything."""

from pathlib import Path

import pytest
from running import Done, call

from anonymizer.model.errors import ConfigurationError, SecretProblem
from anonymizer.storage.home import Home
from cli.commands.init import create_home
from portal import portal_limits
from portal.account_store import AccountStore
from portal.passwords import fits
from portal.provider_identities import ProviderIdentities
from portal.sign_in_settings import (
    SignInSettings,
    is_trusted_address,
    load_sign_in_settings,
)
from portal.user_accounts import PORTAL_ROLES, UserAccount

ISSUER = "https://login.example"
PROVIDER = f"provider: {{name: Login, issuer: '{ISSUER}', client_id: portal}}\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return create_home(Home(tmp_path / "home"))


def user(home: Home, *words: str) -> Done:
    return call("user", *words, "--home", home.root)


def loaded(home: Home, text: str) -> SignInSettings:
    home.sign_in.write_text(text)
    return load_sign_in_settings(home)


def test_without_the_file_everyone_has_a_password(home: Home) -> None:
    settings = load_sign_in_settings(home)
    assert settings.provider is None
    assert list(settings.password_roles) == list(PORTAL_ROLES)


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        (PROVIDER, PORTAL_ROLES),
        (PROVIDER + "passwords_off_for: everyone\n", ()),
        (PROVIDER + "passwords_off_for: [ad_ops, analyst]\n", PORTAL_ROLES[2:]),
    ],
)
def test_roles_with_passwords(home: Home, text: str, roles: tuple[str, ...]) -> None:
    assert tuple(loaded(home, text).password_roles) == roles


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("passwords_off_for: everyone\n", "only where a provider is set"),
        (PROVIDER + "passwords_off_for: [root]\n", "sign_in.yaml:2 passwords_off_for"),
        (PROVIDER + "passwords: no\n", "this key is unknown"),
        (PROVIDER.replace("https", "http"), "write the issuer as the provider states it"),
        (PROVIDER.replace("login.example", "a:b@login.example"), "write the issuer"),
        (PROVIDER.replace("login.example", "login.example?a=b"), "write the issuer"),
        (PROVIDER.replace("client_id: portal", "client_id: ''"), "provider.client_id"),
        (PROVIDER.replace("}", ", algorithms: [HS256]}"), "provider.algorithms"),
        (PROVIDER.replace("}", ", algorithms: [none]}"), "provider.algorithms"),
        (PROVIDER.replace("}", ", algorithms: []}"), "provider.algorithms"),
        (PROVIDER.replace("}", ", account: preferred_username}"), "provider.account"),
    ],
)
def test_settings_that_cannot_be_trusted_are_refused(home: Home, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sign_in\.yaml") as refused:
        loaded(home, text)
    assert problem in str(refused.value)
    done = call("portal", "--home", home.root)
    assert done.returncode == 2
    assert problem in " ".join(done.stderr.split())


@pytest.mark.parametrize(("mode", "content"), [(0o644, "s3cret"), (0o600, ""), (0o600, None)])
def test_a_secret_that_others_can_read_is_refused_and_never_shown(
    home: Home, mode: int, content: str | None
) -> None:
    secret = home.root / "client-secret"
    if content is not None:
        secret.write_text(content)
        secret.chmod(mode)
    text = PROVIDER.replace("}", f", client_secret_file: {secret}}}")
    with pytest.raises(SecretProblem, match="client_secret_file") as refused:
        loaded(home, text)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "like", "trusted"),
    [
        ("https://login.example/token", ISSUER, True),
        ("https://other.example/token", ISSUER, True),  # large providers have several hosts
        ("http://login.example/token", ISSUER, False),
        ("http://127.0.0.1:99/token", ISSUER, False),
        ("http://127.0.0.1:99/token", "http://localhost:98", True),
        ("http://10.0.0.1/token", "http://localhost:98", False),
        ("javascript:alert(1)", ISSUER, False),
        ("https://", ISSUER, False),
        ("https://a b/", ISSUER, False),
        ("https://a:99999/", ISSUER, False),
        ("", ISSUER, False),
    ],
)
def test_addresses_of_a_provider_are_over_https(address: str, like: str, trusted: bool) -> None:
    assert is_trusted_address(address, like=like) is trusted


def test_an_account_is_linked_when_it_is_made_and_may_have_no_password(home: Home) -> None:
    home.sign_in.write_text(PROVIDER)
    done = user(home, "add", "dewi", "--role", "privacy_officer", "--oidc-subject", "3f9c41",
                "--no-password")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Password" not in done.stdout
    store = AccountStore(home.portal_accounts)
    assert store.identities.login_of(ISSUER, "3f9c41") == "dewi"
    assert store.identities.login_of("https://other.example", "3f9c41") is None
    for typed in ("", "x"):
        assert not fits(typed, store.password_of("dewi"))
    listed = user(home, "list").stdout
    assert "linked" in listed
    assert "3f9c41" not in listed


def test_a_link_is_made_and_ended_later(home: Home) -> None:
    home.sign_in.write_text(PROVIDER)
    user(home, "add", "nina", "--advertiser", "maju")
    store = AccountStore(home.portal_accounts)
    assert user(home, "link", "nina", "8a21d0").returncode == 0
    token = store.begin_session("nina", store.password_of("nina") or "", 0)
    assert token
    user(home, "add", "budi", "--advertiser", "maju")
    _, written = store.tokens.add("nina", "report", 30, ("maju",))
    _, of_another = store.tokens.add("budi", "report", 30)
    assert store.tokens.find(written)
    ended = user(home, "unlink", "nina")
    assert ended.returncode == 0
    assert "its sessions and API tokens have ended" in " ".join(ended.stdout.split())
    assert store.find_session(token) is None
    assert store.tokens.find(written) is None
    assert store.tokens.find(of_another)
    assert store.identities.login_of(ISSUER, "8a21d0") is None
    user(home, "link", "nina", "8a21d0")
    assert user(home, "remove", "nina").returncode == 0
    assert store.identities.login_of(ISSUER, "8a21d0") is None, "a link ends with its account"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("link", "not-there", "x"), "there is no account"),
        (("link", "nina", "y"), "is linked already"),
        (("link", "budi", "x"), "is linked already"),
        (("link", "budi", ""), "1 to 255 printable ASCII characters"),
        (("link", "budi", "x" * 256), "1 to 255 printable ASCII characters"),
        (("unlink", "budi"), "has no link with a provider"),
        (("add", "dewi", "--advertiser", "maju", "--oidc-subject", "x"), "is linked already"),
        (("add", "dewi", "--advertiser", "maju", "--no-password", "--ask"), "use one of them"),
    ],
)
def test_mistakes_of_links_change_nothing(home: Home, words: tuple[str, ...], problem: str) -> None:
    home.sign_in.write_text(PROVIDER)
    user(home, "add", "nina", "--advertiser", "maju", "--oidc-subject", "x")
    user(home, "add", "budi", "--advertiser", "jaya")
    store = AccountStore(home.portal_accounts)
    before = (store.accounts(), store.identities.linked())
    done = user(home, *words)
    assert done.returncode == 2
    assert problem in " ".join(done.stderr.split())
    assert (store.accounts(), store.identities.linked()) == before


def test_a_link_needs_a_provider(home: Home) -> None:
    user(home, "add", "nina", "--advertiser", "maju")
    for words in (("link", "nina", "x"), ("add", "dewi", "--role", "analyst", "--no-password")):
        done = user(home, *words)
        assert done.returncode == 2
        assert "no provider is set" in done.stderr


def test_a_sign_in_that_is_not_completed_in_time_is_none(tmp_path: Path) -> None:
    now = [0.0]
    identities = ProviderIdentities(tmp_path / "portal/accounts.sqlite", lambda: now[0])
    browser, pending = identities.begin("http://127.0.0.1/sign-in/callback", "/")
    assert pending.verifier not in repr(pending)
    assert identities.take(pending.state, "another browser") is None
    assert identities.take("another state", browser) is None
    now[0] = portal_limits.SIGN_IN_SECONDS + 1.0
    assert identities.take(pending.state, browser) is None
    again, second = identities.begin("http://127.0.0.1/sign-in/callback", "/")
    assert identities.take(second.state, again) == second
    assert identities.take(second.state, again) is None, "once"


def test_accounts_of_an_earlier_version_can_be_linked(home: Home) -> None:
    """The file gets its new tables when it is opened."""
    import sqlite3  # noqa: PLC0415

    home.sign_in.write_text(PROVIDER)
    store = AccountStore(home.portal_accounts)
    store.add(UserAccount("nina", "ad_ops", ("maju",)), "hash")
    with sqlite3.connect(home.portal_accounts) as database:
        database.execute("DROP TABLE provider_identities")
        database.execute("DROP TABLE provider_sign_ins")
    store.identities.link("nina", ISSUER, "x")
    assert store.identities.linked() == {"nina"}
