"""What a plain `HAVING count(distinct person) >= k` would have published, and disclosed."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from anonymizer.audit.subtraction import Subtraction
from anonymizer.counting.reach import load_counted_series
from anonymizer.feasible.totals import segment_totals
from anonymizer.model.segments import Catalogue
from anonymizer.model.series import first_edition
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_releases
from anonymizer.release.release import PUBLISHED, Release
from anonymizer.storage.home import Home
from pipelines.resources.release_history import catalogue_of


@dataclass(frozen=True)
class Disclosures:
    """The figures of some tables, and what additions and subtractions disclose from them.

    `small` counts suppressed segments that are shown to have fewer than `inference_k` people, zero
    included, `exact` those of them that are not empty and whose exact number is shown, `tables` the
    tables in which there is one of `small`.
    """

    figures: int = 0
    small: int = 0
    exact: int = 0
    tables: int = 0

    def __add__(self, other: "Disclosures") -> "Disclosures":
        names = [field.name for field in fields(self)]
        return Disclosures(*(getattr(self, name) + getattr(other, name) for name in names))


@dataclass(frozen=True)
class NaiveComparison:
    """A plain HAVING and the release, over the same counts.

    `both` is how many segments have a figure in both.
    """

    tables: int = 0
    both: int = 0
    naive: Disclosures = Disclosures()
    released: Disclosures = Disclosures()

    def __add__(self, other: "NaiveComparison") -> "NaiveComparison":
        return NaiveComparison(
            self.tables + other.tables,
            self.both + other.both,
            self.naive + other.naive,
            self.released + other.released,
        )


def compare(home: Home, ledger: Ledger) -> NaiveComparison:
    """Both ways over every released table whose counts are still kept in `private/`.

    Each release under the promise and with the segments that it was made with. Raises Held when
    these are no longer known, LedgerBroken for a release that is not as recorded.
    """
    every, subtractions = NaiveComparison(), dict[str, Subtraction]()
    for release in _releases(home, ledger):
        catalogue = catalogue_of(home, ledger, release)
        subtraction = subtractions.setdefault(catalogue.digest, Subtraction(catalogue))
        figures = _figures(release, catalogue)
        for table in load_counted_series(home, release.series, release.period, catalogue):
            if (own := figures.get(table.key.subject_id)) is not None:
                people = segment_totals(catalogue, table.people)
                every += _of_table(release, subtraction, people, own)
    return every


def _releases(home: Home, ledger: Ledger) -> list[Release]:
    """The newest release of each period whose counts are still there."""
    newest = {first_edition(one.id): one for one in load_releases(home, ledger)}
    return [
        one
        for one in newest.values()
        if home.working_file(one.series.stage("reach"), one.period.end).is_file()
    ]


def _figures(release: Release, catalogue: Catalogue) -> dict[str, dict[int, int]]:
    """Of each subject the published people by row of the catalogue."""
    figures: dict[str, dict[int, int]] = {subject.id: {} for subject in release.subjects}
    for row in release.figures.to_pylist():
        if row["status"] == PUBLISHED:
            figures[row["subject_id"]][catalogue.positions[row["segment_id"]]] = row["people"]
    return figures


def _of_table(
    release: Release,
    subtraction: Subtraction,
    people: NDArray[np.int64],
    figures: Mapping[int, int],
) -> NaiveComparison:
    promise = release.promise
    plain = np.flatnonzero(people >= promise.k)
    published = np.array(sorted(figures), dtype=np.intp)
    ranges = [release.range_of(figures[row]) for row in published.tolist()]
    low, high = np.array(ranges, dtype=np.int64).reshape(-1, 2).T
    small = promise.inference_floor
    return NaiveComparison(
        tables=1,
        both=len(np.intersect1d(plain, published)),
        naive=_disclosed(subtraction, plain, (people[plain], people[plain]), small),
        released=_disclosed(subtraction, published, (low, high), small),
    )


def _disclosed(
    subtraction: Subtraction,
    published: NDArray[np.intp],
    ranges: tuple[NDArray[np.int64], NDArray[np.int64]],
    small: int,
) -> Disclosures:
    low, high = subtraction.bounds(published, *ranges)
    suppressed = np.ones(len(low), dtype=bool)
    suppressed[published] = False
    found = suppressed & (high < small)
    exact = int((found & (low == high) & (low > 0)).sum())
    return Disclosures(len(published), int(found.sum()), exact, int(found.any()))
