"""Which earlier releases bear on a new one, and which tables are put together for that.

A day lies in its week and month, whole weeks lie in their month, a campaign that is inside of
another lies in it, and everything lies in the audience of its month and of the month before.
The calendar alone says which releases these are, so that their number does not grow with the
history.

A table can have several editions: a wrong one, and its corrections. Their readers know all of
them, and not in how many people they differ, so what may be assumed is this:

* Of the editions of one table, the figures whose groups are near (the caller says which) are about
  the same people. Nothing else is known of how editions lie in each other: groups of which the
  figures differ have at least a step of different people (promise 8), in either direction.
* Of tables of different lengths or subjects, each edition of the one may lie in each edition of
  the other, unless a figure rules it out. The newest editions are put together; an older edition
  is compared with the wider or narrower table by itself. That all days together make up a week is
  assumed only where the week is of the same input as its days.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from anonymizer.audit.history.join import Containment, Cover, Join
from anonymizer.audit.history.nearness import segments_within
from anonymizer.audit.history.shown import Shown
from anonymizer.model.periods import Period
from anonymizer.model.series import (
    AUDIENCE_MONTH,
    CAMPAIGN_DAY,
    CAMPAIGN_MONTH,
    CAMPAIGN_WEEK,
    INTEREST_WEEK,
    Series,
)
from anonymizer.model.tables import TableKey

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
    at_hand = {shown.key: shown for shown in (*earlier, *new)}
    tables = _Tables(at_hand, _by_edition(at_hand), frozenset(shown.key for shown in new))
    joins: dict[frozenset[TableKey], Join] = {}
    for shown in new:
        for join in tables.joins(shown):
            joins.setdefault(frozenset(table.key for table in join.tables), join)
    return tuple(joins.values())


def joins_of_editions(new: Sequence[Shown], standing: Sequence[Shown]) -> tuple[Join, ...]:
    """Each new table with what stands of its earlier editions.

    `standing` are earlier editions with those figures alone whose groups are near to the new ones:
    they are about the same people. One that says nothing that the new table does not say as well
    is left out.
    """
    newest = {shown.key.first: shown for shown in new}
    return tuple(
        _pair(old, shown, both_ways=True)
        for old in standing
        if (shown := newest[old.key.first]) and not _codes(old) <= _codes(shown)
    )


def may_lie_inside(inner: Shown, outer: Shown) -> bool:
    """Whether no single figure rules out that everybody of the one is in the other as well."""
    fewest, _ = inner.shared
    _, most = outer.shared
    larger = fewest[:, None] > most[None, :]
    return not (larger.any() and (larger & segments_within(inner, outer)).any())


def _codes(shown: Shown) -> frozenset[str]:
    return frozenset(map(shown.catalogue.id, shown.figures.segments.tolist()))


def _by_edition(at_hand: Mapping[TableKey, Shown]) -> Mapping[TableKey, tuple[Shown, ...]]:
    """The editions of each table, in order, by the key of the first."""
    found: dict[TableKey, tuple[Shown, ...]] = {}
    for key in sorted(at_hand, key=lambda key: key.edition):
        found[key.first] = (*found.get(key.first, ()), at_hand[key])
    return found


@dataclass(frozen=True)
class _Tables:
    """All tables at hand, all editions of each by the key of its first, and which are new."""

    at_hand: Mapping[TableKey, Shown]
    editions: Mapping[TableKey, tuple[Shown, ...]]
    new: frozenset[TableKey]

    def joins(self, shown: Shown) -> Iterator[Join]:
        """The joins of one table, what it contains and what contains it."""
        if shown.key.kind == "campaign":
            yield from self._nested(shown)
            if (several := self._with_several(shown)) is not None:
                yield several
            longer = [table for key in self._longer(shown.key) for table in self._all(key)]
            for whole in (shown, *longer):
                if (join := self._with_parts(whole)) is not None:
                    yield join
            yield from self._with_older_parts(shown)
        if shown.key.kind == "audience":
            of_it = (t for t in self.at_hand.values() if shown.key.first in self._audiences(t.key))
            yield from (_pair(table, shown) for table in of_it if self._inside(table, shown))
        else:
            around = [table for key in self._audiences(shown.key) for table in self._all(key)]
            yield from (_pair(shown, table) for table in around if self._inside(shown, table))

    def _all(self, key: TableKey) -> tuple[Shown, ...]:
        return self.editions.get(key.first, ())

    def _inside(self, inner: Shown, outer: Shown) -> bool:
        """Whether a reader takes the one for a part of the other, as the calendar says.

        Tables that were released once are. Of others a figure may rule it out.
        """
        if self._was_released_once(inner) and self._was_released_once(outer):
            return True
        return may_lie_inside(inner, outer)

    def _was_released_once(self, shown: Shown) -> bool:
        return shown.key.edition == 1 and len(self._all(shown.key)) == 1

    def _nested(self, shown: Shown) -> Iterator[Join]:
        """With each campaign that it is inside of, or that is inside of it, at the same time."""
        for other in self.at_hand.values():
            if not _side_by_side(other.key, shown.key):
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
            if _side_by_side(table.key, shown.key)
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
        days = self._those(shown, [Period("day", day) for day in period.days])
        weeks = self._those(shown, whole_weeks(period) if period.kind == "month" else ())
        if period.kind == "day" or not (days or weeks):
            return None
        parts = [table.key for table in (*weeks, *days)]
        within = [Containment(part, shown.key) for part in parts]
        for week in weeks:
            of_week = (table for table in days if table.key.period.start in week.key.period.days)
            within += [Containment(day.key, week.key) for day in of_week if self._inside(day, week)]
        covers: tuple[Cover, ...] = ()
        of_same_input = shown.key in self.new or all(map(self._was_released_once, (shown, *days)))
        if of_same_input and {table.key.period.start for table in days} >= shown.days:
            covers = (Cover(shown.key, tuple(table.key for table in days)),)
        return Join((shown, *weeks, *days), tuple(within), covers)

    def _with_older_parts(self, shown: Shown) -> Iterator[Join]:
        """A week or month with each part of it that was corrected since, by itself."""
        period = shown.key.period
        parts = [Period("day", day) for day in period.days] if period.kind != "day" else []
        parts += whole_weeks(period) if period.kind == "month" else ()
        for part in parts:
            key = TableKey(shown.key.kind, shown.key.subject_id, part)
            older = self._all(key)[:-1]
            yield from (_pair(table, shown) for table in older if self._inside(table, shown))

    def _those(self, shown: Shown, periods: Sequence[Period]) -> list[Shown]:
        """The newest edition of each part of a table, as far as it may be one."""
        keys = [TableKey(shown.key.kind, shown.key.subject_id, period) for period in periods]
        newest = [editions[-1] for key in keys if (editions := self._all(key))]
        return [table for table in newest if self._inside(table, shown)]

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


def _side_by_side(one: TableKey, other: TableKey) -> bool:
    """Whether two tables are of one release."""
    return (one.kind, one.period, one.edition) == (other.kind, other.period, other.edition)


def lies_inside(inner: Shown, outer: Shown) -> bool:
    """Whether everybody of the one is in the other as well, but for a few people."""
    return outer.key.subject_id in inner.inside
