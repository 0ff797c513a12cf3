"""The officer's page: stored trials, for who has the key of its process, and not in the portal."""

import http.client
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest
from running import COMMAND, Done, call
from starlette.testclient import TestClient
from test_officer_desk import request_in, take_in_anew
from two_logins import OFFICER, OTHER, ROLES, login

from anonymizer.model.errors import ConfigurationError, Fault, Held
from anonymizer.release.ledger import Ledger
from anonymizer.release.settings_change import record_settings
from anonymizer.storage.home import Home
from anonymizer.storage.permissions import account_name
from anonymizer.storage.secret import Secret
from officer import officer_limits
from officer.officer_decisions import WaitingDay, WaitingRequest
from officer.officer_sessions import OfficerSessions
from officer.officer_site import SESSION, OfficerSite, create_officer_application
from officer.stored_trials import TrialFolder
from portal.access_log import AccessLog

ROOT = Path(__file__).parents[2]
FIRST = "2026-11-01"
PAGES = ("/", "/requests", "/requests/0123456789ab", "/days", "/trials/0123456789ab", "/nowhere")
SETTING: dict[str, Any] = {
    "k": 50,
    "rounding": 5,
    "inference_k": 10,
    "recorded": True,
    "weaker": [],
    "needs_approval": False,
    "promise": "Each figure counts at least 50 people.",
    "refused": "",
    "published": 4321,
    "suppressed": 17,
    "publishable": 4330,
    "named": 9,
    "named_published": 8,
    "people": 9000,
    "covered": 8765,
    "in_detail": 7654,
    "largest_error": 4,
}
EFFECT: dict[str, Any] = {
    "release": "campaign-day-2026-11-01", "refused": "", "figures": 99, "gained": [],
    "lost": [["spring", "all:all:31.71"]],
    "added": [
        {"subject": "spring", "segment": "<b>x</b>", "people": 61, "published": None,
         "reason": "near"}
    ],
}  # fmt: skip
REQUEST = WaitingRequest(
    *("0123456789ab", "2026-11-01", "<i>nina</i>", "maju", "female:25-29:31.71", "waiting"),
    words="women 25-29 in Central Jakarta",
)
HELD = WaitingDay(
    "2026-11-02",
    "feedfeedfeedfeed",
    [
        {"measure": "visits of the day", "found": "10", "expected": "100", "limit": "50 to 200",
         "look_at": "raw/visits", "where": "visits/<b>.csv"}
    ],
    1,
    2,
    [{"role": "data_engineer", "accepted_on": "2026-11-03", "reason": "A holiday."}],
)  # fmt: skip
RESULT: dict[str, Any] = {
    "releases": ["campaign-day-2026-11-01"],
    "settings": [SETTING],
    "added_segments": [],
    "notes": [],
}


@pytest.fixture
def home(released_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("AUDIENCE_HOME", str(released_home.root))
    text = released_home.policy.read_text(encoding="utf-8")
    released_home.policy.write_text(text.replace("roles: {}", ROLES), encoding="utf-8")
    return released_home


@dataclass
class KeptDecisions:
    """A desk that keeps what it is asked for; with `refusal`, it refuses every decision.

    With `shut` it refuses to be read, too: the role of the login was taken away.
    """

    waiting: tuple[WaitingRequest, ...] = ()
    held: tuple[WaitingDay, ...] = ()
    refusal: str = ""
    shut: bool = False
    taken: list[tuple[str, ...]] = field(default_factory=list)

    def requests(self) -> tuple[WaitingRequest, ...]:
        self.require_role()
        return self.waiting

    def days(self) -> tuple[WaitingDay, ...]:
        self.require_role()
        return self.held

    def require_role(self) -> None:
        if self.shut:
            raise Held("weaker_settings", "the desk is shut")

    def effects(self, request: str) -> list[dict[str, Any]]:
        self._take("effects", request)
        return [EFFECT]

    def decide(self, request: str, verdict: str, reason: str) -> str:
        return self._take(request, verdict, reason)

    def accept(self, day: str, digest: str, reason: str) -> str:
        return self._take(day, digest, reason)

    def _take(self, *asked: str) -> str:
        self.require_role()
        if self.refusal:
            raise ConfigurationError([Fault("here", self.refusal, "ask <b>another</b>")])
        self.taken.append(asked)
        return f"Recorded: {asked[0]}."


def site_of(folder: Path, desk: KeptDecisions | None = None) -> OfficerSite:
    place = Home(folder / "home")
    log = AccessLog(place.officer_log)
    return OfficerSite(TrialFolder(place), OfficerSessions(), log, "ratna", desk or KeptDecisions())


def send(client: TestClient, path: str, **fields: str) -> Any:
    """A form as the page sends it, with its token unless the fields have another one."""
    token = re.findall(r'name="form_token" value="([^"]+)"', client.get("/").text)[0]
    own = str(client.base_url)
    return client.post(path, data={"form_token": token, **fields}, headers={"Origin": own})


def origin_of(site: OfficerSite) -> str:
    return f"http://{site.sessions.host}:8110"


def browser(site: OfficerSite, *, key: str | None = None) -> TestClient:
    own = origin_of(site)
    found = TestClient(create_officer_application(site), own, follow_redirects=False)
    if key is not None:
        answer = found.post("/sign-in", data={"key": key}, headers={"Origin": own})
        if kept := answer.headers.get("set-cookie", "").partition(";")[0]:
            found.headers["Cookie"] = kept  # this client sends no Secure cookie to http
    return found


@pytest.mark.alternate("officers and their logins")
def test_a_result_is_stored_for_its_owner_alone_and_is_what_the_command_says(
    home: Home, tmp_path: Path
) -> None:
    with login(OFFICER):
        done = call("whatif", "--k", "20", "--period", FIRST, "--store", "--json")
    assert done.returncode == 0, done.stderr
    [stored] = TrialFolder(home).all()
    assert stored.login == OFFICER
    assert f"Stored as {stored.id}" in done.stderr
    said = json.loads(done.stdout)
    assert [dict(one) for one in stored.settings] == said["settings"]
    assert list(stored.releases) == said["releases"]
    [path] = home.trials.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.trials.stat().st_mode) == 0o700
    assert call("backup", tmp_path / "backup").returncode == 0
    assert not list((tmp_path / "backup").rglob("*trials*"))
    with login(OFFICER):
        assert call("whatif", "--k", "20", "--period", FIRST).returncode == 0
    assert len(TrialFolder(home).all()) == 1, "without --store nothing is kept"


def test_who_may_not_approve_neither_stores_nor_serves(home: Home) -> None:
    for words in (("whatif", "--k", "20", "--store"), ("officer",)):
        with login(OTHER):
            refused: Done = call(*words)
        assert refused.returncode == 2
        assert "roles.privacy_officer or roles.data_engineer" in refused.stderr
        assert "Key" not in refused.stdout
    assert not home.trials.exists()


def test_old_and_changed_results_are_not_shown_and_old_ones_are_removed(tmp_path: Path) -> None:
    place, now = Home(tmp_path / "home"), [datetime(2026, 11, 1, tzinfo=UTC)]
    folder = TrialFolder(place, lambda: now[0])
    first = folder.add("ratna", RESULT)
    assert folder.find(first) is not None
    for wrong in ("0123456789ab", "../policy", "", first.upper() + "x"):
        assert folder.find(wrong) is None
    path = place.trials / f"{first}.json"
    path.write_text(path.read_text().replace("4321", "4320"))
    assert folder.find(first) is None, "changed"
    second = folder.add("ratna", RESULT | {"notes": ["x"]})
    assert not path.exists()
    now[0] += officer_limits.TRIAL_AGE + timedelta(seconds=1)
    assert folder.all() == ()
    assert (place.trials / f"{second}.json").exists()
    assert folder.remove_old() == 1
    for number in range(officer_limits.MOST_STORED + 3):
        now[0] += timedelta(seconds=1)
        folder.add("ratna", RESULT | {"notes": [str(number)]})
    assert len(folder.all()) == officer_limits.MOST_STORED
    assert folder.all()[0].notes == [str(officer_limits.MOST_STORED + 2)]


@pytest.mark.parametrize("path", PAGES)
def test_without_the_key_every_page_leads_to_the_form(tmp_path: Path, path: str) -> None:
    site = site_of(tmp_path)
    site.trials.add("ratna", RESULT)
    for client in (browser(site), browser(site, key="wrong"), browser(site, key="")):
        answer = client.get(path)
        assert (answer.status_code, answer.content) == (303, b"")
        assert answer.headers["location"] == "/sign-in"
        client.headers["Cookie"] = f"{SESSION}=guessed"
        assert client.get(path).status_code == 303


def test_with_the_key_the_result_is_a_table_and_a_chart(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    weaker = SETTING | {
        "k": 20,
        "recorded": False,
        "needs_approval": True,
        "weaker": ["promise.k"],
        "published": 5000,
    }
    held = SETTING | {"k": 10, "refused": "the gate would hold it"}
    result = RESULT | {"settings": [SETTING, weaker, held], "added_segments": [EFFECT]}
    id_ = site.trials.add("ratna", result)
    client = browser(site, key=site.sessions.key)
    assert f"/trials/{id_}" in client.get("/").text
    page = client.get(f"/trials/{id_}").text
    assert "4,321" in page
    assert "weaker: needs two approvals" in page
    assert "the gate would hold it" in page
    assert 'class="series1" width="100.0"' in page, "the longest bar, in the colour of weaker ones"
    assert 'class="series0" width="86.4"' in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x</b>" not in page
    assert "would be suppressed: all:all:31.71 of spring" in page
    assert client.get("/trials/0123456789ab").status_code == 404
    events = [json.loads(line) for line in Path(tmp_path / "home/private/officer_access.jsonl")
              .read_text().splitlines()]  # fmt: skip
    assert [one["event"] for one in events] == ["sign_in", "trial_read"]
    assert events[1]["trial"] == id_
    assert site.sessions.key not in json.dumps(events)


def events_of(folder: Path) -> list[dict[str, str]]:
    log = folder / "home/private/officer_access.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_request_is_decided_on_its_page(tmp_path: Path) -> None:
    desk = KeptDecisions((REQUEST,))
    site = site_of(tmp_path, desk)
    client, path = browser(site, key=site.sessions.key), f"/requests/{REQUEST.id}"
    assert f'href="{path}"' in client.get("/requests").text
    page = client.get(path).text
    assert "&lt;i&gt;nina" in page
    assert "Decision of ratna" in page
    assert "would be suppressed: " not in page
    for fields in ({}, {"verdict": "both", "reason": "x"}):
        refused = send(client, f"{path}/decision", **fields)
        assert refused.status_code == 422
        assert "Choose whether" in refused.text
    assert not desk.taken
    why = "It is wanted."
    sent = send(client, f"{path}/decision", verdict="approve", reason=why)
    assert (sent.status_code, sent.headers["location"]) == (303, "/requests")
    assert f"Recorded: {REQUEST.id}." in client.get("/requests").text
    assert "Recorded" not in client.get("/requests").text, "it is said once"
    send(client, f"{path}/decision", verdict="reject", reason=why)
    assert desk.taken == [(REQUEST.id, "approve", why), (REQUEST.id, "reject", why)]
    events = events_of(tmp_path)
    read = [one.get("about", "") for one in events if one["event"] == "requests_read"]
    assert read == ["", REQUEST.id, "", ""]
    sent_events = [one for one in events[1:] if one["event"] != "requests_read"]
    assert [(one["event"], one.get("verdict")) for one in sent_events] == [
        ("decision_sent", "approve"),
        ("decision_sent", "reject"),
    ]
    assert why not in json.dumps(events)
    for unknown in ("/requests/ffffffffffff", "/requests/..%2Fdays"):
        assert client.get(unknown).status_code == 404
        assert send(client, f"{unknown}/decision", verdict="reject", reason="x").status_code == 404
    assert len(desk.taken) == 2


def test_what_a_request_would_change_is_computed_for_one_session(tmp_path: Path) -> None:
    desk = KeptDecisions((REQUEST,))
    site = site_of(tmp_path, desk)
    client, other = (browser(site, key=site.sessions.key) for _ in range(2))
    path = f"/requests/{REQUEST.id}"
    assert client.get(f"{path}/effect").status_code == 404, "only by a form"
    assert send(client, f"{path}/effect").status_code == 303
    page = client.get(path).text
    assert "would be suppressed: all:all:31.71 of spring" in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "would be suppressed: all:all" not in other.get(path).text
    assert [one["event"] for one in events_of(tmp_path)].count("effect_read") == 1
    send(client, f"{path}/decision", verdict="approve", reason="It is wanted.")
    assert "would be suppressed: all:all" not in client.get(path).text, "of other settings"


def test_a_held_day_is_accepted_with_the_files_that_were_shown(tmp_path: Path) -> None:
    desk = KeptDecisions(held=(HELD,))
    site = site_of(tmp_path, desk)
    client = browser(site, key=site.sessions.key)
    page = client.get("/days").text
    for text in ("1 of 2 acceptances", "visits of the day", "50 to 200", "visits/&lt;b&gt;.csv",
                 "by role data_engineer, reason: A holiday."):  # fmt: skip
        assert text in page
    assert f'name="digest" value="{HELD.digest}"' in page
    assert events_of(tmp_path)[-1]["event"] == "days_read"
    sent = send(client, f"/days/{HELD.day}/acceptance", digest=HELD.digest, reason="A holiday.")
    assert (sent.status_code, sent.headers["location"]) == (303, "/days")
    assert desk.taken == [(HELD.day, HELD.digest, "A holiday.")]
    assert f"Recorded: {HELD.day}." in client.get("/days").text


def test_a_decision_that_is_refused_is_said_with_the_reason_that_was_typed(tmp_path: Path) -> None:
    desk = KeptDecisions((REQUEST,), (HELD,), "this login has decided")
    site = site_of(tmp_path, desk)
    client = browser(site, key=site.sessions.key)
    for path, fields in (
        (f"/requests/{REQUEST.id}/decision", {"verdict": "reject", "reason": "<b>typed"}),
        (f"/days/{HELD.day}/acceptance", {"digest": "0", "reason": "<b>typed"}),
        (f"/requests/{REQUEST.id}/effect", {}),
    ):
        answer = send(client, path, **fields)
        assert answer.status_code == 422
        assert "this login has decided" in answer.text
        assert "ask &lt;b&gt;another" in answer.text
        assert ("&lt;b&gt;typed" in answer.text) == bool(fields)
    assert not desk.taken
    assert [one["event"] for one in events_of(tmp_path)].count("decision_refused") == 2


def test_a_desk_that_refuses_says_so_to_every_form(tmp_path: Path) -> None:
    """As it does to who opens a page: that the role was taken away is no missing page."""
    desk = KeptDecisions((REQUEST,), (HELD,))
    site = site_of(tmp_path, desk)
    client, path = browser(site, key=site.sessions.key), f"/requests/{REQUEST.id}"
    assert client.get(path).status_code == 200
    desk.shut = True
    why = {"verdict": "reject", "reason": "It is not wanted."}
    for answer in (
        *(client.get(page) for page in ("/", "/trials/0123456789ab", path, "/requests", "/days")),
        send(client, f"{path}/decision", **why),
        send(client, f"{path}/effect"),
        send(client, f"/days/{HELD.day}/acceptance", digest=HELD.digest, reason="A holiday."),
    ):
        assert answer.status_code == 422
        assert "the desk is shut" in answer.text


def test_decisions_are_taken_from_the_page_alone(tmp_path: Path) -> None:
    """With a session, the token of its forms, and the origin of the page; nothing by GET."""
    desk = KeptDecisions((REQUEST,), (HELD,))
    site = site_of(tmp_path, desk)
    client, own = browser(site, key=site.sessions.key), origin_of(site)
    tokens = [
        re.findall(r'name="form_token" value="([^"]+)"', one.get("/").text)[0]
        for one in (client, browser(site, key=site.sessions.key))
    ]
    fields = {"verdict": "approve", "reason": "It is wanted.", "digest": HELD.digest}
    paths = (
        f"/requests/{REQUEST.id}/decision",
        f"/requests/{REQUEST.id}/effect",
        f"/days/{HELD.day}/acceptance",
    )
    for path in paths:
        assert client.get(path, params={**fields, "form_token": tokens[0]}).status_code == 404
        for token, origin in (
            (tokens[0], "https://evil.example"),
            (tokens[0], "null"),
            (tokens[0], ""),
            (tokens[1], own),
            ("", own),
        ):
            sent = client.post(
                path, data={**fields, "form_token": token}, headers={"Origin": origin}
            )
            assert sent.status_code == 403
        large = {**fields, "form_token": tokens[0], "more": "x" * 5_000}
        assert client.post(path, data=large, headers={"Origin": own}).status_code == 403
        stranger = browser(site)
        sent = stranger.post(
            path, data={**fields, "form_token": tokens[0]}, headers={"Origin": own}
        )
        assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in")
    assert not desk.taken
    longest = {**fields, "reason": "\N{GRINNING FACE}" * 300, "form_token": tokens[0]}
    assert client.post(paths[0], data=longest, headers={"Origin": own}).status_code == 303
    assert desk.taken[0][2] == longest["reason"]


def test_forms_are_taken_from_the_page_alone(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    client = browser(site)
    for origin in ("https://evil.example", "null", "", "http://127.0.0.1:8100"):
        answer = client.post(
            "/sign-in", data={"key": site.sessions.key}, headers={"Origin": origin}
        )
        assert answer.status_code == 403
    client = browser(site, key=site.sessions.key)
    token = re.findall(r'name="form_token" value="([^"]+)"', client.get("/").text)[0]
    own = origin_of(site)
    for fields, origin in (({}, own), ({"form_token": "x"}, own),
                           ({"form_token": token}, "https://evil.example")):  # fmt: skip
        assert client.post("/sign-out", data=fields, headers={"Origin": origin}).status_code == 403
    assert client.get("/").status_code == 200
    answer = client.post("/sign-out", data={"form_token": token}, headers={"Origin": own})
    assert answer.status_code == 303
    assert client.get("/").status_code == 303, "it ended on the server"


def test_every_answer_has_the_headers_of_the_portal(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    for client in (browser(site), browser(site, key=site.sessions.key)):
        for path in (*PAGES, "/sign-in", "/static/portal.css"):
            answer = client.get(path)
            assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
            assert answer.headers["cache-control"] == "no-store"
        for host in ("evil.example", "127.0.0.1:8110", "localhost:8110", "x.localhost"):
            assert client.get("/", headers={"Host": host}).status_code == 400
    sent = browser(site).post(
        "/sign-in", data={"key": site.sessions.key}, headers={"Origin": origin_of(site)}
    )
    for attribute in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert f"; {attribute}" in sent.headers["set-cookie"]


def test_after_some_wrong_keys_none_is_right(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    for _ in range(officer_limits.MOST_FAILURES):
        assert site.sessions.begin("wrong") is None
    assert browser(site, key=site.sessions.key).get("/").status_code == 303
    assert "Too many keys were wrong" in (
        browser(site)
        .post("/sign-in", data={"key": site.sessions.key}, headers={"Origin": origin_of(site)})
        .text
    )


def test_a_session_ends_by_itself() -> None:
    now = [0.0]
    sessions = OfficerSessions(lambda: now[0])
    idle, busy = sessions.begin(sessions.key), sessions.begin(f" {sessions.key}\n")
    assert idle
    assert busy
    for _ in range(officer_limits.LONGEST_SECONDS // (officer_limits.IDLE_SECONDS - 1)):
        now[0] += officer_limits.IDLE_SECONDS - 1
        assert sessions.find(busy) is not None
    assert sessions.find(idle) is None
    now[0] += officer_limits.IDLE_SECONDS - 1
    assert sessions.find(busy) is None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def running(home: Home) -> Iterator[tuple[str, str]]:
    """`audience officer` as a process, started by a login that is an officer: address and key."""
    text = home.policy.read_text(encoding="utf-8")
    home.policy.write_text(text.replace(OFFICER, account_name()), encoding="utf-8")
    record_settings(home, Ledger.open(home.ledger), Secret.load(home.secret))
    TrialFolder(home).add(account_name(), RESULT)
    request_in(home)
    take_in_anew(home)
    port = free_port()
    with subprocess.Popen(
        [COMMAND, "officer", "--port", str(port)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout
            said = ""
            while "Key: " not in said:
                line = process.stdout.readline()
                assert line, "the process ended"
                said += line
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            [address] = re.findall(rf"http://\S+:{port}\b", said)
            yield address, said.split("Key: ")[1].strip()
        finally:
            process.terminate()


@pytest.mark.slow
def test_the_command_serves_it_on_this_machine_alone(running: tuple[str, str]) -> None:
    own, key = running
    host = own.removeprefix("http://")
    port = int(host.partition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/", headers={"Host": host})
    assert connection.getresponse().read() == b""
    form = {
        "Host": host,
        "Origin": own,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection.request("POST", "/sign-in", urlencode({"key": key}), form)
    answer = connection.getresponse()
    answer.read()
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    connection.request("GET", "/", headers={"Host": host, "Cookie": cookie})
    page = connection.getresponse().read().decode()
    connection.close()
    assert "campaign-day-2026-11-01" in page
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    local = {line[1] for line in lines if line[1].endswith(f":{port:04X}") and line[3] == "0A"}
    assert local == {f"0100007F:{port:04X}"}


@pytest.mark.slow
@pytest.mark.needs("chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser_it_is_accessible(running: tuple[str, str], scheme: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415
    from playwright.sync_api import sync_playwright  # noqa: PLC0415
    from system_packages import PACKAGES  # noqa: PLC0415

    own, key = running
    rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=PACKAGES["chromium"].path, args=["--no-sandbox"]
        )
        page = chromium.new_context(color_scheme=scheme).new_page()
        complaints, hosts = list[str](), set[str]()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.goto(own)
        faults = list(Axe().run(page, options=rules).response["violations"])
        page.fill("#key", key)
        page.click("main button")
        faults += Axe().run(page, options=rules).response["violations"]
        page.click("table a")
        assert "4,321" in page.locator("main").inner_text()
        faults += Axe().run(page, options=rules).response["violations"]
        page.click("text=Requested segments")
        faults += Axe().run(page, options=rules).response["violations"]
        page.click("main .cards a")
        page.click("text=Compute it")
        assert "other figures would be suppressed" in page.locator("main").inner_text()
        page.fill("#reason", "It has 9 people.")
        page.check("input[value=approve]")
        page.click("text=Record the decision")
        assert "without numbers" in page.locator("#problem").inner_text()
        assert page.input_value("#reason") == "It has 9 people."
        faults += Axe().run(page, options=rules).response["violations"]
        page.fill("#reason", "It is wanted.")
        page.click("text=Record the decision")
        assert "1 of 2 approvals" in page.locator("[role=status]").inner_text()
        assert "approved by one of two" in page.locator("main").inner_text()
        faults += Axe().run(page, options=rules).response["violations"]
        page.click("text=Held days")
        assert "people: age_not_known" in page.locator("main").inner_text()
        faults += Axe().run(page, options=rules).response["violations"]
        page.fill("main input:not([type=hidden])", "The source has more columns now.")
        page.click("main button")
        assert "accepted by one of two" in page.locator("[role=status]").inner_text()
        assert "by role privacy_officer" in page.locator("main").inner_text()
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=f"{folder}/days-{scheme}.png", full_page=True)
        page.click("text=Sign out")
        chromium.close()
    assert not [one["id"] for one in faults]
    # A refused form is answered with 422, which the browser writes down.
    assert len(complaints) == 1
    assert "422" in complaints[0]
    assert hosts == {own.removeprefix("http://")}


class _OtherPort(BaseHTTPRequestHandler):
    """Another server of this machine, that keeps what browsers send it."""

    received: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        self.received.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.slow
@pytest.mark.needs("chromium")
def test_no_other_port_of_this_machine_gets_the_session(running: tuple[str, str]) -> None:
    """A portal that is broken into can have the officer's browser open an address of its own."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415
    from system_packages import PACKAGES  # noqa: PLC0415

    own, key = running
    _OtherPort.received.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _OtherPort) as other, sync_playwright() as driver:
        thread = Thread(target=other.serve_forever)
        thread.start()
        chromium = driver.chromium.launch(
            executable_path=PACKAGES["chromium"].path, args=["--no-sandbox"]
        )
        context = chromium.new_context()
        page = context.new_page()
        page.goto(own)
        page.fill("#key", key)
        page.click("main button")
        assert SESSION in {one.get("name") for one in context.cookies()}
        for host in ("127.0.0.1", "localhost", "guessed.localhost"):
            page.goto(f"http://{host}:{other.server_port}/")
        chromium.close()
        other.shutdown()
        thread.join()
    assert len(_OtherPort.received) >= 3
    assert not [headers for headers in _OtherPort.received if "cookie" in headers]


@pytest.mark.alternate("officers and their logins")
def test_the_process_of_the_portal_has_no_address_and_no_import_that_leads_there(
    home: Home,
) -> None:
    """`audience portal` up to the moment at which it would serve, in a process of its own."""
    TrialFolder(home).add("ratna", RESULT)
    program = (
        "import sys, json, uvicorn\n"
        "from starlette.testclient import TestClient\n"
        "paths = json.loads(sys.argv.pop(1))\n"
        "def run(application, **_):\n"
        "    own = TestClient(application, 'http://127.0.0.1:8100', follow_redirects=False)\n"
        "    found = {path: own.get(path).headers.get('location', '') for path in paths}\n"
        "    routes = [str(getattr(one, 'path', one)) for one in application.routes]\n"
        "    print(json.dumps([sorted(sys.modules), found, routes]))\n"
        "uvicorn.run = run\n"
        "from cli.main import main\n"
        "main()\n"
    )
    paths = ["/trials", f"/trials/{TrialFolder(home).all()[0].id}", "/requests", "/whatif"]
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(paths), "portal", "--port", str(free_port())],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    modules, found, routes = json.loads(done.stdout.splitlines()[-1])
    assert "portal.site" in modules
    named = re.compile(r"officer|cli\.(setting_trials|segment_effects|trial_page|commands\.whatif)")
    assert not [one for one in modules if named.match(one)]
    for path in paths:
        assert found[path] == f"/sign-in?next={path}", "as any unknown address"
    assert not [one for one in routes if "trial" in one or "officer" in one or "whatif" in one]


def test_the_portal_reads_nothing_of_private(home: Home) -> None:
    """It serves where `private/` is gone."""
    from portal.application import create_application  # noqa: PLC0415
    from portal.server import site_of as portal_site  # noqa: PLC0415

    TrialFolder(home).add("ratna", RESULT)
    shutil.rmtree(home.private)
    client = TestClient(create_application(portal_site(home)), "http://127.0.0.1:8100")
    assert client.get("/sign-in").status_code == 200
    assert not home.private.exists()
