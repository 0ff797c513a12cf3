"""Parts of campaigns: a campaign for each device or product category, by a setting.

A visit counts for one part of its campaign, and a part is a campaign like any other: it has days,
tables, near sets and proofs of its own, and a person counts in no more of them than of campaigns.
A rule has a first day. Before it a visit counts for the campaign as a whole, from it on for a part,
and there is no table of the whole any more: so the days on which visits can count for a campaign
or a part have no gap, which proofs about weeks and their days rely on.

    campaign  C1      until the day before the first rule
    parts     C1.mobile, C1.other      from then on
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Literal
from unicodedata import category

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from anonymizer.model.configuration import CalendarDay, Settings
from anonymizer.model.subjects import is_identifying

OTHER = "other"
# A campaign's own id has none, so no tag of an address and no other campaign is a part's id.
_JOINT = "."
_DAY = timedelta(days=1)
# A closed list: what is known of a person elsewhere never divides a campaign (promise 7), and no
# value may say on which other days a person came (decision 29).
PartColumn = Literal["device", "product_category"]
# Parts by category say who looks at which products, as interests do, and need the same consent.
_OF_INTERESTS: frozenset[PartColumn] = frozenset({"product_category"})
_Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,15}$")]


def _plain_text(text: str) -> str:
    """A text without what identifies a person or cannot be seen. Raises ValueError."""
    if any(category(letter)[0] == "C" or category(letter) in _BREAKS for letter in text):
        raise ValueError("it has characters that cannot be seen")
    if is_identifying(text):
        raise ValueError("it looks like an e-mail address, a phone number or a 16-digit number")
    return text


_BREAKS = ("Zl", "Zp")
_Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_plain_text)
]
# No text that could be a contact or a number of a person.
_Label = Annotated[_Text, Field(max_length=40, pattern=r"^[^@\d]*$")]


class PartName(Settings):
    """What a part is called in both languages."""

    english: _Label = Field(description="In English; up to 40 characters without digits.")
    indonesian: _Label = Field(description="In Indonesian.")

    def after(self, campaign: str) -> str:
        """The name of a campaign's part; campaigns have one name for all languages."""
        words = dict.fromkeys((self.english, self.indonesian))
        return f"{campaign} ({' / '.join(words)})"


class CampaignPart(PartName):
    """A part and the values of the column that make a visit one of it."""

    values: tuple[Annotated[_Text, Field(max_length=100)], ...] = Field(
        min_length=1, description="Capitals and blanks around them are ignored."
    )


class PartRule(Settings):
    """How visits from a day on count for parts of campaigns; the earliest rule comes first."""

    from_day: CalendarDay = Field(
        description="The first local day of the rule, which then stays. It ends where the next "
        "rule begins. No day of it may be released when a run meets it first."
    )
    column: PartColumn = Field(
        description="The column of the visits that decides: `device`, which is read only where a "
        "rule names it, or `product_category`, which needs advertising_cookies in "
        "`eligibility.purposes`. Nothing of the column but the part goes on."
    )
    campaigns: tuple[str, ...] = Field(
        (), description="The ids of the campaigns that have parts; every campaign if none is named."
    )
    parts: dict[_Code, CampaignPart] = Field(min_length=1)
    other: PartName = PartName(english="Other", indonesian="Lainnya")

    @model_validator(mode="after")
    def _is_a_division(self) -> "PartRule":
        if OTHER in self.parts:
            raise ValueError("the part other has every value that is not listed: name it in other")
        words = [word.strip().lower() for part in self.parts.values() for word in part.values]
        if twice := sorted({word for word in words if words.count(word) > 1}):
            raise ValueError(f"values that stand twice: {', '.join(twice)}")
        return self

    @property
    def needs_cookies(self) -> bool:
        """Whether a person counts for the parts only with consent to advertising cookies."""
        return self.column in _OF_INTERESTS

    @property
    def words(self) -> Mapping[str, str]:
        """The part of each value, in the form in which values are compared."""
        return {
            word.strip().lower(): code for code, part in self.parts.items() for word in part.values
        }

    @property
    def names(self) -> Mapping[str, PartName]:
        """Every part by its code, with that of all other visits."""
        return {**self.parts, OTHER: self.other}

    def divides(self, campaign: str) -> bool:
        """Whether visits of this campaign count for its parts."""
        return not self.campaigns or campaign in self.campaigns


def _without_gaps(rules: tuple[PartRule, ...]) -> tuple[PartRule, ...]:
    """Once a campaign is divided it stays so, and a part that has ended does not begin again."""
    ended: set[str] = set()
    for earlier, rule in pairwise(rules):
        if rule.from_day <= earlier.from_day:
            raise ValueError("each rule must begin after the one before it")
        if rule.campaigns and not set(earlier.campaigns or ("",)) <= set(rule.campaigns):
            raise ValueError(
                f"the rule from {rule.from_day} must divide every campaign that the one before it "
                "divides: list them too, or list none to divide all"
            )
        ended |= earlier.parts.keys() - rule.parts.keys()
        if again := sorted(ended & rule.parts.keys()):
            raise ValueError(
                f"parts that ended before {rule.from_day} begin again: {', '.join(again)}; give "
                "them other codes"
            )
    return rules


PartRules = Annotated[tuple[PartRule, ...], AfterValidator(_without_gaps)]


@dataclass(frozen=True)
class CampaignStretch:
    """A campaign or a part of one, and the days on which visits can count for it."""

    id: str
    name: str
    starts_on: date
    ends_on: date


@dataclass(frozen=True)
class RuleInForce:
    """A rule and the days for which it divides visits."""

    rule: PartRule
    last_day: date


def rules_in_force(rules: Sequence[PartRule], until: date) -> tuple[RuleInForce, ...]:
    """The rules that have begun by a day; each ends where the next begins."""
    begun = [rule for rule in rules if rule.from_day <= until]
    ends = [rule.from_day - _DAY for rule in begun[1:]] + [date.max]
    return tuple(RuleInForce(rule, end) for rule, end in zip(begun, ends, strict=False))


def part_id(campaign: str, code: str) -> str:
    """The id of a campaign's part."""
    return f"{campaign}{_JOINT}{code}"


def stretches(
    campaign: CampaignStretch, rules: Sequence[PartRule], day: date
) -> tuple[CampaignStretch, ...]:
    """What visits of a campaign can count for, as it is known on a day: rules to come are not."""
    found: dict[str, CampaignStretch] = {}
    for stretch in _stretches(campaign, rules, day):
        begun = found.get(stretch.id, stretch).starts_on
        found[stretch.id] = CampaignStretch(stretch.id, stretch.name, begun, stretch.ends_on)
    return tuple(found.values())


def _stretches(
    campaign: CampaignStretch, rules: Sequence[PartRule], day: date
) -> Iterator[CampaignStretch]:
    """The same rule by rule, without those that have no day."""
    own = [each for each in rules_in_force(rules, day) if each.rule.divides(campaign.id)]
    parted_on = own[0].rule.from_day if own else date.max
    if campaign.starts_on < parted_on:
        whole_until = min(campaign.ends_on, parted_on - _DAY)
        yield CampaignStretch(campaign.id, campaign.name, campaign.starts_on, whole_until)
    for each in own:
        first = max(campaign.starts_on, each.rule.from_day)
        last = min(campaign.ends_on, each.last_day)
        for code, name in each.rule.names.items() if first <= last else ():
            called = name.after(campaign.name)
            yield CampaignStretch(part_id(campaign.id, code), called, first, last)
