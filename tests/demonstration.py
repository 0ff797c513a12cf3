"""The finished demo as tests see it. The fixture that makes one is in conftest.py."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Demo:
    """What `make demo` left and what it printed."""

    home: Path
    printed: str
