"""Taking in the raw files of days: the only stage that sees raw values."""

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

from anonymizer.intake.assessed_files import AssessedFiles
from anonymizer.intake.day_intake import take_in
from anonymizer.intake.intake_outcome import Intake
from anonymizer.model.codings import Codings
from anonymizer.model.errors import AudienceError
from anonymizer.model.periods import Period
from anonymizer.model.series import CAMPAIGN_DAY
from anonymizer.rights.decisions import treatments
from anonymizer.rights.requests import unmatched
from anonymizer.rights.retention import prune
from anonymizer.sources.source_catalogue import FILE_NAME
from anonymizer.sources.source_zone import SourceZone
from anonymizer.storage.raw_zone import RawZone
from pipelines import run_limits
from pipelines.messages.metadata import counts_table, rows_table
from pipelines.resources.cluster_intake import workers_of
from pipelines.resources.resources import Installation
from pipelines.stages.accounts import account_facts
from pipelines.stages.days_in_advance import DaysInAdvance, Surroundings
from pipelines.stages.finished_days import FinishedDays
from pipelines.stages.flow import Flow
from pipelines.stages.objection_report import tell_objections
from pipelines.stages.stages import StageOutcome


@dataclass
class IntakeStage:
    """The intake of the days of a run."""

    installation: Installation
    log: logging.Logger
    days: Sequence[date]
    advance: DaysInAdvance
    assessed: AssessedFiles = field(default_factory=AssessedFiles)
    begun: bool = False
    objections: dict[bytes, bool] = field(default_factory=dict)

    @cached_property
    def codings(self) -> Codings:
        """What codes mean, by the files in force, which are written into the ledger first."""
        self.installation.record_settings()
        codings, sources = self.installation.codings(), self.raw_zone.sources
        if not sources.all:
            return codings
        return replace(codings, files={**codings.files, FILE_NAME: sources.digest})

    @cached_property
    def finished(self) -> FinishedDays:
        """The days that need not be taken in again."""
        return FinishedDays(self.installation, lambda: self.codings)

    @cached_property
    def raw_zone(self) -> SourceZone:
        """The raw zone and its sources, which keep what they fetched for the days that come."""
        return SourceZone.of(self.installation.home)

    def take(self, _: Installation, period: Period) -> StageOutcome:
        """Read the raw files of a day; read = counted + excluded + quarantined + duplicates.

        A day that is released, of which nothing has changed, is passed.
        """
        installation, codings = self.installation, self.codings
        self._begin()
        if self.finished.has(period.end):
            return self.finished.reuse(Flow(CAMPAIGN_DAY).stage("intake"), period.end)
        taken = self.advance.outcome("intake", period.end)
        if not isinstance(taken, Intake):
            taken = self._take_in(period, codings)
        for key, matched in taken.objections.items():
            self.objections[key] = self.objections.get(key, False) or matched
        return _outcome(taken, unmatched(taken.objections, installation.ledger()))

    def _begin(self) -> None:
        """Before the first day: remove what no day of the run can need, and begin with the others.

        Files that are fetched, or made from sources, are read one day after the other.
        """
        if self.begun:
            return
        prune(self.installation.home, self.installation.policy(), newest=min(self.days))
        self.begun = True
        zone = RawZone.of(self.installation.home)
        if zone.store is None and not self.raw_zone.sources.all:
            days = [day for day in self.days if self._is_open(day)]
            decisions = treatments(self.installation.ledger())
            effort = self.installation.policy().effort
            shared = Surroundings(self.installation.home, effort, self.codings, decisions)
            self.advance.start(shared, days)

    def _is_open(self, day: date) -> bool:
        try:
            return not self.finished.has(day)
        except AudienceError:  # raised again when the day's turn comes
            return False

    def _take_in(self, period: Period, codings: Codings) -> Intake:
        """Read the raw files of a day, in this process."""
        terms = self.installation.terms(period)
        with self.installation.engine(spill=False) as engine:
            return take_in(
                self.installation.home,
                period.end,
                terms.policy,
                terms.secret,
                engine,
                now=time.time(),
                interests=terms.catalogue.interests,
                decisions=treatments(self.installation.ledger()),
                codings=codings,
                raw=self.raw_zone.root(),
                assessed=self.assessed,
                workers=workers_of(terms.policy.effort),
            )

    def tell(self) -> None:
        """Record the objections of all days, before anything is released."""
        tell_objections(self.log, self.installation, self.objections)
        self.advance.go_on("intake", "eligibility")


def intake_facts(taken: Intake, lost: int) -> Mapping[str, Any]:
    """What later steps and reports need to know of a day that was taken in."""
    used = [file for file in taken.files if file.status in ("accepted", "mapping")]
    return {
        "accounts": {table: account_facts(account) for table, account in taken.accounts.items()},
        "inputs": {file.name: file.sha256 for file in used},
        "unmatched": lost,
        "unmapped": {**taken.unmapped, **taken.unstated},
        "people": dict(taken.people),
        "ignored": dict(taken.ignored),
        "unread": dict(Counter(row.table for row in taken.unread)),
        "warnings": [asdict(warned) for warned in taken.warnings],
    }


def _outcome(taken: Intake, lost: int) -> StageOutcome:
    metadata = {"accepted_rows": _accepted(taken, lost), "quarantined_rows": _quarantined(taken)}
    return StageOutcome(facts=intake_facts(taken, lost), metadata=metadata)


def _accepted(taken: Intake, lost: int) -> dict[str, Any]:
    dropped = [(table, name) for table, names in taken.dropped_columns.items() for name in names]
    unread = taken.unread[: run_limits.OBJECTIONS_LISTED]
    return {
        "dagster/partition_row_count": taken.accounts["visits"].counted,
        "rows_by_reason": rows_table(taken.accounts),
        "files": counts_table(
            ("file", "status", "reason", "rows"),
            [(file.name, file.status, file.reason, file.rows) for file in taken.files],
        ),
        "dropped_columns": counts_table(("table", "column"), dropped),
        "objections_that_match_no_one": lost,
        "unread_objections": counts_table(
            ("file", "row", "column", "reason"),
            [(row.file, row.place.row, row.column, row.reason) for row in unread],
        ),
        "warnings": counts_table(
            ("table", "code", "count", "file"),
            [(one.table, one.code, one.count, one.file) for one in taken.warnings],
        ),
    }


def _quarantined(taken: Intake) -> dict[str, Any]:
    accounts = taken.accounts.values()
    rows = [
        (account.table, reason, rows)
        for account in accounts
        for reason, rows in sorted(account.quarantined.items())
    ]
    return {
        "dagster/partition_row_count": sum(rows for *_, rows in rows),
        "rows_by_reason": counts_table(("table", "reason", "rows"), rows),
    }
