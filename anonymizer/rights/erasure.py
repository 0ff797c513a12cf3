"""Carries out erasures: what is derived from a person's raw data leaves the working files.

Intake already takes in nothing of who asked to be erased. What was taken in before the request
goes here, within the run that first knows of it, and the ledger keeps a proof: how many requests
and rows, and why released figures stay. Neither who it was nor when it was is public.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer.counting.working_rows import (
    count_people,
    days_with_people,
    days_with_visits,
    remove_people,
)
from anonymizer.model.periods import Period
from anonymizer.model.series import CAMPAIGN_DAY, SERIES
from anonymizer.release.ledger import Entry, Ledger
from anonymizer.release.public_ledger import write_public_ledger
from anonymizer.storage.files import write_bytes
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.secret import Secret

ERASURE = "erasure"
_WHOLE = tuple(series for series in SERIES if series != CAMPAIGN_DAY)
_COUNTS = ("reach", "overlaps")  # made of people, without their keys
_WHY_FIGURES_STAY = (
    "Released figures are final. Each counts a group of people and contains no id, name or row of "
    "any of them. A figure that changed after an erasure would reveal by subtraction who left."
)


@dataclass(frozen=True)
class Erasure:
    """What one run removed: requests carried out, rows by stage, days whose reach went.

    `reach_periods` are the weeks and months whose reach counted one of the people and went too.
    """

    requests: int
    rows: Mapping[str, int]
    reach_days: int
    reach_periods: int = 0


def carry_out_erasures(home: Home, day: date, ledger: Ledger, secret: Secret) -> Erasure | None:
    """Remove what is left of everybody whose erasure is new, as of the requests of `day`.

    Returns None when no request is new. A killed run leaves a plan, and the next one ends with
    the same proof. Raises LedgerBroken, Busy or NoSpace.
    """
    with exclusive(home):
        requests = _new_requests(home, day, ledger)
        if not requests.num_rows:
            shutil.rmtree(_plans(home), ignore_errors=True)
            return None
        people = pc.unique(requests["person_key"].combine_chunks())
        marks = sorted(key.hex() for key in requests["request_key"].to_pylist())
        subject = hashlib.sha256(secret.derive("erasure") + "".join(marks).encode()).hexdigest()[
            :32
        ]
        plan = _plan(home, subject, marks, people)
        for reached in plan["reach_days"]:
            for stage in _COUNTS:
                home.working_file(stage, date.fromisoformat(reached)).unlink(missing_ok=True)
        for path in _reach_of_periods(home, plan["reach_periods"]):
            path.unlink(missing_ok=True)
        remove_people(home, people)
        _prove(plan, subject, ledger, secret)
        write_public_ledger(ledger, home)
        shutil.rmtree(_plans(home), ignore_errors=True)
        return Erasure(
            len(marks), plan["rows"], len(plan["reach_days"]), len(plan["reach_periods"])
        )


def leftover_rows(home: Home, day: date) -> Mapping[str, int]:
    """Rows by stage of people whose erasure is known as of `day` and who are still there."""
    return count_people(home, pc.unique(_erasures(home, day)["person_key"].combine_chunks()))


def _new_requests(home: Home, day: date, ledger: Ledger) -> pa.Table:
    requests = _erasures(home, day)
    done = {mark for entry in _proofs(ledger) for mark in entry.body["requests"]}
    known = pa.array([bytes.fromhex(mark) for mark in sorted(done)], pa.binary())
    return requests.filter(pc.invert(pc.is_in(requests["request_key"], value_set=known)))


def _erasures(home: Home, day: date) -> pa.Table:
    path = home.working_file("requests", day)
    requests = pq.read_table(path, columns=["request_key", "person_key", "kind"], partitioning=None)
    return requests.filter(pc.equal(requests["kind"], "erase"))


def _proofs(ledger: Ledger) -> Sequence[Entry]:
    return [entry for entry in ledger.entries() if entry.kind == ERASURE]


def _plan(home: Home, subject: str, marks: Sequence[str], people: pa.Array) -> dict[str, Any]:
    """What is to be removed, counted before anything is; by a killed run if it came so far."""
    path = _plans(home) / f"{subject}.json"
    if path.exists():
        plan: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return plan
    days = [
        day for day in days_with_visits(home, people) if home.working_file("reach", day).exists()
    ]
    plan = {
        "requests": list(marks),
        "rows": dict(count_people(home, people)),
        "reach_days": [day.isoformat() for day in days],
        "reach_periods": [
            series.release_id(Period.of(series.period_kind, day))
            for series in _WHOLE
            for day in days_with_people(home, series.stage("people"), people)
            if home.working_file(series.stage("reach"), day).exists()
        ],
    }
    write_bytes((json.dumps(plan, indent=1) + "\n").encode(), path)
    return plan


def _reach_of_periods(home: Home, released: Sequence[str]) -> Iterator[Path]:
    """The files of counts that these releases were made of."""
    for series in _WHOLE:
        for release_id in released:
            if release_id.startswith(f"{series.id}-"):
                period = Period.from_id(release_id.removeprefix(f"{series.id}-"))
                for stage in _COUNTS:
                    yield home.working_file(series.stage(stage), period.end)


def _prove(plan: Mapping[str, Any], subject: str, ledger: Ledger, secret: Secret) -> None:
    releases = ledger.releases()
    ledger.append(
        ERASURE,
        subject,
        None,
        {
            **plan,
            "released_before": releases[-1].subject if releases else None,
            "why_released_figures_stay": _WHY_FIGURES_STAY,
            "salt": secret.salt(f"{ERASURE} {subject}"),
        },
    )


def _plans(home: Home) -> Path:
    return home.private / "erasures"
