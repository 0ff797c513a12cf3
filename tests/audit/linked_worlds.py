"""Tables put together as the checker of linked proofs reads them."""

from dataclasses import replace
from itertools import combinations

from joined_worlds import WEEK

from anonymizer.audit.history.join import Containment, Cover, Join
from anonymizer.audit.linked_tables import Links, new_table
from anonymizer.model.periods import Period

RUNS = (WEEK.days[-2], WEEK.days[-1])


def linked(shown, *, new=True):
    """One table, from what everybody can read of it."""
    read = new_table(
        shown.figures, shown.possible, shown.catalogue, shown.promise, shown.error, shown.runs
    )
    return replace(read, new=new)


def links_of(tables, containments, old=frozenset()):
    """Tables of one release, `old` positions excepted, with what lies in what."""
    nested = {(c.inner.subject_id, c.outer.subject_id) for c in containments}
    read = [linked(table, new=number not in old) for number, table in enumerate(tables)]
    return Links(read, frozenset(nested), sharing(tables))


def sharing(tables):
    """Which two subjects are not said to be apart."""
    apart = {(t.key.subject_id, other) for t in tables for other in t.apart}
    names = sorted({table.key.subject_id for table in tables})
    return frozenset(set(combinations(names, 2)) - apart)


def links_among(new, earlier=()):
    """New tables and earlier ones, with what each says of itself."""
    names = [table.key.subject_id for table in new]
    nested = {(t.key.subject_id, o) for t in new for o in t.inside if o in names}
    tables = [*(linked(t) for t in new), *(linked(t, new=False) for t in earlier)]
    return Links(tables, frozenset(nested), sharing(new))


def as_campaign(join):
    """Parts and their whole as the days and the week of one campaign."""
    if not join.covers:
        return join
    *parts, whole = join.tables
    periods = [*(Period("day", day) for day in RUNS), WEEK]
    tables = tuple(
        replace(
            table,
            figures=replace(table.figures, key=replace(table.key, subject_id="c", period=period)),
            runs=RUNS,
        )
        for table, period in zip((*parts, whole), periods, strict=True)
    )
    *days, week = (table.key for table in tables)
    within = tuple(Containment(day, week) for day in days)
    return Join(tables, within, (Cover(week, tuple(days)),))
