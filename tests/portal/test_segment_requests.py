"""Requested segments in the portal: kept once, seen by those they are for, with the decision."""

import json
import os
import re
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
from published_world import ROOT, add_accounts
from release_world import DAY, SECRET, SPRING, count, release
from starlette.testclient import TestClient
from test_portal_downloads import client

from anonymizer.exports.database import build_database
from anonymizer.exports.export_folders import write_exports
from anonymizer.model.composed_segments import ComposedSegment
from anonymizer.model.dimensions import Text
from anonymizer.model.errors import ConfigurationError
from anonymizer.release.ledger import Ledger
from anonymizer.release.public_ledger import write_public_ledger
from anonymizer.release.publication import load_releases
from anonymizer.storage.home import Home
from portal import portal_limits
from portal.account_store import AccountStore
from portal.published_tables import KnownGroup, PublishedTables
from portal.segment_requests import SegmentRequests
from portal.user_accounts import UserAccount

pytestmark = pytest.mark.xdist_group("portal")
ORIGIN = {"Origin": "http://127.0.0.1"}
SPRING_DAY = "/segment?subject=campaign:spring&every=day"
COMPOSED = f"{SPRING_DAY}&gender=female&age=50-54&age=40-44&region=73.71"
TEXT = "female:40-44+50-54:73.71"
MAKASSAR = ("female", "50-54", "73.71")
NINA = UserAccount("nina", "ad_ops", ("maju",))


def token(browser: TestClient) -> str:
    return browser.get("/").text.split('form_token" value="')[1].partition('"')[0]


def fields_of(page: str) -> dict[str, str]:
    """The form that requests a segment, as a browser sends it."""
    form = page.split('action="/segment-requests">')[1].partition("</form>")[0]
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))


def ask(browser: TestClient, **changed: str) -> int:
    fields = {"form_token": token(browser), "gender": "female", "ages": "50-54 40-44"}
    fields |= {"regions": "73.71", **changed}
    return browser.post("/segment-requests", data=fields, headers=ORIGIN).status_code


def kept(home: Home) -> list[str]:
    return [one.segment for one in SegmentRequests(home.segment_requests).read().requests]


def test_a_segment_that_no_table_has_is_requested_from_its_page(portal_home: Home) -> None:
    nina = client(portal_home)
    page = nina.get(COMPOSED).text
    assert "Request this segment" in page
    answer = nina.post("/segment-requests", data=fields_of(page), headers=ORIGIN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/segment-requests")
    assert kept(portal_home) == [TEXT]
    assert stat.S_IMODE(portal_home.segment_requests.stat().st_mode) == 0o600
    listed = nina.get("/segment-requests").text
    assert "Women aged 40-44 or 50-54 in Makassar City" in listed
    assert "Waiting for a decision" in listed
    (request,) = SegmentRequests(portal_home.segment_requests).read().requests
    last = json.loads(portal_home.portal_log.read_text().splitlines()[-1])
    assert (last["event"], last["request"]) == ("segment_requested", request.id)


def test_a_segment_of_the_tables_is_not_to_be_requested(portal_home: Home) -> None:
    nina = client(portal_home)
    for query in ("gender=male", "gender=female&region=73.71", "age=99-99"):
        page = nina.get(f"{SPRING_DAY}&{query}").text
        assert "Request this segment" not in page, query


def test_the_same_request_is_kept_once(portal_home: Home) -> None:
    nina = client(portal_home)
    assert [ask(nina), ask(nina, ages="40-44 50-54")] == [303, 303]
    assert kept(portal_home) == [TEXT]


@pytest.mark.alternate("requests on the portal")
def test_only_so_many_requests_of_a_login_wait(portal_home: Home) -> None:
    requests = SegmentRequests(portal_home.segment_requests)
    for number in range(portal_limits.OPEN_REQUESTS):
        region = f"11.{number + 1:02d}"
        requests.add(NINA, ComposedSegment.of("female", ("50-54", "40-44"), (region,)))
    assert ask(client(portal_home)) == 429
    assert ask(client(portal_home, "budi")) == 303
    assert len(kept(portal_home)) == portal_limits.OPEN_REQUESTS + 1


@pytest.mark.parametrize(
    "changed",
    [
        {"gender": "x"},
        {"ages": "50-55"},
        {"regions": "99.99"},
        {"regions": "73.71 <b>"},
        {"regions": " ".join(f"11.{number:02d}" for number in range(1, 19)) + " nowhere"},
    ],
)
def test_what_is_no_segment_is_kept_by_no_one(
    portal_home: Home, changed: Mapping[str, str]
) -> None:
    assert ask(client(portal_home), **changed) == 404
    assert not portal_home.segment_requests.exists()


def test_joined_codes_of_tables_are_kept_as_a_request_that_is_read(
    portal_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Released tables have groups of requested segments, whose codes the page offers."""
    nina = client(portal_home)
    joined = [
        KnownGroup(
            "31.71+31.74", "area", Text("A and B", "A dan B"), frozenset({"31.71", "31.74"})
        ),
        KnownGroup("45-49+50-54", "group", Text("", ""), frozenset({"45-49", "50-54"})),
    ]
    groups = PublishedTables(portal_home).groups()
    _, ages, regions = groups.dimensions
    monkeypatch.setitem(regions, joined[0].code, joined[0])
    monkeypatch.setitem(ages, joined[1].code, joined[1])
    monkeypatch.setattr(PublishedTables, "groups", lambda _: groups)
    for _ in range(2):
        assert ask(nina, ages="45-49+50-54 50-54", regions="31.71+31.74 73.71") == 303
    assert kept(portal_home) == ["female:45-49+50-54:31.71+31.74+73.71"]
    assert SegmentRequests(portal_home.segment_requests).read().unreadable == 0
    page = nina.get("/segment-requests").text
    assert "Aged 45-54; Central Jakarta, South Jakarta, Makassar City" in page


@pytest.mark.parametrize(
    "segment",
    [
        ComposedSegment("female", ("50-54", "40-44"), ()),
        ComposedSegment("female:", (), ()),
    ],
)
def test_what_would_not_be_read_again_is_not_kept(tmp_path: Path, segment: ComposedSegment) -> None:
    requests = SegmentRequests(tmp_path / "requests.jsonl")
    with pytest.raises(ConfigurationError):
        requests.add(NINA, segment)
    assert not (tmp_path / "requests.jsonl").exists()


def test_a_line_that_the_system_writes_in_parts_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, content: write(file, bytes(content)[:7]))
    requests = SegmentRequests(tmp_path / "requests.jsonl")
    request = requests.add(NINA, ComposedSegment.parse(TEXT, "here"))
    assert requests.read().requests == (request,)
    assert requests.read().unreadable == 0


@pytest.mark.alternate("requests on the portal")
def test_a_request_that_tables_have_by_now_needs_no_decision(portal_home: Home) -> None:
    """Named segments are in every table; whoever asked for one of these is not told."""
    requests = SegmentRequests(portal_home.segment_requests)
    for _ in range(portal_limits.OPEN_REQUESTS):
        requests.add(NINA, ComposedSegment.parse("male:18-20+under_40:all", "here"))
    budi = UserAccount("budi", "ad_ops", ("jaya",))
    requests.add(budi, ComposedSegment.parse("male:under_40:all", "here"))
    for login in ("nina", "budi"):
        page = client(portal_home, login).get("/segment-requests").text
        assert "In the tables for periods that begin on or after" in page
        assert "Waiting for a decision" not in page
    sari = UserAccount("sari", "ad_ops", ("nowhere",))
    requests.add(sari, ComposedSegment.parse("male:under_40:73.71", "here"))
    assert "Waiting" in client(portal_home, "sari").get("/segment-requests").text
    assert ask(client(portal_home)) == 303, "what needs no decision is not counted"


def test_a_form_of_another_page_requests_nothing(portal_home: Home) -> None:
    nina = client(portal_home)
    assert ask(nina, form_token="0" * 43) == 403
    fields = {"form_token": token(nina), "gender": "female", "ages": "50-54", "regions": "73.71"}
    evil = nina.post("/segment-requests", data=fields, headers={"Origin": "http://evil.example"})
    assert evil.status_code == 403
    assert not portal_home.segment_requests.exists()


@pytest.mark.alternate("requests on the portal")
def test_advertisers_see_their_own_requests_alone(portal_home: Home) -> None:
    assert ask(client(portal_home, "nina")) == 303
    seen = {
        login: "Makassar" in client(portal_home, login).get("/segment-requests").text
        for login in ("nina", "budi", "both", "sari", "wira")
    }
    assert seen == {"nina": True, "budi": False, "both": True, "sari": False, "wira": True}
    # What another advertiser has asked for is kept again: that it was is told to no one.
    assert ask(client(portal_home, "budi")) == 303
    assert kept(portal_home) == [TEXT, TEXT]


def test_a_changed_line_is_no_request_and_a_broken_end_loses_one_alone(tmp_path: Path) -> None:
    requests = SegmentRequests(tmp_path / "portal" / "requests.jsonl")
    first = requests.add(NINA, ComposedSegment.parse("male:50-54:all", "here"))
    path = tmp_path / "portal" / "requests.jsonl"
    with path.open("a", encoding="utf-8") as file:
        file.write('{"id": "half')
    second = requests.add(NINA, ComposedSegment.parse("all:50-54:31", "here"))
    recorded = requests.read()
    assert (recorded.requests, recorded.unreadable) == ((first, second), 1)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("male:50-54:all", "male:55-59:all"), encoding="utf-8")
    assert requests.read().requests == (second,)
    assert requests.read().unreadable == 2


def test_what_was_decided_is_stated_with_its_reason(portal_home: Home) -> None:
    nina = client(portal_home)
    ask(nina)
    (request,) = SegmentRequests(portal_home.segment_requests).read().requests
    ledger = Ledger.open(portal_home.ledger)
    kept = {"by": "daemon", "at": "2026-12-01T00:00:00+00:00", "salt": "0"}
    reason = "A larger <b>segment</b> serves as well."
    ledger.append(
        "segment_rejection", request.id, {"role": "privacy_officer", "reason": reason}, kept
    )
    write_public_ledger(ledger, portal_home)
    page = nina.get("/segment-requests").text
    assert "Rejected" in page
    assert "A larger &lt;b&gt;segment&lt;/b&gt; serves as well." in page
    indonesian = nina.get("/segment-requests?language=id").text
    assert "Ditolak" in indonesian
    assert ask(nina) == 303, "a decided request does not keep anyone from another one"


def small_home(folder: Path, makassar: int) -> Home:
    """One released day whose last group, women in Makassar, has so many people."""
    home = Home(folder)
    home.root.mkdir()
    for name in ("policy.yaml", "segments.yaml"):
        shutil.copy(ROOT / "anonymizer/defaults" / name, home.root / name)
    counted = [
        count("autumn", {("male", "25-29", "31.71"): 251}, first=10_000),
        count("spring", {**SPRING, MAKASSAR: makassar}),
    ]
    release(home, counted=counted)
    ledger = Ledger.open(home.ledger)
    for one in load_releases(home, ledger):
        write_exports(one, home, ledger, SECRET)
    build_database(load_releases(home, ledger), home)
    return home


def figures(home: Home) -> bytes:
    return (home.releases / f"campaign-day-{DAY}" / "figures.parquet").read_bytes()


@pytest.mark.alternate("requests on the portal")
def test_homes_that_differ_in_a_suppressed_group_answer_byte_for_byte_the_same(
    tmp_path: Path,
) -> None:
    one, other = small_home(tmp_path / "one", 27), small_home(tmp_path / "other", 34)
    assert figures(one) == figures(other), "the draws of both give the same figures"
    SegmentRequests(one.segment_requests).add(NINA, ComposedSegment.parse(TEXT, "here"))
    other.portal.mkdir(mode=0o700)
    shutil.copy(one.segment_requests, other.segment_requests)
    answers = []
    for home in (one, other):
        add_accounts(AccountStore(home.portal_accounts))
        nina = client(home)
        form = fields_of(nina.get(COMPOSED).text)
        posted = nina.post("/segment-requests", data=form, headers=ORIGIN)
        answers.append(
            [
                (posted.status_code, posted.headers["location"], posted.content),
                *(
                    re.sub(rb'name="form_token" value="[^"]+"', b"", nina.get(path).content)
                    for path in (COMPOSED, "/segment-requests", "/segment-requests?language=id")
                ),
            ]
        )
    assert b"73.71" in answers[0][1]
    assert b"Makassar" in answers[0][2]
    assert answers[0] == answers[1]
