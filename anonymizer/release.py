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
from anonymizer.audit.history.related import joins_of
from anonymizer.audit.history.shown import Shown, read_shown
from anonymizer.audit.history.withholding import withhold_joined
from anonymizer.audit.inspection import inspect
from anonymizer.dimensions import Text
from anonymizer.errors import Disclosure, Held, LedgerBroken
from anonymizer.files import sha256
from anonymizer.parallel import ALONE, Workers
from anonymizer.periods import Period
from anonymizer.policy import PolicyPromise, Promise
from anonymizer.segments import Catalogue
from anonymizer.series import Series
from anonymizer.tables import Counted, Figures, SubjectKind, TableKey

FIGURES, SEGMENTS, GROUPS, FACTS = (
    "figures.parquet",
    "segments.parquet",
    "groups.parquet",
    "release.json",
)
FORMAT = 2  # of release folders
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
    """The public facts of a campaign. Refuses what cannot stand in a file name or an export.

    Whoever accesses it accesses the campaigns that it is `inside` of too: their links contain its
    link.
    """

    id: str
    name: str
    advertiser_id: str
    advertiser_name: str
    starts_on: date
    ends_on: date
    target_regions: tuple[str, ...] | None = None
    inside: tuple[str, ...] = ()

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
class Topic:
    """What a table is about that is no campaign: everybody, or an interest by its code."""

    id: str
    name: Text

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise Held("topic_id", "the code of an interest is no file name; see segments.yaml")
        if any(_IDENTIFYING.search(words) for words in (self.name.english, self.name.indonesian)):
            raise Held(
                "identifying_text",
                f"the words of interest {self.id} hold what looks like an e-mail address, a phone "
                "number or a 16-digit number; change them in segments.yaml",
            )


Subject = Campaign | Topic
EVERYONE = Topic("everyone", Text("everyone", "semua orang"))


def name_of(subject: Subject) -> Text:
    """What a subject is called; a campaign has one name for all languages."""
    return Text(subject.name, subject.name) if isinstance(subject, Campaign) else subject.name


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

    The truth that they were inspected against is not kept here. `joined` says what came of the
    attack together with earlier releases; without one the figures cannot be published.
    """

    kind: SubjectKind
    period: Period
    figures: tuple[Figures, ...]
    catalogue: Catalogue
    promise: Promise
    joined: "Joined | None" = None
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        _require(seal, "Audited", "audit")

    @property
    def series(self) -> Series:
        """The series that the tables belong to."""
        return Series(self.kind, self.period.kind)

    @property
    def summary(self) -> Mapping[str, Any]:
        """What the ledger says of the audit."""
        return {
            "attacks": ["inspection", "attack"] + ["history"] * (self.joined is not None),
            "findings": 0,
            "tables": len(self.figures),
            "figures": sum(len(table.segments) for table in self.figures),
            **(self.joined.summary if self.joined else {}),
        }


@dataclass(frozen=True)
class Release:
    """What stands in a release folder, as the ledger recorded it. Only `read_release` makes one.

    `subjects` are campaigns in releases of that kind, topics in all others. `figures` (subject_id,
    segment_id, status, people) has them by id and in each the segments in order of preference;
    named segments that are withheld stand there without people.
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
    subjects: tuple[Subject, ...]
    segments: Mapping[str, Segment]
    groups: pa.Table
    figures: pa.Table
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        _require(seal, "Release", "publishing")

    @property
    def campaigns(self) -> tuple[Campaign, ...]:
        """The subjects that are campaigns."""
        return tuple(subject for subject in self.subjects if isinstance(subject, Campaign))

    @property
    def series(self) -> Series:
        """The series that it belongs to."""
        return Series(self.kind, self.period.kind)


def _require(seal: object, stage: str, maker: str) -> None:
    if seal is not _SEAL:
        raise TypeError(f"{stage} is made by {maker} alone; building one would skip a step")


@dataclass(frozen=True)
class History:
    """What a release is attacked together with: earlier releases that bear on it.

    `subjects` are the public facts of its own tables. See `audit.history.related` for which
    releases bear on it.
    """

    earlier: Sequence[Release]
    subjects: Sequence[Subject]


@dataclass(frozen=True)
class Joined:
    """What came of an attack together with earlier releases, `releases` by their ids.

    `evidence` quotes figures that are not published: it is for `private/findings` alone.
    """

    releases: tuple[str, ...]
    joins: int
    withheld: int
    evidence: tuple[Finding, ...]

    @property
    def summary(self) -> Mapping[str, int]:
        """Counts only."""
        return {
            "joined_releases": len(self.releases),
            "joins": self.joins,
            "withheld_for_history": self.withheld,
        }


def audit(
    figures: Sequence[Figures],
    counted: Sequence[Counted],
    catalogue: Catalogue,
    promise: Promise,
    workers: Workers = ALONE,
    history: History | None = None,
) -> Audited:
    """Attack the tables of one release; what withstands may be published.

    Each table is inspected against the truth and then attacked with nothing but what a reader
    sees. With a history they are then attacked together with each other and with what was
    released before; figures that tell something only so are withheld, and what is left is
    attacked again. Raises Disclosure with every finding, Held when the tables do not belong
    together or a worker was killed.
    """
    keys = _keys_of_one_release(figures, counted)
    tables = tuple(figures)
    _withstand(tables, counted, (catalogue, promise), workers)
    joined = None
    if history is not None:
        tables, joined = _withstand_history(tables, counted, (catalogue, promise), history, workers)
    first = keys[0]
    return Audited(first.kind, first.period, tables, catalogue, promise, joined, seal=_SEAL)


def _withstand(
    figures: Sequence[Figures],
    counted: Sequence[Counted],
    terms: tuple[Catalogue, Promise],
    workers: Workers,
) -> None:
    tables = list(zip(figures, counted, strict=True))
    costs = [(_LEAST_FIGURES + len(shown.segments)) ** 2 for shown in figures]
    found = workers.results(_findings, terms, tables, costs)
    findings = [finding for of_table in found for finding in of_table]
    if findings:
        raise Disclosure(findings)


def _withstand_history(
    figures: tuple[Figures, ...],
    counted: Sequence[Counted],
    terms: tuple[Catalogue, Promise],
    history: History,
    workers: Workers,
) -> tuple[tuple[Figures, ...], Joined]:
    """The figures without what they tell only together with others."""
    catalogue, promise = terms
    facts = {subject.id: _bearing(subject) for subject in history.subjects}
    new = [
        Shown(shown, catalogue, promise, truth.possible, **_without_regions(facts, shown.key))
        for shown, truth in zip(figures, counted, strict=True)
    ]
    earlier = [
        table
        for release in history.earlier
        for table in read_shown(
            release, {s.id: _bearing(s) for s in release.subjects}, catalogue.dimensions
        )
    ]
    joins = joins_of(new, earlier)
    # Where only exact solutions are forbidden, nobody may be shown to be absent all the same.
    left = withhold_joined(joins, new, max(promise.inference_floor, 1), workers)
    after = [table.figures for table in left.tables]
    changed = [n for n, shown in enumerate(figures) if len(after[n].segments) < len(shown.segments)]
    _withstand([after[n] for n in changed], [counted[n] for n in changed], terms, workers)
    evidence = (*left.findings, *left.beyond_help)
    names = tuple(release.id for release in history.earlier)
    joined = Joined(names, len(joins), left.figures, evidence)
    return tuple(after), joined


def _bearing(subject: Subject) -> dict[str, Any]:
    """What a subject's facts say of its tables' relation to others."""
    if isinstance(subject, Topic):
        return {}
    return {
        "inside": frozenset(subject.inside),
        "runs": (subject.starts_on, subject.ends_on),
        "target_regions": subject.target_regions,
    }


def _without_regions(facts: Mapping[str, dict[str, Any]], key: TableKey) -> dict[str, Any]:
    """The same of a table whose possible atoms are known from counting."""
    if key.kind == "campaign" and key.subject_id not in facts:
        raise Held("campaigns", f"{key} has no public facts; run its intake again")
    known = facts.get(key.subject_id, {})
    return {name: fact for name, fact in known.items() if name != "target_regions"}


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
    """The release in `folder`. Raises LedgerBroken, naming the file that is not as recorded.

    Raises Held `format` for what a later version of the program has written.
    """
    check_folder(folder, digests)
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    if facts["format"] > FORMAT:
        raise Held(
            "format",
            f"{folder.name} has the format {facts['format']} and this version of the program reads "
            f"up to {FORMAT}; use the version that wrote it, or a later one",
        )
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
        subjects=_subjects(facts),
        segments={row["id"]: _segment(row) for row in pq.read_table(folder / SEGMENTS).to_pylist()},
        groups=pq.read_table(folder / GROUPS),
        figures=_with_subjects(pq.read_table(folder / FIGURES)),
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


def _subjects(facts: Mapping[str, Any]) -> tuple[Subject, ...]:
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
        inside=tuple(row.get("inside", ())),
    )


def _with_subjects(figures: pa.Table) -> pa.Table:
    """Figures under today's names of columns: format 1 had campaigns alone."""
    return (
        figures.rename_columns({"campaign_id": "subject_id"})
        if ("campaign_id" in figures.column_names)
        else figures
    )


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
