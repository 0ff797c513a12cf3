"""The API: what a program reads is what is published, with its tag, its problems and its record."""

import asyncio
import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import Any

import duckdb
import pytest
from browsing import Browsing, signed_in
from calls import Program, program
from published_world import CORRECTED, CORRECTION, GOOD, WEEK, WHY_WITHDRAWN, WITHDRAWN, Server
from release_world import SECRET
from starlette.requests import Request
from starlette.testclient import TestClient

from anonymizer.exports.withdrawal import withdraw
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from portal import portal_limits
from portal.account_store import AccountStore
from portal.api_description import (
    DESCRIPTION,
    ROUTES,
    api_routes,
    description,
)
from portal.application import create_application
from portal.published_tables import PublishedTables
from portal.request_limit import RequestLimit
from portal.server import site_of

pytestmark = pytest.mark.xdist_group("portal")
API = "/api/v1"


@pytest.fixture(scope="module")
def nina(server: Server) -> Program:
    """Reads maju alone."""
    return program(server, "nina")


@pytest.fixture(scope="module")
def wira(server: Server) -> Program:
    """Reads every advertiser."""
    return program(server, "wira")


def everything(reader: Program, path: str) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    found, following = [], ""
    joined = "&" if "?" in path else "?"
    by_offset = path.startswith(f"{API}/advertisers") or "/periods" in path
    paging = "offset" if by_offset else "cursor"
    while following is not None:
        page = reader.read(f"{path}{joined}limit=500{following and f'&{paging}={following}'}")
        found += page["items"]
        following = page["next"]
    return found


def test_each_reads_its_own_advertisers(server: Server, nina: Program, wira: Program) -> None:
    def ids(reader: Program) -> list[str]:
        return [one["id"] for one in everything(reader, f"{API}/advertisers")]

    assert ids(nina) == ["maju"]
    assert ids(wira) == ["jaya", "maju"]
    assert ids(program(server, "wira", "jaya")) == ["jaya"]
    assert ids(program(server, "sari")) == []
    assert [one["id"] for one in everything(nina, f"{API}/campaigns")] == ["spring"]
    assert {one["id"] for one in everything(wira, f"{API}/campaigns")} == {"autumn", "spring"}
    one = nina.read(f"{API}/campaigns/spring")
    assert (one["name"], one["advertiser"]["id"]) == ("Spring Sale", "maju")


def test_figures_are_those_of_the_database(server: Server, wira: Program) -> None:
    listed = everything(wira, f"{API}/figures?series=campaign-week")
    with duckdb.connect(str(server.home.database), read_only=True) as database:
        rows = database.execute(
            "SELECT release_id, subject_id, segment_id, people_least, people_most FROM figures "
            "WHERE subject_kind = 'campaign' AND period_kind = 'week' AND people IS NOT NULL"
        ).fetchall()
    expected = {tuple(row[:3]): tuple(row[3:]) for row in rows}
    published = {
        (one["release"], one["subject"]["id"], one["segment"]["id"]): (
            one["people_least"],
            one["people_most"],
        )
        for one in listed
        if one["status"] == "published"
    }
    assert len(published) > 10
    assert published == expected


def test_a_suppressed_segment_says_so_with_the_nearest_published_one(nina: Program) -> None:
    table = f"{API}/figures?campaign=spring&period=2026-11-23"
    listed = {one["segment"]["id"]: one for one in everything(nina, table)}
    assert listed["men_under_40"]["status"] in {"published", "suppressed"}
    codes = "female:75+:73.71"
    (one,) = everything(nina, f"{table}&segment={codes.replace('+', '%2B')}")
    assert one["status"] == "suppressed"
    assert (one["people"], one["people_least"], one["people_most"]) == (None, None, None)
    nearest = one["nearest"]
    own = listed[nearest["segment"]["id"]]
    assert (own["people"], own["status"]) == (nearest["people"], "published")
    assert nearest["segment"]["gender"] in {"all", "female"}
    named = [one for one in listed.values() if one["status"] == "suppressed"]
    assert all(one["people"] is None for one in named)
    assert all(one["nearest"] is None for one in listed.values() if one["people"])


def test_the_nearest_segments_of_a_page_are_read_with_one_statement(
    portal_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, asked = browser(portal_home, "wira"), []
    records = PublishedTables.records

    def noted(tables: PublishedTables, statement: str, values: dict[str, Any]) -> Any:
        asked.append(statement)
        return records(tables, statement, values)

    monkeypatch.setattr(PublishedTables, "records", noted)
    tables = site_of(portal_home).tables
    for query in ("segment=female:75%2B:73.71", "segment=men_under_40", "campaign=spring", ""):
        asked.clear()
        found = client.get(f"{API}/figures?limit=500&{query}").json()
        suppressed = [one for one in found["items"] if one["status"] == "suppressed"]
        assert asked.count("read_table") == 0, query
        assert asked.count("find_nearest_segments") == bool(suppressed), query
        assert len(asked) <= 4, query
        for one in suppressed:
            assert one["nearest"] == expected_nearest(tables, one), (query, one["release"])
    assert len({one["release"] for one in suppressed}) > 1


def expected_nearest(tables: PublishedTables, figure: dict[str, Any]) -> Any:
    """The same from the whole table, as the pages look for it."""
    about, own = figure["subject"], figure["segment"]
    subject = tables.subject(about["kind"], about["id"], None)
    assert subject
    table = tables.table(subject, figure["release"])
    row = table.nearest((own["gender"], own["age"], own["region"]))
    if row is None:
        return None
    assert row.figure
    codes = dict(zip(("gender", "age", "region"), row.codes, strict=True))
    return {
        "segment": {"id": row.id, "name": row.name.english, **codes},
        "status": "published",
        "people": row.figure.people,
        "people_least": row.figure.least,
        "people_most": row.figure.most,
    }


def test_two_requests_for_figures_are_answered_at_a_time(
    portal_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, reading, most = Lock(), [], []

    def read(*_: object) -> tuple[()]:
        with lock:
            reading.append(1)
            most.append(len(reading))
        time.sleep(0.05)
        with lock:
            reading.pop()
        return ()

    monkeypatch.setattr("portal.api_objects.list_figures", read)
    site = site_of(portal_home)
    token = site.store.tokens.add("nina", "x", 1)[1]

    headers = [(b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "method": "GET", "path": f"{API}/figures", "headers": headers}

    async def six() -> list[int]:
        (route,) = (one for one in api_routes(site) if one.name == "api_figures")
        requests = (Request({**scope, "query_string": b"", "path_params": {}}) for _ in range(6))
        answers = await asyncio.gather(*(route.endpoint(one) for one in requests))
        return [one.status_code for one in answers]

    assert asyncio.run(six()) == [200] * 6
    assert max(most) == portal_limits.FIGURES_AT_ONCE == 2


def test_one_segment_is_followed_through_all_tables(nina: Program) -> None:
    rows = everything(nina, f"{API}/figures?segment=all:all:all&series=campaign-day")
    assert [one["period"]["id"] for one in rows] == ["2026-11-22", "2026-11-23"]
    assert {one["subject"]["id"] for one in rows} == {"spring"}
    assert [one["release"] for one in rows] == [CORRECTION, GOOD]
    periods = everything(nina, f"{API}/campaigns/spring/periods?series=campaign-day")
    assert {(one["release"], one["people"]) for one in periods} == {
        (one["release"], one["people"]) for one in rows
    }
    open_rows = everything(nina, f"{API}/figures?series=audience-month&segment=all:all:all")
    assert [one["subject"]["kind"] for one in open_rows] == ["audience"]


def test_releases_say_what_became_of_them(nina: Program) -> None:
    known = {one["id"]: one for one in everything(nina, f"{API}/releases")}
    assert known[GOOD]["state"] == "in force"
    assert known[WITHDRAWN] | {"state": "withdrawn", "reason": WHY_WITHDRAWN} == known[WITHDRAWN]
    assert (known[CORRECTED]["state"], known[CORRECTED]["corrected_by"]) == (
        ("corrected", CORRECTION)
    )
    assert known[CORRECTION]["corrects"] == CORRECTED
    assert known[GOOD]["recipients"] == ["maju"]
    last = max(one["changed"] for one in known.values())
    assert everything(nina, f"{API}/releases?after={last}") == []
    assert [one["id"] for one in everything(nina, f"{API}/releases?after={last - 1}")] == (
        [WITHDRAWN]
    )


def test_no_release_is_left_out_where_one_changes_between_pages(portal_home: Home) -> None:
    client = browser(portal_home, "nina")

    def page(limit: int, cursor: str = "") -> tuple[list[dict[str, Any]], str]:
        query = f"limit={limit}{cursor and f'&cursor={cursor}'}"
        answer = client.get(f"{API}/releases?{query}").json()
        return answer["items"], answer["next"]

    before, end = page(500)
    assert end is None
    ids = [one["id"] for one in before]
    found, cursor = page(ids.index(GOOD) + 1)
    assert found[-1]["id"] == GOOD
    withdraw(GOOD, WHY_WITHDRAWN, portal_home, Ledger.open(portal_home.ledger), SECRET)
    while cursor is not None:
        more, cursor = page(1, cursor)
        assert len(more) == 1
        found += more
    assert [one["id"] for one in found] == [*ids, GOOD]
    assert (found[-1]["state"], found[-1]["reason"]) == ("withdrawn", WHY_WITHDRAWN)
    for wrong in ("x", "1", "1.", "-1.x", "1.x/y"):
        assert client.get(f"{API}/releases?cursor={wrong}").status_code == 400, wrong
    assert client.get(f"{API}/releases?offset=1").status_code == 400


@pytest.mark.parametrize(("query", "most"), [("", 5), ("&segment=all:all:all", 1)])
def test_no_figure_is_left_out_where_a_release_is_withdrawn_between_pages(
    portal_home: Home, query: str, most: int
) -> None:
    client = browser(portal_home, "nina")
    path = f"{API}/figures?campaign=spring&series=campaign-day{query}"
    before = client.get(f"{path}&limit=500").json()["items"]
    kept = [one for one in before if one["release"] != CORRECTION]
    assert before[0]["release"] == CORRECTION
    assert len(kept) >= most
    first = client.get(f"{path}&limit={most}").json()
    withdraw(CORRECTION, WHY_WITHDRAWN, portal_home, Ledger.open(portal_home.ledger), SECRET)
    rest = client.get(f"{path}&limit=500&cursor={first['next']}").json()
    assert (rest["items"], rest["next"]) == (kept, None)
    whole = client.get(f"{path}&limit={most}").json()
    assert whole["items"] == kept[:most]


@contextmanager
def another_database(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy to change, which takes the place of the database, as a run replaces it."""
    copy = home.database.with_suffix(".next")
    shutil.copy(home.database, copy)
    with duckdb.connect(str(copy)) as database:
        yield database
    copy.replace(home.database)


@pytest.fixture
def many_campaigns(portal_home: Home) -> Home:
    """Eleven more campaigns in the releases of spring."""
    with another_database(portal_home) as database:
        for number in range(11):
            for table, column, name in (
                ("released_tables", "subject_id", "subject"),
                ("campaigns", "campaign_id", "campaign"),
            ):
                database.execute(
                    f"INSERT INTO {table} SELECT * REPLACE ('c{number}' AS {column}, "
                    f"'Campaign {number}' AS {name}) FROM {table} WHERE {column} = 'spring'"
                )
    return portal_home


def release_again(home: Home, *campaigns: str) -> None:
    """One more release, later than all, with tables of these campaigns alone."""
    with another_database(home) as database:
        database.execute(
            "INSERT INTO releases SELECT * REPLACE ('later' AS release_id, "
            "(SELECT max(number) + 1 FROM releases) AS number) FROM releases "
            "WHERE release_id = $good",
            {"good": GOOD},
        )
        database.execute(
            "INSERT INTO released_tables SELECT * REPLACE ('later' AS release_id, "
            "DATE '2026-12-31' AS period_end) FROM released_tables "
            "WHERE release_id = $good AND list_contains($campaigns, subject_id)",
            {"good": GOOD, "campaigns": list(campaigns)},
        )


def pages(client: TestClient, path: str) -> Iterator[list[dict[str, Any]]]:
    following = ""
    while following is not None:
        answer = client.get(f"{path}&cursor={following}" if following else path).json()
        yield answer["items"]
        following = answer["next"]


@pytest.mark.parametrize("limit", [1, 3, 5, 12])
def test_no_campaign_is_left_out_or_doubled_where_a_release_comes_between_pages(
    many_campaigns: Home, limit: int
) -> None:
    """By offset, those that move to the front would be left out."""
    client = browser(many_campaigns, "nina")
    path = f"{API}/campaigns?limit={limit}"
    expected = {"spring", *(f"c{number}" for number in range(11))}
    quiet = [one["id"] for page in pages(client, path) for one in page]
    assert sorted(quiet) == sorted(expected)
    seen: list[str] = []
    for page in pages(client, path):
        seen += [one["id"] for one in page]
        if len(seen) == limit and limit < len(expected):
            release_again(many_campaigns, *expected - set(seen))
    assert seen == quiet
    if limit < len(expected):
        first = client.get(path).json()["items"][0]
        assert first["newest"] == "2026-12-31", "a new first page knows of it"


def test_no_campaign_is_left_out_where_a_release_is_withdrawn_between_pages(
    many_campaigns: Home,
) -> None:
    client, path = browser(many_campaigns, "nina"), f"{API}/campaigns?limit=5"
    release_again(many_campaigns, "c3", "c4", "c5", "c6")
    seen: list[str] = []
    for page in pages(client, path):
        seen += [one["id"] for one in page]
        if len(seen) == 5:
            with another_database(many_campaigns) as database:
                database.execute("DELETE FROM released_tables WHERE release_id = 'later'")
    assert set(seen) == {"spring", *(f"c{number}" for number in range(11))}


def test_campaigns_by_offset_go_on_as_before(many_campaigns: Home) -> None:
    client = browser(many_campaigns, "nina")
    found, following = list[str](), 0
    while following is not None:
        answer = client.get(f"{API}/campaigns?limit=5&offset={following}").json()
        found += [one["name"] for one in answer["items"]]
        following = answer["next"]
    assert found == sorted(found)
    assert len(found) == 12


@pytest.mark.parametrize("release", [GOOD, WEEK, CORRECTION])
def test_files_are_sent_as_the_ledger_recorded_them(nina: Program, release: str) -> None:
    files = nina.read(f"{API}/releases/{release}")["files"]
    assert {one["media_type"].partition(";")[0].rpartition(".")[2] for one in files} >= {"parquet"}
    for one in files:
        answer = nina.get(f"{API}/files/{one['recipient']}/{release}/{one['name']}")
        assert answer.status == 200
        assert hashlib.sha256(answer.body).hexdigest() == one["sha256"]
        assert answer.header("etag") == f'"{one["sha256"]}"'
    entry = json.loads(nina.server.home.portal_log.read_text().splitlines()[-2])
    assert (entry["event"], entry["sha256"]) == ("download", files[-1]["sha256"])
    assert entry["token"] == nina.token.split("_")[1]


@pytest.mark.parametrize("release", [WITHDRAWN, CORRECTED])
def test_what_is_not_in_force_is_gone(nina: Program, release: str) -> None:
    assert nina.read(f"{API}/releases/{release}")["files"] == []
    answer = nina.get(f"{API}/files/maju/{release}/manifest.json")
    assert answer.status == 410
    problem = json.loads(answer.body)
    assert problem["instead"] == (CORRECTION if release == CORRECTED else None)
    assert problem["reason"]


def test_an_edited_file_is_not_sent(portal_home: Home) -> None:
    path = portal_home.exports / "maju" / GOOD / "manifest.json"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")
    answer = browser(portal_home, "nina").get(f"{API}/files/maju/{GOOD}/manifest.json")
    assert answer.status_code == 503
    assert b"subject" not in answer.content


def browser(
    home: Home, login: str, per_minute: int = 300, files_per_minute: int = 300
) -> TestClient:
    """A program in this process."""
    limit, files = (
        RequestLimit(per_minute=number, clock=lambda: 0.0)
        for number in (per_minute, files_per_minute)
    )
    site = replace(site_of(home), requests=limit, file_requests=files)
    found = TestClient(create_application(site), base_url="http://127.0.0.1")
    found.headers["Authorization"] = f"Bearer {site.store.tokens.add(login, 'x', 1)[1]}"
    return found


@pytest.mark.parametrize(
    "path", ["/campaigns", "/campaigns/spring", f"/files/maju/{GOOD}/manifest.json", "/releases"]
)
def test_a_tag_saves_the_body(nina: Program, path: str) -> None:
    whole = nina.get(API + path)
    tag = whole.header("etag")
    assert whole.status == 200
    assert whole.header("cache-control") == "private, no-cache"
    for known in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        again = nina.get(API + path, If_None_Match=known)
        assert (again.status, again.body, again.header("etag")) == (304, b"", tag), known
    assert nina.get(API + path, If_None_Match='"x"').body == whole.body
    assert nina.get(API + path, If_Match=tag).status == 200
    assert nina.get(API + path, If_Match='"x"').status == 412
    head = nina.send("HEAD", API + path)
    assert (head.status, head.body, head.header("etag")) == (200, b"", tag)


def test_pages_follow_each_other(wira: Program) -> None:
    path = f"{API}/figures?series=campaign-week"
    whole = everything(wira, path)
    found: list[Any] = []
    following = "0.0"
    while following is not None:
        page = wira.read(f"{path}&limit=7&cursor={following}")
        assert len(page["items"]) == min(7, len(whole) - len(found))
        found += page["items"]
        following = page["next"]
    assert found == whole
    assert len({json.dumps(one) for one in found}) == len(found)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=1", "cursor"),
        ("cursor=1.x", "cursor"),
        ("series=campaign-year", "series"),
        ("period=2026", "period"),
        ("segment=", "segment"),
        (f"campaign={'x' * 201}", "campaign"),
        ("campain=spring", None),
    ],
)
def test_a_wrong_parameter_is_named_and_no_value_repeated(
    nina: Program, query: str, parameter: str | None
) -> None:
    answer = nina.get(f"{API}/figures?{query}")
    assert answer.status == 400
    assert answer.header("content-type") == "application/problem+json"
    (mistake,) = json.loads(answer.body)["errors"]
    assert mistake.get("parameter") == parameter
    assert "campain" not in answer.text


def test_mistakes_are_named_once_however_many_there_are(nina: Program) -> None:
    query = "&".join(["limit=x", "period=y", "series=z"] * 1_000 + [f"p{n}" for n in range(3_000)])
    answer = nina.get(f"{API}/figures?{query}&{'&'.join(f'q{n}=' for n in range(3_000))}")
    assert answer.status == 400
    named = [one.get("parameter") for one in json.loads(answer.body)["errors"]]
    assert sorted(map(str, named)) == ["None", "limit", "period", "series"]
    assert len(answer.body) < 2_000


@pytest.mark.parametrize(
    "query",
    [
        "campaign=there-is-none",
        "segment=there_is_none",
        "segment=male:all",
        "segment=male:all:x",
        "interest=x",
    ],
)
def test_a_figure_of_what_there_is_not_is_not_found(nina: Program, query: str) -> None:
    assert nina.get(f"{API}/figures?{query}").status == 404


def test_without_a_valid_token_nothing_is_read(server: Server, nina: Program) -> None:
    revoked = program(server, "nina")
    AccountStore(server.home.portal_accounts).tokens.revoke(revoked.token.split("_")[1])
    session = signed_in(server, "nina")
    answers = [
        Program(server, "").get(f"{API}/campaigns"),
        Program(server, nina.token[:-1]).get(f"{API}/campaigns"),
        revoked.get(f"{API}/campaigns"),
        revoked.get(f"{API}/campaigns/spring"),
        revoked.get(f"{API}/nowhere"),
        revoked.send("POST", f"{API}/campaigns", "x"),
        session.get(f"{API}/campaigns"),
        Browsing(server).get(f"{API}/campaigns", Authorization="Basic bmluYTp4"),
    ]
    assert {one.status for one in answers} == {401}
    assert len({(one.lasting, one.body) for one in answers}) == 1
    assert answers[0].header("www-authenticate").startswith("Bearer")
    log = server.home.portal_log.read_text()
    assert json.loads(log.splitlines()[-1])["event"] == "token_refused"
    assert revoked.token.split("_", 2)[2] not in log
    assert nina.token.split("_", 2)[2] not in log


def test_what_cannot_be_recorded_is_not_answered(portal_home: Home) -> None:
    client = browser(portal_home, "nina")
    portal_home.portal_log.unlink(missing_ok=True)
    portal_home.portal_log.mkdir()
    for path in ("/campaigns", f"/files/maju/{GOOD}/manifest.json"):
        answer = client.get(API + path)
        assert answer.status_code == 503
        assert b"spring" not in answer.content


def test_a_token_has_a_limit_of_its_own(portal_home: Home) -> None:
    client = browser(portal_home, "nina", per_minute=3)
    answers = [client.get(f"{API}/campaigns") for _ in range(5)]
    assert [one.status_code for one in answers] == [200] * 3 + [429] * 2
    assert answers[-1].headers["retry-after"] == "20"
    assert client.get("/sign-in").status_code == 200, "an address has its own"
    log = [json.loads(line) for line in portal_home.portal_log.read_text().splitlines()]
    assert [one["event"] for one in log] == ["api_read"] * 3 + ["requests_limited"]
    assert (log[-1]["login"], log[-1]["token"]) == ("nina", log[0]["token"])
    portal_home.portal_log.unlink()
    portal_home.portal_log.mkdir()
    assert [client.get(DESCRIPTION).status_code for _ in range(3)] == [200, 200, 503]


def test_only_reading_methods_are_there(nina: Program) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = nina.send(method, f"{API}/campaigns", "x")
        assert (answer.status, answer.header("allow")) == (405, "GET, HEAD"), method


def test_the_description_has_every_route_and_needs_no_token(server: Server) -> None:
    described = Program(server, "").read(DESCRIPTION)
    assert described == json.loads(json.dumps(description()))
    assert described["openapi"].startswith("3.1")
    application = create_application(site_of(server.home))
    served = {
        str(getattr(route, "path", "")).removeprefix(API)
        for route in application.routes
        if str(getattr(route, "path", "")).startswith(API)
    }
    assert served - {"/openapi.json"} == set(described["paths"]) == {one.path for one in ROUTES}
