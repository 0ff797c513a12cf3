"""Names that a reader gives, and the ids that they stand for.

A name that fits nothing never becomes an empty answer: the error says which are close, or exist.
"""

from collections.abc import Sequence
from datetime import date
from typing import get_args

import pandas as pd

from anonymizer.model.alternatives import alternatives
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.periods import PeriodKind

Names = str | Sequence[str] | None
SUBJECT_KINDS = ("campaign", "interest", "audience")
PERIOD_KINDS: tuple[PeriodKind, ...] = get_args(PeriodKind)
STATUSES = ("published", "suppressed")


def ids_of(what: str, names: Names, known: pd.DataFrame, faults: list[Fault]) -> list[str] | None:
    """The ids that each name stands for: an id, a name, or a part of one, in any capitals.

    `known` has an id and a name in its first two columns. None for no names. Names that fit
    nothing become faults.
    """
    if names is None:
        return None
    ids, labels = known.iloc[:, 0].astype(str), known.iloc[:, 1].astype(str)
    found: list[str] = []
    for name in [names] if isinstance(names, str) else names:
        fitting = next(
            (fits for fits in (ids == name, labels.str.lower() == name.lower()) if fits.any()),
            labels.str.contains(name, case=False, regex=False),
        )
        if not (name and fitting.any()):
            remedy = alternatives(name, list(zip(ids, labels, strict=True)))
            faults.append(Fault(what, f"no {what} is called {name!r}", remedy))
        found += ids[fitting].tolist()
    return list(dict.fromkeys(found))


def one_of(what: str, value: str | None, known: Sequence[str], faults: list[Fault]) -> str | None:
    """The value, which has to be one of a few words."""
    if value is not None and value not in known:
        faults.append(Fault(what, f"{value!r} is not one of {', '.join(known)}"))
    return value


def day_of(what: str, value: date | str | None, faults: list[Fault]) -> date | None:
    """A calendar day, given as one or as YYYY-MM-DD."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        faults.append(Fault(what, f"{value!r} is not a date (YYYY-MM-DD)"))
        return None


def refuse(faults: Sequence[Fault]) -> None:
    """Raise ConfigurationError with all faults, if there are any."""
    if faults:
        raise ConfigurationError(faults)
