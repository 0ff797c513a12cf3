"""Runs benchmarks and keeps what each said and took, as a dated JSON file in benchmarks/results.

python benchmarks/recorded_runs.py minutes|hours [--only NAME ...] [--folder FOLDER]

A file has the command, its output, CPU seconds of its processes, seconds by the clock, the peak
memory of its largest process, and the machine with its load and versions. A benchmark that
fails is kept too; the last line names those that did, and the exit code is 1.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from process_usage import run

HERE = Path(__file__).parent
PACKAGES = ("duckdb", "highspy", "numpy", "pandas", "polars", "pyarrow", "scipy")
_NO_LIMIT = 10**7  # CPU seconds
MINUTES: Mapping[str, tuple[str, ...]] = {
    "protection": ("--visitors", "3000", "10000", "30000", "--seeds", "1"),
    "finished_exports": (),
    "large_results": ("--campaigns", "100", "--days", "64"),
    "day": ("--tables", "100", "--visits", "1000000"),
    "agreement": ("--tables", "100"),
}
HOURS: Mapping[str, tuple[str, ...]] = {
    "protection": (),
    "finished_exports": ("--campaigns", "200", "--figures", "1720"),
    "large_results": (),
    "day": (),
    "near_sets": (),
    "readers": (),
    "agreement": ("--tables", "10000"),
    "audit_agreement": ("--tables", "10000"),
    "hostile_days": ("--days", "500"),
    "full_disk": ("--sizes", "200"),
    "kills": ("--kills", "100"),
    "attacks": ("--worlds", "200"),
}
LISTS = {"minutes": MINUTES, "hours": HOURS}


def main() -> int:
    """Run the benchmarks of a list, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("list", choices=sorted(LISTS))
    parser.add_argument("--only", nargs="+", choices=sorted(HOURS))
    parser.add_argument("--folder", type=Path, default=HERE / "results")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for name, options in LISTS[given.list].items():
        if given.only is None or name in given.only:
            facts = measured(name, options)
            path = given.folder / f"{facts['date'][:10]}-{given.list}-{name}.json"
            path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
            spent = f"{facts['cpu_seconds']:.1f} CPU s, {facts['peak_megabytes']:.0f} MB"
            print(f"{path.name}: {spent}", flush=True)
            failed += [name] if facts["exit_code"] else []
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def measured(name: str, options: Sequence[str]) -> Mapping[str, Any]:
    """One benchmark: what it said and took."""
    begun, begin, load = datetime.now(UTC), time.monotonic(), os.getloadavg()
    done = run([sys.executable, str(HERE / f"{name}.py"), *options], _NO_LIMIT)
    return {
        "date": begun.isoformat(timespec="seconds"),
        "command": ["python", f"benchmarks/{name}.py", *options],
        "exit_code": done.exit_code,
        "cpu_seconds": round(done.cpu_seconds, 2),
        "wall_seconds": round(time.monotonic() - begin, 2),
        "peak_megabytes": round(done.peak_megabytes, 1),
        "machine": machine(),
        "load_before": [round(one, 1) for one in load],
        "output": done.said.replace(f"{HERE.parent}/", "").splitlines(),
    }


def machine() -> Mapping[str, Any]:
    """What ratios depend on. No name of the machine, nor of who uses it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_megabytes": memory >> 20,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "commit": _commit(),
    }


def _processor() -> str:
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text(encoding="utf-8").splitlines() if cpus.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _commit() -> str:
    """The commit that was measured, with `-dirty` where files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
