"""Keeps what is not for others out of the reach of other accounts of the machine.

`published/` and the configuration are left as the umask makes them: they are for others.
"""

import os
import pwd
from contextlib import suppress

from anonymizer.home import Home

_FOLDER, _FILE = 0o700, 0o600


def restrict(home: Home) -> None:
    """Let nobody but the owner into working data, run history, alerts, requests and the ledger.

    What is not there yet is left out, but for `private/`, which is made.
    """
    with suppress(OSError):  # without room or permission: what is written next says so
        home.private.mkdir(parents=True, exist_ok=True)
    for folder in (
        *(home.private, home.dagster, home.raw / "requests"),
        *(home.root / "alerts", home.root / "logs"),
    ):
        with suppress(OSError):  # somebody else's mount: its owner decides
            folder.chmod(_FOLDER)
    with suppress(OSError):
        home.ledger.chmod(_FILE)


def account_name() -> str:
    """The account of this machine that runs the program; its number where it has no name.

    The system says so, not the environment, which anybody can set.
    """
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
