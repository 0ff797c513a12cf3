"""Reads the requests and consents of the raw zone as the next run would, and says what it finds.

Nothing is written. The rows are those of the files that are there now, whether a run has taken
them in or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pyarrow as pa

from anonymizer.intake.contract import TABLES, RawTable
from anonymizer.intake.deduplication import FileRows
from anonymizer.intake.intake_keys import IntakeKeys
from anonymizer.intake.landing_zone import files_of
from anonymizer.intake.objections import UNREAD, RowPlace, UnreadRow, unread_rows
from anonymizer.intake.raw_source import Limits, opened
from anonymizer.intake.readers import read
from anonymizer.intake.row_validation import RowValidator
from anonymizer.intake.vocabulary import LATEST, load_objection_words
from anonymizer.model.errors import InputRejected
from anonymizer.model.policy import Policy
from anonymizer.storage.engine import Engine
from anonymizer.storage.raw_zone import RawPath
from anonymizer.storage.secret import Secret

# Requests and consents are judged in the same way on every day.
_ANY_DAY = date(2000, 1, 1)


@dataclass(frozen=True)
class ReadRequest:
    """A request of a known person, by file and row; `kind` may be `unread`. Not whose it is."""

    file: str
    place: RowPlace
    kind: str
    requested_at: datetime | None
    request_key: bytes

    def __repr__(self) -> str:
        return f"ReadRequest({self.file}, row {self.place.row}, {self.kind})"


@dataclass
class _KeptRows(FileRows):
    """The rows of a file with the sound ones, which are few."""

    claims: list[pa.Table] = field(default_factory=list)


@dataclass(frozen=True)
class Review:
    """What the raw zone holds of requests and consents; `rejected` files hold every run."""

    unread: tuple[UnreadRow, ...]
    requests: tuple[ReadRequest, ...]
    rejected: tuple[InputRejected, ...]


def review(
    raw: RawPath,
    policy: Policy,
    secret: Secret,
    engine: Engine,
    tables: Sequence[str] = ("consents", "requests"),
) -> Review:
    """Read every file of these tables. The engine must not spill: it holds raw values."""
    load_objection_words(engine)
    validator = RowValidator(engine, _ANY_DAY, policy, IntakeKeys.of(secret))
    limits = Limits.of(policy.intake)
    unread: list[UnreadRow] = []
    requests: list[ReadRequest] = []
    rejected: list[InputRejected] = []
    for table in (TABLES[name] for name in tables):
        files = _read_files(raw, table, validator, limits, rejected)
        unread += unread_rows(table.name, files)
        if table.name == "requests":
            requests += _requests(files)
    return Review(tuple(unread), tuple(requests), tuple(rejected))


def _read_files(
    raw: RawPath,
    table: RawTable,
    validator: RowValidator,
    limits: Limits,
    rejected: list[InputRejected],
) -> list["_KeptRows"]:
    """The files that can be read; one with the bytes of another is read once."""
    files: list[_KeptRows] = []
    for landed in files_of(raw, table.name):
        try:
            with opened(landed, limits) as source:
                if any(source.digest == file.digest for file in files):
                    continue
                gathered = _KeptRows(landed.name, source.digest)
                for batch in read(source, table).batches:
                    gathered.claims.append(gathered.add(validator.judge(batch, table, None)))
        except InputRejected as refusal:
            rejected.append(refusal)
            continue
        files.append(gathered)
    return files


def _requests(files: Sequence["_KeptRows"]) -> list[ReadRequest]:
    """The requests of known persons; without a sound time where there is none."""
    columns = ["row_number", "kind", "requested_at", "record_key"]
    return [
        ReadRequest(
            file.name,
            RowPlace(file.digest, row["row_number"]),
            kind or row["kind"],
            None if row["requested_at"] >= LATEST else row["requested_at"].astimezone(UTC),
            row["record_key"],
        )
        for file in files
        for kind, parts in (("", file.claims), (UNREAD, file.unread))
        for part in parts
        for row in part.select(columns).to_pylist()
    ]
