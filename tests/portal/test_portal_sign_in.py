"""Guessing passwords: stopped by login and by address, the same for logins that there are not."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portal import sign_in
from portal.account_store import AccountStore
from portal.passwords import MAX_LENGTH, fits, hashed
from portal.sign_in import Outcome, SignInAttempt, SignInLimits, SignInResult, try_sign_in
from portal.user_accounts import UserAccount

pytestmark = pytest.mark.alternate("sign-in")

RIGHT, WRONG = "a horse that is correct", "a horse that is wrong"
LIMITS = SignInLimits(by_login=3, by_device=3, by_address=7)


class Door:
    """A store with the accounts nina and budi, and a clock that is set by hand."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.store = AccountStore(folder / "accounts.sqlite", lambda: self.now)
        for login in ("nina", "budi"):
            self.store.add(UserAccount(login, "ad_ops", ("maju",)), HASH)

    def try_(self, login: str, password: str, address: str = "a", device: str = "") -> Outcome:
        return try_sign_in(
            SignInAttempt(login, password, address, device), self.store, LIMITS
        ).outcome


HASH = hashed(RIGHT)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


@pytest.mark.parametrize("login", ["nina", "not-there"])
def test_after_some_failures_a_login_is_refused_whether_it_exists_or_not(
    door: Door, login: str
) -> None:
    outcomes = [door.try_(login, WRONG, address=str(number)) for number in range(5)]
    assert outcomes == ["refused"] * 3 + ["too_many"] * 2
    assert door.try_(login, RIGHT) == "too_many"


def test_others_are_not_locked_out(door: Door) -> None:
    for _ in range(5):
        door.try_("nina", WRONG, address="attacker")
    assert door.try_("budi", RIGHT, address="attacker") == "signed_in"
    assert door.try_("budi", RIGHT, address="home") == "signed_in"


def test_a_recognised_browser_is_not_locked_out_by_others(door: Door) -> None:
    device = door.store.recognise_device("nina", HASH)
    assert device
    for _ in range(9):
        door.try_("nina", WRONG, address="attacker")
    assert door.try_("nina", RIGHT, address="attacker", device=device) == "signed_in"
    assert door.try_("nina", RIGHT, address="attacker", device="guessed") == "too_many"
    # It can be used for guessing no more than a stranger's browser.
    assert [door.try_("nina", WRONG, device=device) for _ in range(4)][-1] == "too_many"
    assert door.try_("budi", WRONG, address="attacker", device=device) == "refused"


def test_an_address_is_stopped_whatever_logins_it_tries(door: Door) -> None:
    outcomes = [door.try_(f"login{number}", WRONG, address="attacker") for number in range(9)]
    assert outcomes == ["refused"] * 7 + ["too_many"] * 2
    assert door.try_("nina", RIGHT, address="attacker") == "too_many"
    assert door.try_("nina", RIGHT, address="home") == "signed_in"


def test_attempts_at_the_same_moment_are_no_way_around_the_limit(door: Door) -> None:
    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(lambda _: door.try_("nina", WRONG), range(12)))
    assert sorted(outcomes) == ["refused"] * 3 + ["too_many"] * 9


@pytest.mark.parametrize("outdated", [False, True])
def test_a_password_that_changes_during_a_sign_in_stays_changed(
    door: Door, outdated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one was compared, and is the account's no more when the session would begin."""
    compared, newer = fits, hashed("another horse, also correct")

    def changed_meanwhile(password: str, stored: str | None) -> bool:
        fitted = compared(password, stored)
        door.store.set_password("nina", newer)
        return fitted

    monkeypatch.setattr(sign_in, "fits", changed_meanwhile)
    monkeypatch.setattr(sign_in, "is_outdated", lambda _: outdated)
    result = try_sign_in(SignInAttempt("nina", RIGHT, "a"), door.store, LIMITS)
    assert door.store.password_of("nina") == newer
    assert door.store.begin_session("nina", result.password_hash, 0) is None
    assert door.store.recognise_device("nina", result.password_hash) is None
    assert door.store.begin_session("nina", newer, 0)


def test_an_outdated_hash_is_renewed_and_the_session_begins(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "is_outdated", lambda _: True)
    result = try_sign_in(SignInAttempt("nina", RIGHT, "a"), door.store, LIMITS)
    renewed = door.store.password_of("nina")
    assert renewed not in (HASH, None)
    assert result == SignInResult("signed_in", renewed or "")
    assert door.store.begin_session("nina", result.password_hash, 0)


def test_a_password_is_compared_as_it_was_typed(door: Door) -> None:
    """Neither its beginning, nor other letters, nor blanks around it are the password."""
    longest = "x" * MAX_LENGTH
    stored = hashed(longest)
    assert fits(longest, stored)
    for typed in (f"{longest}x", longest[:-1], f" {longest[1:]}", longest.upper()):
        assert not fits(typed, stored)
    for typed in (RIGHT.upper(), f"{RIGHT} ", f" {RIGHT}", RIGHT[:-1]):
        assert door.try_("nina", typed, address=typed) in {"refused", "too_many"}
    assert fits("\u00e9 any \U0001f40e of them", hashed("\u00e9 any \U0001f40e of them"))


def test_what_succeeds_does_not_count(door: Door) -> None:
    assert [door.try_("nina", RIGHT) for _ in range(9)] == ["signed_in"] * 9


def test_a_flood_is_counted_no_further_and_passes(door: Door) -> None:
    for _ in range(50):
        door.try_("nina", WRONG)
    assert door.store.failures("login nina", LIMITS.window_seconds) == 3
    door.now += LIMITS.window_seconds + 1
    assert door.try_("nina", RIGHT) == "signed_in"
