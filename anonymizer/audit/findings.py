"""What the auditor reports: one disclosure, or one broken promise, with its evidence."""

from dataclasses import dataclass
from typing import Literal

from anonymizer.model.tables import TableKey

Kind = Literal[
    # seen by an intruder, from published figures alone
    "rule",  # a figure that the public rules forbid
    "contradiction",  # figures that no group of people could produce
    "difference",  # one figure minus another leaves too few people
    "homogeneity",  # a group is shown to be empty: everybody else is in the rest
    "singleton",  # a group is shown to be exactly one person
    "inference",  # several figures together show a group to be too small
    "solved",  # a withheld figure is determined exactly
    "companion",  # who knows the own cell can solve another; a note unless asked for
    "unproved",  # safety could not be proved within the effort allowed
    # seen against the true counts
    "structure",  # figures, counts and catalogue do not belong together
    "floor",  # a figure counts too few trusted people
    "rounding",  # a figure is not a rounding of its true count
]


@dataclass(frozen=True)
class Finding:
    """One reason to refuse a table.

    `segments` are the ids of the segments involved; `explanation` names the published
    figures, the arithmetic and what is learned. Neither holds a true count that an
    intruder could not derive; still, what they quote was not published, so logs get `str()`
    alone, which leaves the explanation out. `table` is a released table or the name of a file.

    `weights` is the whole arithmetic where that is a sum: how often each figure is counted, all
    divided by `parts`.
    """

    table: TableKey | str
    kind: Kind
    segments: tuple[str, ...]
    explanation: str
    weights: tuple[tuple[str, int], ...] = ()
    parts: int = 1

    def __str__(self) -> str:
        return f"{self.table}: {self.kind}" + "".join(f" {segment}" for segment in self.segments)

    def to_json(self) -> dict[str, object]:
        """The finding as JSON values."""
        return {
            **_subject(self.table),
            "kind": self.kind,
            "segments": list(self.segments),
            "explanation": self.explanation,
        }


def _subject(table: TableKey | str) -> dict[str, object]:
    if isinstance(table, str):
        return {"table": table}
    return {"subject": table.kind, "subject_id": table.subject_id, "period": table.period.id}
