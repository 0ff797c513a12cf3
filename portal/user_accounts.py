"""Who may sign in to the portal, and whose exports an account may read."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from anonymizer.exports.export_folders import FOR_ALL
from anonymizer.model.errors import ConfigurationError, Fault

PortalRole = Literal["ad_ops", "analyst", "privacy_officer", "data_engineer"]
PORTAL_ROLES: tuple[PortalRole, ...] = get_args(PortalRole)
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_ADVERTISER = re.compile(r"[^/\\\s\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True)
class UserAccount:
    """An account of the portal. Ad-ops read their `advertisers`, the other roles read every one.

    Raises ConfigurationError with every mistake in it.
    """

    login: str
    role: PortalRole
    advertisers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if faults := list(self._faults()):
            raise ConfigurationError(faults)

    def _faults(self) -> list[Fault]:
        faults = []
        if not _LOGIN.fullmatch(self.login):
            remedy = "use 1 to 64 small letters, digits, '.', '_', '@' or '-'"
            faults.append(Fault("login", f"{self.login!r} cannot be a login", remedy))
        if self.role == "ad_ops" and not self.advertisers:
            remedy = "name each with --advertiser"
            faults.append(Fault("--advertiser", "an ad_ops account needs an advertiser", remedy))
        if self.role != "ad_ops" and self.advertisers:
            problem = f"an account with the role {self.role} reads every advertiser"
            faults.append(Fault("--advertiser", problem, "leave it out, or use --role ad_ops"))
        faults += [
            Fault("--advertiser", f"{name!r} is not the id of an advertiser")
            for name in self.advertisers
            if name == FOR_ALL or not _ADVERTISER.fullmatch(name)
        ]
        return faults

    @property
    def scope(self) -> list[str] | None:
        """The advertisers that it may read; None for every one."""
        return list(self.advertisers) if self.role == "ad_ops" else None

    def may_read(self, recipient: str) -> bool:
        """Whether exports for this advertiser, or for all of them, are for it."""
        return recipient == FOR_ALL or self.scope is None or recipient in self.advertisers
