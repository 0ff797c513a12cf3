"""The benchmark of a day runs as its page says."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "day.py"


@pytest.mark.slow
def test_a_small_day_is_suppressed_and_checked() -> None:
    words = ("--tables", "6", "--visits", "6000", "--at-most", "2000", "--check")
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "largest 2,449, smallest 408" in done.stdout
    assert "5 tables suppressed" in done.stdout
    assert "5 tables checked, 0 findings" in done.stdout
    assert "figures sha256" in done.stdout
