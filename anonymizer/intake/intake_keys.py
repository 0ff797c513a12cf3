"""The keys that intake needs, and no others: who has them can draw no figure and seal no file."""

from dataclasses import dataclass, field

from anonymizer.storage.secret import Secret


@dataclass(frozen=True)
class IntakeKeys:
    """Keys of names: of people, visits, requests, and of rows that are compared as a whole."""

    person: bytes = field(repr=False)
    visit: bytes = field(repr=False)
    request: bytes = field(repr=False)
    content: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: Secret) -> "IntakeKeys":
        """Those that are derived from the secret, which they do not reveal."""
        return cls(*(secret.derive(one) for one in ("person", "visit", "request", "content")))
