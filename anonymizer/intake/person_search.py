"""Finds what the raw zone holds about one person, in files of any format, in memory only."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from anonymizer.intake.contract import TABLES, UNREAD, Kind, RawTable
from anonymizer.intake.identifiers import (
    HIDDEN,
    NO_USER,
    NOT_AN_ID,
    PLACEHOLDER,
    NotAUserError,
    canonical_id,
)
from anonymizer.intake.landing_zone import LandedFile
from anonymizer.intake.raw_source import Limits, opened
from anonymizer.intake.readers import read
from anonymizer.model.errors import ConfigurationError, Fault, InputRejected, first_few
from anonymizer.model.policy import IntakeLimits
from anonymizer.storage.raw_zone import RawPath

# Held with every visit, but numbers that identify nobody and may have any type.
_MEASUREMENTS = frozenset({"duration_ms", "page_response_ms", "interactions", "exit_method"})


def canonical_user(user: str) -> str:
    """The one form of a user id that somebody typed; the same as at intake.

    Raises ConfigurationError for a blank, a placeholder, a number with a fraction or exponent,
    and hidden characters.
    """
    try:
        return canonical_id("" if user == r"\N" else user)
    except NotAUserError as error:
        raise ConfigurationError([Fault("--user", *_REFUSALS[error.reason])]) from None


_REFUSALS = {
    NO_USER: ("this is a blank or a placeholder, not a user id", "give the id"),
    PLACEHOLDER: ("this is a blank or a placeholder, not a user id", "give the id"),
    HIDDEN: ("the user id contains an invisible character", "type it instead of copying it"),
    NOT_AN_ID: (
        "this is a number with a fraction or an exponent, not a user id",
        "give the id as it is written in the profiles",
    ),
}


_ABSENT = ("", r"\N")


def _canonical(written: object) -> tuple[str | None, str]:
    """The one form of an id in a raw file, or None and the reason why it has none."""
    text = _text(written)
    try:
        return canonical_id("" if text == r"\N" else text), ""
    except NotAUserError as error:
        return None, error.reason


Row = Mapping[str, str]


@dataclass(frozen=True, repr=False)
class PersonRows:
    """A person's rows of one raw table, as text; and the files and rows that may hide theirs."""

    rows: tuple[Row, ...]
    unsearched: tuple[str, ...]


def search(
    raw: RawPath, name: str, user: str, limits: IntakeLimits, *, ids_alone: bool = False
) -> PersonRows:
    """All rows of the raw table `name` that belong to `user` (in canonical form).

    With every column of the contract; with `ids_alone` the user id is the only one that is read.
    Reads one batch at a time and writes nothing. A file that intake would reject, the number of
    rows that it could not read, and rows whose user id is refused are named in `unsearched`.
    """
    others: dict[str, Kind] = dict.fromkeys(UNREAD[name] - _MEASUREMENTS, "identifier")
    columns = {**TABLES[name].columns, **others}
    if ids_alone:
        columns = {"user_id": columns["user_id"]}
    table = RawTable(name, columns, ("user_id",), ())
    rows: list[Row] = []
    unsearched = []
    for path in _files(raw / name):
        file = LandedFile(name, path, str(path.relative_to(raw)))
        try:
            unsearched += _search_file(file, table, user, limits, rows)
        except InputRejected as error:
            unsearched.append(f"{file.name}: {error.reason}")
    return PersonRows(tuple(rows), tuple(unsearched))


def written_users(raw: RawPath, name: str, limits: IntakeLimits) -> Mapping[str, str]:
    """Every user id of the raw table `name` as it is written somewhere, and its one form.

    No other column is read. Of files and rows that cannot be read there is none.
    """
    table = RawTable(name, {"user_id": "user"}, ("user_id",), ())
    found: dict[str, str] = {}
    for path in _files(raw / name):
        file = LandedFile(name, path, str(path.relative_to(raw)))
        try:
            with opened(file, Limits.of(limits)) as source:
                for batch in read(source, table).batches:
                    for written in map(_text, batch.rows.column("user_id").to_pylist()):
                        canonical, _ = _canonical(written)
                        if canonical is not None:
                            found[written] = canonical
        except InputRejected:
            continue
    return found


def _files(folder: RawPath) -> Iterator[RawPath]:
    for path in sorted(
        (*folder.glob("*"), *folder.glob("day=*/*"), *folder.glob("day=*/hour=*/*"))
    ):
        unfinished = path.name.startswith((".", "_")) or path.name.endswith((".tmp", ".part"))
        if path.is_file() and not path.is_symlink() and not unfinished:
            yield path


def _search_file(
    file: LandedFile, table: RawTable, user: str, limits: IntakeLimits, rows: list[Row]
) -> list[str]:
    """Add the person's rows of one file to `rows`; returns what could not be searched, and why."""
    unreadable = 0
    refused: dict[str, list[int]] = defaultdict(list)
    sizes = Limits.of(limits)
    with opened(file, sizes) as source:
        for batch in read(source, table).batches:
            unreadable += len(batch.faults)
            if not batch.rows.num_rows:
                continue
            users = batch.rows.column("user_id").to_pylist()
            mine = []
            for at, written in enumerate(users):
                canonical, reason = _canonical(written)
                if canonical == user:
                    mine.append(at)
                elif reason and not (table.name == "visits" and _text(written) in _ABSENT):
                    refused[reason].append(batch.rows.column("row_number")[at].as_py())
            found = batch.rows.take(mine).to_pylist() if mine else []
            rows += [{column: _text(value) for column, value in row.items()} for row in found]
    notes = [f"{file.name}: {unreadable} unreadable rows"] if unreadable else []
    for reason, numbers in sorted(refused.items()):
        where = first_few(sorted(numbers))
        notes.append(f"{file.name}: the user id is refused as {reason} in row(s) {where}")
    return notes


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(value)
