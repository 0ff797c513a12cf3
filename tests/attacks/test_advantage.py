"""The statistics say what is known of made-up attackers whose advantage is known."""

import numpy as np
import pytest
from advantage import LIKELIHOOD_RATIO, Advantage, Observation, advantage, best_threshold
from evidence import Evidence

NOTHING = np.zeros(0, dtype=np.int64)


def told(score: float, outcomes: np.ndarray = NOTHING) -> Evidence:
    return Evidence({"score": score}, outcomes)


def leaking(draw: np.random.Generator, worlds: int, share: float) -> Advantage:
    """An attacker who sees the victim in this share of worlds, and noise in all of them."""
    pairs = []
    for seen in draw.random(worlds) < share:
        noise = draw.random(2)
        pairs.append(Observation(told(noise[0] + 2 * seen), told(noise[1]), visible=True))
    return advantage(pairs)


def guessing(draw: np.random.Generator, detection: float, false_alarms: float) -> Advantage:
    """An attacker who says yes so often where the victim is, and so often where it is not."""
    said = draw.random((60, 2)) < (detection, false_alarms)
    return advantage([Observation(told(yes), told(no), visible=True) for yes, no in said])


@pytest.mark.parametrize(
    ("detection", "false_alarms"), [(0.3, 0.3), (0.1, 0.0), (0.5, 0.2), (0.9, 0.1), (1.0, 0.0)]
)
def test_held_out_advantage_is_within_its_margin(detection: float, false_alarms: float) -> None:
    """Nine times in ten at least: the choice of the threshold adds to the margin."""
    draw = np.random.default_rng(5)
    results = [guessing(draw, detection, false_alarms) for _ in range(400)]
    truth = detection - false_alarms
    assert abs(np.mean([result.held_out for result in results]) - truth) < 0.02
    covered = np.mean([abs(result.held_out - truth) <= result.margin for result in results])
    assert covered >= 0.89


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.7, 1.0])
def test_the_best_possible_advantage_is_between_held_out_and_best(share: float) -> None:
    """Where the tell is noisy: the threshold learnt from half of the worlds is not the best."""
    draw = np.random.default_rng(5)
    results = [leaking(draw, 60, share) for _ in range(100)]
    held_out = np.mean([result.held_out for result in results])
    best = np.mean([result.best.advantage for result in results])
    assert held_out - 0.01 <= share <= best
    assert share - held_out < 0.1


def test_best_threshold_flatters_the_attacker() -> None:
    draw = np.random.default_rng(6)
    results = [leaking(draw, 24, 0.0) for _ in range(100)]
    assert np.mean([result.best.advantage for result in results]) > 0.1
    assert abs(np.mean([result.held_out for result in results])) < 0.05


def test_power_to_find_a_leak_grows_with_the_leak() -> None:
    """A sample of 24 worlds fails the promise of 0.10 for most leaks of a half, for all of 0.9."""
    draw = np.random.default_rng(7)
    power = [
        np.mean([leaking(draw, 24, share).at_least > 0.10 for _ in range(100)])
        for share in (0.0, 0.5, 0.9)
    ]
    assert power[0] <= 0.05
    assert power[1] >= 0.6
    assert power[2] == 1.0


def test_best_threshold_is_found_by_trying_all() -> None:
    draw = np.random.default_rng(8)
    for _ in range(50):
        scores = draw.integers(0, 6, (20, 2)).astype(float)
        tried = [
            np.mean(scores[:, 0] >= threshold) - np.mean(scores[:, 1] >= threshold)
            for threshold in range(8)
        ]
        rule = best_threshold("score", scores)
        assert rule.advantage == pytest.approx(max(tried))
        assert rule.detection == pytest.approx(np.mean(scores[:, 0] >= rule.threshold))


def test_same_evidence_in_both_worlds_has_no_advantage() -> None:
    scores = np.random.default_rng(9).random(40)
    result = advantage([Observation(told(x), told(x), visible=x < 0.5) for x in scores])
    assert result.held_out == 0
    assert 0 < result.margin < 0.05
    assert result.visible == np.mean(scores < 0.5)


def test_likelihood_ratio_learns_what_no_single_tell_shows() -> None:
    """Two kinds of outcome that are as many in sum: only their shares differ."""
    draw = np.random.default_rng(10)
    observations = [
        Observation(
            told(0.0, draw.multinomial(30, (0.7, 0.3))),
            told(0.0, draw.multinomial(30, (0.3, 0.7))),
            visible=True,
        )
        for _ in range(40)
    ]
    result = advantage(observations)
    assert result.best.tell == LIKELIHOOD_RATIO
    assert result.held_out > 0.8
