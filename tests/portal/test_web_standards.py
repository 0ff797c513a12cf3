"""What a standard of web applications asks for and no other test is about (docs/asvs.md)."""

import json
import re
import socket
from datetime import datetime, timedelta

import pytest
from browsing import Browsing, signed_in
from published_world import PASSWORD, WEEK, Server

from anonymizer.storage.home import Home
from portal.access_log import AccessLog
from portal.account_store import AccountStore

pytestmark = pytest.mark.xdist_group("portal")
PAGES = (
    *("/", "/audience", "/segment", "/segment-requests", "/account"),
    "/figures/campaign/spring",
    f"/certificates/maju/{WEEK}",
    "/nowhere",
)
ELSEWHERE = ("/sign-in", "/static/portal.css", "/static/mark.svg", "/api/v1/openapi.json")


def test_every_body_states_its_type_and_texts_their_encoding(server: Server) -> None:
    nina = signed_in(server, "nina")
    files = [
        f"/files/maju/{WEEK}/manifest.json",
        f"/files/maju/{WEEK}/spring-sale_week-2026-W47.csv",
    ]
    for path in (*PAGES, *ELSEWHERE, *files):
        answer = (Browsing(server) if path == "/sign-in" else nina).get(path)
        assert answer.body
        kind = answer.header("content-type")
        assert kind, path
        if kind.startswith("text/"):
            assert "charset=utf-8" in kind, path


def test_no_other_origin_may_read_an_answer(server: Server) -> None:
    nina = signed_in(server, "nina")
    for path in (*PAGES, *ELSEWHERE, "/api/v1/campaigns"):
        for origin in ("https://evil.example", "null", server.origin):
            answer = nina.get(path, Origin=origin)
            assert not answer.header("access-control-allow-origin")
            asked = nina.send("OPTIONS", path, headers={
                "Origin": origin, "Access-Control-Request-Method": "GET",
            })  # fmt: skip
            assert not asked.header("access-control-allow-origin")
            assert answer.header("cross-origin-resource-policy") == "same-origin"


def test_each_page_of_a_session_signs_out(server: Server) -> None:
    nina = signed_in(server, "nina")
    for path in PAGES:
        assert 'action="/sign-out"' in nina.get(path).text, path


def test_fields_of_passwords_are_masked_and_take_password_managers(server: Server) -> None:
    pages = [Browsing(server).get("/sign-in").text, signed_in(server, "nina").get("/account").text]
    names = ("password", "current", "chosen", "again")
    fields = [one for page in pages for one in re.findall(r"<input [^>]+>", page)
              if re.search(rf'name="({"|".join(names)})"', one)]  # fmt: skip
    assert len(fields) >= 4
    for field in fields:
        assert 'type="password"' in field
        assert re.search(r'autocomplete="(current|new)-password"', field)
        assert "onpaste" not in field


def test_folders_are_not_listed_and_trace_is_not_answered(server: Server) -> None:
    nina = signed_in(server, "nina")
    for path in (
        "/static",
        "/static/",
        "/files",
        "/files/",
        "/files/maju/",
        f"/files/maju/{WEEK}/",
    ):
        assert nina.get(path).status == 404, path
    for path in ("/", "/sign-in", "/static/portal.css", "/api/v1/campaigns"):
        answer = nina.send("TRACE", path, headers={"X-Marked": "repeated"})
        assert answer.status in {404, 401, 405}
        assert b"repeated" not in answer.body


def test_only_known_fields_of_a_form_count(server: Server) -> None:
    """Nobody becomes someone else by a field, and of a repeated field one counts."""
    store = AccountStore(server.home.portal_accounts)
    before = store.accounts()
    browsing = Browsing(server)
    more = {"role": "privacy_officer", "advertiser": "jaya", "account": "wira", "scope": ""}
    fields = {"form_token": browsing.token("/sign-in"), "login": "nina", "password": PASSWORD}
    assert browsing.post("/sign-in", {**fields, **more}).status == 303
    assert browsing.get("/figures/campaign/autumn").status == 404
    token = browsing.token()
    browsing.post("/language", {"form_token": token, "language": "en", "login": "wira", **more})
    body = f"form_token={token}&language=id&language=en"
    browsing.send("POST", "/language", body, {"Origin": server.origin})
    assert 'lang="en"' in browsing.get("/").text[:200]
    assert store.accounts() == before


def test_a_page_of_someone_else_is_recorded_without_its_address(server: Server) -> None:
    nina = signed_in(server, "nina")
    for path in ("/figures/campaign/autumn", "/figures/campaign/none", "/certificates/jaya/x"):
        assert nina.get(path).status == 404
        line = server.home.portal_log.read_text().splitlines()[-1]
        entry = json.loads(line)
        assert (entry["event"], entry["login"]) == ("page_not_found", "nina")
        assert entry.keys() == {"time", "event", "login", "address"}


def test_what_is_logged_is_one_line_with_a_time_in_utc(portal_world: Home, server: Server) -> None:
    log = AccessLog(server.home.portal_log)
    before = len(server.home.portal_log.read_text().splitlines())
    log.write("sign_in", login='x"}\n{"event": "download"', address="a\r\nb", method="\u2028")
    lines = server.home.portal_log.read_text().splitlines()
    assert len(lines) == before + 1
    entry = json.loads(lines[-1])
    assert entry["login"] == entry["address"] == entry["method"] == "unreadable"
    for line in lines:
        assert datetime.fromisoformat(json.loads(line)["time"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "lengths",
    [
        "Content-Length: 5\r\nContent-Length: 60\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n",
    ],
)
def test_a_message_of_two_lengths_is_not_two_requests(server: Server, lengths: str) -> None:
    """What one reader takes for the body of a message, another one must not take for the next."""
    inner = "GET /static/mark.svg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    host = f"Host: 127.0.0.1:{server.port}\r\n"
    sent = f"POST /sign-in HTTP/1.1\r\n{host}{lengths}\r\n0\r\n\r\n{inner}"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(sent.encode())
        connection.settimeout(3)
        answered = b""
        try:
            while part := connection.recv(65536):
                answered += part
        except TimeoutError:
            pass
    assert b"<svg" not in answered
