"""Held days as Dagster shows them: a failed check with a table; and read back from its events."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import dagster as dg

from anonymizer.storage.home import Home
from pipelines.checks.verdicts import CheckVerdict
from pipelines.messages.metadata import counts_table
from pipelines.messages.trouble import Trouble
from pipelines.stages import journal

NOT_HELD = "not_held"
_UNTRIED = Trouble("not_ready", "this stage has not been tried", 4)


@dataclass(frozen=True)
class HeldDay:
    """A day that did not get through, and why."""

    day: date
    trouble: Trouble


def verdict_on(entry: journal.JournalEntry) -> CheckVerdict:
    """Whether a day got through a stage; if not, the table that says why."""
    if entry.trouble is None:
        return CheckVerdict(passed=True, metadata={"seconds": entry.seconds})
    return CheckVerdict(passed=False, metadata=held_metadata([HeldDay(entry.day, entry.trouble)]))


def judge_entry(home: Home, stage: str, day: date) -> CheckVerdict:
    """The same as of the last run of the day."""
    entry = journal.read(home, stage, day)
    return verdict_on(entry or journal.JournalEntry(stage, day, 0.0, trouble=_UNTRIED))


def held_metadata(held: Sequence[HeldDay]) -> dict[str, Any]:
    """A table for people, and the same for programs."""
    lines = [
        (one.day.isoformat(), one.trouble.stage, one.trouble.code, one.trouble.message)
        for one in held
    ]
    records = [{"day": one.day.isoformat(), **asdict(one.trouble)} for one in held]
    return {
        "days_held": counts_table(("day", "stage", "code", "what happened"), lines),
        "held": dg.MetadataValue.json(records),
    }


def held_days(evaluations: Iterable[dg.AssetCheckEvaluation]) -> list[HeldDay]:
    """What the checks of a run say about the days that it held, in order of days."""
    found: dict[str, HeldDay] = {}
    for one in evaluations:
        said = one.metadata.get("held") if one.check_name == NOT_HELD else None
        if isinstance(said, dg.JsonMetadataValue) and isinstance(said.data, list):
            for record in said.data:
                day, trouble = record["day"], {k: v for k, v in record.items() if k != "day"}
                found.setdefault(day, HeldDay(date.fromisoformat(day), Trouble(**trouble)))
    return [found[day] for day in sorted(found)]


def summary(verdicts: Mapping[str, CheckVerdict]) -> dict[str, Any]:
    """The tables of all held days of a range as one."""
    records = [
        record
        for verdict in verdicts.values()
        if "held" in verdict.metadata
        for record in verdict.metadata["held"].data
    ]
    held = [
        HeldDay(date.fromisoformat(one.pop("day")), Trouble(**one)) for one in map(dict, records)
    ]
    return held_metadata(held) if held else {}
