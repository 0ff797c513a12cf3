"""The end of a run: data that may not be kept goes, after everything is counted."""

from collections.abc import Sequence
from datetime import date

from anonymizer.release.ledger import Ledger
from anonymizer.rights.erasure import carry_out_erasures
from anonymizer.rights.retention import Report, prune_states, purge_closed, record
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret


def purge_expired(
    home: Home, days: Sequence[date], ledger: Ledger, secret: Secret
) -> Report | None:
    """Carry out erasures, purge closed profiles and prune states, as of the days of a run.

    Returns what was removed, None when no day of the run has been taken in. Raises LedgerBroken,
    Busy or NoSpace.
    """
    taken = [day for day in days if home.working_file("requests", day).exists()]
    if not taken:
        return None
    forgotten = prune_states(home, ledger)
    closed = purge_closed(home, taken)
    erasure = carry_out_erasures(home, max(taken), ledger, secret)
    erased = erasure.rows if erasure else {}
    report = Report(min(days), outdated_files=forgotten, closed_rows=closed, erased_rows=erased)
    record(home, report)
    return report
