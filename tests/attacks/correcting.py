"""Section G over a wrong release and its correction, which readers hold beside each other.

The two are of one period: they differ in those whom the first did not count by mistake, and in
those who objected before the correction. A segment in which they differ may give one person away.
"""

import numpy as np
from cases import Case, Setting, campaigns, case
from comparing import SIZE
from evidence import Evidence, Reading, Seen, Where, again, compared, compared_tables, inverted
from population import Crowd, Positions
from segment_sums import segments_of_cell
from worlds import WEEK, day, loaded

TODAY, TOMORROW = day(0), day(1)
WRONG_AND_RIGHT = (TODAY, TODAY)
_FEW, _MANY = 9, 20


def missed_victim(draw: np.random.Generator) -> Case:
    """G1 to G3. The first release counts everybody but the victim, the correction everybody."""
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    return case(
        crowd,
        Setting(campaigns("a"), WRONG_AND_RIGHT, missed=victim),
        loaded(public, TODAY, "a"),
        loaded(victim, TODAY, "a"),
        _comparison(crowd, victim, ((again("a"), TODAY), ("a", TODAY))),
    )


def erased_between(draw: np.random.Generator) -> Case:
    """G5. A visitor is erased between the first release and a correction of nobody else."""
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    return case(
        crowd,
        Setting(campaigns("a"), WRONG_AND_RIGHT, objected=victim),
        loaded(public, TODAY, "a"),
        loaded(victim, TODAY, "a"),
        _comparison(crowd, victim, (("a", TODAY), (again("a"), TODAY))),
    )


def erased_while_a_third_was_missed(draw: np.random.Generator) -> Case:
    """G5. The same where the first release did not count a third of the public either."""
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    return case(
        crowd,
        Setting(campaigns("a"), WRONG_AND_RIGHT, missed=public[::3], objected=victim),
        loaded(public, TODAY, "a"),
        loaded(victim, TODAY, "a"),
        _comparison(crowd, victim, (("a", TODAY), (again("a"), TODAY))),
    )


def two_loads_across(draw: np.random.Generator) -> Case:
    """G3. The victim loads one of two tracked URLs; each table of one release is compared with
    that of the other campaign in the other release."""
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    whole, rest = (str(name) for name in draw.permutation(["a", "b"]))
    return case(
        crowd,
        Setting(campaigns(whole, rest), WRONG_AND_RIGHT, missed=public[::3]),
        loaded(public, TODAY, whole, rest),
        loaded(victim, TODAY, whole),
        _comparison(
            crowd,
            victim,
            ((whole, TODAY), (rest, TODAY)),
            ((again(whole), TODAY), (again(rest), TODAY)),
        ),
    )


def corrected_after_the_week(draw: np.random.Generator) -> Case:
    """G4. The victim comes on the second day; the week is compared with the corrected first."""
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    return case(
        crowd,
        Setting(campaigns("a"), (TODAY, TOMORROW, WEEK, TODAY), missed=public[::3]),
        loaded(public, TODAY, "a"),
        loaded(victim, TOMORROW, "a"),
        _comparison(crowd, victim, (("a", WEEK), (again("a"), TODAY))),
    )


def which_was_missed(draw: np.random.Generator) -> Case:
    """G6. The first release misses one of two known people; which segments differ tells who."""
    crowd = Crowd(draw)
    public, first, second = crowd.strangers(SIZE), crowd.strangers(1), crowd.strangers(1)
    masks = [segments_of_cell(crowd.cell_of(person[0])) for person in (first, second)]

    def read(seen: Seen) -> Evidence:
        pair = [(seen[again("a"), TODAY], seen["a", TODAY])]
        found = [compared(pair, own & ~other) for own, other in (masks, masks[::-1])]
        return Evidence(
            {name: found[0].tells[name] - found[1].tells[name] for name in found[0].tells}
        )

    return case(
        crowd,
        Setting(campaigns("a"), WRONG_AND_RIGHT, missed=np.concatenate([first, second])),
        loaded(public, TODAY, "a"),
        loaded(first, TODAY, "a"),
        read,
        otherwise=loaded(second, TODAY, "a"),
    )


def larger_correction_smaller_figure(draw: np.random.Generator) -> Case:
    """G7. The first release misses 1 to 8 people of one cell in the one world, 20 in the other."""
    crowd = Crowd(draw)
    public, first = crowd.strangers(SIZE), crowd.strangers(1)
    more = np.concatenate([first, crowd.in_cell(crowd.cell_of(first[0]), _MANY - 1)])
    few = more[: draw.integers(1, _FEW)]
    return case(
        crowd,
        Setting(campaigns("a"), WRONG_AND_RIGHT, missed=more),
        loaded(public, TODAY, "a"),
        loaded(few, TODAY, "a"),
        inverted((again("a"), TODAY), ("a", TODAY)),
        otherwise=loaded(more, TODAY, "a"),
    )


def _comparison(crowd: Crowd, victim: Positions, *pairs: tuple[Where, Where]) -> Reading:
    return compared_tables(pairs, segments_of_cell(crowd.cell_of(victim[0])))
