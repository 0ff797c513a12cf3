"""Intake on a cluster: each file of visits is assessed by one process of Python on a worker."""

from collections.abc import Sequence

from anonymizer.intake.assessment_tasks import FileAssessment, FileTask, Workers, assess_file
from anonymizer.model.errors import Held
from anonymizer.model.policy import Effort
from anonymizer.model.version import code_version
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.engines.spark import on_workers
from pipelines import run_limits


def workers_of(effort: Effort) -> Workers | None:
    """Who assesses files outside of this process; None where the policy names no cluster."""
    return _on_cluster if effort.engine == "spark" else None


def _on_cluster(tasks: Sequence[FileTask]) -> list[FileAssessment]:
    """Raises Held `engine_failed`, also where workers run another version of the program."""
    found = on_workers("taking in visits", assess_on_worker, tasks)
    own = code_version()
    if others := {version for version, _ in found} - {own}:
        named = ", ".join(sorted(others))
        problem = f"workers of Spark run version {named} of the program, this machine {own}"
        raise Held("engine_failed", f"{problem}; install the same, or set effort.engine: duckdb")
    return [assessment for _, assessment in found]


def assess_on_worker(task: FileTask) -> tuple[str, FileAssessment]:
    """What came of a file, and the version that did it. Runs on a worker."""
    with DuckDB(memory_megabytes=run_limits.TASK_MEGABYTES, threads=1, spill=None) as engine:
        return code_version(), assess_file(engine, task)
