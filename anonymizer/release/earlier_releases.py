"""The earlier releases that a new one is attacked together with.

Earlier is what stands before it in the ledger, so that a release that was lost and is made again
is judged by what it was judged by the first time, whatever has been released since. Withdrawn and
corrected releases count: their readers have not forgotten them. Of a correction the earlier
editions of its own period are among them.
"""

from collections.abc import Mapping

from anonymizer.audit.history.related_releases import related
from anonymizer.model.errors import Held
from anonymizer.model.periods import Period
from anonymizer.model.series import Series, first_edition
from anonymizer.release.ledger import Entry, Ledger
from anonymizer.release.release import Release, read_release
from anonymizer.storage.home import Home


def bearing(
    ledger: Ledger, series: Series, period: Period, edition: int = 1
) -> Mapping[int, Entry]:
    """The ledger's entries of what bears on the release of a period, by their numbers, in order.

    All editions of it.
    """
    own = series.release_id(period, edition)
    wanted = {*related(series, period), first_edition(own)}
    found = {}
    for number, entry in enumerate(ledger.releases(), start=1):
        if entry.subject == own:
            break
        if first_edition(entry.subject) in wanted:
            found[number] = entry
    return found


def earlier_releases(
    home: Home, ledger: Ledger, series: Series, period: Period, edition: int = 1
) -> tuple[Release, ...]:
    """What bears on the release of a period, in the order of the ledger, every byte checked.

    Raises LedgerBroken where a file is not as recorded, Held `release_lost` where a folder is
    gone.
    """
    before = bearing(ledger, series, period, edition)
    folders = {number: home.releases / entry.subject for number, entry in before.items()}
    lost = [place.name for place in folders.values() if not place.is_dir()]
    if lost:
        raise Held(
            "release_lost",
            f"{series.release_id(period, edition)} must be judged together with {len(lost)} "
            f"release(s) that are in the ledger but not in published/releases, first {lost[0]}; "
            "restore the folder from its backup or run its period again first",
        )
    return tuple(
        read_release(folders[number], number, entry.body["files"])
        for number, entry in before.items()
    )
