"""The earlier releases that a new one is attacked together with.

Earlier is what stands before it in the ledger, so that a release that was lost and is made again
is judged by what it was judged by the first time, whatever has been released since. Withdrawn
releases count: their readers have not forgotten them.
"""

from anonymizer.audit.history.related import related
from anonymizer.errors import Held
from anonymizer.home import Home
from anonymizer.ledger import Ledger
from anonymizer.periods import Period
from anonymizer.publishing import load_release
from anonymizer.release import Release
from anonymizer.series import Series


def earlier_releases(
    home: Home, ledger: Ledger, series: Series, period: Period
) -> tuple[Release, ...]:
    """What bears on the release of a period, in the order of the ledger, every byte checked.

    Raises LedgerBroken where a file is not as recorded, Held `release_lost` where a folder is
    gone.
    """
    wanted = related(series, period)
    own = series.release_id(period)
    before = []
    for entry in ledger.releases():
        if entry.subject == own:
            break
        if entry.subject in wanted:
            before.append(entry.subject)
    lost = [name for name in before if not (home.releases / name).is_dir()]
    if lost:
        raise Held(
            "release_lost",
            f"{own} has to be judged together with {len(lost)} release(s) that stand in the ledger "
            f"but not in published/releases, first {lost[0]}; restore the folder from its backup "
            "or run its period again first",
        )
    return tuple(load_release(home, ledger, name) for name in before)
