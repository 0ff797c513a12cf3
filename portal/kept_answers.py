"""Answers of the analysts' database that are kept for the next request, as long as its file stays.

Most questions of a page are asked again and again: who owns a campaign, with which campaigns a
reader may compare it, its periods. A question has all that its answer depends on: the advertisers
of the reader and the releases that are out of force too.
reader and the releases that are out of force too.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from portal import portal_limits

Rows = list[dict[str, Any]]


class KeptAnswers:
    """The answers that were asked for last, of one version of the file."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._version: object = None
        self._answers: OrderedDict[str, Rows] = OrderedDict()

    def answer(
        self, version: object, statement: str, values: Mapping[str, Any], ask: Callable[[], Rows]
    ) -> Rows:
        """The kept answer, else what `ask` returns. It is not to be changed."""
        question = f"{statement} {sorted(values.items())!r}"
        with self._lock:
            if version != self._version:
                self._answers.clear()
                self._version = version
            if (kept := self._answers.get(question)) is not None:
                self._answers.move_to_end(question)
                return kept
        rows = ask()
        if len(rows) <= portal_limits.KEPT_ROWS:
            with self._lock:
                if version == self._version:
                    self._answers[question] = rows
                    while len(self._answers) > portal_limits.KEPT_ANSWERS:
                        self._answers.popitem(last=False)
        return rows
