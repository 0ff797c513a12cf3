"""Another advertiser's objects are answered like objects that there are not, in every variant."""

import json
import re
from collections.abc import Iterator

import duckdb
import pytest
from browsing import Answer, Browsing, signed_in
from published_world import CORRECTED, CORRECTION, GOOD, WEEK, WITHDRAWN, Server

from anonymizer.storage.home import Home

pytestmark = pytest.mark.xdist_group("portal")
OTHERS = ("autumn", "Autumn", "jaya", "PT Jaya", "autumn-sale")


@pytest.fixture(scope="module")
def nina(server: Server) -> Browsing:
    """Who reads the exports of maju alone."""
    return signed_in(server, "nina")


def objects(campaign: str, advertiser: str, file: str) -> Iterator[str]:
    """Every address of a campaign, an advertiser and a file."""
    yield f"/figures/campaign/{campaign}"
    yield f"/figures/campaign/{campaign}?every=week"
    yield f"/figures/campaign/{campaign}?period=2026-11-23"
    yield f"/figures/interest/{campaign}"
    yield f"/figures/campaign/spring?compare={campaign}"
    yield f"/segment?subject=campaign:{campaign}"
    yield f"/segment?subject=campaign:{campaign}&gender=female&every=day"
    for release in (GOOD, WEEK, WITHDRAWN, CORRECTED, CORRECTION):
        yield f"/certificates/{advertiser}/{release}"
        own = (f"{file}_day-2026-11-23.csv", f"{file}_day-2026-11-23.xlsx")
        notices = ("WITHDRAWN.json", "CORRECTED.json")
        for name in (*own, *notices, "manifest.json", "certificate.json"):
            yield f"/files/{advertiser}/{release}/{name}"
    yield f"/packages/{advertiser}"
    yield f"/packages/{advertiser}?every=week"
    yield f"/packages/{advertiser}?from=2026-11-01&to=2026-12-31"
    yield f"/packages/{advertiser}?subject={campaign}"
    yield f"/packages/maju?subject={campaign}"


def comparable(answer: Answer) -> tuple[object, ...]:
    return answer.status, answer.lasting, answer.body


def test_each_address_of_another_advertiser_is_one_that_there_is_not(nina: Browsing) -> None:
    unknown = comparable(nina.get("/figures/campaign/there-is-none"))
    assert unknown[0] == 404
    for path in (
        *objects("autumn", "jaya", "autumn-sale"),
        *objects("there-is-none", "no-one", "no-file"),
    ):
        assert comparable(nina.get(path)) == unknown, path


def test_its_owner_gets_them(server: Server) -> None:
    budi = signed_in(server, "budi")
    answers = {path: budi.get(path).status for path in objects("autumn", "jaya", "autumn-sale")}
    assert sum(status == 200 for status in answers.values()) > 15
    assert answers["/figures/campaign/autumn"] == 200
    assert answers["/packages/jaya"] == 200
    assert answers[f"/files/jaya/{GOOD}/autumn-sale_day-2026-11-23.csv"] == 200
    assert answers[f"/files/jaya/{WITHDRAWN}/manifest.json"] == 410


@pytest.mark.parametrize(
    "path",
    [
        "/figures/campaign/%61utumn",
        "/figures/campaign/autumn/",
        "/figures/campaign/AUTUMN",
        "/figures/campaign/autumn%00",
        "/figures/campaign/spring%2F..%2Fautumn",
        "/figures/campaign/' OR '1'='1".replace(" ", "%20"),
        "/figures/%63ampaign/autumn",
        "/files/jaya%2Fcampaign-day-2026-11-23/manifest.json",
        f"/files/maju/..%2F..%2Fjaya/{GOOD}/manifest.json",
        f"/files/maju/{GOOD}/..%2F..%2Fjaya%2F{GOOD}%2Fmanifest.json",
        f"/files/maju%2F..%2Fjaya/{GOOD}/manifest.json",
        f"/files/JAYA/{GOOD}/manifest.json",
        f"/files/j%61ya/{GOOD}/manifest.json",
        f"/files/maju,jaya/{GOOD}/manifest.json",
        "/files/maju/../ledger.jsonl",
        "/files/maju/%2e%2e/ledger.jsonl",
        "/packages/maju%2Cjaya",
        "/packages/maju?subject=spring,autumn",
        "/packages/*",
        "/packages/%25",
        "/packages/maju/../jaya",
        "/ledger.jsonl",
        "/segments.duckdb",
    ],
)
def test_no_other_spelling_leads_there(nina: Browsing, path: str) -> None:
    unknown = comparable(nina.get("/figures/campaign/there-is-none"))
    assert comparable(nina.get(path)) == unknown


@pytest.mark.parametrize("path", ["/figures/campaign/{0}", f"/files/{{1}}/{GOOD}/manifest.json"])
@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", {}),
        ("GET", {"Range": "bytes=0-9"}),
        ("GET", {"If-None-Match": "*"}),
        ("GET", {"If-Match": '"x"'}),
        ("GET", {"If-Modified-Since": "Mon, 01 Jan 2035 00:00:00 GMT"}),
        ("OPTIONS", {}),
        ("DELETE", {}),
        ("PUT", {}),
        ("PATCH", {}),
        ("TRACE", {}),
        ("PROPFIND", {}),
    ],
)
def test_nor_does_another_method_or_header(
    nina: Browsing, path: str, method: str, headers: dict[str, str]
) -> None:
    theirs = nina.send(method, path.format("autumn", "jaya"), headers=headers)
    unknown = nina.send(method, path.format("there-is-none", "no-one"), headers=headers)
    assert comparable(theirs) == comparable(unknown)
    assert theirs.status == 404


def test_an_own_file_has_no_ranges_and_no_tag(nina: Browsing) -> None:
    path = f"/files/maju/{GOOD}/manifest.json"
    whole = nina.get(path)
    assert whole.status == 200
    assert not whole.header("etag")
    for header in ({"Range": "bytes=0-9"}, {"If-None-Match": "*"}, {"If-Range": '"x"'}):
        assert comparable(nina.send("GET", path, headers=header)) == comparable(whole)
    head = nina.send("HEAD", path)
    assert (head.status, head.lasting, head.body) == (200, whole.lasting, b"")


def test_nothing_that_a_reader_is_sent_names_another_advertiser(nina: Browsing) -> None:
    seen, waiting = set(), ["/", "/?name=sale", "/?name=autumn", "/audience", "/segment"]
    while waiting:
        path = waiting.pop()
        if path in seen or path.startswith("/files/"):
            continue
        seen.add(path)
        answer = nina.get(path)
        assert answer.status == 200, path
        text = answer.text.replace("autumn", "", 1) if "name=autumn" in path else answer.text
        for name in OTHERS:  # there is a regency Jayawijaya
            assert not re.search(rf"\b{name}\b", text), path
        links = (part.partition('"')[0] for part in answer.text.split('href="')[1:])
        waiting += [link.replace("&amp;", "&") for link in links if link.startswith("/")]
    assert "/figures/campaign/spring?period=2026-11-23" in seen


def test_who_reads_nothing_learns_nothing_of_the_others(server: Server) -> None:
    """An advertiser without a release sees what there is for everyone."""
    sari = signed_in(server, "sari")  # for the first time: everything is new
    front = sari.get("/").text
    for name in (*OTHERS, "spring", "Spring", "maju", "Maju"):
        assert name not in front
    news = re.findall(r'<li><span class="tag.*?</li>', front, re.DOTALL)
    assert len(news) == 2, "the interests of the week and the audience of the month"
    assert all("Audience and interests" in line for line in news)
    assert sari.get("/figures/audience/everyone").status == 200
    assert sari.get("/figures/campaign/spring").status == 404


def test_what_was_tried_is_in_the_log(server: Server, nina: Browsing) -> None:
    nina.get(f"/files/jaya/{GOOD}/manifest.json")
    entry = json.loads(server.home.portal_log.read_text().splitlines()[-1])
    assert entry["event"] == "download_not_found"
    assert (entry["login"], entry["recipient"], entry["release"]) == ("nina", "jaya", GOOD)
    nina.get("/files/x%0A%7B%22event%22%3A%22download%22%7D/y/z")
    entry = json.loads(server.home.portal_log.read_text().splitlines()[-1])
    assert entry["event"] == "download_not_found"
    assert not {"recipient", "release", "file"} & set(entry)


@pytest.fixture
def handed_over(portal_home: Home) -> Home:
    """On 23 November spring goes over from maju to jaya, under another name."""
    with duckdb.connect(str(portal_home.database)) as database:
        for table in ("released_tables", "figures"):
            database.execute(
                f"UPDATE {table} SET advertiser_id = 'jaya', subject = 'Mudik' "
                "WHERE subject_kind = 'campaign' AND subject_id = 'spring' "
                "AND period_start >= DATE '2026-11-23'"
            )
        database.execute(
            "UPDATE releases SET number = 1000 + number WHERE period_start >= DATE '2026-11-23'"
        )
        database.execute("UPDATE subjects SET subject = 'Mudik' WHERE subject_id = 'spring'")
        database.execute(
            "UPDATE campaigns SET advertiser_id = 'jaya', campaign = 'Mudik', "
            "starts_on = DATE '2026-11-23' WHERE campaign_id = 'spring'"
        )
    return portal_home


def main(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text.partition("<main")[2]))


@pytest.mark.parametrize(
    ("login", "own", "others", "name", "other_name"),
    [
        ("nina", "2026-11-22", "2026-11-23", "Spring Sale", "Mudik"),
        ("budi", "2026-11-23", "2026-11-22", "Mudik", "Spring Sale"),
    ],
)
def test_each_owner_of_a_campaign_sees_the_releases_of_its_own_time(
    handed_over: Home, login: str, own: str, others: str, name: str, other_name: str
) -> None:
    from test_portal_downloads import client  # noqa: PLC0415

    reader = client(handed_over, login)
    unknown = reader.get("/figures/campaign/there-is-none")
    refused = reader.get(f"/figures/campaign/spring?period={others}")
    assert (refused.status_code, refused.content) == (404, unknown.content)
    page = reader.get(f"/figures/campaign/spring?period={own}")
    assert page.status_code == 200
    assert "no figures for comparison" in main(page.text)
    assert "There is one period so far" in main(page.text)
    checked = reader.get("/segment?subject=campaign:spring&every=day&gender=male")
    assert "Published in 1 of the last 1 periods" in main(checked.text)
    front, found = reader.get("/"), reader.get("/", params={"name": other_name})
    assert name in front.text
    assert "No campaign has this in its name." in found.text
    for answer in (page, checked, front):
        assert other_name not in answer.text
    assert ("23 November 2026 \N{EN DASH} 31 December 2026" in front.text) == (login == "budi")


def test_who_reads_both_owners_sees_all_of_it_with_the_files_of_each(handed_over: Home) -> None:
    from test_portal_downloads import client  # noqa: PLC0415

    both = client(handed_over, "both")
    first = both.get("/figures/campaign/spring?period=2026-11-22").text
    assert f"/files/maju/{CORRECTION.replace('~', '%7E')}/" in first.replace("~", "%7E")
    assert 'action="/packages/maju"' in first
    second = both.get("/figures/campaign/spring?period=2026-11-23").text
    assert 'action="/packages/jaya"' in second
    assert "Previous period" in second


def test_another_campaign_is_compared_only_in_the_time_of_its_reader(handed_over: Home) -> None:
    from test_portal_downloads import client  # noqa: PLC0415

    budi = client(handed_over, "budi")
    address = "/figures/campaign/autumn?compare=spring&period=2026-11-{}"
    assert "The other campaign has no figures" in budi.get(address.format(22)).text
    assert "The other campaign has no figures" not in budi.get(address.format(23)).text
