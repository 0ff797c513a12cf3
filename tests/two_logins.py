"""Approvals of weaker settings: by two logins of this machine, or by two that a test names."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from anonymizer.model.roles import Roles
from anonymizer.release.corrections import Who
from anonymizer.release.ledger import Ledger
from anonymizer.release.settings_change import approve_settings
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

# Accounts that every machine has: system accounts of Linux and macOS.
OFFICER, ENGINEER, OTHER = "daemon", "nobody", "root"
ROLES = f"roles: {{privacy_officer: [{OFFICER}], data_engineer: [{ENGINEER}]}}"
_NAMED = Roles({"privacy_officer": (OFFICER,), "data_engineer": (ENGINEER,)})


@contextmanager
def login(name: str) -> Iterator[None]:
    """This process run by another login, which may write what it could write before.

    Root changes the real user of the process, as `su` does; other users cannot, and there the
    system's answer to who runs the process is replaced.
    """
    number = pwd.getpwnam(name).pw_uid
    if os.geteuid() == 0 and hasattr(os, "setresuid"):
        os.setresuid(number, 0, 0)
        try:
            yield
        finally:
            os.setresuid(0, 0, 0)
    else:
        with mock.patch.object(os, "getuid", return_value=number):
            yield


def approve_by_two(home: Home, ledger: Ledger, secret: Secret, *, name_roles: bool = True) -> None:
    """Both approvals of the settings in the files, which name the roles themselves or not at all.

    Roles that are missing are added first, unless `name_roles` is off: that weakens nothing.
    """
    text = home.policy.read_text(encoding="utf-8")
    if name_roles and ("\nroles: {}" in text or "roles:" not in text):
        named = text.replace("\nroles: {}", f"\n{ROLES}") if "roles: {}" in text else text + ROLES
        home.policy.write_text(named + "\n", encoding="utf-8")
    for name in (ENGINEER, OFFICER):
        approve_settings(home, ledger, secret, Who(_NAMED, name), "Agreed in the meeting.")
