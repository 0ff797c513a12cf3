"""G1 to G7: two tables of one advertiser that differ in the victim alone, without any account.

Found on the product of 29 November 2026 (attacks.md, G). The victim gets a link of its own, or is
in one period and not in the other; a segment in which the two tables differ gives it away.
"""

import numpy as np
from cases import Case, Setting, campaigns, case
from evidence import Evidence, Reading, Seen, Where, compared, compared_tables, inverted
from population import Crowd, Positions, leaves_of, regions_by_size
from segment_sums import segments_of_cell
from worlds import MONTH, WEEK, Visit, day, loaded

TODAY, TOMORROW = day(0), day(1)
SIZE = 600
AT_THRESHOLD = (45, 65)
_SMALL_PROVINCES = 8
_FEW, _MANY = 9, 20


def nested_links(draw: np.random.Generator) -> Case:
    """G1. Links `/go` and `/go/all`; everybody gets `/go/all/..`, the victim `/go/for-you`."""
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    return case(
        crowd,
        Setting(campaigns("go", "go-all"), (TODAY,)),
        [Visit(public, TODAY.start, links=(("go-all",), ("go",)))],
        [Visit(victim, TODAY.start, links=(("go",),))],
        _comparison(crowd, victim, (("go", TODAY), ("go-all", TODAY))),
    )


def two_tags(draw: np.random.Generator) -> Case:
    """G2. The public URL carries `utm_id=A&utm_campaign=B`, the victim's only `utm_id=A`."""
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    first, second = _in_random_order(draw)
    return case(
        crowd,
        Setting(campaigns(first, second), (TODAY,)),
        [Visit(public, TODAY.start, tags=(first, second))],
        [Visit(victim, TODAY.start, tags=(first,))],
        _comparison(crowd, victim, ((first, TODAY), (second, TODAY))),
    )


def two_parameters(draw: np.random.Generator) -> Case:
    """G3. Links `?all=1` and `?pub=1`; the public URL has both, the victim's only the first."""
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    first, second = _in_random_order(draw)
    return case(
        crowd,
        Setting(campaigns(first, second), (TODAY,)),
        [Visit(public, TODAY.start, links=((first, second),))],
        [Visit(victim, TODAY.start, links=((first,),))],
        _comparison(crowd, victim, ((first, TODAY), (second, TODAY))),
    )


def two_loads(draw: np.random.Generator, size: int = SIZE) -> Case:
    """G3. The public page loads two tracked URLs, the victim's page one of them.

    Two campaigns are what promise 10 allows, so this is what remains of G1 to G3 under it.
    """
    crowd = Crowd(draw)
    return _two_loads(draw, crowd, crowd.strangers(size), crowd.strangers(1))


def at_threshold(draw: np.random.Generator) -> Case:
    """Two loads by 45 to 65 people: a single person decides whether a figure appears."""
    return two_loads(draw, int(draw.integers(AT_THRESHOLD[0], AT_THRESHOLD[1] + 1)))


def in_small_regency(draw: np.random.Generator) -> Case:
    """Two loads by people of one of the smallest provinces; the victim is of a small regency.

    Most figures of its regency are at the threshold, and it is in as many segments as can be.
    """
    crowd = Crowd(draw)
    province = regions_by_size("province")[draw.integers(_SMALL_PROVINCES)]
    inside = leaves_of(province)
    regencies = [code for code in regions_by_size("regency") if (leaves_of(code) & inside).any()]
    smaller = regencies[: max(1, len(regencies) // 2)]
    public = crowd.strangers(SIZE, inside)
    victim = crowd.strangers(1, leaves_of(smaller[draw.integers(len(smaller))]))
    return _two_loads(draw, crowd, public, victim)


def week_and_day(draw: np.random.Generator) -> Case:
    """G4. The public link on day 1, the victim alone on day 2; the week is compared with day 1."""
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    return case(
        crowd,
        Setting(campaigns("a"), (TODAY, TOMORROW, WEEK)),
        loaded(public, TODAY, "a"),
        loaded(victim, TOMORROW, "a"),
        _comparison(crowd, victim, (("a", WEEK), ("a", TODAY))),
    )


def whole_and_part(draw: np.random.Generator) -> Case:
    """A campaign is counted in parts from day 2 on; everybody comes on both days, by phone.

    The victim comes on day 2 alone: the part, and its week, are compared with the whole of day 1.
    """
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    whole, part = ("a", TODAY), ("a.phone", TOMORROW)
    whole_week, part_week = ("a", WEEK), ("a.phone", WEEK)
    return case(
        crowd,
        Setting(campaigns("a", "a.phone"), (TODAY, TOMORROW, WEEK)),
        [*loaded(public, TODAY, "a"), *loaded(public, TOMORROW, "a.phone")],
        loaded(victim, TOMORROW, "a.phone"),
        _comparison(crowd, victim, (part, whole), (part_week, whole_week), (part_week, whole)),
    )


def two_devices(draw: np.random.Generator) -> Case:
    """The public comes by phone and by computer, the victim by phone alone; days and week."""
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    phone, other = ("a.phone", TODAY), ("a.other", TODAY)
    phone_week, other_week = ("a.phone", WEEK), ("a.other", WEEK)
    return case(
        crowd,
        Setting(campaigns("a.other", "a.phone"), (TODAY, WEEK)),
        loaded(public, TODAY, "a.phone", "a.other"),
        loaded(victim, TODAY, "a.phone"),
        _comparison(crowd, victim, (phone, other), (phone_week, other_week), (phone_week, other)),
    )


def erased(draw: np.random.Generator) -> Case:
    """G5. A visitor of day 1 is erased, or withdraws, before the week is released."""
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    return case(
        crowd,
        Setting(campaigns("a"), (TODAY, WEEK), excluded={WEEK: victim}),
        loaded(public, TODAY, "a"),
        loaded(victim, TODAY, "a"),
        _comparison(crowd, victim, (("a", TODAY), ("a", WEEK))),
    )


def late(draw: np.random.Generator) -> Case:
    """The victim's visit arrives too late for its day and counts in the week."""
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    return case(
        crowd,
        Setting(campaigns("a"), (TODAY, WEEK)),
        loaded(public, TODAY, "a"),
        [Visit(victim, TODAY.start, tags=("a",), late=True)],
        _comparison(crowd, victim, (("a", WEEK), ("a", TODAY))),
    )


def toggling(draw: np.random.Generator) -> Case:
    """A visitor consents for the day, not for the week, and again for the month."""
    crowd = Crowd(draw)
    public, victim = crowd.strangers(SIZE), crowd.strangers(1)
    on_day, in_week, in_month = (("a", period) for period in (TODAY, WEEK, MONTH))
    return case(
        crowd,
        Setting(campaigns("a"), (TODAY, WEEK, MONTH), excluded={WEEK: victim}),
        loaded(public, TODAY, "a"),
        loaded(victim, TODAY, "a"),
        _comparison(crowd, victim, (on_day, in_week), (in_month, in_week), (in_month, on_day)),
    )


def corrected(draw: np.random.Generator) -> Case:
    """The profile of a visitor of day 1 is corrected before the week: another region, age, gender.

    The victim leaves the segments of one cell for those of another.
    """
    crowd = Crowd(draw)
    public, victim, afterwards = crowd.strangers(SIZE), crowd.strangers(1), crowd.strangers(1)
    before, after = crowd.cell_of(victim[0]), crowd.cell_of(afterwards[0])
    cells = crowd.cells()
    cells[victim] = after
    own = segments_of_cell(before) ^ segments_of_cell(after)
    return case(
        crowd,
        Setting(campaigns("a"), (TODAY, WEEK), moved={WEEK: cells}),
        loaded(public, TODAY, "a"),
        loaded(victim, TODAY, "a"),
        compared_tables([(("a", TODAY), ("a", WEEK))], own),
    )


def which_person(draw: np.random.Generator) -> Case:
    """G6. One of two known people has the victim's link; which segments differ tells who.

    In the one world the first of them came, in the other the second.
    """
    crowd = Crowd(draw)
    public, first, second = crowd.strangers(SIZE), crowd.strangers(1), crowd.strangers(1)
    whole, rest = _in_random_order(draw)
    masks = [segments_of_cell(crowd.cell_of(person[0])) for person in (first, second)]

    def read(seen: Seen) -> Evidence:
        pair = [(seen[whole, TODAY], seen[rest, TODAY])]
        found = [compared(pair, own & ~other) for own, other in (masks, masks[::-1])]
        tells = {name: found[0].tells[name] - found[1].tells[name] for name in found[0].tells}
        return Evidence(tells)

    return case(
        crowd,
        Setting(campaigns(whole, rest), (TODAY,)),
        loaded(public, TODAY, whole, rest),
        loaded(first, TODAY, whole),
        read,
        otherwise=loaded(second, TODAY, whole),
    )


def larger_set_smaller_figure(draw: np.random.Generator) -> Case:
    """G7. A table that holds another one and has the smaller figure: few people are between.

    In the one world 1 to 8 more people of one cell are in the larger table, in the other 20.
    """
    crowd = Crowd(draw)
    public, first = crowd.strangers(SIZE), crowd.strangers(1)
    more = np.concatenate([first, crowd.in_cell(crowd.cell_of(first[0]), _MANY - 1)])
    few = more[: draw.integers(1, _FEW)]
    whole, rest = _in_random_order(draw)
    return case(
        crowd,
        Setting(campaigns(whole, rest), (TODAY,)),
        loaded(public, TODAY, whole, rest),
        loaded(few, TODAY, whole),
        inverted((whole, TODAY), (rest, TODAY)),
        otherwise=loaded(more, TODAY, whole),
    )


def _two_loads(
    draw: np.random.Generator, crowd: Crowd, public: Positions, victim: Positions
) -> Case:
    whole, rest = _in_random_order(draw)
    return case(
        crowd,
        Setting(campaigns(whole, rest), (TODAY,)),
        loaded(public, TODAY, whole, rest),
        loaded(victim, TODAY, whole),
        _comparison(crowd, victim, ((whole, TODAY), (rest, TODAY))),
    )


def _comparison(crowd: Crowd, victim: Positions, *pairs: tuple[Where, Where]) -> Reading:
    return compared_tables(pairs, segments_of_cell(crowd.cell_of(victim[0])))


def _in_random_order(draw: np.random.Generator) -> list[str]:
    """Names of two campaigns: which of them the ledger holds first is open."""
    return [str(name) for name in draw.permutation(["a", "b"])]
