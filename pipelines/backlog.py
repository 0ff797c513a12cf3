"""What is still to be done: landed days that lack a release, its exports or their place in the
analysts' database."""

from datetime import date

from anonymizer.corrections import open_orders
from anonymizer.exports.writing import faulty_exports
from anonymizer.home import Home
from anonymizer.periods import Period
from anonymizer.policy import Policy
from anonymizer.series import CAMPAIGN_DAY, first_edition
from pipelines import journal
from pipelines.history import open_ledger, released_days
from pipelines.landing import has_begun, runnable_days


def unreleased_days(home: Home) -> list[date]:
    """Days that have landed with all of their late arrivals and are not released.

    Days before the first one are left out, and so are days on which no campaign ran.
    """
    released = released_days(open_ledger(home))
    landed = runnable_days(home, Policy.load(home.policy).timing)
    waiting = (day for day in landed if has_begun(day) and day not in released)
    return [day for day in waiting if not _has_nothing(home, day)]


def missing_days(home: Home) -> list[date]:
    """Unreleased days, ordered corrections, and days whose exports or database are not complete."""
    ledger = open_ledger(home)
    released = released_days(ledger)
    missing = unreleased_days(home)
    faulty = faulty_exports(home, ledger)
    ordered = {first_edition(order.release) for order in open_orders(ledger)}
    for day in released:
        first = CAMPAIGN_DAY.release_id(Period("day", day))
        if first in ordered or any(f"/{first}" in name for name in faulty):
            missing.append(day)
    if released and not home.database.exists() and not missing:
        missing.append(max(released))  # any run builds the whole database again
    return sorted(missing)


def _has_nothing(home: Home, day: date) -> bool:
    """Whether the day got through publication and there was no campaign to publish."""
    entry = journal.read(home, "publication", day)
    return (
        entry is not None
        and not entry.trouble
        and entry.facts.get("tables", entry.facts.get("campaigns")) == 0
    )
