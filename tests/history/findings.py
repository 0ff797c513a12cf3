"""Everything that the attackers find in a finished history, and what one finds who knows it all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import process_time

from all_knowing import Known, evidence, says_present
from attacks.catalogue import ABOUT_SOMEBODY, AT_LARGE, OF_OWN_CAMPAIGN
from attacks.published import Group, Seen
from attacks.verdicts import Proof, Suspicion
from game import Round, Score, Worlds, differing_figures, figures_of, play, score
from raw_quarter import PROBE
from simulation import History

_NOBODY = Suspicion(Group(frozenset(), frozenset(), frozenset()), PROBE, date.min)


@dataclass(frozen=True)
class AtLarge:
    """What an attack proved of the whole history."""

    attack: str
    proofs: tuple[Proof, ...]
    undecided: int
    seconds: float


@dataclass(frozen=True)
class AllKnowing:
    """One victim and the attacker who knows everybody else: figures, differences, what it says."""

    victim: int
    figures: int
    differing: int
    figures_with_victim: int
    says_with: bool | None
    says_without: bool | None
    certain_with: bool
    certain_without: bool


@dataclass(frozen=True)
class Findings:
    """All attacks on all worlds."""

    tables: int
    figures: int
    at_large: tuple[AtLarge, ...]
    rounds: tuple[Round, ...]
    all_knowing: tuple[AllKnowing, ...]

    def proofs(self) -> list[Proof]:
        """Everything that was proved by anybody."""
        found = [proof for one in self.at_large for proof in one.proofs]
        return found + [proof for one in self.rounds for proof in one.proofs]

    def score(self, seed: int) -> Score:
        """Of all rounds in which the attack answers at all."""
        return score([one for one in self.rounds if one.answers], seed)

    def score_of_all_knowing(self, seed: int) -> Score:
        """The attacker who knows everybody else exactly, one round a victim."""
        rounds = [
            Round("all-knowing", one.victim, one.says_with, one.says_without, ())
            for one in self.all_knowing
        ]
        return score(rounds, seed)


def attack_everything(
    history: History, folder: Path, say: Callable[[str], None] = lambda _: None
) -> Findings:
    """Run every attack: at large on the whole history, the others on both worlds of each victim."""
    seen = Seen(history.home.published, history.archive, history.quarter.sent_on)
    at_large = []
    for name, attack in {**AT_LARGE, **OF_OWN_CAMPAIGN}.items():
        begin = process_time()
        found = attack(seen, _NOBODY)
        at_large.append(AtLarge(name, found.proofs, found.undecided, process_time() - begin))
        say(f"{at_large[-1]}")
    rounds, knowing = [], []
    for number in history.without:
        worlds = Worlds(history, history.quarter.victims[number], folder / str(number))
        rounds += list(play(worlds, ABOUT_SOMEBODY))
        knowing.append(_all_knowing(worlds))
        say(f"victim {number}: {knowing[-1]}")
    return Findings(
        tables=len(seen.tables),
        figures=sum(len(table.figures) for table in seen.tables),
        at_large=tuple(at_large),
        rounds=tuple(rounds),
        all_knowing=tuple(knowing),
    )


def _all_knowing(worlds: Worlds) -> AllKnowing:
    there, gone = figures_of(worlds)
    differing, every = differing_figures(worlds)
    return AllKnowing(
        victim=worlds.victim.number,
        figures=every,
        differing=differing,
        figures_with_victim=len(there),
        says_with=says_present(there),
        says_without=says_present(gone),
        certain_with=_certain(there),
        certain_without=_certain(gone),
    )


def _certain(figures: Sequence[Known]) -> bool:
    return any(abs(evidence(figure)) == float("inf") for figure in figures)
