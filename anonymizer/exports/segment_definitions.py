"""What ids of segments, age groups and areas mean in each release, so that no two things share one.

The settings can define an id anew. The newest definition keeps the id; each earlier one gets the id
with `@` and the number of the first release that has it, `java@12`. So a figure is never told as
one of other people, and nothing is compared across definitions.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from anonymizer.release.release import Release, Segment

_LEVELS = frozenset({"group", "area"})
_Meaning = tuple[str, ...]
_Key = tuple[str, str]  # kind and id


@dataclass(frozen=True)
class Definitions:
    """The ids of each release, by its number, that have another meaning in the newest release."""

    renamed: Mapping[int, Mapping[_Key, str]]

    @classmethod
    def of(cls, releases: Sequence[Release]) -> "Definitions":
        """What these releases mean by their ids; a correction is as old as its period."""
        ordered = sorted(releases, key=lambda one: (one.period.end, one.number))
        groups = _earlier((one.number, _group_meanings(one)) for one in ordered)
        partly = cls(groups)
        segments = _earlier((one.number, partly._segment_meanings(one)) for one in ordered)
        return cls({one.number: {**groups[one.number], **segments[one.number]} for one in ordered})

    def group(self, release: Release, level: str, code: str) -> str:
        """The code of an age group or area."""
        return self.renamed[release.number].get((level, code), code)

    def codes(self, release: Release, segment: Segment) -> tuple[str, str, str]:
        """Gender, age and region of a segment."""
        age = self.group(release, "group", segment.age)
        return segment.gender, age, self.group(release, "area", segment.region)

    def segment(self, release: Release, segment: Segment) -> str:
        """The id of a segment; that of one without a name is made of its codes."""
        if segment.id == ":".join((segment.gender, segment.age, segment.region)):
            return ":".join(self.codes(release, segment))
        return self.renamed[release.number].get(("segment", segment.id), segment.id)

    def figures(self, release: Release) -> pa.Table:
        """The figures of a release under these ids."""
        ids = {one.id: self.segment(release, one) for one in release.segments.values()}
        if all(old == new for old, new in ids.items()):
            return release.figures
        names = [ids.get(name, name) for name in release.figures["segment_id"].to_pylist()]
        place = release.figures.schema.get_field_index("segment_id")
        field = release.figures.schema.field("segment_id")
        return release.figures.set_column(place, field, pa.array(names, field.type))

    def groups(self, release: Release, level: str) -> Iterator[Mapping[str, Any]]:
        """The age groups (`group`) or areas (`area`) of a release under these codes."""
        for row in release.groups.to_pylist():
            if row["level"] == level:
                yield {**row, "code": self.group(release, level, row["code"])}

    def _segment_meanings(self, release: Release) -> Mapping[_Key, _Meaning]:
        return {("segment", one.id): self.codes(release, one) for one in release.segments.values()}


def _group_meanings(release: Release) -> Mapping[_Key, _Meaning]:
    return {
        (row["level"], row["code"]): tuple(sorted(row["leaves"]))
        for row in release.groups.to_pylist()
        if row["level"] in _LEVELS
    }


def _earlier(
    meanings: Iterable[tuple[int, Mapping[_Key, _Meaning]]],
) -> dict[int, dict[_Key, str]]:
    """The other ids of each release, in whose order the last meaning of an id keeps it."""
    known = list(meanings)
    newest = {key: meaning for _, of_release in known for key, meaning in of_release.items()}
    first: dict[tuple[_Key, _Meaning], int] = {}
    for number, of_release in known:
        for one in of_release.items():
            first[one] = min(number, first.get(one, number))
    return {
        number: {
            key: f"{key[1]}@{first[key, meaning]}"
            for key, meaning in of_release.items()
            if meaning != newest[key]
        }
        for number, of_release in known
    }
