"""A person's rights: file a request, say what follows from it, show what is held.

Only the object that `access` returns holds values of the person; it goes to the screen of who
asked, never into a file, a log or an error.
"""

import hashlib
import json
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer.intake.normalisation import BLANKS
from anonymizer.intake.objections import Treatment, UnreadRow
from anonymizer.intake.person_search import Row, canonical_user, search
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.release.ledger import Ledger
from anonymizer.rights.decisions import Decision, record_decision, require_fit_reason
from anonymizer.sources.source_zone import source_root
from anonymizer.storage.files import write_bytes
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

RequestKind = Literal["access", "correct", "erase", "withdraw"]


@dataclass(frozen=True)
class FiledRequest:
    """A request as it now lies in the raw zone. Does not say whose it is."""

    request_id: str
    kind: RequestKind
    requested_at: datetime
    path: Path


def file_request(home: Home, kind: RequestKind, user: str, now: datetime) -> FiledRequest:
    """Add a request to `raw/requests`, whole or not at all.

    Raises ConfigurationError when `user` is blank or a placeholder, NoSpace when it cannot be
    written. `now` carries a zone.
    """
    canonical_user(user)
    requested_at = now.astimezone(UTC)
    request_id = f"{requested_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(8)}"
    row = {
        "request_id": request_id,
        "user_id": user.strip(BLANKS),
        "kind": kind,
        "requested_at": requested_at.isoformat(),
    }
    path = home.raw / "requests" / f"{kind}-{request_id}.jsonl"
    write_bytes((json.dumps(row, ensure_ascii=False) + "\n").encode(), path)
    return FiledRequest(request_id, kind, requested_at, path)


@dataclass(frozen=True)
class UserMatch:
    """Whether a user id has a consent or a profile, and what could not be searched for it."""

    found: bool
    unsearched: tuple[str, ...] = ()


def look_up(home: Home, policy: Policy, user: str) -> UserMatch:
    """Whether a consent or a profile of this user id is in the raw zone."""
    canonical = canonical_user(user)
    unsearched: list[str] = []
    raw = source_root(home)
    # Of profiles in a database, columns that no figure needs are not selected.
    for table, ids_alone in (("consents", False), ("profiles", True)):
        searched = search(raw, table, canonical, policy.intake, ids_alone=ids_alone)
        if searched.rows:
            return UserMatch(found=True)
        unsearched += searched.unsearched
    return UserMatch(found=False, unsearched=tuple(unsearched))


def decide_unread(
    home: Home,
    ledger: Ledger,
    secret: Secret,
    row: UnreadRow,
    decision: Decision,
    user: str | None = None,
) -> Decision:
    """Record what an unread row counts as; returns the decision as it is recorded.

    With `user` the row has none that can be read and is about that person: a request is filed for
    them, and the decision names it. Raises ConfigurationError when the row cannot count as that.
    """
    faults = unfit(row, decision.treatment, user)
    if faults:
        raise ConfigurationError(faults)
    require_fit_reason(decision)
    if user is not None and decision.treatment != "ignored":
        filed = file_request(home, decision.treatment, user, decision.at)
        decision = replace(decision, request_id=filed.request_id)
    record_decision(home, ledger, secret, row, decision)
    return decision


def unfit(row: UnreadRow, treatment: Treatment, user: str | None) -> list[Fault]:
    """Why a row cannot count as that; nothing when it can."""
    faults = []
    if user is not None and (row.person_known or treatment == "ignored"):
        problem = "the row has one" if row.person_known else "nothing is filed for an ignored row"
        faults.append(Fault("--user", problem, "leave it out"))
    if treatment == "ignored":
        return faults
    if row.person_known and row.table == "consents":
        remedy = "decide `ignored`, or file a separate request: audience rights withdraw"
        faults.append(Fault("--as", f"{row} already counts as a refusal", remedy))
    if not row.person_known and user is None:
        remedy = "name the person with --user, or decide `ignored`"
        faults.append(Fault("--as", f"the user id cannot be read: {row}", remedy))
    return faults


def explain(kind: RequestKind, policy: Policy, first_affected: Period | None = None) -> str:
    """What will follow from a request: what stops, from which release on, what stays and why.

    `first_affected` is the earliest period that is not released yet, if that is known.
    """
    start = "the next release"
    if first_affected:
        start = f"the release of {first_affected.id} (the first that has not been made yet)"
    return "\n".join((*_FOLLOWS[kind](policy, start), ""))


def _access(policy: Policy, start: str) -> Iterable[str]:  # noqa: ARG001
    yield "The request is filed. The data held about the person are listed by category."
    yield "Nothing changes: an access request affects no figure and no consent."


def _correction(policy: Policy, start: str) -> Iterable[str]:
    yield "The request is filed. Correct the profile at its source: this project only reads it."
    yield (
        f"Effective from: the first profile snapshot with the correction. It affects {start} that "
        "uses that snapshot or a later one."
    )
    yield from _what_stays(policy)


def _withdrawal(policy: Policy, start: str) -> Iterable[str]:
    yield "The request is filed. It refuses every purpose from this moment on."
    yield (
        f"What stops: the person counts in no figure from {start} on, even in figures of earlier "
        "days that are released later."
    )
    yield (
        "What would change this: a new consent to each required purpose "
        f"({', '.join(policy.eligibility.purposes)}) counts again, for days after it is given."
    )
    yield from _what_stays(policy)


def _erasure(policy: Policy, start: str) -> Iterable[str]:
    yield "The request is filed."
    yield f"What stops: the person counts in no figure from {start} on, permanently."
    yield "What would change this: nothing; no later consent brings the person back under this id."
    yield (
        "What is removed: everything under the person's pseudonym in the working data, within "
        "the next run; the ledger keeps a proof of how much was removed, but not whose it was."
    )
    yield from _what_stays(policy, working_data=False)
    yield (
        "- This request: it stays in the raw zone with the user id. Without it the erasure could "
        "not be maintained."
    )


def _what_stays(policy: Policy, *, working_data: bool = True) -> Iterable[str]:
    promise = policy.promise
    yield "What stays, and why:"
    yield (
        f"- Released figures: they are final. Each counts a group of at least {promise.k} people "
        "and contains no id, name or row of any of them. Changing a figure now would reveal by "
        "subtraction who left."
    )
    yield (
        "- The raw zone (profiles, visits, consents): it belongs to the service that delivers it. "
        "This project only reads it; change or erase it there."
    )
    if working_data:
        yield (
            "- Pseudonymous working data of days already processed: it contains no id, name or "
            f"address, and is removed after {policy.retention.private_days} days."
        )


_FOLLOWS: Mapping[RequestKind, Callable[[Policy, str], Iterable[str]]] = {
    "access": _access,
    "correct": _correction,
    "withdraw": _withdrawal,
    "erase": _erasure,
}


@dataclass(frozen=True, repr=False)
class Category:
    """What is held under one heading: how many rows, and lines of what they say."""

    name: str
    rows: int
    lines: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class HeldData:
    """What is held about one person. Its representation shows none of it; `render` does."""

    categories: tuple[Category, ...]
    unsearched: tuple[str, ...]

    def render(self) -> str:
        """All of it as text for a screen."""
        lines = []
        for category in self.categories:
            rows = "1 row" if category.rows == 1 else f"{category.rows:,} rows"
            lines += [f"{category.name}: {rows}", *(f"  {line}" for line in category.lines), ""]
        if self.unsearched:
            lines += ["Not searched:", *(f"  {note}" for note in self.unsearched), ""]
        return "\n".join("".join(c if c.isprintable() else "\ufffd" for c in x) for x in lines)


def access(home: Home, policy: Policy, secret: Secret, user: str) -> HeldData:
    """Collect what is held about a person, by category, from raw and working files.

    Nothing is written. Files and rows that cannot be read are listed by name and number,
    because something of the person may stand in them. Raises ConfigurationError when `user`
    is blank or a placeholder.
    """
    canonical = canonical_user(user)
    person = hashlib.sha256(secret.derive("person") + canonical.encode()).digest()[:16]
    raw = source_root(home, everything=True)
    profiles, visits, consents, requests = (
        search(raw, table, canonical, policy.intake)
        for table in ("profiles", "visits", "consents", "requests")
    )
    accesses, interests, working = _working_data(home, person)
    categories = (
        _distinct("Identity and contact", profiles.rows, _CONTACT),
        _distinct("Demographics and account", profiles.rows, _DEMOGRAPHICS),
        _visits(visits.rows, ZoneInfo(policy.timing.timezone)),
        accesses,
        interests,
        _listed("Consents", consents.rows, ("decided_at", "purpose", "granted")),
        _listed("Requests", requests.rows, ("requested_at", "kind", "request_id")),
        working,
        _released(home),
    )
    found = (profiles, visits, consents, requests)
    return HeldData(categories, tuple(note for table in found for note in table.unsearched))


_CONTACT = ("user_id", "full_name", "email", "phone", "address")
_DEMOGRAPHICS = ("gender", "birth_date", "region_code", "registered_at", "closed_at")
_TRACES = ("cookie_id", "ip", "user_agent", "referrer", "product_category", "device")


def _distinct(name: str, rows: Sequence[Row], columns: Iterable[str]) -> Category:
    """Every value that was ever held in these columns, with the number of rows that hold it."""
    lines = []
    for column in columns:
        values = Counter(row[column] for row in rows if row.get(column))
        lines += [f"{column}: {value} ({n} rows)" for value, n in sorted(values.items())]
    return Category(name, len(rows), tuple(lines))


def _listed(name: str, rows: Sequence[Row], columns: tuple[str, ...]) -> Category:
    lines = sorted("  ".join(row.get(column, "") for column in columns) for row in rows)
    return Category(name, len(rows), tuple(lines))


def _visits(rows: Sequence[Row], zone: ZoneInfo) -> Category:
    """Visits by local day, and the traces that stand beside them."""
    days = Counter(_local_day(row.get("occurred_at", ""), zone) for row in rows)
    lines = [f"{day}: {visits} visits" for day, visits in sorted(days.items())]
    for column in ("url", *_TRACES):
        values = {row[column] for row in rows if row.get(column)}
        lines += [f"{column}: {len(values)} different values"] if values else []
    return Category("Visits", len(rows), tuple(lines))


def _local_day(instant: str, zone: ZoneInfo) -> str:
    try:
        moment = datetime.fromisoformat(instant.strip(BLANKS))
    except ValueError:
        return "at an unreadable time"
    return moment.astimezone(zone).date().isoformat() if moment.tzinfo else "at a time without zone"


def _working_data(home: Home, person: bytes) -> tuple[Category, Category, Category]:
    """Advertising accesses, interests, and rows of working files, found by pseudonym."""
    campaigns: Counter[str] = Counter()
    interests: Counter[str] = Counter()
    stages: dict[str, list[str]] = defaultdict(list)
    for path in sorted(home.private.glob("*/day=*.parquet")):
        names = pq.read_schema(path).names
        if "person_key" not in names:
            continue
        columns = [name for name in ("campaign_ids", "interest") if name in names]
        mine = pq.read_table(
            path,
            columns=columns or ["person_key"],
            filters=pc.field("person_key") == person,
            partitioning=None,
        )
        stages[path.parent.name] += [path.stem.removeprefix("day=")] * mine.num_rows
        if "campaign_ids" in names:
            campaigns.update(c for ids in mine["campaign_ids"].to_pylist() for c in ids)
        if "interest" in names:
            interests.update(code for code in mine["interest"].to_pylist() if code)
    accesses = [f"campaign {campaign}: {visits} visits" for campaign, visits in campaigns.items()]
    viewed = [f"interest {code}: {visits} visits" for code, visits in interests.items()]
    working = [
        f"{stage}: {len(days)} rows, {min(days)} to {max(days)}"
        for stage, days in sorted(stages.items())
        if days
    ]
    return (
        Category("Advertising accesses", campaigns.total(), tuple(sorted(accesses))),
        Category("Interests", interests.total(), tuple(sorted(viewed))),
        Category("Pseudonymous working data", sum(map(len, stages.values())), tuple(working)),
    )


def _released(home: Home) -> Category:
    releases = len(list(home.releases.glob("*/")))
    return Category(
        "Released figures",
        0,
        (f"{releases} releases contain counts of groups only; none contains data by person.",),
    )
