"""What is sent is what the ledger recorded, and every download is recorded before it is sent."""

import asyncio
import hashlib
import io
import json
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import SpooledTemporaryFile
from threading import Lock
from typing import Any

import pytest
from browsing import Browsing, signed_in
from published_world import (
    CORRECTED,
    CORRECTION,
    GOOD,
    PASSWORD,
    WEEK,
    WHY_WITHDRAWN,
    WITHDRAWN,
    Server,
)
from release_world import SECRET
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from anonymizer.exports import export_files, export_limits
from anonymizer.exports.circulation import circulation
from anonymizer.exports.package import check_package
from anonymizer.exports.retirement import retire_exports
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home, PublishedCopy
from portal import portal_limits
from portal.application import create_application
from portal.download_pages import _sent
from portal.server import site_of
from portal.site import PageRequest, Site, endpoint

WHY_RETIRED = "Older than the contracts of the advertisers"
pytestmark = pytest.mark.xdist_group("portal")


@pytest.fixture(scope="module")
def nina(server: Server) -> Browsing:
    return signed_in(server, "nina")


def last_entry(home: Home) -> dict[str, object]:
    entry: dict[str, object] = json.loads(home.portal_log.read_text().splitlines()[-1])
    return entry


@pytest.mark.parametrize("release", [GOOD, WEEK, CORRECTION])
def test_each_file_is_sent_as_it_is_and_recorded(nina: Browsing, release: str) -> None:
    folder = nina.server.home.exports / "maju" / release
    names = sorted(path.name for path in folder.iterdir())
    assert {name.rpartition(".")[2] for name in names} == {"csv", "json", "parquet", "xlsx"}
    for name in names:
        answer = nina.get(f"/files/maju/{release.replace('~', '%7E')}/{name}")
        assert answer.status == 200
        assert answer.body == (folder / name).read_bytes()
        assert answer.header("content-disposition") == f'attachment; filename="{name}"'
        assert answer.header("x-content-type-options") == "nosniff"
        entry = last_entry(nina.server.home)
        assert entry["event"] == "download"
        assert (entry["login"], entry["file"], entry["release"]) == ("nina", name, release)
        assert entry["sha256"] == hashlib.sha256(answer.body).hexdigest()


def test_the_page_links_every_format_in_both_languages(nina: Browsing) -> None:
    text = nina.get("/figures/campaign/spring?every=week").text
    for ending in (".xlsx", "_id.xlsx", ".csv", ".parquet"):
        assert f'href="/files/maju/{WEEK}/spring-sale_week-2026-W47{ending}"' in text


def test_a_withdrawn_release_is_gone_for_the_reason_that_is_public(nina: Browsing) -> None:
    for name in ("spring-sale_day-2026-11-24.csv", "manifest.json", "certificate.json"):
        answer = nina.get(f"/files/maju/{WITHDRAWN}/{name}")
        assert answer.status == 410
        assert WHY_WITHDRAWN in answer.text
        entry = last_entry(nina.server.home)
        assert (entry["event"], entry["file"]) == ("download_gone", name)
    assert nina.get(f"/certificates/maju/{WITHDRAWN}").status == 410
    assert nina.get("/packages/maju?from=2026-11-24&to=2026-11-24&every=day").status == 404


@pytest.fixture
def retired_home(portal_home: Home) -> Home:
    """The exports of 22 November, an edition that was corrected and its correction, are retired."""
    ledger = Ledger.open(portal_home.ledger)
    retire_exports(portal_home, ledger, SECRET, date(2026, 11, 23), WHY_RETIRED)
    return portal_home


def test_retired_files_are_gone_and_their_figures_stay(retired_home: Home) -> None:
    nina, release = client(retired_home), CORRECTION
    for path in (
        f"/files/maju/{release}/certificate.json",
        f"/files/maju/{release}/manifest.json",
        f"/certificates/maju/{release}",
        "/packages/maju?every=day&from=2026-11-22&to=2026-11-22",
        "/packages/maju?every=day&from=2026-11-22&to=2026-11-22&subject=spring",
    ):
        answer = nina.get(path)
        assert answer.status_code == 410, path
        assert WHY_RETIRED in answer.text
        assert "retired" in answer.text
    page = nina.get("/figures/campaign/spring?period=2026-11-22")
    assert page.status_code == 200
    assert WHY_RETIRED in page.text
    assert 'class="big">' in page.text
    assert nina.get("/figures/campaign/spring?period=2026-11-23").text.count(WHY_RETIRED) == 0
    events = [json.loads(line)["event"] for line in retired_home.portal_log.read_text().split("\n")
              if line]  # fmt: skip
    assert "download_gone" in events
    assert not {"download_held", "fault"} & set(events)
    assert CORRECTION in nina.get(f"/files/maju/{CORRECTED}/manifest.json").text


def test_a_range_leaves_out_what_was_retired_and_says_so(
    retired_home: Home, tmp_path: Path
) -> None:
    nina = client(retired_home)
    answer = nina.get("/packages/maju?every=day")
    assert answer.status_code == 200
    path = tmp_path / "days.zip"
    path.write_bytes(answer.content)
    assert [one.certificate["release"] for one in check_package(path)] == [GOOD]
    page = nina.get("/figures/campaign/spring?period=2026-11-23").text
    assert "leaves out periods whose files were retired" in page


@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_correction_of_a_correction_is_the_one_to_use(
    portal_home: Home, withdrawn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the chain, unless it was withdrawn: then nothing is to be used."""
    known = circulation(PublishedCopy(portal_home.published))
    last = CORRECTED + "~3"
    nina = client(portal_home)
    changed = replace(
        known,
        corrected={CORRECTED: CORRECTION, CORRECTION: last},
        withdrawn={last: "Its own reason"} if withdrawn else {CORRECTION: "Not of the last"},
    )
    monkeypatch.setattr(export_files.ExportFiles, "circulation", lambda _: changed)
    text = nina.get(f"/files/maju/{CORRECTED}/manifest.json").text
    assert CORRECTION not in text
    assert (last in text) != withdrawn
    assert ("Its own reason" in text) == withdrawn


def test_a_corrected_release_leads_to_its_correction(nina: Browsing) -> None:
    answer = nina.get(f"/files/maju/{CORRECTED}/spring-sale_day-2026-11-22.csv")
    assert answer.status == 410
    assert CORRECTION in answer.text
    assert "Births of a third of the profiles could not be read" in answer.text


def test_a_range_is_one_zip_file_that_can_be_checked(nina: Browsing, tmp_path: Path) -> None:
    answer = nina.get("/packages/maju?every=day&from=2026-11-22&to=2026-11-30")
    assert answer.status == 200
    path = tmp_path / "days.zip"
    path.write_bytes(answer.body)
    checked = check_package(path)
    assert [one.certificate["release"] for one in checked] == [CORRECTION, GOOD]
    assert {one.certificate["recipient"] for one in checked} == {"maju"}
    entry = last_entry(nina.server.home)
    assert entry["releases"] == [CORRECTION, GOOD]
    assert nina.get("/packages/maju?every=day&from=2026-11-22&to=2026-11-30").body == answer.body


def test_of_one_campaign_it_has_its_files_with_their_certificate(
    server: Server, tmp_path: Path
) -> None:
    import zipfile  # noqa: PLC0415

    answer = signed_in(server, "both").get("/packages/jaya?subject=autumn&every=week")
    path = tmp_path / "week.zip"
    path.write_bytes(answer.body)
    with zipfile.ZipFile(path) as file:
        names = {name.rpartition("/")[2] for name in file.namelist()}
    stem = "autumn-sale_week-2026-W47"
    assert names == {
        "certificate.json", "manifest.json", f"{stem}.csv", f"{stem}.parquet", f"{stem}.xlsx",
        f"{stem}_id.xlsx",
    }  # fmt: skip


@pytest.mark.parametrize("query", ["from=yesterday", "to=2026-13-01", "from=2099-01-01"])
def test_a_range_without_exports_is_not_found(nina: Browsing, query: str) -> None:
    assert nina.get(f"/packages/maju?{query}").status == 404


def client(home: Home, login: str = "nina") -> TestClient:
    """The application in this process, signed in."""
    found = TestClient(
        create_application(site_of(home)), base_url="https://127.0.0.1", follow_redirects=False
    )
    token = found.get("/sign-in").text.split('form_token" value="')[1].partition('"')[0]
    fields = {"form_token": token, "login": login, "password": PASSWORD}
    answer = found.post("/sign-in", data=fields, headers={"Origin": "http://127.0.0.1"})
    assert answer.status_code == 303
    return found


@pytest.mark.parametrize("change", ["edited", "lost", "replaced"])
def test_what_is_not_as_recorded_is_not_sent(portal_home: Home, change: str) -> None:
    name = "spring-sale_day-2026-11-23.csv"
    path = portal_home.exports / "maju" / GOOD / name
    content = path.read_bytes()
    if change == "edited":
        path.write_bytes(content.replace(b"published", b"Published"))
    elif change == "lost":
        path.unlink()
    else:
        path.write_bytes((portal_home.exports / "jaya" / GOOD / "manifest.json").read_bytes())
    nina = client(portal_home)
    answer = nina.get(f"/files/maju/{GOOD}/{name}")
    assert answer.status_code == 503
    assert "people" not in answer.text
    assert nina.get("/packages/maju?every=day").status_code == 503
    events = [json.loads(line)["event"] for line in portal_home.portal_log.read_text().splitlines()]
    assert "download" not in events
    assert "download_held" in events


def test_a_package_has_a_limit(portal_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    nina = client(portal_home)
    monkeypatch.setattr(export_limits, "LARGEST_PACKAGE", 1_000)
    answer = nina.get("/packages/maju?every=day")
    assert answer.status_code == 413
    assert "Choose fewer periods." in answer.text


def test_what_cannot_be_recorded_is_not_sent(portal_home: Home) -> None:
    nina = client(portal_home)
    portal_home.portal_log.unlink()
    portal_home.portal_log.mkdir()
    answer = nina.get(f"/files/maju/{GOOD}/manifest.json")
    assert answer.status_code == 503
    assert "sha256" not in answer.text


def test_a_forged_ledger_serves_nothing(portal_home: Home) -> None:
    nina = client(portal_home)
    ledger = portal_home.public_ledger
    ledger.write_text(ledger.read_text().replace('"maju/', '"jaya/'))
    assert nina.get(f"/files/maju/{GOOD}/manifest.json").status_code == 503
    assert nina.get(f"/files/jaya/{GOOD}/manifest.json").status_code == 503


def test_a_name_of_a_file_cannot_break_a_header(portal_home: Home) -> None:
    name = 'a"\r\nSet-Cookie: x=y; \u00e9.csv'
    asked = PageRequest(plain_request(), None, "english")
    answer = _sent(site_of(portal_home), asked, io.BytesIO(b"x"), name, "text/csv", {})
    assert answer.headers["content-disposition"] == (
        'attachment; filename="a___Set-Cookie__x_y___.csv"'
    )
    assert set(answer.headers) == {
        "content-disposition", "accept-ranges", "content-length", "content-type"
    }  # fmt: skip


def plain_request() -> Request:
    return Request(
        {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    )


def test_asking_for_the_headers_of_a_package_builds_none(
    portal_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def built(*_: object) -> None:
        raise AssertionError("a package was built")

    nina = client(portal_home)
    monkeypatch.setattr(export_files.ExportFiles, "package", built)
    answer = nina.head("/packages/maju?every=day")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/zip"
    assert last_entry(portal_home)["event"] == "sign_in", "nothing was downloaded"
    assert nina.head("/packages/jaya?every=day").status_code == 404
    monkeypatch.setattr(export_limits, "LARGEST_PACKAGE", 1_000)
    assert nina.head("/packages/maju?every=day").status_code == 413


def test_a_package_is_in_a_temporary_file_while_it_is_sent(
    portal_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    def temporary(size: int) -> Any:
        made.append(SpooledTemporaryFile(size))  # noqa: SIM115
        return made[-1]

    nina = client(portal_home)
    monkeypatch.setattr(export_files, "SpooledTemporaryFile", temporary)
    monkeypatch.setattr(export_limits, "MEMORY_BYTES", 1_000)
    answer = nina.get("/packages/maju?every=day")
    assert answer.headers["content-length"] == str(len(answer.content))
    assert [(one._rolled, one.closed) for one in made] == [(True, True)]


def test_two_packages_are_built_at_a_time(portal_home: Home) -> None:
    """The others wait for their turn, and for no thread."""
    lock, building, most = Lock(), [], []

    def build(_: Site, __: PageRequest) -> Response:
        with lock:
            building.append(1)
            most.append(len(building))
        time.sleep(0.05)
        with lock:
            building.pop()
        return Response()

    async def six(at_once: int) -> None:
        called = endpoint(site_of(portal_home), build, public=True, at_once=at_once)
        await asyncio.gather(*(called(plain_request()) for _ in range(6)))

    asyncio.run(six(portal_limits.PACKAGES_AT_ONCE))
    assert max(most) == portal_limits.PACKAGES_AT_ONCE == 2
    asyncio.run(six(0))
    assert max(most) > 2, "without a limit they are built together"
