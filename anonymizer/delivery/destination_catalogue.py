"""Reads `deliveries.yaml`; every mistake is reported at once, by line."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from anonymizer.delivery.delivery_settings import (
    DeliverySettings,
    DestinationSettings,
    Kind,
    SftpSettings,
)
from anonymizer.model.configuration import line_of, parse, read_text
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.storage.home import Home

FILE_NAME = "deliveries.yaml"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_HOST_KEY = re.compile(r"(?:ssh|ecdsa|sk)-[A-Za-z0-9@.-]+ [A-Za-z0-9+/=]+(?: .*)?")
_REMEDY = "remove it, or correct its name; docs/deliveries.md lists all"


@dataclass(frozen=True)
class Destination:
    """Where something is delivered to. Its name is that of its state: another name is a new one."""

    kind: Kind
    name: str
    settings: DestinationSettings

    @property
    def place(self) -> str:
        """Where its settings are, for faults."""
        return f"{FILE_NAME} {self.kind}.{self.name}"


@dataclass(frozen=True)
class Destinations:
    """All destinations of an installation; `fetch_from` is where figures can be fetched."""

    all: tuple[Destination, ...] = ()
    fetch_from: str = ""

    def named(self, name: str) -> Destination:
        """The destination of this name. Raises ConfigurationError, naming all, for another."""
        found = next((one for one in self.all if one.name == name), None)
        if found is None:
            known = ", ".join(one.name for one in self.all) or "none"
            problem = f"no destination is named {name!r}"
            raise ConfigurationError([Fault(FILE_NAME, problem, f"the destinations: {known}")])
        return found


def load_destinations(home: Home) -> Destinations:
    """The destinations of a home; none without the file. Raises ConfigurationError."""
    path = home.deliveries
    return parse_destinations(read_text(path)) if path.exists() else Destinations()


def parse_destinations(text: str) -> Destinations:
    """The destinations in a text. Raises ConfigurationError with all faults and their lines."""
    try:
        settings = parse(text, FILE_NAME, DeliverySettings)
    except ConfigurationError as error:
        raise ConfigurationError([_with_remedy(fault) for fault in error.faults]) from None
    found = tuple(_destinations(settings))
    faults = [
        Fault(f"{FILE_NAME}:{line_of(text, place)} {'.'.join(place)}", problem, remedy)
        for place, problem, remedy in _problems(found)
    ]
    if faults:
        raise ConfigurationError(faults)
    return Destinations(found, settings.fetch_from or "")


def _destinations(settings: DeliverySettings) -> Iterator[Destination]:
    for kind in get_args(Kind):
        for name, own in getattr(settings, kind).items():
            yield Destination(kind, name, own)


def _problems(found: tuple[Destination, ...]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Place, problem and remedy of what is wrong beyond the form of one setting."""
    times = Counter(one.name for one in found)
    for one in found:
        here = (one.kind, one.name)
        if not _NAME.fullmatch(one.name):
            remedy = "small letters, digits and _, at most 31"
            yield here, "this is not a name of a destination", remedy
        elif times[one.name] > 1:
            yield here, f"two destinations are named {one.name!r}", "rename one"
        if isinstance(one.settings, SftpSettings):
            for key in one.settings.host_keys:
                if not _HOST_KEY.fullmatch(key):
                    remedy = "write 'ssh-ed25519 AAAA...', as ssh-keyscan prints it after the host"
                    yield (*here, "host_keys"), "this is not a public key of a host", remedy


def _with_remedy(fault: Fault) -> Fault:
    is_unknown = "policy-reference" in fault.remedy
    return Fault(fault.place, fault.problem, _REMEDY) if is_unknown else fault
