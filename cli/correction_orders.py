"""Correcting a released period: what has to be there for it, and which releases it leaves wrong."""

from datetime import date

from anonymizer.counting.inputs import inputs_missing
from anonymizer.exports.export_folders import faulty_exports
from anonymizer.exports.recorded_files import EXPORTS
from anonymizer.model.errors import Held, first_few
from anonymizer.model.periods import Period
from anonymizer.model.series import CAMPAIGN_DAY, SERIES, Series, first_edition
from anonymizer.model.windows import inputs_of
from anonymizer.release.corrections import (
    CorrectionOrder,
    Who,
    corrected,
    find_order,
    period_of,
    record_order,
)
from anonymizer.release.ledger import Ledger
from anonymizer.release.near_state import lost_state, state_file
from anonymizer.release.settings import applying, revisions
from anonymizer.release.settings_change import roles_in_force
from anonymizer.storage.home import Home
from pipelines.partitions.landed_days import runnable_days
from pipelines.resources.resources import Installation


def order_correction(installation: Installation, release_id: str, reason: str) -> CorrectionOrder:
    """Record a correction that can be made, so that runs of the period go on with it.

    One that was interrupted is returned. Raises ConfigurationError for a release that cannot be
    corrected, Held when its input, its groups or its exports are not there, LedgerBroken, Busy.
    """
    home, ledger, secret = installation.home, installation.ledger(), installation.secret()
    series, period = period_of(release_id)
    if unfinished := _unfinished(home, ledger, release_id, reason):
        return unfinished
    if ledger.find_release(release_id):
        _require_input(installation, series, period)
        _require_first_release(home, ledger, release_id)
    who = Who.runs(roles_in_force(ledger.entries(), installation.policy().roles))
    return record_order(release_id, reason, home, ledger, secret, who)


def containing_periods(installation: Installation, day: date, correction: str) -> tuple[str, ...]:
    """Ids of longer releases that were made with a day before its correction was released."""
    ledger = installation.ledger()
    known, entries = revisions(ledger), ledger.entries()
    since = ledger.find_release(correction)
    superseded = corrected(entries)
    found = []
    for entry in ledger.releases():
        series, period = period_of(entry.subject)
        if series == CAMPAIGN_DAY or entry.subject in superseded:
            continue
        revision = applying(known, period.start)
        policy = revision.meaning().policy if revision else installation.policy()
        used = inputs_of(series, period, policy.timing).days
        if day in used and (since is None or entry.sequence < since.sequence):
            found.append(entry.subject)
    return tuple(sorted(found, key=lambda name: SERIES.index(period_of(name)[0])))


def _unfinished(home: Home, ledger: Ledger, release_id: str, reason: str) -> CorrectionOrder | None:
    """The correction of a release that is released and not exported everywhere yet."""
    by = corrected(ledger.entries()).get(release_id)
    order = find_order(ledger, by) if by else None
    first = first_edition(release_id)
    if order and order.reason == reason and faulty_exports(home, ledger, first):
        return order
    return None


def _require_input(installation: Installation, series: Series, period: Period) -> None:
    """Refuse a period whose input is gone. Raises Held `missing_input`."""
    home, timing = installation.home, installation.terms(period).policy.timing
    if series == CAMPAIGN_DAY:
        if period.end in runnable_days(home, timing):
            return
        where = "raw/visits" + (" (with the days of late arrivals)" if timing.late_days else "")
        raise Held(
            "missing_input",
            f"the files of {period.id} are no longer in {where}; deliver the correct files again, "
            "then correct the release",
        )
    if missing := inputs_missing(home, series, period, timing):
        raise Held(
            "missing_input",
            f"{series.release_id(period)} needs the working data of {len(missing)} day(s) that no "
            f"longer exist: {first_few(missing)}. Run these days again while their files are in "
            "raw/ (audience run --from DAY --to DAY), then correct the release",
        )


def _require_first_release(home: Home, ledger: Ledger, release_id: str) -> None:
    """Refuse a release whose groups or exports are not there. Raises Held."""
    entry = ledger.find_release(release_id)
    if entry and lost_state(home, entry):
        raise Held(
            "near_state_lost",
            f"private/near/{state_file(home, release_id).name} is missing or differs from what "
            f"the ledger recorded, so a correction cannot be compared with {release_id}; restore "
            "the file from its backup",
        )
    if ledger.find(EXPORTS, release_id) is None:
        raise Held(
            "exports_unfinished",
            f"the exports of {release_id} were never finished; run its period again with: audience "
            "run, then correct it",
        )
