"""Whose certificates are believed: those of the system, or of one file instead."""

import ssl
from functools import partial

from anonymizer.delivery.undelivered import Undelivered
from anonymizer.storage.home import Home


def trusted(home: Home, ca_file: str | None) -> ssl.SSLContext:
    """A context that verifies certificate and name, TLS 1.2 or later.

    `ca_file` is relative to the home. Raises Undelivered where it cannot be used.
    """
    make = partial(ssl.create_default_context, ssl.Purpose.SERVER_AUTH)
    try:
        context = make(cafile=home.root / ca_file) if ca_file else make()
    except OSError as error:
        problem = f"ca_file: it cannot be used ({type(error).__name__}); correct it"
        raise Undelivered(problem) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
