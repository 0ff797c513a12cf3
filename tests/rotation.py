"""How many cases a test tries: some in every run, others the next day.

    TEST_CASES=few   of the cases that a test lists, and of tests that alternate, an eighth
                     (`make test`), at least one; of random ones fewer
    (not set)        all cases that are listed, and of random ones some (`make test-all`)
    TEST_CASES=all   all random ones too (`make bench`)

Tests that alternate (`@pytest.mark.alternate(<promise>)`) are costly tests of one promise: each day
some of them run, so that the promise is tested every day.

Cases move on day by day, so that all are gone through again and again; TEST_DAY repeats those of a
day. Hypothesis draws anew in every run and prints what failed.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

import pytest

Case = TypeVar("Case")

ALL = os.environ.get("TEST_CASES") == "all"
FEW = os.environ.get("TEST_CASES") == "few"
ONE_OF = 8
# Workers take the day of the process that starts them: all choose the same cases.
DAY = int(os.environ.get("TEST_DAY") or datetime.now(UTC).date().toordinal())
os.environ["TEST_DAY"] = str(DAY)


def cases(seeds: range, some: int) -> list[int]:
    """So many of the seeds, those of the day, or all of them."""
    if ALL:
        return list(seeds)
    return [seeds[(DAY * some + number) % len(seeds)] for number in range(some)]


def examples(most: int) -> int:
    """How many examples Hypothesis tries where each takes a while."""
    if ALL:
        return most
    return max(most // 12, 2) if FEW else max(most // 4, 3)


def of_the_day(listed: Sequence[Case], day: int = DAY) -> list[Case]:
    """An eighth of the cases that a test lists, those of the day; one where there are fewer."""
    return list(listed[day % ONE_OF :: ONE_OF] or [listed[day % len(listed)]])


def list_of(item: pytest.Item) -> str:
    """What a case is one of: those of its test, or the tests that alternate with it."""
    alternate = item.get_closest_marker("alternate")
    return str(alternate.args[0]) if alternate else item.nodeid.partition("[")[0]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cases of other days where few are to be tried."""
    if not FEW:
        return
    listed: dict[str, list[pytest.Item]] = {}
    for item in items:
        listed.setdefault(list_of(item), []).append(item)
    chosen = {id(item) for cases_of_one in listed.values() for item in of_the_day(cases_of_one)}
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in chosen])
    items[:] = [item for item in items if id(item) in chosen]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    """Say how to get the same cases again where something failed."""
    if exitstatus:
        terminalreporter.write_line(f"Random cases of the day: TEST_DAY={DAY} repeats them")
