"""`audience deliveries`: what destinations have, what waits, and what failed."""

from typing import Annotated

import typer

from anonymizer.delivery.delivery_changes import PublishedExports
from anonymizer.delivery.delivery_log import DeliveryHistory, DeliveryLog
from anonymizer.delivery.destination_catalogue import Destination, load_destinations
from anonymizer.delivery.dispatch import waiting
from cli.commands.common import HomeOption, JsonOption, existing_home
from cli.output import warn
from pipelines.messages.screen import Listing, show

_STATE = (
    *("destination", "kind", "advertisers", "delivered", "last delivery (UTC)", "waiting"),
    *("failures", "paused until (UTC)", "problem"),
)
_LOG = (
    *("time (UTC)", "event", "destination", "kind", "advertiser", "changes", "files", "target"),
    *("login", "problem", "id"),
)
_SECONDS = "%Y-%m-%d %H:%M:%S"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("deliveries")(list_deliveries)


def list_deliveries(
    *,
    log: Annotated[
        bool, typer.Option("--log", help="Every attempt: who, what, when, with which outcome.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """List destinations with what they have, what waits for them, and what failed last."""
    place = existing_home(home)
    history = DeliveryLog(place).read()
    if history.unreadable:
        path = place.delivery_log.relative_to(place.root)
        warn(f"{history.unreadable:,} line(s) of {path} cannot be read, as a kill leaves them.")
    if log:
        show(Listing("Log of deliveries", _LOG, _log_rows(history)), as_json=as_json)
        return
    published = PublishedExports.of(place)
    rows = [_state_row(one, published, history) for one in load_destinations(place).all]
    show(Listing("Destinations", _STATE, rows), as_json=as_json)


def _state_row(
    destination: Destination, published: PublishedExports, history: DeliveryHistory
) -> tuple[object, ...]:
    failures = history.failures(destination.name)
    delivered = history.deliveries(destination.name)
    last = delivered[-1] if delivered else None
    return (
        destination.name,
        destination.kind,
        ", ".join(destination.settings.advertisers),
        len(delivered),
        f"{last.time:{_SECONDS}}" if last else None,
        len(waiting(destination, published, history)),
        failures.number if failures else 0,
        f"{failures.paused_until:{_SECONDS}}" if failures else None,
        failures.problem if failures else (last.problem if last else ""),
    )


def _log_rows(history: DeliveryHistory) -> list[tuple[object, ...]]:
    return [
        (
            *(f"{one.time:{_SECONDS}}", one.step, one.destination, one.kind, one.advertiser),
            ", ".join(f"{event} {release}" for event, release in one.changes),
            ", ".join(f"{name} {digest}" for name, digest in sorted(one.files.items())),
            *(one.target, one.login, one.problem, one.id),
        )
        for one in history.lines
    ]
