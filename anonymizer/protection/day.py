"""All tables of a day, protected side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from anonymizer.parallel import Workers
from anonymizer.policy import Effort, Promise
from anonymizer.protection.suppression import Protected, protect
from anonymizer.secret import Secret
from anonymizer.segments import Catalogue
from anonymizer.tables import Counted

# An empty table takes as long as so many people more in another.
_LEAST_COST = 1_000


@dataclass(frozen=True)
class Terms:
    """What all tables of a day are protected under."""

    catalogue: Catalogue
    promise: Promise
    secret: Secret
    effort: Effort


def protect_tables(
    tables: Sequence[Counted], terms: Terms, workers: Workers
) -> tuple[Protected, ...]:
    """Each table as `protect` alone would leave it, in the order of the tables.

    Figures are the same whatever the number of processes. Raises what `protect` raises, and Held
    when a process is killed.
    """
    costs = [_LEAST_COST + int(table.people.sum()) for table in tables]
    return tuple(workers.results(_protected, terms, tables, costs))


def _protected(terms: Terms, counted: Counted) -> Protected:
    return protect(counted, terms.catalogue, terms.promise, terms.secret, terms.effort)
