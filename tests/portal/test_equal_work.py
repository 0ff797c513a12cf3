"""Another advertiser's object costs the portal the work of one that there is not: no time tells.

Work is counted, not timed: calls of functions and statements to the database.
"""

import sys
from collections import Counter
from collections.abc import Mapping
from types import FrameType
from typing import Any

import pytest
from published_world import GOOD, WITHDRAWN
from starlette.requests import Request
from starlette.responses import Response
from test_portal_downloads import client

from anonymizer.storage.home import Home
from portal.published_tables import PublishedTables
from portal.site import Handler, Site

pytestmark = pytest.mark.xdist_group("portal")
ALLOWED = 0.02  # of the calls: a line of the log names what the ledger knows
# Theirs, and what there is not, of the same length.
PAIRS = {
    "/figures/campaign/autumn": "/figures/campaign/winter",
    "/figures/campaign/spring?compare=autumn": "/figures/campaign/spring?compare=winter",
    "/segment?subject=campaign:autumn": "/segment?subject=campaign:winter",
    f"/certificates/jaya/{GOOD}": f"/certificates/none/{GOOD}",
    f"/certificates/jaya/{WITHDRAWN}": f"/certificates/none/{WITHDRAWN}",
    f"/files/jaya/{GOOD}/manifest.json": f"/files/none/{GOOD}/manifest.json",
    f"/files/jaya/{WITHDRAWN}/manifest.json": f"/files/none/{WITHDRAWN}/manifest.json",
    "/packages/jaya?every=day": "/packages/none?every=day",
}


class Work:
    """Counts what each request costs."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.calls, self.statements = Counter[str](), list[str]()
        answer, records = Site.answer, PublishedTables.records

        def answered(
            site: Site, handler: Handler, request: Request, form: Mapping[str, str], *, public: bool
        ) -> Response:
            sys.setprofile(self._count)
            try:
                return answer(site, handler, request, form, public=public)
            finally:
                sys.setprofile(None)

        def recorded(
            tables: PublishedTables, name: str, values: Mapping[str, Any]
        ) -> list[dict[str, Any]]:
            self.statements.append(name)
            return records(tables, name, values)

        patch.setattr(Site, "answer", answered)
        patch.setattr(PublishedTables, "records", recorded)

    def of(self, browser: Any, path: str) -> tuple[int, Counter[str], list[str]]:
        self.calls.clear()
        self.statements.clear()
        status = browser.get(path).status_code
        return status, Counter(self.calls), [*self.statements]

    def _count(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            self.calls[f"{frame.f_code.co_filename}:{frame.f_code.co_name}"] += 1


def test_what_is_anothers_costs_what_nothing_costs(
    portal_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    nina = client(portal_home)
    for path in (*PAIRS, *PAIRS.values()):  # everything is read and compiled
        assert nina.get(path).status_code == 404
    work = Work(monkeypatch)
    for theirs, nothing in PAIRS.items():
        status, calls, statements = work.of(nina, theirs)
        other = work.of(nina, nothing)
        assert (status, statements) == (other[0], other[2]), theirs
        assert calls.total() > 100
        differing = (calls - other[1]) + (other[1] - calls)
        assert differing.total() <= ALLOWED * calls.total(), (theirs, differing)


def test_own_objects_cost_something_else(
    portal_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the comparison can fail."""
    budi = client(portal_home, "budi")
    for path in (*PAIRS, *PAIRS.values()):
        budi.get(path)
    work = Work(monkeypatch)
    for own, nothing in PAIRS.items():
        if "compare" in own:  # the campaign that it is compared is not of budi
            continue
        status, calls, _ = work.of(budi, own)
        other = work.of(budi, nothing)
        assert (status == 404) <= (other[0] == 404)
        differing = (calls - other[1]) + (other[1] - calls)
        assert differing.total() > ALLOWED * calls.total(), own
