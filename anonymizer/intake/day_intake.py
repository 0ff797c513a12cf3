"""Intake: raw files of a day become accepted rows without anything that identifies.

    survey -> open, read, judge each file -> settle duplicates over all files -> write

Raw values stay in memory, a batch at a time. What a batch becomes is pseudonymous and waits in a
second database, which may spill, and then in a file of the run's own folder. Every file is read
before one of them takes its place: a run uses all of its files or none.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import pyarrow as pa

from anonymizer.intake.assessed_files import AssessedFiles
from anonymizer.intake.assessment_tasks import OtherProcesses, Workers
from anonymizer.intake.day_reader import DayReader, TablesRead
from anonymizer.intake.deduplication import Claims, DeduplicatedTable
from anonymizer.intake.file_inspection import broken_files
from anonymizer.intake.intake_outcome import Inspected, Intake
from anonymizer.intake.landing_zone import Landing, survey
from anonymizer.intake.objections import Decisions
from anonymizer.intake.row_doubts import doubts
from anonymizer.intake.vocabulary import load_interests, load_vocabulary
from anonymizer.model.codings import Codings, read_codings
from anonymizer.model.errors import AudienceError, Held, InputsRejected
from anonymizer.model.policy import Policy
from anonymizer.model.segments import Interest
from anonymizer.storage.engine import Engine
from anonymizer.storage.files import make_folder, take_over, write_parquet
from anonymizer.storage.home import Home
from anonymizer.storage.raw_zone import RawPath, raw_root
from anonymizer.storage.secret import Secret


def take_in(  # noqa: PLR0913  everything that it works with is handed in
    home: Home,
    day: date,
    policy: Policy,
    secret: Secret,
    engine: Engine,
    *,
    now: float,
    interests: Sequence[Interest] = (),
    decisions: Decisions = MappingProxyType({}),
    codings: Codings | None = None,
    raw: RawPath | None = None,
    assessed: AssessedFiles | None = None,
    workers: Workers | None = None,
) -> Intake:
    """Read the raw files that `day` needs and write private/{table}/ and private/quarantine/.

    Visits that arrived on `day` too late for their own day are written to private/late/ when a
    week or month that is still open can need them; the account has them as `late`.
    Same rows give the same bytes, however they are split into files, ordered, named or formatted.
    The engine must not spill: it holds raw values. Codings that are not handed in are those of the
    policy, `raw` is the raw zone of `home`, `assessed` is what other days of the run have read, and
    `workers` assess the Parquet files of visits, if there are any. Raises InputsRejected with every
    refused file, whatever else the day waits for, and Held when files are missing (see
    `landing.survey`), when the day or the profiles have `no_rows`, with `too_many_bad_rows`,
    `region_coding` (see `row_doubts`), or `objection_unreadable` (see
    `objections.require_decisions`); then nothing is written, but for the quarantine's pointers in
    the last three cases. `inspect_day` tells all of these at once.
    """
    landing = survey(raw or raw_root(home), day, policy.timing, now)
    _refuse_broken(landing, policy)
    coded = codings or read_codings(policy.codings, home.root)
    load_vocabulary(engine, policy.bots.user_agent_words, interests, coded)
    with _claims(home, engine, interests) as claims:
        others = OtherProcesses(workers, tuple(interests)) if workers else None
        run = DayReader(claims, landing, day, policy, secret, decisions, coded, assessed, others)
        reading = _guarded(run)
        if reading.problems:
            raise reading.problems[0]
        _write_pointers(reading.tables, home, day)
        for doubt in doubts(run, reading.tables, policy):
            raise doubt
        _write_accepted(reading, home, day)
    return run.intake(reading.tables)


def inspect_day(  # noqa: PLR0913  as `take_in`
    home: Home,
    day: date,
    policy: Policy,
    secret: Secret,
    engine: Engine,
    *,
    now: float,
    interests: Sequence[Interest] = (),
    decisions: Decisions = MappingProxyType({}),
    codings: Codings | None = None,
    raw: RawPath | None = None,
) -> Inspected:
    """What `take_in` does, to the end: everything that it would raise is in `problems`.

    Working files are written unless something could not be read as a whole, also where the day
    would be held for its rows. `home` is a scratch folder that sees the raw zone.
    """
    landing = survey(raw or raw_root(home), day, policy.timing, now)
    coded = codings or read_codings(policy.codings, home.root)
    load_vocabulary(engine, policy.bots.user_agent_words, interests, coded)
    problems: list[AudienceError] = [*landing.waits]
    reading, intake = TablesRead({}, None, ()), None
    with _claims(home, engine, interests) as claims:
        run = DayReader(claims, landing, day, policy, secret, decisions, coded)
        try:
            reading = _guarded(run)
        except AudienceError as error:
            problems.append(error)
        problems += reading.problems
        whole = not problems
        if reading.tables:
            _write_pointers(reading.tables, home, day)
            problems += doubts(run, reading.tables, policy)
        if whole:
            _write_accepted(reading, home, day)
            intake = run.intake(reading.tables)
    problems.sort(key=lambda problem: not isinstance(problem, InputsRejected))  # as a run does
    return Inspected(
        tuple(problems),
        tuple(run.warnings),
        tuple(run.taken),
        run.undecided,
        {name: deduplicated.account for name, deduplicated in reading.tables.items()},
        intake,
    )


@contextmanager
def _claims(home: Home, engine: Engine, interests: Sequence[Interest]) -> Iterator[Claims]:
    """A place for pseudonymous rows, which goes with the run."""
    make_folder(home.private)
    with (
        TemporaryDirectory(dir=home.private, prefix="spill-") as folder,
        engine.sibling(Path(folder)) as store,
    ):
        load_interests(store, interests)
        yield Claims(engine, store, Path(folder))


def _guarded(run: DayReader) -> TablesRead:
    """Read everything; raises Held `intake_failed` for what nobody foresaw.

    Libraries quote values in their messages: of an unforeseen error only the type goes on, and it
    is raised outside of the handler so that it carries no context.
    """
    try:
        return run.read_all()
    except AudienceError:
        raise
    except Exception as error:  # noqa: BLE001
        unforeseen = type(error).__name__
    raise Held("intake_failed", f"{run.place}: {unforeseen}; keep the raw files and report this")


def _write_pointers(tables: Mapping[str, DeduplicatedTable], home: Home, day: date) -> None:
    pointers = pa.concat_tables([deduplicated.quarantine for deduplicated in tables.values()])
    write_parquet(pointers, home.working_file("quarantine", day))


def _write_accepted(reading: TablesRead, home: Home, day: date) -> None:
    """Every file takes its place."""
    for name, deduplicated in reading.tables.items():
        take_over(deduplicated.accepted, home.working_file(name, day))
    if reading.late is not None:
        take_over(reading.late, home.working_file("late", day))


def _refuse_broken(landing: Landing, policy: Policy) -> None:
    """Let a day pass of which all has arrived; of any other, report broken files first."""
    if not landing.waits:
        return
    try:
        landing.require_all()
    except Held as hold:
        if broken := broken_files(landing.files, policy.intake):
            raise InputsRejected(broken, hold.detail) from None
        raise
