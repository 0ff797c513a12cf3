"""Why a delivery failed: a code for the log, and whether the next one can be tried."""

from anonymizer.model.errors import AudienceError


class Undelivered(AudienceError):
    """A destination did not take a delivery; it is tried again later.

    The message has a code and what to do. It repeats nothing that the other side said, which may
    quote addresses, accounts and secrets.
    """
