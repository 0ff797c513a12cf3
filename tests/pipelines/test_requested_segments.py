"""A segment from the portal's page to the figures of the next period, by the real commands."""

import html
import re
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from running import Done, call
from two_logins import ENGINEER, OFFICER, OTHER, ROLES, login

from anonymizer.storage.home import Home
from portal.account_store import AccountStore
from portal.passwords import hashed
from portal.user_accounts import UserAccount

sys.path += [str(Path(__file__).parents[1] / name) for name in ("portal", "release")]

from browsing import Answer, Browsing
from published_world import PASSWORD, serving

FIRST, SECOND, THIRD = "2026-11-01", "2026-11-02", "2026-11-03"
WHY = "Several advertisers need it."
QUERY = "&every=day&gender=all&age=40-44&age=45-49&age=55-59"
CODE = "people_40_49_or_55_59"
NAME = "People aged 40-49 or 55-59"


@pytest.fixture
def home(fresh_home: Home) -> Home:
    text = fresh_home.policy.read_text(encoding="utf-8")
    fresh_home.policy.write_text(text.replace("roles: {}", ROLES), encoding="utf-8")
    store = AccountStore(fresh_home.portal_accounts)
    store.add(UserAccount("wira", "analyst"), hashed(PASSWORD))
    return fresh_home


def run(day: str) -> None:
    done = call("run", "--from", day, "--to", day)
    assert done.returncode == 0, done.stderr


def decide(name: str, *words: str) -> Done:
    with login(name):
        return call("segment-request", *words)


def figures(home: Home, day: str) -> dict[str, list[int | None]]:
    """People by segment, a table each."""
    found: dict[str, list[int | None]] = {}
    table = pq.read_table(home.releases / f"campaign-day-{day}" / "figures.parquet")
    for row in table.to_pylist():
        found.setdefault(row["segment_id"], []).append(row["people"])
    return found


def words(answer: Answer) -> str:
    assert answer.status == 200
    text = re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2])
    return " ".join(html.unescape(text).split())


@pytest.mark.alternate("two logins decide")
def test_a_requested_segment_is_approved_released_and_seen(home: Home) -> None:
    run(FIRST)
    campaign = max(
        pq.read_table(home.releases / f"campaign-day-{FIRST}" / "figures.parquet")[
            "subject_id"
        ].to_pylist()
    )
    page = f"/segment?subject=campaign:{campaign}{QUERY}"
    with serving(home) as server:
        wira = Browsing(server)
        assert wira.sign_in("wira").status == 303
        form = wira.get(page).text.split('action="/segment-requests">')[1].partition("</form>")[0]
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        assert wira.post("/segment-requests", fields).status == 303
        assert f"{NAME}" in words(wira.get("/segment-requests"))
        assert "Waiting for a decision" in words(wira.get("/segment-requests"))

        listed = decide(OTHER, "list", "--open", "--json")
        (request,) = re.findall(r'"id": "([0-9a-f]{12})"', listed.stdout)
        refused = decide(OTHER, "show", request)
        assert refused.returncode == 2
        assert "roles.privacy_officer or roles.data_engineer" in refused.stderr
        shown = decide(OFFICER, "show", request)
        assert shown.returncode == 0, shown.stderr
        assert "added figures are published" in shown.stdout
        assert "private counts" in shown.stderr

        settings = home.segments.read_text(encoding="utf-8")
        first = decide(ENGINEER, "approve", request, "--reason", WHY)
        assert "1 of 2 approvals exist" in first.stdout
        assert "Approved by one of two officers" in words(wira.get("/segment-requests"))
        run(SECOND)
        assert home.segments.read_text(encoding="utf-8") == settings
        second = decide(OFFICER, "approve", request, "--reason", WHY)
        assert f"periods that begin on {THIRD} or later" in second.stdout, second.stderr
        state = words(wira.get("/segment-requests"))
        assert f"Approved for periods that begin on or after 3 November 2026 {WHY}" in state

        run(THIRD)
        assert CODE not in figures(home, SECOND)
        published = [people for people in figures(home, THIRD)[CODE] if people is not None]
        assert published
        answer = words(wira.get(page))
        assert f"{max(published):,}" in answer or f"{min(published):,}" in answer
        assert "Request this segment" not in answer
        assert decide(OTHER, "list", "--open", "--json").stdout.strip() == "[]"
    assert call("verify").returncode == 0


def test_a_request_that_there_is_not_is_named(home: Home) -> None:
    for words_ in (("show", "0" * 12), ("approve", "0" * 12, "--reason", WHY),
                   ("reject", "0" * 12, "--reason", WHY)):  # fmt: skip
        done = decide(OFFICER, *words_)
        assert done.returncode == 2, done.stdout
