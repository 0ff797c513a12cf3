"""A signal that is recorded again with each visit never lifts what its person decided since."""

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from intake.raw_world import DAY, Row, as_csv, as_parquet, request_of, visit
from log_world import LogWorld
from tc_writer import AT, written

from anonymizer.model.errors import ConfigurationError
from anonymizer.sources.source_catalogue import parse_sources

STRING = """
    consents:
      cmp:
        location: cmp
        files: "*"
        format: csv
        columns: {user_id: u, decided_at: TIME}
        purposes:
          use: {tcf: {path: tc, purposes: [1, 7], vendor: 755}}
"""
FLAGS = """
    consents:
      cmp:
        location: cmp
        files: "*"
        format: json
        columns: {user_id: u, decided_at: {path: at, time: epoch_s}}
        purposes:
          use: {consent_mode: {paths: [analytics, ads]}}
          marketing: {path: mail, optional: true}
"""


@pytest.fixture
def consents(world: LogWorld) -> LogWorld:
    """A world whose consents come from a source alone."""
    world.deliver({f"visits/day={DAY}/v.csv": as_csv([visit()])})
    world.deliver({"visits/day=2026-01-02/_SUCCESS": b""})
    (world.home.raw / "consents" / "c.csv").unlink()
    return world


def decisions(world: LogWorld, purpose: str = "use") -> list[tuple[datetime, bool]]:
    rows: list[Row] = [row for row in world.rows("consents") if row["purpose"] == purpose]
    return sorted((row["decided_at"].astimezone(UTC), row["granted"]) for row in rows)


def day(number: int) -> datetime:
    return AT + timedelta(days=number)


@pytest.mark.parametrize(
    ("time", "form"),
    [
        ("{path: at, time: epoch_s}", lambda at: str(int(at.timestamp()))),
        ("at", lambda at: at.isoformat()),
    ],
    ids=["moment", "text"],
)
def test_a_string_that_is_recorded_again_is_no_new_decision(
    consents: LogWorld, time: str, form: object
) -> None:
    """The refusal of the third day stands against the string of the first, seen on the fifth."""
    assert callable(form)
    consents.describe(STRING.replace("TIME", time))
    rows = [(day(1), written()), (day(3), ""), (day(5), written())]
    lines = "".join(f"u1,{form(at)},{text}\n" for at, text in rows)
    consents.deliver({"cmp/a.csv": "u,at,tc\n" + lines})
    assert not consents.take().unread
    assert decisions(consents) == [(AT, True), (day(3), False)]


@pytest.mark.alternate("recorded consent")
def test_a_string_that_was_updated_since_lifts_a_refusal(consents: LogWorld) -> None:
    consents.describe(STRING.replace("TIME", "{path: at, time: epoch_s}"))
    rows = [(day(3), ""), (day(5), written(updated=day(4)))]
    lines = "".join(f"u1,{int(at.timestamp())},{text}\n" for at, text in rows)
    consents.deliver({"cmp/a.csv": "u,at,tc\n" + lines})
    consents.take()
    assert decisions(consents) == [(day(3), False), (day(4), True)]


@pytest.mark.alternate("recorded consent")
def test_a_clock_that_is_behind_dates_a_grant_at_its_row(consents: LogWorld) -> None:
    consents.describe(STRING.replace("TIME", "{path: at, time: epoch_s}"))
    before = AT - timedelta(hours=2)
    consents.deliver({"cmp/a.csv": f"u,at,tc\nu1,{int(before.timestamp())},{written()}\n"})
    consents.take()
    assert decisions(consents) == [(before, True)]


@pytest.mark.alternate("recorded consent")
def test_a_time_without_zone_grants_nothing(consents: LogWorld) -> None:
    consents.describe(STRING.replace("TIME", "at"))
    consents.deliver({"cmp/a.csv": f"u,at,tc\nu1,2025-12-03 10:00:00,{written()}\n"})
    assert [(row.column, row.reason) for row in consents.take().unread] == [
        ("decided_at", "naive_time")
    ]
    assert not any(granted for _, granted in decisions(consents))


@pytest.mark.alternate("recorded consent")
def test_granted_may_be_a_string_itself(consents: LogWorld) -> None:
    """As a column of its own, before the time of the decision or after it."""
    text = """
    consents:
      cmp:
        location: cmp
        files: "*"
        format: csv
        columns:
          granted: {tcf: {path: tc, purposes: [1, 7], vendor: 755}}
          purpose: p
          user_id: u
          decided_at: {path: at, time: epoch_s}
    """
    consents.describe(text)
    rows = [(day(1), written()), (day(2), written(purposes=(1,)))]
    lines = "".join(f"u1,use,{int(at.timestamp())},{text}\n" for at, text in rows)
    consents.deliver({"cmp/a.csv": "u,p,at,tc\n" + lines})
    consents.take()
    assert decisions(consents) == [(AT, True), (day(2), False)]


@pytest.mark.alternate("recorded consent")
def test_flags_refuse_and_never_grant(consents: LogWorld) -> None:
    """They do not say when they were set, so a withdrawal before them has to stand."""
    consents.describe(FLAGS)
    consents.put("requests/w.csv", as_csv([request_of("u1", kind="withdraw")]))
    rows = [
        {"u": "u1", "analytics": "granted", "ads": "granted", "mail": "yes"},
        {"u": "u2", "analytics": "granted", "ads": "denied"},
        {"u": "u3", "analytics": "granted"},
        {"u": "u4", "analytics": "Yes", "ads": "TRUE", "mail": "no"},
    ]
    lines = "".join(
        json.dumps({**row, "at": int(day(n).timestamp())}) + "\n" for n, row in enumerate(rows)
    )
    consents.deliver({"cmp/a.jsonl": lines})
    taken = consents.take()
    assert decisions(consents) == [(day(1), False), (day(2), False)]
    assert [granted for _, granted in decisions(consents, "marketing")] == [
        True,
        False,
        False,
        False,
    ]
    assert taken.accounts["consents"].read == 6


@pytest.mark.alternate("recorded consent")
def test_flags_that_are_all_set_leave_a_row_out(consents: LogWorld) -> None:
    consents.describe(FLAGS.partition("          marketing")[0])
    rows = [{"u": "u1", "analytics": "granted", "ads": word, "at": 1_764_547_200}
            for word in ("granted", "denied")]  # fmt: skip
    consents.deliver({"cmp/a.jsonl": "".join(json.dumps(row) + "\n" for row in rows)})
    taken = consents.take()
    assert taken.accounts["consents"].read == 1
    assert [warned.count for warned in taken.warnings if warned.code == "filtered"] == [1]


@pytest.mark.parametrize(
    "value",
    [
        "[{tcf: {path: tc, purposes: [1]}}, other]",
        "{coalesce: [other, {consent_mode: {paths: ads}}]}",
        '{consent_mode: {paths: ads}, values: {"false": "true"}}',
        "{tcf: {path: tc, purposes: [1]}, case: upper}",
    ],
)
def test_recorded_consent_stands_alone(value: str) -> None:
    text = f"""
consents:
  cmp:
    location: cmp
    files: "*"
    format: csv
    columns: {{user_id: u, decided_at: {{path: at, time: epoch_s}}}}
    purposes: {{use: {value}}}
"""
    with pytest.raises(ConfigurationError, match="stand alone there"):
        parse_sources(text)


ELEMENTS = """
    consents:
      cmp:
        location: cmp
        files: "*"
        format: FORMAT
        columns: {user_id: u, decided_at: {path: at, time: epoch_s}}
        purposes: {use: {path: "p[k=use].v"}}
"""


@pytest.mark.parametrize("form", ["json", "parquet"])
def test_contradictory_elements_grant_nothing(consents: LogWorld, form: str) -> None:
    consents.describe(ELEMENTS.replace("FORMAT", form))
    lists = [[("use", "yes")], [("use", "yes"), ("use", "no")], [("x", "no"), ("use", "no")]]
    rows = [
        {"u": f"u{n}", "at": 1_764_547_200 + n, "p": [{"k": k, "v": v} for k, v in each]}
        for n, each in enumerate(lists)
    ]
    if form == "json":
        lines = [json.dumps(row) for row in rows]
        lines.append('{"u": "u3", "at": 1764547203, "p": [{"k": "no", "k": "use", "v": "yes"}]}')
        consents.put("cmp/a.jsonl", "\n".join(lines).encode())
    else:
        pair = pa.struct([("k", pa.string()), ("v", pa.string())])
        types = {"p": pa.list_(pair), "at": pa.int64()}
        consents.put("cmp/a.parquet", as_parquet(rows, types))
    unclear = [2, 4] if form == "json" else [2]
    found = [(row.place.row, row.column, row.reason) for row in consents.take().unread]
    assert found == [(row, "p[k=use].v", "duplicate_key") for row in unclear]
    assert [granted for _, granted in decisions(consents)] == [True] + [False] * (1 + len(unclear))


@pytest.mark.alternate("recorded consent")
def test_signals_of_other_types_are_read_as_text(consents: LogWorld) -> None:
    text = FLAGS.replace("json", "parquet").replace("{path: mail, optional: true}", "TCF")
    consents.describe(text.replace("TCF", "{tcf: {path: tc, purposes: [1]}}"))
    rows = [
        {"u": f"u{n}", "at": 1_764_547_200, "analytics": n, "ads": AT, "tc": tc}
        for n, tc in enumerate((5, None))
    ]
    types = {"at": pa.int64(), "analytics": pa.int32(), "ads": pa.timestamp("us", "UTC")}
    consents.put("cmp/a.parquet", as_parquet(rows, {**types, "tc": pa.int64()}))
    assert not consents.take().unread
    for purpose in ("use", "marketing"):
        assert [granted for _, granted in decisions(consents, purpose)] == [False, False]
