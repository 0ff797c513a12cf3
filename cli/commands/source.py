"""`audience source`: check a source, propose a mapping, file deletion messages of partners."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from anonymizer.intake.contract import TABLES
from anonymizer.intake.vocabulary import load_vocabulary
from anonymizer.model.codings import read_codings
from anonymizer.model.errors import Held
from anonymizer.model.policy import Policy, Timing
from anonymizer.model.segments import load_catalogue
from anonymizer.rights.decisions import treatments
from anonymizer.rights.deletion_messages import DeletionInbox
from anonymizer.sources.mapping_proposal import propose
from anonymizer.sources.source_catalogue import load_sources
from anonymizer.sources.source_check import SourceCheck, check_source
from anonymizer.sources.source_zone import SourceZone
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.secret import Secret
from cli.commands.common import (
    HomeOption,
    JsonOption,
    existing_home,
    parse_day,
    parse_word,
    require_extra,
    use_home,
)
from cli.output import say
from pipelines.messages.screen import Listing, notices, out, print_json, show
from pipelines.resources.release_history import open_ledger

app = typer.Typer(help="Logs and messages of other systems: check, propose a mapping, file.",
                  no_args_is_help=True)  # fmt: skip


def register(parent: typer.Typer) -> None:
    """Add the commands of this module."""
    parent.add_typer(app, name="source")


@app.command("check")
def check(
    name: Annotated[str, typer.Argument(help="The name of the source in sources.yaml.")],
    day: Annotated[str, typer.Option("--day", help="The local day, YYYY-MM-DD.")],
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """Read a sample of a source: rows before and after, likely mistakes, outcome in intake.

    Values are shown as shapes (u-17 is x-99). Nothing is written.
    """
    place, local_day = existing_home(home), parse_day(day, "--day")
    zone = SourceZone.of(place)
    source = zone.sources.named(name)
    policy, secret = Policy.load(place.policy), Secret.of(place)
    interests = load_catalogue(place.segments).interests
    codings = read_codings(policy.codings, place.root)
    listing = zone.listed(source, zone.zone.root())
    effort = policy.effort
    with DuckDB(
        memory_megabytes=effort.memory_megabytes, threads=effort.threads, spill=None
    ) as engine:
        load_vocabulary(engine, policy.bots.user_agent_words, interests, codings)
        found = check_source(listing, local_day, policy, secret, engine)
    if as_json:
        print_json(_as_json(found))
    else:
        _print(found, name, len(listing.unmatched), len(listing.replaced))


@app.command("guess")
def guess(
    file: Annotated[Path, typer.Argument(help="A file of the source, in any folder.")],
    table: Annotated[str, typer.Option(help="The raw table that its rows are of.")] = "visits",
    home: HomeOption = None,
) -> None:
    """Propose a mapping for a file that is not described yet, to be put into sources.yaml."""
    place = use_home(home)
    known = parse_word("--table", table, tuple(TABLES))
    timing = Policy.load(place.policy).timing if place.policy.exists() else Timing()
    say(propose(file, known or "visits", place.raw, timing.timezone).rstrip("\n"))


@app.command("deletions")
def deletions(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files or folders: one message a line.")
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """File deletion messages of partners (IAB Tech Lab) as requests for erasure.

    Their signatures are verified with the keys that sources.yaml names. Ends with 4 if someone has
    to decide about a message, or something in a folder was not read.
    """
    require_extra("deletions", "jwt", "audience source deletions")
    place = existing_home(home)
    settings = load_sources(place).deletions
    decided = treatments(open_ledger(place)).keys()
    inbox = DeletionInbox.open(place, settings, datetime.now(UTC), decided)
    received = inbox.receive(files)
    rows = [(each.place, each.outcome, each.reason, each.request) for each in received]
    columns = ("message", "outcome", "reason", "request")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        messages = sum(each.outcome != "not read" for each in received)
        show(Listing(f"{messages:,} deletion message(s)", columns, rows))
    undecided = sum(each.undecided for each in received)
    if undecided:
        notices().print(
            f"{undecided:,} message(s) could not be verified or confirmed: ask their senders, then "
            "decide about those that were filed: audience rights review",
            style="yellow",
        )
    passed_over = sum(each.outcome == "not read" for each in received)
    if passed_over:
        notices().print(
            f"{passed_over:,} file(s) or folder(s) were not read: name those that have messages, "
            "move the others",
            style="yellow",
        )
    if undecided or passed_over:
        raise typer.Exit(Held.exit_code)


def _print(found: SourceCheck, name: str, unmatched: int, replaced: int) -> None:
    for example in found.examples:
        raw = [(path, value, "", "") for path, value in example.raw]
        mapped = [("", "", column, value) for column, value in example.mapped]
        rows = [(*before[:2], *after[2:]) for before, after in _pairs(raw, mapped)]
        title = f"Row {example.row}, values as shapes"
        show(Listing(title, ("path", "value", "column", "mapped value"), rows))
    show(Listing("Types", ("path", "type"), found.types))
    if found.coverage:
        show(Listing("Words that sources.yaml lists", ("column", "rows", "listed"), found.coverage))
    outcomes = [*found.outcomes]
    if found.filtered:
        outcomes.append(("left out by keep, drop or present", found.filtered))
    title = f"Outcome of {found.rows:,} row(s) in intake"
    show(Listing(title, ("outcome", "rows"), outcomes))
    out().print(f"Files: {', '.join(found.files)}.")
    _print_findings(found, name, unmatched, replaced)


def _print_findings(found: SourceCheck, name: str, unmatched: int, replaced: int) -> None:
    if found.unmapped:
        out().print(f"Columns that are not mapped and never read: {', '.join(found.unmapped)}.")
    if unmatched:
        out().print(f"{unmatched:,} file(s) of the location fit no pattern and are not read.")
    if replaced:
        out().print(f"{replaced:,} file(s) are replaced by those of an earlier pattern.")
    for mistake in found.mistakes:
        out().print(f"likely mistake: {mistake}", style="yellow")
    if not found.mistakes:
        out().print(f"No likely mistake in {name}.")


def _pairs(
    raw: list[tuple[str, str, str, str]], mapped: list[tuple[str, str, str, str]]
) -> list[tuple[tuple[str, str, str, str], tuple[str, str, str, str]]]:
    """Rows side by side; the shorter side ends with blanks."""
    blank = ("", "", "", "")
    rows = max(len(raw), len(mapped))
    return list(
        zip(raw + [blank] * (rows - len(raw)), mapped + [blank] * (rows - len(mapped)), strict=True)
    )


def _as_json(found: SourceCheck) -> dict[str, object]:
    return {
        "files": list(found.files),
        "rows": found.rows,
        "filtered": found.filtered,
        "examples": [
            {"row": each.row, "raw": dict(each.raw), "mapped": dict(each.mapped)}
            for each in found.examples
        ],
        "types": dict(found.types),
        "unmapped": list(found.unmapped),
        "coverage": [
            {"column": column, "rows": rows, "listed": listed}
            for column, rows, listed in found.coverage
        ],
        "outcomes": dict(found.outcomes),
        "mistakes": list(found.mistakes),
    }
