"""Passwords: made, hashed with Argon2id, and compared in the same time for every login.

A password that someone chooses has any characters, but is none that is known from leaks, or that is
guessed from words of this product, within a hundred million attempts (zxcvbn).
"""

import secrets
from collections.abc import Sequence
from functools import cache
from threading import BoundedSemaphore
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

MIN_LENGTH, MAX_LENGTH = 12, 1024
Weakness = Literal["too_short", "too_long", "guessable"]
# Words of this product and its readers, which guessers try first; docs/portal.md lists them.
GUESSED_FIRST = ("audience", "portal", "campaign", "kampanye", "iklan", "advertiser", "indonesia",
                 "jakarta", "ad_ops", "analyst", "privacy_officer", "data_engineer")  # fmt: skip
_SAFE_SCORE = 3  # more than 10^8 guesses
_LONGEST_ESTIMATED = 72  # characters whose guesses are estimated
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read as something else
_GROUPS, _GROUP_LENGTH = 6, 5
# Each hash takes 64 MiB for a moment: a flood of sign-ins waits instead of filling the memory.
_AT_ONCE = BoundedSemaphore(2)
_HASHER = PasswordHasher()


def new_password() -> str:
    """A random password of 30 characters (148 bits), in groups that can be typed."""
    return "-".join(
        "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS)
    )


def weakness(password: str, words: Sequence[str]) -> Weakness | None:
    """What is wrong with a password that someone chose; `words` are of its account."""
    if len(password) < MIN_LENGTH:
        return "too_short"
    if len(password) > MAX_LENGTH:
        return "too_long"
    known = [*GUESSED_FIRST, *words]
    found = zxcvbn(password[:_LONGEST_ESTIMATED], user_inputs=known, max_length=_LONGEST_ESTIMATED)
    return "guessable" if found["score"] < _SAFE_SCORE else None


def hashed(password: str) -> str:
    """The Argon2id hash, with its parameters and salt."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def fits(password: str, stored: str | None) -> bool:
    """Whether a password is the stored one; takes as long where no account has the login."""
    is_too_long = len(password) > MAX_LENGTH  # none was ever set; its beginning may be one
    with _AT_ONCE:
        try:
            _HASHER.verify(stored or _unused(), password[:MAX_LENGTH])
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None and not is_too_long


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with other parameters than those of today."""
    return _HASHER.check_needs_rehash(stored)


@cache
def _unused() -> str:
    """A hash that no password has."""
    return _HASHER.hash(secrets.token_hex(32))
