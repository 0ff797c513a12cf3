"""Signing in: the password is compared only while few attempts have failed.

Failures count for the login, whether there is such an account or not, and for the address that
they come from. A browser on which the account was signed in before has a count of its own, so that
others who guess do not lock its owner out.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from portal.account_store import AccountStore
from portal.passwords import fits, hashed, is_outdated
from portal.user_accounts import PORTAL_ROLES, PortalRole

Outcome = Literal["signed_in", "refused", "too_many"]


@dataclass(frozen=True)
class SignInLimits:
    """So many sign-ins may fail within the window, by login, by device and by address."""

    window_seconds: int = 15 * 60
    by_login: int = 10
    by_device: int = 10
    by_address: int = 50


@dataclass(frozen=True)
class SignInAttempt:
    """What someone typed, from where, and the token of the device if the browser has one."""

    login: str
    password: str
    address: str
    device: str = ""


@dataclass(frozen=True)
class SignInResult:
    """The outcome; of a success also the hash that the password fitted.

    A session begins only while this hash is the account's: its password may be changed meanwhile.
    """

    outcome: Outcome
    password_hash: str = ""


def try_sign_in(
    attempt: SignInAttempt,
    store: AccountStore,
    limits: SignInLimits,
    roles: Collection[PortalRole] = PORTAL_ROLES,
) -> SignInResult:
    """Compare the password, unless too many attempts have failed; a failure is counted.

    The password of an account whose role is not among `roles` is wrong, whatever it is.
    """
    counted = store.begin_attempt(_counted(attempt, store, limits), limits.window_seconds)
    if counted is None:
        return SignInResult("too_many")
    stored = store.password_of(attempt.login)
    fitted = fits(attempt.password, stored)  # takes as long for every account, and for none
    if not fitted or stored is None or store.role_of(attempt.login) not in roles:
        return SignInResult("refused")
    store.forget_attempt(counted)
    if is_outdated(stored):
        newer = hashed(attempt.password)
        if store.rehash(attempt.login, stored, newer):
            stored = newer
    return SignInResult("signed_in", stored)


def _counted(attempt: SignInAttempt, store: AccountStore, limits: SignInLimits) -> dict[str, int]:
    """The names under which a failure counts, and how many there may be of each."""
    if attempt.device and store.is_device_of(attempt.device, attempt.login):
        return {f"device {attempt.device}": limits.by_device}
    return {
        f"login {attempt.login}": limits.by_login,
        f"address {attempt.address}": limits.by_address,
    }
