"""A real cluster of Spark on this machine: a master and two workers, each a process of its own.

They listen on 127.0.0.1 and are ended by their numbers. The executors are children of the workers.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_SECONDS_TO_START = 180
# Short lives: nothing is gained by optimising code.
_DAEMONS = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
# A zone of the machine that no policy has must change nothing.
_JAVA = f"{_DAEMONS} -Duser.timezone=America/Los_Angeles"


@dataclass(frozen=True)
class SparkCluster:
    """A running cluster; `folder` has all that its processes write."""

    master: str
    folder: Path

    def environment(self) -> dict[str, str]:
        """What the product is told: the folder of `spark-defaults.conf`, and the Python to use."""
        return {"SPARK_CONF_DIR": str(self.folder / "conf"), "PYSPARK_PYTHON": sys.executable}

    def settings(self) -> Mapping[str, str]:
        return {
            "spark.master": self.master,
            "spark.cores.max": "2",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.memory": "768m",
            "spark.driver.extraJavaOptions": _JAVA,
            "spark.executor.cores": "1",
            "spark.executorEnv.PYTHONPATH": str(_ROOT),
            "spark.executor.memory": "512m",
            "spark.executor.extraJavaOptions": _JAVA,
            "spark.local.dir": str(self.folder / "local"),
            "spark.scheduler.minRegisteredResourcesRatio": "1.0",
            "spark.scheduler.maxRegisteredResourcesWaitingTime": f"{_SECONDS_TO_START}s",
            "spark.sql.adaptive.enabled": "false",
            # What installations may have, and what must not act here. No such class exists.
            "spark.eventLog.enabled": "true",
            "spark.extraListeners": "example.LineageListener",
            "spark.plugins": "example.Plugin",
            "spark.sql.queryExecutionListeners": "example.PlanListener",
            "spark.sql.files.ignoreCorruptFiles": "true",
            "spark.sql.files.ignoreMissingFiles": "true",
            "spark.sql.shuffle.partitions": "2",
        }


@contextmanager
def running_cluster(folder: Path) -> Iterator[SparkCluster]:
    """A master and two workers with a core each."""
    port = _free_port()
    cluster = SparkCluster(f"spark://127.0.0.1:{port}", folder)
    for name in ("conf", "local", "work-1", "work-2"):
        (folder / name).mkdir(parents=True)
    lines = [f"{name} {value}" for name, value in cluster.settings().items()]
    (folder / "conf/spark-defaults.conf").write_text("\n".join(lines), encoding="utf-8")
    with ExitStack() as running:
        options = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
        running.enter_context(_process(folder, "master", "master.Master", options))
        _wait_for(port)
        for number in (1, 2):
            options = ["--host", "127.0.0.1", "--cores", "1", "--memory", "768m"]
            options += ["--webui-port", "0", "--work-dir", str(folder / f"work-{number}")]
            name = f"worker-{number}"
            running.enter_context(
                _process(folder, name, "worker.Worker", [*options, cluster.master])
            )
        yield cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    """One for all tests of a worker: those with Spark are of one `xdist_group`."""
    folder = tmp_path_factory.mktemp("cluster")
    with running_cluster(folder) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment().items():
            patch.setenv(name, value)
        yield running
        end_application()


def end_application() -> None:
    """End the Java of this process, if Spark runs in it.

    Killed, not asked to stop: one that waits for a busy cluster would hold the tests up.
    """
    from pyspark import SparkContext  # noqa: PLC0415  slow to load, and needed by slow tests alone
    from pyspark.sql import SparkSession  # noqa: PLC0415  likewise

    if SparkContext._active_spark_context is None:
        return
    java = SparkContext._active_spark_context._gateway.proc
    java.kill()
    java.wait(timeout=60)
    SparkContext._active_spark_context = SparkContext._gateway = SparkContext._jvm = None
    SparkSession._instantiatedSession = SparkSession._activeSession = None


@contextmanager
def _process(folder: Path, name: str, main: str, options: Sequence[str]) -> Iterator[None]:
    package = find_spec("pyspark")
    assert package
    assert package.origin
    program = Path(package.origin).parent / "bin/spark-class"
    environment = os.environ | {
        "SPARK_CONF_DIR": str(folder / "conf"),
        "SPARK_DAEMON_JAVA_OPTS": _DAEMONS,
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), f"org.apache.spark.deploy.{main}", *options],
            env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder,
        )  # fmt: skip
    try:
        yield
    finally:
        process.kill()
        process.wait(timeout=_SECONDS_TO_START)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"no master answers on port {port}")
