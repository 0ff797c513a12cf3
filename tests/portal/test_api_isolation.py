"""The API answers another advertiser's objects like objects that there are not, always."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import signed_in
from calls import Program, program
from published_world import CORRECTED, CORRECTION, GOOD, WEEK, WITHDRAWN, Server
from test_portal_isolation import OTHERS, comparable, handed_over

from anonymizer.storage.home import Home
from portal.access_log import AccessLog

__all__ = ["handed_over"]
pytestmark = pytest.mark.xdist_group("portal")
API = "/api/v1"


@pytest.fixture(scope="module")
def nina(server: Server) -> Program:
    """Reads maju alone."""
    return program(server, "nina")


@pytest.fixture(scope="module")
def narrowed(server: Server) -> Program:
    """A token of an analyst that is limited to maju."""
    return program(server, "wira", "maju")


def objects(campaign: str, advertiser: str, file: str) -> Iterator[str]:
    """Every address of a campaign, an advertiser and a file."""
    yield f"{API}/campaigns/{campaign}"
    yield f"{API}/campaigns/{campaign}/periods"
    yield f"{API}/campaigns?advertiser={advertiser}"
    yield f"{API}/figures?campaign={campaign}"
    yield f"{API}/figures?campaign={campaign}&series=campaign-week&period=2026-W47"
    yield f"{API}/figures?campaign={campaign}&segment=men"
    yield f"{API}/figures?campaign={campaign}&segment=male:all:all"
    for release in (GOOD, WEEK, WITHDRAWN, CORRECTED, CORRECTION):
        for name in (
            *(f"{file}_day-2026-11-23.csv", f"{file}_day-2026-11-23.parquet"),
            *("WITHDRAWN.json", "CORRECTED.json", "manifest.json", "certificate.json"),
        ):
            yield f"{API}/files/{advertiser}/{release}/{name}"


def test_each_address_of_another_advertiser_is_one_that_there_is_not(
    nina: Program, narrowed: Program
) -> None:
    for reader in (nina, narrowed):
        unknown = comparable(reader.get(f"{API}/campaigns/there-is-none"))
        assert unknown[0] == 404
        for path in (
            *objects("autumn", "jaya", "autumn-sale"),
            *objects("there-is-none", "no-one", "no-file"),
        ):
            assert comparable(reader.get(path)) == unknown, path


def test_its_owner_gets_them(server: Server) -> None:
    budi = program(server, "budi")
    answers = {path: budi.get(path).status for path in objects("autumn", "jaya", "autumn-sale")}
    assert sum(status == 200 for status in answers.values()) > 12
    assert answers[f"{API}/files/jaya/{WITHDRAWN}/manifest.json"] == 410


@pytest.mark.parametrize(
    "path",
    [
        "/campaigns/%61utumn",
        "/campaigns/autumn/",
        "/campaigns/AUTUMN",
        "/campaigns/autumn%00",
        "/campaigns/spring%2F..%2Fautumn",
        "/campaigns/'%20OR%20'1'='1",
        "/%63ampaigns/autumn",
        "/figures?campaign=%61utumn",
        "/figures?campaign=AUTUMN",
        "/campaigns?advertiser=j%61ya",
        f"/files/maju/..%2F..%2Fjaya/{GOOD}/manifest.json",
        f"/files/maju/{GOOD}/..%2F..%2Fjaya%2F{GOOD}%2Fmanifest.json",
        f"/files/JAYA/{GOOD}/manifest.json",
        f"/files/j%61ya/{GOOD}/manifest.json",
        f"/files/maju,jaya/{GOOD}/manifest.json",
        "/files/maju/../ledger.jsonl",
        "/files/maju/%2e%2e/ledger.jsonl",
        "/files/_all/../jaya/manifest.json",
        "/../segments.duckdb",
    ],
)
def test_no_other_spelling_leads_there(nina: Program, path: str) -> None:
    unknown = comparable(nina.get(f"{API}/campaigns/there-is-none"))
    assert comparable(nina.get(API + path)) == unknown


@pytest.mark.parametrize(
    "path",
    [
        f"{API}/campaigns/{{0}}",
        f"{API}/campaigns/{{0}}/periods",
        f"{API}/figures?campaign={{0}}",
        f"{API}/files/{{1}}/{GOOD}/manifest.json",
    ],
)
@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", {}),
        ("GET", {"Range": "bytes=0-9"}),
        ("GET", {"If-None-Match": "*"}),
        ("GET", {"If-Match": '"x"'}),
        ("GET", {"If-Match": "*"}),
        ("GET", {"If-Modified-Since": "Mon, 01 Jan 2035 00:00:00 GMT"}),
        ("GET", {"Accept": "text/html"}),
        ("OPTIONS", {}),
        ("DELETE", {}),
        ("PUT", {}),
        ("TRACE", {}),
        ("PROPFIND", {}),
    ],
)
def test_nor_does_another_method_or_header(
    nina: Program, path: str, method: str, headers: dict[str, str]
) -> None:
    theirs = nina.send(method, path.format("autumn", "jaya"), headers=headers)
    unknown = nina.send(method, path.format("there-is-none", "no-one"), headers=headers)
    assert comparable(theirs) == comparable(unknown)
    assert theirs.status == (404 if method in {"GET", "HEAD"} else 405)


def test_nothing_that_a_program_is_sent_names_another_advertiser(nina: Program) -> None:
    seen, waiting = set(), [f"{API}/{name}" for name in ("advertisers", "campaigns", "releases")]
    waiting += [f"{API}/figures?limit=500", f"{API}/campaigns?name=sale"]
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = nina.get(path)
        assert answer.status == 200, path
        for name in OTHERS:  # there is a regency Jayawijaya
            assert not re.search(rf"\b{name}\b", answer.text), path
        for one in json.loads(answer.body)["items"]:
            if path == f"{API}/releases":
                files = nina.read(f"{API}/releases/{one['id']}")
                assert {file["recipient"] for file in files["files"]} <= {"maju", "_all"}
                assert "jaya" not in json.dumps(files["recipients"])
    assert len(seen) == 5


def test_who_reads_nothing_learns_nothing_of_the_others(server: Server) -> None:
    """An advertiser without a release sees what there is for everyone."""
    sari = program(server, "sari")
    assert sari.read(f"{API}/campaigns")["items"] == []
    kinds = {one["subject"]["kind"] for one in sari.read(f"{API}/figures?limit=500")["items"]}
    assert kinds == {"interest", "audience"}
    assert {one["series"] for one in sari.read(f"{API}/releases")["items"]} == {
        "interest-week",
        "audience-month",
    }
    assert comparable(sari.get(f"{API}/releases/{GOOD}")) == comparable(
        sari.get(f"{API}/releases/there-is-none")
    )


def test_what_was_tried_is_in_the_log(server: Server, nina: Program) -> None:
    nina.get(f"{API}/files/jaya/{GOOD}/manifest.json")
    last, answered = map(json.loads, server.home.portal_log.read_text().splitlines()[-2:])
    assert (last["event"], last["login"], last["recipient"]) == (
        ("download_not_found", "nina", "jaya")
    )
    assert (answered["event"], answered["route"], answered["status"]) == (
        ("api_read", "api_release_file", 404)
    )
    assert (last["release"], last["file"]) == (GOOD, "manifest.json")
    nina.get(f"{API}/campaigns/spring")
    entry = json.loads(server.home.portal_log.read_text().splitlines()[-1])
    assert (entry["campaign"], entry["token"]) == ("spring", nina.token.split("_")[1])


@pytest.mark.parametrize("typed", ["TOKEN", "budi@example.com", "x%0A%7B%22event%22%3A%22x%22%7D"])
def test_what_was_typed_in_the_wrong_place_is_not_in_the_log(
    server: Server, nina: Program, typed: str
) -> None:
    lines = len(server.home.portal_log.read_text().splitlines())
    part = typed.replace("TOKEN", nina.token)
    table = f"/delta-sharing/shares/{part}/schemas/{part}/tables/{part}"
    paths = (
        *(f"{API}/campaigns/{part}", f"{API}/campaigns/{part}/periods", f"{API}/{part}"),
        *(f"{API}/releases/{part}", f"{API}/campaigns?name={part}", f"{API}/files/{part}/x/y"),
        *(f"{API}/files/maju/{part}/x", f"{API}/files/maju/{GOOD}/{part}", f"{table}/version"),
        f"/delta-sharing/files/{part}/{part}/{part}?sig={part}&token={part}&expires={part}",
    )
    for path in paths:
        nina.get(path)
    session = signed_in(server, "nina")
    for path in (
        *(f"/files/{part}/{part}/{part}", f"/files/maju/{GOOD}/{part}", f"/packages/{part}"),
        *(f"/packages/maju?subject={part}", f"/figures/campaign/{part}", f"/{part}"),
    ):
        session.get(path)
    log = server.home.portal_log.read_text().splitlines()[lines:]
    assert len(log) >= len(paths)
    for secret in (nina.token, nina.token.split("_", 2)[2], "budi@", "unreadable"):
        assert secret not in "\n".join(log)
    assert any(json.loads(line).get("release") == GOOD for line in log)


def test_a_token_is_not_repeated_whatever_is_recorded(tmp_path: Path) -> None:
    log, secret = AccessLog(tmp_path / "access.jsonl"), "x" * 43
    for written in (f"aud_0123456789ab_{secret}", f"Bearer:AUD_0123456789AB_{secret}"):
        log.write("download", file=written, releases=[written])
    assert secret not in (tmp_path / "access.jsonl").read_text()


@pytest.mark.parametrize(
    ("login", "own", "others", "other_name"),
    [("nina", "2026-11-22", "2026-11-23", "Mudik"), ("budi", "2026-11-23", "2026-11-22", "Spring")],
)
def test_each_owner_of_a_campaign_reads_the_releases_of_its_own_time(
    handed_over: Home, login: str, own: str, others: str, other_name: str
) -> None:
    from test_api import browser  # noqa: PLC0415

    reader = browser(handed_over, login)
    found = reader.get(f"{API}/figures?campaign=spring&series=campaign-day&limit=500")
    assert {one["period"]["id"] for one in found.json()["items"]} == {own}
    periods = reader.get(f"{API}/campaigns/spring/periods?series=campaign-day").json()["items"]
    assert {one["period"]["id"] for one in periods} == {own}
    assert reader.get(f"{API}/figures?campaign=spring&period={others}").json()["items"] == []
    followed = reader.get(f"{API}/figures?campaign=spring&segment=male:all:all&limit=500")
    assert others not in followed.text
    for answer in (found, followed, reader.get(f"{API}/campaigns"), reader.get(
        f"{API}/campaigns/spring")):  # fmt: skip
        assert other_name not in answer.text
