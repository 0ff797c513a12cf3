"""Programs that no Python package brings: a test that needs one says so with `needs`.

Where a program is missing its tests are skipped, and the last lines of the output say which, and
how to install it. `.ci/run` installs what tests need.
"""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class SystemPackage:
    """The names that a program goes by, and the package that has it."""

    programs: tuple[str, ...]
    debian: str
    macos: str | None  # None: there is none

    @property
    def path(self) -> str | None:
        """Where the program is; programs of administration are not on everybody's path."""
        places = os.pathsep.join(
            (os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin")
        )
        return next(filter(None, (shutil.which(name, path=places) for name in self.programs)), None)

    @property
    def installation(self) -> str:
        """The command that installs it on this machine."""
        if sys.platform == "darwin":
            return f"brew install {self.macos}" if self.macos else "not available on macOS"
        return f"apt-get install --no-install-recommends {self.debian}"


PACKAGES: Mapping[str, SystemPackage] = {
    "chromium": SystemPackage(
        ("chromium", "chromium-browser", "google-chrome"), "chromium", "chromium"
    ),
    "ext4": SystemPackage(("mkfs.ext4",), "e2fsprogs", None),
    "java": SystemPackage(("java",), "default-jre-headless", "openjdk@17"),
    "git": SystemPackage(("git",), "git", "git"),
    "make": SystemPackage(("make",), "make", "make"),
    "pdftotext": SystemPackage(("pdftotext",), "poppler-utils", "poppler"),
    "soffice": SystemPackage(("soffice",), "libreoffice-calc", "libreoffice"),
}
_skipped: Counter[str] = Counter()
_REASON = "needs a system package: "


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(name): a program of `system_packages.PACKAGES`")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            if PACKAGES[name].path is None:
                pytest.skip(_REASON + name)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Counted from reports, so that workers of pytest-xdist are counted, too."""
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        if reason.startswith(_REASON):
            _skipped[reason.removeprefix(_REASON)] += 1


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter,
) -> Generator[None, None, None]:
    """Around all other summaries, so that these lines stand right above the closing one."""
    result = yield
    for name, tests in sorted(_skipped.items()):
        lacking = f"{tests} test{'s' if tests > 1 else ''} skipped: {name} is not installed"
        terminalreporter.write_line(f"{lacking}; {PACKAGES[name].installation}", yellow=True)
    return result
