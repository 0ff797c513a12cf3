"""The checks of weeks, months, interests and the audience: those of a day, for each series."""

import dagster as dg

from anonymizer.series import Series
from pipelines import verdicts
from pipelines.assets.series import Graph
from pipelines.checks import add_check


def checks_of(series: Series) -> list[dg.AssetChecksDefinition]:
    """The checks of the assets of a series."""
    graph, made = Graph(series), list[dg.AssetChecksDefinition]()
    for asset, stage, judge in (
        (graph.people, "eligibility", verdicts.one_row_a_person),
        (graph.reach, "reach", verdicts.reach_within_people),
        (graph.protected, "publication", verdicts.threshold_reached),
        (graph.protected, "publication", verdicts.near_sets),
        (graph.release, "publication", verdicts.figures_in_range),
        (graph.release, "publication", verdicts.intruder_attack),
        (graph.release, "publication", verdicts.release_as_recorded),
    ):
        add_check(series, asset, stage, judge, made)
    return made
