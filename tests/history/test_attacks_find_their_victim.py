"""Each attack is shown to work: it finds its victim in a release that is made too weak for it."""

from pathlib import Path

import pytest
from attacks.catalogue import ALL
from weak_worlds import WORLDS, Builder

CASES = [
    pytest.param(name, build, tells, id=f"{name}, {build.__name__}")
    for name, worlds in WORLDS.items()
    for build, tells in worlds
]


@pytest.mark.parametrize(("name", "build", "tells"), CASES)
def test_the_victim_is_found(name: str, build: Builder, tells: bool, tmp_path: Path) -> None:
    there = ALL[name](*build(tmp_path / "with" / "published", True))
    gone = ALL[name](*build(tmp_path / "without" / "published", False))
    if tells:
        assert (there.present, gone.present) == (True, False)
    else:
        assert there.proofs != gone.proofs
        assert there.proofs


def test_every_attack_has_a_world_that_it_breaks() -> None:
    assert set(ALL) == set(WORLDS)
