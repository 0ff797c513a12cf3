"""The policy: every number of the promise, read from `policy.yaml`, none in code.

Descriptions of the fields are what `docs/policy-reference.md` is generated from.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetPydanticSchema,
    PlainSerializer,
    PositiveInt,
    model_validator,
)
from pydantic_core.core_schema import no_info_after_validator_function

from anonymizer.model.campaign_parts import PartRule, PartRules
from anonymizer.model.configuration import CalendarDay, Settings, load, parse
from anonymizer.model.renamed_settings import FORMAT
from anonymizer.model.roles import Role, Roles

InferenceK = Literal["k"] | Annotated[int, Field(ge=0)]
LOWEST_K = 10
MOST_STEP = 256
LONGEST_MONTH = 31
# What is about the run and not about the period that it makes: always as the file says now.
_OF_TODAY = ("intake", "codings", "plausibility", "retention", "effort", "roles")
_K_MEANING = "A figure counts at least this many people."

Purpose = Literal["use", "disclosure", "advertising_cookies", "marketing"]


RegionScheme = Literal["kemendagri", "kemendagri_without_dots", "bps", "file"]
GenderCode = Literal["male", "female", "not_stated"]


def _with_required(purposes: tuple[Purpose, ...]) -> tuple[Purpose, ...]:
    if not {"use", "disclosure"} <= set(purposes):
        raise ValueError("purposes must contain use and disclosure (privacy policy)")
    return purposes


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("unknown time zone; use a name such as Asia/Jakarta") from None
    return name


def _plain_words(words: object) -> object:
    """Keys that YAML read as whole numbers are text; a word is as intake compares it."""
    if not isinstance(words, Mapping):
        return words
    plain = [(_plain_word(word), meaning) for word, meaning in words.items()]
    times = Counter(word for word, _ in plain)
    if doubled := sorted(str(word) for word, number in times.items() if number > 1):
        raise ValueError(
            f"{', '.join(doubled)}: a word must occur once only, whatever its capitals"
        )
    return dict(plain)


def _plain_word(word: object) -> object:
    if isinstance(word, int) and not isinstance(word, bool):
        word = str(word)
    return word.strip().lower() if isinstance(word, str) else word


class Promise(Settings):
    """What is promised for every published figure."""

    # With a floor of 1 an empty group would be the only one that is withheld.
    k: int = Field(50, ge=2, description=_K_MEANING)
    k_jitter: int = Field(
        5,
        ge=0,
        description="A secret offset of 0 to this number raises the threshold. It is drawn "
        "separately for each set of people, so that the appearance of a group "
        "reveals the arrival of the k-th person in only one of k_jitter + 1 cases.",
    )
    inference_k: InferenceK = Field(
        10,
        description="No one can prove that a group has fewer people than this. `k` is the "
        "strictest setting; 0 only prevents that a figure is solved exactly.",
    )
    rounding: int = Field(
        10, ge=1, description="Figures are multiples of this, by keyed random rounding; 1 is exact."
    )
    near_jitter: int = Field(
        5,
        ge=0,
        le=100,
        description="Two groups that differ by fewer than max(rounding, inference_k) people plus "
        "a secret number from 0 to this one, drawn once for each pair of tables, "
        "share one figure or none.",
    )
    near_days: int = Field(
        400,
        ge=31,
        description="A group is compared with the groups released up to this many days before.",
    )
    min_account_days: int = Field(
        30, ge=0, description="Accounts that have been open for fewer days are not counted."
    )
    campaigns_per_person: int = Field(
        2,
        ge=1,
        description="A person counts in at most this many campaigns of one advertiser and period.",
    )

    @property
    def inference_floor(self) -> int:
        """`inference_k` as a number."""
        return self.k if self.inference_k == "k" else self.inference_k

    @property
    def step(self) -> int:
        """People by which two groups must differ to be judged separately, without the jitter."""
        return max(self.rounding, self.inference_floor)

    @property
    def most_shared(self) -> int:
        """People by which a group may differ, at most, from the group whose figure it shares."""
        return self.step + self.near_jitter - 1

    def error_of(self, roundings: Collection[int]) -> int:
        """How far a figure is from the true number of people, at most.

        A figure is less than a rounding step away from the people of the group that it was drawn
        for, which may be a near one, judged before. `roundings` are those that figures may have
        been drawn with.
        """
        return max(self.rounding, *roundings) - 1 + self.most_shared

    def range_of(self, people: int) -> tuple[int, int]:
        """The fewest and the most people that a figure can stand for.

        Figures of earlier releases, which may be shared, have the same rounding.
        """
        error = self.error_of((self.rounding,))
        return max(people - error, self.k), people + error

    @model_validator(mode="after")
    def _coherent(self) -> "Promise":
        if self.inference_floor > self.k:
            raise ValueError(f"inference_k ({self.inference_k}) must not exceed k ({self.k})")
        if self.rounding > self.k:
            raise ValueError(f"rounding ({self.rounding}) must not exceed k ({self.k})")
        return self


class PolicyPromise(Promise):
    """What is promised for every published figure."""

    k: int = Field(50, ge=LOWEST_K, description=_K_MEANING)

    @model_validator(mode="after")
    def _comparable(self) -> "PolicyPromise":
        if self.step + self.near_jitter > MOST_STEP:
            raise ValueError(
                f"max(rounding, inference_k) + near_jitter ({self.step + self.near_jitter}) must "
                f"not exceed {MOST_STEP}, the number of buckets that sets of people are compared by"
            )
        return self


class Eligibility(Settings):
    """Who counts at all."""

    adult_age: int = Field(18, ge=18, description="Younger people never count.")
    purposes: Annotated[tuple[Purpose, ...], AfterValidator(_with_required)] = Field(
        ("use", "disclosure"), description="Consents that a person must have given."
    )


class Bots(Settings):
    """Which visits are not made by a person."""

    max_visits_per_day: PositiveInt = Field(
        1_000, description="A person with more visits on a day is treated as a program."
    )
    user_agent_words: tuple[str, ...] = Field(
        ("bot", "crawler", "spider", "curl", "python-requests", "headless"),
        description="A user agent with one of these words (in any case) belongs to a program.",
    )


class Timing(Settings):
    """When a day is complete."""

    timezone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "Asia/Jakarta",
        description="The time zone of the calendar days, weeks and months that are released.",
    )
    first_day: CalendarDay = Field(
        date(2026, 1, 1),
        description="The first local day that is released; earlier days are never run.",
    )
    late_days: int = Field(
        1, ge=0, le=31, description="Visits of a day may arrive up to this many days later."
    )
    open_days: int = Field(
        2,
        ge=0,
        le=7,
        description="A week or month stays open this many days after its last day; visits that "
        "arrive too late for their day still count in it.",
    )
    settle_seconds: int = Field(
        60,
        ge=0,
        description="A raw file in a folder without _SUCCESS or manifest is read only if it has "
        "not changed for this many seconds.",
    )


class IntakeLimits(Settings):
    """Limits for raw files."""

    max_file_megabytes: PositiveInt = Field(4_096, description="Larger files are rejected.")
    max_expanded_megabytes: PositiveInt = Field(
        16_384, description="A compressed file that expands beyond this is rejected."
    )
    max_field_characters: PositiveInt = Field(
        8_192, description="A row with a longer field is quarantined."
    )
    max_quarantined_share: float = Field(
        0.2, ge=0, le=1, description="A day with a larger share of bad rows is held."
    )
    naive_times: Literal["quarantine", "policy_zone"] = Field(
        "quarantine", description="How a time without a zone in a text file is treated."
    )


class RegionCoding(Settings):
    """How a column of the raw files codes regions."""

    scheme: RegionScheme = Field(
        "kemendagri",
        description="`kemendagri`: 31.71; `kemendagri_without_dots`: 3171 is 31.71; `bps`: BPS "
        "codes, with or without dots, mapped by `file`; `file`: the codes in `file`, "
        "exactly as they are there.",
    )
    file: str | None = Field(
        None,
        min_length=1,
        description="A CSV file `code,region` in the home directory: a code of the raw files, "
        "and the Kemendagri code that each stands for.",
    )

    @model_validator(mode="after")
    def _has_its_file(self) -> "RegionCoding":
        if self.scheme in ("bps", "file") and not self.file:
            raise ValueError(f"scheme {self.scheme} needs a file: CSV with the header code,region")
        if self.scheme not in ("bps", "file") and self.file:
            raise ValueError(
                f"scheme {self.scheme} does not use a file; use the scheme bps or file"
            )
        return self


class CodingSettings(Settings):
    """How the raw files code regions and genders."""

    region: RegionCoding = RegionCoding()
    target_regions: RegionCoding = RegionCoding()
    gender: Annotated[dict[str, GenderCode], BeforeValidator(_plain_words)] = Field(
        default_factory=dict,
        description="Words for gender in profiles, each with its meaning: male, female or "
        "not_stated. They take precedence over the built-in words.",
    )
    max_other_share: float = Field(
        0.1,
        ge=0,
        le=1,
        description="A day is held if a larger share of the regions stated in profiles looks "
        "like codes of another scheme.",
    )


ShareReason = Literal[
    "age_not_known",
    "closed",
    "closed_long_ago",
    "contribution_bound",
    "erased",
    "gender_not_mapped",
    "gender_not_stated",
    "guest",
    "late",
    "minor",
    "new_account",
    "no_campaign",
    "no_consent_advertising_cookies",
    "no_consent_disclosure",
    "no_consent_marketing",
    "no_consent_use",
    "no_profile",
    "not_yet_registered",
    "other_day",
    "outside_target",
    "program",
    "quarantined",
    "region_not_mapped",
    "region_not_stated",
    "too_many_visits",
    "unread_objection",
    "withdrawn",
]


class Plausibility(Settings):
    """Which days are held as implausible until someone accepts them or delivers them again."""

    enabled: bool = Field(
        default=True, description="Whether a day is compared with the days before it."
    )
    weeks: PositiveInt = Field(
        4, description="A day is compared with the days of this many weeks before it."
    )
    min_days: PositiveInt = Field(
        3,
        description="With fewer days of the same weekday, the day is compared with all "
        "earlier days.",
    )
    min_rows: PositiveInt = Field(
        100, description="Counts and shares of fewer rows are not compared."
    )
    min_visits_ratio: float = Field(
        0.5,
        gt=0,
        le=1,
        description="The lowest number of visits on a day, as a share of the expected number.",
    )
    max_visits_ratio: float = Field(
        3.0,
        ge=1,
        description="The highest number of visits on a day, as a multiple of the expected number.",
    )
    min_snapshot_ratio: float = Field(
        0.95,
        gt=0,
        le=1,
        description="The lowest number of rows of profiles, consents and requests, as a share of "
        "the number on the day before.",
    )
    max_share_change: float = Field(
        0.1,
        gt=0,
        le=1,
        description="The largest allowed difference between a share of rows (excluded for a "
        "reason, quarantined, not mapped) and the expected share.",
    )
    max_campaign_share_change: float = Field(
        0.6,
        gt=0,
        le=1,
        description="The same for shares that change when a campaign starts or ends.",
    )
    max_share_change_by_reason: dict[ShareReason, Annotated[float, Field(gt=0, le=1)]] = Field(
        default_factory=dict,
        description="The same for the share of a single reason, in place of the two settings "
        "above, such as {age_not_known: 0.05}; without earlier days, the largest "
        "share.",
    )
    max_share_without_history: float = Field(
        0.3,
        gt=0,
        le=1,
        description="Without earlier days: the largest share of rows with an unknown age, no "
        "profile, an unmapped gender or region, or that arrived too late.",
    )
    other_weekdays_factor: float = Field(
        2.0,
        ge=1,
        description="Factor by which limits are wider if the day is compared with other weekdays.",
    )


class Retention(Settings):
    """How long anything about a person is kept."""

    closed_years: PositiveInt = Field(
        5, description="Profiles closed for longer are purged from working data."
    )
    private_days: PositiveInt = Field(40, description="Working data of older days is removed.")


class DataLabel(Settings):
    """What the data labels of exports say about the provider."""

    contact: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Contact for questions about the figures: the address of a team, not of a "
        "person. Without it, the labels say that no contact is stated.",
    )
    domain: str | None = Field(
        None, min_length=1, max_length=200, description="The provider's domain."
    )
    privacy_policy: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="The address of the provider's privacy policy.",
    )

    @property
    def stated(self) -> bool:
        """Whether there is anything to say."""
        return bool(self.contact or self.domain or self.privacy_policy)


class Effort(Settings):
    """Limits for the work on proofs; what is not proved within them is suppressed."""

    proof_work: PositiveInt = Field(
        600_000,
        description="Units of work for the proof of one table: simplex iterations and moves of "
        "people, about 10,000 a second. This is not a time limit.",
    )
    memory_megabytes: PositiveInt = Field(
        2_048, description="Memory of the counting engine, and of the proof of one table."
    )
    engine: Literal["duckdb", "spark"] = Field(
        "duckdb",
        description="What takes in and counts visits: duckdb, in the process of the run, or "
        "spark, an Apache Spark cluster that has the home under the same path. The figures are "
        "the same.",
    )
    threads: PositiveInt = Field(
        2,
        description="Threads of the counting engine, and processes that take in and count days, "
        "and protect and audit tables.",
    )


def _present_format(stated: int) -> int:
    if stated > FORMAT:
        raise ValueError(
            f"this home has format {stated}, and this program reads up to {FORMAT}; use the "
            "version that migrated it, or a later one"
        )
    if stated < FORMAT:
        raise ValueError(f"the present format is {FORMAT}; run: audience migrate")
    return stated


def _known_login(login: str) -> str:
    if not login.strip() or login != login.strip() or not login.isprintable():
        raise ValueError("a login has at least one character and no leading or trailing space")
    return login


_Login = Annotated[str, AfterValidator(_known_login)]
# Read as a mapping, so that a fault names the role and the line, and kept as `Roles`.
_RolesSetting = Annotated[
    Roles,
    GetPydanticSchema(
        lambda _, handler: no_info_after_validator_function(
            Roles, handler(dict[Role, tuple[_Login, ...]])
        )
    ),
    PlainSerializer(lambda roles: dict(roles.logins)),
]


class Policy(Settings):
    """All settings of `policy.yaml`."""

    format: Annotated[int, AfterValidator(_present_format)] = Field(
        FORMAT,
        description="Version of the names of settings; `audience migrate` updates an older file.",
    )
    provider: str = Field(
        "Example Company",
        min_length=1,
        description="Name of the publisher, as stated in the data labels.",
    )
    data_label: DataLabel = DataLabel()
    promise: PolicyPromise = PolicyPromise()
    eligibility: Eligibility = Eligibility()
    bots: Bots = Bots()
    timing: Timing = Timing()
    intake: IntakeLimits = IntakeLimits()
    codings: CodingSettings = CodingSettings()
    campaign_parts: PartRules = Field(
        (),
        description="Campaigns are counted in parts by a column of the visits (`device` or "
        "`product_category`), each part as a campaign of its own: rules with `from_day`, "
        "`column`, `campaigns` (default: all), `parts` (code: `english`, `indonesian`, `values`) "
        "and the names of `other`. A rule that has begun stays; a later one replaces it.",
    )
    plausibility: Plausibility = Plausibility()
    retention: Retention = Retention()
    effort: Effort = Effort()
    roles: _RolesSetting = Field(
        Roles(),
        description="Logins of the operating system by role (`privacy_officer`, `data_engineer`, "
        "`ad_ops`): who may accept, correct and approve. If none is set, decisions "
        "that need no second person are open to every login that can run the program.",
    )

    @model_validator(mode="after")
    def _has_consent_for_parts(self) -> "Policy":
        if self.lacks_consent_for(self.campaign_parts):
            raise ValueError(
                "campaign_parts by product_category need advertising_cookies in "
                "eligibility.purposes: such parts say who looks at which products, as interests do"
            )
        return self

    @model_validator(mode="after")
    def _keeps_what_is_open(self) -> "Policy":
        kept, timing = self.retention.private_days, self.timing
        needed = LONGEST_MONTH + timing.open_days + timing.late_days
        if kept < needed:
            raise ValueError(
                f"retention.private_days ({kept}) must be at least {needed}: the longest month, "
                f"timing.open_days ({timing.open_days}) and timing.late_days ({timing.late_days}); "
                "a month that is still open would lose its first days"
            )
        return self

    @classmethod
    def load(cls, path: Path) -> "Policy":
        """Read and check the file. Raises ConfigurationError with every mistake."""
        return load(path, cls)

    @classmethod
    def parse(cls, text: str) -> "Policy":
        """Check what once stood in `policy.yaml`. Raises ConfigurationError."""
        return parse(text, "policy.yaml", cls)

    def lacks_consent_for(self, rules: Sequence[PartRule]) -> bool:
        """Whether parts by these rules would count people without the consent that they need."""
        consented = "advertising_cookies" in self.eligibility.purposes
        return not consented and any(rule.needs_cookies for rule in rules)

    @property
    def digest(self) -> str:
        """SHA-256 of what stands in releases: everything but what `running_as` takes over.

        What says nothing is left out, so that policies without it keep their digest.
        """
        stated = {"data_label": self.data_label.stated, "campaign_parts": self.campaign_parts}
        unsaid = [name for name, content in stated.items() if not content]
        left_out = (*_OF_TODAY, "format", *unsaid)
        content = self.model_dump_json(
            exclude={**dict.fromkeys(left_out, True), "timing": {"first_day"}}
        )
        return hashlib.sha256(content.encode()).hexdigest()

    def running_as(self, today: "Policy") -> "Policy":
        """This promise with what is about the run, not the figures, as `today` has it."""
        timing = self.timing.model_copy(update={"first_day": today.timing.first_day})
        parts = {part: getattr(today, part) for part in _OF_TODAY}
        return self.model_copy(update={"timing": timing, **parts})
