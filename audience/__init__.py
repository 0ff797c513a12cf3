"""The public Python API, and the Dagster component `audience.Releases`."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """The component is imported when it is asked for: who reads figures needs no Dagster."""
    if name == "Releases":
        return import_module("audience.component").Releases
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Dagster's tools look here for components."""
    return [*globals(), "Releases"]
