"""Which released figures a reader asks for: campaigns, advertisers, segments, periods.

The filters of `audience statements`, `figures` and `exports` mean the same in each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from anonymizer.model.alternatives import Known, alternatives
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.periods import Period, PeriodKind

Language = Literal["en", "id"]
Names = Sequence[str]


@dataclass(frozen=True)
class Selection:
    """Filters; empty ones do not limit. Names are ids, names, or parts of names.

    `last` asks for the newest period of that kind, `every` for all of that kind, `period` for one.
    """

    campaigns: Names = ()
    advertisers: Names = ()
    segments: Names = ()
    period: Period | None = None
    last: PeriodKind | None = None
    every: PeriodKind | None = None
    start: date | None = None
    end: date | None = None

    def __post_init__(self) -> None:
        if self.last and (self.period or self.every or self.start or self.end):
            problem = "another option also names a period"
            raise ConfigurationError([Fault("--last", problem, "use one of them")])

    @property
    def kind(self) -> PeriodKind | None:
        """The kind of all periods that are asked for, if it is one."""
        return self.period.kind if self.period else self.last or self.every

    @property
    def first_day(self) -> date | None:
        """The first day of what is asked for."""
        return self.period.start if self.period else self.start

    @property
    def last_day(self) -> date | None:
        """The last day of what is asked for."""
        return self.period.end if self.period else self.end

    def __str__(self) -> str:
        """The filters in words."""
        period = self.period.id if self.period else f"the last {self.last}" if self.last else ""
        first, last = self.start or "", self.end or ""
        between = f"{first}..{last}" if first or last else ""
        names = (*self.campaigns, *self.advertisers, *self.segments)
        return " and ".join(part for part in (period, between, *names) if part)

    def fits(self, period: Period) -> bool:
        """Whether a period is among those asked for; of `last`, whether its kind is right."""
        return (
            (self.kind is None or period.kind == self.kind)
            and (self.first_day is None or period.start >= self.first_day)
            and (self.last_day is None or period.end <= self.last_day)
        )


def matching(names: Names, known: Known) -> set[str]:
    """The ids that the names stand for: an id, a name, or a part of one, in any capitals."""
    return {id_ for name in names for id_ in _ids_of(name, known)}


def refuse_unknown(what: str, names: Names, known: Known, where: str = "") -> None:
    """Raise ConfigurationError with the names that fit nothing, and the closest that exist.

    `where` says of what they are, such as a period; all that exist are listed if none is close.
    """
    problem = f"no {what}{where and ' '}{where} is called"
    faults = [
        Fault(f"--{what}", f"{problem} {name!r}", alternatives(name, known))
        for name in names
        if not _ids_of(name, known)
    ]
    if faults:
        raise ConfigurationError(faults)


def _ids_of(name: str, known: Known) -> set[str]:
    wanted = name.casefold()
    exact = {id_ for id_, _ in known if id_ == name}
    called = {id_ for id_, label in known if label.casefold() == wanted}
    return exact or called or {id_ for id_, label in known if name and wanted in label.casefold()}
