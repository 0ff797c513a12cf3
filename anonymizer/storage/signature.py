"""Seals a statement so that anyone can tell who made it and that no word was changed.

An Ed25519 signature by a key that is derived from the secret: the same statement always has the
same seal, and nobody who holds seals or the public key learns anything of the secret.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from anonymizer.model.errors import Held
from anonymizer.storage.files import canonical_json
from anonymizer.storage.secret import Secret

_FIELD, _ALGORITHM = "seal", "Ed25519"
_REMEDY = "do not rely on anything in it; ask the publisher for a new copy of the export"


def sealed(statement: Mapping[str, Any], secret: Secret) -> dict[str, Any]:
    """The statement with its seal as the last field."""
    key = Ed25519PrivateKey.from_private_bytes(secret.derive("certificate"))
    signature = key.sign(canonical_json(statement).encode())
    public = key.public_key().public_bytes_raw().hex()
    seal = {"algorithm": _ALGORITHM, "public_key": public, "signature": signature.hex()}
    return {**statement, _FIELD: seal}


def key_fingerprint(secret: Secret) -> str:
    """What advertisers are told of the key that seals, in groups that can be read out aloud."""
    key = Ed25519PrivateKey.from_private_bytes(secret.derive("certificate"))
    return _fingerprint(key.public_key().public_bytes_raw())


def opened(document: Mapping[str, Any], fingerprint: str = "") -> tuple[Mapping[str, Any], str]:
    """The statement, proved to be unchanged, and the fingerprint of the key that sealed it.

    Raises Held `certificate` when the seal does not fit, or is of another key than `fingerprint`
    (spaces and case aside) names.
    """
    statement = {name: value for name, value in document.items() if name != _FIELD}
    try:
        seal = document[_FIELD]
        raw = bytes.fromhex(seal["public_key"])
        key = Ed25519PublicKey.from_public_bytes(raw)
        key.verify(bytes.fromhex(seal["signature"]), canonical_json(statement).encode())
    except (InvalidSignature, KeyError, TypeError, ValueError):
        raise Held("certificate", f"the certificate's seal is not valid; {_REMEDY}") from None
    found = _fingerprint(raw)
    if fingerprint and _plain(fingerprint) != _plain(found):
        raise Held(
            "certificate", f"the certificate was sealed with another key ({found}); {_REMEDY}"
        )
    return statement, found


def _fingerprint(public: bytes) -> str:
    """80 bits of the key's digest, in groups that can be read out aloud."""
    digits = hashlib.sha256(public).hexdigest()[:20]
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def _plain(fingerprint: str) -> str:
    return "".join(fingerprint.split()).lower()
