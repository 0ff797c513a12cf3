"""Shares, indices and changes of released figures, each with the bounds of the true answer.

The answers are those of the macros in the analysts' database.
"""

import pandas as pd

from anonymizer.model.errors import Fault, first_few
from anonymizer.model.periods import PeriodKind
from audience.choices import PERIOD_KINDS, ids_of, one_of, refuse
from audience.source import DatabaseSource, Place, opened


def share(
    campaign: str, segment: str, place: Place = None, *, period_kind: PeriodKind = "day"
) -> pd.DataFrame:
    """How much of a campaign a segment is, in percent, one row a period.

    The true share lies between `percent_least` and `percent_most`; all are missing where a figure
    is suppressed. Raises ConfigurationError where a name fits nothing, or several.
    """
    return _answer("select_share", campaign, segment, place, period_kind)


def index(
    campaign: str, segment: str, place: Place = None, *, period_kind: PeriodKind = "month"
) -> pd.DataFrame:
    """The share of a segment in a campaign against its share in the audience of the month.

    100 is the same share; the true index lies between `index_least` and `index_most`. Raises
    ConfigurationError where a name fits nothing, or several, and before an audience is released.
    """
    return _answer("select_index", campaign, segment, place, period_kind)


def trend(campaign: str, place: Place = None, *, period_kind: PeriodKind = "day") -> pd.DataFrame:
    """The named segments of a campaign, and how they changed from the period before.

    The true change lies between `change_least` and `change_most`; `direction` says whether it is
    certain. Raises ConfigurationError where the name fits no campaign, or several.
    """
    return _answer("select_trend", campaign, None, place, period_kind)


def _answer(
    statement: str, campaign: str, segment: str | None, place: Place, period_kind: str
) -> pd.DataFrame:
    faults: list[Fault] = []
    with opened(place) as source:
        values = {
            "campaign": _one_id("campaign", campaign, source, faults),
            "every": one_of("period_kind", period_kind, PERIOD_KINDS, faults),
        }
        if segment is not None:
            values["segment"] = _one_id("segment", segment, source, faults)
        refuse(faults)
        return source.rows(statement, values)


def _one_id(what: str, name: str, source: DatabaseSource, faults: list[Fault]) -> str | None:
    """The id of one campaign or segment; a name of several is a fault."""
    found = ids_of(what, name, source.rows(f"list_{what}s"), faults) or []
    if len(found) > 1:
        problem = f"{name!r} is part of the names of several {what}s"
        faults.append(Fault(what, problem, f"name one of {first_few(found)}"))
    return found[0] if found else None
