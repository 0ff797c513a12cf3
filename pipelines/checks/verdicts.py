"""What asset checks look at, for every series: recounts from the files that a run left behind.

They tell engineers; they are no gate. The gate is part of publication, before the write. A recount
compares a release with working data, so it is left out, with a note, where these are no longer
the ones that the release was made from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer.counting.reach import campaigns_of, load_counted_series
from anonymizer.exports.export_folders import faulty_exports
from anonymizer.feasible.totals import segment_totals
from anonymizer.intake.plausibility import Deviation
from anonymizer.model.periods import Period
from anonymizer.model.series import Series
from anonymizer.model.tables import TableKey
from anonymizer.release.corrections import newest, open_order
from anonymizer.release.near_state import lost_state, state_file
from anonymizer.release.publication import load_release
from anonymizer.release.release import PUBLISHED, Release
from anonymizer.storage.home import Home
from anonymizer.suppression.representatives import read_representatives
from pipelines import run_limits
from pipelines.checks.second_opinion import attack_release
from pipelines.messages.metadata import counts_table
from pipelines.resources.resources import Installation
from pipelines.stages.evidence import findings_file, write_findings
from pipelines.stages.figures import read_figures, read_protected
from pipelines.stages.period_release import inputs_taken
from pipelines.stages.plausibility_gate import causes, explained, implausible, state_of

NOTHING_RELEASED = "there was nothing to release"
_MEASURES = ("measure", "expected", "found", "limit", "file", "column", "rows")
_CODES = ["gender", "age_band", "region", "bucket"]


@dataclass(frozen=True)
class CheckVerdict:
    """Whether a period passes a check, and what an engineer should know either way.

    One that only `warns` stops nothing, also if its check is blocking.
    """

    passed: bool
    metadata: Mapping[str, Any] = field(default_factory=dict)
    warns: bool = False


def one_row_a_person(installation: Installation, series: Series, period: Period) -> CheckVerdict:
    """No person is among the eligible twice."""
    path = installation.home.working_file(series.stage("people"), period.end)
    keys = pq.read_table(path, columns=["person_key"], partitioning=None)["person_key"]
    return CheckVerdict(len(keys) == pc.count_distinct(keys).as_py(), {"people": len(keys)})


def plausible(installation: Installation, series: Series, period: Period) -> CheckVerdict:
    """The day looks like the days before it. If not, it is held: it is not published until somebody
    accepts it (audience accept) or its files are delivered again."""
    home, ledger, day = installation.home, installation.ledger(), period.end
    policy = installation.policy()
    odd = implausible(home, day, policy.plausibility)
    state = state_of(home, ledger, day, odd, policy.roles)
    accepted = state.is_complete
    said: dict[str, Any] = {"measures": _measures_table(home, day, odd), "accepted": accepted}
    if not odd or accepted:
        return CheckVerdict(passed=True, metadata=said)
    said["what_happened"] = explained(home, day, odd, state)
    if note := _not_to_be_released(installation, series, period):
        return CheckVerdict(passed=False, metadata={**said, "note": note}, warns=True)
    return CheckVerdict(passed=False, metadata=said)


def _not_to_be_released(installation: Installation, series: Series, period: Period) -> str:
    """Why a run of the period releases nothing new; empty if it does."""
    ledger = installation.ledger()
    if newest(ledger, series, period) and not open_order(ledger, series, period):
        return f"the {series.period_kind} is released, which is final"
    if not campaigns_of(installation.home, series, period).num_rows:
        return (
            f"no campaign ran on this {series.period_kind}; there is nothing to release, but "
            "weeks and months that include the day are held"
        )
    return ""


def _measures_table(home: Home, day: date, odd: tuple[Deviation, ...]) -> dg.TableMetadataValue:
    """What is out of its limits, and where to look; one line a file."""
    return counts_table(
        _MEASURES,
        [
            (one.measure, one.expected, one.found, one.limit, *where)
            for one in odd
            for where in _where(home, day, one)
        ],
    )


def measures_by_day(found: Mapping[str, CheckVerdict]) -> dict[str, Any]:
    """What is out of its limits on the days of a range that did not pass, as one table."""
    lines = [
        (day, *(record.data[column] for column in _MEASURES))
        for day, verdict in found.items()
        if not verdict.passed and "measures" in verdict.metadata
        for record in verdict.metadata["measures"].records
    ]
    return {"measures": counts_table(("day", *_MEASURES), lines)} if lines else {}


def _where(home: Home, day: date, deviation: Deviation) -> list[tuple[str, str, str]]:
    """File, column and rows; without a file, where to look in words."""
    found = causes(home, day, deviation)
    if not found:
        return [(deviation.look_at, "", "")]
    return [(one.file, one.column, ", ".join(map(str, one.rows))) for one in found]


def reach_within_people(installation: Installation, series: Series, period: Period) -> CheckVerdict:
    """No subject has more people of a bucket of a cell than are eligible there."""
    home = installation.home
    people, reach = (
        pq.read_table(home.working_file(series.stage(stage), period.end), partitioning=None)
        for stage in ("people", "reach")
    )
    eligible = people.select(_CODES).group_by(_CODES).aggregate([([], "count_all")])
    joined = reach.select([*_CODES, "people"]).join(eligible, keys=_CODES)
    within = pc.less_equal(joined["people"], pc.fill_null(joined["count_all"], 0))
    return CheckVerdict(bool(pc.all(within, min_count=0).as_py()), {"compared": joined.num_rows})


def threshold_reached(installation: Installation, series: Series, period: Period) -> CheckVerdict:
    """Every figure counts at least k people, counted anew from the reach."""
    if note := _not_comparable(installation, series, period):
        return CheckVerdict(passed=True, metadata={"note": note})
    home, terms = installation.home, installation.terms(period)
    catalogue, k = terms.catalogue, terms.policy.promise.k
    counted = load_counted_series(home, series, period, catalogue)
    keys = [table.key for table in counted]
    figures = read_figures(home, period.end, keys, catalogue, series)
    people = [
        segment_totals(catalogue, truth.people)[published.segments]
        for published, truth in zip(figures, counted, strict=True)
    ]
    if not sum(map(len, people)):
        return CheckVerdict(passed=True, metadata={"note": "no figure is published", "k": k})
    lowest = int(np.concatenate(people).min())
    return CheckVerdict(lowest >= k, {"threshold_reached": lowest, "k": k})


def near_sets(installation: Installation, series: Series, period: Period) -> CheckVerdict:
    """Says how many groups were judged on their own and how many share an outcome.

    `private/near` has exactly the former, with their outcomes, and is as the ledger recorded it:
    later releases are judged against that file.
    """
    if note := _not_kept(installation, series, period):
        return CheckVerdict(passed=True, metadata={"note": note})
    home = installation.home
    entry = newest(installation.ledger(), series, period)
    assert entry is not None, "unreleased results are not kept"
    name = entry.subject
    rows = read_protected(home, period.end, series)
    own, shared = (rows.filter(flags) for flags in (pc.invert(rows["shared"]), rows["shared"]))
    counts = {
        "judged": rows.num_rows,
        "judged_on_their_own": own.num_rows,
        "sharing_an_outcome": shared.num_rows,
        "sharing_a_figure": shared.num_rows - shared["people"].null_count,
    }
    if lost_state(home, entry):
        problem = f"private/near/{name}.parquet is missing or differs from what the ledger recorded"
        return CheckVerdict(passed=False, metadata={**counts, "problem": problem})
    state = read_representatives(state_file(home, name))
    recorded = [
        (state.tables[table], people if people >= 0 else None)
        for table, people in zip(state.table.tolist(), state.figures.tolist(), strict=True)
    ]
    judged = [
        (str(TableKey(series.kind, subject, period)), people)
        for subject, people in zip(
            own["subject_id"].to_pylist(), own["people"].to_pylist(), strict=True
        )
    ]
    return CheckVerdict(judged == recorded, {**counts, "recorded": len(state)})


def figures_in_range(installation: Installation, series: Series, period: Period) -> CheckVerdict:
    """Every released figure is as close to the people counted as the release says.

    Less than a rounding step away where the group was judged on its own, within the range of
    shared figures elsewhere.
    """
    if note := _not_comparable(installation, series, period):
        return CheckVerdict(passed=True, metadata={"note": note})
    home, catalogue = installation.home, installation.terms(period).catalogue
    release = _in_force(installation, series, period)
    shared = _shared(read_protected(home, period.end, series))
    released = _rows_by_subject(release)
    figures, beyond = sum(map(len, released.values())), 0
    for table in load_counted_series(home, series, period, catalogue):
        truth = segment_totals(catalogue, table.people)
        for segment, figure in released.pop(table.key.subject_id, ()):
            lowest, highest = release.range_of(figure)
            if (table.key.subject_id, segment) not in shared:
                lowest = max(lowest, figure - release.promise.rounding + 1)
                highest = figure + release.promise.rounding - 1
            beyond += not lowest <= truth[catalogue.positions[segment]] <= highest
    known = {"figures": figures, "out_of_range": beyond}
    return CheckVerdict(not beyond and not released, {**known, "uncounted_tables": len(released)})


def intruder_attack(installation: Installation, series: Series, period: Period) -> CheckVerdict:
    """An intruder with every figure of a table infers no small group, within a budget of work.

    Groups that are not decided within it do not count against the release. What is found is
    written into `private/`, never here.
    """
    home = installation.home
    if newest(installation.ledger(), series, period) is None:
        return CheckVerdict(passed=True, metadata={"note": NOTHING_RELEASED})
    release = _in_force(installation, series, period)
    kept = not _not_kept(installation, series, period)
    shared = _shared(read_protected(home, period.end, series)) if kept else None
    reference = installation.terms(period).catalogue.dimensions
    attack = attack_release(release, reference, shared, run_limits.BUDGET)
    evidence = findings_file(home, period.end, series, "intruder_findings")
    evidence.unlink(missing_ok=True)
    write_findings(attack.findings, evidence)
    said: dict[str, Any] = {
        "tables": attack.tables,
        "findings": len(attack.findings),
        "undecided_groups": attack.undecided,
        "work": attack.work,
        "budget": run_limits.BUDGET,
    }
    if attack.findings:
        said["evidence"] = evidence.relative_to(home.root).as_posix()
    if attack.undecided:
        said["note"] = f"{attack.undecided} groups are not decided within the budget"
    return CheckVerdict(not attack.findings, said)


def release_as_recorded(installation: Installation, series: Series, period: Period) -> CheckVerdict:
    """Release and exports are byte for byte what the ledger records."""
    home, ledger = installation.home, installation.ledger()
    if newest(ledger, series, period) is None:
        return CheckVerdict(passed=True, metadata={"note": NOTHING_RELEASED})
    release = _in_force(installation, series, period)
    # Of every edition: the ids of corrections begin with that of the first.
    first = series.release_id(period)
    faulty = faulty_exports(home, ledger, first)
    return CheckVerdict(not faulty, {"figures": release.figures.num_rows, "faulty": faulty})


def _in_force(installation: Installation, series: Series, period: Period) -> Release:
    """The newest edition of what is released for a period."""
    ledger = installation.ledger()
    entry = newest(ledger, series, period)
    return load_release(
        installation.home, ledger, entry.subject if entry else series.release_id(period)
    )


def _rows_by_subject(release: Release) -> dict[str, list[tuple[str, int]]]:
    """Published segments and figures of each subject."""
    rows = release.figures.filter(pc.equal(release.figures["status"], PUBLISHED))
    found: dict[str, list[tuple[str, int]]] = {}
    for row in rows.to_pylist():
        found.setdefault(row["subject_id"], []).append((row["segment_id"], row["people"]))
    return found


def _shared(judged: pa.Table) -> frozenset[tuple[str, str]]:
    """Subject and segment of each group that has the outcome of another."""
    rows = judged.filter(judged["shared"])
    return frozenset(
        zip(rows["subject_id"].to_pylist(), rows["segment_id"].to_pylist(), strict=True)
    )


def _not_kept(installation: Installation, series: Series, period: Period) -> str:
    """Why there is nothing to look at; empty if there is."""
    if newest(installation.ledger(), series, period) is None:
        return NOTHING_RELEASED
    path = installation.home.working_file(series.stage("protected"), period.end)
    return "" if path.is_file() else "the groups judged for the release are no longer kept"


def _not_comparable(installation: Installation, series: Series, period: Period) -> str:
    """Why the counts of now are not those of the release; empty if they are."""
    if note := _not_kept(installation, series, period):
        return note
    entry = newest(installation.ledger(), series, period)
    timing = installation.terms(period).policy.timing
    taken = inputs_taken(installation.home, series, period, timing)
    if entry is None or entry.body["inputs"] != taken:
        return "raw files have changed since the release"
    return ""
