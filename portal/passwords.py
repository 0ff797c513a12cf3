"""Passwords: made, hashed with Argon2id, and compared in the same time for every login."""

import secrets
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH, MAX_LENGTH = 12, 1024
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read as something else
_GROUPS, _GROUP_LENGTH = 5, 5
# Each hash takes 64 MiB for a moment: a flood of sign-ins waits instead of filling the memory.
_AT_ONCE = BoundedSemaphore(2)
_HASHER = PasswordHasher()


def new_password() -> str:
    """A random password of 25 characters (123 bits), in groups that can be typed."""
    return "-".join(
        "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS)
    )


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
