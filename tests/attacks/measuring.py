"""Attacks against defences: the same worlds for each defence, and what the attack achieves."""

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from advantage import Advantage, Observation, advantage
from attack_list import Attack
from evidence import Seen
from product import Product
from publishers import (
    CalibratedSharing,
    FixedStepSharing,
    Publisher,
    RaisedThresholdSharing,
    Sharing,
    Unprotected,
)
from worlds import Rules, World, bounded, releases, unbounded

from anonymizer.model.policy import Promise
from anonymizer.storage.secret import KEY_BYTES, Secret


@dataclass(frozen=True)
class Defence:
    """Rules of counting, and a fresh publisher for each world."""

    rules: Callable[[Promise], Rules]
    publisher: Callable[[Promise, Secret], Publisher]

    def publish(self, world: World, promise: Promise, secret: Secret) -> Seen:
        """All releases of a world, one after the other."""
        publisher = self.publisher(promise, secret)
        counted = releases(world, self.rules(promise), secret)
        released = [publisher.release(tables) for tables in counted]
        return Seen.of([figures for tables in released for figures in tables])


DEFENCES: Mapping[str, Defence] = {
    "unprotected": Defence(unbounded, Unprotected),
    "rules only": Defence(bounded, Unprotected),
    "sharing only": Defence(unbounded, Sharing),
    "sharing": Defence(bounded, Sharing),
    "product": Defence(bounded, Product),
    "raised threshold": Defence(bounded, RaisedThresholdSharing),
    "fixed step": Defence(unbounded, FixedStepSharing),
    "calibrated step": Defence(unbounded, CalibratedSharing),
}


def observed(
    attack: Attack, defence: Defence, worlds: int, seed: int, promise: Promise
) -> Iterator[Observation]:
    """What the attacker finds in each pair of worlds; equal seeds make equal worlds."""
    for number in range(worlds):
        draw = np.random.default_rng([seed, number])
        case, secret = attack.scenario(draw), Secret(draw.bytes(KEY_BYTES))
        seen = [defence.publish(world, promise, secret) for world in (case.present, case.absent)]
        yield Observation(case.read(seen[0]), case.read(seen[1]), seen[0].differs_from(seen[1]))


def measured(
    attack: Attack, defence: Defence, worlds: int, seed: int, promise: Promise | None = None
) -> Advantage:
    """The advantage of an attack over so many pairs of worlds."""
    return advantage(tuple(observed(attack, defence, worlds, seed, promise or Promise())))


def seed_of(name: str, seed: int) -> int:
    """A seed for each attack by name, so that adding one leaves the others as they were."""
    return zlib.crc32(f"{seed}/{name}".encode())
