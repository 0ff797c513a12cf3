"""Which earlier releases bear on a new one, and which tables are put together for that.

A day lies in its week and month, whole weeks lie in their month, a campaign that is inside of
another lies in it, and everything lies in the audience of its month and of the month before.
The calendar alone says which releases these are, so that their number does not grow with the
history.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from anonymizer.audit.history.join import Containment, Cover, Join
from anonymizer.audit.history.shown import Shown
from anonymizer.periods import Period
from anonymizer.series import (
    AUDIENCE_MONTH,
    CAMPAIGN_DAY,
    CAMPAIGN_MONTH,
    CAMPAIGN_WEEK,
    INTEREST_WEEK,
    Series,
)
from anonymizer.tables import TableKey

EVERYONE = "everyone"


def related(series: Series, period: Period) -> tuple[str, ...]:
    """Ids of the releases, if they were made, that bear on that of a period; sorted."""
    around = _audience(period) if series == AUDIENCE_MONTH else _around(series, period)
    return tuple(sorted({of.release_id(when) for of, when in around} - {series.release_id(period)}))


def _around(series: Series, period: Period) -> Iterator[tuple[Series, Period]]:
    month = Period.of("month", period.end)
    yield from ((AUDIENCE_MONTH, when) for when in (month, _before(month)))
    if series == INTEREST_WEEK:
        return
    days = {day for day in period.days if series != CAMPAIGN_DAY}
    yield from ((CAMPAIGN_DAY, Period("day", day)) for day in days)
    if series == CAMPAIGN_DAY:
        yield CAMPAIGN_WEEK, Period.of("week", period.start)
    if series == CAMPAIGN_MONTH:
        yield from ((CAMPAIGN_WEEK, week) for week in whole_weeks(period))
    else:
        yield from ((CAMPAIGN_MONTH, Period.of("month", day)) for day in (period.start, period.end))


def _audience(month: Period) -> Iterator[tuple[Series, Period]]:
    """What lies in the audience of a month, and that of the month after, if it was first."""
    for when in (month, Period.of("month", month.end + timedelta(days=1))):
        yield CAMPAIGN_MONTH, when
        yield from ((CAMPAIGN_DAY, Period("day", day)) for day in when.days)
        for week in {Period.of("week", day) for day in when.days}:
            if Period.of("month", week.end) == when:
                yield from ((CAMPAIGN_WEEK, week), (INTEREST_WEEK, week))


def whole_weeks(month: Period) -> tuple[Period, ...]:
    """The ISO weeks all of whose days are in a month."""
    weeks = sorted({Period.of("week", day) for day in month.days})
    return tuple(week for week in weeks if week.start >= month.start and week.end <= month.end)


def _before(month: Period) -> Period:
    return Period.of("month", month.start - timedelta(days=1))


def joins_of(new: Sequence[Shown], earlier: Sequence[Shown]) -> tuple[Join, ...]:
    """The tables that are put together because of the new ones.

    A week or month with all its days and weeks at hand, a day with a week or month that stands
    already, campaigns inside of each other, and any table with the audiences around it.
    """
    tables = _Tables({shown.key: shown for shown in (*earlier, *new)})
    joins: dict[frozenset[TableKey], Join] = {}
    for shown in new:
        for join in tables.joins(shown):
            joins.setdefault(frozenset(table.key for table in join.tables), join)
    return tuple(joins.values())


@dataclass(frozen=True)
class _Tables:
    """All tables at hand."""

    at_hand: Mapping[TableKey, Shown]

    def joins(self, shown: Shown) -> Iterator[Join]:
        """The joins of one table, what it contains and what contains it."""
        if shown.key.kind == "campaign":
            yield from self._nested(shown)
            if (several := self._with_several(shown)) is not None:
                yield several
            if (whole := self._with_parts(shown)) is not None:
                yield whole
            yield from (
                join
                for key in self._longer(shown.key)
                if key in self.at_hand and (join := self._with_parts(self.at_hand[key])) is not None
            )
        if shown.key.kind == "audience":
            inside = (t for t in self.at_hand.values() if shown.key in self._audiences(t.key))
            yield from (_pair(table, shown) for table in inside)
        else:
            around = (self.at_hand.get(key) for key in self._audiences(shown.key))
            yield from (_pair(shown, audience) for audience in around if audience is not None)

    def _nested(self, shown: Shown) -> Iterator[Join]:
        """With each campaign that it is inside of, or that is inside of it, at the same time."""
        for other in self.at_hand.values():
            if other.key.period != shown.key.period or other.key.kind != shown.key.kind:
                continue
            if lies_inside(shown, other):
                yield _pair(shown, other, both_ways=lies_inside(other, shown))
            elif lies_inside(other, shown):
                yield _pair(other, shown)

    def _with_several(self, shown: Shown) -> Join | None:
        """With all campaigns inside of it that share nobody with another one of them."""
        inside = [
            table
            for table in self.at_hand.values()
            if table.key.period == shown.key.period
            and table.key != shown.key
            and lies_inside(table, shown)
            and not (table.possible & ~shown.possible).any()
        ]
        ids = {table.key.subject_id for table in inside}
        several = [table for table in inside if table.apart & ids]
        if not several:
            return None
        tables = (shown, *several)
        within = (Containment(a.key, b.key) for a in tables for b in tables if lies_inside(a, b))
        return Join(tables, tuple(within))

    def _with_parts(self, shown: Shown) -> Join | None:
        """A week with its days, a month with its whole weeks and its days."""
        period = shown.key.period
        days = self._those(shown.key, [Period("day", day) for day in period.days])
        weeks = self._those(shown.key, whole_weeks(period) if period.kind == "month" else ())
        if period.kind == "day" or not (days or weeks):
            return None
        parts = [table.key for table in (*weeks, *days)]
        within = [Containment(part, shown.key) for part in parts]
        for week in weeks:
            of_week = (table for table in days if table.key.period.start in week.key.period.days)
            within += [Containment(day.key, week.key) for day in of_week]
        covers: tuple[Cover, ...] = ()
        if {table.key.period.start for table in days} >= shown.days:
            covers = (Cover(shown.key, tuple(table.key for table in days)),)
        return Join((shown, *weeks, *days), tuple(within), covers)

    def _those(self, key: TableKey, periods: Sequence[Period]) -> list[Shown]:
        keys = [TableKey(key.kind, key.subject_id, period) for period in periods]
        return [self.at_hand[key] for key in keys if key in self.at_hand]

    def _longer(self, key: TableKey) -> Iterator[TableKey]:
        """The week and month that a campaign's day, and the month that its week is in."""
        period = key.period
        if period.kind == "day":
            yield TableKey(key.kind, key.subject_id, Period.of("week", period.start))
        month = Period.of("month", period.start)
        if period.kind != "month" and period.end <= month.end:
            yield TableKey(key.kind, key.subject_id, month)

    def _audiences(self, key: TableKey) -> tuple[TableKey, ...]:
        """The audiences of its month and of the month before."""
        if key.kind == "audience":
            return ()
        month = Period.of("month", key.period.end)
        return tuple(TableKey("audience", EVERYONE, when) for when in (month, _before(month)))


def _pair(inner: Shown, outer: Shown, *, both_ways: bool = False) -> Join:
    within = Containment(inner.key, outer.key)
    back = (Containment(outer.key, inner.key),) if both_ways else ()
    return Join((inner, outer), (within, *back))


def lies_inside(inner: Shown, outer: Shown) -> bool:
    """Whether everybody of the one is in the other as well, but for a few people."""
    return outer.key.subject_id in inner.inside
