"""Requests are limited by session, and by address before there is one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from anonymizer.storage.home import Home
from portal.api_description import DESCRIPTION
from portal.application import create_application
from portal.request_limit import RequestLimit
from portal.server import site_of


def test_a_bucket_is_used_up_and_fills_evenly() -> None:
    now = [0.0]
    limit = RequestLimit(per_minute=6, clock=lambda: now[0])
    assert [limit.seconds_to_wait("a") for _ in range(8)] == [0] * 6 + [10] * 2
    assert limit.seconds_to_wait("b") == 0
    now[0] = 9
    assert limit.seconds_to_wait("a") == 1
    now[0] = 10
    assert [limit.seconds_to_wait("a") for _ in range(2)] == [0, 10]
    now[0] = 1_000
    assert [limit.seconds_to_wait("a") for _ in range(7)] == [0] * 6 + [10]


def test_a_refusal_is_news_once_a_minute() -> None:
    now = [0.0]
    limit = RequestLimit(clock=lambda: now[0])
    assert [limit.is_news(name) for name in "aab"] == [True, False, True]
    now[0] = 59.9
    assert not limit.is_news("a")
    now[0] = 60
    assert [limit.is_news(name) for name in "aab"] == [True, False, True]
    now[0] = 1_000
    assert limit.is_news("c")
    assert len(limit._stated) == 1


def test_names_that_come_no_more_are_forgotten() -> None:
    now = [0.0]
    limit = RequestLimit(clock=lambda: now[0])
    for number in range(1_000):
        now[0] = number
        limit.seconds_to_wait(f"address {number}")
    assert len(limit._buckets) == 60


def test_a_flood_is_answered_with_when_to_try_again(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.published.mkdir()
    site = replace(site_of(home), requests=RequestLimit(per_minute=3, clock=lambda: 0.0))
    browser = TestClient(create_application(site), base_url="https://127.0.0.1")
    answers = [browser.get("/sign-in", headers={"Cookie": f"__Host-audience={number}"})
               for number in range(5)]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 2
    assert answers[-1].headers["retry-after"] == "20"
    assert "Wait a few seconds and try again." in answers[-1].text
    assert browser.get("/nowhere").status_code == 429
    assert browser.get(DESCRIPTION).status_code == 429
    (line,) = map(json.loads, home.portal_log.read_text().splitlines())
    assert (line["event"], line["login"], line["address"]) == ("requests_limited", "", "testclient")
    assert browser.get("/static/portal.css").status_code == 200


@pytest.mark.xdist_group("portal")
def test_a_session_has_a_limit_of_its_own(portal_home: Home) -> None:
    from published_world import PASSWORD  # noqa: PLC0415

    site = replace(site_of(portal_home), requests=RequestLimit(per_minute=8, clock=lambda: 0.0))
    browsers = []
    for login in ("nina", "budi"):  # four requests of the address in all
        browser = TestClient(
            create_application(site), base_url="https://127.0.0.1", follow_redirects=False
        )
        token = browser.get("/sign-in").text.split('form_token" value="')[1].partition('"')[0]
        fields = {"form_token": token, "login": login, "password": PASSWORD}
        headers = {"Origin": "http://127.0.0.1"}
        assert browser.post("/sign-in", data=fields, headers=headers).status_code == 303
        browsers.append(browser)
    nina, budi = browsers
    assert [nina.get("/").status_code for _ in range(10)] == [200] * 8 + [429] * 2
    assert budi.get("/").status_code == 200
    log = [json.loads(line) for line in portal_home.portal_log.read_text().splitlines()]
    assert [one["login"] for one in log if one["event"] == "requests_limited"] == ["nina"]
