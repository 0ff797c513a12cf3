"""Addresses of files that work without a header for a few minutes: signed, and bound to a token.

Programs that read shared tables fetch files by address alone. The key is made when the portal
starts and is in no file; an address ends with its token, at its time, and when the portal restarts.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from portal import portal_limits


@dataclass(frozen=True)
class FilePlace:
    """Where an exported file is."""

    recipient: str
    release: str
    name: str

    @property
    def path(self) -> str:
        """As a path of an address."""
        return "/".join(quote(part, safe="") for part in (self.recipient, self.release, self.name))


class FileAddresses:
    """Signs addresses with a key of its own; `clock` says what time it is, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._key, self._clock = secrets.token_bytes(32), clock

    def sign(self, place: FilePlace, token: str) -> tuple[str, int]:
        """The query of an address for the token with this id, and when it expires."""
        expires = int(self._clock()) + portal_limits.ADDRESS_SECONDS
        signature = self._signature(place, token, str(expires))
        # Delta's kernel reads an address as signed if it has `sp`, the permissions (here: read).
        query = urlencode({"sp": "r", "token": token, "expires": expires, "sig": signature})
        return query, expires

    def is_valid(self, place: FilePlace, token: str, expires: str, signature: str) -> bool:
        """Whether an address was signed here for this file and token, and is not too old."""
        expected = self._signature(place, token, expires)
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            return False
        return self._clock() < int(expires)  # what was signed is a number

    def _signature(self, place: FilePlace, token: str, expires: str) -> str:
        signed = json.dumps([place.recipient, place.release, place.name, token, expires])
        return hmac.new(self._key, signed.encode(), hashlib.sha256).hexdigest()
