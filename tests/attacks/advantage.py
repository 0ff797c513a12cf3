"""How well an attacker tells worlds with the victim from worlds without it.

The advantage of a rule "the victim was there if the tell reaches the threshold" is its detection
rate less its rate of false alarms: 0 for a guess, 1 for certainty. `best` takes the tell and the
threshold that do best on the very worlds they are judged on, which flatters the attacker.
`held_out` chooses them, and trains the likelihood ratio, on one half of the worlds and judges the
other half, in turn; an attacker with more worlds to learn from may do a little better. No attacker
whatever has a larger advantage than `visible`, the share of worlds in which the victim changes any
figure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from evidence import Evidence
from numpy.typing import NDArray

Scores = NDArray[np.float64]  # worlds x 2: with the victim, without it
LIKELIHOOD_RATIO = "likelihood ratio"
_Z = 1.96  # 95 % of the normal distribution


@dataclass(frozen=True)
class Observation:
    """What was found in a world with the victim and in the same one without it.

    `visible`: whether any published figure differs between the two.
    """

    present: Evidence
    absent: Evidence
    visible: bool


@dataclass(frozen=True)
class Rule:
    """Says that the victim was there if the tell is at least the threshold."""

    tell: str
    threshold: float
    detection: float
    false_alarms: float

    @property
    def advantage(self) -> float:
        """Detection less false alarms."""
        return self.detection - self.false_alarms


@dataclass(frozen=True)
class Advantage:
    """What an attack achieved in so many worlds.

    `margin` is the half width of the interval of `held_out`: nominally 95 %, in small samples 90 %.
    """

    worlds: int
    best: Rule
    held_out: float
    margin: float
    visible: float

    @property
    def at_least(self) -> float:
        """The lower end of the interval of `held_out`."""
        return self.held_out - self.margin


def advantage(observations: Sequence[Observation]) -> Advantage:
    """Of an attacker who is shown one of the two worlds of each observation."""
    size = len(observations)
    everything = np.ones(size, dtype=bool)
    odd = np.arange(size) % 2 == 1
    hits = np.concatenate([_hits(_scores(observations, ~fold), fold) for fold in (odd, ~odd)])
    held_out, margin = _paired_difference(hits)
    visible = float(np.mean([observation.visible for observation in observations]))
    best = _best_rule(_scores(observations, everything))
    return Advantage(size, best, held_out, margin, visible)


def best_threshold(tell: str, scores: Scores) -> Rule:
    """The threshold with the largest advantage."""
    present, absent = np.sort(scores[:, 0]), np.sort(scores[:, 1])
    thresholds = np.append(np.unique(scores), np.inf)
    detection = 1 - np.searchsorted(present, thresholds) / len(present)
    false_alarms = 1 - np.searchsorted(absent, thresholds) / len(absent)
    position = int(np.argmax(detection - false_alarms))
    return Rule(
        tell, float(thresholds[position]), float(detection[position]), float(false_alarms[position])
    )


def _scores(
    observations: Sequence[Observation], training: NDArray[np.bool_]
) -> Mapping[str, Scores]:
    """Of every tell, and of the likelihood ratio that is learnt from the worlds for training."""
    sides = [(observation.present, observation.absent) for observation in observations]
    scores = {
        tell: np.array([[side.tells[tell] for side in both] for both in sides])
        for tell in sides[0][0].tells
    }
    outcomes = np.array([[side.outcomes for side in both] for both in sides], dtype=float)
    if outcomes.size:
        scores[LIKELIHOOD_RATIO] = outcomes @ _log_ratios(outcomes[training])
    return scores


def _log_ratios(outcomes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each kind of outcome with the victim and without it, one added to each count."""
    totals = outcomes.sum(axis=0) + 1
    shares = totals / totals.sum(axis=1, keepdims=True)
    ratios: NDArray[np.float64] = np.log(shares[0] / shares[1])
    return ratios


def _best_rule(scores: Mapping[str, Scores]) -> Rule:
    rules = [best_threshold(tell, values) for tell, values in scores.items()]
    return max(rules, key=lambda rule: rule.advantage)


def _hits(scores: Mapping[str, Scores], fold: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each world of the fold 1, 0 or -1: said with the victim, less said without it."""
    rule = _best_rule({tell: values[~fold] for tell, values in scores.items()})
    says = scores[rule.tell][fold] >= rule.threshold
    return says[:, 0].astype(np.int64) - says[:, 1]


def _paired_difference(hits: NDArray[np.int64]) -> tuple[float, float]:
    """The mean, and the half width of its interval.

    The interval is that of Agresti and Min (Statistics in Medicine 24, 2005) for paired
    proportions: half a world more in each of the four cells, so that it is no point where no
    world was told apart.
    """
    size = len(hits) + 2
    right, wrong = (hits == 1).sum() + 0.5, (hits == -1).sum() + 0.5
    variance = (right + wrong - (right - wrong) ** 2 / size) / size**2
    return float(hits.mean()), _Z * sqrt(variance)
