"""A6, B1, B3, B4, F2: figures and statuses that move with one visit.

The attacker helps with accounts of its own: it fills a group up and watches what one more does.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from statistics import fmean

from attacks.published import Seen, Table
from attacks.verdicts import Proof, Suspicion, Verdict


def threshold(seen: Seen, suspicion: Suspicion) -> Verdict:
    """A6: with one account fewer than the floor, the group appears only if the victim came."""
    table = seen.table(suspicion.campaign, suspicion.day)
    own = suspicion.own.get(suspicion.day, 0)
    if table is None or not own:
        return Verdict()
    appears = suspicion.atom in table.figures
    if own + suspicion.others == table.k - 1 and _floor_is_sharp(seen, table):
        proof = Proof("A6", str(table), str(suspicion.atom), int(appears), int(appears))
        return Verdict((proof,), appears)
    return Verdict((), appears or None)


def stuffing(seen: Seen, suspicion: Suspicion) -> Verdict:
    """B1: the figure of a group that the attacker filled, less its own accounts."""
    table = seen.table(suspicion.campaign, suspicion.day)
    own = suspicion.own.get(suspicion.day, 0)
    if table is None or not own or suspicion.atom not in table.figures:
        return Verdict()
    low, high = table.low(suspicion.atom) - own, table.high(suspicion.atom) - own
    proofs = ()
    if high < table.inference_k:
        proofs = (Proof("B1", str(table), str(suspicion.atom), max(0, low), high),)
    if low > suspicion.others:
        return Verdict(proofs, True)
    return Verdict(proofs, False if high <= suspicion.others else None)


def one_in_region(seen: Seen, suspicion: Suspicion) -> Verdict:
    """B3: is there anything at all about the only person of a region?"""
    table = seen.table(suspicion.campaign, suspicion.day)
    if table is None:
        return Verdict()
    about = {
        group: people
        for group, people in table.names.values()
        if group.region == suspicion.atom.region
    }
    if not about:
        return Verdict()
    proofs = tuple(
        Proof("B3", str(table), str(group), people, people)
        for group, people in about.items()
        if people is not None and people < table.inference_k
    )
    figures = [people for group, people in about.items() if group.contains(suspicion.atom)]
    return Verdict(proofs, bool(figures[0]) if figures and proofs else None)


def rounding_step(seen: Seen, suspicion: Suspicion) -> Verdict:
    """B4: own accounts are added one by one; the one at which the figure steps tells the rest.

    The attacker adds an account a day and knows that nothing else moves; the figure of a fixed
    rounding steps where the number of people passes the middle of a step.
    """
    days = sorted(suspicion.own)
    shown: list[tuple[int, int, int]] = []
    for day in days:
        table = seen.table(suspicion.campaign, day)
        if table and suspicion.atom in table.figures:
            shown.append((suspicion.own[day], table.figures[suspicion.atom], table.rounding))
    steps = [
        (own, figure, rounding)
        for (_, before, _), (own, figure, rounding) in pairwise(shown)
        if figure == before + rounding
    ]
    if len(steps) != 1 or not _never_falls([figure for _, figure, _ in shown]):
        return Verdict()
    own, figure, rounding = steps[0]
    others = figure - rounding // 2 - own
    if others not in {suspicion.others, suspicion.others + 1}:
        return Verdict()
    proof = Proof("B4", f"{suspicion.campaign} {days[0]}", str(suspicion.atom), others, others)
    return Verdict((proof,), others > suspicion.others)


def trend(seen: Seen, suspicion: Suspicion) -> Verdict:
    """B4: the victim's finest figure, against the same group on the days around."""
    table = seen.table(suspicion.campaign, suspicion.day)
    if table is None:
        return Verdict()
    groups = [group for group in table.figures if group.contains(suspicion.atom)]
    if not groups:
        return Verdict()
    finest = min(
        groups, key=lambda g: (table.figures[g], len(g.gender) * len(g.age) * len(g.region))
    )
    around = [
        other.figures[finest]
        for days in (-7, -1, 1, 7)
        if (other := seen.table(suspicion.campaign, suspicion.day + timedelta(days=days)))
        and finest in other.figures
    ]
    if not around:
        return Verdict()
    return Verdict((), table.figures[finest] > fmean(around))


def rarest_status(seen: Seen, suspicion: Suspicion) -> Verdict:
    """A6: the finest group of the victim that is published on some days only: is it, that day?"""
    days = [t for t in seen.tables if (t.series, t.subject) == ("campaign-day", suspicion.campaign)]
    here = [table for table in days if table.start == suspicion.day]
    times: dict[object, int] = {}
    for table in days:
        for group in table.figures:
            if group.contains(suspicion.atom):
                times[group] = times.get(group, 0) + 1
    wavering = {group: n for group, n in times.items() if n < len(days)}
    if not here or not wavering:
        return Verdict()
    nearest = min(wavering, key=lambda group: (abs(wavering[group] - len(days) / 2), str(group)))
    return Verdict((), nearest in here[0].figures)


def nobody(seen: Seen, suspicion: Suspicion) -> Verdict:
    """F2: a campaign that guests and placeholder ids alone have accessed."""
    tables = [t for t in seen.tables if t.subject == suspicion.campaign and t.figures]
    proofs = tuple(
        Proof("F2", str(table), "accounts that are nobody", max(table.figures.values()), 0)
        for table in tables
    )
    return Verdict(proofs, True if proofs else None)


def _floor_is_sharp(seen: Seen, table: Table) -> bool:
    """Exact figures at the floor itself are seen somewhere: no offset raises it."""
    figures = [people for other in seen.tables for people in other.figures.values()]
    return table.rounding == 1 and table.k in figures


def _never_falls(figures: Sequence[int]) -> bool:
    return all(before <= after for before, after in pairwise(figures))
