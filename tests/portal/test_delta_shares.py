"""Shared tables: the reference client reads what is published, and nobody reads anything else."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from browsing import Answer, Browsing
from calls import Program, program
from published_world import CORRECTED, GOOD, WEEK, WITHDRAWN, Server
from test_api import browser
from test_portal_isolation import comparable

from anonymizer.storage.home import Home
from portal import portal_limits
from portal.account_store import AccountStore
from portal.file_addresses import FileAddresses, FilePlace
from portal.share_profile import write_profile

pytestmark = pytest.mark.xdist_group("portal")
SHARES = "/delta-sharing/shares"
DAYS = f"{SHARES}/maju/schemas/figures/tables/campaign_days"


@pytest.fixture(scope="module")
def nina(server: Server) -> Program:
    """Reads maju alone."""
    return program(server, "nina")


def query(reader: Program, table: str = DAYS, body: object = None, **headers: str) -> Answer:
    stated = {"Content-Type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return reader.send("POST", f"{table}/query", json.dumps(body or {}), stated)


def lines(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def addresses(reader: Program) -> list[str]:
    """The paths of the files of a table."""
    found = [one["file"]["url"] for one in lines(query(reader))[2:]]
    return [one.removeprefix(reader.server.origin) for one in found]


# --- the reference client


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("delta_format", [None, False, True])
def test_the_reference_client_reads_a_table(
    server: Server, nina: Program, tmp_path: Path, delta_format: bool | None
) -> None:
    # Its package with Delta's kernel has no wheel for Linux on ARM.
    delta_sharing = pytest.importorskip("delta_sharing")
    profile = tmp_path / "nina.share"
    expires = datetime.now(UTC) + timedelta(days=1)
    write_profile(profile, server.origin, nina.token, expires)
    client = delta_sharing.SharingClient(str(profile))
    assert {(one.share, one.schema, one.name) for one in client.list_all_tables()} == {
        ("_all", "figures", "audience_months"),
        ("_all", "figures", "interest_weeks"),
        *(("maju", "figures", f"campaign_{length}s") for length in ("day", "week", "month")),
    }
    for share, table, series in (
        ("maju", "campaign_weeks", "campaign-week"),
        ("maju", "campaign_days", "campaign-day"),
        ("_all", "audience_months", "audience-month"),
    ):
        frame = delta_sharing.load_as_pandas(
            f"{profile}#{share}.figures.{table}", use_delta_format=delta_format
        )
        expected = published_rows(server.home, share, series)
        found = frame[["subject_id", "period", "segment_id", "status"]]
        assert sorted(map(tuple, found.to_numpy().tolist())) == sorted(expected)
        assert set(frame["status"]) <= {"published", "suppressed"}
        assert frame[frame["status"] == "suppressed"]["people"].isna().all()
    limited = delta_sharing.load_as_pandas(
        f"{profile}#maju.figures.campaign_weeks", limit=3, use_delta_format=delta_format
    )
    assert len(limited) == 3


def published_rows(home: Home, share: str, series: str) -> list[tuple[str, ...]]:
    """The rows of the exported files of a series that are in force."""
    files = (
        path
        for folder in (home.exports / share).glob(f"{series}-*")
        if folder.name not in {WITHDRAWN, CORRECTED}
        for path in folder.glob("*.parquet")
    )
    columns = ["subject_id", "period", "segment_id", "status"]
    rows = [row for path in files for row in pq.read_table(path, columns=columns).to_pylist()]
    assert rows
    return [tuple(row[name] for name in columns) for row in rows]


# --- the protocol


def test_a_query_names_the_files_in_force(nina: Program) -> None:
    answer = query(nina)
    protocol, metadata, *files = lines(answer)
    assert answer.header("content-type").startswith("application/x-ndjson")
    assert answer.header("delta-sharing-capabilities") == "responseformat=parquet"
    assert protocol == {"protocol": {"minReaderVersion": 1}}
    about = metadata["metaData"]
    assert str(about["version"]) == answer.header("delta-table-version")
    assert (about["numFiles"], about["partitionColumns"]) == (2, [])
    assert about["size"] == sum(one["file"]["size"] for one in files)
    urls = [one["file"]["url"] for one in files]
    assert not any(WITHDRAWN in url or f"{CORRECTED}/" in url for url in urls)
    assert lines(nina.get(f"{DAYS}/metadata")) == [protocol, metadata]
    version = nina.get(f"{DAYS}/version")
    assert (version.status, version.body) == (200, b"")
    assert version.header("delta-table-version") == str(about["version"])


def test_the_response_format_is_what_the_client_takes(nina: Program) -> None:
    for stated, form in (
        ("responseformat=delta;readerfeatures=deletionvectors", "delta"),
        ("responseformat=delta,parquet", "parquet"),
        ("RESPONSEFORMAT=Parquet", "parquet"),
        ("readerfeatures=deletionvectors", "parquet"),
    ):
        answer = query(nina, delta_sharing_capabilities=stated)
        assert answer.header("delta-sharing-capabilities") == f"responseformat={form}"
        assert ("deltaProtocol" in lines(answer)[0]["protocol"]) == (form == "delta")
    assert query(nina, delta_sharing_capabilities="responseformat=csv").status == 400


@pytest.mark.parametrize(
    "body",
    ["x", "[]", '{"version": 0}', '{"timestamp": "2026-01-01T00:00:00Z"}', "[" * 9_000,
     '{"startingVersion": 1}'],
)  # fmt: skip
def test_what_cannot_be_queried_is_refused(nina: Program, body: str) -> None:
    assert nina.send("POST", f"{DAYS}/query", body).status == 400


def test_null_is_the_same_as_nothing(nina: Program) -> None:
    names = (
        "version",
        "timestamp",
        "startingVersion",
        "endingVersion",
        "limitHint",
        "jsonPredicateHints",
    )
    without = lines(query(nina))
    assert without[1] == lines(query(nina, body=dict.fromkeys(names)))[1]
    newest = without[1]["metaData"]["version"]
    assert lines(query(nina, body={"version": newest, "timestamp": None}))[1] == without[1]
    for name in names[:4]:
        assert query(nina, body=dict.fromkeys(names) | {name: 0}).status == 400, name


def test_a_huge_query_is_refused(nina: Program) -> None:
    assert nina.send("POST", f"{DAYS}/query", "[" * 20_000).status == 413
    entry = json.loads(nina.server.home.portal_log.read_text().splitlines()[-1])
    assert (entry["event"], entry["status"]) == ("api_read", 413)
    assert entry["token"] == nina.token.split("_")[1]
    assert Program(nina.server, "").send("POST", f"{DAYS}/query", "[" * 20_000).status == 401


def test_lists_have_pages(server: Server) -> None:
    reader, found, page_token = program(server, "both"), [], ""
    for _ in range(3):
        page = reader.read(f"{SHARES}?maxResults=1&pageToken={page_token or 0}")
        found += [one["name"] for one in page["items"]]
        page_token = page.get("nextPageToken", "")
    assert (found, page_token) == (["_all", "jaya", "maju"], "")
    assert reader.get(f"{SHARES}?maxResults=x").status == 400


# --- addresses of files


def test_an_address_works_without_a_header_and_in_parts(server: Server, nina: Program) -> None:
    path = addresses(nina)[0]
    whole = Browsing(server).get(path)
    assert whole.status == 200
    head = Browsing(server).send("HEAD", path)
    assert (head.status, head.header("content-length")) == (200, str(len(whole.body)))
    assert head.header("accept-ranges") == "bytes"
    size = len(whole.body)
    for wanted, part in (
        ("bytes=0-3", whole.body[:4]),
        ("bytes=4-", whole.body[4:]),
        ("bytes=-8", whole.body[-8:]),
        (f"bytes=0-{size + 9}", whole.body),
    ):
        answer = Browsing(server).get(path, Range=wanted)
        assert (answer.status, answer.body) == (206, part), wanted
    assert Browsing(server).get(path, Range="bytes=0-3", If_Range='"x"').body == whole.body
    assert Browsing(server).get(path, Range="bytes=0-1,4-5").body == whole.body
    beyond = Browsing(server).get(path, Range=f"bytes={size}-")
    assert (beyond.status, beyond.header("content-range")) == (416, f"bytes */{size}")
    download = json.loads(server.home.portal_log.read_text().splitlines()[0])
    assert download["event"]
    log = server.home.portal_log.read_text()
    assert path.rpartition("sig=")[2] not in log


def variants(path: str) -> Iterator[str]:
    """Other addresses that someone who has one may try."""
    before, _, signature = path.rpartition("sig=")
    yield before.rstrip("&")
    yield f"{before}sig="
    yield f"{before}sig={signature[:-1]}{'0' if signature[-1] != '0' else '1'}"
    yield f"{before}sig=%00"
    yield path.replace("/maju/", "/jaya/").replace("spring-sale", "autumn-sale")
    yield path.replace(".parquet", ".csv")
    yield path.replace("expires=", "expires=9")
    yield path.partition("?")[0]
    token = path.partition("token=")[2].partition("&")[0]
    yield path.replace(token, "0" * 12)


def test_no_other_address_works(server: Server, nina: Program) -> None:
    path, lines = addresses(nina)[0], len(server.home.portal_log.read_text().splitlines())
    answers = [Browsing(server).get(one) for one in variants(path)]
    log = [json.loads(line) for line in server.home.portal_log.read_text().splitlines()[lines:]]
    assert [one["event"] for one in log] == ["token_refused"] * len(answers)
    assert {one.status for one in answers} == {403}
    assert len({(one.lasting, one.body) for one in answers}) == 1


def test_an_address_ends_with_its_token(server: Server) -> None:
    reader = program(server, "nina")
    path = addresses(reader)[0]
    assert Browsing(server).get(path).status == 200
    AccountStore(server.home.portal_accounts).tokens.revoke(reader.token.split("_")[1])
    assert Browsing(server).get(path).status == 403


def test_a_table_has_more_files_than_a_token_has_requests(portal_home: Home) -> None:
    client = browser(portal_home, "nina", per_minute=1, files_per_minute=5)
    answer = client.post(f"{DAYS}/query", json={})
    urls = [json.loads(line)["file"]["url"] for line in answer.text.splitlines()[2:]]
    assert len(urls) == 2
    reading = [client.head(url).status_code for url in urls]
    reading += [client.get(url).status_code for url in (*urls, *urls)]
    assert reading == [200] * 5 + [429], "files have a limit of their own"
    assert client.get(SHARES).status_code == 429
    assert client.get(f"{urls[0]}0").status_code == 403, "an address that is not valid"
    assert client.get(f"{urls[0]}0").status_code == 429, "is limited as any other request"
    assert portal_limits.FILE_REQUESTS_PER_MINUTE >= 50 * portal_limits.REQUESTS_PER_MINUTE


def test_an_address_expires_and_belongs_to_its_process() -> None:
    now = [1_000.0]
    place = FilePlace("maju", GOOD, "a.parquet")
    mine, other = FileAddresses(lambda: now[0]), FileAddresses(lambda: now[0])
    query_, expires = mine.sign(place, "0123456789ab")
    signature = query_.rpartition("=")[2]
    stated = (place, "0123456789ab", str(expires), signature)
    assert mine.is_valid(*stated)
    assert not other.is_valid(*stated)
    now[0] += portal_limits.ADDRESS_SECONDS
    assert not mine.is_valid(*stated)


def test_an_edited_file_is_not_sent(portal_home: Home) -> None:
    client = browser(portal_home, "nina")
    answer = client.post(f"{DAYS}/query", json={})
    url = json.loads(answer.text.splitlines()[2])["file"]["url"]
    path = next((portal_home.exports / "maju").glob("campaign-day-2026-11-22~2/*.parquet"))
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    assert client.get(url).status_code == 503
    path.unlink()
    assert client.get(url).status_code == 503
    assert client.post(f"{DAYS}/query", json={}).status_code == 503


# --- isolation


def test_another_advertisers_share_is_one_that_there_is_not(nina: Program) -> None:
    unknown = comparable(nina.get(f"{SHARES}/no-one"))
    assert unknown[0] == 404
    for share in ("jaya", "no-one", "JAYA", "j%61ya", "maju%2F..%2Fjaya", "maju,jaya", "*"):
        table = f"{SHARES}/{share}/schemas/figures/tables/campaign_days"
        for path in (
            *(f"{SHARES}/{share}", f"{SHARES}/{share}/schemas", f"{SHARES}/{share}/all-tables"),
            *(f"{SHARES}/{share}/schemas/figures/tables", f"{table}/version", f"{table}/metadata"),
        ):
            assert comparable(nina.get(path)) == unknown, path
        asked = comparable(query(nina, table))
        assert asked[0] == unknown[0]
        assert asked[2] == unknown[2]
    assert {one["name"] for one in nina.read(SHARES)["items"]} == {"_all", "maju"}
    for path in (
        f"{SHARES}/maju/schemas/other/tables",
        f"{DAYS.replace('figures', 'other')}/version",
        f"{SHARES}/maju/schemas/figures/tables/audience_months/version",
        "/delta-sharing/nowhere",
    ):
        assert comparable(nina.get(path)) == unknown, path


def test_methods_and_headers_change_nothing(nina: Program) -> None:
    for method, headers in (
        ("HEAD", {}),
        ("GET", {"Range": "bytes=0-9"}),
        ("GET", {"If-None-Match": "*"}),
        ("DELETE", {}),
        ("PUT", {}),
    ):
        theirs = nina.send(method, f"{SHARES}/jaya/schemas", headers=headers)
        unknown = nina.send(method, f"{SHARES}/no-one/schemas", headers=headers)
        assert comparable(theirs) == comparable(unknown)


def test_without_a_token_nothing_is_shared(server: Server) -> None:
    nobody = Program(server, "")
    assert {nobody.get(path).status for path in (SHARES, f"{DAYS}/version", f"{SHARES}/x")} == {401}
    assert query(nobody).status == 401
    assert nobody.get(f"/delta-sharing/files/maju/{WEEK}/x.parquet").status == 403


def test_a_table_without_files_is_empty(server: Server) -> None:
    sari = program(server, "sari")
    protocol, metadata = lines(
        query(sari, f"{SHARES}/nowhere/schemas/figures/tables/campaign_days")
    )
    assert protocol
    assert (metadata["metaData"]["version"], metadata["metaData"]["numFiles"]) == (0, 0)
