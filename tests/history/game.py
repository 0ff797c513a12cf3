"""The game: an attacker sees a history with or without a victim, and says which it is.

A coin drawn by the seed decides for each victim and attack which world is shown; where the attack
has no answer, the attacker tosses a coin of its own. An attack that learns nothing is right half
of the time, so the number of right answers follows the binomial distribution exactly.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from all_knowing import Known, known_figures
from attacks.published import Archive, Group, Seen
from attacks.verdicts import Attack, Proof, Suspicion
from raw_quarter import Victim
from scipy.stats import beta, binomtest
from simulation import History, Otherwise, period_of, touches

_AROUND = timedelta(days=8)
_BANDS = (18, 21, *range(25, 76, 5))
_SYBILS = 60


@dataclass(frozen=True)
class Round:
    """One attack on one victim: what it says of each world, and what it proved in them."""

    attack: str
    victim: int
    says_with: bool | None
    says_without: bool | None
    proofs: tuple[Proof, ...]

    @property
    def answers(self) -> bool:
        """Whether it says anything at all."""
        return self.says_with is not None or self.says_without is not None

    @property
    def tells_apart(self) -> bool:
        """Whether it says different things of the two worlds."""
        return self.says_with != self.says_without


@dataclass(frozen=True)
class Score:
    """How often the attacker was right, and how likely so much is by chance alone."""

    right: int
    rounds: int

    @property
    def chance(self) -> float:
        """The probability of so many right answers or more from tossing coins; 1 without any."""
        if not self.rounds:
            return 1.0
        return float(binomtest(self.right, self.rounds, alternative="greater").pvalue)

    @property
    def at_most(self) -> float:
        """The share of right answers that is not exceeded, with 95 % confidence."""
        if self.right == self.rounds:
            return 1.0
        return float(beta.ppf(0.95, self.right + 1, self.rounds - self.right))


class Worlds:
    """The two histories as a victim's attacker may see them, cut to what is near the victim."""

    def __init__(self, history: History, victim: Victim, folder: Path) -> None:
        self._history, self.victim, self._folder = history, victim, folder
        self.other: Otherwise = history.without[victim.number]
        changed = {name.split("/")[1] for name in self.other.files if name.startswith("releases/")}
        self.changed = frozenset(changed)
        self._near = changed | {
            path.name
            for path in history.home.releases.iterdir()
            if self._is_near(path.name) and self._is_known(path.name)
        }

    def with_victim(self) -> Seen:
        return self._seen("with", {})

    def without_victim(self) -> Seen:
        return self._seen("without", self.other.files)

    def suspicion(self) -> Suspicion:
        """What the attacker knows: who the victim is, and which visit is asked for."""
        victim = self.victim
        atom = self.atom(victim.day)
        return Suspicion(
            atom=atom,
            campaign=victim.campaign,
            day=victim.day,
            own={victim.day: _SYBILS} if victim.sybils else {},
            words=("Siti Rahmawati", victim.user),
        )

    def atom(self, day: date) -> Group:
        gender, years, region = self._history.quarter.atom(self.victim, day)
        return Group(frozenset({gender}), frozenset({_band(years)}), frozenset({region}))

    def accessed(self, release: str) -> frozenset[str]:
        """Subjects that the suspected visits would count in: campaigns, and where they send to."""
        if release.startswith("audience"):
            return frozenset({"everyone"})
        start, end = period_of(release)
        sent_on = self._history.quarter.sent_on
        chosen = [campaign for day, campaign in self.victim.visits if start <= day <= end]
        return frozenset(name for one in chosen for name in (one, *sent_on.get(one, ())))

    def _is_near(self, release: str) -> bool:
        start, end = period_of(release)
        return start - _AROUND <= self.victim.day <= end + _AROUND

    def _is_known(self, release: str) -> bool:
        """Whether it was made in both worlds, or is the same in them."""
        return release in self.other.made or not touches(self.victim, release)

    def _seen(self, world: str, instead: Mapping[str, Path]) -> Seen:
        """Hard links of what is near; the looks of all days, with other bytes where they differ."""
        root, published = self._folder / world, self._history.home.published
        shutil.rmtree(root, ignore_errors=True)
        for path in sorted(published.rglob("*")):
            name = str(path.relative_to(published))
            if path.is_file() and name.count("/") > 1 and _release_of(name) in self._near:
                target = root / name
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(instead.get(name, path), target)
        return Seen(root, self._archive(instead), self._history.quarter.sent_on)

    def _archive(self, instead: Mapping[str, Path]) -> Archive:
        """What was kept of each look; what differs without the victim differs in all of them."""
        kept = self._history.archive
        moments = {
            moment: {
                name: str(instead.get(name, digest))
                for name, digest in files.items()
                if _release_of(name) in self._near
            }
            for moment, files in kept.moments.items()
        }
        return Archive(kept.store, moments)


def play(worlds: Worlds, attacks: Mapping[str, Attack]) -> Iterator[Round]:
    """Each attack on both worlds of a victim."""
    suspicion = worlds.suspicion()
    there, gone = worlds.with_victim(), worlds.without_victim()
    for name, attack in attacks.items():
        with_, without = attack(there, suspicion), attack(gone, suspicion)
        proofs = (*with_.proofs, *without.proofs)
        yield Round(name, worlds.victim.number, with_.present, without.present, proofs)


def score(rounds: Sequence[Round], seed: int) -> Score:
    """The coin of each round decides which world is seen; no answer is a toss."""
    draw = np.random.default_rng(seed)
    right = 0
    for one in rounds:
        shown, toss = draw.integers(0, 2, 2)
        says = one.says_with if shown else one.says_without
        right += (bool(toss) if says is None else says) == bool(shown)
    return Score(right, len(rounds))


def figures_of(worlds: Worlds) -> tuple[list[Known], list[Known]]:
    """For one who knows everybody else: the victim's figures in both worlds."""
    there, gone = worlds.with_victim(), worlds.without_victim()
    found: tuple[list[Known], list[Known]] = ([], [])
    for release in sorted(worlds.changed):
        counted = worlds.other.counted.get(release)
        if counted is None:
            continue
        atom = worlds.atom(period_of(release)[1])
        for position, seen in enumerate((there, gone)):
            tables = [
                table
                for table in seen.tables
                if table.release == release and table.subject in worlds.accessed(release)
            ]
            found[position].extend(known_figures(tables, counted, atom))
    return found


def differing_figures(worlds: Worlds) -> tuple[int, int]:
    """Figures that are not the same in both worlds, and how many there are in all."""
    there, gone = (
        {
            (table.release, table.subject, name): people
            for table in seen.tables
            if table.release in worlds.changed
            for name, (_, people) in table.names.items()
        }
        for seen in (worlds.with_victim(), worlds.without_victim())
    )
    every = there.keys() | gone.keys()
    return sum(there.get(key) != gone.get(key) for key in every), len(every)


def _release_of(name: str) -> str:
    kind, *rest = name.split("/")
    return rest[0] if kind == "releases" else rest[1] if len(rest) > 1 else ""


def _band(years: int) -> str:
    lowest = max(band for band in _BANDS if band <= max(years, 18))
    if lowest == 75:
        return "75+"
    following = _BANDS[_BANDS.index(lowest) + 1]
    return f"{lowest}-{following - 1}"
