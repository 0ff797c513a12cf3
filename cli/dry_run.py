"""A run of one day that writes nothing: everything that it would complain about, at once.

    raw files -> intake -> eligible people -> reach -> compared with released days -> what holds it

The stages are those of a run, on a scratch home that sees the raw zone. Suppression and the gate
run for the privileged role alone, in memory.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import TypeVar

import numpy as np
import pyarrow.parquet as pq

from anonymizer.counting.eligibility import find_eligible
from anonymizer.counting.reach import count_reach, load_counted
from anonymizer.intake.day_intake import inspect_day
from anonymizer.intake.intake_outcome import Inspected, Intake, Warned
from anonymizer.model.accounting import RowAccount
from anonymizer.model.codings import Codings, read_codings
from anonymizer.model.errors import ConfigurationError, Held
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.model.series import CAMPAIGN_DAY
from anonymizer.model.tables import Counted
from anonymizer.release.earlier_releases import earlier_releases
from anonymizer.release.gate import Checked
from anonymizer.release.key_change import check_secret
from anonymizer.release.ledger import Ledger
from anonymizer.release.near_state import near_history
from anonymizer.release.public_ledger import check_public_ledger
from anonymizer.release.publication import released
from anonymizer.release.settings import applying
from anonymizer.release.settings_change import expected_revisions
from anonymizer.rights.decisions import treatments
from anonymizer.rights.requests import unmatched
from anonymizer.sources.source_zone import source_root
from anonymizer.storage.engine import Engine
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from cli import command_limits
from cli.remarks import warning_lines
from cli.run_report import objection_lines
from cli.scratch import scratch_home
from pipelines.messages.trouble import Trouble, attempt, trouble_of
from pipelines.partitions.first_day import fault_of_day
from pipelines.resources.release_history import open_ledger
from pipelines.resources.resources import PeriodTerms
from pipelines.stages import journal
from pipelines.stages.accounts import account_facts, final_accounts
from pipelines.stages.intake_stage import intake_facts
from pipelines.stages.period_release import foresee
from pipelines.stages.plausibility_gate import explained, implausible, state_of

Result = TypeVar("Result")


@dataclass(frozen=True)
class DryRun:
    """What a run of the day would come to. `problems` hold it, the first as the run would say."""

    problems: tuple[Trouble, ...]
    warnings: tuple[str, ...]
    accounts: Mapping[str, RowAccount] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """That of the run: 0 when nothing holds the day."""
        return self.problems[0].exit_code if self.problems else 0


def check_input(home: Home, day: date, *, privileged: bool) -> DryRun:
    """Everything that a run of the day would complain about. Nothing in the home changes.

    With `privileged` also how many named segments it would publish. Raises ConfigurationError for
    settings or a day that no run takes, Held when the ledger or the secret cannot be trusted.
    """
    if fault := fault_of_day("--day", day, Policy.load(home.policy).timing):
        raise ConfigurationError([fault])
    with scratch_home(home.raw) as scratch:
        ledger = _read_only(home, scratch)
        entries = ledger.entries()
        check_public_ledger(home, [entry.link for entry in entries])
        revision = applying(expected_revisions(home, entries), day)
        assert revision is not None, "the first revision applies to every day"
        meaning, today = revision.meaning(), Policy.load(home.policy)
        policy, secret = meaning.policy.running_as(today), Secret.of(home)
        check_secret(ledger.entries(), secret)
        trial = _Trial(
            home,
            scratch,
            day,
            ledger,
            PeriodTerms(policy, meaning.catalogue, secret),
            read_codings(policy.codings, home.root),
        )
        return trial.run(privileged=privileged)


def _read_only(home: Home, scratch: Home) -> Ledger:
    """The history. A ledger in a file is copied: opening one left half written repairs it."""
    if os.environ.get("AUDIENCE_LEDGER"):
        return open_ledger(home)
    for path in home.root.glob(f"{home.ledger.name}*"):
        shutil.copyfile(path, scratch.root / path.name)
    return Ledger.open(scratch.ledger)


@dataclass
class _Trial:
    """The stages of one day, and what they complain about."""

    home: Home
    scratch: Home
    day: date
    ledger: Ledger
    terms: PeriodTerms
    codings: Codings
    problems: list[Trouble] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def run(self, *, privileged: bool) -> DryRun:
        """Go through the stages; one that cannot begin is left out."""
        inspected = self._attempt(self._inspect)
        if inspected is None:
            return DryRun(tuple(self.problems), ())
        self.problems += [trouble_of(problem) for problem in inspected.problems]
        self.warnings += warning_lines([*self._quarantined(), *inspected.warnings])
        accounts = inspected.accounts
        if inspected.intake is None:
            self.notes.append("Not everything could be read, so no one was counted.")
            self.warnings += _unread_lines(inspected)
        elif self._count(inspected.intake):
            accounts = final_accounts(self.scratch, self.day)
            self.warnings += objection_lines(self.scratch, [self.day])
            self._attempt(lambda: self._publish(privileged=privileged))
        return DryRun(tuple(self.problems), tuple(self.warnings), accounts, tuple(self.notes))

    def _attempt(self, work: Callable[[], Result]) -> Result | None:
        """The result; None for trouble, which is kept with the problems."""
        outcome = attempt(work)
        if isinstance(outcome, Trouble):
            self.problems.append(outcome)
            return None
        return outcome

    def _inspect(self) -> Inspected:
        with self._engine(spill=False) as engine:
            return inspect_day(
                self.scratch,
                self.day,
                self.terms.policy,
                self.terms.secret,
                engine,
                now=time.time(),
                interests=self.terms.catalogue.interests,
                decisions=treatments(self.ledger),
                codings=self.codings,
                # That of the real home: copies of objects lie where those of a run do.
                raw=source_root(self.home),
            )

    def _count(self, intake: Intake) -> bool:
        """Eligibility and reach; whether both went through."""
        lost = unmatched(intake.objections, self.ledger)
        self._note("intake", intake_facts(intake, lost))
        arguments = (self.scratch, self.day, self.terms.policy, self.terms.secret)
        with self._engine(spill=True) as engine:
            people = self._attempt(lambda: find_eligible(engine, *arguments))
        if people is None:
            return False
        self._note("eligibility", {"account": account_facts(people.account)})
        with self._engine(spill=True) as engine:
            reach = self._attempt(lambda: count_reach(engine, *arguments))
        if reach is None:
            return False
        self._note("reach", {"account": account_facts(reach.account), "tables": reach.tables})
        self.notes.append(
            f"{people.people:,} people count, {reach.tables:,} campaign(s) have a table."
        )
        return True

    def _publish(self, *, privileged: bool) -> None:
        """What publication asks before it writes."""
        home, ledger, period = self.home, self.ledger, Period("day", self.day)
        if released(home, ledger, self.terms.secret, CAMPAIGN_DAY.kind, period):
            self.notes.append("The day is already released: a run verifies it and changes nothing.")
            return
        counted = load_counted(self.scratch, self.day, self.terms.catalogue)
        if not counted:
            self.notes.append("No campaign runs on this day: there is nothing to release.")
            return
        self._compare()
        if privileged:
            checked = self._attempt(lambda: self._foresee(counted))
            if checked:
                self.notes.append(_named(checked))
            return
        days = self.terms.policy.promise.near_days
        self._attempt(lambda: near_history(home, ledger, CAMPAIGN_DAY, period, days))
        self._attempt(lambda: earlier_releases(home, ledger, CAMPAIGN_DAY, period))

    def _compare(self) -> None:
        """Compare the day with the released days before it."""
        odd = implausible(self.scratch, self.day, self.terms.policy.plausibility, self.home)
        if not odd:
            return
        state = state_of(self.scratch, self.ledger, self.day, odd, self.terms.policy.roles)
        if state.is_complete:
            self.warnings += [f"implausible but accepted: {deviation}" for deviation in odd]
            return
        held = Held("implausible", explained(self.scratch, self.day, odd, state))
        self.problems.append(trouble_of(held))

    def _foresee(self, counted: Sequence[Counted]) -> Checked:
        try:
            terms, day = self.terms, self.day
            return foresee(self.home, self.scratch, self.ledger, terms, day, counted).checked
        except PermissionError:
            text = "this account may not read private/; leave out --privileged"
            raise Held("private", text) from None

    def _quarantined(self) -> list[Warned]:
        """What was set aside, by file, column and reason, with the first rows."""
        path = self.scratch.working_file("quarantine", self.day)
        rows = pq.read_table(path, partitioning=None).to_pylist() if path.is_file() else []
        rows_at: dict[tuple[str, str, str, str], list[int]] = {}
        for row in rows:
            place = (row["raw_table"], row["reason"], row["file"], row["column"])
            rows_at.setdefault(place, []).append(row["row_number"])
        return [
            Warned(
                table,
                f"quarantined:{reason}",
                len(numbers),
                file,
                (column,) if column else (),
                tuple(sorted(numbers)[: command_limits.EXAMPLES]),
            )
            for (table, reason, file, column), numbers in sorted(rows_at.items())
        ]

    def _note(self, stage: str, facts: Mapping[str, object]) -> None:
        journal.write(self.scratch, journal.JournalEntry(stage, self.day, 0.0, facts=facts))

    @contextmanager
    def _engine(self, *, spill: bool) -> Iterator[Engine]:
        """As of a run. What spills goes into the scratch folder; raw values never spill."""
        effort = self.terms.policy.effort
        folder = self.scratch.root / "spill"
        folder.mkdir(exist_ok=True)
        with DuckDB(
            memory_megabytes=effort.memory_megabytes,
            threads=effort.threads,
            spill=folder if spill else None,
        ) as engine:
            yield engine


def _named(checked: Checked) -> str:
    """How many named segments have a figure; nothing about single ones."""
    named = list(checked.catalogue.named)
    with_figure = sum(int(np.isin(table.segments, named).sum()) for table in checked.figures)
    tables = len(checked.figures)
    return (
        f"{with_figure:,} of {len(named) * tables:,} named segments would be published "
        f"({len(named)} in each of {tables:,} table(s))."
    )


def _unread_lines(inspected: Inspected) -> list[str]:
    """Rows of requests and consents that nobody has decided about, by table."""
    rows = sorted(row.table for row in inspected.unread)
    return [
        f"{len(list(of_table)):,} row(s) of {name} cannot be read (audience rights review)."
        for name, of_table in groupby(rows)
    ]
