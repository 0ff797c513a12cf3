"""The plausibility gate of a day: what it is compared with, and whether somebody accepted it.

It stands in publication, before the first byte is written. An acceptance is bound to the raw files
that were taken in: after another delivery it no longer counts. While the policy names roles it
takes two logins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from anonymizer.intake.contract import TABLES
from anonymizer.intake.plausibility import Deviation, Measures, Remarks, deviations, measures_of
from anonymizer.intake.quarantine import Frequent, most_frequent, of_table, read_pointers
from anonymizer.model.errors import Held, first_few
from anonymizer.model.policy import Plausibility, Policy
from anonymizer.model.roles import Roles
from anonymizer.release.acceptances import (
    AcceptanceState,
    acceptance_state,
    acceptance_subject,
    who_accepts,
)
from anonymizer.release.ledger import Ledger
from anonymizer.release.settings_change import roles_in_force
from anonymizer.storage.home import Home
from pipelines import run_limits
from pipelines.stages import journal
from pipelines.stages.accounts import read_account

DIGITS_OF_FILES = 16  # of the digest of a day's files; fewer do not tell deliveries apart


def implausible(
    home: Home, day: date, limits: Plausibility, released: Home | None = None
) -> tuple[Deviation, ...]:
    """What is odd about a day that was taken in and counted; nothing where it is switched off.

    The days before are those of `released`, where a day was counted in a folder of its own.
    """
    today = _measures(home, day) if limits.enabled else None
    if today is None:
        return ()
    past = released or home
    days = [day - timedelta(days=back) for back in range(1, 7 * limits.weeks + 1)]
    before = [_measures(past, earlier) for earlier in days if _was_published(past, earlier)]
    return deviations(today, [measures for measures in before if measures], limits)


def require_plausible(home: Home, ledger: Ledger, day: date, approved: Policy) -> str:
    """The subject of the acceptance that a day is released under; empty for a plausible day.

    Raises Held `implausible` for one that nobody has accepted with all measures that are odd now.
    """
    odd = implausible(home, day, approved.plausibility)
    if not odd:
        return ""
    state = state_of(home, ledger, day, odd, approved.roles)
    if not state.is_complete:
        raise Held("implausible", explained(home, day, odd, state))
    return state.subject


def state_of(
    home: Home, ledger: Ledger, day: date, odd: Sequence[Deviation], today: Roles
) -> AcceptanceState:
    """How far a day is accepted, as its files were taken in last; `today` are the file's roles."""
    entries, measures = ledger.entries(), [one.measure for one in odd]
    roles = roles_in_force(entries, today)
    return acceptance_state(entries, roles, subject_of(home, day), measures)


def explained(
    home: Home, day: date, odd: Sequence[Deviation], state: AcceptanceState | None = None
) -> str:
    """One line a measure, where to look, and what to do. Counts, files and rows; never a value."""
    lines = [
        f"  - {deviation}{''.join(map(str, causes(home, day, deviation)))}" for deviation in odd
    ]
    return (
        f"{len(odd)} measure(s) of {day} are out of their limits, so nothing is released:\n"
        + "\n".join(lines)
        + "\nDeliver the files again and run the day again; or, if the day is right, "
        + next_step(home, day, state or AcceptanceState(1))
    )


def next_step(home: Home, day: date, state: AcceptanceState) -> str:
    """Who accepts a held day, and with which command; no login is named."""
    if state.needed == 1:
        return f'release it with: audience accept --day {day} --reason "..."'
    if state.logins < state.needed:
        return (
            f"two logins with the role {who_accepts()} accept it, but the roles in force name "
            f"{state.logins}: name another login under roles in policy.yaml, and have it approved "
            "with: audience policy approve"
        )
    digest = digest_of(home, day)[:DIGITS_OF_FILES]
    command = f'audience accept --day {day} --digest {digest} --reason "..."'
    if not state.firsts:
        return f"two logins with the role {who_accepts()} accept it, each with: {command}"
    first = state.firsts[-1].body
    return (
        f"another login with the role {who_accepts()} accepts the same files with: {command}\n"
        f"One of two has accepted them on {first['accepted_on']} by role {first['role']}, reason: "
        f"{first['reason']}"
    )


def digest_of(home: Home, day: date) -> str:
    """What stands for the raw files that a day was taken in from last."""
    return subject_of(home, day).split()[1]


def subject_of(home: Home, day: date) -> str:
    """What an acceptance of the day is about, as its files were taken in last."""
    entry = journal.read(home, "intake", day)
    return acceptance_subject(day, entry.facts.get("inputs", {}) if entry else {})


def _measures(home: Home, day: date) -> Measures | None:
    """The measures of a day by the journal; None for one that did not get as far as counting."""
    intake, people, reach = (
        journal.read(home, stage, day) for stage in ("intake", "eligibility", "reach")
    )
    if not (intake and people and reach) or intake.trouble or people.trouble or reach.trouble:
        return None
    raw = {name: read_account(facts) for name, facts in intake.facts["accounts"].items()}
    return measures_of(
        day,
        raw,
        read_account(people.facts["account"]),
        read_account(reach.facts["account"]) if reach.facts.get("tables", 1) else None,
        Remarks(*(intake.facts.get(name, {}) for name in ("unmapped", "people", "ignored"))),
    )


def _was_published(home: Home, day: date) -> bool:
    entry = journal.read(home, "publication", day)
    return entry is not None and not entry.trouble


@dataclass(frozen=True)
class CauseLocation:
    """Where to look for the cause of a deviation: a file, a column, and rows if any are bad."""

    file: str
    column: str = ""
    rows: tuple[int, ...] = ()
    quarantined: Frequent | None = None

    def __str__(self) -> str:
        if self.quarantined:
            return f"\n      {self.quarantined}"
        if not self.rows:
            return f"; files: {self.file}"
        listed = ", ".join(map(str, self.rows))
        return f"\n      {self.file}, column {self.column}: for example row {listed}"


def causes(home: Home, day: date, deviation: Deviation) -> list[CauseLocation]:
    """The files that a measure is about, and rows to look at where rows are quarantined."""
    table, _, reason = deviation.measure.partition(": ")
    if reason == "quarantined":
        found = most_frequent(of_table(read_pointers(home, day), table))
        return [CauseLocation(one.file, one.column, one.examples, one) for one in found]
    entry = journal.read(home, "intake", day)
    facts = entry.facts if entry else {}
    tables = [name for name in TABLES if f"raw/{name}" in deviation.look_at]
    if warned := [
        CauseLocation(
            one["file"], ", ".join(one["columns"]), tuple(one["rows"][: run_limits.EXAMPLES])
        )
        for one in facts.get("warnings", ())
        if one["code"] == reason and one["table"] in {table, *tables} and one["rows"]
    ]:
        return warned[: run_limits.EXAMPLES]
    inputs = facts.get("inputs", {})
    files = sorted(name for name in inputs if name.split("/")[0] in tables)
    column, named, _ = deviation.look_at.partition(" in raw/")
    return [CauseLocation(first_few(files), column if named else "")] if files else []
