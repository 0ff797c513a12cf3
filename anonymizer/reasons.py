"""Reasons that people give for what they do to a release; they stand in public for good."""

import re

from anonymizer.errors import ConfigurationError, Fault

_LONGEST_REASON = 300
# An e-mail address, or a number longer than a date: everybody can read the reason.
_IDENTIFYING = re.compile(r"\S+@\S+|\d(?:[ .-]?\d){8,}")


def refuse_unfit(reason: str) -> None:
    """Raises ConfigurationError for a reason that is empty, long or holds a person's data."""
    faults = [
        Fault("--reason", problem, remedy)
        for wrong, problem, remedy in (
            (not reason.strip(), "it is empty", "say in a sentence why"),
            (len(reason) > _LONGEST_REASON, f"more than {_LONGEST_REASON} characters", "be brief"),
            (not reason.isprintable(), "it holds control characters", "write one line of text"),
            (
                bool(_IDENTIFYING.search(reason)),
                "it holds what looks like an address or a number of a person",
                "everybody can read it: leave it out",
            ),
        )
        if wrong
    ]
    if faults:
        raise ConfigurationError(faults)
