"""Sessions of Spark whose keys and rows are not written where others read them.

The keys of pseudonyms are bound values, so they are part of Spark's plans; the page of an
application, its event log and listeners (of lineage, for example) get plans. All are therefore
off, and what Spark writes to its local folders is encrypted. All other settings (the master,
memory, the network) are those of the Spark installation: `spark-defaults.conf`, `spark-submit`.
"""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any
from warnings import catch_warnings, simplefilter

from anonymizer.model.errors import ConfigurationError, Fault

_GUARDS: Mapping[str, str] = {
    "spark.eventLog.enabled": "false",
    "spark.executor.syncLogLevel.enabled": "true",
    "spark.extraListeners": "",
    "spark.io.encryption.enabled": "true",
    "spark.plugins": "",
    "spark.sql.queryExecutionListeners": "",
    "spark.ui.enabled": "false",
}
# A statement means the same as in DuckDB, and a file that cannot be read is an error.
_MEANING: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.function.concatBinaryAsString": "false",
    "spark.sql.parquet.binaryAsString": "false",
}
_OF_THE_APPLICATION: Mapping[str, str] = {
    "spark.app.name": "audience",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.ui.showConsoleProgress": "false",
}
_WANTED = (
    "install the extra: pip install 'audience[spark]', and Java 17 or later, or set "
    "effort.engine: duckdb"
)
_UNREACHED = (
    "see its messages above: it needs Java 17 or later, and the spark.master of "
    "spark-defaults.conf has to answer; if it ran before, start again; or set effort.engine: duckdb"
)


def new_session() -> Any:
    """A session of its own in the application of this process, which the first call starts.

    Raises ConfigurationError where Spark is not installed or does not start, and where an
    application runs already (a notebook's, for example) that does not guard what it holds.
    """
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415  an extra
    except ImportError:
        raise _fault("Spark is not installed", _WANTED) from None
    builder = SparkSession.builder
    for name, value in {**_GUARDS, **_MEANING, **_OF_THE_APPLICATION}.items():
        builder = builder.config(name, value)
    try:
        with catch_warnings(), _own_signals():
            simplefilter("ignore")  # of pandas, which is not used with it
            session = builder.getOrCreate()
    except Exception as error:  # noqa: BLE001  Java's, Py4J's and Spark's own
        problem = f"Spark does not start ({type(error).__name__})"
        raise _fault(problem, _UNREACHED) from None
    _require_guards(session)
    session.sparkContext.setLogLevel("OFF")  # messages of Spark quote values
    own = session.newSession()
    for name, value in _MEANING.items():
        own.conf.set(name, value)
    return own


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what an interruption does here: PySpark raises KeyboardInterrupt in its place."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if current_thread() is main_thread():
            signal.signal(signal.SIGINT, before)


def _require_guards(session: Any) -> None:
    """Refuse an application that was started with other settings, all of them at once."""
    settings = session.sparkContext.getConf()
    wrong = [
        Fault(
            f"Spark, {name}", f"must be {value or 'empty'}", "end the application that runs already"
        )
        for name, value in _GUARDS.items()
        if settings.get(name, "").lower() != value
    ]
    if wrong:
        raise ConfigurationError(wrong)


def _fault(problem: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Fault("policy.yaml, effort.engine", problem, remedy)])
