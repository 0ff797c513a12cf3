"""The profile with which a client of Delta Sharing finds the portal and signs in."""

import json
import os
import re
from datetime import datetime
from pathlib import Path

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.storage.files import write_new

ENDPOINT = "/delta-sharing"
_ORIGIN = re.compile(r"https://[a-z0-9.-]+(:\d{1,5})?|http://(127\.0\.0\.1|localhost)(:\d{1,5})?")


def require_new(path: Path, origin: str) -> None:
    """Raise ConfigurationError where the profile cannot be written, or names no portal."""
    if os.path.lexists(path):
        raise ConfigurationError([Fault(str(path), "is there already", "name a new file")])
    if not path.absolute().parent.is_dir():
        raise ConfigurationError([Fault(str(path), "its folder does not exist", "make it first")])
    if not _ORIGIN.fullmatch(origin):
        problem = f"{origin!r} is not the address of a portal"
        remedy = "write https://portal.example, or http://127.0.0.1:8100"
        raise ConfigurationError([Fault("--origin", problem, remedy)])


def write_profile(path: Path, origin: str, token: str, expires: datetime) -> None:
    """Write the profile into a new file that its owner alone can read. Raises NoSpace."""
    profile = {
        "shareCredentialsVersion": 1,
        "endpoint": f"{origin}{ENDPOINT}/",
        "bearerToken": token,
        "expirationTime": expires.strftime("%Y-%m-%dT%H:%M:%S.0Z"),
    }
    write_new((json.dumps(profile, indent=2) + "\n").encode(), path)
