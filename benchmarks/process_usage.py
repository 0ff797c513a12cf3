"""CPU seconds and peak memory of one whole process, as the kernel counts them.

python -I -S benchmarks/process_usage.py CPU_SECONDS_LIMIT USAGE_FILE COMMAND...

The measured process is started from this small one: the kernel counts the memory that the parent
has at the start as the child's. `run` does that; a process beyond the limit is killed.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """How a process ended (negative: killed by that signal) and what it took."""

    exit_code: int
    cpu_seconds: float
    peak_megabytes: float
    said: str

    @property
    def done(self) -> bool:
        """Whether it came to an end by itself."""
        return self.exit_code >= 0


def run(command: Sequence[str], cpu_seconds_limit: int = 900) -> Run:
    """Run a command in the environment of this process."""
    with tempfile.TemporaryDirectory() as folder:
        usage = Path(folder) / "usage.json"
        script = [sys.executable, "-I", "-S", __file__, str(cpu_seconds_limit), str(usage)]
        done = subprocess.run([*script, *command], capture_output=True, text=True, check=False)
        if not usage.exists():
            raise SystemExit(f"{command[0]} did not start:\n{done.stderr}")
        return Run(said=done.stdout + done.stderr, **json.loads(usage.read_text(encoding="utf-8")))


def _measure(limit: int, usage_file: str, command: Sequence[str]) -> None:
    process = os.fork()
    if not process:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        os.execvp(command[0], list(command))
    _, status, usage = os.wait4(process, 0)
    facts = {
        "exit_code": os.waitstatus_to_exitcode(status),
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_megabytes": usage.ru_maxrss / 1024,
    }
    Path(usage_file).write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    _measure(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
