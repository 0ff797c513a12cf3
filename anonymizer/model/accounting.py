"""Row accounts: every row that was read is counted, excluded, quarantined or a duplicate."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from anonymizer.model.errors import Held


@dataclass(frozen=True)
class RowAccount:
    """What became of the rows of one raw table in one run, by reason code."""

    table: str
    read: int
    counted: int
    duplicates: int = 0
    excluded: Mapping[str, int] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        accounted = (
            self.counted
            + self.duplicates
            + sum(self.excluded.values())
            + sum(self.quarantined.values())
        )
        if accounted != self.read:
            raise Held(
                "rows_unaccounted",
                f"{self.table}: {self.read} rows read but {accounted} accounted for; "
                "this is a fault of the pipeline: keep the raw files and report it",
            )

    def __add__(self, other: "RowAccount") -> "RowAccount":
        return RowAccount(
            self.table,
            self.read + other.read,
            self.counted + other.counted,
            self.duplicates + other.duplicates,
            dict(Counter(self.excluded) + Counter(other.excluded)),
            dict(Counter(self.quarantined) + Counter(other.quarantined)),
        )
