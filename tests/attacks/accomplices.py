"""G11 and what promise 8 leaves: accomplices who bring two tables to within one person of a step.

Near sets share one outcome, so a difference shows only if the victim is the person who makes it a
step: with 9 accomplices in the one table and a step of 10. The step is drawn once for each pair of
tables; the attacks here try to find it out, or try it often.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from cases import Case, Setting, campaigns, case
from evidence import Evidence, Reading, Seen, Where, compared, compared_tables
from population import NEW_ACCOUNT, OLD_ACCOUNT, Crowd, Positions
from publishers import SUPPRESSED
from segment_sums import segments_of_cell
from worlds import MONTH, WEEK, Visit, day, loaded

from anonymizer.model.policy import Promise

TODAY, TOMORROW = day(0), day(1)
SIZE = 600
JUST_NEAR = Promise().step - 1
LONGEST_STEP = Promise().step + Promise().near_jitter
_STRANGERS_SHARE = 0.7  # of those who got the link, who come and count
_BELOW_THRESHOLD = (Promise().k - 9, Promise().k)
_TO_THRESHOLD = 15  # accomplices that raise the public to the threshold and its offset


def pair(draw: np.random.Generator, number: int, account_days: int = OLD_ACCOUNT) -> Case:
    """Two loads by the public; accomplices of the victim's own cell, and the victim, load one."""
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    cell = crowd.cell_of(victim[0])
    helpers = crowd.in_cell(cell, number, account_days)
    whole, rest = (str(name) for name in draw.permutation(["a", "b"]))
    return case(
        crowd,
        Setting(campaigns(whole, rest), (TODAY,)),
        [*loaded(public, TODAY, whole, rest), *loaded(helpers, TODAY, whole)],
        loaded(victim, TODAY, whole),
        compared_tables([((whole, TODAY), (rest, TODAY))], segments_of_cell(cell)),
    )


def strangers_as_accomplices(draw: np.random.Generator, alike: bool) -> Case:
    """No accounts: some of the public get the one link only, and about nine of them come.

    The attacker does not know how many of them count, but need not know: one more is a step in
    some of the worlds. `alike` strangers are of the victim's gender, age band and regency.
    """
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    cell = crowd.cell_of(victim[0])
    number = int(draw.binomial(round(JUST_NEAR / _STRANGERS_SHARE), _STRANGERS_SHARE))
    came = crowd.in_cell(cell, number) if alike else crowd.strangers(number)
    whole, rest = (str(name) for name in draw.permutation(["a", "b"]))
    return case(
        crowd,
        Setting(campaigns(whole, rest), (TODAY,)),
        [*loaded(public, TODAY, whole, rest), *loaded(came, TODAY, whole)],
        loaded(victim, TODAY, whole),
        compared_tables([((whole, TODAY), (rest, TODAY))], segments_of_cell(cell)),
    )


def repeated_click(draw: np.random.Generator, advertisers: int) -> Case:
    """One click of the victim, in as many tables as it counts in: each draws a step of its own.

    Day 1: the public. Day 2: the public, nine accomplices and the victim load two campaigns of
    each advertiser. Their days, weeks and months are compared with day 1.
    """
    owners = ("one", "two", "three")[:advertisers]
    names = {owner: (f"{owner}-a", f"{owner}-b") for owner in owners}
    every = [name for pair_of_names in names.values() for name in pair_of_names]
    clicked: list[Where] = [(name, period) for name in every for period in (TOMORROW, WEEK, MONTH)]
    return _ladder(
        draw,
        Setting(
            tuple(c for owner, two in names.items() for c in campaigns(*two, advertiser=owner)),
            (TODAY, TOMORROW, WEEK, MONTH),
        ),
        base=("one-a", TODAY),
        rungs=[(name, TOMORROW) for name in every],
        read=clicked,
    )


def many_days(draw: np.random.Generator, days: int) -> Case:
    """The same pair on many days: the victim and nine accomplices come every day but the first."""
    rungs: list[Where] = [("a", day(number)) for number in range(1, days)]
    periods = (TODAY, *(period for _, period in rungs))
    return _ladder(draw, Setting(campaigns("a"), periods), ("a", TODAY), rungs, rungs)


def ladder_over_days(draw: np.random.Generator, rungs: int) -> Case:
    """G11 with old accounts, a rung a day: 0, 1, 2, ... accomplices, then a day with the victim.

    On that day as many accomplices come as the ladder says are just near: one person more is a
    step, if the step is the same as in the ladder.
    """
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    cell = crowd.cell_of(victim[0])
    helpers = crowd.in_cell(cell, rungs)
    ladder: list[Where] = [("a", day(number)) for number in range(rungs)]
    tests: dict[int, Where] = {
        JUST_NEAR + more: ("a", day(rungs + more)) for more in range(LONGEST_STEP - JUST_NEAR)
    }
    return case(
        crowd,
        Setting(campaigns("a"), tuple(period for _, period in (*ladder, *tests.values()))),
        _rungs(dict(enumerate(ladder)), public, helpers) + _rungs(tests, public, helpers),
        [visit for name, period in tests.values() for visit in loaded(victim, period, name)],
        _calibrated(ladder, tests, cell),
    )


def ladder_of_new_accounts(draw: np.random.Generator, rungs: int) -> Case:
    """G11. Copies of one public with 0, 1, 2, ... new accounts, then one with the victim too.

    Everything happens on one day. Copies with the victim are made for each length of the step; the
    one that is just near by the ladder is looked at.
    """
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    cell = crowd.cell_of(victim[0])
    helpers = crowd.in_cell(cell, rungs, NEW_ACCOUNT)
    ladder: list[Where] = [(f"a{rung:03d}", TODAY) for rung in range(rungs)]
    tests: dict[int, Where] = {
        rung: (f"v{rung:03d}", TODAY) for rung in range(JUST_NEAR, LONGEST_STEP)
    }
    names = [name for name, _ in (*ladder, *tests.values())]
    return case(
        crowd,
        Setting(campaigns(*names), (TODAY,)),
        _rungs(dict(enumerate(ladder)), public, helpers) + _rungs(tests, public, helpers),
        loaded(victim, TODAY, *(name for name, _ in tests.values())),
        _calibrated(ladder, tests, cell),
    )


def threshold_ladder(draw: np.random.Generator) -> Case:
    """A ladder down to the threshold: where a follower is suppressed gives away the exact count.

    41 to 49 people and 15 accomplices on the first day, which is enough for a figure; on each later
    day one accomplice fewer, who share it until fewer than `k` people are left. Then a day with the
    victim and as many accomplices as lack one person.
    """
    crowd = Crowd(draw)
    public, victim = crowd.strangers(int(draw.integers(*_BELOW_THRESHOLD))), crowd.strangers(1)
    helpers = crowd.in_cell(crowd.cell_of(victim[0]), _TO_THRESHOLD)
    ladder: dict[int, Where] = {
        number: ("a", day(_TO_THRESHOLD - number)) for number in range(_TO_THRESHOLD, -1, -1)
    }
    tests: dict[int, Where] = {
        number: ("a", day(_TO_THRESHOLD + 1 + number)) for number in range(_TO_THRESHOLD)
    }
    return case(
        crowd,
        Setting(campaigns("a"), tuple(period for _, period in (*ladder.values(), *tests.values()))),
        _rungs(ladder, public, helpers) + _rungs(tests, public, helpers),
        [visit for name, period in tests.values() for visit in loaded(victim, period, name)],
        _at_threshold(ladder, tests),
    )


def _rungs(rungs: Mapping[int, Where], public: Positions, helpers: Positions) -> list[Visit]:
    """The public and so many accomplices in each table."""
    visits: list[Visit] = []
    for number, (name, period) in rungs.items():
        visits += [*loaded(public, period, name), *loaded(helpers[:number], period, name)]
    return visits


def _ladder(
    draw: np.random.Generator,
    setting: Setting,
    base: Where,
    rungs: Sequence[Where],
    read: Sequence[Where],
) -> Case:
    """The public in the base; the public, nine accomplices and the victim in every rung."""
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    cell = crowd.cell_of(victim[0])
    helpers = crowd.in_cell(cell, JUST_NEAR)
    visits = [*loaded(public, base[1], base[0])]
    of_victim: list[Visit] = []
    for name, period in rungs:
        visits += [*loaded(public, period, name), *loaded(helpers, period, name)]
        of_victim += loaded(victim, period, name)
    pairs = [(where, base) for where in read]
    return case(crowd, setting, visits, of_victim, compared_tables(pairs, segments_of_cell(cell)))


def _calibrated(ladder: Sequence[Where], tests: Mapping[int, Where], cell: int) -> Reading:
    """The table with the victim that is just near by the ladder, against the first rung."""
    own = segments_of_cell(cell)

    def read(seen: Seen) -> Evidence:
        base = seen[ladder[0]]
        far = [rung for rung, where in enumerate(ladder) if (seen[where] != base).any()]
        just_near = min(max(min(far, default=0) - 1, min(tests)), max(tests))
        return compared([(seen[tests[just_near]], base)], own)

    return read


def _at_threshold(ladder: Mapping[int, Where], tests: Mapping[int, Where]) -> Reading:
    """Whether everyone is published with one accomplice fewer than the ladder needs."""

    def read(seen: Seen) -> Evidence:
        shown = [number for number, where in ladder.items() if seen[where][0] != SUPPRESSED]
        lacking = max(min(shown, default=0) - 1, 0)
        appears = bool(shown) and lacking in tests and seen[tests[lacking]][0] != SUPPRESSED
        return Evidence({"everyone is published": float(appears)})

    return read
