"""Decisions on the officer's page: the same rules as of the commands, by two real logins."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from threading import Semaphore
from typing import Any

import pytest
from running import call
from two_logins import ENGINEER, OFFICER, OTHER, ROLES, login

from anonymizer.model.composed_segments import ComposedSegment
from anonymizer.model.errors import ConfigurationError, Fault, Held
from anonymizer.release.ledger import Ledger
from anonymizer.release.segment_decisions import segment_states
from anonymizer.release.settings_change import record_settings
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from cli import officer_desk
from cli.officer_desk import OfficerDesk
from pipelines.stages import journal
from portal.segment_requests import SegmentRequest, SegmentRequests
from portal.user_accounts import UserAccount

pytestmark = [pytest.mark.slow]
DAY = date(2026, 11, 1)
SEGMENT = ComposedSegment.parse("male:60-64+70-74:all", "here")
WHY = "Several advertisers need it."


@pytest.fixture
def home(released_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Released days, and two logins who decide."""
    monkeypatch.setenv("AUDIENCE_HOME", str(released_home.root))
    text = released_home.policy.read_text(encoding="utf-8")
    released_home.policy.write_text(text.replace("roles: {}", ROLES), encoding="utf-8")
    ledger, secret = Ledger.open(released_home.ledger), Secret.load(released_home.secret)
    record_settings(released_home, ledger, secret)
    return released_home


def take_in_anew(home: Home, day: date = DAY) -> None:
    """As if the day had been taken in from other files, without the births of half the people."""
    intake, people = (journal.read(home, stage, day) for stage in ("intake", "eligibility"))
    assert intake
    assert people
    inputs = {**intake.facts["inputs"], f"profiles/day={day}/more.csv": "0" * 64}
    journal.write(home, replace(intake, facts={**intake.facts, "inputs": inputs}))
    account = people.facts["account"]
    gone = account["counted"] // 2
    known = account["excluded"]
    excluded = {**known, "age_not_known": known.get("age_not_known", 0) + gone}
    account = {**account, "counted": account["counted"] - gone, "excluded": excluded}
    journal.write(home, replace(people, facts={**people.facts, "account": account}))


def request_in(home: Home) -> SegmentRequest:
    account = UserAccount("nina", "ad_ops", ("maju",))
    return SegmentRequests(home.segment_requests).add(account, SEGMENT)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(ConfigurationError) as error:
        act()
    return str(error.value)


def entries(home: Home, kind: str) -> list[Any]:
    return [entry for entry in Ledger.open(home.ledger).entries() if entry.kind == kind]


def test_two_logins_accept_a_day_on_their_pages(home: Home) -> None:
    desk = OfficerDesk(home)
    with login(OFFICER):
        assert not desk.days()
    take_in_anew(home)
    with login(OTHER):
        for act in (
            desk.days,
            desk.requests,
            lambda: desk.accept(str(DAY), "0" * 16, WHY),
            lambda: desk.effects("0123456789ab"),
            lambda: desk.decide("0123456789ab", "reject", WHY),
        ):
            assert "no role that may approve" in refused(act)
    with login(ENGINEER):
        (held,) = desk.days()
        assert (held.day, held.given, held.needed, held.is_released) == (str(DAY), 0, 2, True)
        assert [one["measure"] for one in held.measures] == ["people: age_not_known"]
        for day, digest in (
            (held.day, ""),
            (held.day, held.digest[:4]),
            (held.day, "0" * 16),
            ("2026-11-02", held.digest),
            ("nonsense", held.digest),
        ):
            said = refused(lambda day=day, digest=digest: desk.accept(day, digest, WHY))
            assert "does not wait" in said
        assert "by one of two" in desk.accept(held.day, held.digest, WHY)
        assert "this login has accepted" in refused(lambda: desk.accept(held.day, held.digest, WHY))
    with login(OFFICER):
        (held,) = desk.days()
        assert [one["role"] for one in held.firsts] == ["data_engineer"]
        assert ENGINEER not in str(held)
        assert "The next run" in desk.accept(held.day, held.digest, WHY)
        assert not desk.days()
    assert [one.body["by"] for one in entries(home, "first_acceptance")] == [ENGINEER]
    assert [one.body["by"] for one in entries(home, "acceptance")] == [OFFICER]


def test_limits_that_nobody_approved_accept_no_day(home: Home) -> None:
    """Else a day was accepted with fewer measures than the approved limits find odd."""
    desk = OfficerDesk(home)
    take_in_anew(home)
    with login(ENGINEER):
        (held,) = desk.days()
        text = home.policy.read_text(encoding="utf-8")
        assert "enabled: true" in text
        weaker = text.replace("enabled: true", "enabled: false")
        home.policy.write_text(weaker, encoding="utf-8")
        for act in (desk.days, lambda: desk.accept(held.day, held.digest, WHY)):
            with pytest.raises(Held, match=r"plausibility\.enabled"):
                act()
        for options in ((), ("--day", held.day, "--reason", WHY)):
            said = call("accept", *options)
            assert said.returncode == 4
            assert "plausibility.enabled" in said.stderr
        assert not entries(home, "first_acceptance")
        home.policy.write_text(text, encoding="utf-8")
        assert "by one of two" in desk.accept(held.day, held.digest, WHY)


def test_decisions_of_two_windows_are_taken_one_after_the_other(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page answers from several threads, and the lock of the home refuses all but one."""
    desk, wanted = OfficerDesk(home), request_in(home)
    inside, at_once = Semaphore(1), list[bool]()

    def watched(*_: object, **__: object) -> None:
        is_alone = inside.acquire(timeout=0)
        at_once.append(is_alone)
        time.sleep(0.05)  # what another thread needs to come in
        if is_alone:
            inside.release()
        raise ConfigurationError([Fault("here", "is refused", "nothing")])

    for name in ("find_request", "accept_day"):
        monkeypatch.setattr(officer_desk, name, watched)
    take_in_anew(home)
    with login(OFFICER):
        (held,) = desk.days()
    acts = [
        lambda: refused(lambda: desk.decide(wanted.id, "reject", WHY)),
        lambda: refused(lambda: desk.accept(held.day, held.digest, WHY)),
    ]
    with login(OFFICER), ThreadPoolExecutor(4) as threads:
        said = [one.result() for one in [threads.submit(act) for act in acts * 2]]
    assert all("is refused" in one for one in said)
    assert at_once == [True] * 4


def test_two_logins_approve_a_segment_on_their_pages(home: Home) -> None:
    desk, wanted = OfficerDesk(home), request_in(home)
    with login(ENGINEER):
        (waiting,) = desk.requests()
        assert (waiting.id, waiting.state) == (wanted.id, "waiting")
        assert "60" in waiting.words
        shown = json.loads(call("segment-request", "show", wanted.id, "--json").stdout)
        assert json.loads(json.dumps(desk.effects(wanted.id))) == shown["effects"]
        assert "1 of 2 approvals" in desk.decide(wanted.id, "approve", WHY)
        assert "has approved" in refused(lambda: desk.decide(wanted.id, "approve", WHY))
        assert desk.requests()[0].state == "approved by one of two"
    with login(OFFICER):
        assert "without numbers" in refused(lambda: desk.decide(wanted.id, "reject", "Only 9."))
        assert "is in segments.yaml" in desk.decide(wanted.id, "approve", WHY)
        assert not desk.requests()
    assert "men_60_64_or_70_74" in home.segments.read_text(encoding="utf-8")


def test_one_login_rejects_on_its_page(home: Home) -> None:
    desk, wanted = OfficerDesk(home), request_in(home)
    with login(OFFICER):
        assert "is rejected" in desk.decide(wanted.id, "reject", WHY)
        assert "rejected already" in refused(lambda: desk.decide(wanted.id, "approve", WHY))
    states = segment_states(Ledger.open(home.ledger).entries())
    assert states[wanted.id].standing == "rejected"
