"""Which code this is: version and commit, as the ledger records them with every release.

Whoever doubts a release has to know what made it. A version alone does not say so between versions.
"""

import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
# Written into built packages by hatch_build.py; a checkout asks git instead.
COMMIT_FILE = _PACKAGE / "commit.txt"
_SHORT = 12
# A checkout whose files differ elsewhere makes the same releases.
_DECIDING = (".", ":!docs", ":!tests", ":!benchmarks")


@cache
def code_version() -> str:
    """Version and commit: `0.7.0+g0123456789ab`, with `.changed` if files differ from the commit.

    The version alone where neither a built package nor a checkout tells the commit.
    """
    commit = commit_of(_PACKAGE.parent)
    return version("audience") + (f"+g{commit}" if commit else "")


def commit_of(root: Path) -> str:
    """The commit of a checkout, or the one that a built package was made from; empty if unknown."""
    if not (root / ".git").exists():  # never that of a repository around an installed package
        return COMMIT_FILE.read_text(encoding="ascii").strip() if COMMIT_FILE.is_file() else ""
    commit = _git(root, "rev-parse", f"--short={_SHORT}", "HEAD")
    if not commit:
        return ""
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", *_DECIDING)
    return commit + (".changed" if changed else "")


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603  fixed words
            ["git", "--no-optional-locks", "-C", str(root), *words],  # noqa: S607  git is where PATH says
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
