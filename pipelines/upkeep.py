"""The end of a run: data that may not be kept goes, after everything is counted."""

from collections.abc import Sequence
from datetime import date

from anonymizer.erasure import carry_out_erasures
from anonymizer.home import Home
from anonymizer.ledger import Ledger
from anonymizer.retention import Report, purge_closed, record
from anonymizer.secret import Secret


def remove_what_may_not_stay(
    home: Home, days: Sequence[date], ledger: Ledger, secret: Secret
) -> Report | None:
    """Carry out new erasures and purge closed profiles, as of the days of a run.

    Returns what went, None when no day of the run has been taken in. Raises LedgerBroken, Busy or
    NoSpace.
    """
    taken = [day for day in days if home.working_file("requests", day).exists()]
    if not taken:
        return None
    closed = purge_closed(home, taken)
    erasure = carry_out_erasures(home, max(taken), ledger, secret)
    report = Report(min(days), closed_rows=closed, erased_rows=erasure.rows if erasure else {})
    record(home, report)
    return report
