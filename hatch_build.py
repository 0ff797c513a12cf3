"""Writes the commit into built packages, where no git can be asked."""

import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

from anonymizer.version import commit_of


class CommitHook(BuildHookInterface):
    """Adds `anonymizer/commit.txt` to wheel and source archive, unless they are editable."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects files."""
        commit = commit_of(Path(self.root))
        if version == "editable" or not commit:
            return
        path = Path(tempfile.mkdtemp()) / "commit.txt"
        path.write_text(commit + "\n", encoding="ascii")
        build_data["force_include"][str(path)] = "anonymizer/commit.txt"
