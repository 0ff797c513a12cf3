"""The form of `deliveries.yaml`: the kinds of destinations and what can be set of each."""

import hashlib
import re
from abc import abstractmethod
from datetime import date
from email.errors import HeaderParseError
from email.headerregistry import Address
from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from anonymizer.exports.language import Language
from anonymizer.model.configuration import Settings
from anonymizer.model.series import SERIES
from anonymizer.storage.files import canonical_json
from anonymizer.storage.secret_texts import SecretPlace

EVERY_ADVERTISER = "*"
Kind = Literal["webhook", "mail", "sftp", "s3"]
Format = Literal["xlsx", "csv", "parquet"]
_ALL_SERIES = tuple(series.id for series in SERIES)
_HOST = r"^[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?$"
_BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9.-]{1,255}")
_LONGEST_PORT = 65_535
_PLACE = 32  # characters of a digest


def _plain_url(text: str) -> str:
    """An address on the web that holds no secret. The messages never repeat it."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("this is not a URL") from None
    if not text.isascii() or not text.isprintable() or " " in text or not host:
        raise ValueError("this is not a URL")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(
            "a URL here has no account, password, query and fragment, because others read this "
            "file; keep a URL with a secret in a variable, a private file or a command"
        )
    if not is_protected(text):
        raise ValueError("use https://; http:// is for this machine alone (127.0.0.1, localhost)")
    return text


def _mail_address(text: str) -> str:
    if not text.isascii() or not _ADDRESS.fullmatch(text) or not _is_address(text):
        raise ValueError("this is not a mail address such as reports@advertiser.example")
    return text


def _is_address(text: str) -> bool:
    """Whether the header of a mail can have the address."""
    try:
        return Address(addr_spec=text).addr_spec == text
    except (ValueError, IndexError, HeaderParseError):
        return False


def _folder(text: str) -> str:
    parts = text.strip("/").split("/")
    unfit = not text.isprintable() or "\\" in text
    if text.strip("/") and (unfit or any(part in ("", ".", "..") for part in parts)):
        raise ValueError("this is not a folder such as incoming/audience, without '.' and '..'")
    return text


Url = Annotated[str, AfterValidator(_plain_url)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
Folder = Annotated[str, AfterValidator(_folder)]
Host = Annotated[str, Field(pattern=_HOST)]


def is_this_machine(host: str) -> bool:
    """Whether a host is the machine itself, so that nothing leaves it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_protected(url: str) -> bool:
    """Whether what is sent to a URL is encrypted, or does not leave the machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    scheme, host = parts.scheme, parts.hostname or ""
    return scheme == "https" or (scheme == "http" and is_this_machine(host))


class DestinationSettings(Settings):
    """What every destination has: for whom it is, and from which period on.

    `advertisers` are ids, or `*` for every one. `since` is the first day of the first period.
    """

    advertisers: tuple[str, ...] = Field(min_length=1)
    since: date
    series: tuple[str, ...] = Field(_ALL_SERIES, min_length=1)

    @field_validator("advertisers")
    @classmethod
    def _ids(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if EVERY_ADVERTISER in given and len(given) > 1:
            raise ValueError('"*" is every advertiser; list it alone')
        if any(one.startswith("_") or not one.strip() for one in given):
            raise ValueError(
                "list ids of advertisers; what is for all of them comes with the series of "
                "interests and the audience"
            )
        return given

    @field_validator("series")
    @classmethod
    def _known_series(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if not set(given) <= set(_ALL_SERIES):
            raise ValueError(f"the series are {', '.join(_ALL_SERIES)}")
        return given

    def is_for(self, advertiser: str) -> bool:
        """Whether it gets the exports of an advertiser."""
        return advertiser in self.advertisers or self.advertisers == (EVERY_ADVERTISER,)


class WebhookSettings(DestinationSettings):
    """Where a notice is posted to; `secret` signs it. `ca_file`: instead of public authorities."""

    url: Url | SecretPlace
    secret: SecretPlace
    ca_file: str | None = Field(None, min_length=1)

    @field_validator("url", mode="plain")
    @classmethod
    def _one_form(cls, given: object) -> object:
        """A text or a place, each with its own message."""
        return _plain_url(given) if isinstance(given, str) else SecretPlace.model_validate(given)


class MailSettings(DestinationSettings):
    """A mail server and who is written to. Without `tls`, only to this machine."""

    host: Host
    port: int | None = Field(None, ge=1, le=_LONGEST_PORT)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = Field(None, min_length=1)
    password: SecretPlace | None = None
    sender: MailAddress
    to: tuple[MailAddress, ...] = Field(min_length=1, max_length=50)
    language: Language = "english"
    ca_file: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _protected(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password are given together, or neither")
        if self.security == "none" and not is_this_machine(self.host):
            raise ValueError("security is starttls or tls, unless host is this machine")
        if self.security == "none" and self.user:
            raise ValueError("a password is sent only under starttls or tls")
        return self


class FileSettings(DestinationSettings):
    """Which files are brought, and whether in one ZIP file for each period (`packed`)."""

    folder: Folder = ""
    formats: tuple[Format, ...] = Field(("xlsx", "csv", "parquet"), min_length=1)
    packed: bool = False

    @property
    def root(self) -> str:
        """The folder in its one form, without slashes at its ends; empty for the top."""
        return self.folder.strip("/")

    @property
    def place(self) -> str:
        """Identifies the account or bucket whose folders these are: 32 hexadecimal digits."""
        content = canonical_json(self._account)
        return hashlib.sha256(content.encode()).hexdigest()[:_PLACE]

    @property
    @abstractmethod
    def _account(self) -> list[str]:
        """What tells this account or bucket from all others."""


class SftpSettings(FileSettings):
    """An SFTP server. `host_keys` are its public keys, as `ssh-keyscan` prints them."""

    host: Host
    port: int = Field(22, ge=1, le=_LONGEST_PORT)
    user: str = Field(min_length=1)
    host_keys: tuple[str, ...] = Field(min_length=1)
    key: SecretPlace | None = None
    password: SecretPlace | None = None

    @property
    def root(self) -> str:
        """As of any files; one that began with a slash still does, so it is not the login's."""
        return ("/" if self.folder.startswith("/") else "") + self.folder.strip("/")

    @property
    def _account(self) -> list[str]:
        return ["sftp", self.host.lower(), str(self.port), self.user]

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.key is None) == (self.password is None):
            raise ValueError("exactly one of key and password is given")
        return self


class S3Settings(FileSettings):
    """A bucket. Without `access_key` the credentials of the environment are used."""

    bucket: str = Field(pattern=_BUCKET)
    region: str = Field("us-east-1", pattern=r"^[a-z0-9-]+$")
    endpoint: Url | None = None
    access_key: SecretPlace | None = None
    secret_key: SecretPlace | None = None
    ca_file: str | None = Field(None, min_length=1)

    @property
    def _account(self) -> list[str]:
        return ["s3", (self.endpoint or "").rstrip("/").lower(), self.bucket]

    @model_validator(mode="after")
    def _both_keys(self) -> Self:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("access_key and secret_key are given together, or neither")
        if self.endpoint and urlsplit(self.endpoint).path.strip("/"):
            raise ValueError("endpoint is https://, a host and a port, nothing else")
        return self


class DeliverySettings(Settings):
    """The whole file: destinations by kind and name. `fetch_from` is the address of the portal."""

    fetch_from: Url | None = None
    webhook: dict[str, WebhookSettings] = Field(default_factory=dict)
    mail: dict[str, MailSettings] = Field(default_factory=dict)
    sftp: dict[str, SftpSettings] = Field(default_factory=dict)
    s3: dict[str, S3Settings] = Field(default_factory=dict)
