"""`audience ledger`, `statements`, `figures` and `exports`: what has been released."""

import json
import os
from typing import Annotated

import typer

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.storage.home import Home
from cli.commands.common import (
    HomeOption,
    existing_home,
    parse_day,
    parse_period,
    reading_home,
)
from cli.output import say
from pipelines.screen import frame_table, notices, out, table

# Modules that read releases are imported where they are used: they are slow to import, and
# checking a policy needs none of them.

_LISTED = 12

ledger = typer.Typer(help="The history of releases.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("statements")(list_statements)
    app.command("figures")(list_figures)
    app.command("exports")(list_exports)
    app.add_typer(ledger, name="ledger")


@ledger.command("list")
def list_entries(home: HomeOption = None) -> None:
    """One line an entry: when, by whom, about what, with what outcome; refuses a broken chain."""
    from cli.outcomes import entry_line  # noqa: PLC0415
    from pipelines.release_history import open_history  # noqa: PLC0415

    entries = open_history(reading_home(home)).entries()
    columns = ("number", "time (UTC)", "actor", "kind", "subject", "outcome", "hash")
    out().print(table("Ledger", columns, [entry_line(entry) for entry in entries]))


@ledger.command("show")
def show_entry(
    wanted: Annotated[
        str, typer.Argument(help="Sequence number as in `ledger list`, or a release.")
    ],
    home: HomeOption = None,
) -> None:
    """Everything that an entry records, as JSON; of a release, also what was exported of it."""
    from pipelines.release_history import open_history  # noqa: PLC0415

    entries = open_history(reading_home(home)).entries()
    found = [entry for entry in entries if wanted in {str(entry.sequence), entry.subject}]
    if not found:
        remedy = f"the ledger has {len(entries)}; see: audience ledger list"
        raise ConfigurationError([Fault("entry", f"there is no entry {wanted}", remedy)])
    for entry in found:
        content = {
            "sequence": entry.sequence,
            "kind": entry.kind,
            "subject": entry.subject,
            "recorded": entry.recorded,
            "public": entry.link.shown is not None,
            "previous": entry.previous,
            "hash": entry.hash,
            "body": entry.body,
        }
        say(json.dumps(content, indent=2, ensure_ascii=False))


@ledger.command("verify")
def verify(home: HomeOption = None) -> None:
    """Prove the chain, and that every published file is byte for byte what was released.

    What an interrupted run left to the next one is listed and is no alarm.
    """
    from cli.commands.verify import unfinished_lines  # noqa: PLC0415
    from cli.release_summary import verify_published  # noqa: PLC0415
    from pipelines.release_history import open_ledger  # noqa: PLC0415

    place = existing_home(home)
    proved = verify_published(place, open_ledger(place))
    say(f"{proved.entries} entries and {proved.releases} releases are as they were recorded.")
    if unfinished := unfinished_lines(proved):
        say(unfinished.rstrip())


@ledger.command("copy")
def copy(home: HomeOption = None) -> None:
    """Copy ledger.sqlite of the home into the empty database that $AUDIENCE_LEDGER names."""
    from anonymizer.release.ledger import Ledger  # noqa: PLC0415
    from anonymizer.storage.lock import exclusive  # noqa: PLC0415
    from cli.release_summary import verify_published  # noqa: PLC0415
    from pipelines.release_history import open_ledger  # noqa: PLC0415

    place = existing_home(home)
    if not os.environ.get("AUDIENCE_LEDGER"):
        remedy = "name the database to copy into, such as postgresql://keeper@db.internal/ledger"
        raise ConfigurationError([Fault("AUDIENCE_LEDGER", "it is not set", remedy)])
    with exclusive(place):
        original = Ledger.open(place.ledger)
        verify_published(place, original)
        entries = original.copy_into(open_ledger(place))
    say(
        f"{entries} entries are copied and proved. Put {place.ledger.name} away now: two ledgers "
        "that are continued apart cannot be brought together again."
    )


def list_exports(home: HomeOption = None) -> None:
    """List the export folders of each advertiser; of one with a notice, what became of it."""
    from audience import exports  # noqa: PLC0415

    out().print(frame_table("Exports", exports(reading_home(home).root)))


_FIGURES = {
    "period": "period",
    "subject": "subject",
    "segment_id": "segment",
    "segment": "people of",
    "people": "people",
    "people_least": "at least",
    "people_most": "at most",
}


def list_figures(  # noqa: PLR0913, PLR0917  one option for each filter
    campaign: Annotated[
        list[str] | None,
        typer.Option(help="Campaign id or part of its name; may be repeated."),
    ] = None,
    advertiser: Annotated[
        list[str] | None, typer.Option(help="Advertiser id or part of its name.")
    ] = None,
    segment: Annotated[
        list[str] | None, typer.Option(help="Segment id or part of its name.")
    ] = None,
    every: Annotated[str | None, typer.Option(help="day, week or month.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day, YYYY-MM-DD.")] = None,
    limit: Annotated[int, typer.Option(help="How many of the newest, in the table.", min=1)] = 40,
    csv: Annotated[  # noqa: FBT002  Typer declares flags as boolean parameters
        bool, typer.Option("--csv", help="All of them with all columns, as CSV.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """List released figures; empty numbers are suppressed. `audience.figures` in Python."""
    from audience import figures  # noqa: PLC0415

    found = figures(
        reading_home(home).root,
        campaign=campaign or None,
        advertiser=advertiser or None,
        segment=segment or None,
        period_kind=every,
        start=parse_day(start, "--from") if start else None,
        end=parse_day(end, "--to") if end else None,
    )
    if csv:
        say(found.to_csv(index=False), nl=False)
        return
    listed = found[[*_FIGURES]].rename(columns=_FIGURES).tail(limit)
    out().print(frame_table("Figures", listed))
    if len(found) > len(listed):
        notices().print(f"The newest {len(listed):,} of {len(found):,}; all of them with --csv.")


def list_statements(
    home: HomeOption = None,
    day: Annotated[str | None, typer.Option(help="YYYY-MM-DD; the newest release without.")] = None,
    period: Annotated[
        str | None, typer.Option(help="A day, week or month: 2026-11-22, 2026-W47, 2026-11.")
    ] = None,
    advertiser: Annotated[str | None, typer.Option(help="Advertiser id; all without.")] = None,
    limit: Annotated[int, typer.Option(help="How many, spread over all figures.", min=1)] = 12,
) -> None:
    """Say released figures in plain words."""
    from cli.release_summary import spread, statements  # noqa: PLC0415
    from pipelines.release_history import open_history  # noqa: PLC0415

    place = reading_home(home)
    chosen = parse_period(day, period)
    said = statements(place, open_history(place), chosen, advertiser)
    if not said:
        wanted = " and ".join(part for part in (day, period, advertiser) if part)
        problem = f"nothing is published for {wanted}" if wanted else "nothing is published yet"
        raise ConfigurationError([Fault("statements", problem, "see: audience ledger list")])
    for line in spread(said, limit):
        say(line)


def print_released(home: Home) -> None:
    """Some released statements, how many segments are suppressed, and where everything is."""
    from cli.release_summary import count_released, spread, statements  # noqa: PLC0415
    from pipelines.release_history import open_ledger  # noqa: PLC0415

    book = open_ledger(home)
    totals = count_released(home, book)
    if not totals.releases:
        say("Nothing is released yet.")
        return
    listed = min(_LISTED, totals.newest_published)
    say(
        f"\nReleased for {totals.newest}: {totals.newest_published:,} figures, "
        f"{listed} of them are:\n"
    )
    for line in spread(statements(home, book), _LISTED):
        say(f"  {line}")
    say(
        f"\n{totals.releases} releases contain {totals.tables} tables: {totals.published:,} "
        f"figures are published, the other {totals.suppressed:,} segments are suppressed.\n\n"
        f"Exports   {home.exports}\nDatabase  {home.database}\nLedger    {home.ledger}\n"
        f"Runs      audience ui --home {home.root}"
    )
