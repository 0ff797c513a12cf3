"""Who decides what: logins of the operating system by role, from section `roles` of `policy.yaml`.

The system names the login (`permissions.account_name`), so that nobody decides in another's name by
setting a variable.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Role = Literal["privacy_officer", "data_engineer", "ad_ops"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True)
class Roles:
    """The logins of each role; a login may have several. Empty while no role is configured."""

    logins: Mapping[Role, tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether any login has a role."""
        return any(self.logins.values())

    def overlaid(self, later: "Roles") -> "Roles":
        """These roles with the lists of later ones in their place, where those name a login."""
        named = {role: logins for role, logins in later.logins.items() if logins}
        return Roles({**self.logins, **named})

    def of(self, login: str) -> tuple[Role, ...]:
        """The roles of a login, in the order of `ROLES`; none for a login that is not listed."""
        return tuple(role for role in ROLES if login in self.logins.get(role, ()))
