"""The chain of the ledger: each link carries the hash of the one before it.

A link seals two parts. `shown` may be read by anyone; of what is `kept` private only the digest
stands in the link. So the chain can be proved from its public part alone, without a database
and without one number that is not public.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from anonymizer.model.errors import LedgerBroken
from anonymizer.storage.files import canonical_json

FIRST = "0" * 64


@dataclass(frozen=True)
class Link:
    """One entry as the chain sees it; `shown` is None when nothing of it is public."""

    sequence: int
    shown: Mapping[str, Any] | None
    kept: str
    previous: str
    hash: str

    @cached_property
    def seal(self) -> str:
        """What its hash has to be."""
        return _seal(self.sequence, self.shown, self.kept, self.previous)


def forge(
    sequence: int, shown: Mapping[str, Any] | None, kept: Mapping[str, Any], previous: str
) -> Link:
    """The link that follows `previous`. What is kept enters by its digest alone."""
    digest = _sha256(canonical_json(kept))
    return Link(sequence, shown, digest, previous, _seal(sequence, shown, digest, previous))


def prove(links: Iterable[Link]) -> tuple[Link, ...]:
    """The links, each proved to follow from the one before it.

    Raises LedgerBroken, naming the first sequence where the chain does not hold.
    """
    proved: list[Link] = []
    previous = FIRST
    for link in links:
        expected = len(proved) + 1
        if link.sequence != expected:
            raise broken(expected, f"sequence {link.sequence} is in its place")
        if link.previous != previous:
            raise broken(expected, "it does not follow from the entry before it")
        if link.hash != link.seal:
            raise broken(expected, "it has been edited")
        previous = link.hash
        proved.append(link)
    return tuple(proved)


def broken(sequence: int, problem: str) -> LedgerBroken:
    """The refusal of a chain that does not hold at `sequence`."""
    return LedgerBroken(
        f"sequence {sequence}: {problem}. Nothing is published until the ledger is restored from "
        "its backup; see docs/operations.md"
    )


def _seal(sequence: int, shown: Mapping[str, Any] | None, kept: str, previous: str) -> str:
    return _sha256(canonical_json([sequence, _sha256(canonical_json(shown)), kept, previous]))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
