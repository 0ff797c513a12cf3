"""What the next publication does first with what an interrupted one left, on its own."""

from anonymizer.release.ledger import Ledger
from anonymizer.release.public_ledger import write_public_ledger
from anonymizer.release.publication import _finish, _folders, _hold_if_lost
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive


def recover(home: Home, ledger: Ledger) -> tuple[str, ...]:
    """Finish or undo what an interrupted run left; returns the releases that it finished.

    Raises LedgerBroken when folders and ledger disagree, Held when a recorded release is lost
    and its period has to be run again.
    """
    with exclusive(home):
        before = _folders(home.releases)
        lost = _finish(home, ledger)
        write_public_ledger(ledger, home)
        _hold_if_lost(lost, ledger)
        return tuple(sorted(_folders(home.releases) - before))
