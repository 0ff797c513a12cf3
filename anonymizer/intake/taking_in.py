"""Intake: raw files of a day become accepted rows without anything that identifies.

    survey -> open, read, judge each file -> settle duplicates over all files -> write

Every file is read before anything is written: a run uses all of its files or none.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

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
    """The outcome of taking in one day. Accounts are by raw table."""

    accounts: Mapping[str, RowAccount]
    files: tuple[TakenFile, ...]
    dropped_columns: Mapping[str, tuple[str, ...]]
    warnings: tuple[Warned, ...]


def take_in(
    home: Home,
    day: date,
    policy: Policy,
    secret: Secret,
    engine: DuckDB,
    *,
    now: float,
    interests: Sequence[Interest] = (),
) -> Intake:
    """Read the raw files that `day` needs and write private/{table}/ and private/quarantine/.

    Visits that arrived on `day` too late for their own day are written to private/late/ when a
    week or month that is still open can need them; the account has them as `late`.
    Same rows give the same bytes, however they are split into files, ordered, named or
    formatted. The engine must not spill: it holds raw values. Raises InputsRejected with
    every refused file, and Held when files lack (see `landing.survey`), when the day or the
    profiles have `no_rows`, or with `too_many_bad_rows`; then nothing is written, but for
    the quarantine's pointers in the last case.
    """
    load_vocabulary(engine, policy.bots.user_agent_words, interests)
    run = _Run(engine, survey(home.raw, day, policy.timing, now), day, policy, secret)
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
    for name, settled in tables.items():
        write_parquet(settled.accepted, home.working_file(name, day))
    write_parquet(late, home.working_file("late", day))
    return Intake(
        {name: settled.account for name, settled in tables.items()},
        tuple(run.taken),
        {table: tuple(sorted(columns)) for table, columns in run.dropped.items() if columns},
        tuple(run.warnings),
    )


class _Run:
    """The reading of all files of one day; gathers what there is to say about them."""

    def __init__(
        self, engine: DuckDB, landing: Landing, day: date, policy: Policy, secret: Secret
    ) -> None:
        self._engine, self._landing, self._day = engine, landing, day
        self._limits = Limits.of_megabytes(
            policy.intake.max_file_megabytes, policy.intake.max_expanded_megabytes
        )
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

    def read_all(self) -> tuple[dict[str, Settled], pa.Table]:
        """Read and settle every table; the late visits stand beside them.

        Raises InputsRejected with all refusals, Held `no_rows`.
        """
        tables = {}
        for name, table in TABLES.items():
            files = self._read_files(table)
            self.place = name
            tables[name] = settle(self._engine, table, files or [self._nothing(table)])
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
        return _without_erased(tables, late)

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


def _without_erased(
    tables: Mapping[str, Settled], late: pa.Table
) -> tuple[dict[str, Settled], pa.Table]:
    """Nothing of who asked to be erased goes on, but the request that keeps it so."""
    requests = tables["requests"].accepted
    erased = requests.filter(pc.equal(requests["kind"], "erase"))["person_key"].combine_chunks()
    remaining = {
        name: leave_out(settled, erased, "erased") if name in _ABOUT_PEOPLE else settled
        for name, settled in tables.items()
    }
    return remaining, late.filter(pc.invert(rows_of(late, erased)))


def _check_shares(tables: Mapping[str, Settled], most: float) -> None:
    for name, settled in tables.items():
        bad, read_rows = sum(settled.account.quarantined.values()), settled.account.read
        if TABLES[name].limited and bad > most * read_rows:
            raise Held(
                "too_many_bad_rows",
                f"{name}: {bad} of {read_rows} rows quarantined, the limit is {most:.0%}; "
                "see private/quarantine for files and rows, mend the source and deliver again",
            )
