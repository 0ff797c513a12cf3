"""No value of a person leaves a step inside an exception."""

import sys
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from dagster._utils.error import serializable_error_info_from_exc_info

from anonymizer.model.errors import Busy, Held, InputRejected, NoSpace
from pipelines.messages.trouble import Trouble, attempt

CANARY = "canary-7f3a@example.invalid"


def convert_canary() -> object:
    return duckdb.sql(f"SELECT CAST('{CANARY}' AS INTEGER)").fetchall()


def test_the_canary_is_in_the_error_that_is_sealed() -> None:
    with pytest.raises(duckdb.ConversionException, match=CANARY):
        convert_canary()


def test_an_unexpected_error_becomes_type_and_place() -> None:
    trouble = attempt(convert_canary)

    assert isinstance(trouble, Trouble)
    assert trouble.code == "fault"
    assert "ConversionException" in trouble.message
    assert CANARY not in repr(trouble)


def test_what_dagster_would_record_has_no_cause_and_no_context() -> None:
    trouble = attempt(convert_canary)
    assert isinstance(trouble, Trouble)
    try:
        raise dg.Failure(trouble.message)
    except dg.Failure:
        recorded = serializable_error_info_from_exc_info(sys.exc_info())

    assert recorded.cause is None
    assert recorded.context is None
    assert CANARY not in repr(recorded)


@pytest.mark.parametrize(
    ("error", "code", "exit_code", "passing"),
    [
        (Held("disclosure", "seen"), "disclosure", 4, False),
        (InputRejected("visits/a.csv", "corrupt"), "corrupt", 3, False),
        (Busy("process 1"), "busy", 5, True),
        (NoSpace("published", "OSError"), "no_space", 6, True),
        (OSError("gone"), "fault", 1, True),
        (ValueError(CANARY), "fault", 1, False),
    ],
)
def test_only_what_may_pass_is_tried_again(
    error: Exception, code: str, exit_code: int, *, passing: bool
) -> None:
    def fail() -> None:
        raise error

    trouble = attempt(fail)

    assert trouble == Trouble(code, trouble.message, exit_code, passing)
    assert CANARY not in trouble.message


def test_the_place_is_a_file_and_a_line() -> None:
    trouble = attempt(convert_canary)
    assert isinstance(trouble, Trouble)
    assert f"{Path(__file__).parent.name}/{Path(__file__).name}:" in trouble.message


def test_interrupts_pass_through() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(interrupt)
