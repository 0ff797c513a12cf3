"""Work for processes to do. Functions of a module, so that other processes find them."""

import os
import signal
import time

import numpy as np

from anonymizer.model.errors import Disclosure, Held, InputRejected
from anonymizer.model.periods import Period
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import BUCKETS, Counted, SetHashes, TableKey
from anonymizer.storage.processes import Workers

ITEMS = list(range(8))
EQUAL = [1] * len(ITEMS)
EAGER = Workers(2, start_seconds=-1)  # processes start after the first item, whatever it took


def process(first: int, _: int) -> int:
    """Which process works. The item that runs first is told apart by no more than its turn."""
    return os.getpid()


def tenfold(factor: int, item: int) -> int:
    time.sleep(0.01 * (len(ITEMS) - item))  # the last are ready first
    return factor * item


def refuse(home: int, item: int) -> int:
    """Raises away from home: Held, Held's heir with evidence, a rejection, a fault."""
    if os.getpid() == home:
        return item
    raise (
        Held("proof", "a proof is wrong"),
        Disclosure(["one", "two"]),
        InputRejected("visits/a.csv", "corrupt", "0" * 64, "row 7"),
        ValueError("canary-91@example.invalid"),
        Unsendable(),
    )[item]


class Unsendable(Exception):
    """Carries something that no other process can be sent."""

    def __init__(self) -> None:
        super().__init__("canary-91@example.invalid")
        self.lock = lambda: None


def die(home: int, item: int) -> int:
    if os.getpid() != home:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def linger(home: int, item: int) -> int:
    """Would take ten minutes in another process."""
    if os.getpid() != home:
        time.sleep(600)
    return item


def campaign(visitors: int, seed: int, catalogue: Catalogue) -> Counted:
    """Visitors of a campaign day, with regions of very different sizes."""
    random = np.random.default_rng(seed)
    weights = random.pareto(1.0, size=catalogue.shape)
    people = random.multinomial(visitors, weights.ravel() / weights.sum()).astype(np.int64)
    cells = np.repeat(np.arange(people.size), people)
    places = cells * BUCKETS + random.integers(0, BUCKETS, visitors)
    numbers = random.integers(0, 2**64, visitors, dtype=np.uint64)
    occupied, where = np.unique(places, return_inverse=True)
    totals = np.zeros(len(occupied), dtype=np.uint64)
    np.add.at(totals, where, numbers)
    return Counted(
        TableKey("campaign", f"c{seed}", Period("day", np.datetime64("2026-11-22").item())),
        people.reshape(catalogue.shape),
        SetHashes(occupied // BUCKETS, (occupied % BUCKETS).astype(np.uint8), totals),
        np.ones(catalogue.shape, dtype=bool),
    )


class OfAnotherVersion:
    """An item that cannot be received elsewhere, as after an upgrade during a run."""

    def __reduce__(self) -> object:
        return only_here, (os.getpid(),)


def only_here(parent: int) -> OfAnotherVersion:
    if os.getpid() != parent:
        raise ModuleNotFoundError
    return OfAnotherVersion()
