"""Profiles and consents that were taken in before, for later days: each file is read once.

What became of a file is kept in `private/kept/`, encrypted, under a name that is made of the
digest of its bytes and of everything else that decides what it becomes. It holds birth dates and
the pseudonyms of people, so what concerns people reaches it:

- Rows of people who asked to be erased, and of accounts that were closed long ago, are replaced by
  placeholders, so that a file that still has them raw is accounted for as if it were read. What a
  placeholder keeps is the number of the row, what the warnings of intake say of it, and of an
  erased person the pseudonym that the request keeps as well.
- A file is not kept where placeholders would not give exactly what the rows give, and not used
  where they do not: the raw file is read again.
- Another key, policy, coding or version has other names. An erasure removes every file that has
  a row of one of its people, the retention those that no day used for so long, a new key all.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.intake.assessed_files import AssessedFile
from anonymizer.intake.batches import RowFault
from anonymizer.intake.contract import TABLES, Header
from anonymizer.intake.vocabulary import OLDEST_AGE
from anonymizer.storage.encrypted_rows import EncryptedWriter, Unusable, encrypted_reader
from anonymizer.storage.files import make_folder, take_over
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

KEPT_TABLES = ("consents", "profiles")
_FORM = "1"  # of a kept file
_MOST_FAULTS = 10_000  # a file with more is read again
_KEY_BYTES = 16
_UNUSABLE = (Unusable, pa.ArrowException, KeyError, ValueError)
_LONG_AGO = date(1970, 1, 1)
_STATED = ("row_number", "gender_not_mapped", "region_not_mapped", "region_shape")


@dataclass
class KeptFile:
    """A file of a day that may be kept: where it is, and where its assessed rows are.

    `path` is what is kept of it by now, `read` whether the day took its rows from there.
    """

    key: str
    digest: str
    path: Path | None
    assessed: AssessedFile
    header: Mapping[str, Any] = field(default_factory=dict)
    read: bool = False
    spool: Path | None = None


class KeptFiles:
    """What is kept in a home, for the intake of one day.

    `read_with` is all that decides what a file becomes, but for its bytes and the day. Accounts
    that were closed before `purged_before` are not taken in.
    """

    def __init__(
        self, home: Home, secret: Secret, day: date, purged_before: date, *read_with: str
    ) -> None:
        self._folder, self._key = home.kept, _key(secret)
        self._day, self._purged_before = day, purged_before
        self._read_with = (_FORM, *read_with)

    def find(self, table: str, name: str, digest: str, room: int) -> KeptFile:
        """A file of this name and digest; the name decides only how it is read."""
        suffixes = "".join(PurePosixPath(name).suffixes)
        content = repr((table, suffixes, digest, *self._read_with))
        key = hashlib.sha256(content.encode()).hexdigest()[:32]
        found = max((self._folder / table).glob(f"day=*.{key}.rows"), default=None)
        return KeptFile(key, digest, found, AssessedFile(room))

    def rows(self, file: KeptFile) -> Iterator[pa.Table]:
        """The assessed rows of a file that is kept, then its facts. Raises Unusable."""
        assert file.path is not None, "only a file that was found is read"
        with encrypted_reader(file.path, self._key) as reader:
            file.header = reader.header
            self._require_fit(reader.header)
            if reader.header["placeholders"]:
                file.assessed.room = -1  # for this day alone
            for rows in reader.batches():
                file.assessed.add(rows)
                yield rows
        said = reader.header
        file.assessed.rows, file.assessed.filtered = said["rows"], said["filtered"]
        file.assessed.faults = tuple(RowFault(*fault) for fault in said["faults"])
        file.assessed.header = Header(*(tuple(names) for names in said["header"]))
        file.read = True

    def spool(self, folder: Path, file: KeptFile) -> EncryptedWriter:
        """Where the rows of a file that is read go, until it is known which of them are kept."""
        file.spool = folder / f"{file.key}.rows"
        file.spool.unlink(missing_ok=True)
        return EncryptedWriter(file.spool, self._key, {})

    def discard(self, file: KeptFile) -> None:
        """Remove what is kept of a file."""
        if file.path is not None:
            file.path.unlink(missing_ok=True)
        file.path, file.header = None, {}

    def fits(self, files: list[KeptFile]) -> bool:
        """Whether placeholders of closed accounts give what their rows give beside these files."""
        company = _company(files)
        return all(file.header["company"] in ("", company) for file in files if file.read)

    def renew(self, table: str, files: Mapping[int, KeptFile], expired: pa.Table) -> None:
        """Keep the files of a table for later days, without the rows that are expired.

        `expired` is of list_expired_rows.sql. Raises NoSpace.
        """
        for number, file in files.items():
            mine = expired.filter(pc.equal(expired["file"], number))
            if not _can_be_kept(table, file, mine):
                self.discard(file)
            elif (file.read and not mine.num_rows) or self._is_current(file, mine):
                self._note_use(file)
            else:
                self._write(table, file, mine, _company(list(files.values())))

    def _require_fit(self, header: Mapping[str, Any]) -> None:
        """Placeholders hold from the day of their file on, until another account is long closed."""
        before = self._purged_before.isoformat()
        if header["company"] and before < header["purged_before"]:
            raise Unusable("made for later days")
        if header["closing"] and header["closing"] < before:
            raise Unusable("an erased account was closed long ago")

    def _is_current(self, file: KeptFile, expired: pa.Table) -> bool:
        """Whether a file that the day did not read from here is kept as it is to be."""
        if file.path is None or file.spool is not None:
            return False
        with suppress(Unusable), encrypted_reader(file.path, self._key) as reader:
            self._require_fit(reader.header)
            return bool(reader.header["placeholders"] == expired.num_rows)
        return False

    def _note_use(self, file: KeptFile) -> None:
        """The day of the name is the last one that used the file."""
        if file.path is None:
            return
        name = f"day={self._day.isoformat()}.{file.key}.rows"
        if name > file.path.name:
            with suppress(FileNotFoundError):  # another process has noted its day
                file.path.replace(file.path.with_name(name))

    def _write(self, table: str, file: KeptFile, expired: pa.Table, company: str) -> None:
        closed = pc.any(pc.invert(expired["erased"])).as_py() or bool(file.header.get("company"))
        target = self._folder / table / f"day={self._day.isoformat()}.{file.key}.rows"
        make_folder(target.parent)
        written = target.with_name(f".{target.name}.{os.urandom(4).hex()}.tmp")
        header = {
            "rows": file.assessed.rows,
            "filtered": file.assessed.filtered,
            "faults": [[f.row_number, f.column, f.reason] for f in file.assessed.faults],
            "header": [
                file.assessed.header.present,
                file.assessed.header.absent,
                file.assessed.header.dropped,
            ],
            "placeholders": expired.num_rows + file.header.get("placeholders", 0),
            "company": company if closed else "",
            "purged_before": self._purged_before.isoformat() if closed else "",
            "closing": self._closing(file, expired),
        }
        try:
            writer = EncryptedWriter(written, self._key, header)
            for rows in self._assessed_rows(file):
                writer.write(self._without(rows, expired))
            writer.close()
            take_over(written, target)
        except Unusable:
            self.discard(file)
            return
        finally:
            written.unlink(missing_ok=True)
        if file.path is not None and file.path != target:
            file.path.unlink(missing_ok=True)

    def _assessed_rows(self, file: KeptFile) -> Iterator[pa.Table]:
        place = file.spool or (file.path if file.read else None)
        if place is None:
            yield from file.assessed.claims
            return
        with encrypted_reader(place, self._key) as reader:
            yield from reader.batches()

    def _closing(self, file: KeptFile, expired: pa.Table) -> str:
        """The first day on which an account of an erased person was closed, if it can matter."""
        found = [file.header.get("closing", "")]
        erased = expired.filter(expired["erased"])["row_number"]
        if erased.length():
            for rows in self._assessed_rows(file):
                if "closed_on" in rows.column_names:
                    mine = rows.filter(pc.is_in(rows["row_number"], value_set=erased))
                    closed = pc.min(mine["closed_on"]).as_py()
                    found.append(closed.isoformat() if closed else "")
        return min(filter(None, found), default="")

    def _without(self, rows: pa.Table, expired: pa.Table) -> pa.Table:
        """The rows with placeholders for those that are expired, in the same order."""
        places = pc.index_in(rows["row_number"], value_set=expired["row_number"].combine_chunks())
        gone = pc.is_valid(places)
        if not pc.any(gone).as_py():
            return rows
        there = expired.take(places.drop_null())
        instead = self._placeholders(rows.filter(gone), there)
        columns = [
            pc.replace_with_mask(
                column.combine_chunks(), gone.combine_chunks(), instead[name].combine_chunks()
            )
            for name, column in zip(rows.column_names, rows.columns, strict=True)
        ]
        return pa.table(columns, schema=rows.schema)

    def _placeholders(self, rows: pa.Table, expired: pa.Table) -> pa.Table:
        """What is kept of expired rows, of which `expired` says more in the same order."""
        shared = expired["first_row"].to_pylist()
        drawn = {row: os.urandom(_KEY_BYTES) for row in dict.fromkeys(shared)}
        keys = pa.array([drawn[row] for row in shared], pa.binary())
        marked = pa.array([b"\0" + drawn[row] for row in shared], pa.binary())
        erased = expired["erased"].combine_chunks()
        kept: dict[str, pa.Array | pa.ChunkedArray] = {
            "record_key": keys,
            "content": marked,
            "rank": pa.array([0] * rows.num_rows, pa.int64()),
            "person_key": pc.if_else(erased, rows["person_key"].combine_chunks(), keys),
            **{name: rows[name] for name in _STATED if name in rows.column_names},
        }
        if "born" in rows.column_names:
            kept["birth_stated"] = pc.and_(rows["birth_stated"], self._are_not_known(rows["born"]))
            kept["closed_on"] = pc.if_else(erased, None, pa.scalar(_LONG_AGO))
        columns = [
            kept[column.name].cast(column.type)
            if column.name in kept
            else pa.nulls(rows.num_rows, column.type)
            for column in rows.schema
        ]
        return pa.table(columns, schema=rows.schema)

    def _are_not_known(self, born: pa.ChunkedArray) -> pa.ChunkedArray:
        """Which birth dates give no age, as date_profiles.sql has it, to the year."""
        oldest = date(self._day.year - OLDEST_AGE, 1, 1)
        unlikely = pc.or_(pc.greater(born, self._day), pc.less(born, oldest))
        return pc.fill_null(unlikely, True)  # noqa: FBT003


def drop_people(home: Home, secret: Secret, people: pa.Array) -> int:
    """Remove every kept file with a row of these people, placeholders aside, or that is unusable.

    Returns how many files went.
    """
    dropped = 0
    for path in home.kept_files():
        if _has_any(path, secret, people):
            path.unlink(missing_ok=True)
            dropped += 1
    return dropped


def rows_of(path: Path, secret: Secret, people: pa.Array) -> int:
    """How many rows of these people are in a kept file, placeholders aside; none if unusable."""
    try:
        return _count_rows(path, secret, people)
    except _UNUSABLE:
        return 0


def _has_any(path: Path, secret: Secret, people: pa.Array) -> bool:
    try:
        return _count_rows(path, secret, people) > 0
    except _UNUSABLE:
        return True


def _count_rows(path: Path, secret: Secret, people: pa.Array) -> int:
    found = 0
    with encrypted_reader(path, _key(secret)) as reader:
        for rows in reader.batches():
            real = pc.equal(pc.binary_length(rows["content"]), _KEY_BYTES)
            mine = pc.is_in(rows["person_key"], value_set=people)
            found += pc.sum(pc.and_(real, mine)).as_py() or 0
    return found


def _can_be_kept(table: str, file: KeptFile, expired: pa.Table) -> bool:
    """Whether placeholders can give what the rows give, on every day from now on.

    Consents of which a row cannot be read may be a refusal, which is read every day.
    """
    faults = len(file.assessed.faults)
    unread = faults > 0 if TABLES[table].objections else faults > _MOST_FAULTS
    return not (unread or pc.any(expired["contested"]).as_py())


def _company(files: list[KeptFile]) -> str:
    """Which files a day takes a table from."""
    return hashlib.sha256(repr(sorted(file.digest for file in files)).encode()).hexdigest()


def _key(secret: Secret) -> bytes:
    return secret.derive("kept")
