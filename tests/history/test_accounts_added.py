"""B4: accounts that are added one by one, against rounding to the nearest and by the key."""

from pathlib import Path

import numpy as np
import pytest
from attacks.watching import rounding_step
from game import Round, score
from weak_worlds import Built, accounts_added, fixed_rounding

from anonymizer.model.policy import Promise
from anonymizer.storage.secret import Secret
from anonymizer.suppression.rounding import rounded

HISTORIES = 16


def keyed(folder: Path, present: bool, key: int) -> Built:
    """As the product rounds: with each account that is added the people are others."""
    marks = np.random.default_rng(key)
    secret = Secret(key.to_bytes(32, "big"))

    def draw(_: str, people: int) -> int:
        mark = marks.integers(0, 2**64, 1, dtype=np.uint64)
        return int(rounded(np.array([people]), mark, Promise(), secret)[0])

    return accounts_added(folder, present, draw)


def played(folder: Path, key: int | None) -> Round:
    """One history with the victim and one without, and what the attack says of them."""
    says = []
    for present in (True, False):
        published = folder / f"{key}-{present}" / "published"
        world = keyed(published, present, key) if key else fixed_rounding(published, present)
        says.append(rounding_step(*world).present)
    return Round("B4 rounding step", key or 0, says[0], says[1], ())


@pytest.mark.slow
def test_by_the_key_the_step_says_hardly_more_than_a_coin(tmp_path: Path) -> None:
    """It is right no more often than coins are; rounded to the nearest it is right always."""
    rounds = [played(tmp_path, key) for key in range(1, HISTORIES + 1)]
    assert score(rounds, seed=1).chance > 0.05
    nearest = played(tmp_path, None)
    assert score([nearest] * HISTORIES, seed=1).right == HISTORIES
