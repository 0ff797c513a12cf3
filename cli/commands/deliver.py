"""`audience deliver`: announce and deliver what was released."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from anonymizer.delivery.delivery_changes import PublishedExports
from anonymizer.delivery.destination_catalogue import load_destinations
from anonymizer.delivery.dispatch import DeliveryOutcome, DeliveryTerms
from anonymizer.delivery.dispatch import deliver as deliver_waiting
from anonymizer.model.errors import Held, first_few
from cli.commands.common import HomeOption, JsonOption, existing_home
from cli.output import warn
from pipelines.messages.screen import Listing, notices, show

_COLUMNS = ("destination", "kind", "advertiser", "changes", "files", "outcome", "problem", "id")


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("deliver")(deliver)


def deliver(
    destination: Annotated[
        str | None, typer.Option(help="Only this destination of deliveries.yaml.")
    ] = None,
    *,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Prove what would be sent, and send and record nothing."),
    ] = False,
    at_once: Annotated[
        bool, typer.Option("--now", help="Also destinations that are paused after failures.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Announce and deliver what was released, corrected or withdrawn, as deliveries.yaml says.

    What a destination did not take is tried again by a later call: after 5 minutes, and longer
    after each failure. Ends with 4 if a delivery failed.
    """
    place = existing_home(home)
    destinations = load_destinations(place)
    if destination is not None:
        destinations = replace(destinations, all=(destinations.named(destination),))
    for one in destinations.all:
        if unknown := PublishedExports.of(place).unknown(one.settings):
            warn(f"{one.place}: nothing is exported yet for {first_few(unknown)}; check the ids.")
    terms = DeliveryTerms(datetime.now(UTC), at_once=at_once, dry=dry_run)
    found = deliver_waiting(place, destinations, terms)
    if found or as_json:
        show(Listing("Deliveries", _COLUMNS, [_row(one) for one in found]), as_json=as_json)
    elif not destinations.all:
        notices().print("deliveries.yaml has no destination; docs/deliveries.md describes them.")
    else:
        notices().print("Nothing is waiting to be delivered.")
    failed = sorted({one.destination for one in found if one.outcome == "failed"})
    if failed:
        raise Held(
            "undelivered",
            f"{len(failed)} of {len(destinations.all)} destination(s) failed: "
            f"{', '.join(failed)}; the releases are not affected, and the next call tries again",
        )


def _row(one: DeliveryOutcome) -> tuple[object, ...]:
    changes = ", ".join(one.changes)
    return (
        *(one.destination, one.kind, one.advertiser, changes),
        *(one.files, one.outcome, one.problem, one.id),
    )
