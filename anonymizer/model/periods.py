"""Periods: a calendar day, ISO week or month in the policy's time zone."""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

PeriodKind = Literal["day", "week", "month"]
_MONTH = len("2026-11")


@dataclass(frozen=True, order=True)
class Period:
    """All days from `start` to `end`, both included."""

    kind: PeriodKind
    start: date

    def __post_init__(self) -> None:
        if self.kind == "week" and self.start.isoweekday() != 1:
            raise ValueError(f"an ISO week starts on a Monday, not on {self.start}")
        if self.kind == "month" and self.start.day != 1:
            raise ValueError(f"a month starts on its first day, not on {self.start}")

    @property
    def end(self) -> date:
        """The last day."""
        if self.kind == "day":
            return self.start
        if self.kind == "week":
            return self.start + timedelta(days=6)
        return self.start.replace(day=calendar.monthrange(self.start.year, self.start.month)[1])

    @classmethod
    def of(cls, kind: PeriodKind, day: date) -> "Period":
        """The period of that kind that holds the day."""
        if kind == "week":
            return cls(kind, day - timedelta(days=day.isoweekday() - 1))
        return cls(kind, day.replace(day=1) if kind == "month" else day)

    @classmethod
    def from_id(cls, text: str) -> "Period":
        """The period that is called so: `2026-11-22`, `2026-W47` or `2026-11`.

        Raises ValueError for any other text.
        """
        kind: PeriodKind = "week" if "W" in text else "month" if len(text) == _MONTH else "day"
        whole = {"day": text, "week": f"{text}-1", "month": f"{text}-01"}[kind]
        found = cls(kind, date.fromisoformat(whole))
        if found.id != text:
            raise ValueError("this is not a day, ISO week or month")
        return found

    @property
    def days(self) -> tuple[date, ...]:
        """Every day, in order."""
        length = (self.end - self.start).days + 1
        return tuple(self.start + timedelta(days=number) for number in range(length))

    @property
    def id(self) -> str:
        """`2026-11-22`, `2026-W47` or `2026-11`."""
        if self.kind == "day":
            return self.start.isoformat()
        if self.kind == "week":
            year, week, _ = self.start.isocalendar()
            return f"{year}-W{week:02d}"
        return f"{self.start:%Y-%m}"
