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
from anonymizer.audit.history.public_table import PublicTable
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
    linked = _audience(period) if series == AUDIENCE_MONTH else _linked_periods(series, period)
    return tuple(sorted({of.release_id(when) for of, when in linked} - {series.release_id(period)}))


def _linked_periods(series: Series, period: Period) -> Iterator[tuple[Series, Period]]:
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


def joins_of(new: Sequence[PublicTable], earlier: Sequence[PublicTable]) -> tuple[Join, ...]:
    """The tables that are put together because of the new ones.

    A week or month with all its days and weeks at hand, a day with a week or month that stands
    already, campaigns inside of each other, and any table with the audiences around it.
    """
    at_hand = {public.key: public for public in (*earlier, *new)}
    tables = _Tables(at_hand, _by_edition(at_hand), frozenset(public.key for public in new))
    joins: dict[frozenset[TableKey], Join] = {}
    for public in new:
        for join in tables.joins(public):
            joins.setdefault(frozenset(table.key for table in join.tables), join)
    return tuple(joins.values())


def joins_of_editions(
    new: Sequence[PublicTable], standing: Sequence[PublicTable]
) -> tuple[Join, ...]:
    """Each new table with what stands of its earlier editions.

    `standing` are earlier editions with those figures alone whose groups are near to the new ones:
    they are about the same people. One that says nothing that the new table does not say as well
    is left out.
    """
    newest = {public.key.first: public for public in new}
    return tuple(
        _pair(old, public, both_ways=True)
        for old in standing
        if (public := newest[old.key.first]) and not _codes(old) <= _codes(public)
    )


def may_lie_inside(inner: PublicTable, outer: PublicTable) -> bool:
    """Whether no single figure rules out that everybody of the one is in the other as well."""
    fewest, _ = inner.shared
    _, most = outer.shared
    larger = fewest[:, None] > most[None, :]
    return not (larger.any() and (larger & segments_within(inner, outer)).any())


def _codes(public: PublicTable) -> frozenset[str]:
    return frozenset(map(public.catalogue.id, public.figures.segments.tolist()))


def _by_edition(
    at_hand: Mapping[TableKey, PublicTable],
) -> Mapping[TableKey, tuple[PublicTable, ...]]:
    """The editions of each table, in order, by the key of the first."""
    found: dict[TableKey, tuple[PublicTable, ...]] = {}
    for key in sorted(at_hand, key=lambda key: key.edition):
        found[key.first] = (*found.get(key.first, ()), at_hand[key])
    return found


@dataclass(frozen=True)
class _Tables:
    """All tables at hand, all editions of each by the key of its first, and which are new."""

    at_hand: Mapping[TableKey, PublicTable]
    editions: Mapping[TableKey, tuple[PublicTable, ...]]
    new: frozenset[TableKey]

    def joins(self, public: PublicTable) -> Iterator[Join]:
        """The joins of one table, what it contains and what contains it."""
        if public.key.kind == "campaign":
            yield from self._nested(public)
            if (several := self._with_several(public)) is not None:
                yield several
            longer = [table for key in self._longer(public.key) for table in self._all(key)]
            for whole in (public, *longer):
                if (join := self._with_parts(whole)) is not None:
                    yield join
            yield from self._with_older_parts(public)
        if public.key.kind == "audience":
            of_it = (t for t in self.at_hand.values() if public.key.first in self._audiences(t.key))
            yield from (_pair(table, public) for table in of_it if self._inside(table, public))
        else:
            linked = [table for key in self._audiences(public.key) for table in self._all(key)]
            yield from (_pair(public, table) for table in linked if self._inside(public, table))

    def _all(self, key: TableKey) -> tuple[PublicTable, ...]:
        return self.editions.get(key.first, ())

    def _inside(self, inner: PublicTable, outer: PublicTable) -> bool:
        """Whether a reader takes the one for a part of the other, as the calendar says.

        Tables that were released once are. Of others a figure may rule it out.
        """
        if self._was_released_once(inner) and self._was_released_once(outer):
            return True
        return may_lie_inside(inner, outer)

    def _was_released_once(self, public: PublicTable) -> bool:
        return public.key.edition == 1 and len(self._all(public.key)) == 1

    def _nested(self, public: PublicTable) -> Iterator[Join]:
        """With each campaign that it is inside of, or that is inside of it, at the same time."""
        for other in self.at_hand.values():
            if not _side_by_side(other.key, public.key):
                continue
            if lies_inside(public, other):
                yield _pair(public, other, both_ways=lies_inside(other, public))
            elif lies_inside(other, public):
                yield _pair(other, public)

    def _with_several(self, public: PublicTable) -> Join | None:
        """With all campaigns inside of it that share nobody with another one of them."""
        inside = [
            table
            for table in self.at_hand.values()
            if _side_by_side(table.key, public.key)
            and table.key != public.key
            and lies_inside(table, public)
            and not (table.possible & ~public.possible).any()
        ]
        ids = {table.key.subject_id for table in inside}
        several = [table for table in inside if table.apart & ids]
        if not several:
            return None
        tables = (public, *several)
        within = (Containment(a.key, b.key) for a in tables for b in tables if lies_inside(a, b))
        return Join(tables, tuple(within))

    def _with_parts(self, public: PublicTable) -> Join | None:
        """A week with its days, a month with its whole weeks and its days."""
        period = public.key.period
        days = self._those(public, [Period("day", day) for day in period.days])
        weeks = self._those(public, whole_weeks(period) if period.kind == "month" else ())
        if period.kind == "day" or not (days or weeks):
            return None
        parts = [table.key for table in (*weeks, *days)]
        within = [Containment(part, public.key) for part in parts]
        for week in weeks:
            of_week = (table for table in days if table.key.period.start in week.key.period.days)
            within += [Containment(day.key, week.key) for day in of_week if self._inside(day, week)]
        covers: tuple[Cover, ...] = ()
        of_same_input = public.key in self.new or all(map(self._was_released_once, (public, *days)))
        if of_same_input and {table.key.period.start for table in days} >= public.days:
            covers = (Cover(public.key, tuple(table.key for table in days)),)
        return Join((public, *weeks, *days), tuple(within), covers)

    def _with_older_parts(self, public: PublicTable) -> Iterator[Join]:
        """A week or month with each part of it that was corrected since, by itself."""
        period = public.key.period
        parts = [Period("day", day) for day in period.days] if period.kind != "day" else []
        parts += whole_weeks(period) if period.kind == "month" else ()
        for part in parts:
            key = TableKey(public.key.kind, public.key.subject_id, part)
            older = self._all(key)[:-1]
            yield from (_pair(table, public) for table in older if self._inside(table, public))

    def _those(self, public: PublicTable, periods: Sequence[Period]) -> list[PublicTable]:
        """The newest edition of each part of a table, as far as it may be one."""
        keys = [TableKey(public.key.kind, public.key.subject_id, period) for period in periods]
        newest = [editions[-1] for key in keys if (editions := self._all(key))]
        return [table for table in newest if self._inside(table, public)]

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


def _pair(inner: PublicTable, outer: PublicTable, *, both_ways: bool = False) -> Join:
    within = Containment(inner.key, outer.key)
    back = (Containment(outer.key, inner.key),) if both_ways else ()
    return Join((inner, outer), (within, *back))


def _side_by_side(one: TableKey, other: TableKey) -> bool:
    """Whether two tables are of one release."""
    return (one.kind, one.period, one.edition) == (other.kind, other.period, other.edition)


def lies_inside(inner: PublicTable, outer: PublicTable) -> bool:
    """Whether everybody of the one is in the other as well, but for a few people."""
    return outer.key.subject_id in inner.inside
