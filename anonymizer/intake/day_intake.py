"""Intake: raw files of a day become accepted rows without anything that identifies.

    survey -> open, read, judge each file -> settle duplicates over all files -> write

Raw values stay in memory, a batch at a time. What a batch becomes is pseudonymous and waits in a
second database, which may spill, and then in a file of the run's own folder. Every file is read
before one of them takes its place: a run uses all of its files or none.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer.intake.batches import MOST_FAULTS, RawBatch, RowFault
from anonymizer.intake.contract import TABLES, RawTable
from anonymizer.intake.deduplication import Claims, DeduplicatedTable, FileRows
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
from anonymizer.intake.vocabulary import load_interests, load_vocabulary
from anonymizer.model.accounting import RowAccount
from anonymizer.model.codings import Codings, read_codings
from anonymizer.model.errors import AudienceError, Held, InputRejected, InputsRejected
from anonymizer.model.policy import Policy
from anonymizer.model.segments import Interest
from anonymizer.model.windows import oldest_needed
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.files import (
    make_folder,
    take_over,
    write_parquet,
    write_parquet_stream,
)
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
Found = TypeVar("Found")
# Shapes of a region that is not mapped, and what to do about them.
_OTHER_CODES = {
    "region_without_dot": "four digits without a dot: BPS (3171 is South Jakarta) or Kemendagri "
    "without dots (31.71 is Central Jakarta); declare which in policy.yaml, "
    "codings.region.scheme: kemendagri_without_dots, or bps with a mapping file",
    "region_as_number": "written as a number, which loses digits (11.1 may be 11.01 or 11.10); "
    "deliver region_code as text",
}
# Whom nothing may be left of is known from the requests, and links from the campaigns.
_READING_ORDER = ("campaigns", "requests", "consents", "profiles", "visits")
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
    load_vocabulary(engine, policy.bots.user_agent_words, interests, coded)
    with _claims(home, engine, interests) as claims:
        run = _DayIntake(claims, landing, day, policy, secret, decisions, coded)
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
    load_vocabulary(engine, policy.bots.user_agent_words, interests, coded)
    problems: list[AudienceError] = [*landing.waits]
    reading, intake = _TablesRead({}, None, ()), None
    with _claims(home, engine, interests) as claims:
        run = _DayIntake(claims, landing, day, policy, secret, decisions, coded)
        try:
            reading = _guarded(run)
        except AudienceError as error:
            problems.append(error)
        problems += reading.problems
        whole = not problems
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
    late: Path | None
    problems: tuple[AudienceError, ...]


@contextmanager
def _claims(home: Home, engine: DuckDB, interests: Sequence[Interest]) -> Iterator[Claims]:
    """A place for pseudonymous rows, which goes with the run."""
    make_folder(home.private)
    with (
        TemporaryDirectory(dir=home.private, prefix="spill-") as folder,
        engine.sibling(Path(folder)) as store,
    ):
        load_interests(store, interests)
        yield Claims(engine, store, Path(folder))


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


class _DayIntake:
    """The reading of all files of one day; gathers what there is to say about them."""

    def __init__(
        self,
        claims: Claims,
        landing: Landing,
        day: date,
        policy: Policy,
        secret: Secret,
        decisions: Decisions,
        codings: Codings,
    ) -> None:
        self._engine, self._claims = claims.raw, claims
        self._landing, self._day = landing, day
        self.day, self.decisions, self.codings = day, decisions, codings
        self._limits = Limits.of(policy.intake)
        self._validator = RowValidator(self._engine, day, policy, secret)
        self._rejected: dict[str, list[InputRejected]] = defaultdict(list)
        self._rows: Counter[tuple[str, date | None]] = Counter()
        self._oldest_late = oldest_needed(day, policy.timing)
        self.place = "intake"
        self._taken: dict[str, list[TakenFile]] = defaultdict(list)
        self._of_no_table = [
            *(TakenFile(name, digest, 0, "mapping") for name, digest in codings.files.items()),
            *(TakenFile(name, "", 0, "ignored", why) for name, why in landing.ignored.items()),
        ]
        self.dropped: dict[str, set[str]] = {}
        self._warned: dict[str, list[Warned]] = defaultdict(list)
        self._warned_before = [Warned(table, "no_files") for table in landing.absent]
        self._warned_before += _passed_over(landing.ignored)
        self.unread: list[UnreadRow] = []
        self.objections: dict[bytes, bool] = {}
        self._matched: set[bytes] = set()

    @property
    def taken(self) -> list[TakenFile]:
        """What became of each file, table by table."""
        return [*self._of_no_table, *_by_table(self._taken)]

    @property
    def warnings(self) -> list[Warned]:
        """What to look at, table by table."""
        return [*self._warned_before, *_by_table(self._warned)]

    def read_all(self) -> _TablesRead:
        """Read and settle every table; the late visits stand beside them.

        What was refused, and tables without rows, are among the problems.
        """
        oldest = pa.array([self._oldest_late], pa.date32())
        self._claims.engine.load("open_periods", pa.table({"oldest": oldest}))
        tables = {name: self._read_table(TABLES[name]) for name in _READING_ORDER}
        late = self._claims.folder / "late.parquet"
        write_parquet_stream(self._claims.engine.stream("select_late_visits"), late)
        problems: list[AudienceError] = []
        if rejected := _by_table(self._rejected):
            problems.append(InputsRejected(rejected))
        for name, arrival in (("visits", self._day), ("profiles", None)):
            if (name, arrival) in self._rows and not self._rows[name, arrival]:
                text = f"the files of {name} for {self._day} have no rows"
                problems.append(Held("no_rows", text))
        self.objections = {key: key in self._matched for key in self.objections}
        return _TablesRead({name: tables[name] for name in TABLES}, late, tuple(problems))

    def _read_table(self, table: RawTable) -> DeduplicatedTable:
        """Read and settle a table: its accepted rows, without those of erased people, in a file."""
        claims = self._claims
        claims.begin()
        files = self._read_files(table)
        self.place = table.name
        if not files:
            nothing = self._validator.judge(_NO_ROWS, table, self._day)
            claims.add(0, nothing.claims)
        deduplicated = claims.settle(table, files)
        if table.objections:
            self._note_unread(table.name, list(files.values()))
        if table.name == "campaigns":
            self._engine.load("standing", claims.engine.fetch("select_accepted_rows"))
            self._validator.list_links()
            self._engine.drop("standing")
        elif table.name in _TALLIES:
            self._warn_of(table.name, files)
        if table.name in ("profiles", "visits"):
            matched = claims.engine.fetch(f"match_{table.name}")
            self._matched.update(matched["request_key"].to_pylist())
        self._act_on_unread(table.name, deduplicated, list(files.values()))
        return replace(deduplicated, **claims.describe(table, deduplicated.accepted))

    def intake(self, tables: Mapping[str, DeduplicatedTable]) -> Intake:
        """What there is to say about the day."""
        return Intake(
            {name: deduplicated.account for name, deduplicated in tables.items()},
            tuple(self.taken),
            {table: tuple(sorted(columns)) for table, columns in self.dropped.items() if columns},
            tuple(self.warnings),
            self.undecided,
            self.objections,
            tables["profiles"].unstated,
            {name: tables[name].people for name in ("visits", "consents", "requests")},
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
        undecided = sum(row.place not in self.decisions for row in unread)
        if undecided:
            self._warned[table].append(Warned(table, "unread", undecided))

    def _act_on_unread(
        self, table: str, deduplicated: DeduplicatedTable, files: Sequence[FileRows]
    ) -> None:
        """Unread objections act, and nothing of who asked to be erased goes on but the request."""
        claims = self._claims
        if table == "requests":
            requests = pq.read_table(deduplicated.accepted)
            requests = add_unread_requests(requests, files, self.decisions)
            write_parquet(requests, deduplicated.accepted)
            erased = requests.filter(pc.equal(requests["kind"], "erase"))
            claims.erase(erased["person_key"].combine_chunks())
            acting = pc.is_in(requests["kind"], value_set=pa.array(["erase", "withdraw", UNREAD]))
            objections = requests.filter(acting).select(["request_key", "person_key"])
            claims.engine.load("objections", objections)
            self.objections = dict.fromkeys(objections["request_key"].to_pylist(), False)
        elif table == "consents" and any(file.unread for file in files):
            consents = pq.read_table(deduplicated.accepted)
            consents = add_unread_consents(consents, files, self.decisions)
            write_parquet(
                consents.filter(pc.invert(claims.are_erased(consents))), deduplicated.accepted
            )

    def _read_files(self, table: RawTable) -> dict[int, FileRows]:
        """The accepted files of a table by number; one with the bytes of another is read once."""
        accepted: dict[int, FileRows] = {}
        for number, landed in enumerate(self._landing.of(table.name)):
            self.place = landed.name
            try:
                with opened(landed, self._limits) as source:
                    if any(source.digest == file.digest for file in accepted.values()):
                        repeated = TakenFile(landed.name, source.digest, 0, "already_read")
                        self._taken[table.name].append(repeated)
                        continue
                    gathered = self._read_file(landed, source, table, number)
            except InputRejected as refusal:
                self._claims.refuse(number)
                self._rejected[table.name].append(refusal)
                continue
            accepted[number] = gathered
            arrival = landed.arrival if table.name == "visits" else None
            self._rows[table.name, arrival] += gathered.rows
            self._taken[table.name].append(
                TakenFile(landed.name, gathered.digest, gathered.rows, "accepted")
            )
            if not gathered.rows:
                self._warned[table.name].append(Warned(table.name, "no_rows"))
        return accepted

    def _read_file(
        self, landed: LandedFile, source: RawSource, table: RawTable, number: int
    ) -> FileRows:
        gathered = FileRows(landed.name, source.digest)
        reading = read(source, table)
        for batch in reading.batches:
            judged = self._validator.judge(batch, table, landed.arrival)
            self._claims.add(number, gathered.add(judged))
            if len(gathered.faults) > MOST_FAULTS:
                raise source.reject("too_many_bad_rows", _most_faults(gathered.faults))
        if gathered.rows != reading.rows():
            raise source.reject(
                "corrupt", f"it has {reading.rows()} rows, of which {gathered.rows} could be read"
            )
        header, warned = reading.header(), self._warned[table.name]
        self.dropped.setdefault(table.name, set()).update(header.dropped)
        warned += [
            Warned(table.name, f"column_absent:{c}", file=landed.name, columns=(c,))
            for c in header.absent
        ]
        if header.dropped:
            size, names = len(header.dropped), header.dropped
            warned.append(Warned(table.name, "unknown_columns", size, landed.name, names))
        return gathered

    def _warn_of(self, table: str, files: Mapping[int, FileRows]) -> None:
        for found in self._claims.engine.fetch(_TALLIES[table]).to_pylist():
            self._warned[table].append(
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


def _by_table(found: Mapping[str, Sequence[Found]]) -> list[Found]:
    """What was found of all tables, in the order of the contract."""
    return [one for name in TABLES for one in found.get(name, ())]


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
    read = profiles.account.counted - profiles.unstated["region_not_stated"]
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
