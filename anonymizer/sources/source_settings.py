"""The settings of `sources.yaml` as they are written, before presets and checks are applied."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from anonymizer.model.configuration import Settings

Format = Literal["csv", "json", "parquet"]
Purpose = Literal["use", "disclosure", "advertising_cookies", "marketing"]
EPOCHS = ("epoch_s", "epoch_ms", "epoch_us", "epoch_ns")
BY_DAY = ("profiles", "visits")
KINDS = ("path", "constant", "coalesce", "join", "compose", "tcf", "consent_mode")


def _as_text(value: Any) -> Any:
    """Numbers of YAML as they are written; `no` and `yes`, which YAML takes for booleans, are
    refused, because what was written is lost.
    """
    if isinstance(value, bool):
        raise ValueError("YAML reads this as a boolean; write it in quotation marks")
    return str(value) if isinstance(value, int) else value


def _as_code(value: Any) -> Any:
    """A boolean that stands for itself as `true` or `false`."""
    return str(value).lower() if isinstance(value, bool) else _as_text(value)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, (str, int, float)) else value


def _as_expression(value: Any) -> Any:
    """A text alone is a path; a list is the first of several that is there."""
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return {"path": str(value)}
    return {"coalesce": value} if isinstance(value, list) else value


Text = Annotated[str, BeforeValidator(_as_text)]
Code = Annotated[str, BeforeValidator(_as_code)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_as_list)]


class ConsentString(Settings):
    """Where a consent string is, and what of it a purpose of ours needs."""

    path: str
    purposes: tuple[Annotated[int, Field(ge=1, le=24)], ...] = Field((), min_length=1)
    vendor: int | None = Field(None, ge=1, le=65_535)
    valid_days: int = Field(390, ge=1, le=3_650)


class ConsentFlags(Settings):
    """Flags of Google Consent Mode, each of which refuses if it is not granted."""

    paths: Texts = Field(min_length=1)


class Expression(Settings):
    """One value: where it comes from, then what is done with it, in the order of these keys."""

    path: Text | None = None
    constant: Code | None = None
    coalesce: "tuple[SourceValue, ...] | None" = Field(None, min_length=1)
    join: "tuple[SourceValue, ...] | None" = Field(None, min_length=1)
    compose: "tuple[SourceValue, ...] | None" = Field(None, min_length=1)
    tcf: ConsentString | None = None
    consent_mode: ConsentFlags | None = None
    blank: Texts = ()
    remove_prefix: Text = ""
    case: Literal["lower", "upper"] | None = None
    values: Mapping[Text, Code] = {}
    otherwise: Literal["keep", "nothing"] = "keep"
    time: str | None = None
    zone: str | None = None
    date: str | None = None
    optional: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            listed = ", ".join(KINDS)
            named = " and ".join(kinds) or "none"
            raise ValueError(
                f"exactly one of {listed} says where the value comes from, not {named}"
            )
        if self.time is not None and self.date is not None:
            raise ValueError("a value is a time or a date, not both")
        return self


SourceValue = Annotated[Expression, BeforeValidator(_as_expression)]
Expression.model_rebuild()


_SIGNS_OF_ADDRESSES = ("://", "@", "=")
_NAME = r'^[^\s."]+$'
_TABLE = r'^[^\s."]+\.[^\s."]+$'


class WarehouseAddress(Settings):
    """Where the address of a database is, with the account and its password: never in this file."""

    variable: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    file: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.variable is None) == (self.file is None):
            raise ValueError("exactly one of variable and file says where the address is")
        if self.file and any(sign in self.file for sign in _SIGNS_OF_ADDRESSES):
            raise ValueError(
                "file is the name of a file, without ://, @ and =; if this is an address, write it "
                "into a file that nobody else can read, and change its password if others read this"
            )
        return self


class DeliveryTable(Settings):
    """The table that says which days are complete: one row a day, with its number of rows.

    `loaded_at` is the column with the time when the day was loaded last.
    """

    table: str = Field(pattern=_TABLE)
    day: str = Field("day", pattern=_NAME)
    rows: str = Field("rows", pattern=_NAME)
    loaded_at: str | None = Field(None, pattern=_NAME)


class WarehouseTable(Settings):
    """A table or view of a PostgreSQL database, and its column with the day of arrival."""

    table: str = Field(pattern=_TABLE)
    address: WarehouseAddress
    day: str | None = Field(None, pattern=_NAME)
    deliveries: DeliveryTable | None = None


class SourceSettings(Settings):
    """One source: files of one form, and how their rows become those of a raw table."""

    preset: str | None = None
    warehouse: WarehouseTable | None = None
    location: str | None = Field(None, min_length=1)
    files: Texts = ()
    format: Format | None = None
    delimiter: Literal[",", ";", "tab", "|"] = ","
    quoting: Literal["rfc4180", "none"] = "rfc4180"
    header: tuple[Text, ...] = ()
    from_day: date | None = None
    to_day: date | None = None
    late_days: int = Field(0, ge=0, le=31)
    keep: Mapping[str, Texts] = {}
    drop: Mapping[str, Texts] = {}
    present: Texts = ()
    columns: Mapping[str, SourceValue] = {}
    purposes: Mapping[Purpose, SourceValue] = {}


Algorithm = Literal[
    "ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"
]


# Published functions of the text alone: with a salt or key that we lack no person can be found.
HashName = Literal["md5", "sha1", "sha256", "sha512"]


class IssuerSettings(Settings):
    """Somebody who may ask for deletions: the file with its public keys, how it signs."""

    keys: str = Field(min_length=1)
    algorithms: tuple[Algorithm, ...] = Field(("ES256", "EdDSA", "PS256", "RS256"), min_length=1)


class IdentifierSettings(Settings):
    """A form of identifiers in messages that are user ids as they are in the profiles.

    With `hash` their digests, in hexadecimal digits, of the id's UTF-8 bytes without any salt.
    """

    type: str = Field(min_length=1)
    format: str = ""
    hash: HashName | None = None


class DeletionSettings(Settings):
    """Who may send messages of the Data Deletion Request Framework, and which are taken."""

    issuers: Mapping[str, IssuerSettings] = Field(min_length=1)
    identifiers: tuple[IdentifierSettings, ...] = Field(min_length=1)
    audience: str | None = Field(None, min_length=1)
    require_audience: bool = False
    valid_days: int = Field(30, ge=1, le=365)
    unverified: Literal["hold", "list"] = "hold"

    @model_validator(mode="after")
    def _known_audience(self) -> Self:
        if self.require_audience and self.audience is None:
            raise ValueError("require_audience needs audience: the name that messages give us")
        return self

    @model_validator(mode="after")
    def _plain_or_hashed(self) -> Self:
        plain, hashed = (
            {(each.type, each.format) for each in self.identifiers if bool(each.hash) is digests}
            for digests in (False, True)
        )
        if both := sorted(plain & hashed):
            named = ", ".join(f"type {kind!r} with format {form!r}" for kind, form in both)
            raise ValueError(
                f"identifiers listed both with a hash and without one: {named}; a value cannot be "
                "both, so give each a type or format of its own"
            )
        return self


class PresetTables(Settings):
    """What a preset has for each raw table."""

    campaigns: SourceSettings | None = None
    profiles: SourceSettings | None = None
    consents: SourceSettings | None = None
    requests: SourceSettings | None = None
    visits: SourceSettings | None = None


class SourceTables(Settings):
    """All sources by raw table and name."""

    campaigns: Mapping[str, SourceSettings] = {}
    profiles: Mapping[str, SourceSettings] = {}
    consents: Mapping[str, SourceSettings] = {}
    requests: Mapping[str, SourceSettings] = {}
    visits: Mapping[str, SourceSettings] = {}
    deletions: DeletionSettings | None = None
