"""What was measured, kept in files, so that a benchmark that was stopped goes on where it stood.

A measurement of the product is known by its command, its input and the product's sources: on other
sources it is made again.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cell_tables import COUNT, Folder
from process_usage import Run, run

HERE = Path(__file__).parent
# Beside the interpreter: a benchmark may be started without its environment being active.
AUDIENCE = str(Path(sys.executable).with_name("audience"))
PRODUCT = tuple(HERE.parent / name for name in ("anonymizer", "audience", "cli", "pipelines"))
Options = tuple[str, ...]


class Measurements:
    """Measures what is not in the folder yet. No process may take more CPU seconds than that."""

    def __init__(self, folder: Path, cpu_seconds_limit: int) -> None:
        self._folder, self._limit = folder, cpu_seconds_limit
        self._sources = digest(path for part in PRODUCT for path in part.rglob("*.py"))
        self._key = folder / "rounding.key"
        folder.mkdir(parents=True, exist_ok=True)
        if not self._key.exists():
            self._key.touch(mode=0o600)
            self._key.write_text("42" * 32, encoding="ascii")

    def protect(self, folder: Folder, zeros: str, options: Options) -> tuple[Run, Path]:
        """`audience protect`: how it went, and what it published."""
        out = self._file("published", folder, zeros, *options)
        words = [AUDIENCE, "protect", str(folder.cells), "--count", COUNT, "--out", str(out)]
        words += [*_hierarchies(folder), "--zeros", zeros, *options]
        if "--rounding" in options:
            words += ["--secret-file", str(self._key)]
        return self._process(words, folder), out

    def audit(self, folder: Folder, zeros: str, options: Options) -> Run:
        """`audience audit` of what `audience protect` published."""
        _, published = self.protect(folder, zeros, options)
        words = [AUDIENCE, "audit", str(published), *_hierarchies(folder), "--zeros", zeros]
        return self._process([*words, *_promise(options)], folder)

    def linear(self, folder: Folder, zeros: str) -> tuple[Run, Path]:
        """The product's greedy with GaussSuppression's promise: see linear_independence.py."""
        out = self._file("linear", folder, zeros)
        pairs = [f"{name}={file}" for name, file in folder.hierarchies.items()]
        script = str(HERE / "linear_independence.py")
        words = [sys.executable, script, str(folder.cells), zeros, str(out), *pairs]
        return self._process(words, folder), out

    def kept(self, what: str, measure: Callable[[], Any]) -> Any:
        """The result of that name (JSON); measured if it is not there."""
        name = hashlib.sha256(what.encode()).hexdigest()[:24]
        file = self._folder / f"{name}.json"
        if not file.exists():
            text = json.dumps({"of": what, "result": measure()}, indent=1)
            file.write_text(text, encoding="utf-8")
        return json.loads(file.read_text(encoding="utf-8"))["result"]

    def _process(self, words: Sequence[str], folder: Folder) -> Run:
        read = digest([folder.cells, *folder.hierarchies.values()])
        what = f"{' '.join(words)} | sources {self._sources}, input {read}, limit {self._limit}"
        return Run(**self.kept(what, lambda: asdict(run(words, self._limit))))

    def _file(self, what: str, folder: Folder, *words: str) -> Path:
        position = self._folder / self._sources / folder.path.name
        position.mkdir(parents=True, exist_ok=True)
        return position / ("_".join((what, *(word.strip("-") for word in words))) + ".csv")


def digest(files: Iterable[Path]) -> str:
    """Of the contents of files."""
    parts = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


def _hierarchies(folder: Folder) -> list[str]:
    pairs = [f"{name}={file}" for name, file in folder.hierarchies.items()]
    return [word for pair in pairs for word in ("--hierarchy", pair)]


def _promise(options: Options) -> Iterable[str]:
    """Without what only the suppressor is told."""
    pairs = zip(options[::2], options[1::2], strict=True)
    return [word for pair in pairs if pair[0] != "--proof-work" for word in pair]
