"""Requests and refusals that come from a source are never lost without a trace."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from intake.raw_world import DAY, as_csv, visit
from log_world import LogWorld

from anonymizer.model.errors import Held, InputsRejected

DESK = """
    requests:
      desk:
        location: desk
        files: "*.csv"
        format: csv
        delimiter: ";"
        columns: {request_id: id, user_id: u, kind: what, requested_at: at}
"""
CMP = """
    consents:
      cmp:
        location: cmp
        files: "*.jsonl"
        format: json
        columns:
          user_id: {path: user.id, optional: OPTIONAL}
          decided_at: {path: at, time: epoch_s}
        present: user.id
        purposes: {use: {path: cmp.use, optional: true}}
"""


@pytest.fixture
def world(world: LogWorld) -> LogWorld:
    """With a day of visits, so that only requests and consents are in question."""
    world.deliver({f"visits/day={DAY}/v.csv": as_csv([visit()])})
    world.deliver({"visits/day=2026-01-02/_SUCCESS": b""})
    return world


def lines(*rows: Mapping[str, Any]) -> str:
    return "".join(json.dumps({"at": 1_764_547_200, **row}) + "\n" for row in rows)


@pytest.mark.parametrize(
    "swallowed",
    ["2;u2;erase;2025-06-01T10:00:00+07:00", "2;u2;2025-06-01T10:00:00+07:00;x", "2;u2;erase;x"],
    ids=["sound", "other order", "without time"],
)
def test_an_erasure_inside_a_quotation_is_noticed(world: LogWorld, swallowed: str) -> None:
    """Two stray marks: as in a file of the contract, no row disappears between them."""
    world.describe(DESK)
    rows = [
        '1;"u1;access;2025-06-01T10:00:00+07:00;a',
        f"{swallowed};b",
        '3";u3;access;2025-06-01T10:00:00+07:00;c',
    ]
    world.deliver({"desk/a.csv": "id;u;what;at;note\n" + "\n".join(rows) + "\n"})
    with pytest.raises(Held, match="no readable user id"):
        world.take()


@pytest.mark.alternate("objections of sources")
def test_a_short_row_inside_a_long_text_is_noticed(world: LogWorld) -> None:
    """A row of the fields that are read alone is one, too."""
    world.describe(DESK)
    text = '1;u1;access;2025-06-01T10:00:00+07:00;"a\n2;u2;erase;soon\nb";x\n'
    world.deliver({"desk/a.csv": "id;u;what;at;note;more\n" + text})
    with pytest.raises(Held, match="no readable user id"):
        world.take()


@pytest.mark.parametrize("user", [{"uid": "u1"}, "u1"], ids=str)
def test_a_field_of_all_rows_that_is_renamed_rejects_the_file(
    world: LogWorld, user: object
) -> None:
    """Optional or not: without it nobody is left."""
    world.describe(CMP.replace("OPTIONAL", "true"))
    world.deliver({"cmp/a.jsonl": lines({"user": user, "cmp": {"use": "no"}}, {"user": None})})
    with pytest.raises(InputsRejected) as refused:
        world.take()
    assert refused.value.files[0].reason == "schema_missing:user.id"


@pytest.mark.parametrize("user", [{"uid": "u1"}, ["u1"]], ids=str)
def test_a_field_of_one_row_that_is_renamed_holds_the_day(world: LogWorld, user: object) -> None:
    world.describe(CMP.replace("OPTIONAL", "false"))
    world.deliver({"cmp/a.jsonl": lines({"user": {"id": "u1"}}, {"user": user})})
    with pytest.raises(Held, match=r"row 2, user\.id: no_key"):
        world.take()


@pytest.mark.alternate("objections of sources")
def test_nobody_is_no_fault(world: LogWorld) -> None:
    """Null, empty, or not there at all: the row is nobody's."""
    world.describe(CMP.replace("OPTIONAL", "false"))
    nobody = ({"user": None}, {"user": {"id": None}}, {"user": {"id": ""}}, {})
    world.deliver({"cmp/a.jsonl": lines({"user": {"id": "u1"}}, *nobody)})
    taken = world.take()
    assert [(row.place.row, row.reason) for row in taken.unread] == [(1, "not_in_domain")]
    assert sum(warned.count for warned in taken.warnings if warned.code == "filtered") == 4


@pytest.mark.parametrize("parts", [{"p": [{"k": "x", "v": "1"}]}, {"p": []}])
def test_an_element_that_a_list_does_not_have_is_not_missing(
    world: LogWorld, parts: Mapping[str, Any]
) -> None:
    text = CMP.replace("OPTIONAL", "false").replace("cmp.use, optional: true", "'p[k=use].v'")
    world.describe(text)
    world.deliver(
        {"cmp/a.jsonl": lines({"user": {"id": "u1"}, "p": None}, {**parts, "user": None})}
    )
    world.take()


@pytest.mark.alternate("objections of sources")
def test_a_key_of_elements_that_is_renamed_rejects_the_file(world: LogWorld) -> None:
    text = CMP.replace("OPTIONAL", "false").replace("cmp.use, optional: true", "'p[k=use].v'")
    world.describe(text)
    world.deliver({"cmp/a.jsonl": lines({"user": {"id": "u1"}, "p": [{"key": "use", "v": "no"}]})})
    with pytest.raises(InputsRejected, match=r"schema_missing:p\[k=use\]\.v"):
        world.take()


@pytest.mark.alternate("objections of sources")
def test_a_file_of_consents_that_fits_no_pattern_holds_the_day(world: LogWorld) -> None:
    """But a working file, or one that another source reads."""
    text = CMP.replace("OPTIONAL", "false").replace("*.jsonl", "a/*.jsonl")
    other = text.replace("cmp:", "old:", 1).replace("a/*", "b/*").partition("consents:\n")[2]
    world.describe(text + other)
    row = lines({"user": {"id": "u1"}, "cmp": {"use": "no"}})
    world.deliver({"cmp/a/1.jsonl": row, "cmp/b/1.jsonl": row, "cmp/.part": "", "cmp/c.tmp": ""})
    world.take()
    world.deliver({"cmp/a/2.JSONL": row})
    with pytest.raises(Held, match=r"a pattern of source cmp that a/2\.JSONL fits"):
        world.take()


def test_a_source_that_has_only_working_files_has_delivered_nothing(world: LogWorld) -> None:
    world.describe(CMP.replace("OPTIONAL", "false").replace("*.jsonl", "*"))
    world.deliver({"cmp/a.jsonl.tmp": lines({"user": {"id": "u1"}})})
    with pytest.raises(Held, match="files of source cmp"):
        world.take()


@pytest.mark.parametrize("linked", ["in", "in/cmp"])
def test_a_source_below_a_linked_folder_waits(world: LogWorld, linked: str) -> None:
    world.describe(CMP.replace("OPTIONAL", "false").replace("location: cmp", "location: in/cmp"))
    world.deliver({"in/cmp/a.jsonl": lines({"user": {"id": "u1"}})})
    world.take()
    folder = world.home.raw / linked
    folder.rename(world.root / "elsewhere")
    folder.symlink_to(world.root / "elsewhere")
    with pytest.raises(Held, match="files of source cmp"):
        world.take()


@pytest.mark.parametrize("word", ["privacy", " Privacy ", "PRIVACY", "pri-vacy"])
def test_keep_reads_words_of_objections_however_they_are_written(
    world: LogWorld, word: str
) -> None:
    """And a row without a word is not left out."""
    world.describe(DESK + "        keep: {topic: Privacy}\n")
    rows = [f"1;u1;access;2025-06-01T10:00:00+07:00;{word}",
            "2;u2;erase;2025-06-01T10:00:00+07:00;billing",
            "3;u3;access;2025-06-01T10:00:00+07:00;"]  # fmt: skip
    world.deliver({"desk/a.csv": "id;u;what;at;topic\n" + "\n".join(rows) + "\n"})
    taken = world.take()
    assert taken.accounts["requests"].counted == 2, "one is of the contract's file"
    found = [(row.place.row, row.column, row.reason, row.person_known) for row in taken.unread]
    assert found == [(3, "topic", "no_word", True)]
