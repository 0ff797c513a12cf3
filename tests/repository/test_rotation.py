"""Tests that try some of their cases try all of them in the end."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from rotation import ONE_OF, cases, of_the_day

TESTS = Path(__file__).parents[1]
_MARK = "pytest.mark.alternate("


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 10])
def test_every_listed_case_has_its_day_and_each_day_a_case(number: int) -> None:
    listed = list(range(number))
    days = [of_the_day(listed, day) for day in range(740_000, 740_000 + ONE_OF * number)]
    assert all(days)
    assert set().union(*days) == set(listed)
    assert max(map(len, days)) <= -(-number // ONE_OF)


def test_seeds_are_of_the_range_and_as_many_as_asked_for() -> None:
    found = cases(range(100, 150), 7)
    assert set(found) <= set(range(100, 150))
    assert len(set(found)) in (7, 50)


def alternating() -> Iterator[tuple[str, list[str]]]:
    """The promise of each test that alternates, and its other marks; slow ones of a file do not."""
    for path in TESTS.rglob("test_*.py"):
        content = ast.parse(path.read_text(encoding="utf-8")).body
        of_file = [
            ast.unparse(line.value)
            for line in content
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "pytestmark"
        ]
        shared = [mark for mark in of_file if mark.startswith(_MARK)]
        for node in content:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                marks = [ast.unparse(mark) for mark in node.decorator_list]
                own = [mark for mark in marks if mark.startswith(_MARK)]
                others = [mark for mark in marks if mark not in own]
                for mark in own or (shared if "pytest.mark.slow" not in others else ()):
                    yield mark, others


def test_tests_that_alternate_have_others_of_their_promise_and_are_quick() -> None:
    found = list(alternating())
    promises = [promise for promise, _ in found]
    assert len(found) > 20
    assert {promise for promise in promises if promises.count(promise) < 3} == set()
    assert not any(mark == "pytest.mark.slow" for _, others in found for mark in others)
