"""Checks the reason that somebody gives for a decision: one plain sentence that names no person.

The ledger keeps it for good, and of some decisions everybody can read it.
"""

import re

from anonymizer.model.errors import ConfigurationError, Fault

_LONGEST = 300
# An e-mail address, or a number longer than a date.
_IDENTIFYING = re.compile(r"\S+@\S+|\d(?:[ .-]?\d){8,}")


def looks_identifying(text: str) -> bool:
    """Whether a text holds what may be an e-mail address or a number of a person."""
    return bool(_IDENTIFYING.search(text))


def require_fit(reason: str, remedy: str) -> None:
    """Refuse an unfit reason; `remedy` says why it must not identify. Raises ConfigurationError."""
    faults = [
        Fault("--reason", problem, solution)
        for wrong, problem, solution in (
            (not reason.strip(), "it is empty", "say in a sentence why"),
            (len(reason) > _LONGEST, f"more than {_LONGEST} characters", "be brief"),
            (not reason.isprintable(), "it contains control characters", "write one line of text"),
            (
                looks_identifying(reason),
                "it contains what looks like an address or a number of a person",
                remedy,
            ),
        )
        if wrong
    ]
    if faults:
        raise ConfigurationError(faults)
