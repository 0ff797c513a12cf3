"""What a table is about: a campaign with its public facts, an interest, or everybody."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from anonymizer.model.dimensions import Text
from anonymizer.model.errors import Held

# A campaign of 64 characters, a dot and the code of a part of 16 at most.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,80}")
# An e-mail address, an Indonesian mobile number, a 16-digit national or card number.
_IDENTIFYING = re.compile(
    r"[^\s@]+@[^\s@]+\.[^\s@]+|(?<!\d)(?:\+?62|0)[ .-]?8(?:[ .-]?\d){8,11}(?!\d)"
    r"|(?<!\d)\d{16}(?!\d)"
)


def is_identifying(text: str) -> bool:
    """Whether a text contains what looks like an e-mail address, a phone or a 16-digit number."""
    return _IDENTIFYING.search(text) is not None


@dataclass(frozen=True)
class Campaign:
    """The public facts of a campaign. Refuses what cannot stand in a file name or an export."""

    id: str
    name: str
    advertiser_id: str
    advertiser_name: str
    starts_on: date
    ends_on: date
    target_regions: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not (_ID.fullmatch(self.id) and _ID.fullmatch(self.advertiser_id)):
            raise Held(
                "campaign_id",
                "a campaign or advertiser id cannot be used as a file name; use up to 81 "
                "letters, digits, dots, dashes and underscores, a letter or digit first",
            )
        if is_identifying(self.name) or is_identifying(self.advertiser_name):
            raise Held(
                "identifying_text",
                f"the name of campaign {self.id} or of its advertiser contains what looks like an "
                "e-mail address, a phone number or a 16-digit number; rename it in raw/campaigns",
            )


@dataclass(frozen=True)
class Topic:
    """What a table is about that is no campaign: everybody, or an interest by its code."""

    id: str
    name: Text

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise Held(
                "topic_id",
                "the code of an interest cannot be used as a file name; change it in segments.yaml",
            )
        if any(is_identifying(words) for words in (self.name.english, self.name.indonesian)):
            raise Held(
                "identifying_text",
                f"the name of interest {self.id} contains what looks like an e-mail address, a "
                "phone number or a 16-digit number; change it in segments.yaml",
            )


Subject = Campaign | Topic
EVERYONE = Topic("everyone", Text("everyone", "semua orang"))


def name_of(subject: Subject) -> Text:
    """What a subject is called; a campaign has one name for all languages."""
    return Text(subject.name, subject.name) if isinstance(subject, Campaign) else subject.name


def read_subjects(facts: Mapping[str, Any]) -> tuple[Subject, ...]:
    """The subjects in a release's facts; those of format 1 are campaigns and called so."""
    rows = facts["campaigns"] if facts["format"] == 1 else facts["subjects"]
    if facts["kind"] == "campaign":
        return tuple(_campaign(row) for row in rows)
    return tuple(Topic(row["id"], Text(row["english"], row["indonesian"])) for row in rows)


def _campaign(row: Mapping[str, Any]) -> Campaign:
    return Campaign(
        id=row["id"],
        name=row["name"],
        advertiser_id=row["advertiser_id"],
        advertiser_name=row["advertiser_name"],
        starts_on=date.fromisoformat(row["starts_on"]),
        ends_on=date.fromisoformat(row["ends_on"]),
        target_regions=row["target_regions"] and tuple(row["target_regions"]),
    )
