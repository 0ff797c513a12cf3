"""The raw contract (design, section 5): which columns are read, and what each must be.

Only columns named here are ever read from a file. Names, e-mail addresses, phones, postal
addresses, cookie ids, IP addresses and referrers are not among them.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

from anonymizer.intake import intake_limits
from anonymizer.model.errors import InputRejected

# user: becomes a keyed hash; identifier: text or integer; codes: text `31;32.71` or a list;
# word, boolean: looked up in vocabulary.py, a boolean may also be true, false, 0 or 1 by type.
Kind = Literal["user", "identifier", "text", "word", "instant", "date", "boolean", "codes"]

_LISTABLE = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")


@dataclass(frozen=True)
class RawTable:
    """One raw table: its columns, the parameters of its `accept_*.sql`, how ids conflict.

    `narrowing`: optional columns whose values make fewer people or visits count, such as
    `closed_at`, so a value that cannot be read is not one that is absent.
    `limited`: too large a share of bad rows holds the day. `winners`: of rows that share an
    id and differ, one is kept by rule; otherwise none is. `objections`: a row that cannot be read
    may be an objection, so it acts against the person whose user id it has, and holds the release
    when it has none that can be read. `dating`: the parameters of its `date_*.sql`, where what a
    row is depends on the day for which it is read.
    """

    name: str
    columns: Mapping[str, Kind]
    required: tuple[str, ...]
    parameters: tuple[str, ...]
    limited: bool = True
    winners: bool = True
    objections: bool = False
    narrowing: tuple[str, ...] = ()
    dating: tuple[str, ...] = ()

    @property
    def about_people(self) -> bool:
        """Whether its rows go when their person asks to be erased; the request itself stays."""
        return self.name not in ("campaigns", "requests")


# A missing user id column would turn everybody into a guest without a word: it is required.
TABLES: Mapping[str, RawTable] = {
    table.name: table
    for table in (
        RawTable(
            "campaigns",
            {
                "campaign_id": "identifier",
                "advertiser_id": "identifier",
                "advertiser_name": "text",
                "campaign_name": "text",
                "link_url": "text",
                "starts_on": "date",
                "ends_on": "date",
                "target_regions": "codes",
            },
            (
                "campaign_id",
                "advertiser_id",
                "advertiser_name",
                "campaign_name",
                "link_url",
                "starts_on",
                "ends_on",
            ),
            ("content_key", "blanks", "longest_name"),
            limited=False,
            winners=False,
            narrowing=("target_regions",),
        ),
        RawTable(
            "profiles",
            {
                "user_id": "user",
                "gender": "text",
                "birth_date": "date",
                "region_code": "text",
                "registered_at": "instant",
                "closed_at": "instant",
            },
            ("user_id", "registered_at"),
            ("content_key", "zone", "earliest", "latest", "blanks"),
            narrowing=("closed_at",),
            dating=("day", "purged_before", "oldest_age"),
        ),
        RawTable(
            "consents",
            {"user_id": "user", "purpose": "word", "granted": "boolean", "decided_at": "instant"},
            ("user_id", "purpose", "granted", "decided_at"),
            ("content_key", "earliest", "latest"),
            objections=True,
        ),
        RawTable(
            "requests",
            {
                "request_id": "identifier",
                "user_id": "user",
                "kind": "word",
                "requested_at": "instant",
            },
            ("request_id", "user_id", "kind", "requested_at"),
            ("content_key", "request_key", "earliest", "latest", "blanks"),
            limited=False,
            objections=True,
        ),
        RawTable(
            "visits",
            {
                "visit_id": "identifier",
                "user_id": "user",
                "occurred_at": "instant",
                "url": "text",
                "user_agent": "text",
                "product_category": "text",
            },
            ("visit_id", "user_id", "occurred_at", "url"),
            (
                "content_key",
                "visit_key",
                "day",
                "zone",
                "arrival",
                "arrival_end",
                "late_before",
                "earliest",
                "blanks",
                "other_part",
            ),
            narrowing=("user_agent",),
        ),
    )
}

# Columns of visits that are read only where a rule of the policy divides campaigns by one of them.
PART_COLUMNS: Mapping[str, Kind] = {"device": "text"}

# Part of the contract, never read; those of PART_COLUMNS but for such a rule.
UNREAD: Mapping[str, frozenset[str]] = {
    "campaigns": frozenset(),
    "profiles": frozenset({"full_name", "email", "phone", "address"}),
    "consents": frozenset(),
    "requests": frozenset(),
    "visits": frozenset(
        {
            "cookie_id",
            "referrer",
            "ip",
            "duration_ms",
            "page_response_ms",
            "interactions",
            "exit_method",
            *PART_COLUMNS,
        }
    ),
}


def visits_with(read: Collection[str]) -> RawTable:
    """The visits with columns by which campaigns are divided, of which no file may lack one."""
    visits = TABLES["visits"]
    added = {name: kind for name, kind in PART_COLUMNS.items() if name in read}
    needed = (*visits.required, *sorted(read))
    return replace(visits, columns={**visits.columns, **added}, required=needed)


@dataclass(frozen=True)
class Header:
    """The columns of a file: those that are read, those that are absent, those dropped."""

    present: tuple[str, ...]
    absent: tuple[str, ...]
    dropped: tuple[str, ...]


def check_header(table: RawTable, names: Sequence[str], file: str, digest: str) -> Header:
    """Compare column names with the contract, exactly.

    Raises InputRejected `duplicate_column`, or `schema_missing:<columns>` with every column that
    is missing; one that is there under another spelling (`UserId`) counts as missing, optional or
    not. The message has no name of a file of which none is known: its first line may be data.
    """
    if len(set(names)) != len(names):
        raise InputRejected(file, "duplicate_column", digest)
    absent = tuple(column for column in table.columns if column not in names)
    spellings = {_plain(name) for name in names if name not in table.columns}
    missing = [column for column in absent
               if column in table.required or _plain(column) in spellings]  # fmt: skip
    if missing:
        reason = f"schema_missing:{','.join(missing)}"
        detail = _explain_missing(table, missing, names)
        raise InputRejected(file, reason, digest, detail)
    known = table.columns.keys() | UNREAD[table.name]
    dropped = tuple(
        _listed(name, position) for position, name in enumerate(names, start=1) if name not in known
    )
    return Header(tuple(c for c in table.columns if c in names), absent, dropped)


def _explain_missing(table: RawTable, missing: Sequence[str], names: Sequence[str]) -> str:
    """The missing columns beside those found and their likely matches."""
    known = table.columns.keys() | UNREAD[table.name]
    if not {_plain(name) for name in names} & {_plain(name) for name in known}:
        return (
            f"missing columns: {', '.join(missing)}; none of the {len(names)} column(s) found is "
            "in the contract. Their names are not shown, because a file without a header has "
            "data there. Write the names of docs/raw-contract.md as header, schema or keys"
        )
    found = [_listed(name, position) for position, name in enumerate(names, start=1)]
    listed = (
        found
        if len(found) <= intake_limits.COLUMNS_LISTED
        else [*found[: intake_limits.COLUMNS_LISTED], "..."]
    )
    likely = [
        f"{match} for {column}"
        for column in missing
        if (match := _likely_match(column, [name for name in names if name not in known]))
    ]
    matches = f"; likely matches: {', '.join(likely)}" if likely else ""
    return (
        f"missing columns: {', '.join(missing)}; columns found: {', '.join(listed) or 'none'}"
        f"{matches}. Rename or add them at the source: names must match exactly"
    )


def _likely_match(column: str, unknown: Sequence[str]) -> str:
    """The column of a file that is probably meant by one of the contract; empty without any."""
    by_spelling = {_plain(name): name for name in unknown if _LISTABLE.match(name)}
    close = get_close_matches(
        _plain(column), list(by_spelling), n=1, cutoff=intake_limits.SIMILARITY
    )
    return by_spelling[close[0]] if close else ""


def _listed(name: str, position: int) -> str:
    """The name of a column, or its position where the name looks like data."""
    return name if _LISTABLE.match(name) else f"column {position}"


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
