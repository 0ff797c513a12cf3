"""Released figures as pandas DataFrames, and the Dagster component `audience.Releases`.

Everything is read from the analysts' database, `published/segments.duckdb`, which holds what was
released and nothing else. Nothing here can write, and nothing here reads private data.

Inside the project other packages import `source`, too.
"""

from importlib import import_module
from typing import Any

from audience.analysis import campaign, campaigns, exports, figures, releases, segments
from audience.answers import index, share, trend

__all__ = [
    "campaign",
    "campaigns",
    "exports",
    "figures",
    "index",
    "releases",
    "segments",
    "share",
    "trend",
]


def __getattr__(name: str) -> Any:
    """The component is imported when it is asked for: reading figures needs no Dagster."""
    if name == "Releases":
        return import_module("audience.component").Releases
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Dagster's tools look here for components."""
    return [*globals(), "Releases"]
