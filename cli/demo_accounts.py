"""Accounts of the portal for a demo: one of each reader, in a home that the demo made itself.

A home of somebody else's never gets one: only a home with the mark that the demo leaves when it
makes one does, once, after its first releases. An account of somebody else's in such a home keeps
its password: the mark has the hashes of the passwords that demos made, and only accounts with one
of them are the demo's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from anonymizer.storage.files import make_folder, write_bytes
from anonymizer.storage.home import Home
from portal.account_store import AccountStore
from portal.user_accounts import UserAccount


@dataclass(frozen=True)
class DemoAccounts:
    """The logins and their one password, which is kept nowhere else: a hash takes a while."""

    logins: tuple[str, ...]
    password: str


def mark_demo(home: Home) -> None:
    """Say that a home was made for a demo. Raises NoSpace."""
    make_folder(home.portal)
    write_bytes(b"", _mark(home))


def add_demo_accounts(home: Home, advertisers: Sequence[str]) -> DemoAccounts | None:
    """Add the accounts to a home that has the mark; None for any other home.

    Ad-ops read all `advertisers`, and the first one has a user of its own. A login that is somebody
    else's account is left out.
    """
    if not advertisers or not _mark(home).exists() or find_spec("argon2") is None:
        return None
    from portal.passwords import hashed, new_password  # noqa: PLC0415  of an optional package

    store, password = AccountStore(home.portal_accounts), new_password()
    password_hash = hashed(password)
    accounts = (
        UserAccount("ad-ops", "ad_ops", tuple(advertisers)),
        UserAccount("advertiser", "ad_ops", (advertisers[0],)),
        UserAccount("analyst", "analyst"),
        UserAccount("officer", "privacy_officer"),
    )
    own = [*_mark(home).read_text(encoding="utf-8").split(), password_hash]
    write_bytes("".join(f"{one}\n" for one in own).encode(), _mark(home))
    known = {account.login: store.password_of(account.login) for account in store.accounts()}
    added = [account for account in accounts if known.get(account.login, password_hash) in own]
    for account in added:
        if account.login in known:  # of a demo that was killed before it printed the password
            store.set_password(account.login, password_hash)
        else:
            store.add(account, password_hash)
    return DemoAccounts(tuple(account.login for account in added), password)


def unmark_demo(home: Home) -> None:
    """The password is printed: no later run makes another one."""
    _mark(home).unlink(missing_ok=True)


def _mark(home: Home) -> Path:
    return home.portal / "demo"
