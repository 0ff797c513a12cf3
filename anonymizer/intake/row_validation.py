"""Judges the rows of one batch and strips them of everything that identifies.

What comes back holds keyed hashes, codes and dates; the raw values end in this step, in
memory.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.intake.addresses import canonical_urls
from anonymizer.intake.batches import RawBatch, RowFault
from anonymizer.intake.contract import PART_COLUMNS, RawTable
from anonymizer.intake.intake_keys import IntakeKeys
from anonymizer.intake.normalisation import BLANKS, Normaliser
from anonymizer.intake.parted_campaigns import load_parts
from anonymizer.intake.vocabulary import EARLIEST, LATEST, LONGEST_NAME, OLDEST_AGE
from anonymizer.model.campaign_parts import OTHER
from anonymizer.model.policy import Policy
from anonymizer.storage.engine import Engine

# Of the accepted campaigns, what their links are listed by.
LINK_COLUMNS = ["campaign_id", "link_url", "starts_on", "ends_on", "excluded"]


@dataclass(frozen=True)
class ValidatedBatch:
    """The sound rows of a batch (`claims`) and pointers to the others.

    `unread` are the rows of requests and consents among the others whose person is known.
    """

    claims: pa.Table
    faults: list[RowFault]
    unread: pa.Table | None = None


class RowValidator:
    """Judges batches for one day. For visits, `list_links` has to be called before."""

    def __init__(self, engine: Engine, day: date, policy: Policy, keys: IntakeKeys) -> None:
        self._engine, self._day = engine, day
        self._normaliser = Normaliser(engine, policy, keys)
        self._zone = ZoneInfo(policy.timing.timezone)
        load_parts(engine, policy.campaign_parts, day)
        self._facts: dict[str, Any] = {
            "content_key": keys.content,
            "request_key": keys.request,
            "visit_key": keys.visit,
            "day": day,
            "late_before": day - timedelta(days=policy.timing.late_days),
            "purged_before": _years_before(day, policy.retention.closed_years),
            "zone": policy.timing.timezone,
            "earliest": EARLIEST,
            "latest": LATEST,
            "oldest_age": OLDEST_AGE,
            "longest_name": LONGEST_NAME,
            "blanks": BLANKS,
            "other_part": OTHER,
        }

    def judge(self, batch: RawBatch, table: RawTable, arrival: date | None) -> ValidatedBatch:
        """Judge the rows of a batch that arrived on `arrival`, as of the day."""
        assessed = self.assess(batch, table, arrival)
        return replace(assessed, claims=self.as_of_day(assessed.claims, table))

    def as_of_day(self, claims: pa.Table, table: RawTable) -> pa.Table:
        """What assessed claims are on the day."""
        if not table.dating:
            return claims
        self._engine.load("assessed", claims)
        parameters = {name: self._facts[name] for name in table.dating}
        dated = self._engine.fetch(f"date_{table.name}", parameters)
        self._engine.drop("assessed")
        return dated

    def assess(self, batch: RawBatch, table: RawTable, arrival: date | None) -> ValidatedBatch:
        """Judge the rows of a batch, for whatever day where `as_of_day` has to be called after."""
        readable = self._normaliser.normalise(batch, table)
        facts = self._facts | self._arrival_facts(arrival)
        self._engine.load("raw_rows", _with_part_columns(readable.rows, table))
        if table.name == "campaigns":
            self._split(readable.rows.column("link_url"))
        elif table.name == "visits":
            self._split(readable.rows.column("url"))
            self._engine.create("matches", "match_campaigns")
            self._engine.create(
                "accessed",
                "choose_campaigns",
                {name: facts[name] for name in ("day", "zone", "arrival", "late_before")},
            )
        judged = self._engine.fetch(
            f"accept_{table.name}", {name: facts[name] for name in table.parameters}
        )
        for relation in ("raw_rows", "url_parts", "matches", "accessed"):
            self._engine.drop(relation)
        sound = pc.is_null(judged["fault"])
        rejected = judged.filter(pc.invert(sound))
        faults = readable.faults + _faults(rejected)
        unread = None
        if table.objections:
            unread = rejected.filter(pc.is_valid(rejected["person_key"]))
        return ValidatedBatch(judged.filter(sound).drop_columns("fault"), faults, unread)

    def list_links(self, standing: pa.Table) -> None:
        """Remember the links of the accepted campaigns, which are among those that stand."""
        self._engine.load("standing", standing)
        self._split(standing["link_url"].filter(pc.is_null(standing["excluded"])))
        self._engine.create("links", "list_links")
        for relation in ("standing", "url_parts"):
            self._engine.drop(relation)

    def _split(self, urls: pa.Array | pa.ChunkedArray) -> None:
        each = pc.unique(urls).drop_null()
        self._engine.load("urls", pa.table({"url": each, "canonical": canonical_urls(each)}))
        self._engine.create("url_parts", "split_urls")
        self._engine.drop("urls")

    def _arrival_facts(self, arrival: date | None) -> dict[str, Any]:
        if arrival is None:
            return {}
        midnight = datetime.combine(arrival + timedelta(days=1), time(), self._zone)
        return {"arrival": arrival, "arrival_end": midnight.astimezone(UTC)}


def _with_part_columns(rows: pa.RecordBatch, table: RawTable) -> pa.RecordBatch:
    """Visits with all columns that may divide campaigns: null where no rule reads one."""
    for name in PART_COLUMNS if table.name == "visits" else ():
        if name not in rows.schema.names:
            rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.string()))
    return rows


def _faults(rejected: pa.Table) -> list[RowFault]:
    faults = []
    numbers = rejected["row_number"].to_pylist()
    for number, fault in zip(numbers, rejected["fault"].to_pylist(), strict=True):
        column, reason = fault.split(" ")
        faults.append(RowFault(number, column, reason))
    return faults


def _years_before(day: date, years: int) -> date:
    """The same day of the year; 28 February for a 29th that is not there."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)
