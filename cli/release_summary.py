"""What has been released: proved as it was recorded, and a few of many lines."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from anonymizer.exports.verification import VerifiedFolder, verify_links
from anonymizer.model.errors import Held
from anonymizer.release.ledger import Ledger
from anonymizer.release.public_ledger import check_public_ledger, is_behind
from anonymizer.release.publication import require_releases
from anonymizer.storage.home import Home

Line = TypeVar("Line")


def verify_published(home: Home, ledger: Ledger) -> VerifiedFolder:
    """Prove the chain, its public part, and every published file by the ledger itself.

    What an interrupted run left to the next one is named and is no fault. Raises LedgerBroken or
    Held, naming the files that are not as they were published.
    """
    links = [entry.link for entry in ledger.entries()]
    check_public_ledger(home, links)
    require_releases(home, ledger)
    proved = verify_links(home.published, links)
    if is_behind(home, links):
        behind = f"{home.public_ledger.name} lacks the newest entries"
        return replace(proved, unfinished=(behind, *proved.unfinished))
    return proved


def require_finished(home: Home, ledger: Ledger) -> None:
    """Raise Held while a run has left something to seal, and as `verify_published` does."""
    verify_published(home, ledger)
    links = [entry.link for entry in ledger.entries()]
    if unfinished := verify_links(home.published, links).unfinished:
        raise Held(
            "exports_unfinished",
            f"{unfinished[0]}: it has to be finished with the key that it was begun with; run: "
            "audience backfill",
        )


def spread(lines: Sequence[Line], limit: int) -> list[Line]:
    """At most `limit` lines, evenly spread."""
    if len(lines) <= limit:
        return list(lines)
    return [lines[position * len(lines) // limit] for position in range(limit)]
