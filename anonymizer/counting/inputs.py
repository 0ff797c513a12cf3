"""The private files that a period is counted from: whether they exist, and how they are read."""

from datetime import date

import pyarrow as pa

from anonymizer.model.errors import Held, first_few
from anonymizer.model.periods import Period
from anonymizer.model.policy import Timing
from anonymizer.model.series import CAMPAIGN_DAY, Series
from anonymizer.model.windows import Inputs, inputs_of
from anonymizer.storage.engine import Engine
from anonymizer.storage.home import Home

# What `late` holds; visits have the same columns.
_VISITS = pa.schema(
    {
        "visit_key": pa.binary(),
        "person_key": pa.binary(),
        "campaign_ids": pa.list_(pa.string()),
        "program": pa.bool_(),
        "interest": pa.string(),
        "local_day": pa.date32(),
    }
)


def inputs_missing(home: Home, series: Series, period: Period, timing: Timing) -> tuple[date, ...]:
    """The days, in order, that have not been taken in or whose files are gone."""
    return tuple(sorted({day for day, _ in _missing(home, series, period, timing)}))


def require_inputs(home: Home, series: Series, period: Period, timing: Timing) -> Inputs:
    """What `inputs_of` says, once it is all there. Raises Held `missing_input`."""
    missing = _missing(home, series, period, timing)
    if missing:
        day, stage = missing[0]
        days = sorted({day for day, _ in missing})
        raise Held(
            "missing_input",
            f"{stage}/{home.working_file(stage, day).name} is missing; {series.release_id(period)} "
            f"needs days that have not been taken in: {first_few(days)}; run them first, or leave "
            "this period out",
        )
    return inputs_of(series, period, timing)


def _missing(home: Home, series: Series, period: Period, timing: Timing) -> list[tuple[date, str]]:
    """Day and stage of each private file that a period needs and that is not there."""
    inputs = inputs_of(series, period, timing)
    of_each_day = ("visits",) if series == CAMPAIGN_DAY else ("visits", "late")
    needed = {(day, stage) for day in inputs.days for stage in of_each_day}
    needed |= {(period.end, stage) for stage in ("campaigns", "profiles")}
    needed |= {(inputs.closing, stage) for stage in ("consents", "requests")}
    return sorted(
        (day, stage) for day, stage in needed if not home.working_file(stage, day).is_file()
    )


def scan_visits(engine: Engine, home: Home, inputs: Inputs) -> int:
    """Make the visits of a period readable as `visits` and `late_visits`.

    Returns how many rows of the late ones were read before. Raises Held when a file is missing.
    """
    engine.scan("visits", [home.working_file("visits", day) for day in inputs.visits])
    if inputs.arrivals:
        engine.scan("late", [home.working_file("late", day) for day in inputs.arrivals])
    else:
        engine.load("late", _VISITS.empty_table())
    window = {"first": inputs.visits[0], "last": inputs.visits[-1]}
    late = engine.fetch("gather_late_visits", window)
    engine.load("late_visits", late)
    return sum(late["repeated"].to_pylist())
