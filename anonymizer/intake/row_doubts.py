"""What holds a day for its rows, though all of them were read."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import pyarrow as pa

from anonymizer.intake.contract import TABLES
from anonymizer.intake.day_reader import DayReader
from anonymizer.intake.deduplication import DeduplicatedTable
from anonymizer.intake.intake_outcome import Warned
from anonymizer.intake.objections import require_decisions
from anonymizer.intake.quarantine import frequent_lines
from anonymizer.model.accounting import RowAccount
from anonymizer.model.errors import AudienceError, Held
from anonymizer.model.policy import Policy

# Shapes of a region that is not mapped, and what to do about them.
_OTHER_CODES = {
    "region_without_dot": "four digits without a dot: BPS (3171 is South Jakarta) or Kemendagri "
    "without dots (31.71 is Central Jakarta); declare which in policy.yaml, "
    "codings.region.scheme: kemendagri_without_dots, or bps with a mapping file",
    "region_as_number": "written as a number, which loses digits (11.1 may be 11.01 or 11.10); "
    "deliver region_code as text",
}


def doubts(
    run: DayReader, tables: Mapping[str, DeduplicatedTable], policy: Policy
) -> list[AudienceError]:
    """What holds a day for its rows, though all of them were read, the first first."""
    found: list[AudienceError] = [
        *_bad_shares(run.day, tables, policy.intake.max_quarantined_share)
    ]
    found += _other_coding(run.warnings, tables["profiles"], run.codings.most_other)
    try:
        require_decisions(run.unread, run.decisions)
    except Held as undecided:
        found.append(undecided)
    return found


def _bad_shares(day: date, tables: Mapping[str, DeduplicatedTable], most: float) -> Iterator[Held]:
    """Held `too_many_bad_rows` with all tables above the limit and what is wrong in them."""
    above = {
        name: deduplicated
        for name, deduplicated in tables.items()
        if TABLES[name].limited
        and sum(deduplicated.account.quarantined.values()) > most * deduplicated.account.read
    }
    if not above:
        return
    shares = "; ".join(_share(name, deduplicated.account) for name, deduplicated in above.items())
    pointers = pa.concat_tables([deduplicated.quarantine for deduplicated in above.values()])
    yield Held(
        "too_many_bad_rows",
        f"{shares}; the limit is {most:.0%} (intake.max_quarantined_share in policy.yaml). "
        f"{frequent_lines(pointers)}\nCorrect the source and deliver the files again. "
        f"All rows: audience quarantine --day {day}",
    )


def _share(table: str, account: RowAccount) -> str:
    bad = sum(account.quarantined.values())
    return f"{table}: {bad:,} of {account.read:,} rows quarantined ({bad / account.read:.0%})"


def _other_coding(
    warnings: Sequence[Warned], profiles: DeduplicatedTable, most: float
) -> Iterator[Held]:
    """Held `region_coding` when too many regions look like codes of another scheme.

    Another authority uses the same digits for another place: nothing is guessed.
    """
    others = [warned for warned in warnings if warned.code in _OTHER_CODES]
    read = profiles.account.counted - profiles.unstated["region_not_stated"]
    unlike = sum(warned.count for warned in others)
    if unlike and unlike > most * (read + unlike):
        kinds = dict.fromkeys(warned.code for warned in others)
        first = others[0]
        yield Held(
            "region_coding",
            f"{unlike:,} of {read + unlike:,} region codes of profiles belong to another scheme, "
            f"limit {most:.0%}, first in {first.file} row {first.rows[0]}: "
            + "; ".join(_OTHER_CODES[kind] for kind in kinds),
        )
