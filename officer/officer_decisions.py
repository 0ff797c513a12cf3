"""What the officer's page asks for and hands on: who answers is in `cli`, in the name of its login.

The page itself reads no count and no ledger, so that what it shows is what it is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Verdict = Literal["approve", "reject"]


@dataclass(frozen=True)
class WaitingRequest:
    """A requested segment without a decision. `members` lists what its name only counts."""

    id: str
    time: str
    login: str
    advertisers: str
    segment: str
    state: str
    words: str
    members: str = ""


@dataclass(frozen=True)
class WaitingDay:
    """A day that is held as implausible. `digest` stands for the files that are accepted.

    `firsts` are the acceptances by one of two, with `role`, `accepted_on` and `reason`. With
    `is_released` the day is final, and longer periods wait for what was taken in since.
    """

    day: str
    digest: str
    measures: Sequence[Mapping[str, str]]
    given: int
    needed: int
    firsts: Sequence[Mapping[str, str]] = ()
    is_released: bool = False


class OfficerDecisions(Protocol):
    """Reads and decides in the name of the login that runs the process.

    Each raises an AudienceError, whose text says what is wrong and what to do.
    """

    def require_role(self) -> None:
        """Refuse a login whose role was taken away."""

    def requests(self) -> Sequence[WaitingRequest]:
        """The requested segments that wait for a decision."""

    def days(self) -> Sequence[WaitingDay]:
        """The days that wait for an acceptance."""

    def effects(self, request: str) -> Sequence[Mapping[str, Any]]:
        """What a requested segment would add and cause to be suppressed, in each period."""

    def decide(self, request: str, verdict: Verdict, reason: str) -> str:
        """Approve or reject a request; what was recorded, in a sentence."""

    def accept(self, day: str, digest: str, reason: str) -> str:
        """Accept a day with exactly these files; what was recorded, in a sentence."""
