"""The whole way of a reader in Chromium: find, read, download, check, request, and see the answer.

The officers decide and the pipelines run between the visits, by the real commands.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Page, sync_playwright
from running import call
from system_packages import PACKAGES
from test_requested_segments import CODE, NAME, WHY, decide, home, run
from two_logins import ENGINEER, OFFICER

from anonymizer.storage.home import Home
from portal.account_store import AccountStore
from portal.passwords import hashed
from portal.user_accounts import UserAccount

sys.path += [str(Path(__file__).parents[1] / name) for name in ("portal", "release")]

from published_world import PASSWORD, Server, serving

__all__ = ["home"]
pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium")]
FIRST, SECOND, THIRD = "2026-11-01", "2026-11-02", "2026-11-03"
FORMATS = {
    "Excel, English": ".xlsx",
    "Excel, Indonesian": "_id.xlsx",
    "CSV": ".csv",
    "Parquet": ".parquet",
}
FIGURE = """
SELECT figure.people FROM figures AS figure
WHERE figure.subject_id = $campaign AND figure.period = $day AND figure.segment_id = $segment
"""


@contextmanager
def visit(server: Server, login: str) -> Iterator[Page]:
    """A browser of its own, signed in, until the end of the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=PACKAGES["chromium"].path, args=["--no-sandbox"]
        )
        page = browser.new_context(accept_downloads=True, locale="en-GB").new_page()
        page.goto(f"{server.origin}/sign-in")
        page.fill("#login", login)
        page.fill("#password", PASSWORD)
        page.click("main button")
        page.wait_for_url(f"{server.origin}/")
        yield page
        browser.close()


def largest_campaign(home: Home) -> tuple[str, str, str]:
    """Id, name and advertiser of the campaign that most people came to on the first day."""
    with duckdb.connect(str(home.database), read_only=True) as database:
        found = database.execute(
            "SELECT subject_id, subject, advertiser_id FROM figures WHERE period = $day "
            "AND subject_kind = 'campaign' ORDER BY people DESC NULLS LAST LIMIT 1",
            {"day": FIRST},
        ).fetchall()
    return found[0]


def people_of(home: Home, campaign: str, day: str, segment: str) -> int | None:
    with duckdb.connect(str(home.database), read_only=True) as database:
        values = {"campaign": campaign, "day": day, "segment": segment}
        rows = database.execute(FIGURE, values).fetchall()
    return rows[0][0] if rows else None


def recorded(home: Home, release: str) -> dict[str, str]:
    """The SHA-256 of each exported file, by recipient and name, as the published ledger has it."""
    lines = home.public_ledger.read_text(encoding="utf-8").splitlines()
    shown = [json.loads(line)["shown"] for line in lines]
    (files,) = (
        one["body"]["files"]
        for one in shown
        if one and one["kind"] == "exports" and one["subject"] == release
    )
    return files


def download(page: Page, text: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.get_by_role("link", name=text, exact=True).click()
    return waiting.value.suggested_filename, waiting.value.path().read_bytes()


def test_from_a_part_of_a_name_to_a_requested_segment_in_the_next_release(home: Home) -> None:
    run(FIRST)
    run(SECOND)
    campaign, name, advertiser = largest_campaign(home)
    login = UserAccount("nina", "ad_ops", (advertiser,))
    AccountStore(home.portal_accounts).add(login, hashed(PASSWORD))
    release = f"campaign-day-{SECOND}"
    with serving(home) as server:
        with visit(server, "nina") as page:
            page.fill("#name", name[1:-1].upper())
            page.get_by_role("button", name="Find").click()
            page.get_by_role("link", name=name).click()
            page.get_by_role("link", name="Days").click()
            read_trend(page, home, campaign)
            compare_downloads(page, recorded(home, release), advertiser)
            check_men(page, home, campaign)
            request_segment(page, campaign)

        listed = decide(OFFICER, "list", "--open", "--json")
        (request,) = re.findall(r'"id": "([0-9a-f]{12})"', listed.stdout)
        shown = decide(OFFICER, "show", request)
        assert "added figures are published" in shown.stdout, shown.stderr
        for officer in (ENGINEER, OFFICER):
            decided = decide(officer, "approve", request, "--reason", WHY)
            assert decided.returncode == 0, decided.stderr
        run(THIRD)

        with visit(server, "nina") as page:
            page.goto(f"{server.origin}/segment-requests")
            assert "Approved for periods that begin on or after 3 November 2026" in words(page)
            page.goto(f"{server.origin}/figures/campaign/{campaign}?period={SECOND}")
            assert NAME not in words(page)
            page.goto(f"{server.origin}/figures/campaign/{campaign}?period={THIRD}")
            row = page.locator("section", has=page.locator("#segments")).get_by_role("row")
            stated = row.filter(has_text=NAME).locator("td").first.inner_text()
            people = people_of(home, campaign, THIRD, CODE)
            assert people is not None, "the largest campaign has the segment published"
            assert stated.split()[0] == f"{people:,}"
            file, content = download(page, "CSV")
            files = recorded(home, f"campaign-day-{THIRD}")
            assert hashlib.sha256(content).hexdigest() == files[f"{advertiser}/{file}"]
            assert re.search(rf",{CODE},.*,published,{people},", content.decode())
    assert call("verify").returncode == 0


def words(page: Page) -> str:
    return " ".join(page.locator("main").inner_text().split())


def read_trend(page: Page, home: Home, campaign: str) -> None:
    """The drawing has a point for each day, and its table the figures."""
    section = page.locator("section", has=page.locator("#trend"))
    assert section.get_by_role("img").count() == 1
    assert section.locator("svg .dot").count() == 2
    section.locator("summary").click()
    for day, text in ((FIRST, "1 November 2026"), (SECOND, "2 November 2026")):
        people = people_of(home, campaign, day, "everyone")
        row = section.get_by_role("row").filter(has_text=text)
        assert row.locator("td").inner_text().split()[0] == f"{people:,}"


def compare_downloads(page: Page, files: dict[str, str], advertiser: str) -> None:
    """Each format is the file that the ledger recorded."""
    for text, end in FORMATS.items():
        name, content = download(page, text)
        assert name.endswith(end)
        assert hashlib.sha256(content).hexdigest() == files[f"{advertiser}/{name}"], name


def check_men(page: Page, home: Home, campaign: str) -> None:
    """What became of the men in the released days, and the figure of the newest one."""
    page.get_by_role("link", name="Check a segment").click()
    page.select_option("#subject", f"campaign:{campaign}")
    page.select_option("#every", "day")
    page.select_option("#gender", "male")
    page.get_by_role("button", name="Check", exact=True).click()
    found = [people_of(home, campaign, day, "men") for day in (FIRST, SECOND)]
    published = [people for people in found if people is not None]
    assert f"Published in {len(published)} of the last 2 periods" in words(page)
    assert published == found, "men of the largest campaign are published on both days"
    assert "Likely to be published" in words(page)
    assert f"2 November 2026: {published[-1]:,}" in words(page)
    assert "Request this segment" not in words(page)


def request_segment(page: Page, campaign: str) -> None:
    """Compose it, see that no table has it, and ask for it."""
    page.get_by_role("link", name="Check a segment").click()
    page.select_option("#subject", f"campaign:{campaign}")
    page.select_option("#every", "day")
    page.select_option("#age", ["40-44", "45-49", "55-59"])
    page.get_by_role("button", name="Check", exact=True).click()
    assert "Tables have no such segment" in words(page)
    assert "Nearest segment that is published" in words(page)
    page.get_by_role("button", name="Request this segment").click()
    page.wait_for_url("**/segment-requests")
    assert NAME in words(page)
    assert "Waiting for a decision" in words(page)
