"""Which policy and catalogue apply to which period.

A change of `policy.yaml` or `segments.yaml` applies from the next period on: one that has begun is
finished as it was begun, so that neither a week nor its days can be had under two promises, and a
period that is run again later gives the same bytes. The ledger keeps the text of both files in
every version that a run has met, from which day on it applies, and publicly their digests.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from anonymizer.model.configuration import parse, read_text
from anonymizer.model.errors import ConfigurationError, Fault, Held, LedgerBroken, gathered_into
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.model.renamed_settings import present
from anonymizer.model.segments import Catalogue, SegmentSettings, build_catalogue
from anonymizer.release.ledger import RELEASE, Entry, Ledger
from anonymizer.release.public_ledger import check_public_ledger
from anonymizer.storage.files import canonical_json
from anonymizer.storage.home import Home

SETTINGS = "settings"


@dataclass(frozen=True)
class SettingsTexts:
    """What stands in `policy.yaml` and `segments.yaml`."""

    policy: str
    segments: str

    @classmethod
    def in_force(cls, home: Home) -> "SettingsTexts":
        """The files as they are now. Raises ConfigurationError when one cannot be read."""
        faults: list[Fault] = []
        found = ["", ""]
        for position, path in enumerate((home.policy, home.segments)):
            with gathered_into(faults):
                found[position] = read_text(path)
        if faults:
            raise ConfigurationError(faults)
        return cls(*found)


@dataclass(frozen=True)
class Meaning:
    """Texts that were read and found right."""

    policy: Policy
    segments: SegmentSettings
    catalogue: Catalogue

    @property
    def counts_categories_twice(self) -> bool:
        """Whether product categories make both parts of campaigns and interests.

        Who is in a part has viewed products of an interest, and no proof compares the two.
        """
        parts = any(rule.needs_cookies for rule in self.policy.campaign_parts)
        return parts and bool(self.segments.interests)

    @property
    def digest(self) -> str:
        """SHA-256 of every setting of both files, comments aside."""
        content = {
            "policy": self.policy.model_dump(mode="json"),
            "segments": self.segments.model_dump(mode="json"),
        }
        return hashlib.sha256(canonical_json(content).encode()).hexdigest()

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of what bears on figures; equal digests, equal figures."""
        content = canonical_json(self.segments.model_dump(mode="json"))
        return {
            "policy": self.policy.digest,
            "segments": hashlib.sha256(content.encode()).hexdigest(),
            "catalogue": self.catalogue.digest,
        }


@dataclass(frozen=True)
class Revision:
    """The settings of every period that begins on `first_day` or later, until the next revision.

    The first one has no `first_day`: it applies to everything before, too.
    """

    number: int
    first_day: date | None
    texts: SettingsTexts
    digests: dict[str, str]

    def meaning(self) -> Meaning:
        """Policy and catalogue; settings that were recorded under earlier names are read too.

        Raises Held when this version of the program refuses them.
        """
        try:
            return read_meaning(SettingsTexts(present(self.texts.policy), self.texts.segments))
        except ConfigurationError as error:
            raise Held(
                "old_settings",
                f"this version does not accept settings no. {self.number} of the ledger, which "
                "apply to this period; finish the period with the version that began it. The "
                f"error: {error}",
            ) from None


_BY_CATEGORY = "policy.yaml, campaign_parts and segments.yaml, interests"
_TWICE = (
    "parts by product_category and interests are groups of the same people, of whom the one lies "
    "in the other, and no proof compares them"
)
_EITHER = "have the one or the other: interests: {} or no rule by product_category"


@lru_cache(maxsize=8)
def read_meaning(texts: SettingsTexts) -> Meaning:
    """Check both texts. Raises one ConfigurationError with the mistakes of both."""
    faults: list[Fault] = []
    policy, segments, catalogue = None, None, None
    with gathered_into(faults):
        policy = Policy.parse(texts.policy)
    with gathered_into(faults):
        segments = parse(texts.segments, "segments.yaml", SegmentSettings)
        catalogue = build_catalogue(segments)
    if policy is None or segments is None or catalogue is None:
        raise ConfigurationError(faults)
    meaning = Meaning(policy, segments, catalogue)
    if meaning.counts_categories_twice:
        raise ConfigurationError([Fault(_BY_CATEGORY, _TWICE, _EITHER)])
    return meaning


def revisions(ledger: Ledger) -> tuple[Revision, ...]:
    """Every version of the settings that the ledger keeps, in order. Raises LedgerBroken."""
    return recorded_revisions(ledger.entries())


def applying(known: Sequence[Revision], first: date) -> Revision | None:
    """The revision for a period that begins on `first`; None when none was ever recorded."""
    begun = [
        revision for revision in known if not revision.first_day or revision.first_day <= first
    ]
    return begun[-1] if begun else None


def recorded_revisions(entries: Sequence[Entry]) -> tuple[Revision, ...]:
    """Every version of the settings among these entries, in order."""
    found = [entry.body for entry in entries if entry.kind == SETTINGS]
    return tuple(
        Revision(
            number,
            date.fromisoformat(body["first_day"]) if body["first_day"] else None,
            SettingsTexts(body["policy_text"], body["segments_text"]),
            dict(body["digests"]),
        )
        for number, body in enumerate(found, start=1)
    )


def first_free_day(entries: Sequence[Entry]) -> date | None:
    """The day after the newest one that a release covers; None while nothing is released."""
    covered = [
        Period.from_id(entry.body["period"]).end for entry in entries if entry.kind == RELEASE
    ]
    return max(covered) + timedelta(days=1) if covered else None


def refuse_lost_ledger(home: Home, entries: Sequence[Entry]) -> None:
    """Begin no new ledger beside releases that it should hold. Raises LedgerBroken."""
    check_public_ledger(home, [entry.link for entry in entries])
    recorded = {entry.subject for entry in entries if entry.kind == RELEASE}
    folders = {path.name for path in home.releases.glob("[!.]*")}
    if lacking := sorted(folders - recorded):
        missing = f"the ledger lacks {lacking[0]}" if recorded else "the ledger is missing"
        raise LedgerBroken(
            f"{missing} while {len(lacking)} release(s) that it should contain are published; "
            "restore the ledger from its backup. Nothing is published until then"
        )
