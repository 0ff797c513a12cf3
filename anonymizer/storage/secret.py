"""The secret behind pseudonyms, marks, rounding and floor offsets.

One random key, from which a key for each purpose is derived (HMAC-SHA256 with the
purpose as message, after NIST SP 800-108), so that no two uses can be related. The
key itself is never printed, logged or written anywhere but in `secret.key`.

After a change of the key the file has two lines. The first key draws and seals from then on; the
second, the first that the home ever had, goes on naming people, visits and requests. So groups stay
comparable with those that were judged before, and share their outcomes (promise 8).

Where keys are kept elsewhere, one of three variables of the environment takes the place of that
file: `AUDIENCE_SECRET_FILE`, `AUDIENCE_SECRET_COMMAND`, `AUDIENCE_SECRET`. What a command prints is
read and never shown, on either stream.
"""

import glob
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from anonymizer.model.errors import SecretProblem
from anonymizer.storage.home import Home
from anonymizer.storage.secret_texts import CommandFailed, printed_by

KEY_BYTES = 32
# What names people, rows and requests. Everything else draws, seals or salts.
_NAMING = frozenset(
    {"person", "mark", "visit", "content", "request", "erasure", "requests_taken", "request_done"}
)
_MOST_KEYS = 2
_PRIVATE_MODE = 0o077
_FILE, _COMMAND, _VALUE = "AUDIENCE_SECRET_FILE", "AUDIENCE_SECRET_COMMAND", "AUDIENCE_SECRET"


class Secret:
    """A key and what is derived from it. Its representation shows the fingerprint only.

    `naming` is the key of names, where it is another one.
    """

    def __init__(self, key: bytes, naming: bytes | None = None) -> None:
        for one in (key, naming or key):
            if len(one) < KEY_BYTES:
                raise SecretProblem(
                    f"the key has {len(one)} bytes, at least {KEY_BYTES} are needed; "
                    "restore the key from its backup"
                )
        self._key, self._naming = key, naming or key

    @classmethod
    def of(cls, home: Home) -> "Secret":
        """The key of a home: `secret.key`, or what the environment names in its place.

        Raises SecretProblem, also when the environment names more than one.
        """
        named = {name: os.environ[name] for name in (_FILE, _COMMAND, _VALUE) if name in os.environ}
        if len(named) > 1:
            raise SecretProblem(f"{' and '.join(named)} are both set; unset all but one")
        if _FILE in named:
            return cls.load(Path(named[_FILE]))
        if _COMMAND in named:
            return cls._parsed(_printed(named[_COMMAND]), f"what {_COMMAND} prints")
        if _VALUE in named:
            return cls._parsed(named[_VALUE], _VALUE)
        return cls.load(home.secret)

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
        return cls._parsed(text, path.name)

    @classmethod
    def _parsed(cls, text: str, place: str) -> "Secret":
        if not text.strip():
            raise SecretProblem(f"{place} is empty; restore it from its backup")
        try:
            keys = [bytes.fromhex(word) for word in text.split()]
        except ValueError:
            keys = []
        if not 0 < len(keys) <= _MOST_KEYS:
            raise SecretProblem(f"{place} is damaged: not hexadecimal; restore it from its backup")
        return cls(*keys)

    @classmethod
    def create(cls, path: Path) -> "Secret":
        """Write a new random key, mode 0600. Refuses to overwrite one."""
        _write_new(path, [secrets.token_hex(KEY_BYTES)])
        return cls.load(path)

    def replace(self, path: Path) -> "Secret":
        """Write a key that takes the place of this one, mode 0600: another one for draws and seals,
        the same for names. Refuses to overwrite a file. What a kill has left of an attempt goes.
        """
        for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
            left.unlink(missing_ok=True)
        _write_new(path, [secrets.token_hex(KEY_BYTES), self._naming.hex()])
        return Secret.load(path)

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose."""
        key = self._naming if purpose in _NAMING else self._key
        return hmac.digest(key, purpose.encode(), hashlib.sha256)

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

    @property
    def naming_fingerprint(self) -> str:
        """The same of the key of names: `fingerprint` as long as the key was never changed."""
        return Secret(self._naming).fingerprint

    def __repr__(self) -> str:
        return f"Secret({self.fingerprint})"


def _write_new(path: Path, keys: list[str]) -> None:
    """The file is whole or not there, and never in the place of another."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.fchmod(descriptor, 0o600)  # whatever the umask
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write("".join(f"{key}\n" for key in keys))
            file.flush()
            os.fsync(descriptor)
        os.link(temporary, path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_kept_elsewhere() -> bool:
    """Whether the environment names the key, so that the home has none of its own."""
    return any(name in os.environ for name in (_FILE, _COMMAND, _VALUE))


def _printed(command: str) -> str:
    """What the command prints. Raises SecretProblem."""
    try:
        return printed_by(command)
    except CommandFailed as failure:
        problem = str(failure)
    raise SecretProblem(f"the command of {_COMMAND} {problem}; run it by hand to see why")
