"""What an attack asks and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from attacks.published import Group, Seen


@dataclass(frozen=True)
class Suspicion:
    """What is known of a victim, and what the attacker wants to know: was it there?

    `atom` is the victim's own; `own` the attacker's accounts in that atom that accessed the
    campaign on the same day, by day; `others` what is known of everybody else there; `words`
    what identifies the victim elsewhere.
    """

    atom: Group
    campaign: str
    day: date
    own: dict[date, int] = field(default_factory=dict)
    others: int = 0
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proof:
    """A group that is proved to have so few people, and by what."""

    attack: str
    where: str
    group: str
    fewest: int
    most: int


@dataclass(frozen=True)
class Verdict:
    """What an attack found; `present` is None where the attacker has to toss a coin.

    `undecided` counts the joins of tables whose programs were given up before the end.
    """

    proofs: tuple[Proof, ...] = ()
    present: bool | None = None
    undecided: int = 0


Attack = Callable[[Seen, Suspicion], Verdict]
