"""The table of OWASP ASVS: each requirement once, and each test that it names exists."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/asvs.md").read_text(encoding="utf-8")
STATUSES = ("met", "not applicable", "not met")
_ROW = re.compile(r"^\| (V\d+\.\d+\.\d+) \| (\d) \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
ROWS = _ROW.findall(PAGE)


def standard() -> dict[str, str]:
    """The level of each requirement, as the standard has it."""
    lines = Path(__file__).with_name("asvs_5_0_0.csv").read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return {row["requirement"]: row["level"] for row in rows}


def names_of_tests(folder: Path) -> frozenset[str]:
    texts = (path.read_text(encoding="utf-8") for path in folder.rglob("test_*.py"))
    return frozenset(name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.M))


TESTS = names_of_tests(ROOT / "tests")


def test_each_requirement_of_the_standard_is_there_once_in_its_order() -> None:
    assert [row[0] for row in ROWS] == list(standard())
    assert len(ROWS) == 253
    assert {row[0]: row[1] for row in ROWS} == standard()


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_has_a_status_and_a_test_that_exists_or_a_reason(row: tuple[str, ...]) -> None:
    _, _, what, status, evidence = row
    assert status in STATUSES
    assert what
    named = set(re.findall(r"`(test_\w+)`", evidence))
    assert named <= TESTS, named - TESTS
    reason = re.sub(r"`[^`]*`", "", evidence).strip(" ,;()")
    assert named or reason
    if status != "met":
        assert len(reason) > 5, "what is not met, or does not apply, has a reason"


def test_the_numbers_at_the_top_are_those_of_the_table() -> None:
    counted = Counter(row[3] for row in ROWS)
    for status in STATUSES:
        assert f"| {status} | {counted[status]} |" in PAGE


def test_a_test_that_is_gone_is_noticed() -> None:
    assert "test_that_there_never_was" not in TESTS
    assert not _ROW.findall("| V1.1.1 | 1 | what | met |")
