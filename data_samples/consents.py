"""Consents with their changes, and requests of people about their data."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_samples.chance import share_of, stream
from data_samples.options import WorldOptions
from data_samples.people import DAY_S, Numbers, People, midnight
from data_samples.raw_schemas import SCHEMAS

_SECOND_US = 1_000_000
# Share of people who decided on a purpose at all, and who then granted it.
_DECISIONS = {
    "use": (0.985, 0.985),
    "disclosure": (0.98, 0.96),
    "advertising_cookies": (0.75, 0.72),
    "marketing": (0.6, 0.5),
}
_WITHDRAWN, _GRANTED_AGAIN = 0.03, 0.2
_REQUESTS_SHARE = 0.006
_KINDS = {"withdraw": 0.35, "erase": 0.25, "access": 0.25, "correct": 0.15}
_LOOK_BACK_DAYS = 60


def draw_consents(people: People, options: WorldOptions) -> pa.Table:
    """Every decision: the first at registration, later ones withdraw or grant again."""
    rounds = [
        _table(people, *decision, purpose) for decision, purpose in _decisions(people, options)
    ]
    order = [(name, "ascending") for name in ("decided_at", "user_id", "purpose")]
    return pa.concat_tables(rounds).sort_by(order)


_Decision = tuple[Numbers, NDArray[np.bool_], Numbers]


def _decisions(people: People, options: WorldOptions) -> Iterator[tuple[_Decision, str]]:
    """Person, whether granted and when (in seconds), for each purpose and round."""
    end = midnight(options, options.days)
    for purpose, (decided_share, granted_share) in _DECISIONS.items():
        draw = stream(options.seed, "consents", purpose)
        person = np.flatnonzero(share_of(draw, len(people), decided_share))
        granted = share_of(draw, len(person), granted_share)
        decided = people.registered[person]
        yield (person, granted, decided), purpose

        withdrawing = np.flatnonzero(granted)[share_of(draw, int(granted.sum()), _WITHDRAWN)]
        person, decided = person[withdrawing], decided[withdrawing]
        withdrawn = draw.integers(np.maximum(decided, end - 200 * DAY_S), end)
        yield (person, np.zeros(len(person), dtype=bool), withdrawn), purpose

        again = np.flatnonzero(share_of(draw, len(person), _GRANTED_AGAIN))
        regranted = draw.integers(withdrawn[again], end) + 1
        yield (person[again], np.ones(len(again), dtype=bool), regranted), purpose


def _table(
    people: People,
    person: Numbers,
    granted: NDArray[np.bool_],
    decided: Numbers,
    purpose: str,
) -> pa.Table:
    schema = SCHEMAS["consents"]
    columns = [
        pa.array(people.ids).take(pa.array(person)),
        pa.repeat(purpose, len(person)),
        pa.array(granted),
        pa.array(decided * _SECOND_US).cast(schema.field("decided_at").type),
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def draw_requests(people: People, options: WorldOptions) -> pa.Table:
    """Requests to withdraw, erase, access and correct, before and during the world's days."""
    draw = stream(options.seed, "requests")
    size = max(round(len(people) * _REQUESTS_SHARE), len(_KINDS))
    person = draw.choice(len(people), size, replace=False)
    # The first few have one of each kind, so that small worlds have them too.
    kind = draw.choice(len(_KINDS), size, p=list(_KINDS.values()))
    kind[: len(_KINDS)] = range(len(_KINDS))
    first = midnight(options, -_LOOK_BACK_DAYS)
    moment = np.sort(draw.integers(first, midnight(options, options.days), size))
    moment = np.maximum(moment, people.registered[person])
    schema = SCHEMAS["requests"]
    columns = [
        pa.array([f"req-{number:06d}" for number in range(1, size + 1)]),
        pa.array(people.ids).take(pa.array(person)),
        pa.array(list(_KINDS)).take(pa.array(kind)),
        pa.array(moment * _SECOND_US).cast(schema.field("requested_at").type),
    ]
    return pa.Table.from_arrays(columns, schema=schema)
