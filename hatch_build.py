"""Writes the commit into built packages, where no git can be asked."""

import runpy
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_WRITTEN = "anonymizer/commit.txt"


class CommitHook(BuildHookInterface):
    """Adds `anonymizer/commit.txt` to wheel and source archive, unless they are editable."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects files; nothing can be imported from here then."""
        root = Path(self.root)
        if version == "editable" or (root / _WRITTEN).exists():  # a source archive has it already
            return
        commit = runpy.run_path(str(root / "anonymizer/model/version.py"))["commit_of"](root)
        if commit:
            path = Path(tempfile.mkdtemp()) / "commit.txt"
            path.write_text(commit + "\n", encoding="ascii")
            build_data["force_include"][str(path)] = _WRITTEN
