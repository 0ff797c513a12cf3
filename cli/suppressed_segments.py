"""What can be said of suppressed segments of a released table.

To anyone: the nearest coarser segment that is published, which follows from the release alone.
To the privileged role also why, which takes the counts in `private/`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.coarser_segments import NONE, nearest_coarser
from anonymizer.model.errors import ConfigurationError, Fault, Held, first_few
from anonymizer.model.periods import Period
from anonymizer.model.segments import Catalogue
from anonymizer.model.series import SERIES
from anonymizer.model.subjects import name_of
from anonymizer.release.corrections import newest
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_release
from anonymizer.release.release import PUBLISHED, Release
from anonymizer.storage.home import Home
from cli.selection import matching, refuse_unknown
from pipelines.resources.release_history import catalogue_of
from pipelines.stages.figures import Reason, read_reasons


@dataclass(frozen=True)
class PublishedFigure:
    """A published segment and its people."""

    id: str
    name: str
    people: int


@dataclass(frozen=True)
class SuppressedSegment:
    """A segment without a figure, the nearest one that contains it and has one, why if asked."""

    id: str
    name: str
    nearest: PublishedFigure | None
    reason: Reason | None = None


@dataclass(frozen=True)
class Released:
    """The table of one subject as everyone can see it, and the catalogue of its segments."""

    subject: str
    release: Release
    catalogue: Catalogue
    people: Mapping[int, int]

    @property
    def published(self) -> NDArray[np.intp]:
        """Rows of the catalogue that have a figure, ascending."""
        return np.array(sorted(self.people), dtype=np.intp)


def find_released(home: Home, ledger: Ledger, period: Period, subject: str) -> Released:
    """The released table of a period and subject: a campaign by id, name or part of its name, an
    interest or `everyone`.

    Of a period that was corrected, the newest edition.

    Raises ConfigurationError where there is none, Held when nothing keeps the segments of the
    release any more, LedgerBroken when the release cannot be trusted.
    """
    entries = [newest(ledger, s, period) for s in SERIES if s.period_kind == period.kind]
    releases = [load_release(home, ledger, entry.subject) for entry in entries if entry]
    if not releases:
        problem = f"nothing is released for {period.id}"
        raise ConfigurationError([Fault("--period", problem, "see: audience ledger list")])
    known = {(one.id, name_of(one).english) for release in releases for one in release.subjects}
    refuse_unknown("campaign", [subject], known, f"of {period.id}")
    ids = matching([subject], known)
    if len(ids) > 1:
        listed = first_few([f"{id_} ({name})" for id_, name in sorted(known) if id_ in ids])
        problem = f"{subject!r} fits {len(ids)} campaigns"
        raise ConfigurationError([Fault("--campaign", problem, f"name one of {listed}")])
    (subject,) = ids
    release = next(one for one in releases if subject in {each.id for each in one.subjects})
    catalogue = catalogue_of(home, ledger, release)
    people = {
        catalogue.positions[row["segment_id"]]: row["people"]
        for row in release.figures.to_pylist()
        if row["subject_id"] == subject and row["status"] == PUBLISHED
    }
    return Released(subject, release, catalogue, people)


def explain_suppressed(
    table: Released, asked: Sequence[str], reasons: Mapping[int, Reason] | None = None
) -> tuple[SuppressedSegment, ...]:
    """The suppressed ones of the segments asked for; of the named segments if none is asked for.

    Raises ConfigurationError with every segment id that there is not.
    """
    catalogue = table.catalogue
    unknown = [Fault("--segment", f"there is no segment {code!r}") for code in asked
               if code not in catalogue.positions]  # fmt: skip
    if unknown:
        raise ConfigurationError(unknown)
    rows = [catalogue.positions[code] for code in asked] or sorted(catalogue.named)
    nearest = nearest_coarser(catalogue, table.published)
    return tuple(
        SuppressedSegment(
            catalogue.id(row),
            catalogue.name(row).english,
            _figure(table, int(nearest[row])),
            None if reasons is None else reasons[row],
        )
        for row in rows
        if row not in table.people
    )


def find_reasons(home: Home, table: Released) -> Mapping[int, Reason]:
    """Why each suppressed segment has no figure, for the privileged role alone.

    Read from what the run of the period kept in `private/`. Raises Held when that is gone, is no
    longer what the release was made of, or may not be read.
    """
    release = table.release
    try:
        known = read_reasons(home, release.period.end, table.subject, release.series)
    except PermissionError:
        raise Held("private", "this account may not read private/; leave out --reasons") from None
    kept = {table.catalogue.positions[code] for code, reason in known.items() if reason == "kept"}
    if kept != set(table.people):
        raise Held(
            "reasons_changed",
            f"the working data in private/ are not those of {release.id}; its reasons are no "
            "longer available",
        )
    suppressed = np.setdiff1d(np.arange(len(table.catalogue)), table.published)
    return {row: known.get(table.catalogue.id(row), "threshold") for row in suppressed.tolist()}


def _figure(table: Released, row: int) -> PublishedFigure | None:
    if row == NONE:
        return None
    return PublishedFigure(
        table.catalogue.id(row), table.catalogue.name(row).english, table.people[row]
    )
