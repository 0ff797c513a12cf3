"""What became of each day at each stage: the only thing besides data that steps hand on.

A run covers many days. One that is held must not stop the others, so a step writes down
how each day fared and the next step takes up those that got through. Entries hold counts,
digests and codes.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from anonymizer.storage.files import write_bytes
from anonymizer.storage.home import Home
from pipelines.messages.trouble import Trouble


@dataclass(frozen=True)
class JournalEntry:
    """One day at one stage: held with its trouble, or done with its facts."""

    stage: str
    day: date
    seconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    trouble: Trouble | None = None


def write(home: Home, entry: JournalEntry) -> None:
    """Replace what was known of that day and stage."""
    content = asdict(entry) | {"day": entry.day.isoformat()}
    path = _path(home, entry.stage, entry.day)
    write_bytes((json.dumps(content, indent=1, sort_keys=True) + "\n").encode(), path)


def read(home: Home, stage: str, day: date) -> JournalEntry | None:
    """The last entry, None before the first."""
    try:
        content = json.loads(_path(home, stage, day).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    trouble = content.pop("trouble")
    content["day"] = day
    return JournalEntry(**content, trouble=Trouble(**trouble) if trouble else None)


def days(home: Home, stage: str) -> tuple[date, ...]:
    """The days that a stage has an entry of, in order."""
    files = (home.private / "journal" / stage).glob("day=*.json")
    return tuple(sorted(date.fromisoformat(path.stem.removeprefix("day=")) for path in files))


def has_nothing_to_publish(home: Home, day: date) -> bool:
    """Whether the day got through publication and there was no campaign to publish."""
    entry = read(home, "publication", day)
    return (
        entry is not None
        and not entry.trouble
        and entry.facts.get("tables", entry.facts.get("campaigns")) == 0
    )


def _path(home: Home, stage: str, day: date) -> Path:
    return home.private / "journal" / stage / f"day={day.isoformat()}.json"
