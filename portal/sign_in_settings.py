"""The settings of `sign_in.yaml`: who signs in with a password, and which provider is trusted.

Without the file everyone signs in with a password. Nothing here makes an account or gives a role.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, field_validator, model_validator

from anonymizer.model.configuration import Settings, load
from anonymizer.model.errors import ConfigurationError, Fault, SecretProblem
from anonymizer.storage.home import Home
from portal import portal_limits
from portal.user_accounts import PORTAL_ROLES, PortalRole

# Signed with a private key. `none`, and those whose key the client has too, cannot be chosen.
SigningAlgorithm = Literal["RS256", "PS256", "ES256", "ES384", "Ed25519"]
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_READABLE_BY_OTHERS = 0o077


class ProviderSettings(Settings):
    """An OpenID Connect provider, and how its users are matched with accounts."""

    name: str = Field(min_length=1, max_length=60)
    issuer: str
    client_id: str = Field(min_length=1, max_length=200)
    client_secret_file: Path | None = None
    account: Literal["subject", "verified_mail"] = "subject"
    algorithms: tuple[SigningAlgorithm, ...] = Field(("RS256", "ES256"), min_length=1)
    required_acr: tuple[str, ...] = ()

    @field_validator("issuer")
    @classmethod
    def _trustworthy(cls, issuer: str) -> str:
        if not is_trusted_address(issuer, like=issuer) or "?" in issuer or "#" in issuer:
            raise ValueError("write the issuer as the provider states it: https://login.example")
        return issuer

    @property
    def scope(self) -> str:
        """What is asked of the provider: no more than the match needs."""
        return "openid email" if self.account == "verified_mail" else "openid"

    def secret(self) -> str:
        """The client's secret; empty for a public client. Raises SecretProblem."""
        return _read_secret(self.client_secret_file) if self.client_secret_file else ""


class SignInSettings(Settings):
    """How readers of the portal sign in."""

    provider: ProviderSettings | None = None
    passwords_off_for: Literal["everyone"] | tuple[PortalRole, ...] = ()

    @model_validator(mode="after")
    def _leaves_a_way_in(self) -> Self:
        if self.provider is None and self.passwords_off_for:
            raise ValueError("passwords can be switched off only where a provider is set")
        return self

    @property
    def password_roles(self) -> Sequence[PortalRole]:
        """The roles that sign in with a password."""
        if self.passwords_off_for == "everyone":
            return ()
        return [role for role in PORTAL_ROLES if role not in self.passwords_off_for]


def load_sign_in_settings(home: Home) -> SignInSettings:
    """The settings of a home. Raises ConfigurationError with all faults, and SecretProblem."""
    if not home.sign_in.exists():
        return SignInSettings()
    try:
        settings = load(home.sign_in, SignInSettings)
    except ConfigurationError as error:
        remedy = "docs/portal.md lists all settings"
        raise ConfigurationError(
            [Fault(one.place, one.problem, one.remedy and remedy) for one in error.faults]
        ) from None
    if settings.provider:
        settings.provider.secret()
    return settings


def is_trusted_address(address: str, *, like: str) -> bool:
    """Whether an address is over HTTPS; on this machine alone where `like` is so, too."""
    split, pattern = _split(address), _split(like)
    if split is None or pattern is None or split.username or split.password:
        return False
    if split.scheme == "https":
        return bool(split.hostname)
    is_here = all(one.hostname in _LOOPBACK and one.scheme == "http" for one in (split, pattern))
    return is_here and address.isascii()


def _split(address: str) -> SplitResult | None:
    try:
        split = urlsplit(address)
        _ = split.port
    except ValueError:
        return None
    return split if address.isprintable() and " " not in address else None


def _read_secret(path: Path) -> str:
    """A secret that its owner alone can read; what it is never gets into a message."""
    try:
        mode, text = (
            path.stat().st_mode,
            path.read_text(encoding="ascii")[: portal_limits.SECRET_BYTES].strip(),
        )
    except (OSError, UnicodeDecodeError) as error:
        problem = f"client_secret_file of sign_in.yaml cannot be read ({type(error).__name__})"
        raise SecretProblem(problem) from None
    if mode & _READABLE_BY_OTHERS:
        raise SecretProblem("client_secret_file of sign_in.yaml can be read by others: chmod 600")
    if not text:
        raise SecretProblem("client_secret_file of sign_in.yaml is empty")
    return text
