"""Reads and settles all files of a day, table by table, and gathers what there is to say."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer.intake.assessed_files import AssessedFile, AssessedFiles
from anonymizer.intake.assessment_tasks import (
    FileAssessment,
    OtherProcesses,
    TaskTerms,
    file_rows,
    rows_of,
    tasks_for,
)
from anonymizer.intake.batches import RawBatch
from anonymizer.intake.contract import TABLES, RawTable
from anonymizer.intake.deduplication import Claims, DeduplicatedTable, FileRows
from anonymizer.intake.file_assessment import assess
from anonymizer.intake.intake_keys import IntakeKeys
from anonymizer.intake.intake_outcome import Intake, TakenFile, Warned
from anonymizer.intake.landing_zone import WORKING_FILE, LandedFile, Landing
from anonymizer.intake.objections import (
    UNREAD,
    Decisions,
    UnreadRow,
    add_unread_consents,
    add_unread_requests,
    unread_rows,
)
from anonymizer.intake.parted_campaigns import (
    parted_campaigns,
    unknown_campaigns,
    visits_read,
)
from anonymizer.intake.raw_source import Limits, RawSource, opened
from anonymizer.intake.row_validation import LINK_COLUMNS, RowValidator
from anonymizer.model.campaign_parts import rules_in_force
from anonymizer.model.codings import Codings
from anonymizer.model.errors import AudienceError, Held, InputRejected, InputsRejected
from anonymizer.model.policy import Policy
from anonymizer.model.windows import oldest_needed
from anonymizer.storage.files import write_parquet, write_parquet_stream
from anonymizer.storage.secret import Secret

# What is accepted but worth a look, counted once a table is settled.
_TALLIES = {
    "profiles": "tally_unmapped",
    "requests": "tally_undated",
    "visits": "tally_unmatched",
}
Found = TypeVar("Found")
# Whom nothing may be left of is known from the requests, and links from the campaigns.
_READING_ORDER = ("campaigns", "requests", "consents", "profiles", "visits")


@dataclass(frozen=True)
class TablesRead:
    """What was read of all tables, and what of it makes the day impossible to take in."""

    tables: Mapping[str, DeduplicatedTable]
    late: Path | None
    problems: tuple[AudienceError, ...]


class DayReader:
    """The reading of all files of one day; gathers what there is to say about them."""

    def __init__(  # noqa: PLR0913, PLR0917  everything that it works with is handed in
        self,
        claims: Claims,
        landing: Landing,
        day: date,
        policy: Policy,
        secret: Secret,
        decisions: Decisions,
        codings: Codings,
        assessed: AssessedFiles | None = None,
        others: OtherProcesses | None = None,
    ) -> None:
        self._others, self._links = others, pa.table({})
        self._engine, self._claims = claims.raw, claims
        self._assessed = AssessedFiles() if assessed is None else assessed
        self._read_with = (policy.model_dump_json(), secret.fingerprint, repr(codings))
        self._landing, self._day = landing, day
        self.day, self.decisions, self.codings = day, decisions, codings
        self._policy, self._keys = policy, IntakeKeys.of(secret)
        self._limits = Limits.of(policy.intake)
        self._validator = RowValidator(self._engine, day, policy, self._keys)
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

    def read_all(self) -> TablesRead:
        """Read and settle every table; the late visits stand beside them.

        What was refused, and tables without rows, are among the problems.
        """
        oldest = pa.array([self._oldest_late], pa.date32())
        self._claims.engine.load("open_periods", pa.table({"oldest": oldest}))
        contract = {**TABLES, "visits": visits_read(self._policy, self._day)}
        tables = {name: self._read_table(contract[name]) for name in _READING_ORDER}
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
        return TablesRead({name: tables[name] for name in TABLES}, late, tuple(problems))

    def _read_table(self, table: RawTable) -> DeduplicatedTable:
        """Read and settle a table: its accepted rows, without those of erased people, in a file."""
        claims = self._claims
        claims.begin()
        files = self._read_files(table)
        self.place = table.name
        if not claims.begun:
            no_rows = RawBatch(pa.record_batch({"row_number": pa.array([], pa.int64())}))
            nothing = self._validator.judge(no_rows, table, self._day)
            claims.add(0, nothing.claims)
        deduplicated = claims.settle(table, files)
        if table.objections:
            self._note_unread(table.name, list(files.values()))
        if table.name == "campaigns":
            self._links = claims.engine.fetch("select_accepted_rows")
            self._validator.list_links(self._links)
        elif table.name in _TALLIES:
            self._warn_of(table.name, files)
        if table.name in ("profiles", "visits") and self.objections:
            matched = claims.engine.fetch(f"match_{table.name}")
            self._matched.update(matched["request_key"].to_pylist())
        return self._acted_on(table.name, deduplicated, list(files.values()))

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

    def _note_unread(self, table: str, files: Sequence[FileRows]) -> None:
        """Keep the rows of a table of objections that cannot be read."""
        unread = unread_rows(table, files)
        self.unread += unread
        undecided = sum(row.place not in self.decisions for row in unread)
        if undecided:
            self._warned[table].append(Warned(table, "unread", undecided))

    def _acted_on(
        self, table: str, deduplicated: DeduplicatedTable, files: Sequence[FileRows]
    ) -> DeduplicatedTable:
        """Unread objections act, and nothing of who asked to be erased goes on but the request."""
        claims = self._claims
        if table == "requests":
            requests = pq.read_table(deduplicated.accepted)
            requests = add_unread_requests(requests, files, self.decisions)
            erased = requests.filter(pc.equal(requests["kind"], "erase"))
            claims.erase(erased["person_key"].combine_chunks())
            acting = pc.is_in(requests["kind"], value_set=pa.array(["erase", "withdraw", UNREAD]))
            objections = requests.filter(acting).select(["request_key", "person_key"])
            claims.engine.load("objections", objections)
            self.objections = dict.fromkeys(objections["request_key"].to_pylist(), False)
            return _rewritten(deduplicated, requests)
        if table == "campaigns" and rules_in_force(self._policy.campaign_parts, self._day):
            campaigns = pq.read_table(deduplicated.accepted)
            if missing := unknown_campaigns(campaigns, self._policy.campaign_parts, self._day):
                self._warned[table].append(Warned(table, "rule_without_campaign", missing))
            parted = parted_campaigns(campaigns, self._policy.campaign_parts, self._day)
            write_parquet(parted, deduplicated.accepted)
        if table == "consents" and any(file.unread for file in files):
            consents = pq.read_table(deduplicated.accepted)
            consents = add_unread_consents(consents, files, self.decisions)
            return _rewritten(deduplicated, consents.filter(pc.invert(claims.are_erased(consents))))
        return deduplicated

    def _read_files(self, table: RawTable) -> dict[int, FileRows]:
        """The accepted files of a table by number; one with the bytes of another is read once."""
        accepted: dict[int, FileRows] = {}
        elsewhere = self._assessed_elsewhere(table)
        for number, landed in enumerate(self._landing.of(table.name)):
            self.place = landed.name
            try:
                if number in elsewhere:
                    gathered = self._gather(landed, elsewhere[number], table, accepted)
                else:
                    gathered = self._gather_here(landed, number, table, accepted)
            except InputRejected as refusal:
                self._claims.refuse(number)
                self._rejected[table.name].append(refusal)
                continue
            if gathered is None:
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

    def _assessed_elsewhere(self, table: RawTable) -> dict[int, FileAssessment]:
        """What other processes made of files of visits, by number."""
        if self._others is None or table.name != "visits":
            return {}
        self.place = table.name
        terms = TaskTerms(
            table,
            self._day,
            self._policy,
            self._keys,
            self.codings,
            self._others.interests,
            self._links.select(LINK_COLUMNS),
            self._claims.folder,
        )
        tasks = tasks_for(dict(enumerate(self._landing.of(table.name))), terms)
        return {found.number: found for found in self._others.assess(tasks)} if tasks else {}

    def _gather(
        self,
        landed: LandedFile,
        found: FileAssessment,
        table: RawTable,
        accepted: Mapping[int, FileRows],
    ) -> FileRows | None:
        """What came out of a file elsewhere; None for one with the bytes of another."""
        if found.digest and self._is_repeated(landed, found.digest, table, accepted):
            return None
        for claims in rows_of(found, landed):
            self._claims.add(found.number, self._validator.as_of_day(claims, table))
        self._note_header(landed, table, found.file)
        return file_rows(found, landed)

    def _gather_here(
        self, landed: LandedFile, number: int, table: RawTable, accepted: Mapping[int, FileRows]
    ) -> FileRows | None:
        """What came out of a file; None for one with the bytes of another."""
        with opened(landed, self._limits) as source:
            if self._is_repeated(landed, source.digest, table, accepted):
                return None
            gathered, keep = self._read_file(landed, source, table, number)
        keep()  # only now it is known that the file did not change while it was read
        return gathered

    def _is_repeated(
        self, landed: LandedFile, digest: str, table: RawTable, accepted: Mapping[int, FileRows]
    ) -> bool:
        """Whether a file has the bytes of one before, which is noted."""
        repeated = any(digest == file.digest for file in accepted.values())
        if repeated:
            self._taken[table.name].append(TakenFile(landed.name, digest, 0, "already_read"))
        return repeated

    def _read_file(
        self, landed: LandedFile, source: RawSource, table: RawTable, number: int
    ) -> tuple[FileRows, Callable[[], None]]:
        """What came out of a file, and how to keep it for the other days of the run."""
        gathered = FileRows(landed.name, source.digest)
        key = (table.name, landed.name, source.digest, *self._read_with)
        known = self._assessed.find(key)
        file = known or AssessedFile(self._assessed.room_for(table.name))
        fresh = () if known else assess(self._validator, landed, source, table, file)
        for claims in known.claims if known else fresh:
            self._claims.add(number, self._validator.as_of_day(claims, table))
        gathered.rows, gathered.faults, gathered.unread = file.outcome()
        self._note_header(landed, table, file)
        return gathered, partial(self._assessed.keep, key, file)

    def _note_header(self, landed: LandedFile, table: RawTable, file: AssessedFile) -> None:
        """What to say of a file's columns and filters."""
        header, warned = file.header, self._warned[table.name]
        self.dropped.setdefault(table.name, set()).update(header.dropped)
        warned += [
            Warned(table.name, f"column_absent:{c}", file=landed.name, columns=(c,))
            for c in header.absent
        ]
        if file.filtered:
            warned.append(Warned(table.name, "filtered", file.filtered, landed.name))
        if header.dropped:
            size, names = len(header.dropped), header.dropped
            warned.append(Warned(table.name, "unknown_columns", size, landed.name, names))

    def _warn_of(self, table: str, files: Mapping[int, FileRows]) -> None:
        for found in self._claims.engine.records(_TALLIES[table]):
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


def _rewritten(deduplicated: DeduplicatedTable, rows: pa.Table) -> DeduplicatedTable:
    """The table with these accepted rows."""
    write_parquet(rows, deduplicated.accepted)
    people = pc.count_distinct(rows["person_key"]).as_py()
    return replace(deduplicated, people=people)


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


def _by_table(found: Mapping[str, Sequence[Found]]) -> list[Found]:
    """What was found of all tables, in the order of the contract."""
    return [one for name in TABLES for one in found.get(name, ())]
