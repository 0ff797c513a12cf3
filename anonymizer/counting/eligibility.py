"""Who counts on a day, in a week or in a month (design, section 5).

A person counts when they have a profile, are known to be an adult, have an open account that is
not new, had granted every required purpose by the end of the day, and when nothing known by now
speaks against it: no later refusal, withdrawal or erasure, and no request that cannot be read. Of a
period of several days the last one says who somebody is, and what is known on its closing day
speaks against them. Everybody else is excluded for one reason, the first that applies in the order
of `rules`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.counting.inputs import require_inputs, scan_visits
from anonymizer.model.accounting import RowAccount
from anonymizer.model.dimensions import AGE_BAND_STARTS, AGE_BANDS
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy, Purpose
from anonymizer.model.series import CAMPAIGN_DAY, Series
from anonymizer.storage.engine import Engine
from anonymizer.storage.files import write_parquet
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

_OLDEST = 32_767


@dataclass(frozen=True)
class Rule:
    """A reason why somebody does not count, and the statement that lists whom it concerns."""

    reason: str
    statement: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EligibilityCounts:
    """How many people count and how many do not, by reason.

    The account is about people, not rows: everybody with a profile or a visit, or everybody
    with a visit where only visitors can count.
    """

    account: RowAccount

    @property
    def people(self) -> int:
        """Who counts."""
        return self.account.counted

    @property
    def excluded(self) -> Mapping[str, int]:
        """Who does not, by reason."""
        return self.account.excluded


def purposes(series: Series, policy: Policy) -> tuple[Purpose, ...]:
    """The consents that a person must have given to count in a series."""
    required = policy.eligibility.purposes
    wanted: tuple[Purpose, ...] = ("advertising_cookies",) if series.kind == "interest" else ()
    return (*required, *(purpose for purpose in wanted if purpose not in required))


def rules(day: date, policy: Policy, wanted: Sequence[Purpose] | None = None) -> tuple[Rule, ...]:
    """All reasons, in order of precedence: rights, the account, age, consents, behaviour.

    The consents are those to `wanted`, without it those that every series needs.
    """
    by_purpose = [
        {"purpose": purpose, "day_end": _end_of(day, policy)}
        for purpose in (policy.eligibility.purposes if wanted is None else wanted)
    ]
    return (
        Rule("erased", "exclude_erased"),
        Rule("unread_objection", "exclude_unread_objections"),
        Rule("no_profile", "exclude_without_profile"),
        Rule("closed", "exclude_closed"),
        Rule("not_yet_registered", "exclude_not_yet_registered"),
        Rule(
            "new_account",
            "exclude_new_accounts",
            {"min_account_days": policy.promise.min_account_days},
        ),
        Rule("age_not_known", "exclude_unknown_ages"),
        Rule("minor", "exclude_minors", {"adult_age": policy.eligibility.adult_age}),
        *(Rule("withdrawn", "exclude_withdrawn", decided) for decided in by_purpose),
        *(
            Rule(f"no_consent_{decided['purpose']}", "exclude_unconsented", decided)
            for decided in by_purpose
        ),
        Rule(
            "too_many_visits", "exclude_overactive", {"max_visits": policy.bots.max_visits_per_day}
        ),
    )


def find_eligible(
    engine: Engine, home: Home, day: date, policy: Policy, secret: Secret
) -> EligibilityCounts:
    """Write `private/people` and `private/excluded` of the day: `find_eligible_in` for days."""
    return find_eligible_in(engine, home, CAMPAIGN_DAY, Period("day", day), policy, secret)


def find_eligible_in(
    engine: Engine,
    home: Home,
    series: Series,
    period: Period,
    policy: Policy,
    secret: Secret,
    objections: date | None = None,
) -> EligibilityCounts:
    """Write the series' stages `people` and `excluded` of the period from what intake accepted.

    Of days and audiences everybody with a profile is decided about, else who visited. Who has
    more visits than a person makes on any day of the period is out of all of it. Consents and
    requests are those of the closing day, or of the day `objections` if it is later. Same files,
    same bytes, whatever the order of rows and the number of threads. Raises Held `missing_input`
    when a day that the period needs has not been taken in.
    """
    inputs = require_inputs(home, series, period, policy.timing)
    engine.scan("profiles", [home.working_file("profiles", period.end)])
    for stage in ("consents", "requests"):
        known = max(inputs.closing, objections or inputs.closing)
        engine.scan(stage, [home.working_file(stage, known)])
    scan_visits(engine, home, inputs)
    engine.create("visitors", "tally_visitors")
    everybody = series == CAMPAIGN_DAY or series.kind == "audience"
    candidates = engine.create("candidates", "list_candidates" if everybody else "list_visitors")

    excluded = _resolve(engine, rules(period.end, policy, purposes(series, policy)))
    engine.load("excluded", excluded)
    engine.load("bands", _bands())
    people = engine.fetch("select_eligible_people", {"mark_key": secret.derive("mark")})
    account = RowAccount("people", candidates, people.num_rows, excluded=_by_reason(excluded))
    write_parquet(excluded, home.working_file(series.stage("excluded"), period.end))
    write_parquet(people, home.working_file(series.stage("people"), period.end))
    return EligibilityCounts(account)


def _resolve(engine: Engine, ordered: Sequence[Rule]) -> pa.Table:
    """Everybody excluded with their reason, from the claims of each rule."""
    claims = []
    for precedence, rule in enumerate(ordered):
        concerned = engine.fetch(rule.statement, rule.parameters)
        column = pa.repeat(pa.scalar(precedence, pa.int16()), concerned.num_rows)
        claims.append(concerned.append_column("precedence", column))
    engine.load("claims", pa.concat_tables(claims))
    engine.load(
        "reasons",
        pa.table(
            {
                "precedence": pa.array(range(len(ordered)), pa.int16()),
                "reason": [rule.reason for rule in ordered],
            }
        ),
    )
    return engine.fetch("resolve_exclusions")


def _by_reason(excluded: pa.Table) -> dict[str, int]:
    tally = pc.value_counts(excluded["reason"]).to_pylist()
    return {entry["values"]: entry["counts"] for entry in sorted(tally, key=lambda e: e["values"])}


def _bands() -> pa.Table:
    """The ages of each band."""
    oldest = [following - 1 for following in AGE_BAND_STARTS[1:]]
    return pa.table(
        {
            "age_band": AGE_BANDS,
            "youngest": pa.array(AGE_BAND_STARTS, pa.int16()),
            "oldest": pa.array([*oldest, _OLDEST], pa.int16()),
        }
    )


def _end_of(day: date, policy: Policy) -> datetime:
    """The first instant after the local day."""
    midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(policy.timing.timezone))
    return midnight.astimezone(UTC)
