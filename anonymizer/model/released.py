"""What a release folder says, for those who read it without knowing how it is made or kept."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from anonymizer.model.dimensions import Text
from anonymizer.model.periods import Period
from anonymizer.model.policy import Promise
from anonymizer.model.subjects import Subject
from anonymizer.model.tables import SubjectKind


class ReleasedSegment(Protocol):
    """A segment as a release explains it: a group code of each dimension, and its words."""

    @property
    def gender(self) -> str:
        """Code of its gender group."""

    @property
    def age(self) -> str:
        """Code of its age group."""

    @property
    def region(self) -> str:
        """Code of its region group."""

    @property
    def name(self) -> Text:
        """Its words."""


class ReleasedTables(Protocol):
    """What a release folder says: rows of figures and what their segments mean, in atoms."""

    @property
    def kind(self) -> SubjectKind:
        """What its tables are about."""

    @property
    def period(self) -> Period:
        """When."""

    @property
    def edition(self) -> int:
        """1 of the first release of the period, 2 of its first correction."""

    @property
    def promise(self) -> Promise:
        """The promise that its figures keep."""

    @property
    def error(self) -> int:
        """How far a figure is from the true number of people, at most."""

    @property
    def subjects(self) -> Sequence[Subject]:
        """What its tables are about, one by one."""

    @property
    def segments(self) -> Mapping[str, ReleasedSegment]:
        """Segments by id, the preferred ones first."""

    @property
    def groups(self) -> pa.Table:
        """Rows (dimension, code, level, english, indonesian, iab_ids, leaves)."""

    @property
    def figures(self) -> pa.Table:
        """Rows (subject, segment_id, status, people), the subject in the first column."""
