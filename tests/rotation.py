"""How many random cases a test tries: some in every run, others the next day, all in `make bench`.

Cases that are named by their seeds move on day by day, so that a range is gone through again and
again. TEST_DAY repeats those of a day; TEST_CASES=all tries all of them. Hypothesis draws anew in
every run and prints what failed.
"""

import os
from datetime import UTC, datetime

import pytest

ALL = os.environ.get("TEST_CASES") == "all"
DAY = int(os.environ.get("TEST_DAY") or datetime.now(UTC).date().toordinal())


def cases(seeds: range, some: int) -> list[int]:
    """So many of the seeds, those of the day, or all of them."""
    if ALL:
        return list(seeds)
    return [seeds[(DAY * some + number) % len(seeds)] for number in range(some)]


def examples(most: int) -> int:
    """How many examples Hypothesis tries where each takes a while."""
    return most if ALL else max(most // 4, 3)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    """Say how to get the same cases again where something failed."""
    if exitstatus:
        terminalreporter.write_line(f"Random cases of the day: TEST_DAY={DAY} repeats them")
