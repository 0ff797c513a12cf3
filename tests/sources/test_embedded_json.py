"""Values inside of JSON that a field has as text, in every format; what is malformed is missing."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from intake.raw_world import DAY, LINK, as_csv, as_json_lines, as_parquet, visit
from log_world import LogWorld

from anonymizer.model.dimensions import Text
from anonymizer.model.errors import ConfigurationError, Held, InputsRejected
from anonymizer.model.segments import Interest
from anonymizer.sources.source_catalogue import parse_sources

USER = "contexts{json}.data[schema=iglu:shop/user/jsonschema/1-0-0].data.id"
LOG = f"""
    visits:
      log:
        location: logs
        files: "{{day}}.*"
        format: csv
        columns:
          visit_id: n
          user_id: "{USER}"
          occurred_at: at
          url: url
          user_agent: {{constant: Mozilla}}
          product_category: {{path: "dimensions{{json}}[0].category", optional: true}}
"""
FILE = f"visits/day={DAY}/log:{DAY}.csv"


def contexts(user: Any, **more: Any) -> str:
    """As Snowplow writes them: self-describing entities in a list."""
    cookie = {"schema": "iglu:org.ietf/http_cookie/jsonschema/1-0-0", "data": {"id": "other"}}
    entity = {"schema": "iglu:shop/user/jsonschema/1-0-0", "data": {"id": user, **more}}
    return json.dumps({"schema": "iglu:contexts/1-0-1", "data": [cookie, entity]})


def row(number: int, text: str | None, dimensions: str | None = None) -> dict[str, Any]:
    at = f"2026-01-01T10:{number:02d}:00+07:00"
    return {"n": f"v{number}", "contexts": text, "dimensions": dimensions, "at": at, "url": LINK}


WRITERS: Mapping[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "csv": as_csv,
    "json": as_json_lines,
    "parquet": as_parquet,
}


def deliver(world: LogWorld, form: str, rows: list[dict[str, Any]], settings: str = LOG) -> None:
    world.describe(settings.replace("format: csv", f"format: {form}"))
    world.deliver({f"logs/{DAY}.{form}": WRITERS[form](rows)})
    world.deliver({f"logs/2026-01-02.{form}": WRITERS[form](rows[:1])})


SOUND = [
    row(1, contexts("u1"), '[{"category": "Kopi"}]'),
    row(2, contexts(7001), ' [ {"category": "teh"} ] '),
    row(3, contexts(12345678901234567890), "[]"),
    row(4, contexts("u4"), '[{"category": 1'),
    row(5, contexts("u5"), "Kopi"),
    row(6, contexts("u6"), '[{"category": "Kopi", "category": "teh"}]'),
    row(7, contexts("u7"), "[" * 20_000),
    row(8, contexts(None), None),
    row(9, json.dumps({"data": []}), '{"category": "Kopi"}'),
    row(10, None, "[null]"),
]
BAD = [
    row(11, contexts("u1")[:-1]),
    row(12, "u1"),
    row(13, contexts("u1").replace('"id": "u1"', '"id": "u1", "id": "u2"')),
    row(14, contexts({"nested": "u1"})),
]


@pytest.mark.parametrize("form", WRITERS)
def test_values_inside_of_text_are_read(world: LogWorld, form: str) -> None:
    """Numbers as they are written; an optional field that is malformed is missing."""
    words = {"coffee": "Kopi", "tea": "teh"}
    world.interests = tuple(
        Interest(code, Text(code, code), (word,)) for code, word in words.items()
    )
    deliver(world, form, [*SOUND, *BAD])
    account = world.take().accounts["visits"]
    assert (account.counted, account.duplicates) == (len(SOUND), 1)
    assert account.quarantined == {"bad_json": 3, "duplicate_key": 1}
    assert {(number, column) for _, number, column, _ in world.pointers()} == {
        (number, USER.replace(" ", "_")) for number in (11, 12, 13, 14)
    }
    interests = [each["interest"] for each in world.rows("visits")]
    assert sorted(filter(None, interests)) == ["coffee", "tea"]
    guests = [each for each in world.rows("visits") if each["person_key"] is None]
    assert len(guests) == 3, "without an id: null, no entity, no contexts"


@pytest.mark.alternate("mapped logs")
def test_ids_are_those_of_the_same_file_without_json(world: LogWorld) -> None:
    deliver(world, "csv", [row(1, contexts(" U1 ")), row(2, contexts(7001))])
    world.take()
    found = world.rows("visits")
    (world.home.raw / "logs").rename(world.home.raw / "old")
    world.home.sources.unlink()
    rows = [
        visit("v1", occurred_at="2026-01-01T10:01:00+07:00"),
        visit("v2", user_id="7001", occurred_at="2026-01-01T10:02:00+07:00"),
    ]
    world.deliver({f"visits/day={DAY}/v.csv": as_csv(rows), "visits/day=2026-01-02/_SUCCESS": b""})
    world.take()
    assert world.rows("visits") == found


@pytest.mark.alternate("mapped logs")
def test_filters_look_inside_of_text(world: LogWorld) -> None:
    """A row of which it cannot be read whether it is one of the table is bad, and not left out."""
    rows = [
        row(2, contexts("u1", kind="page")),
        row(3, contexts("u1", kind="click")),
        row(4, contexts("u1")),
        row(5, "{"),
    ]
    kept = f"{LOG}        keep: {{'{USER.replace('.id', '.kind')}': page}}\n"
    deliver(world, "csv", rows, kept)
    taken = world.take()
    assert taken.accounts["visits"].counted == 1
    assert taken.accounts["visits"].quarantined == {"bad_json": 1}
    filtered = {warned.file: warned.count for warned in taken.warnings if warned.code == "filtered"}
    assert filtered[FILE] == 2


CONSENTS = """
    consents:
      cmp:
        location: cmp
        files: "*.csv"
        format: csv
        columns: {user_id: uid, decided_at: {path: at, time: iso, zone: UTC}}
        purposes:
          use: "answer{json}.purposes.use"
          disclosure: "answer{json}.purposes.disclosure"
"""


@pytest.mark.parametrize(
    ("answer", "granted"),
    [
        ('{"purposes": {"use": true, "disclosure": "ya"}}', (True, True)),
        ('{"purposes": {"use": true, "disclosure": false}}', (True, False)),
        ('{"purposes": {"use": true}}', (True, False)),
        ('{"purposes": {"use": true, "disclosure": true}', (False, False)),
        ('{"purposes": {"use": true, "use": false, "disclosure": true}}', (False, False)),
        ('{"purposes": {"use": {"granted": true}, "disclosure": true}}', (False, False)),
        ('{"purposes": null}', (False, False)),
        ('{"purpose": {"use": true, "disclosure": true}}', (False, False)),
        ("true", (False, False)),
        ("", (False, False)),
        (None, (False, False)),
    ],
)
def test_consent_that_is_malformed_is_a_refusal(
    world: LogWorld, answer: str | None, granted: tuple[bool, bool]
) -> None:
    world.deliver({f"visits/day={DAY}/v.csv": as_csv([visit()])})
    world.deliver({"visits/day=2026-01-02/_SUCCESS": b""})
    world.describe(CONSENTS)
    rows = [{"uid": "u1", "at": "2025-06-01 10:00", "answer": answer}]
    world.deliver({"cmp/a.csv": as_csv(rows)})
    (world.home.raw / "consents/c.csv").unlink()
    world.take()
    found = {row["purpose"]: row["granted"] for row in world.rows("consents")}
    assert (found["use"], found["disclosure"]) == granted


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"person": {"uid": "u1"}}', "no_key"),
        ('{"customer": {"id": "u1"}}', "no_key"),
        ('{"person": {"id": "u1"}', "bad_json"),
    ],
)
def test_an_objection_inside_of_text_is_never_left_out(
    world: LogWorld, text: str, reason: str
) -> None:
    """Whose it is cannot be read, so every release is held; no person is no objection."""
    world.deliver({f"visits/day={DAY}/v.csv": as_csv([visit()])})
    world.deliver({"visits/day=2026-01-02/_SUCCESS": b""})
    world.describe(
        """
        requests:
          desk:
            location: desk
            files: "*.csv"
            format: csv
            columns:
              request_id: id
              user_id: "form{json}.person.id"
              kind: {constant: erase}
              requested_at: {path: at, time: iso, zone: UTC}
            present: "form{json}.person.id"
        """
    )
    sound = {"id": "1", "form": '{"person": {"id": "u9"}}', "at": "2025-06-01 10:00"}
    nobody = {**sound, "id": "2", "form": '{"person": null}'}
    world.deliver({"desk/a.csv": as_csv([sound, nobody])})
    taken = world.take()
    assert (taken.accounts["requests"].counted, taken.unread) == (2, ())
    world.deliver({"desk/a.csv": as_csv([sound, nobody, {**sound, "id": "3", "form": text}])})
    with pytest.raises(Held, match=f"objection_unreadable: .*{reason}"):
        world.take()


TIME = {"time": "iso", "zone": "UTC"}
# What makes less count, and the other columns of its table.
NARROWING: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("profiles", "closed_at"): {"user_id": "id", "registered_at": {"path": "since", **TIME}},
    ("visits", "user_agent"): {
        "visit_id": "id",
        "user_id": "id",
        "occurred_at": {"constant": "2026-01-01T10:00:00+07:00"},
        "url": "url",
    },
    ("campaigns", "target_regions"): {
        **dict.fromkeys(("campaign_id", "advertiser_id", "advertiser_name", "campaign_name"), "id"),
        "link_url": "url",
        "starts_on": {"constant": "2025-01-01"},
        "ends_on": {"constant": "2027-01-01"},
    },
}
LESS = "extra{json}.less"
MALFORMED = ('{"less": "x"', "[" * 20_000, '{"less": "x", "less": "y"}')


@pytest.mark.parametrize("form", ["required", "optional", "first of several"])
@pytest.mark.parametrize(("table", "column"), NARROWING)
def test_what_makes_less_count_is_not_absent_because_it_is_malformed(
    world: LogWorld, table: str, column: str, form: str
) -> None:
    """An account that is closed, a program, a campaign with targets: also where optional."""
    value: Any = {"path": LESS, "optional": form == "optional"}
    value |= TIME if column == "closed_at" else {}
    value = {"coalesce": [value, "other"]} if form == "first of several" else value
    columns = {**NARROWING[table, column], column: value}
    days = {"visits": (DAY, "2026-01-02"), "profiles": (DAY,)}.get(table)
    files = "{day}.csv" if days else "*.csv"
    source = {"location": "log", "files": files, "format": "csv", "columns": columns}
    world.describe(json.dumps({table: {"log": source}}))
    rows = [
        {"id": f"n{number}", "since": "2020-01-01 00:00", "url": LINK, "other": None, "extra": text}
        for number, text in enumerate((*MALFORMED, "{}", ""))
    ]
    world.deliver({f"visits/day={DAY}/v.csv": as_csv([visit()])})
    world.deliver({"visits/day=2026-01-02/_SUCCESS": b""})
    world.deliver({f"log/{day}.csv": as_csv(rows) for day in days or ("all",)})
    account = world.take().accounts[table]
    assert account.quarantined == {"bad_json": 2, "duplicate_key": 1}


def test_the_field_with_the_text_has_to_be_there(world: LogWorld) -> None:
    lacking = [{name: value for name, value in row(1, "x").items() if name != "contexts"}]
    deliver(world, "csv", lacking)
    with pytest.raises(InputsRejected) as refused:
        world.take()
    assert refused.value.files[0].reason == "schema_missing:contexts"


@pytest.mark.parametrize(
    "path", ["a{json}", "a{json}b", "a{json}.b{json}.c", "{json}.a", "a{json}."]
)
def test_paths_that_lead_nowhere_are_reported(path: str) -> None:
    with pytest.raises(ConfigurationError, match="path"):
        parse_sources(LOG.replace(USER, path).replace("format: csv", "format: json"))
