"""`audience portal`: on this machine alone, or as the page of a proxy; ended without a trace."""

import json
import socket
import subprocess

import pytest
from browsing import Browsing, signed_in
from published_world import PASSWORD, Server, serving
from running import call
from starlette.testclient import TestClient

from anonymizer.storage.home import Home
from portal.application import create_application
from portal.server import site_of

ORIGIN = "https://portal.example"


@pytest.mark.parametrize(
    "origin", ["http://portal.example", "portal.example", "https://a/b", "https://a b", "https://*"]
)
def test_what_is_no_origin_over_https_is_refused(portal_home: Home, origin: str) -> None:
    done = call("portal", "--home", portal_home.root, "--origin", origin)
    assert done.returncode == 2
    assert f"{origin!r} is not the origin of a page over HTTPS" in done.stderr


def test_a_port_that_is_taken_is_named_at_once(portal_home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = call("portal", "--home", portal_home.root, "--port", str(port))
    assert done.returncode == 2
    assert f"port {port} cannot be listened on" in done.stderr


def behind_proxy(home: Home) -> TestClient:
    application = create_application(site_of(home, ORIGIN))
    return TestClient(application, base_url=ORIGIN, follow_redirects=False)


def test_behind_a_proxy_its_origin_counts_and_no_other(portal_home: Home) -> None:
    browser = behind_proxy(portal_home)
    page = browser.get("/sign-in")
    assert page.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    token = page.text.split('form_token" value="')[1].partition('"')[0]
    fields = {"form_token": token, "login": "nina", "password": PASSWORD}
    for origin, status in (("http://portal.example", 403), ("https://evil.example", 403)):
        assert browser.post("/sign-in", data=fields, headers={"Origin": origin}).status_code == (
            status
        )
    assert browser.post("/sign-in", data=fields, headers={"Origin": ORIGIN}).status_code == 303
    assert browser.get("/", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.xdist_group("portal")
def test_without_a_proxy_nobody_chooses_their_address(server: Server) -> None:
    browsing = Browsing(server)
    token = browsing.token("/sign-in")
    body = f"form_token={token}&login=nina&password=wrong"
    own = {
        "Origin": server.origin,
        "X-Forwarded-For": "203.0.113.9",
        "Forwarded": "for=203.0.113.9",
    }
    assert browsing.send("POST", "/sign-in", body, own).status == 401
    entry = json.loads(server.home.portal_log.read_text().splitlines()[-1])
    assert (entry["event"], entry["address"]) == ("sign_in_refused", "127.0.0.1")


@pytest.mark.xdist_group("portal")
def test_other_machines_do_not_reach_it(server: Server) -> None:
    listening = subprocess.run(
        ["cat", "/proc/net/tcp", "/proc/net/tcp6"], capture_output=True, text=True, check=False
    ).stdout
    lines = [line.split() for line in listening.splitlines() if f":{server.port:04X} " in line]
    local = {line[1] for line in lines if line[3] == "0A"}
    assert local == {f"0100007F:{server.port:04X}"}


def test_accounts_outlive_the_process_and_so_do_sessions(portal_home: Home) -> None:
    with serving(portal_home) as first:
        nina = signed_in(first, "nina")
        assert nina.get("/").status == 200
    with serving(portal_home) as second:
        again = Browsing(second, nina.cookies)
        assert again.get("/").status == 200
        again.post("/sign-out", {"form_token": again.token()})
        assert again.get("/").status == 303
