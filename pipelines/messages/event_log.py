"""What happens, as one JSON object a line on stderr, where `AUDIENCE_LOG=json` asks for it.

Objects have times, names that the program has given, and numbers; of a trouble its code, without
what stands after a colon. A value from a raw file or of a person has no field. Small counts of
people are among the numbers, as in Dagster's pages: the log is for operators.
"""

import io
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.escaping import visible_lines

VARIABLE = "AUDIENCE_LOG"
_JSON = "json"
_COUNTED = ("tables", "published", "suppressed", "recipients")
Level = Literal["info", "warning", "error"]


def is_on() -> bool:
    """Whether events are written."""
    return os.environ.get(VARIABLE) == _JSON


def require_known_format() -> None:
    """Raise ConfigurationError when the variable names no format."""
    if os.environ.get(VARIABLE) not in (None, "", _JSON):
        raise ConfigurationError([Fault(VARIABLE, "this is no format of the log", "write: json")])


def log_event(event: str, level: Level = "info", **fields: Any) -> None:
    """Write one line, if events are written. Fields without a value are left out."""
    if not is_on():
        return
    stream = sys.stderr.plain if isinstance(sys.stderr, _Notices) else sys.stderr
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    known = {name: value for name, value in fields.items() if value not in (None, "", {})}
    line = json.dumps({"time": moment, "level": level, "event": event, **known}, default=str)
    stream.write(f"{line}\n")
    stream.flush()


def counts_in(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers among the facts of a stage: of tables, and of rows by raw table."""
    counted = {name: facts[name] for name in _COUNTED if isinstance(facts.get(name), int)}
    accounts = {**facts.get("accounts", {})}
    if account := facts.get("account"):
        accounts[account["table"]] = account
    rows = {
        table: {
            "read": account["read"],
            "counted": account["counted"],
            "duplicates": account["duplicates"],
            "excluded": sum(account["excluded"].values()),
            "quarantined": sum(account["quarantined"].values()),
        }
        for table, account in accounts.items()
    }
    return {**counted, **({"rows": rows} if rows else {})}


@contextmanager
def notices_as_events() -> Iterator[None]:
    """Whatever is written to stderr within is an event for each line, if events are written."""
    if not is_on():
        yield
        return
    before, notices = sys.stderr, _Notices(sys.stderr)
    sys.stderr = notices
    try:
        yield
    finally:
        sys.stderr = before
        notices.end()


class _Notices(io.TextIOBase):
    """Text for people on its way to a log: a line is an event."""

    encoding = "utf-8"

    def __init__(self, plain: TextIO) -> None:
        self.plain, self._rest = plain, ""

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str, /) -> int:
        """Keep what is no whole line yet."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._note(line)
        return len(text)

    def end(self) -> None:
        """Write the last line, if it had no end."""
        self._note(self._rest)
        self._rest = ""

    def _note(self, line: str) -> None:
        if text := visible_lines(line).strip():
            log_event("notice", message=text)
