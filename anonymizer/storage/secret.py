"""The secret behind pseudonyms, marks, rounding and floor offsets.

One random key, from which a key for each purpose is derived (HMAC-SHA256 with the
purpose as message, after NIST SP 800-108), so that no two uses can be related. The
key itself is never printed, logged or written anywhere but in `secret.key`.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from anonymizer.model.errors import SecretProblem

KEY_BYTES = 32
_PRIVATE_MODE = 0o077


class Secret:
    """A key and what is derived from it. Its representation shows the fingerprint only."""

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_BYTES:
            raise SecretProblem(
                f"the key has {len(key)} bytes, at least {KEY_BYTES} are needed; "
                "restore secret.key from its backup"
            )
        self._key = key

    @classmethod
    def load(cls, path: Path) -> "Secret":
        """Read the key file (hexadecimal text). Refuses one that others can read."""
        try:
            mode = path.stat().st_mode
            text = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretProblem(
                f"{path.name} cannot be read ({type(error).__name__}); restore it from its "
                "backup: a new key would draw new figures for people already counted"
            ) from None
        if mode & _PRIVATE_MODE:
            raise SecretProblem(f"{path.name} can be read by others; run: chmod 600 {path.name}")
        try:
            return cls(bytes.fromhex(text))
        except ValueError:
            raise SecretProblem(
                f"{path.name} is damaged: not hexadecimal; restore it from its backup"
            ) from None

    @classmethod
    def create(cls, path: Path) -> "Secret":
        """Write a new random key, mode 0600. Refuses to overwrite one."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.fchmod(descriptor, 0o600)  # whatever the umask
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
        return cls.load(path)

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose."""
        return hmac.digest(self._key, purpose.encode(), hashlib.sha256)

    def draw(self, purpose: str, message: str) -> int:
        """A 64-bit number that looks random and is the same for the same message."""
        digest = hmac.digest(self.derive(purpose), message.encode(), hashlib.sha256)
        return int.from_bytes(digest[:8], "big")

    def salt(self, subject: str) -> str:
        """Makes the digest of guessable content about `subject` unguessable; 256 bits."""
        return hmac.digest(self.derive("salt"), subject.encode(), hashlib.sha256).hex()

    @property
    def fingerprint(self) -> str:
        """Recognises the key without revealing it; stands in the ledger."""
        return self.derive("fingerprint").hex()[:16]

    def __repr__(self) -> str:
        return f"Secret({self.fingerprint})"
