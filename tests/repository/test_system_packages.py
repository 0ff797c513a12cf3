"""A test that cannot run says so in the last lines, with the command that installs the rest."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from system_packages import PACKAGES

TESTS = Path(__file__).parents[1]
SAMPLE = """
import pytest

@pytest.mark.needs("chromium")
@pytest.mark.parametrize("number", range(2))
def test_that_needs_chromium(number):
    pass

@pytest.mark.needs("git")
def test_that_needs_git():
    pass

def test_that_needs_nothing():
    pass
"""


def run(folder: Path, path: str, *options: str) -> list[str]:
    """The last lines of pytest on the sample, with these programs on the path."""
    (folder / "test_sample.py").write_text(SAMPLE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "system_packages", "-p", "no:cacheprovider",
         f"--rootdir={folder}", *options, str(folder)],
        env={"PATH": path, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().splitlines()[-3:]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="alone"),
        pytest.param(("-n", "2"), id="workers", marks=pytest.mark.slow),
    ],
)
def test_missing_programs_are_named_above_the_closing_line(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "git").symlink_to("/bin/true")
    *_, told, closing = run(tmp_path, str(programs), *options)
    assert told.startswith("2 tests skipped: chromium is not installed; ")
    assert re.search(r"install .*chromium", told)
    assert closing.startswith("2 passed, 2 skipped")


def test_nothing_is_told_where_nothing_is_missing(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "chromium"):
        (programs / name).symlink_to("/bin/true")
    *_, closing = run(tmp_path, str(programs))
    assert closing.startswith("4 passed")


def test_continuous_integration_installs_what_tests_need() -> None:
    script = (TESTS.parent / ".ci/run").read_text(encoding="utf-8")
    installed = {package for _, package in re.findall(r"^need (\S+) (\S+)$", script, re.MULTILINE)}
    needed = {
        name
        for path in TESTS.rglob("test_*.py")
        if path != Path(__file__)
        for marked in re.findall(r"mark\.needs\(([^)]*)\)", path.read_text(encoding="utf-8"))
        for name in re.findall(r'"(\w+)"', marked)
    }
    assert needed
    assert {PACKAGES[name].debian for name in needed} <= installed
