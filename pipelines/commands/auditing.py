"""`audience audit`: attack a published table that stands in a file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anonymizer.errors import ConfigurationError, Fault
from pipelines.commands.common import hierarchy_files

if TYPE_CHECKING:
    from anonymizer.audit.outsider import Rules

# What reads and computes is imported where it is used: `--help` needs none of it.

_DISCLOSED = 1
_MOST = 10**9


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("audit")(audit_table)


def audit_table(  # noqa: PLR0913, PLR0917  one option for each file and each part of the rules
    published: Annotated[
        Path, typer.Argument(help="Dimension columns, status, people; .csv or .parquet.")
    ],
    inference_k: Annotated[
        int,
        typer.Option(
            help="Nobody may show that a cell has fewer people; 0 forbids exact solution only."
        ),
    ],
    hierarchy: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN=FILE of parent,child rows; may be given for each column."),
    ] = None,
    k: Annotated[
        int, typer.Option(help="The least published count, if the attacker is to know it.")
    ] = 1,
    rounding: Annotated[int, typer.Option(help="Figures are multiples of this; 1: exact.")] = 1,
    zeros: Annotated[
        Literal["protect", "public"],
        typer.Option(help="public: empty segments are known and published as 0."),
    ] = "protect",
    background: Annotated[
        Path | None,
        typer.Option(help="Segments that the attacker knows: dimension columns, people."),
    ] = None,
    intervals: Annotated[
        Path | None,
        typer.Option(help="Write the tightest interval of all that is not published (CSV)."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Write all findings (JSON); intervals with them if they are few."),
    ] = None,
    singletons: Annotated[  # noqa: FBT002  Typer declares flags as boolean parameters
        bool,
        typer.Option(
            "--singletons", help="Count what somebody alone in a cell can solve as a disclosure."
        ),
    ] = False,
) -> None:
    """Attack a published table with what anybody can know, and say what it gives away.

    Ends with 0 if the table withstands, 1 if it discloses something, 2 if the input is wrong.
    """
    from anonymizer.audit.auditing import Questions, audit  # noqa: PLC0415
    from anonymizer.audit.outsider import Outsider, Rules  # noqa: PLC0415
    from anonymizer.audit.published_file import read_published  # noqa: PLC0415
    from anonymizer.audit.summary import as_json, in_words, intervals_csv  # noqa: PLC0415
    from anonymizer.errors import gathered_into  # noqa: PLC0415
    from anonymizer.files import write_bytes  # noqa: PLC0415

    rules = Rules(inference_k, k, rounding, zeros == "public")
    hierarchies, faults = hierarchy_files(hierarchy or ())
    faults += _rule_faults(rules)
    table = None
    with gathered_into(faults):
        table = read_published(published, hierarchies, background)
    if table is None or faults:
        raise ConfigurationError(faults)
    asked = Questions("all" if intervals else "if few" if report else "no", singletons)
    done = audit(Outsider(table, rules), asked)
    if intervals and done.intervals:
        write_bytes(intervals_csv(done, done.intervals), intervals)
    if report:
        text = json.dumps(as_json(done), indent=2, ensure_ascii=False) + "\n"
        write_bytes(text.encode(), report)
    for line in in_words(done):
        typer.echo(line)
    if not done.withstood:
        raise typer.Exit(_DISCLOSED)


def _rule_faults(rules: "Rules") -> list[Fault]:
    least = (
        ("--inference-k", rules.inference_k, 0),
        ("--k", rules.floor, 1),
        ("--rounding", rules.rounding, 1),
    )
    return [
        Fault(option, f"{number} is not a whole number from {lowest} to {_MOST:,}")
        for option, number, lowest in least
        if not lowest <= number <= _MOST
    ]
