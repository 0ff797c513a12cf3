"""`audience protect`: a table of cells from a file, protected without a home or a pipeline."""

import json
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from anonymizer.storage.files import write_bytes
from anonymizer.storage.permissions import require_paths
from anonymizer.tabular.protection import protect_cells
from anonymizer.tabular.protection_report import report
from anonymizer.tabular.request import Files, Request, read_request
from anonymizer.tabular.rules import RuleSettings
from anonymizer.tabular.table_files import write_internal, write_published
from cli.commands.common import hierarchy_files
from cli.output import say, warn

_File = Path | None
CellsArgument = Annotated[
    Path, typer.Argument(help="Finest cells, one per row, as .csv or .parquet.")
]
CountOption = Annotated[str, typer.Option(help="The column that counts people.")]
OutOption = Annotated[Path, typer.Option(help="The file to publish: .csv or .parquet.")]
HierarchyOption = Annotated[
    list[str] | None,
    typer.Option(help="COLUMN=FILE of parent,child rows; may be given for each column."),
]
ThresholdOption = Annotated[int, typer.Option(help="A figure counts at least this many people.")]
InferenceOption = Annotated[
    str,
    typer.Option(
        help="No group can be shown to have fewer people: a number, `k` for the same as --k, "
        "or 0, which only prevents exact solutions."
    ),
]
RoundingOption = Annotated[int, typer.Option(help="Figures are multiples of this; 1: exact.")]
ZerosOption = Annotated[
    Literal["protect", "public"],
    typer.Option(help="Whether empty cells are kept secret or known to everyone."),
]
SecretOption = Annotated[
    _File, typer.Option(help="Key of the rounding: 64 hexadecimal digits, mode 0600.")
]
TablesOption = Annotated[_File, typer.Option(help="Wanted segments (YAML); all if not given.")]
InternalOption = Annotated[
    _File, typer.Option(help="Reasons for the privileged role: .csv or .parquet, mode 0600.")
]
ReportOption = Annotated[
    _File, typer.Option(help="Summary for the privileged role: JSON, mode 0600.")
]
JobsOption = Annotated[int, typer.Option(help="The most processes to use.")]
WorkOption = Annotated[
    int,
    typer.Option(
        help="Units of work for the proof, about 10,000 a second. What is not proved within "
        "them is suppressed; with exact figures and an --inference-k above 0 more work "
        "publishes more."
    ),
]
MemoryOption = Annotated[
    int, typer.Option(help="What is not proved within this memory is suppressed.")
]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("protect")(protect)


def protect(  # noqa: PLR0913, PLR0917  one option for each file and each part of the promise
    cells: CellsArgument,
    count: CountOption,
    out: OutOption,
    hierarchy: HierarchyOption = None,
    k: ThresholdOption = 10,
    inference_k: InferenceOption = "k",
    rounding: RoundingOption = 1,
    zeros: ZerosOption = "protect",
    secret_file: SecretOption = None,
    tables: TablesOption = None,
    internal: InternalOption = None,
    report: ReportOption = None,
    jobs: JobsOption = 1,
    proof_work: WorkOption = 200_000,
    memory_megabytes: MemoryOption = 2_048,
) -> None:
    """Suppress a table so that no small group can be inferred.

    The file of --out has a row for each segment of the cross of all levels: published with its
    people, or suppressed; it never gives the reason.
    """
    begin = time.perf_counter()
    hierarchies, faults = hierarchy_files(hierarchy or ())
    files = Files(cells, count, hierarchies, tables, secret_file, out, internal, report)
    settings = RuleSettings(k, inference_k, rounding, zeros, proof_work, jobs, memory_megabytes)
    request = read_request(files, settings, faults)
    require_paths(files.written)
    for warning in request.cells.warnings:
        warn(warning)
    _carry_out(request, files, begin)


def _carry_out(request: Request, files: Files, begin: float) -> None:
    """Protect the table and write what was asked for; `begin` is when reading began."""
    read = time.perf_counter()
    outcome = protect_cells(request)
    protected = time.perf_counter()
    if files.internal:
        write_internal(outcome, files.internal)
    write_published(outcome, files.published)
    if files.report:
        seconds = {"protection": protected - read, "all": time.perf_counter() - begin}
        facts = report(request, outcome, files, seconds)
        text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
        write_bytes(text.encode(), files.report)
    published = int(outcome.published.sum())
    for column in request.cells.ignored:
        say(f"The column {column} has the same value in every row and is left out.")
    say(
        f"{published:,} of {len(request.catalogue):,} segments are published in "
        f"{files.published}, the others suppressed."
    )
