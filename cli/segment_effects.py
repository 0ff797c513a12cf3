"""What segments would add to a released period, and what they would cause to be suppressed.

Both releases are made in memory from the private counts: without the segments, and with them. For
those alone who may approve settings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from anonymizer.feasible.totals import segment_totals
from anonymizer.model.composed_segments import ComposedSegment
from anonymizer.model.errors import ConfigurationError, Disclosure, Fault
from anonymizer.model.segments import Catalogue, SegmentSettings, build_catalogue
from cli.setting_trials import ReleasedPeriod, TrialGround
from pipelines.stages.figures import reasons_of
from pipelines.stages.period_release import ForeseenRelease

Figure = tuple[str, str]  # subject and segment id


@dataclass(frozen=True)
class AddedFigure:
    """An added segment in one table: true people, and as published; else why it is suppressed."""

    subject: str
    segment: str
    people: int
    published: int | None
    reason: str


@dataclass(frozen=True)
class SegmentEffect:
    """What added segments change in a period.

    `lost` are figures of other segments that would be suppressed, `gained` those that would be
    published and were suppressed without the segments. `refused` says why the gate would publish
    nothing.
    """

    release: str
    tables: int
    figures: int
    added: tuple[AddedFigure, ...]
    lost: tuple[Figure, ...]
    gained: tuple[Figure, ...]
    refused: str = ""


def with_segments(
    settings: SegmentSettings, catalogue: Catalogue, segments: Sequence[ComposedSegment], place: str
) -> tuple[SegmentSettings, Catalogue]:
    """Settings and catalogue with more named segments.

    Raises ConfigurationError for unknown codes, and for a segment that the catalogue has.
    """
    for segment in segments:
        if faults := segment.faults(catalogue.dimensions, place):
            raise ConfigurationError(faults)
        if known := segment.find(catalogue):
            problem = f"{segment} is already in the catalogue as {known}"
            raise ConfigurationError([Fault(place, problem, "choose another")])
        settings = segment.added_to(settings, catalogue)
        catalogue = build_catalogue(settings)
    return settings, catalogue


def effect_of(ground: TrialGround, released: ReleasedPeriod, catalogue: Catalogue) -> SegmentEffect:
    """What the segments change that a catalogue has and the recorded one lacks. Raises Held."""
    promise = ground.recorded.policy.promise
    before = ground.foresee(released, promise, ground.recorded.catalogue)
    known = _published(before)
    try:
        after = ground.foresee(released, promise, catalogue)
    except Disclosure as error:
        refused = f"the gate would hold {released}: {len(error.findings)} finding(s)"
        return SegmentEffect(str(released), len(before.counted), len(known), (), (), (), refused)
    now = _published(after)
    codes = [
        code for code in catalogue.positions if code not in ground.recorded.catalogue.positions
    ]
    own = set(codes)
    return SegmentEffect(
        str(released),
        len(before.counted),
        len(known),
        tuple(one for code in codes for one in _added(after, code)),
        tuple(one for one in known if one not in now),
        tuple(one for one in now if one not in known and one[1] not in own),
    )


def _published(foreseen: ForeseenRelease) -> Mapping[Figure, int]:
    catalogue = foreseen.checked.catalogue
    return {
        (table.key.subject_id, catalogue.id(row)): people
        for table in foreseen.checked.figures
        for row, people in zip(table.segments.tolist(), table.people.tolist(), strict=True)
    }


def _added(foreseen: ForeseenRelease, code: str) -> list[AddedFigure]:
    """What became of an added segment in each table."""
    row = foreseen.checked.catalogue.positions[code]
    found = []
    for counted, table, figures in zip(
        foreseen.counted, foreseen.tables, foreseen.checked.figures, strict=True
    ):
        groups = table.judged.groups.segments
        reasons = reasons_of(table, np.isin(groups, figures.segments))
        reason = dict(zip(groups.tolist(), reasons, strict=True)).get(row, "threshold")
        known = dict(zip(figures.segments.tolist(), figures.people.tolist(), strict=True))
        people = int(segment_totals(foreseen.checked.catalogue, counted.people)[row])
        found.append(AddedFigure(figures.key.subject_id, code, people, known.get(row), str(reason)))
    return found
