"""The plausibility gate of a day: what it is compared with, and whether somebody accepted it.

It stands in publication, before the first byte is written. An acceptance is bound to the raw files
that were taken in: after another delivery it no longer counts.
"""

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta

import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer.errors import ConfigurationError, Fault, Held
from anonymizer.files import canonical_json
from anonymizer.home import Home
from anonymizer.ledger import Ledger
from anonymizer.permissions import account_name
from anonymizer.plausibility import Deviation, Measures, Remarks, deviations, measures_of
from anonymizer.policy import Plausibility
from anonymizer.public_ledger import check_public_ledger, write_public_ledger
from anonymizer.secret import Secret
from pipelines import journal
from pipelines.accounts import read_account

ACCEPTANCE = "acceptance"
_EXAMPLES = 5


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


def require_plausible(home: Home, ledger: Ledger, day: date, limits: Plausibility) -> None:
    """Let a day pass that is plausible or accepted. Raises Held `implausible` otherwise."""
    odd = implausible(home, day, limits)
    if not odd or ledger.find(ACCEPTANCE, acceptance_subject(home, day)):
        return
    raise Held("implausible", explained(home, day, odd))


def explained(home: Home, day: date, odd: Sequence[Deviation]) -> str:
    """One line a measure, where to look, and what to do. Counts, files and rows; never a value."""
    lines = [f"  - {deviation}{_examples(home, day, deviation)}" for deviation in odd]
    return (
        f"{len(odd)} measure(s) of {day} are out of their limits, nothing is released:\n"
        + "\n".join(lines)
        + "\nDeliver the files again and run the day again; or, if the day is right, release it "
        f'with: audience accept --day {day} --reason "..."'
    )


def accept(home: Home, ledger: Ledger, day: date, reason: str, limits: Plausibility) -> int:
    """Record that a held day is right as it was delivered; how many measures were odd.

    Raises ConfigurationError for a day that is not held as implausible, LedgerBroken for a ledger
    that is older than its public part.
    """
    odd = implausible(home, day, limits)
    if not odd:
        problem = f"{day} has not been taken in, or is plausible"
        raise ConfigurationError([Fault("--day", problem, f"audience run --from {day} --to {day}")])
    subject = acceptance_subject(home, day)
    if not ledger.find(ACCEPTANCE, subject):
        public = {"reason": reason, "measures": [deviation.measure for deviation in odd]}
        check_public_ledger(home, [entry.link for entry in ledger.entries()])
        # The digest of what is kept is public: without a salt, a login could be guessed from it.
        salt = Secret.load(home.secret).salt(f"{ACCEPTANCE} {subject}")
        ledger.append(ACCEPTANCE, subject, public, {"by": account_name(), "salt": salt})
        write_public_ledger(ledger, home)
    return len(odd)


def acceptance_subject(home: Home, day: date) -> str:
    """The day, and the digest of the raw files that it was taken in from."""
    entry = journal.read(home, "intake", day)
    inputs = entry.facts.get("inputs", {}) if entry else {}
    return f"{day} {hashlib.sha256(canonical_json(inputs).encode()).hexdigest()[:16]}"


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
        read_account(reach.facts["account"]),
        Remarks(*(intake.facts.get(name, {}) for name in ("unmapped", "people", "ignored"))),
    )


def _was_published(home: Home, day: date) -> bool:
    entry = journal.read(home, "publication", day)
    return entry is not None and not entry.trouble


def _examples(home: Home, day: date, deviation: Deviation) -> str:
    """Rows to look at, where the measure is about rows that were set aside."""
    table, _, reason = deviation.measure.partition(": ")
    if reason != "quarantined":
        return ""
    rows = pq.read_table(home.working_file("quarantine", day), partitioning=None)
    rows = rows.filter(pc.equal(rows["raw_table"], table)).slice(0, _EXAMPLES).to_pylist()
    places = [f"{row['file']} row {row['row_number']} ({row['reason']})" for row in rows]
    return f"; for example {', '.join(places)}" if places else ""
