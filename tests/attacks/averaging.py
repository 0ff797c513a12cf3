"""G8 and G9: many tables of nearly the same people, so that the rounding averages out.

Shown to work by simulation on 29 November 2026 (attacks.md, G). Near sets alone do not stop this,
since new accounts or random halves keep the sets far apart; promises 1 and 10 do.
"""

from collections.abc import Sequence

import numpy as np
from cases import Case, Setting, campaigns, case
from evidence import Where, contrasted
from population import NEW_ACCOUNT, Crowd
from segment_sums import segments_of_cell
from worlds import Campaign, Visit, day, loaded

TODAY = day(0)
SIZE = 600
_ACCOUNTS = 10


def copies(draw: np.random.Generator, number: int) -> Case:
    """G8. Campaigns whose links everybody visits, each with ten new accounts of the advertiser's.

    Half of the campaigns, drawn at random, also get the victim. The accounts are of the victim's
    own gender, age band and regency, so that each of its segments is another set in each campaign.
    """
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    cell = crowd.cell_of(victim[0])
    names = _names(draw, number)
    visits = [*loaded(public, TODAY, *names)]
    for name in names:
        visits += loaded(crowd.in_cell(cell, _ACCOUNTS, NEW_ACCOUNT), TODAY, name)
    test, control = names[: number // 2], names[number // 2 :]
    return case(
        crowd,
        Setting(campaigns(*names), (TODAY,)),
        visits,
        loaded(victim, TODAY, *test),
        contrasted(
            [[(name, TODAY)] for name in test],
            [[(name, TODAY)] for name in control],
            segments_of_cell(cell),
        ),
    )


def halves(draw: np.random.Generator, number: int, advertisers: int = 1) -> Case:
    """G9. The public in random halves by tag; the victim in both halves of every other pair.

    The two halves of a pair add up to the same people each time, one more where the victim is.
    Advertisers who collude have equally many pairs each.
    """
    names = _names(draw, number)
    each = number // advertisers
    owned = tuple(
        Campaign(name, advertiser=f"advertiser {position // each}")
        for position, name in enumerate(names)
    )
    pairs = list(zip(names[::2], names[1::2], strict=True))
    return _halves(draw, owned, [[(name, TODAY) for name in pair] for pair in pairs])


def halves_over_days(draw: np.random.Generator, days: int) -> Case:
    """G9 with one pair of campaigns a day, which promise 10 allows: the same public every day."""
    pairs = [[("a", day(number)), ("b", day(number))] for number in range(days)]
    return _halves(draw, campaigns("a", "b"), pairs)


def _halves(
    draw: np.random.Generator, owned: tuple[Campaign, ...], pairs: Sequence[Sequence[Where]]
) -> Case:
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    visits: list[Visit] = []
    for pair in pairs:
        is_first = draw.random(SIZE) < 1 / 2
        for (name, period), half in zip(pair, (is_first, ~is_first), strict=True):
            visits += loaded(public[half], period, name)
    test, control = pairs[::2], pairs[1::2]
    periods = tuple(dict.fromkeys(period for pair in pairs for _, period in pair))
    return case(
        crowd,
        Setting(owned, periods),
        visits,
        [visit for pair in test for name, period in pair for visit in loaded(victim, period, name)],
        contrasted(test, control, segments_of_cell(crowd.cell_of(victim[0]))),
    )


def _names(draw: np.random.Generator, number: int) -> list[str]:
    """Campaigns in random order, so that their places in the ledger say nothing."""
    return [f"c{position:03d}" for position in draw.permutation(number)]
