"""Where the history of releases is kept."""

import os
from datetime import date

from anonymizer.home import Home
from anonymizer.ledger import Entry, Ledger
from anonymizer.periods import Period
from anonymizer.release_folder import release_id


def open_ledger(home: Home) -> Ledger:
    """The ledger at `$AUDIENCE_LEDGER` (any SQLAlchemy URL), the home's SQLite file without it."""
    return Ledger.open(os.environ.get("AUDIENCE_LEDGER") or home.ledger)


def released_days(ledger: Ledger) -> frozenset[date]:
    """The local days whose campaign tables have been released. Raises LedgerBroken."""
    prefix = _release_of(date.min).removesuffix(date.min.isoformat())
    return frozenset(
        date.fromisoformat(entry.subject.removeprefix(prefix))
        for entry in ledger.releases()
        if entry.subject.startswith(prefix)
    )


def release_of(ledger: Ledger, day: date) -> Entry | None:
    """The ledger's entry on the campaign tables of a day, if they were released."""
    return ledger.find_release(_release_of(day))


def _release_of(day: date) -> str:
    return release_id("campaign", Period("day", day))
