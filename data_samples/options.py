"""What world is wanted: sizes, days, seed; every mistake is reported at once."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

from anonymizer.model.errors import ConfigurationError, Fault

Layout = Literal["mixed", "csv", "single"]

_FIRST_START, _LAST_START = date(2015, 1, 1), date(2099, 1, 1)
# Lowest and highest value of each number.
_LIMITS = {
    "people": (10, 10_000_000),
    "days": (1, 366),
    "visits": (10, 1_000_000_000),
    "advertisers": (1, 120),
    "campaigns": (1, 1_000),
    "seed": (0, 2**63 - 1),
}
_HIGHEST_DIRT = 0.2


@dataclass(frozen=True)
class WorldOptions:
    """The sample world that `generate` writes; raises ConfigurationError with every mistake.

    `visits` counts distinct visits: duplicates and contradictions come on top. `dirt_share` is
    the share of rows that intake must not take as they are. `central_jakarta_share` is the
    share of people who live in Central Jakarta, by its population without one. The `csv` layout
    has plain CSV files only, to be read by people; `mixed` has Parquet, CSV and JSON lines;
    `single` has one text file a folder, of visits in turn as CSV, gzipped CSV and JSON lines.
    """

    people: int = 40_000
    days: int = 14
    visits: int = 600_000
    advertisers: int = 4
    campaigns: int = 12
    start: date = date(2026, 11, 1)
    seed: int = 1
    dirt_share: float = 0.005
    layout: Layout = "mixed"
    central_jakarta_share: float | None = None

    def __post_init__(self) -> None:
        faults = [
            Fault(name, f"{getattr(self, name)} is out of range", f"{low} to {high}")
            for name, (low, high) in _LIMITS.items()
            if not low <= getattr(self, name) <= high
        ]
        if self.campaigns < self.advertisers:
            problem = (
                f"{self.campaigns} campaigns are not enough for {self.advertisers} advertisers"
            )
            faults.append(Fault("campaigns", problem, "each advertiser has at least one"))
        if not _FIRST_START <= self.start <= _LAST_START:
            limits = f"{_FIRST_START} to {_LAST_START}"
            faults.append(Fault("start", f"{self.start} is out of range", limits))
        if not 0 <= self.dirt_share <= _HIGHEST_DIRT:
            problem = f"{self.dirt_share} is out of range"
            faults.append(Fault("dirt_share", problem, f"0 to {_HIGHEST_DIRT}"))
        share = self.central_jakarta_share
        if share is not None and not 0 <= share <= 1:
            problem = f"{share} is out of range"
            faults.append(Fault("central_jakarta_share", problem, "0 to 1"))
        if self.layout not in get_args(Layout):
            problem = f"{self.layout} is unknown"
            faults.append(Fault("layout", problem, " or ".join(get_args(Layout))))
        if faults:
            raise ConfigurationError(faults)

    def day(self, number: int) -> date:
        """The day of this number, counted from 0; it may lie before or after the world."""
        return self.start + timedelta(days=number)
