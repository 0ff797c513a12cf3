"""Releases that break a promise in one place, as a faulty suppressor would hand them over."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from release_world import (
    DAY,
    NOTHING_BEFORE,
    POLICY,
    SPRING,
    count,
    figures_of,
    judged,
    showing,
    suppressed,
    terms,
    without,
    world,
)

from anonymizer.model.tables import Counted
from anonymizer.release.gate import Checked
from anonymizer.release.near_state import NearHistory
from anonymizer.suppression.release_suppression import ReleaseTerms, Suppressed, state_of
from anonymizer.suppression.representatives import write_representatives

MAKASSAR = ("female", "50-54", "73.71")
EXACT = terms(POLICY.promise.model_copy(update={"rounding": 1, "near_jitter": 0}))


@dataclass(frozen=True)
class Attempt:
    """What is handed to the gate."""

    tables: Sequence[Suppressed]
    counted: Sequence[Counted]
    of: ReleaseTerms
    near: NearHistory = NOTHING_BEFORE

    def pass_gate(self) -> Checked:
        return judged(self.tables, self.counted, self.near, self.of)


def spring(of: ReleaseTerms | None = None, **figures: int) -> Attempt:
    """Spring alone, with other figures for some segments."""
    counted = [count("spring", SPRING)]
    of = of or terms()
    return Attempt([showing(suppressed(counted, of=of)[0], **figures)], counted, of)


def below_the_threshold(position: Path) -> Attempt:
    """44 women in Makassar, published as 50."""
    counted = [count("spring", {**SPRING, MAKASSAR: 44})]
    return Attempt([showing(suppressed(counted)[0], women_makassar=50)], counted, terms())


def below_the_drawn_threshold(position: Path) -> Attempt:
    """So many women in Makassar that `k` is reached and the offset is not, published all the same.

    Of the groups of 50 to 54 one at least has an offset that it does not reach.
    """
    for people in range(50, 55):
        counted = [count("spring", {**SPRING, MAKASSAR: people})]
        table = suppressed(counted)[0]
        if "women_makassar" not in figures_of(table):
            return Attempt([showing(table, women_makassar=60)], counted, terms())
    raise AssertionError("every offset is 0")


def all_of_one_kind(position: Path) -> Attempt:
    """80 people, all of them men, both published exactly: at most 9 women came."""
    counted = [count("spring", {("male", "25-29", "31.71"): 80})]
    table = suppressed(counted, of=EXACT)[0]
    return Attempt([showing(table, everyone=80, men=80)], counted, EXACT)


def not_a_multiple(position: Path) -> Attempt:
    return spring(men=903)


def two_steps_away(position: Path) -> Attempt:
    return spring(men=920)


def not_as_drawn(position: Path) -> Attempt:
    """901 men can be 900 or 910; the secret has drawn one of them."""
    drawn = figures_of(spring().tables[0])["men"]
    return spring(men=1810 - drawn)


def near_in_the_table(position: Path) -> Attempt:
    """All men are in Java; the group judged second has a figure of its own."""
    drawn = figures_of(spring().tables[0])["men"]
    return spring(**{"male:all:java": 1810 - drawn})


def copies(fewer: int) -> list[Counted]:
    """Two campaigns of the same people, but for a few."""
    return [count("autumn", without(SPRING, fewer)), count("spring", SPRING)]


def near_in_the_release(position: Path) -> Attempt:
    """Two campaigns that differ by one person, and `everyone` has two figures."""
    counted = copies(1)
    autumn, second = suppressed(counted)
    return Attempt([autumn, showing(second, everyone=1230)], counted, terms())


def judged_by_itself(position: Path) -> Attempt:
    """The second of two such campaigns, judged as if it were alone."""
    counted = copies(1)
    return Attempt([suppressed([table])[0] for table in counted], counted, terms())


def near_in_an_earlier_release(position: Path) -> Attempt:
    """The next day one person less comes, and the day is judged as if it were the first."""
    before, after = world(DAY), world(date(2026, 11, 23), spring=1)
    write_representatives(state_of(suppressed(before), POLICY.promise), position)
    return Attempt(suppressed(after), after, terms(), NearHistory((position,), "digest"))


def follower_below_the_threshold(position: Path) -> Attempt:
    """A campaign of 56 people is published, its copy has 49 of them: near, and too few."""
    kind = ("male", "25-29", "31.71")
    counted = [count("autumn", {kind: 56}), count("spring", {kind: 49})]
    autumn, second = suppressed(counted)
    return Attempt(
        [autumn, showing(second, everyone=figures_of(autumn)["everyone"])], counted, terms()
    )


def witness_off_by_one(position: Path) -> Attempt:
    """One person more in one class of every table that the proof begins with."""
    attempt = spring()
    proof = attempt.tables[0].witnesses
    starts = proof.starts.copy()
    starts[:, int(np.argmax(starts[0]))] += POLICY.promise.rounding
    return replace(
        attempt, tables=[replace(attempt.tables[0], witnesses=replace(proof, starts=starts))]
    )


def negative_witness(position: Path) -> Attempt:
    """A witness with a person less than nobody."""
    attempt = spring()
    proof = attempt.tables[0].witnesses
    changes = proof.changes.toarray()
    changes[0] -= proof.starts[proof.start_of[0]] + changes[0] + 1
    return replace(
        attempt,
        tables=[
            replace(
                attempt.tables[0],
                witnesses=replace(proof, changes=type(proof.changes)(changes)),
            )
        ],
    )


def without_witnesses(position: Path) -> Attempt:
    """The proof without the tables that its starts are turned into."""
    attempt = spring()
    proof = attempt.tables[0].witnesses
    none = replace(proof, start_of=proof.start_of[:0], changes=proof.changes[:0])
    return replace(attempt, tables=[replace(attempt.tables[0], witnesses=none)])


def larger_than_its_whole(position: Path) -> Attempt:
    """Women of Java with a larger figure than all women."""
    return spring(**{"female:all:java": 350})


Faulty = Callable[[Path], Attempt]
FAULTS: Mapping[Faulty, str] = {
    below_the_threshold: "floor",
    below_the_drawn_threshold: "floor",
    all_of_one_kind: "unproved",
    not_a_multiple: "rounding",
    two_steps_away: "rounding",
    not_as_drawn: "rounding",
    near_in_the_table: "rule",
    near_in_the_release: "rule",
    judged_by_itself: "rule",
    near_in_an_earlier_release: "rule",
    follower_below_the_threshold: "floor",
    witness_off_by_one: "unproved",
    negative_witness: "unproved",
    without_witnesses: "unproved",
    larger_than_its_whole: "contradiction",
}
