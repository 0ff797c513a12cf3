"""Delivers what destinations have not been told yet, each destination for itself.

At least once: a delivery is recorded before it begins and when it ends, and what has no end is
tried again under the same id. A destination that fails is left until its next turn, and is paused
longer each time; the others go on. Nothing of the releases waits for any of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Literal

from anonymizer.delivery.delivery_changes import Change, PublishedExports
from anonymizer.delivery.delivery_log import DeliveryHistory, DeliveryLog, Step, line_of_delivery
from anonymizer.delivery.destination_catalogue import Destination, Destinations
from anonymizer.delivery.senders import (
    DeliveryGround,
    Parcel,
    PreparedParcel,
    Sender,
    sender_of,
)
from anonymizer.delivery.undelivered import Undelivered
from anonymizer.exports.export_files import ExportFiles, PackageTooLarge
from anonymizer.model.errors import ConfigurationError, Held, NoSpace
from anonymizer.storage.home import Home

Outcome = Literal["delivered", "failed", "paused", "to be sent"]


@dataclass(frozen=True)
class DeliveryOutcome:
    """What became of a parcel; of a paused destination, of all its changes together."""

    destination: str
    kind: str
    advertiser: str
    changes: tuple[str, ...]
    outcome: Outcome
    files: int = 0
    problem: str = ""
    id: str = ""


@dataclass(frozen=True)
class DeliveryTerms:
    """`at_once` tries paused destinations, too; `dry` sends nothing and records nothing."""

    now: datetime
    at_once: bool = False
    dry: bool = False


def deliver(home: Home, destinations: Destinations, terms: DeliveryTerms) -> list[DeliveryOutcome]:
    """Deliver what is waiting; what became of each parcel.

    Raises Busy while another process delivers, LedgerBroken, NoSpace.
    """
    log = DeliveryLog(home)
    if terms.dry:
        return _deliver_all(home, destinations, terms, log)
    with log.delivering():
        return _deliver_all(home, destinations, terms, log)


def waiting(
    destination: Destination, published: PublishedExports, history: DeliveryHistory
) -> tuple[Change, ...]:
    """What a destination has not been told yet."""
    return published.changes(destination.settings, history.standing(destination.name))


def is_anything_to_do(home: Home, destinations: Destinations, now: datetime) -> bool:
    """Whether a destination that is not paused has something waiting."""
    if not destinations.all:
        return False
    history, published = DeliveryLog(home).read(), PublishedExports.of(home)
    return any(
        waiting(one, published, history)
        for one in destinations.all
        if not _paused_until(one, history, now)
    )


def _deliver_all(
    home: Home, destinations: Destinations, terms: DeliveryTerms, log: DeliveryLog
) -> list[DeliveryOutcome]:
    if not destinations.all:
        return []
    history, published = log.read(), PublishedExports.of(home)
    ground = DeliveryGround(home, ExportFiles(home), history, destinations.fetch_from)
    found: list[DeliveryOutcome] = []
    for destination in destinations.all:
        changes = waiting(destination, published, history)
        if not changes:
            continue
        until = _paused_until(destination, history, terms.now)
        if until and not terms.at_once:
            found.append(_pause_of(destination, changes, until))
            continue
        found += _Round(destination, ground, log, terms).deliver(changes)
    return found


@dataclass(frozen=True)
class _Round:
    """The parcels of one destination in one run."""

    destination: Destination
    ground: DeliveryGround
    log: DeliveryLog
    terms: DeliveryTerms

    def deliver(self, changes: Sequence[Change]) -> Iterator[DeliveryOutcome]:
        """One parcel after the other. The first that the destination does not take is the last."""
        parcels = list(_parcels(self.destination, changes))
        try:
            sender = sender_of(self.destination, self.ground)
        except ConfigurationError as error:
            yield self._failed(parcels[0], "; ".join(map(str, error.faults)), "")
            return
        except Undelivered as error:
            yield self._failed(parcels[0], str(error), "")
            return
        for parcel in parcels:
            prepared = self._prepared(sender, parcel)
            if isinstance(prepared, DeliveryOutcome):  # files that wait for their repair
                yield prepared
                continue
            outcome = self._sent(sender, parcel, prepared)
            yield outcome
            if outcome.outcome == "failed":
                return

    def _prepared(self, sender: Sender, parcel: Parcel) -> PreparedParcel | DeliveryOutcome:
        try:
            return sender.prepared(parcel)
        except (Held, Undelivered) as error:
            problem = str(error)
        except PackageTooLarge:
            problem = "package: the files take more than a package may; set packed: false"
        return self._failed(parcel, problem, sender.target)

    def _sent(self, sender: Sender, parcel: Parcel, prepared: PreparedParcel) -> DeliveryOutcome:
        if self.terms.dry:
            return _outcome(parcel, "to be sent", prepared)
        self._note("sending", parcel, sender.target, prepared)
        try:
            remark = prepared.send()
        except Undelivered as error:
            return self._failed(parcel, str(error), sender.target)
        except NoSpace:
            raise
        except Exception as error:  # noqa: BLE001  no destination may keep the others waiting
            return self._failed(parcel, f"fault: unexpected {type(error).__name__}", sender.target)
        self._note("delivered", parcel, sender.target, prepared, remark)
        return _outcome(parcel, "delivered", prepared, remark)

    def _failed(self, parcel: Parcel, problem: str, target: str) -> DeliveryOutcome:
        if not self.terms.dry:
            self._note("failed", parcel, target, None, problem)
        return _outcome(parcel, "failed", None, problem)

    def _note(
        self,
        step: Step,
        parcel: Parcel,
        target: str,
        prepared: PreparedParcel | None,
        problem: str = "",
    ) -> None:
        line = line_of_delivery(
            step,
            destination=self.destination.name,
            kind=self.destination.kind,
            id=parcel.id,
            advertiser=parcel.recipient,
            changes=tuple((one.event, one.export.release) for one in parcel.changes),
            target=target,
            files=prepared.files if prepared else {},
            problem=problem,
            folder=prepared.folder if prepared else None,
            place=prepared.place if prepared else None,
        )
        self.log.write(line)


def _parcels(destination: Destination, changes: Sequence[Change]) -> Iterator[Parcel]:
    """A mail has all changes of a recipient; elsewhere each change is a delivery of its own."""
    if destination.kind != "mail":
        yield from (Parcel(destination, (change,)) for change in changes)
        return
    ordered = sorted(changes, key=lambda one: one.export.recipient)  # a stable order
    for _, own in groupby(ordered, key=lambda one: one.export.recipient):
        yield Parcel(destination, tuple(own))


def _paused_until(
    destination: Destination, history: DeliveryHistory, now: datetime
) -> datetime | None:
    """Until when a destination is paused; None where it is its turn."""
    failures = history.failures(destination.name)
    return failures.paused_until if failures and now < failures.paused_until else None


def _pause_of(
    destination: Destination, changes: Sequence[Change], until: datetime
) -> DeliveryOutcome:
    problem = f"paused until {until:%Y-%m-%d %H:%M} UTC after failures"
    names = tuple(f"{one.event} {one.export.release}" for one in changes)
    recipients = ", ".join(sorted({one.export.recipient for one in changes}))
    return DeliveryOutcome(
        destination.name, destination.kind, recipients, names, "paused", 0, problem
    )


def _outcome(
    parcel: Parcel, outcome: Outcome, prepared: PreparedParcel | None, problem: str = ""
) -> DeliveryOutcome:
    return DeliveryOutcome(
        parcel.destination.name,
        parcel.destination.kind,
        parcel.recipient,
        tuple(f"{one.event} {one.export.release}" for one in parcel.changes),
        outcome,
        len(prepared.files) if prepared else 0,
        problem,
        parcel.id,
    )
