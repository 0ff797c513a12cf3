"""The gate, and what has passed it.

    Counted + Figures --audit--> Audited --publishing--> Release

Neither type can be built but by its maker: `audit` attacks before it gives an `Audited`, and
a `Release` is only ever what stands in a release folder, byte for byte as the ledger recorded
it. So nothing downstream can be handed figures that were not attacked and written down.
A release explains itself (words, promise, provider, groups): what is made of it later does
not depend on settings that may have changed since.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.audit.attack import attack
from anonymizer.audit.findings import Finding
from anonymizer.audit.inspection import inspect
from anonymizer.dimensions import Text
from anonymizer.errors import Disclosure, Held, LedgerBroken
from anonymizer.files import sha256
from anonymizer.parallel import ALONE, Workers
from anonymizer.periods import Period
from anonymizer.policy import PolicyPromise, Promise
from anonymizer.segments import Catalogue
from anonymizer.tables import Counted, Figures, SubjectKind, TableKey

FIGURES, SEGMENTS, GROUPS, FACTS = (
    "figures.parquet",
    "segments.parquet",
    "groups.parquet",
    "release.json",
)
PUBLISHED, WITHHELD = "published", "withheld"
_SEAL = object()
_LEAST_FIGURES = 10  # the attack takes longer with the square of the figures, and never no time
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
# An e-mail address, an Indonesian mobile number, a 16-digit national or card number.
_IDENTIFYING = re.compile(
    r"[^\s@]+@[^\s@]+\.[^\s@]+|(?<!\d)(?:\+?62|0)[ .-]?8(?:[ .-]?\d){8,11}(?!\d)"
    r"|(?<!\d)\d{16}(?!\d)"
)


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
                "a campaign or advertiser id is no file name; use up to 64 letters, digits, "
                "dots, dashes and underscores, a letter or digit first",
            )
        if _IDENTIFYING.search(self.name) or _IDENTIFYING.search(self.advertiser_name):
            raise Held(
                "identifying_text",
                f"the name of campaign {self.id} or of its advertiser holds what looks like an "
                "e-mail address, a phone number or a 16-digit number; rename it in raw/campaigns",
            )


@dataclass(frozen=True)
class Segment:
    """A segment as released: a group code of each dimension, and its words."""

    id: str
    named: bool
    gender: str
    age: str
    region: str
    name: Text
    region_name: Text
    iab_ids: tuple[str, ...]


@dataclass(frozen=True)
class Audited:
    """Figures that withstood the attack, and under which promise. Only `audit` makes one.

    The truth that they were inspected against is not kept here.
    """

    kind: SubjectKind
    period: Period
    figures: tuple[Figures, ...]
    catalogue: Catalogue
    promise: Promise
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        _require(seal, "Audited", "audit")

    @property
    def summary(self) -> Mapping[str, Any]:
        """What the ledger says of the audit."""
        return {
            "attacks": ["inspection", "attack"],
            "findings": 0,
            "tables": len(self.figures),
            "figures": sum(len(table.segments) for table in self.figures),
        }


@dataclass(frozen=True)
class Release:
    """What stands in a release folder, as the ledger recorded it. Only `read_release` makes one.

    `figures` (campaign_id, segment_id, status, people) has the campaigns by id and in each the
    segments in order of preference; named segments that are withheld stand there without people.
    `groups` (dimension, code, level, english, indonesian, iab_ids, leaves) says which atoms the
    codes of the segments mean.
    """

    id: str
    number: int
    kind: SubjectKind
    period: Period
    provider: str
    timezone: str
    promise: Promise
    policy_digest: str
    catalogue_digest: str
    campaigns: tuple[Campaign, ...]
    segments: Mapping[str, Segment]
    groups: pa.Table
    figures: pa.Table
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        _require(seal, "Release", "publishing")


def _require(seal: object, stage: str, maker: str) -> None:
    if seal is not _SEAL:
        raise TypeError(f"{stage} is made by {maker} alone; building one would skip a step")


def audit(
    figures: Sequence[Figures],
    counted: Sequence[Counted],
    catalogue: Catalogue,
    promise: Promise,
    workers: Workers = ALONE,
) -> Audited:
    """Attack the tables of one release; what withstands may be published.

    Each table is inspected against the truth and then attacked with nothing but what a reader
    sees. Raises Disclosure with every finding, Held when the tables do not belong together or
    a worker was killed.
    """
    keys = _keys_of_one_release(figures, counted)
    tables = list(zip(figures, counted, strict=True))
    costs = [(_LEAST_FIGURES + len(shown.segments)) ** 2 for shown in figures]
    found = workers.results(_findings, (catalogue, promise), tables, costs)
    findings = [finding for of_table in found for finding in of_table]
    if findings:
        raise Disclosure(findings)
    first = keys[0]
    return Audited(first.kind, first.period, tuple(figures), catalogue, promise, seal=_SEAL)


def _findings(
    terms: tuple[Catalogue, Promise], table: tuple[Figures, Counted]
) -> tuple[Finding, ...]:
    """What the privileged check finds in a table; if nothing, what the outsider's attack does."""
    shown, truth = table
    return inspect(shown, truth, *terms) or attack(shown, *terms, truth.possible)


def _keys_of_one_release(figures: Sequence[Figures], counted: Sequence[Counted]) -> list[TableKey]:
    keys = [table.key for table in figures]
    if keys != [table.key for table in counted]:
        raise Held("tables", "the figures are not about the tables that were counted")
    if len({key.subject_id for key in keys}) != len(keys):
        raise Held("tables", "a subject stands twice in one release")
    if len({(key.kind, key.period) for key in keys}) != 1:
        raise Held("tables", "a release needs tables, all of one kind and one period")
    return keys


def read_release(folder: Path, number: int, digests: Mapping[str, str]) -> Release:
    """The release in `folder`. Raises LedgerBroken, naming the file that is not as recorded."""
    check_folder(folder, digests)
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return Release(
        id=facts["id"],
        number=number,
        kind=facts["kind"],
        period=Period(facts["period"]["kind"], date.fromisoformat(facts["period"]["start"])),
        provider=facts["provider"],
        timezone=facts["timezone"],
        promise=PolicyPromise(**facts["promise"]),
        policy_digest=facts["policy_digest"],
        catalogue_digest=facts["catalogue_digest"],
        campaigns=tuple(_campaign(row) for row in facts["campaigns"]),
        segments={row["id"]: _segment(row) for row in pq.read_table(folder / SEGMENTS).to_pylist()},
        groups=pq.read_table(folder / GROUPS),
        figures=pq.read_table(folder / FIGURES),
        seal=_SEAL,
    )


def check_folder(folder: Path, digests: Mapping[str, str]) -> None:
    """Raise LedgerBroken, naming the file, unless exactly the recorded bytes stand there."""
    present = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    for name in sorted(present | set(digests)):
        if name not in present:
            problem = "is missing"
        elif name not in digests:
            problem = "is not in the ledger"
        elif sha256(folder / name) != digests[name]:
            problem = "is not what the ledger recorded"
        else:
            continue
        raise LedgerBroken(
            f"{folder.name}/{name} {problem}; restore the folder from its backup. "
            "Nothing is published until then"
        )


def _campaign(row: Mapping[str, Any]) -> Campaign:
    regions = row["target_regions"]
    dates = {name: date.fromisoformat(row[name]) for name in ("starts_on", "ends_on")}
    return Campaign(**{**row, **dates, "target_regions": regions and tuple(regions)})


def _segment(row: Mapping[str, Any]) -> Segment:
    return Segment(
        id=row["id"],
        named=row["named"],
        gender=row["gender"],
        age=row["age"],
        region=row["region"],
        name=Text(row["english"], row["indonesian"]),
        region_name=Text(row["region_english"], row["region_indonesian"]),
        iab_ids=tuple(row["iab_ids"]),
    )
