"""A file without the columns of the contract: all of them are told at once, values never."""

import pyarrow as pa
import pytest
from raw_world import World, as_csv, as_json_lines, as_parquet, consent, profile, visit

from anonymizer.model.errors import InputRejected, InputsRejected

WRITERS = {"csv": as_csv, "jsonl": as_json_lines, "parquet": as_parquet}


def refusals(world: World) -> tuple[str, dict[str, InputRejected]]:
    with pytest.raises(InputsRejected) as caught:
        world.take_in()
    return str(caught.value), {refused.file: refused for refused in caught.value.files}


@pytest.mark.parametrize("form", WRITERS)
def test_all_missing_columns_are_told_beside_those_found_and_their_likely_matches(
    world: World, form: str
) -> None:
    row = {"VisitID": "v2", "user_id": "u1", "occured_at": "x", "page": "y", "ip": "z"}
    world.visits(WRITERS[form]([row]), f"x.{form}")
    said, files = refusals(world)
    (refused,) = files.values()
    assert refused.reason == "schema_missing:visit_id,occurred_at,url"
    assert "missing columns: visit_id, occurred_at, url;" in said
    assert "columns found: VisitID, user_id, occured_at, page, ip;" in said
    assert "likely matches: VisitID for visit_id, occured_at for occurred_at." in said


@pytest.mark.alternate("raw files of every form")
def test_the_files_of_all_tables_and_days_are_told_at_once(world: World) -> None:
    world.visits(as_csv([{"user_id": "u", "url": "y"}]), "today.csv")
    world.visits(as_json_lines([{"user_id": "u", "url": "y"}]), "late.jsonl", offset=1)
    world.put("consents/x.csv", as_csv([{"user_id": "u", "Purpose": "use"}]))
    folder = f"profiles/day={world.day}"
    world.put(f"{folder}/x.parquet", as_parquet([{"user_id": "u", "full_name": "y"}]))
    _, files = refusals(world)
    assert {name.split("/")[-1]: refused.reason for name, refused in files.items()} == {
        "today.csv": "schema_missing:visit_id,occurred_at",
        "late.jsonl": "schema_missing:visit_id,occurred_at",
        "x.csv": "schema_missing:purpose,granted,decided_at",
        "x.parquet": "schema_missing:registered_at",
    }


@pytest.mark.parametrize("form", WRITERS)
def test_a_file_without_a_header_shows_none_of_its_values(world: World, form: str) -> None:
    """Pandas makes the first row of such a file the names of columns, in Parquet and JSON, too."""
    values = ["canary_visit", "canary_u0023007", "canary_time", "user_12", "budi"]
    world.visits(WRITERS[form]([dict.fromkeys(values, "x")]), f"x.{form}")
    said, _ = refusals(world)
    assert "none of the 5 column(s) found is in the contract" in said
    assert not [value for value in values if value in said]


def test_names_that_look_like_data_are_shown_by_their_position(world: World) -> None:
    world.visits(as_csv([{"user_id": "u", "budi@mail.example": "x", "0812 3456": "y"}]), "x.csv")
    said, _ = refusals(world)
    assert "columns found: user_id, column 2, column 3" in said
    assert "budi" not in said
    assert "0812" not in said


def test_many_columns_are_not_all_listed(world: World) -> None:
    world.visits(as_csv([{"user_id": "u", **{f"extra_{n}": "x" for n in range(500)}}]), "x.csv")
    said, _ = refusals(world)
    assert "extra_28, ...;" in said or "extra_28, ..." in said
    assert "extra_29" not in said


@pytest.mark.parametrize(
    ("table", "row", "types", "reason"),
    [
        ("visits", visit(url=7, occurred_at=8), {"url": pa.int64(), "occurred_at": pa.int64()},
         "schema_type:occurred_at,url"),
        ("profiles", profile(gender=1), {"gender": pa.int64()}, "schema_type:gender"),
        ("consents", consent(purpose=1), {"purpose": pa.int64()}, "schema_type:purpose"),
    ],
)  # fmt: skip
def test_all_columns_of_another_type_are_told_at_once(
    world: World, table: str, row: dict[str, object], types: dict[str, pa.DataType], reason: str
) -> None:
    """A word of consents and requests is a type of its own: it was a fault of the program once."""
    day = "" if table == "consents" else f"day={world.day}/"
    world.put(f"{table}/{day}x.parquet", as_parquet([row], types))
    said, files = refusals(world)
    assert [refused.reason for refused in files.values()] == [reason]
    for column in types:
        assert f"write {column} as " in said
