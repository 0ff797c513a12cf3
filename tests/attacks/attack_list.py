"""All attacks by name: what each may achieve, and which defence it shows to be needed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import accomplices
import averaging
import comparing
import correcting
import sticky_noise
import targeting
from accomplices import JUST_NEAR
from cases import Scenario
from population import NEW_ACCOUNT
from targeting import one_link, separate_links

PROMISED: Final = 0.10
PER_PAIR: Final = 0.25
WORKS: Final = 0.5


@dataclass(frozen=True)
class Attack:
    """A scenario and what is said of it.

    `allowed` is the largest advantage that the design allows, None where it asks for a measurement
    only. `remains` is the advantage that was measured against promises 8 and 10 with the default
    settings, where that is more than PROMISED. `works_against` names a weaker defence, in which the
    advantage is at least `undefended`. It is None where an attack tells little, or no more, without
    defence: four campaigns with few links, four accomplices, a correction for which a third of the
    people was missed.
    """

    scenario: Scenario
    allowed: float | None = PROMISED
    remains: float | None = None
    works_against: str | None = None
    undefended: float = WORKS


COMPARING: Mapping[str, Attack] = {
    "G1 nested links": Attack(comparing.nested_links, works_against="unprotected"),
    "G2 two tags": Attack(comparing.two_tags, works_against="unprotected"),
    "G3 two parameters": Attack(comparing.two_parameters, works_against="unprotected"),
    "G3 two loads": Attack(comparing.two_loads, works_against="rules only"),
    "two loads, 2,000 people": Attack(
        partial(comparing.two_loads, size=2_000), works_against="rules only"
    ),
    "two loads, 45 to 65 people": Attack(
        comparing.at_threshold, works_against="rules only", undefended=0.30
    ),
    "two loads, small regency": Attack(comparing.in_small_regency, works_against="rules only"),
    "G4 week and day": Attack(comparing.week_and_day, works_against="rules only"),
    "parts: the whole before them": Attack(comparing.whole_and_part, works_against="rules only"),
    "parts: two devices": Attack(comparing.two_devices, works_against="rules only"),
    "G5 erased or withdrawn": Attack(comparing.erased, works_against="rules only"),
    "late": Attack(comparing.late, works_against="rules only"),
    "corrected": Attack(comparing.corrected, works_against="rules only"),
    "toggling consent": Attack(comparing.toggling, works_against="rules only"),
    "G6 which person": Attack(comparing.which_person, works_against="rules only"),
    "G7 larger set, smaller figure": Attack(
        comparing.larger_set_smaller_figure, works_against="rules only", undefended=0.15
    ),
    "differential (1804.06752)": Attack(sticky_noise.differential, works_against="rules only"),
    "cloning (1804.06752)": Attack(sticky_noise.cloning, works_against="rules only"),
}

# The same over a wrong release and its correction.
CORRECTING: Mapping[str, Attack] = {
    "correction: G1 to G3, one person was missed": Attack(
        correcting.missed_victim, works_against="rules only"
    ),
    "correction: G3 two loads": Attack(correcting.two_loads_across, works_against="rules only"),
    "correction: G4 week and corrected day": Attack(
        correcting.corrected_after_the_week, works_against="rules only"
    ),
    "correction: G5 erased in between": Attack(
        correcting.erased_between, works_against="rules only"
    ),
    "correction: G5 erased, a third was missed": Attack(correcting.erased_while_a_third_was_missed),
    "correction: G6 which person was missed": Attack(
        correcting.which_was_missed, works_against="rules only"
    ),
    "correction: G7 larger set, smaller figure": Attack(
        correcting.larger_correction_smaller_figure, works_against="rules only", undefended=0.15
    ),
}

AVERAGING: Mapping[str, Attack] = {
    "G8 copies, 4 campaigns": Attack(
        partial(averaging.copies, number=4), works_against="sharing only", undefended=0.20
    ),
    "G8 copies, 16 campaigns": Attack(
        partial(averaging.copies, number=16), works_against="sharing only", undefended=0.40
    ),
    "G8 copies, 64 campaigns": Attack(
        partial(averaging.copies, number=64), works_against="sharing only"
    ),
    "G9 halves, 4 campaigns": Attack(partial(averaging.halves, number=4), remains=0.26),
    "G9 halves, 32 campaigns": Attack(
        partial(averaging.halves, number=32), works_against="sharing only"
    ),
    "G10 victim alone, one link": Attack(
        partial(targeting.victim_alone, number=64, visiting=one_link),
        works_against="unprotected",
        undefended=0.40,
    ),
    "G10 victim alone, 64 links": Attack(
        partial(targeting.victim_alone, number=64, visiting=separate_links),
        works_against="sharing only",
        undefended=0.40,
    ),
    "G10 victim alone, 4 links": Attack(
        partial(targeting.victim_alone, number=4, visiting=separate_links)
    ),
    "G10 small regency, one link": Attack(
        partial(targeting.small_regency, number=64, visiting=one_link), works_against="unprotected"
    ),
    "G10 small regency, 64 links": Attack(
        partial(targeting.small_regency, number=64, visiting=separate_links),
        works_against="unprotected",
    ),
    "G10 small regency, 4 links": Attack(
        partial(targeting.small_regency, number=4, visiting=separate_links), remains=0.31
    ),
}

ACCOMPLICES: Mapping[str, Attack] = {
    "G11 ladder of new accounts": Attack(
        partial(accomplices.ladder_of_new_accounts, rungs=16), works_against="calibrated step"
    ),
    "pair, 9 new accounts": Attack(
        partial(accomplices.pair, number=JUST_NEAR, account_days=NEW_ACCOUNT),
        works_against="fixed step",
    ),
    "pair, 4 old accomplices": Attack(partial(accomplices.pair, number=4)),
    "pair, 9 old accomplices": Attack(
        partial(accomplices.pair, number=JUST_NEAR),
        allowed=PER_PAIR,
        remains=0.30,
        works_against="fixed step",
    ),
}

# What promises 8 and 10 leave to those who have old accounts, many days, or each other.
BEYOND: Mapping[str, Attack] = {
    "pair, 10 old accomplices": Attack(
        partial(accomplices.pair, number=JUST_NEAR + 1), allowed=None, remains=0.35
    ),
    "pair, 11 old accomplices": Attack(
        partial(accomplices.pair, number=JUST_NEAR + 2), allowed=None, remains=0.34
    ),
    "pair, 20 old accomplices": Attack(
        partial(accomplices.pair, number=20), allowed=None, remains=0.19
    ),
    "pair, about 9 strangers": Attack(
        partial(accomplices.strangers_as_accomplices, alike=False), allowed=None, remains=0.20
    ),
    "pair, about 9 strangers alike": Attack(
        partial(accomplices.strangers_as_accomplices, alike=True), allowed=None, remains=0.17
    ),
    "one click, one advertiser": Attack(
        partial(accomplices.repeated_click, advertisers=1), allowed=None, remains=0.91
    ),
    "one click, two advertisers": Attack(
        partial(accomplices.repeated_click, advertisers=2), allowed=None, remains=0.99
    ),
    "9 old accomplices, 15 days": Attack(
        partial(accomplices.many_days, days=15), allowed=None, remains=1.0
    ),
    "ladder over days, one click": Attack(
        partial(accomplices.ladder_over_days, rungs=16),
        allowed=None,
        remains=0.26,
        works_against="calibrated step",
    ),
    "ladder to the threshold": Attack(accomplices.threshold_ladder, allowed=None, remains=0.43),
    "G9 halves, two advertisers": Attack(
        partial(averaging.halves, number=8, advertisers=2), allowed=None, remains=0.25
    ),
    "G9 halves over 32 days": Attack(
        partial(averaging.halves_over_days, days=32), allowed=None, remains=1.0
    ),
}

ATTACKS: Mapping[str, Attack] = {**COMPARING, **CORRECTING, **AVERAGING, **ACCOMPLICES, **BEYOND}
