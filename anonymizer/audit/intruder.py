"""What an intruder knows of a published table: its file, its rules, and what else he has heard."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.audit.knowledge import Knowledge, Statements, from_source, published, understand
from anonymizer.audit.published_file import PublishedTable
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.totals import largest_segments
from anonymizer.model.segments import Catalogue


@dataclass(frozen=True)
class TableRules:
    """What the figures have to keep, and what the attacker is told of how they are made.

    `inference_k`: nobody may prove of a cell that it has fewer people; 0 forbids exact solution
    only. `floor` is the least published count, 1 if the attacker is not told. With
    `zeros_public` empty segments are published as 0: no secret, so that a withheld segment is
    known to have somebody in it.
    """

    inference_k: int
    floor: int = 1
    rounding: int = 1
    zeros_public: bool = False

    @property
    def k(self) -> int:
        """The lowest count that a figure can stand for."""
        return self.floor if self.floor > 1 else 0


@dataclass(frozen=True)
class Intruder:
    """Reads one table by the rules."""

    table: PublishedTable
    rules: TableRules

    def knowledge(self) -> Knowledge:
        """Everything: figures, rules and background."""
        return self._understand(self._figures() + self._background() + self._listed())

    def beforehand(self) -> Knowledge:
        """What he knows without the figures: background and the cells shown as zero."""
        return self._understand(self._background(), inhabited=False)

    def guess(self) -> Knowledge:
        """Everything, and that each withheld segment is below the floor."""
        said = self._figures() + self._background() + self._listed()
        return self._understand(said + self._guessed())

    def possible(self) -> Flags:
        """Atoms that may have people; with public zeros not those shown as zero."""
        possible = np.ones(self.table.catalogue.shape, dtype=bool)
        if self.rules.zeros_public:
            for segment in self.table.published[self.table.people == 0].tolist():
                possible[_box(self.table.catalogue, segment)] = False
        return possible

    def _understand(self, said: Statements, *, inhabited: bool = True) -> Knowledge:
        possible = self.possible()
        no_cells = np.zeros_like(possible)
        certain = self._inhabited(possible) if inhabited else no_cells
        return understand(self.table.name, self.table.catalogue, said, possible, certain)

    def _inhabited(self, possible: Flags) -> Flags:
        """Withheld atoms of which it is known that they are not empty."""
        inhabited = np.zeros_like(possible)
        if self.rules.zeros_public:
            catalogue = self.table.catalogue
            for segment in self.table.withheld[atoms(catalogue, self.table.withheld)].tolist():
                inhabited[_box(catalogue, segment)] = True
        return inhabited & possible

    def _figures(self) -> Statements:
        public = self.table.people > 0 if self.rules.zeros_public else slice(None)
        return published(self.table.published[public], self.table.people[public], self.rules)

    def _background(self) -> Statements:
        people = self.table.known_people
        source = from_source("known", len(people))
        return Statements(self.table.known, people, people, people, source)

    def _listed(self) -> Statements:
        """Withheld segments known to have somebody, where their withheld atoms do not say it."""
        if not self.rules.zeros_public:
            return _nothing_said()
        possible, catalogue = self.possible(), self.table.catalogue
        inhabited, covered = self._inhabited(possible), self._covered()
        segments = [
            segment
            for segment in self.table.withheld.tolist()
            if not inhabited[box := _box(catalogue, segment)].any()
            and (covered | ~possible)[box].all()
            and possible[box].any()
        ]
        ones = np.ones(len(segments), dtype=np.int64)
        everybody = self._figures().highest.sum() + self.table.known_people.sum()
        most = ones * int(everybody)
        rows, source = np.array(segments, dtype=np.int32), from_source("listed", len(ones))
        return Statements(rows, ones, ones, np.maximum(most, ones), source)

    def _covered(self) -> Flags:
        """Atoms inside a published or known segment."""
        covered = np.zeros(self.table.catalogue.shape, dtype=bool)
        for segment in [*self.table.published.tolist(), *self.table.known.tolist()]:
            covered[_box(self.table.catalogue, segment)] = True
        return covered

    def _guessed(self) -> Statements:
        """The largest of them alone: what one has at most, those inside it have."""
        known = np.isin(self.table.withheld, self.table.known)
        segments = largest_segments(self.table.catalogue, self.table.withheld[~known])
        most = np.full(len(segments), self.rules.floor - 1, dtype=np.int64)
        source = from_source("guessed", len(most))
        return Statements(segments, most, np.zeros_like(most), most, source)


def atoms(catalogue: Catalogue, segments: NDArray[np.integer]) -> Flags:
    """Which segments are one atom."""
    alone: Flags = np.ones(len(segments), dtype=bool)
    for axis, groups in zip(catalogue.dimensions, catalogue.cells[segments].T, strict=True):
        alone &= (axis.membership.sum(axis=1) == 1)[groups]
    return alone


def _box(catalogue: Catalogue, segment: int) -> tuple[NDArray[np.intp], ...]:
    return np.ix_(*(group.leaves for group in catalogue.groups(segment)))


def _nothing_said() -> Statements:
    nothing: Integers = np.zeros(0, dtype=np.int64)
    return Statements(nothing.astype(np.int32), nothing, nothing, nothing, ())
