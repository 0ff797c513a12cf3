"""Files of visits that other processes assess: what such a task says, and what comes of it.

    task -> open the raw file, judge its rows as the run would -> sound rows in a file of the run

A task never needs another one's rows, so raw values stay in the memory of the process that reads
the file. What it writes is pseudonymous, as in `day_intake`, and lies in the run's own folder; what
it gives back are counts, columns and reasons.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path, PurePosixPath
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.intake.assessed_files import AssessedFile
from anonymizer.intake.contract import RawTable
from anonymizer.intake.deduplication import FileRows
from anonymizer.intake.file_assessment import assess
from anonymizer.intake.intake_keys import IntakeKeys
from anonymizer.intake.landing_zone import LandedFile
from anonymizer.intake.raw_source import Limits, opened
from anonymizer.intake.readers import FileMapping
from anonymizer.intake.row_validation import RowValidator
from anonymizer.intake.vocabulary import load_vocabulary
from anonymizer.model.codings import Codings
from anonymizer.model.errors import Held, InputRejected
from anonymizer.model.policy import Policy
from anonymizer.model.segments import Interest
from anonymizer.storage.engine import Engine
from anonymizer.storage.files import PRIVATE, sha256
from anonymizer.storage.object_tree import ObjectListing, ObjectPath, ObjectStatus


@dataclass(frozen=True)
class TaskTerms:
    """What all files of a day's visits are judged by; `links` are those of the campaigns."""

    table: RawTable
    day: date
    policy: Policy
    keys: IntakeKeys
    codings: Codings
    interests: tuple[Interest, ...]
    links: pa.Table
    folder: Path


@dataclass(frozen=True)
class FileTask:
    """A file, its size as the run has seen it, and the terms."""

    number: int
    file: LandedFile
    size: int
    terms: TaskTerms = field(repr=False)


@dataclass(frozen=True)
class FileAssessment:
    """What came of a file. `claims` has its sound rows; `refusal` says why there are none.

    `written` is the digest of that file, and `failure` the type of an error that nobody foresaw:
    its text may quote a value.
    """

    number: int
    file: AssessedFile = field(default_factory=lambda: AssessedFile(0))
    digest: str = ""
    claims: Path | None = None
    written: str = ""
    refusal: tuple[str, str, str] | None = None
    failure: str = ""


# Gives each task to a process that can read its file, and returns what came of all of them.
Workers = Callable[[Sequence[FileTask]], Sequence[FileAssessment]]


@dataclass(frozen=True)
class OtherProcesses:
    """Who assesses files of visits outside of this process, and the interests of their rows."""

    assess: Workers
    interests: tuple[Interest, ...]


def tasks_for(files: Mapping[int, LandedFile], terms: TaskTerms) -> list[FileTask]:
    """Tasks for the files that other processes can read: Parquet that lies in a folder.

    What is gone by now is for the run, which refuses it by name.
    """
    tasks = []
    for number, landed in files.items():
        with suppress(OSError):
            if alone := _by_itself(landed):
                tasks.append(FileTask(number, alone, landed.path.lstat().st_size, terms))
    return tasks


def _by_itself(landed: LandedFile) -> LandedFile | None:
    """The file without the listing that it is part of; None for one that stays here."""
    path = landed.path
    if isinstance(path, Path):
        return landed if path.name.endswith(".parquet") else None
    if not isinstance(path, ObjectPath) or path.filed is None:
        return None
    mapping = path.mapping
    parquet = (
        mapping.parquet if isinstance(mapping, FileMapping) else path.name.endswith(".parquet")
    )
    if not parquet:
        return None
    status = path.lstat()
    listing = ObjectListing(
        {path.place: ObjectStatus(status.st_mode, status.st_size, status.st_mtime_ns)},
        {},
        {path.place: path.filed},
        _nothing_to_fetch,
        {path.place: mapping} if mapping else {},
    )
    return replace(landed, path=ObjectPath(listing, path.place))


def _nothing_to_fetch(_: PurePosixPath, __: ObjectStatus) -> int:
    raise FileNotFoundError  # a task's file lies in a folder


def assess_file(engine: Engine, task: FileTask) -> FileAssessment:
    """Assess a file, in whatever process. Raises nothing: an error could quote a value."""
    try:
        return _assessed(engine, task)
    except InputRejected as refusal:
        reason = (refusal.reason, refusal.digest, refusal.detail)
        return FileAssessment(task.number, refusal=reason)
    except Exception as error:  # noqa: BLE001
        return FileAssessment(task.number, failure=type(error).__name__)


def _assessed(engine: Engine, task: FileTask) -> FileAssessment:
    terms, landed = task.terms, task.file
    words = terms.policy.bots.user_agent_words
    load_vocabulary(engine, words, terms.interests, terms.codings)
    validator = RowValidator(engine, terms.day, terms.policy, terms.keys)
    validator.list_links(terms.links)
    file = AssessedFile(-1)
    with opened(landed, Limits.of(terms.policy.intake)) as source:
        if source.size != task.size:
            raise source.reject("changed", "a worker sees another size than this machine")
        claims = terms.folder / f"assessed-{uuid4().hex}.parquet"
        rows = assess(validator, landed, source, terms.table, file)
        _write(rows, claims)
    if not claims.exists():
        return FileAssessment(task.number, file, source.digest)
    return FileAssessment(task.number, file, source.digest, claims, sha256(claims))


def _write(rows: Iterator[pa.Table], path: Path) -> None:
    """Write the rows of a file that has any.

    The folder is not made: a task may outlive its run, whose folder is gone then.
    """
    first = next(rows, None)
    if first is None:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with (
        os.fdopen(descriptor, "wb") as file,
        pq.ParquetWriter(file, first.schema, compression="zstd") as writer,
    ):
        writer.write_table(first)
        for table in rows:
            writer.write_table(table)
        file.flush()
        os.fsync(descriptor)


def rows_of(assessment: FileAssessment, landed: LandedFile) -> Iterator[pa.Table]:
    """The sound rows of a file, some at a time.

    Raises InputRejected for a refused file, and Held `engine_failed` where the process failed or
    other rows arrive than it has written: a lost row would be a wrong figure.
    """
    if assessment.refusal:
        reason, digest, detail = assessment.refusal
        raise InputRejected(landed.name, reason, digest, detail)
    if assessment.failure:
        raise _failed(f"a worker that took in {landed.name} met {assessment.failure}")
    arrived = 0
    if assessment.claims:
        if sha256(assessment.claims) != assessment.written:
            raise _failed(f"rows of {landed.name} arrived otherwise than a worker has written them")
        for batch in pq.ParquetFile(assessment.claims).iter_batches():
            arrived += batch.num_rows
            yield pa.Table.from_batches([batch])
        assessment.claims.unlink()
    sound = assessment.file.rows - len(assessment.file.faults)
    if arrived != sound:
        raise _failed(f"{arrived} of {sound} rows of {landed.name} arrived from a worker")


def _failed(problem: str) -> Held:
    remedy = "check the cluster and its storage and run again, or set effort.engine: duckdb"
    return Held("engine_failed", f"{problem}; {remedy}")


def file_rows(assessment: FileAssessment, landed: LandedFile) -> FileRows:
    """The counts and bad rows of a file."""
    rows, faults, unread = assessment.file.outcome()
    return FileRows(landed.name, assessment.digest, rows, faults, unread)
