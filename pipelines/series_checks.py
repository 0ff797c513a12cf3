"""The checks of weeks, months, interests and the audience: those of a day, for each series."""

from datetime import date

import dagster as dg
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer.counting import load_counted_series
from anonymizer.exports.writing import faulty_exports
from anonymizer.periods import Period
from anonymizer.protection.totals import segment_totals
from anonymizer.publishing import load_release
from anonymizer.series import Series
from pipelines.assets.series import Graph
from pipelines.checks import Verdict, check_of
from pipelines.figures import read_figures
from pipelines.resources import Installation

_CODES = ["gender", "age_band", "region", "bucket"]


def checks_of(series: Series) -> list[dg.AssetChecksDefinition]:
    """The checks of the assets of a series."""
    graph, made = Graph(series), list[dg.AssetChecksDefinition]()

    def of(stage: str) -> tuple[str, str]:
        return graph.asset(stage), series.stage(stage)

    @check_of(*of("eligibility"), series.period_kind, made)
    def one_row_a_person(installation: Installation, day: date) -> Verdict:
        """No person stands twice among the eligible."""
        path = installation.home.working_file(series.stage("people"), day)
        keys = pq.read_table(path, columns=["person_key"], partitioning=None)["person_key"]
        return Verdict(len(keys) == pc.count_distinct(keys).as_py(), {"people": len(keys)})

    @check_of(*of("reach"), series.period_kind, made)
    def reach_within_people(installation: Installation, day: date) -> Verdict:
        """No subject has more people of a bucket of a cell than are eligible there."""
        home = installation.home
        files = [home.working_file(series.stage(name), day) for name in ("people", "reach")]
        people = pq.read_table(files[0], columns=_CODES, partitioning=None)
        eligible = people.group_by(_CODES).aggregate([([], "count_all")])
        reach = pq.read_table(files[1], columns=[*_CODES, "people"], partitioning=None)
        joined = reach.join(eligible, keys=_CODES)
        within = pc.less_equal(joined["people"], pc.fill_null(joined["count_all"], 0))
        return Verdict(bool(pc.all(within, min_count=0).as_py()), {"compared": joined.num_rows})

    @check_of(
        Graph(series).asset("protection"), series.stage("publication"), series.period_kind, made
    )
    def floor_reached(installation: Installation, day: date) -> Verdict:
        """Every figure counts at least k people, counted anew from the reach."""
        period = Period.of(series.period_kind, day)
        home, terms = installation.home, installation.terms(period)
        counted = load_counted_series(home, series, period, terms.catalogue)
        keys = [table.key for table in counted]
        figures = read_figures(home, day, keys, terms.catalogue, series)
        lowest = min(
            (
                int(people.min())
                for shown, truth in zip(figures, counted, strict=True)
                if (people := segment_totals(terms.catalogue, truth.people)[shown.segments]).size
            ),
            default=None,
        )
        k = terms.policy.promise.k
        known = {"floor_reached": lowest} if lowest is not None else {"note": "no figure"}
        return Verdict(lowest is None or lowest >= k, {**known, "k": k})

    @check_of(*of("publication"), series.period_kind, made)
    def release_as_recorded(installation: Installation, day: date) -> Verdict:
        """Release and exports are byte for byte what the ledger records."""
        home, ledger = installation.home, installation.ledger()
        name = series.release_id(Period.of(series.period_kind, day))
        if ledger.find_release(name) is None:
            return Verdict(passed=True, metadata={"note": "there was nothing to release"})
        release = load_release(home, ledger, name)
        faulty = [file for file in faulty_exports(home, ledger) if f"/{name}" in file]
        return Verdict(not faulty, {"figures": release.figures.num_rows, "faulty": faulty})

    return made
