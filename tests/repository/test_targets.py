"""`make test` and `make test-all` as `make` would run them: the second contains the first."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.needs("make")


def commands(target: str) -> list[str]:
    """What the target runs, without installing."""
    done = subprocess.run(
        ["make", "--dry-run", "--assume-old", ".venv/installed", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(line for line in done.stdout.splitlines() if ".venv/bin/" in line)


def test_the_quick_tests_are_all_tests_without_the_slow_ones() -> None:
    quick, complete = commands("test"), commands("test-all")
    assert quick != complete
    (tests,) = (line for line in complete if "pytest" in line)
    (fewer,) = (line for line in quick if "pytest" in line)
    assert fewer == f'TEST_CASES=few {tests} -m "not slow"'
    assert {*quick} - {fewer} == {*complete} - {tests}
    assert len(quick) > 5, "the checks"


def test_continuous_integration_leaves_no_test_out() -> None:
    script = (ROOT / ".ci/run").read_text("utf-8")
    assert re.findall(r"^make .*$", script, re.M) == ["make test-all"]
