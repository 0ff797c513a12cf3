"""Who counts on a day (design, section 5).

A person counts when they have a profile, are known to be an adult, have an open account, had
granted every required purpose by the end of the day, and when nothing known by now speaks
against it: no later refusal, withdrawal or erasure. Everybody else is excluded for one reason,
the first that applies in the order of `rules`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.accounting import RowAccount
from anonymizer.dimensions import AGE_BAND_STARTS, AGE_BANDS
from anonymizer.engines.duckdb import DuckDB
from anonymizer.files import write_parquet
from anonymizer.home import Home
from anonymizer.policy import Policy
from anonymizer.secret import Secret

_OLDEST = 32_767


@dataclass(frozen=True)
class Rule:
    """A reason why somebody does not count, and the statement that lists whom it concerns."""

    reason: str
    statement: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Eligibility:
    """How many people count on the day and how many do not, by reason.

    The account is about people, not rows: everybody with a profile or a visit on the day.
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


def rules(day: date, policy: Policy) -> tuple[Rule, ...]:
    """All reasons, in order of precedence: rights, the account, age, consents, behaviour."""
    by_purpose = [
        {"purpose": purpose, "day_end": _end_of(day, policy)}
        for purpose in policy.eligibility.purposes
    ]
    return (
        Rule("erased", "exclude_erased"),
        Rule("no_profile", "exclude_without_profile"),
        Rule("closed", "exclude_closed"),
        Rule("not_yet_registered", "exclude_not_yet_registered"),
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
    engine: DuckDB, home: Home, day: date, policy: Policy, secret: Secret
) -> Eligibility:
    """Write `private/people` and `private/excluded` of the day from what intake accepted.

    Same files, same bytes, whatever the order of rows and the number of threads. Raises Held
    when intake has not been run for the day, or when a person has two profiles.
    """
    for stage in ("profiles", "consents", "requests", "visits"):
        engine.scan(stage, [home.working_file(stage, day)])
    engine.create("visitors", "tally_visitors")
    candidates = engine.create("candidates", "list_candidates")

    excluded = _settle(engine, rules(day, policy))
    engine.load("excluded", excluded)
    engine.load("bands", _bands())
    people = engine.fetch(
        "select_eligible_people",
        {
            "mark_key": secret.derive("mark"),
            "trusted_after_days": policy.promise.trusted_after_days,
        },
    )
    account = RowAccount("people", candidates, people.num_rows, excluded=_by_reason(excluded))
    write_parquet(excluded, home.working_file("excluded", day))
    write_parquet(people, home.working_file("people", day))
    return Eligibility(account)


def _settle(engine: DuckDB, ordered: Sequence[Rule]) -> pa.Table:
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
    return engine.fetch("settle_exclusions")


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
