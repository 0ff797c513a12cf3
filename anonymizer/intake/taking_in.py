"""Intake: raw files of a day become accepted rows without anything that identifies.

    survey -> open, read, judge each file -> settle duplicates over all files -> write

Every file is read before anything is written: a run uses all of its files or none.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.accounting import RowAccount
from anonymizer.engines.duckdb import DuckDB
from anonymizer.errors import AudienceError, Held, InputRejected, InputsRejected
from anonymizer.files import write_parquet
from anonymizer.home import Home
from anonymizer.intake.accepting import Acceptor
from anonymizer.intake.batches import MOST_FAULTS, RawBatch
from anonymizer.intake.contract import TABLES, RawTable
from anonymizer.intake.gathering import GatheredFile, Settled, leave_out, rows_of, settle
from anonymizer.intake.landing import LandedFile, Landing, survey
from anonymizer.intake.objections import (
    UNREAD,
    Decisions,
    UnreadRow,
    add_unread_consents,
    add_unread_requests,
    require_decisions,
    unread_rows,
)
from anonymizer.intake.opening import Limits, Source, opened
from anonymizer.intake.reading import read
from anonymizer.intake.vocabulary import load_vocabulary
from anonymizer.policy import Policy
from anonymizer.secret import Secret
from anonymizer.segments import Interest
from anonymizer.windows import oldest_needed

# What is accepted but worth a look, counted once a table is settled.
_TALLIES = {
    "profiles": "tally_unmapped",
    "requests": "tally_undated",
    "visits": "tally_unmatched",
}
_ABOUT_PEOPLE = ("profiles", "consents", "visits")
_NO_ROWS = RawBatch(pa.record_batch({"row_number": pa.array([], pa.int64())}))


@dataclass(frozen=True)
class TakenFile:
    """What became of one file; `reason` is set when it was rejected or ignored."""

    name: str
    sha256: str
    rows: int
    status: str  # accepted | already_read | ignored
    reason: str = ""


@dataclass(frozen=True)
class Warned:
    """Something to look at that holds nothing back: a code and how often. Never a value."""

    table: str
    code: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.table}: {self.code} ({self.count})"


@dataclass(frozen=True)
class Intake:
    """The outcome of taking in one day. Accounts are by raw table.

    `unread` are the rows of requests and consents that cannot be read and are not decided about;
    `objections` says of each by its request key whether anybody has its user id.
    """

    accounts: Mapping[str, RowAccount]
    files: tuple[TakenFile, ...]
    dropped_columns: Mapping[str, tuple[str, ...]]
    warnings: tuple[Warned, ...]
    unread: tuple[UnreadRow, ...] = ()
    objections: Mapping[bytes, bool] = field(default_factory=dict)


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
) -> Intake:
    """Read the raw files that `day` needs and write private/{table}/ and private/quarantine/.

    Visits that arrived on `day` too late for their own day are written to private/late/ when a
    week or month that is still open can need them; the account has them as `late`.
    Same rows give the same bytes, however they are split into files, ordered, named or
    formatted. The engine must not spill: it holds raw values. Raises InputsRejected with
    every refused file, and Held when files lack (see `landing.survey`), when the day or the
    profiles have `no_rows`, with `too_many_bad_rows`, or with `objection_unreadable` (see
    `objections.require_decisions`); then nothing is written, but for the quarantine's pointers
    in the last two cases.
    """
    load_vocabulary(engine, policy.bots.user_agent_words, interests)
    landing = survey(home.raw, day, policy.timing, now)
    run = _Run(engine, landing, day, policy, secret, decisions)
    # Libraries quote values in their messages: of an unforeseen error only the type goes on,
    # and it is raised outside of the handler so that it carries no context.
    unforeseen = ""
    try:
        tables, late = run.read_all()
    except AudienceError:
        raise
    except Exception as error:  # noqa: BLE001
        unforeseen = type(error).__name__
    if unforeseen:
        raise Held("intake_failed", f"{run.place}: {unforeseen}; keep the raw files, report this")
    pointers = pa.concat_tables([settled.quarantine for settled in tables.values()])
    write_parquet(pointers, home.working_file("quarantine", day))
    _check_shares(tables, policy.intake.max_quarantined_share)
    require_decisions(run.unread, decisions)
    for name, settled in tables.items():
        write_parquet(settled.accepted, home.working_file(name, day))
    write_parquet(late, home.working_file("late", day))
    return Intake(
        {name: settled.account for name, settled in tables.items()},
        tuple(run.taken),
        {table: tuple(sorted(columns)) for table, columns in run.dropped.items() if columns},
        tuple(run.warnings),
        tuple(row for row in run.unread if row.place not in decisions),
        run.objections,
    )


class _Run:
    """The reading of all files of one day; gathers what there is to say about them."""

    def __init__(
        self,
        engine: DuckDB,
        landing: Landing,
        day: date,
        policy: Policy,
        secret: Secret,
        decisions: Decisions,
    ) -> None:
        self._engine, self._landing, self._day = engine, landing, day
        self._decisions = decisions
        self._limits = Limits.of(policy.intake)
        self._acceptor = Acceptor(engine, day, policy, secret)
        self._rejected: list[InputRejected] = []
        self._rows: Counter[tuple[str, date | None]] = Counter()
        self._oldest_late = oldest_needed(day, policy.timing)
        self.place = "intake"
        self.taken = [
            TakenFile(name, "", 0, "ignored", why) for name, why in landing.ignored.items()
        ]
        self.dropped: dict[str, set[str]] = {}
        self.warnings = [Warned(table, "no_files") for table in landing.absent]
        self.unread: list[UnreadRow] = []
        self.objections: dict[bytes, bool] = {}
        self._with_unread: dict[str, Sequence[GatheredFile]] = {}

    def read_all(self) -> tuple[dict[str, Settled], pa.Table]:
        """Read and settle every table; the late visits stand beside them.

        Raises InputsRejected with all refusals, Held `no_rows`.
        """
        tables = {}
        for name, table in TABLES.items():
            files = self._read_files(table)
            self.place = name
            tables[name] = settle(self._engine, table, files or [self._nothing(table)])
            if table.objections:
                self._note_unread(name, files)
            if name == "campaigns":
                self._acceptor.list_links()
            elif name in _TALLIES:
                self._warn_of(name)
        late = self._engine.fetch("select_late_visits", {"oldest": self._oldest_late})
        if self._rejected:
            raise InputsRejected(self._rejected)
        for name, arrival in (("visits", self._day), ("profiles", None)):
            if not self._rows[name, arrival]:
                raise Held("no_rows", f"the files of {name} for {self._day} have no rows")
        return self._apply_objections(tables, late)

    def _note_unread(self, table: str, files: Sequence[GatheredFile]) -> None:
        """Keep the rows of a table of objections that cannot be read."""
        unread = unread_rows(table, files)
        self.unread += unread
        self._with_unread[table] = files
        undecided = sum(row.place not in self._decisions for row in unread)
        if undecided:
            self.warnings.append(Warned(table, "unread", undecided))

    def _apply_objections(
        self, tables: Mapping[str, Settled], late: pa.Table
    ) -> tuple[dict[str, Settled], pa.Table]:
        """Unread objections act, and nothing of who asked to be erased goes on but the request."""
        requests = add_unread_requests(
            tables["requests"].accepted, self._with_unread["requests"], self._decisions
        )
        self.objections = _matched(
            requests, [tables["profiles"].accepted, tables["visits"].accepted, late]
        )
        erased = requests.filter(pc.equal(requests["kind"], "erase"))["person_key"].combine_chunks()
        remaining = {
            name: leave_out(settled, erased, "erased") if name in _ABOUT_PEOPLE else settled
            for name, settled in tables.items()
        }
        consents = add_unread_consents(
            remaining["consents"].accepted, self._with_unread["consents"], self._decisions
        )
        remaining["requests"] = replace(remaining["requests"], accepted=requests)
        remaining["consents"] = replace(
            remaining["consents"], accepted=consents.filter(pc.invert(rows_of(consents, erased)))
        )
        return remaining, late.filter(pc.invert(rows_of(late, erased)))

    def _read_files(self, table: RawTable) -> list[GatheredFile]:
        """The files of a table that were accepted; one with the bytes of another is read once."""
        accepted: list[GatheredFile] = []
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

    def _read_file(self, landed: LandedFile, source: Source, table: RawTable) -> GatheredFile:
        gathered = GatheredFile(landed.name, source.digest)
        reading = read(source, table)
        for batch in reading.batches:
            gathered.add(self._acceptor.judge(batch, table, landed.arrival))
            if len(gathered.faults) > MOST_FAULTS:
                raise source.reject("too_many_bad_rows", f"the limit is {MOST_FAULTS} in a file")
        if gathered.rows != reading.rows():
            raise source.reject(
                "corrupt", f"it has {reading.rows()} rows, of which {gathered.rows} could be read"
            )
        header = reading.header()
        self.dropped.setdefault(table.name, set()).update(header.dropped)
        self.warnings += [Warned(table.name, f"column_absent:{c}") for c in header.absent]
        return gathered

    def _nothing(self, table: RawTable) -> GatheredFile:
        """A file without rows: it gives an empty table its columns."""
        nothing = GatheredFile("", "")
        nothing.add(self._acceptor.judge(_NO_ROWS, table, self._day))
        return nothing

    def _warn_of(self, table: str) -> None:
        for code, (count,) in self._engine.fetch(_TALLIES[table]).to_pydict().items():
            if count:
                self.warnings.append(Warned(table, code, count))


def _matched(requests: pa.Table, others: Sequence[pa.Table]) -> dict[bytes, bool]:
    """Whether there is a profile or a visit of its person, of each objection by its key."""
    acting = pc.is_in(requests["kind"], value_set=pa.array(["erase", "withdraw", UNREAD]))
    objections = requests.filter(acting)
    if not objections.num_rows:
        return {}
    known = pa.concat_arrays([pc.unique(o["person_key"]).cast(pa.binary()) for o in others])
    keys = objections["request_key"].to_pylist()
    return dict(zip(keys, rows_of(objections, known).to_pylist(), strict=True))


def _check_shares(tables: Mapping[str, Settled], most: float) -> None:
    for name, settled in tables.items():
        bad, read_rows = sum(settled.account.quarantined.values()), settled.account.read
        if TABLES[name].limited and bad > most * read_rows:
            raise Held(
                "too_many_bad_rows",
                f"{name}: {bad} of {read_rows} rows quarantined, the limit is {most:.0%}; "
                "see private/quarantine for files and rows, mend the source and deliver again",
            )
