"""`audience audit`: attack a published table that is in a file."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from anonymizer.audit.intruder import Intruder, TableRules
from anonymizer.audit.published_file import read_published
from anonymizer.audit.summary import STAGES, as_json, in_words, intervals_csv, subject
from anonymizer.audit.table_audit import Audit, Questions, Stage, StageResult, audit
from anonymizer.feasible.work import Work
from anonymizer.model.errors import ConfigurationError, Fault, gathered_into
from anonymizer.storage.files import PUBLIC, write_bytes
from anonymizer.storage.permissions import require_paths
from cli import command_limits
from cli.commands.common import hierarchy_files
from cli.output import say
from pipelines.messages.screen import notices

_EXIT = {"withstood": 0, "discloses": 1, "undecided": 7}  # 2: wrong input
_BAR = 20  # columns: with its figures it fits into 80
_File = Path | None
PublishedArgument = Annotated[
    Path, typer.Argument(help="Dimension columns, status, people; or an export (.xlsx too).")
]
InferenceOption = Annotated[
    int,
    typer.Option(
        help="No one may prove that a cell has fewer people; 0 only forbids exact solutions."
    ),
]
HierarchyOption = Annotated[
    list[str] | None,
    typer.Option(help="COLUMN=FILE of parent,child rows; may be given for each column."),
]
ThresholdOption = Annotated[
    int, typer.Option(help="The threshold, if the intruder knows it; 1: not known.")
]
RoundingOption = Annotated[
    int | None,
    typer.Option(
        help="Figures are multiples of this; 1: exact. Default: what an export states, else 1."
    ),
]
ZerosOption = Annotated[
    Literal["protect", "public"],
    typer.Option(help="public: readers know empty segments, which are published as 0."),
]
BackgroundOption = Annotated[
    _File, typer.Option(help="Segments that the intruder knows: dimension columns, people.")
]
IntervalsOption = Annotated[
    _File,
    typer.Option(help="Write the tightest interval of everything that is not published (CSV)."),
]
ReportOption = Annotated[
    _File, typer.Option(help="Write all findings (JSON), with intervals if they are few.")
]
SingletonsOption = Annotated[
    bool,
    typer.Option(
        "--singletons",
        help="Report what a person who is alone in a cell can derive as a disclosure.",
    ),
]
WorkOption = Annotated[
    int,
    typer.Option(
        help="The budget in units of work, each about 10 microseconds of one core. Groups "
        "that it leaves open are reported as not decided."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("audit")(audit_table)


def audit_table(  # noqa: PLR0913, PLR0917  one option for each file and each part of the rules
    published: PublishedArgument,
    inference_k: InferenceOption = 10,
    hierarchy: HierarchyOption = None,
    k: ThresholdOption = 1,
    rounding: RoundingOption = None,
    zeros: ZerosOption = "protect",
    background: BackgroundOption = None,
    intervals: IntervalsOption = None,
    report: ReportOption = None,
    singletons: SingletonsOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
    work: WorkOption = command_limits.DEFAULT_WORK,
) -> None:
    """Attack a published table with what anyone can know, and report what it discloses.

    Findings are printed as soon as they are known. Ends with 0 if the attack finds nothing, 1 if
    the table discloses something, 2 if the input is wrong, 7 if nothing was found but the budget
    was too small to decide everything.
    """
    rules = TableRules(inference_k, k, 1 if rounding is None else rounding, zeros == "public")
    hierarchies, faults = hierarchy_files(hierarchy or ())
    faults += _number_faults(rules, work)
    table = None
    with gathered_into(faults):
        table = read_published(published, hierarchies, background)
    if table is None or faults:
        raise ConfigurationError(faults)
    if rounding is None:
        rules = replace(rules, rounding=table.rounding)
    require_paths(path for path in (intervals, report) if path)
    say(subject(table))
    asked = Questions("all" if intervals else "if few" if report else "no", singletons)
    screen = _AuditScreen(work, intervals)
    try:
        done = audit(Intruder(table, rules), asked, Work(work, screen.spent), screen)
    finally:
        screen.finish()
    if report:
        text = json.dumps(as_json(done), indent=2, ensure_ascii=False) + "\n"
        write_bytes(text.encode(), report, mode=PUBLIC)
    raise typer.Exit(_EXIT[done.outcome])


class _AuditScreen:
    """Prints what each stage found, on stdout, and the verdict last; on stderr what is being done.

    One line a stage; on a terminal also a bar of the budget, which disappears when the stage ends.
    """

    def __init__(self, budget: int, intervals: Path | None) -> None:
        self._budget, self._intervals, self._notices = budget, intervals, notices()
        self._bar: tuple[Progress, TaskID] | None = None
        self._done = 0
        self._verdict: tuple[str, ...] = ()

    def begins(self, stage: Stage) -> None:
        """Say what is being done."""
        self._notices.print(f"{STAGES[stage]} ...")
        if not self._notices.is_terminal:
            return
        progress = _budget_bar(self._notices)
        task = progress.add_task("", total=self._budget, completed=self._done)
        progress.start()
        self._bar = progress, task

    def spent(self, units: int) -> None:
        """Move the bar."""
        self._done = units
        if self._bar:
            progress, task = self._bar
            progress.update(task, completed=min(units, self._budget))

    def ends(self, step: StageResult) -> None:
        """Print what was found; intervals go to their file."""
        self._close()
        if step.stage == "verdict":
            self._verdict = tuple(in_words(step))
            return
        for line in in_words(step):
            say(line)
        if step.stage == "intervals" and self._intervals:
            _write_intervals(step.audit, self._intervals)

    def finish(self) -> None:
        """Print the verdict, which later stages do not change, also if one was interrupted."""
        self._close()
        for line in self._verdict:
            say(line)

    def _close(self) -> None:
        if self._bar:
            self._bar[0].stop()
            self._bar = None


def _write_intervals(audit: Audit, path: Path) -> None:
    if audit.intervals:
        write_bytes(intervals_csv(audit, audit.intervals), path, mode=PUBLIC)


def _budget_bar(console: Console) -> Progress:
    return Progress(
        BarColumn(_BAR),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} units of work"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        redirect_stdout=False,  # results go to stdout, wherever that is
        redirect_stderr=False,
    )


def _number_faults(rules: TableRules, work: int) -> list[Fault]:
    numbers = (
        ("--inference-k", rules.inference_k, 0, command_limits.MOST_PEOPLE),
        ("--k", rules.floor, 1, command_limits.MOST_PEOPLE),
        ("--rounding", rules.rounding, 1, command_limits.MOST_PEOPLE),
        ("--work", work, 1, command_limits.MOST_WORK),
    )
    return [
        Fault(option, f"{number} is not a whole number from {lowest} to {highest:,}")
        for option, number, lowest, highest in numbers
        if not lowest <= number <= highest
    ]
