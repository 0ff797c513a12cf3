"""What a plain `HAVING count(distinct person) >= k` would have published, and given away."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymizer.audit.subtraction import Subtraction
from anonymizer.counting.reach import load_counted_series
from anonymizer.feasible.totals import segment_totals
from anonymizer.model.periods import Period
from anonymizer.model.policy import Promise
from anonymizer.model.segments import Catalogue
from anonymizer.model.series import SERIES, Series
from anonymizer.model.tables import Counted
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from pipelines.figures import read_protected


@dataclass(frozen=True)
class Given:
    """What is published of some tables, and the suppressed segments that it gives away.

    `small` counts suppressed segments that additions and subtractions show to be of 1 to
    `inference_k` - 1 people, `exact` those of them whose very number they show, `tables` the tables
    in which there are any.
    """

    figures: int = 0
    small: int = 0
    exact: int = 0
    tables: int = 0

    def __add__(self, other: "Given") -> "Given":
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Given(*(one + another for one, another in pairs))


@dataclass(frozen=True)
class NaiveComparison:
    """A plain HAVING and the release, over the same counts.

    `both` is how many segments have a figure in both.
    """

    tables: int = 0
    both: int = 0
    naive: Given = Given()
    released: Given = Given()

    def __add__(self, other: "NaiveComparison") -> "NaiveComparison":
        return NaiveComparison(
            self.tables + other.tables,
            self.both + other.both,
            self.naive + other.naive,
            self.released + other.released,
        )


def compare(home: Home, ledger: Ledger, catalogue: Catalogue, promise: Promise) -> NaiveComparison:
    """Both ways over every released table whose counts are still kept in `private/`."""
    every, subtraction = NaiveComparison(), Subtraction(catalogue)
    for series in SERIES:
        for period in _released(home, ledger, series):
            rows = read_protected(home, period.end, series)
            rows = rows.filter(pc.is_valid(rows["people"]))
            for table in load_counted_series(home, series, period, catalogue):
                own = rows.filter(pc.equal(rows["subject_id"], table.key.subject_id))
                every += _of_table(catalogue, table, own, promise, subtraction)
    return every


def _released(home: Home, ledger: Ledger, series: Series) -> Iterator[Period]:
    """The released periods of a series whose working data are still there."""
    for entry in ledger.releases():
        period = Period.from_id(entry.body["period"])
        of_series = period.kind == series.period_kind and entry.subject == series.release_id(period)
        if of_series and home.working_file(series.stage("protected"), period.end).is_file():
            yield period


def _of_table(
    catalogue: Catalogue,
    table: Counted,
    released: pa.Table,
    promise: Promise,
    subtraction: Subtraction,
) -> NaiveComparison:
    people = segment_totals(catalogue, table.people)
    plain = np.flatnonzero(people >= promise.k)
    rows = [catalogue.positions[name] for name in released["segment_id"].to_pylist()]
    ranges = [promise.range_of(figure) for figure in released["people"].to_pylist()]
    low, high = np.array(ranges, dtype=np.int64).reshape(-1, 2).T
    published = np.array(rows, dtype=np.intp)
    small = promise.inference_floor
    return NaiveComparison(
        tables=1,
        both=len(np.intersect1d(plain, published)),
        naive=_given(subtraction, plain, people[plain], people[plain], small),
        released=_given(subtraction, published, low, high, small),
    )


def _given(
    subtraction: Subtraction,
    published: NDArray[np.intp],
    lowest: NDArray[np.int64],
    highest: NDArray[np.int64],
    small: int,
) -> Given:
    low, high = subtraction.bounds(published, lowest, highest)
    suppressed = np.ones(len(low), dtype=bool)
    suppressed[published] = False
    found = suppressed & (low > 0) & (high < small)
    exact = int((found & (low == high)).sum())
    return Given(len(published), int(found.sum()), exact, int(found.any()))
