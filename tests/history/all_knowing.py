"""The attacker who knows everybody else exactly: what keyed rounding leaves of the victim.

No suppression can keep anything from this attacker but the draw of the rounding. Of every figure
whose group holds the victim the attacker knows how many others there are, and weighs how likely
the figure is with one more person and without.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from attacks.published import Group, Table


@dataclass(frozen=True)
class Known:
    """A figure, how many others it counts, and how it is rounded."""

    people: int
    others: int
    rounding: int
    k: int
    of: str


def known_figures(tables: Sequence[Table], counted: Path, atom: Group) -> Iterator[Known]:
    """Published figures of groups that hold the victim; a set of people counts once."""
    reach = pq.read_table(counted, partitioning=None)
    subject = "subject_id" if "subject_id" in reach.column_names else "campaign_id"
    for table in tables:
        mine = reach.filter(pc.equal(reach[subject], table.subject))
        if not mine.num_rows:
            continue
        seen: dict[tuple[str, int], Known] = {}
        for group, people in table.figures.items():
            if not group.contains(atom):
                continue
            here = mine.filter(_inside(mine, group))
            others = pc.sum(here["people"]).as_py() or 0
            # Equal marks: the same people, and one draw for all their groups.
            marks = str(sum(here["marks"].to_pylist()) % 2**64)
            seen[marks, others] = Known(people, others, table.rounding, table.k, str(table))
        yield from seen.values()


def says_present(figures: Sequence[Known]) -> bool | None:
    """Which world makes these figures likelier; None if neither does."""
    weight = sum(evidence(figure) for figure in figures)
    return None if weight == 0 else weight > 0


def evidence(figure: Known) -> float:
    """The logarithm of how much likelier the figure is with the victim than without."""
    with_, without = (_likelihood(figure, figure.others + more) for more in (1, 0))
    if with_ == without:
        return 0.0
    if not with_ or not without:
        return float("inf") if with_ else float("-inf")
    return log(with_) - log(without)


def _likelihood(figure: Known, people: int) -> float:
    """Up with probability remainder / step; what would be below the floor goes up always."""
    below = people - people % figure.rounding
    up = (people % figure.rounding) / figure.rounding
    if people % figure.rounding and below < figure.k:
        up = 1.0
    if figure.people == below:
        return 1 - up
    return up if figure.people == below + figure.rounding else 0.0


def _inside(rows: pa.Table, group: Group) -> pa.ChunkedArray:
    """Rows of the atoms of a group."""
    columns = ("gender", "age_band", "region")
    masks = [
        pc.is_in(rows[name], value_set=_values(leaves))
        for name, leaves in zip(columns, group, strict=True)
    ]
    return pc.and_(pc.and_(masks[0], masks[1]), masks[2])


def _values(leaves: frozenset[str]) -> pa.Array:
    return pa.array(sorted(leaves))
