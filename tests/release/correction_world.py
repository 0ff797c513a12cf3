"""The small world's day, released from wrong input and corrected; run by tests and by children."""

from collections.abc import Mapping, Sequence

from release_world import (
    AUTUMN,
    DAY,
    OTHERS,
    SECRET,
    SPRING,
    Kind,
    count,
    facts,
    recheck,
    release,
)

from anonymizer.exports.database_growth import update_database
from anonymizer.exports.export_folders import write_exports
from anonymizer.model.periods import Period
from anonymizer.model.roles import Roles
from anonymizer.model.series import CAMPAIGN_DAY, edition_of
from anonymizer.model.tables import Counted
from anonymizer.release.corrections import CorrectionOrder, Who, editions, record_order
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_release, publish
from anonymizer.storage.home import Home

FIRST, SECOND, THIRD = (f"campaign-day-2026-11-22{mark}" for mark in ("", "~2", "~3"))
REASON = "Births of a third of the profiles could not be read"
NOBODY = Who(Roles(), "engineer")
People = Mapping[str, Mapping[Kind, int]]
RIGHT: People = {"autumn": AUTUMN, "spring": SPRING}
# Of spring a third is missing, of autumn nobody.
WRONG: People = {
    "autumn": AUTUMN,
    "spring": {kind: people - people // 3 for kind, people in SPRING.items()},
}
FROM = {"autumn": OTHERS, "spring": 0}


def tables(people: People, edition: int = 1) -> list[Counted]:
    """Both campaigns of the day, as counted for an edition."""
    return [
        count(name, people[name], DAY, FROM[name], edition=edition) for name in ("autumn", "spring")
    ]


def release_wrong(home: Home, people: People = WRONG) -> None:
    """The first release with its exports, and the database."""
    release(home, DAY, counted=tables(people))
    finish(home)


def order(
    home: Home, release_id: str = FIRST, who: Who = NOBODY, reason: str = REASON
) -> CorrectionOrder:
    """The order of a correction."""
    return record_order(release_id, reason, home, Ledger.open(home.ledger), SECRET, who)


def correct(
    home: Home, people: People = RIGHT, ordered: CorrectionOrder | None = None
) -> CorrectionOrder:
    """Everything that follows from the command, but for the counting."""
    wanted = ordered or order(home)
    ledger = Ledger.open(home.ledger)
    passed = recheck(home, ledger, tables(people, edition_of(wanted.release)))
    publish(passed, facts(), home, ledger, SECRET)
    finish(home)
    return wanted


def finish(home: Home) -> None:
    """Exports of every edition, the newest first, and the database."""
    ledger = Ledger.open(home.ledger)
    known = editions(ledger.entries(), CAMPAIGN_DAY, Period("day", DAY))
    for entry in reversed(known):
        write_exports(load_release(home, ledger, entry.subject), home, ledger, SECRET)
    update_database(home, ledger)


def sets_of(people: People, subject: str) -> Mapping[Kind, frozenset[tuple[Kind, int]]]:
    """The very people of each kind, by their numbers."""
    first = FROM[subject]
    return {
        kind: frozenset((kind, number) for number in range(first, first + wanted))
        for kind, wanted in people[subject].items()
    }


def moved(people: People, subject: str, changes: Sequence[int]) -> People:
    """So many people more or fewer of each kind of a subject, in the order of kinds."""
    kinds = people[subject]
    more = {
        kind: max(wanted + change, 0)
        for (kind, wanted), change in zip(kinds.items(), changes, strict=True)
    }
    return {**people, subject: more}
