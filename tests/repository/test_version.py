"""Which code made a release: version and commit, from a checkout and from a built package."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from anonymizer.model import version
from anonymizer.model.version import code_version, commit_of

pytestmark = pytest.mark.needs("git")
WHO = {
    f"GIT_{role}_{what}": "test" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        env={**os.environ, **WHO},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "docs").mkdir()
    for name in ("code.py", "docs/page.md"):
        (tmp_path / name).write_text("first\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def test_a_checkout_tells_its_commit(checkout: Path) -> None:
    assert commit_of(checkout) == git(checkout, "rev-parse", "--short=12", "HEAD")


def test_changed_code_is_told_and_a_changed_page_is_not(checkout: Path) -> None:
    commit = commit_of(checkout)
    (checkout / "docs/page.md").write_text("second\n")
    (checkout / "notes.txt").write_text("untracked\n")
    assert commit_of(checkout) == commit
    (checkout / "code.py").write_text("second\n")
    assert commit_of(checkout) == f"{commit}.changed"


def test_a_repository_around_an_installed_package_is_not_taken_for_it(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = checkout / "site-packages"
    inside.mkdir()
    assert commit_of(inside) == ""
    written = inside / "commit.txt"
    written.write_text("0123456789ab\n")
    monkeypatch.setattr(version, "COMMIT_FILE", written)
    assert commit_of(inside) == "0123456789ab"


def test_without_git_the_version_stands_alone(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    assert commit_of(checkout) == ""


def test_the_command_tells_version_and_commit() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"audience {code_version()}\n"
    assert re.fullmatch(r"\d+\.\d+\.\d+(\+g[0-9a-f]{12}(\.changed)?)?", code_version())
