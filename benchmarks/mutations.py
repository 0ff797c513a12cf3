"""Breaks the privacy path in one place after the other: tests have to see every change.

python benchmarks/mutations.py [--only WORD ...] [--every N [--seed S]] [--limit SECONDS]

Each mutant of `mutants.py` is applied to a copy of the project, and its tests run there. It is
caught if one of them fails; a mutant that survives, or takes longer than the limit, is an error.
The tests run once without any mutant first. Libraries are imported once: every run is a fork.
"""

import argparse
import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import cache_from_source
from pathlib import Path
from types import ModuleType

import pytest
from mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[1]
_PACKAGES = (
    "anonymizer",
    "audience",
    "cli",
    "data_samples",
    "officer",
    "pipelines",
    "portal",
    "sql",
)
_COPIED = (*_PACKAGES, "benchmarks", "tests")
_LIBRARIES = ("numpy", "scipy.sparse", "pyarrow.parquet", "duckdb", "hypothesis", "sqlalchemy")
_UNUSED = ("cacheprovider", "faker", "anyio", "pytest_cov")
_OPTIONS = ("-x", "-q", *(f"-pno:{name}" for name in _UNUSED))
_IMPORTED_BEFORE = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
_IN_SHORT = ("--output-format=concise", "--quiet", "--no-cache")
CAUGHT, SURVIVED, TOO_LONG, NOT_RUN = "caught", "SURVIVED", "TOO LONG", "NOT RUN"
_PASSED, _FAILED = 0, 1


def problems(mutants: Sequence[Mutant], root: Path = ROOT) -> list[str]:
    """What is stale: old texts that are not there once, new ones that are no Python, lost tests."""
    found = [name for name, times in Counter(m.name for m in mutants).items() if times > 1]
    found = [f"{name}: the name is there twice" for name in found]
    for mutant in mutants:
        sound = _text(root / mutant.file)
        times = sound.count(mutant.old)
        if times != 1:
            found.append(f"{mutant.name}: its old text is {times} times in {mutant.file}")
        found += [
            f"{mutant.name}: there is no test {test}"
            for test in mutant.tests
            if not _is_there(test, root)
        ]
    return found + _broken(mutants, root)


def _broken(mutants: Sequence[Mutant], root: Path) -> list[str]:
    """Mutants that leave no Python, or names that nothing defines: any test would catch these."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for number, mutant in enumerate(mutants):
            if mutant.file.endswith(".py"):
                changed = _text(root / mutant.file).replace(mutant.old, mutant.new)
                Path(folder, f"{number}.py").write_text(changed, encoding="utf-8")
        said = subprocess.run(
            [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F821", *_IN_SHORT, "."],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        ).stdout
    wrong = {
        int(line.partition(".")[0]): line for line in reversed(said.splitlines()) if ":" in line
    }
    return [f"{mutants[number].name}: {line}" for number, line in sorted(wrong.items())]


def _is_there(test: str, root: Path) -> bool:
    """Whether a file has a test, and the text of its case."""
    file, _, name = test.partition("::")
    name, _, case = name.partition("[")
    text = _text(root / file)
    return f"def {name}" in text and case.removesuffix("]") in text


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


@contextmanager
def copy_of_project() -> Iterator[Path]:
    """A copy of what tests need, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as position:
        copy = Path(position).resolve() / "project"
        for name in _COPIED:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        yield copy


def outcome(mutant: Mutant, copy: Path, limit: float) -> str:
    """Apply the mutant to the copy, run its tests, and take it back."""
    path = copy / mutant.file
    sound = path.read_text(encoding="utf-8")
    _write(path, sound.replace(mutant.old, mutant.new))
    try:
        selected = ("-k", mutant.only) if mutant.only else ()
        code = _code(copy, [*mutant.tests, *selected], limit)
    finally:
        _write(path, sound)
    return {_PASSED: SURVIVED, _FAILED: CAUGHT, None: TOO_LONG}.get(code, NOT_RUN)


def _write(path: Path, text: str) -> None:
    """Write a module; what was compiled of it may be of a text of the same size and second."""
    path.write_text(text, encoding="utf-8")
    Path(cache_from_source(str(path))).unlink(missing_ok=True)


def _code(copy: Path, arguments: Sequence[str], limit: float) -> int | None:
    """The exit code of pytest in a process of its own; None if it takes too long."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # no library has work in its threads
        child = os.fork()
    if not child:
        os._exit(_test(copy, arguments))
    os.setpgid(child, child)
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _test(copy: Path, arguments: Sequence[str]) -> int:
    """Run pytest in the copy. Nothing of the project that was imported before is seen by it."""
    os.setpgid(0, 0)
    os.chdir(copy)
    log = os.open(copy.parent / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    for name in [name for name, module in sys.modules.items() if _is_own(module)]:
        if name != "__main__":  # libraries expect that there is one
            del sys.modules[name]
    sys.path[:0] = [str(copy), str(copy / "tests")]
    os.environ |= {
        "PYTHONPATH": os.pathsep.join(sys.path[:2]),
        "AUDIENCE_RELEASED_WORLD": str(copy.parent / "released"),
    }
    return int(pytest.main([*_OPTIONS, *_IMPORTED_BEFORE, *arguments]))


def run(mutants: Sequence[Mutant], copy: Path, limit: float) -> dict[str, str]:
    """The outcome of each mutant by its name."""
    outcomes = {}
    for number, mutant in enumerate(mutants, start=1):
        begin = time.monotonic()
        outcomes[mutant.name] = outcome(mutant, copy, limit)
        said = f"{outcomes[mutant.name]} in {time.monotonic() - begin:.0f} s: {mutant.name}"
        print(f"{number}/{len(mutants)} {said}", flush=True)
    return outcomes


def _is_own(module: ModuleType) -> bool:
    """Whether a module is of the project itself, or of its tests."""
    file = getattr(module, "__file__", None) or ""
    return file.startswith(f"{ROOT}{os.sep}") and not file.startswith(sys.prefix)


def failing(mutants: Sequence[Mutant], copy: Path, limit: float) -> str:
    """What the tests say without any mutant if they fail or take too long; empty if they pass."""
    tests = dict.fromkeys(test for mutant in mutants for test in mutant.tests)
    if _code(copy, list(tests), limit) == _PASSED:
        return ""
    return _text(copy.parent / "log.txt") + "\ntests fail without any mutant"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=[""], help="words of names or files")
    parser.add_argument("--every", type=int, default=1, help="one mutant in so many")
    parser.add_argument("--seed", type=int, default=0, help="which of these")
    parser.add_argument("--limit", type=float, default=600, help="seconds for each mutant")
    given = parser.parse_args()
    if stale := problems(MUTANTS):
        print("\n".join(stale))
        return 2
    chosen = [m for m in MUTANTS if any(w in f"{m.name} {m.file}" for w in given.only)]
    chosen = chosen[given.seed % given.every :: given.every]
    for name in _LIBRARIES:
        import_module(name)
    gc.freeze()  # what is imported is not looked through again in every process
    with copy_of_project() as copy:
        if failed := failing(chosen, copy, given.limit * len(chosen)):
            print(failed)
            return 2
        return _report(run(chosen, copy, given.limit))


def _report(outcomes: dict[str, str]) -> int:
    """The closing table; 1 if a mutant is not caught."""
    print("\n| outcome | mutants |\n|---|---|")
    for name, number in Counter(outcomes.values()).items():
        print(f"| {name} | {number} |")
    left = [f"{found}: {name}" for name, found in outcomes.items() if found != CAUGHT]
    print("\n".join(["", *left]))
    return 1 if left else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # without what DuckDB says of its types where an interpreter ends
