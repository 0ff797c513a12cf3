"""Intake: raw files of a day become accepted rows without anything that identifies.

    survey -> open, read, judge each file -> settle duplicates over all files -> write

Every file is read before anything is written: a run uses all of its files or none.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.intake.batches import MOST_FAULTS, RawBatch, RowFault
from anonymizer.intake.contract import TABLES, RawTable
from anonymizer.intake.deduplication import (
    DeduplicatedTable,
    FileRows,
    deduplicate,
    leave_out,
    rows_of,
)
from anonymizer.intake.file_inspection import broken_files
from anonymizer.intake.landing_zone import WORKING_FILE, LandedFile, Landing, survey
from anonymizer.intake.objections import (
    UNREAD,
    Decisions,
    UnreadRow,
    add_unread_consents,
    add_unread_requests,
    require_decisions,
    unread_rows,
)
from anonymizer.intake.quarantine import frequent_lines
from anonymizer.intake.raw_source import Limits, RawSource, opened
from anonymizer.intake.readers import read
from anonymizer.intake.row_validation import RowValidator
from anonymizer.intake.vocabulary import load_vocabulary
from anonymizer.model.accounting import RowAccount
from anonymizer.model.codings import Codings, read_codings
from anonymizer.model.dimensions import NOT_STATED
from anonymizer.model.errors import AudienceError, Held, InputRejected, InputsRejected
from anonymizer.model.policy import Policy
from anonymizer.model.segments import Interest
from anonymizer.model.windows import oldest_needed
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.files import write_parquet
from anonymizer.storage.home import Home
from anonymizer.storage.raw_zone import RawPath, raw_root
from anonymizer.storage.secret import Secret

# What is accepted but worth a look, counted once a table is settled.
_TALLIES = {
    "profiles": "tally_unmapped",
    "requests": "tally_undated",
    "visits": "tally_unmatched",
}
_EXAMPLES = 5
# Shapes of a region that is not mapped, and what to do about them.
_OTHER_CODES = {
    "region_without_dot": "four digits without a dot: BPS (3171 is South Jakarta) or Kemendagri "
    "without dots (31.71 is Central Jakarta); declare which in policy.yaml, "
    "codings.region.scheme: kemendagri_without_dots, or bps with a mapping file",
    "region_as_number": "written as a number, which loses digits (11.1 may be 11.01 or 11.10); "
    "deliver region_code as text",
}
_ABOUT_PEOPLE = ("profiles", "consents", "visits")
_NO_ROWS = RawBatch(pa.record_batch({"row_number": pa.array([], pa.int64())}))


@dataclass(frozen=True)
class TakenFile:
    """What became of one file; `reason` is set when it was rejected or ignored."""

    name: str
    sha256: str
    rows: int
    status: str  # accepted | already_read | ignored | mapping
    reason: str = ""


@dataclass(frozen=True)
class Warned:
    """Something to look at that holds nothing back: a code, where and how often. Never a value.

    `rows` are the numbers of the first rows in `file`. `columns` are of the contract, or, where the
    code is `unknown_columns`, names that the contract does not know.
    """

    table: str
    code: str
    count: int = 1
    file: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.table}: {self.code} ({self.count})"


@dataclass(frozen=True)
class Intake:
    """The outcome of taking in one day. Accounts are by raw table.

    `unread` are the rows of requests and consents that cannot be read and are not decided about;
    `objections` says of each by its request key whether anybody has its user id. `unstated` says
    of how many profiles gender and region are not stated, for whatever reason; `people` of how many
    people a table has rows.
    """

    accounts: Mapping[str, RowAccount]
    files: tuple[TakenFile, ...]
    dropped_columns: Mapping[str, tuple[str, ...]]
    warnings: tuple[Warned, ...]
    unread: tuple[UnreadRow, ...] = ()
    objections: Mapping[bytes, bool] = field(default_factory=dict)
    unstated: Mapping[str, int] = field(default_factory=dict)
    people: Mapping[str, int] = field(default_factory=dict)

    @property
    def unmapped(self) -> Mapping[str, int]:
        """Of how many profiles a gender or region could not be mapped."""
        found: Counter[str] = Counter()
        for warned in self.warnings:
            if warned.table == "profiles" and warned.code.endswith("_not_mapped"):
                found[warned.code] += warned.count
        return dict(sorted(found.items()))

    @property
    def ignored(self) -> Mapping[str, int]:
        """How many columns, and files and folders, were passed over; working files aside."""
        files = [file for file in self.files if file.status == "ignored"]
        return {
            "columns": sum(len(columns) for columns in self.dropped_columns.values()),
            "files": sum(file.reason != WORKING_FILE for file in files),
        }


@dataclass(frozen=True)
class Inspected:
    """A day as a run would find it, and everything that would hold it, the first first.

    `intake` is missing, and the working files are not complete, when something could not be read
    as a whole; `warnings` and `files` are of what could be read.
    """

    problems: tuple[AudienceError, ...]
    warnings: tuple[Warned, ...]
    files: tuple[TakenFile, ...]
    unread: tuple[UnreadRow, ...]
    accounts: Mapping[str, RowAccount]
    intake: Intake | None


def take_in(  # noqa: PLR0913  everything that it works with is handed in
    home: Home,
    day: date,
    policy: Policy,
    secret: Secret,
    engine: DuckDB,
    *,
    now: float,
    interests: Sequence[Interest] = (),
    decisions: Decisions = MappingProxyType({}),
    codings: Codings | None = None,
    raw: RawPath | None = None,
) -> Intake:
    """Read the raw files that `day` needs and write private/{table}/ and private/quarantine/.

    Visits that arrived on `day` too late for their own day are written to private/late/ when a
    week or month that is still open can need them; the account has them as `late`.
    Same rows give the same bytes, however they are split into files, ordered, named or
    formatted. The engine must not spill: it holds raw values. Codings that are not handed in are
    those of the policy, and `raw` is the raw zone of `home`. Raises InputsRejected with every
    refused file, whatever else the day waits for, and Held when files are missing (see
    `landing.survey`), when the day or the profiles have `no_rows`, with `too_many_bad_rows`,
    `region_coding` (see `_doubts`), or `objection_unreadable` (see
    `objections.require_decisions`); then nothing is written, but for the quarantine's pointers in
    the last three cases. `inspect_day` tells all of these at once.
    """
    landing = survey(raw or raw_root(home), day, policy.timing, now)
    _refuse_broken(landing, policy)
    coded = codings or read_codings(policy.codings, home.root)
    run = _DayIntake(engine, landing, day, policy, secret, decisions, coded)
    load_vocabulary(engine, policy.bots.user_agent_words, interests, coded)
    reading = _guarded(run)
    if reading.problems:
        raise reading.problems[0]
    _write_pointers(reading.tables, home, day)
    for doubt in _doubts(run, reading.tables, policy):
        raise doubt
    _write_accepted(reading, home, day)
    return run.intake(reading.tables)


def inspect_day(  # noqa: PLR0913  as `take_in`
    home: Home,
    day: date,
    policy: Policy,
    secret: Secret,
    engine: DuckDB,
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
    run = _DayIntake(engine, landing, day, policy, secret, decisions, coded)
    load_vocabulary(engine, policy.bots.user_agent_words, interests, coded)
    problems: list[AudienceError] = [*landing.waits]
    reading = _TablesRead({}, None, ())
    try:
        reading = _guarded(run)
    except AudienceError as error:
        problems.append(error)
    problems += reading.problems
    intake, whole = None, not problems
    if reading.tables:
        _write_pointers(reading.tables, home, day)
        problems += _doubts(run, reading.tables, policy)
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


@dataclass(frozen=True)
class _TablesRead:
    """What was read of all tables, and what of it makes the day impossible to take in."""

    tables: Mapping[str, DeduplicatedTable]
    late: pa.Table | None
    problems: tuple[AudienceError, ...]


def _guarded(run: "_DayIntake") -> _TablesRead:
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
    raise Held("intake_failed", f"{run.place}: {unforeseen}; keep the raw files, report this")


def _write_pointers(tables: Mapping[str, DeduplicatedTable], home: Home, day: date) -> None:
    pointers = pa.concat_tables([deduplicated.quarantine for deduplicated in tables.values()])
    write_parquet(pointers, home.working_file("quarantine", day))


def _write_accepted(reading: _TablesRead, home: Home, day: date) -> None:
    for name, deduplicated in reading.tables.items():
        write_parquet(deduplicated.accepted, home.working_file(name, day))
    write_parquet(reading.late, home.working_file("late", day))


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


class _DayIntake:
    """The reading of all files of one day; gathers what there is to say about them."""

    def __init__(
        self,
        engine: DuckDB,
        landing: Landing,
        day: date,
        policy: Policy,
        secret: Secret,
        decisions: Decisions,
        codings: Codings,
    ) -> None:
        self._engine, self._landing, self._day = engine, landing, day
        self.day, self.decisions, self.codings = day, decisions, codings
        self._limits = Limits.of(policy.intake)
        self._validator = RowValidator(engine, day, policy, secret)
        self._rejected: list[InputRejected] = []
        self._rows: Counter[tuple[str, date | None]] = Counter()
        self._oldest_late = oldest_needed(day, policy.timing)
        self.place = "intake"
        self.taken = [
            *(TakenFile(name, digest, 0, "mapping") for name, digest in codings.files.items()),
            *(TakenFile(name, "", 0, "ignored", why) for name, why in landing.ignored.items()),
        ]
        self.dropped: dict[str, set[str]] = {}
        self.warnings = [Warned(table, "no_files") for table in landing.absent]
        self.warnings += _passed_over(landing.ignored)
        self.unread: list[UnreadRow] = []
        self.objections: dict[bytes, bool] = {}
        self._with_unread: dict[str, Sequence[FileRows]] = {}

    def read_all(self) -> _TablesRead:
        """Read and settle every table; the late visits stand beside them.

        What was refused, and tables without rows, are among the problems.
        """
        tables = {}
        for name, table in TABLES.items():
            files = self._read_files(table)
            self.place = name
            tables[name] = deduplicate(self._engine, table, files or [self._nothing(table)])
            if table.objections:
                self._note_unread(name, files)
            if name == "campaigns":
                self._validator.list_links()
            elif name in _TALLIES:
                self._warn_of(name, files)
        late = self._engine.fetch("select_late_visits", {"oldest": self._oldest_late})
        problems: list[AudienceError] = []
        if self._rejected:
            problems.append(InputsRejected(self._rejected))
        for name, arrival in (("visits", self._day), ("profiles", None)):
            if (name, arrival) in self._rows and not self._rows[name, arrival]:
                text = f"the files of {name} for {self._day} have no rows"
                problems.append(Held("no_rows", text))
        remaining, late = self._apply_objections(tables, late)
        return _TablesRead(remaining, late, tuple(problems))

    def intake(self, tables: Mapping[str, DeduplicatedTable]) -> Intake:
        """What there is to say about the day."""
        profiles = tables["profiles"].accepted
        return Intake(
            {name: deduplicated.account for name, deduplicated in tables.items()},
            tuple(self.taken),
            {table: tuple(sorted(columns)) for table, columns in self.dropped.items() if columns},
            tuple(self.warnings),
            self.undecided,
            self.objections,
            {
                f"{column}_not_stated": pc.sum(pc.equal(profiles[column], NOT_STATED)).as_py() or 0
                for column in ("gender", "region")
            },
            {
                name: pc.count_distinct(tables[name].accepted["person_key"]).as_py()
                for name in ("visits", "consents", "requests")
            },
        )

    @property
    def undecided(self) -> tuple[UnreadRow, ...]:
        """The unread rows that nobody has decided about."""
        return tuple(row for row in self.unread if row.place not in self.decisions)

    @property
    def other_codes(self) -> Sequence[Warned]:
        """Regions that look like codes of another scheme."""
        return [warned for warned in self.warnings if warned.code in _OTHER_CODES]

    def _note_unread(self, table: str, files: Sequence[FileRows]) -> None:
        """Keep the rows of a table of objections that cannot be read."""
        unread = unread_rows(table, files)
        self.unread += unread
        self._with_unread[table] = files
        undecided = sum(row.place not in self.decisions for row in unread)
        if undecided:
            self.warnings.append(Warned(table, "unread", undecided))

    def _apply_objections(
        self, tables: Mapping[str, DeduplicatedTable], late: pa.Table
    ) -> tuple[dict[str, DeduplicatedTable], pa.Table]:
        """Unread objections act, and nothing of who asked to be erased goes on but the request."""
        requests = add_unread_requests(
            tables["requests"].accepted, self._with_unread["requests"], self.decisions
        )
        self.objections = _matched(
            requests, [tables["profiles"].accepted, tables["visits"].accepted, late]
        )
        erased = requests.filter(pc.equal(requests["kind"], "erase"))["person_key"].combine_chunks()
        remaining = {
            name: leave_out(deduplicated, erased, "erased")
            if name in _ABOUT_PEOPLE
            else deduplicated
            for name, deduplicated in tables.items()
        }
        consents = add_unread_consents(
            remaining["consents"].accepted, self._with_unread["consents"], self.decisions
        )
        remaining["requests"] = replace(remaining["requests"], accepted=requests)
        remaining["consents"] = replace(
            remaining["consents"], accepted=consents.filter(pc.invert(rows_of(consents, erased)))
        )
        return remaining, late.filter(pc.invert(rows_of(late, erased)))

    def _read_files(self, table: RawTable) -> list[FileRows]:
        """The files of a table that were accepted; one with the bytes of another is read once."""
        accepted: list[FileRows] = []
        for landed in self._landing.of(table.name):
            self.place = landed.name
            try:
                with opened(landed, self._limits) as source:
                    if any(source.digest == file.digest for file in accepted):
                        self.taken.append(TakenFile(landed.name, source.digest, 0, "already_read"))
                        continue
                    gathered = self._read_file(landed, source, table)
            except InputRejected as refusal:
                self._rejected.append(refusal)
                continue
            accepted.append(gathered)
            arrival = landed.arrival if table.name == "visits" else None
            self._rows[table.name, arrival] += gathered.rows
            self.taken.append(TakenFile(landed.name, gathered.digest, gathered.rows, "accepted"))
            if not gathered.rows:
                self.warnings.append(Warned(table.name, "no_rows"))
        return accepted

    def _read_file(self, landed: LandedFile, source: RawSource, table: RawTable) -> FileRows:
        gathered = FileRows(landed.name, source.digest)
        reading = read(source, table)
        for batch in reading.batches:
            gathered.add(self._validator.judge(batch, table, landed.arrival))
            if len(gathered.faults) > MOST_FAULTS:
                raise source.reject("too_many_bad_rows", _most_faults(gathered.faults))
        if gathered.rows != reading.rows():
            raise source.reject(
                "corrupt", f"it has {reading.rows()} rows, of which {gathered.rows} could be read"
            )
        header = reading.header()
        self.dropped.setdefault(table.name, set()).update(header.dropped)
        self.warnings += [
            Warned(table.name, f"column_absent:{c}", file=landed.name, columns=(c,))
            for c in header.absent
        ]
        if header.dropped:
            size, names = len(header.dropped), header.dropped
            self.warnings.append(Warned(table.name, "unknown_columns", size, landed.name, names))
        return gathered

    def _nothing(self, table: RawTable) -> FileRows:
        """A file without rows: it gives an empty table its columns."""
        nothing = FileRows("", "")
        nothing.add(self._validator.judge(_NO_ROWS, table, self._day))
        return nothing

    def _warn_of(self, table: str, files: Sequence[FileRows]) -> None:
        for found in self._engine.fetch(_TALLIES[table]).to_pylist():
            self.warnings.append(
                Warned(
                    table,
                    found["code"],
                    found["row_count"],
                    files[found["file"]].name,
                    (found["raw_column"],),
                    tuple(found["first_rows"]),
                )
            )


def _passed_over(ignored: Mapping[str, str]) -> list[Warned]:
    """One warning for each file and folder that was passed over; working files by folder."""
    working = Counter(
        name.rpartition("/")[0] for name, why in ignored.items() if why == WORKING_FILE
    )
    others = {name: why for name, why in ignored.items() if why != WORKING_FILE}
    return [
        *(Warned("raw", f"ignored:{why}", file=name) for name, why in others.items()),
        *(
            Warned("raw", f"ignored:{WORKING_FILE}", count, folder)
            for folder, count in working.items()
        ),
    ]


def _most_faults(faults: Sequence[RowFault]) -> str:
    """The most frequent reason of a file with more bad rows than are kept."""
    counted = Counter((fault.column, fault.reason) for fault in faults)
    ((most, rows),) = counted.most_common(1)
    examples = sorted(f.row_number for f in faults if (f.column, f.reason) == most)[:_EXAMPLES]
    column, reason = most
    return (
        f"the limit is {MOST_FAULTS:,} in a file; most frequent: column {column or 'unknown'}, "
        f"{reason}, {rows:,} rows, for example {', '.join(map(str, examples))}"
    )


def _matched(requests: pa.Table, others: Sequence[pa.Table]) -> dict[bytes, bool]:
    """Whether there is a profile or a visit of its person, of each objection by its key."""
    acting = pc.is_in(requests["kind"], value_set=pa.array(["erase", "withdraw", UNREAD]))
    objections = requests.filter(acting)
    if not objections.num_rows:
        return {}
    known = pa.concat_arrays([pc.unique(o["person_key"]).cast(pa.binary()) for o in others])
    keys = objections["request_key"].to_pylist()
    return dict(zip(keys, rows_of(objections, known).to_pylist(), strict=True))


def _doubts(
    run: _DayIntake, tables: Mapping[str, DeduplicatedTable], policy: Policy
) -> list[AudienceError]:
    """What holds a day for its rows, though all of them were read, the first first."""
    doubts: list[AudienceError] = [
        *_bad_shares(run.day, tables, policy.intake.max_quarantined_share)
    ]
    doubts += _other_coding(run.other_codes, tables["profiles"], run.codings.most_other)
    try:
        require_decisions(run.unread, run.decisions)
    except Held as undecided:
        doubts.append(undecided)
    return doubts


def _bad_shares(day: date, tables: Mapping[str, DeduplicatedTable], most: float) -> Iterator[Held]:
    """Held `too_many_bad_rows` with all tables above the limit and what is wrong in them."""
    above = {
        name: deduplicated
        for name, deduplicated in tables.items()
        if TABLES[name].limited
        and sum(deduplicated.account.quarantined.values()) > most * deduplicated.account.read
    }
    if not above:
        return
    shares = "; ".join(_share(name, deduplicated.account) for name, deduplicated in above.items())
    pointers = pa.concat_tables([deduplicated.quarantine for deduplicated in above.values()])
    yield Held(
        "too_many_bad_rows",
        f"{shares}; the limit is {most:.0%} (intake.max_quarantined_share in policy.yaml). "
        f"{frequent_lines(pointers)}\nCorrect the source and deliver the files again. "
        f"All rows: audience quarantine --day {day}",
    )


def _share(table: str, account: RowAccount) -> str:
    bad = sum(account.quarantined.values())
    return f"{table}: {bad:,} of {account.read:,} rows quarantined ({bad / account.read:.0%})"


def _other_coding(
    others: Sequence[Warned], profiles: DeduplicatedTable, most: float
) -> Iterator[Held]:
    """Held `region_coding` when too many regions look like codes of another scheme.

    Another authority uses the same digits for another place: nothing is guessed.
    """
    read = pc.sum(pc.not_equal(profiles.accepted["region"], NOT_STATED)).as_py() or 0
    unlike = sum(warned.count for warned in others)
    if unlike and unlike > most * (read + unlike):
        kinds = dict.fromkeys(warned.code for warned in others)
        first = others[0]
        yield Held(
            "region_coding",
            f"region_code of {unlike:,} profiles, limit {most:.0%} of {read + unlike:,} that look "
            f"like codes, is of another scheme, first in {first.file} row {first.rows[0]}: "
            + "; ".join(_OTHER_CODES[kind] for kind in kinds),
        )
