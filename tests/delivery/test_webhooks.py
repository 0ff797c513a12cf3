"""Webhooks: signed notices to a real HTTPS server, each failure by itself, nothing of others."""

import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from destinations import (
    FIRST,
    MAJU,
    NEXT_DAY,
    SECOND,
    become,
    configure,
    delivered,
    log_text,
    outcomes,
    private_file,
    steps,
    webhook_to,
)
from receivers import Authority, WebhookReceiver, dripping, webhook_receiver
from release_world import SECRET

from anonymizer.delivery import delivery_limits
from anonymizer.exports.withdrawal import withdraw
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home

LATER = timedelta(hours=7)


def test_each_release_is_announced_once_and_its_signature_fits(
    home: Home, webhook: WebhookReceiver
) -> None:
    configure(home, webhook={"crm": webhook_to(home, webhook)})
    found = outcomes(delivered(home))
    assert found == [
        ("maju", f"released {FIRST}", "delivered"),
        ("maju", f"released {NEXT_DAY}", "delivered"),
    ]
    assert not webhook.wrong
    first, second = webhook.notices
    assert first["id"] == webhook.ids[0] != webhook.ids[1]
    assert (first["event"], first["release"], first["advertiser"]) == ("released", FIRST, "maju")
    assert first["subjects"] == [{"id": "spring", "name": "Spring Sale", "published_figures": 7}]
    assert first["fetch_from"] == f"https://audience.example/api/v1/releases/{FIRST}"
    assert second["period"] == "2026-11-23"
    manifest = json.loads((home.exports / "maju" / FIRST / "manifest.json").read_bytes())
    listed = {file["name"]: file["sha256"] for file in first["files"]}
    assert {
        name: one["sha256"] for name, one in manifest["files"].items()
    }.items() <= listed.items()

    assert delivered(home) == []
    assert len(webhook.notices) == 2


def test_a_notice_has_no_figure_and_nothing_of_another_advertiser(
    home: Home, webhook: WebhookReceiver
) -> None:
    configure(home, webhook={"crm": webhook_to(home, webhook)})
    delivered(home)
    said = b"".join(webhook.bodies) + log_text(home).encode()
    for other in (b"jaya", b"Jaya", b"autumn", b"Autumn"):
        assert other not in said
    for row in (home.exports / "maju" / FIRST / "spring-sale_day-2026-11-22.csv").open():
        figure = row.split(",")[15]
        assert not figure.isdigit() or f": {figure}".encode() not in said


def test_two_advertisers_each_have_their_own(
    home: Home, webhook: WebhookReceiver, authority: Authority
) -> None:
    with webhook_receiver(authority) as other:
        private_file(home.root / "other.url", other.url)
        private_file(home.root / "other.secret", other.secret)
        mine = webhook_to(home, webhook)
        theirs = {
            **mine,
            "advertisers": ["jaya"],
            "url": {"file": "other.url"},
            "secret": {"file": "other.secret"},
        }
        configure(home, webhook={"mine": mine, "theirs": theirs})
        delivered(home)
        assert {one["advertiser"] for one in webhook.notices} == {"maju"}
        assert {one["advertiser"] for one in other.notices} == {"jaya"}
        assert b"maju" not in b"".join(other.bodies)
        assert not webhook.wrong
        assert not other.wrong


@pytest.mark.alternate("called off")
def test_a_correction_and_a_withdrawal_say_what_they_replace(
    home: Home, corrected: Home, webhook: WebhookReceiver
) -> None:
    configure(home, webhook={"crm": webhook_to(home, webhook)})
    delivered(home)
    become(home, corrected)
    found = outcomes(delivered(home))
    assert found == [
        ("maju", f"released {SECOND}", "delivered"),
        ("maju", f"corrected {FIRST}", "delivered"),
    ]
    new, old = webhook.notices[2:]
    assert (new["release"], new["corrects"]) == (SECOND, FIRST)
    assert (old["event"], old["release"], old["use_instead"]) == ("corrected", FIRST, SECOND)
    assert new["reason"] == old["reason"] == "Births of a third of the profiles could not be read"

    withdraw(NEXT_DAY, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    delivered(home)
    last = webhook.notices[-1]
    assert (last["event"], last["release"]) == ("withdrawn", NEXT_DAY)
    assert (last["reason"], last["files"], last["subjects"]) == ("Visits came twice", [], [])
    assert delivered(home) == []


@pytest.mark.alternate("called off")
def test_what_was_never_delivered_is_not_called_off(
    home: Home, corrected: Home, webhook: WebhookReceiver
) -> None:
    become(home, corrected)
    withdraw(NEXT_DAY, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    configure(home, webhook={"crm": webhook_to(home, webhook)})
    delivered(home)
    assert [(one["event"], one["release"]) for one in webhook.notices] == [("released", SECOND)]


@pytest.mark.alternate("called off")
def test_an_advertiser_that_a_destination_no_longer_has_is_called_off_too(
    home: Home, corrected: Home, webhook: WebhookReceiver
) -> None:
    configure(home, webhook={"crm": webhook_to(home, webhook, advertisers=["maju", "jaya"])})
    delivered(home)
    configure(home, webhook={"crm": webhook_to(home, webhook)})
    become(home, corrected)
    withdraw(NEXT_DAY, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    webhook.notices.clear()
    delivered(home)
    told = [
        (one["event"], one["release"]) for one in webhook.notices if one["advertiser"] == "jaya"
    ]
    assert sorted(told) == [("corrected", FIRST), ("withdrawn", NEXT_DAY)]
    assert delivered(home) == []


@pytest.mark.alternate("called off")
def test_what_failed_before_it_was_sent_is_not_called_off(
    home: Home, webhook: WebhookReceiver
) -> None:
    configure(home, webhook={"crm": webhook_to(home, webhook)})
    path = home.exports / "maju" / FIRST / "spring-sale_day-2026-11-22.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert [one.outcome for one in delivered(home)] == ["failed", "delivered"]
    withdraw(FIRST, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    assert delivered(home, at_once=True) == []
    assert [(one["event"], one["release"]) for one in webhook.notices] == [("released", NEXT_DAY)]


@pytest.mark.parametrize(
    ("status", "said"), [(500, "status_500"), (301, "redirects are not followed"), (404, "`url`")]
)
def test_what_a_receiver_does_not_take_is_tried_again_under_the_same_id(
    home: Home, webhook: WebhookReceiver, status: int, said: str
) -> None:
    configure(home, webhook={"crm": webhook_to(home, webhook)})
    webhook.answers = [status]
    (failed,) = delivered(home)
    assert failed.outcome == "failed"
    assert said in failed.problem
    assert webhook.paths == ["/hook/canary-path-77"]  # nothing went elsewhere
    (paused,) = delivered(home)
    assert paused.outcome == "paused"
    assert paused.changes == (f"released {FIRST}", f"released {NEXT_DAY}")
    assert [one.outcome for one in delivered(home, after=timedelta(minutes=5))] == ["delivered"] * 2
    assert webhook.ids[0] == webhook.ids[1] != webhook.ids[2]
    assert steps(home) == ["sending", "failed", *["sending", "delivered"] * 2]


def test_pauses_grow_and_can_be_skipped(home: Home, webhook: WebhookReceiver) -> None:
    configure(home, webhook={"crm": webhook_to(home, webhook)})
    webhook.answers = [500] * 3
    for _ in range(3):
        delivered(home, at_once=True)
    assert [one.outcome for one in delivered(home, after=timedelta(minutes=19))] == ["paused"]
    assert [one.outcome for one in delivered(home, after=timedelta(minutes=21))] == [
        "delivered"
    ] * 2


def test_a_receiver_that_is_down_slow_or_another_one_keeps_no_one_waiting(
    home: Home, webhook: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = webhook_to(home, webhook)
    with webhook_receiver(Authority()) as stranger, webhook_receiver(Authority()) as closed:
        pass
    with _slow() as slow, webhook_receiver(Authority()) as stranger:
        monkeypatch.setattr(delivery_limits, "WEBHOOK_ANSWER_SECONDS", 0.3)
        named = {"down": closed.url, "stranger": stranger.url, "slow": slow}
        bad = {name: {**good, "url": url} for name, url in named.items()}
        configure(home, webhook={**bad, "good": good})
        found = delivered(home)
        assert not stranger.notices
        assert not stranger.paths  # the certificate is not believed: nothing was sent
    problems = {one.destination: one.problem.partition(":")[0] for one in found}
    assert problems == {
        "down": "unreachable", "stranger": "certificate", "slow": "timeout", "good": "",
    }  # fmt: skip
    assert len(webhook.notices) == 2


def test_a_receiver_that_answers_byte_by_byte_is_left_at_the_deadline(
    home: Home, webhook: WebhookReceiver, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_limits, "WEBHOOK_WHOLE_SECONDS", 1.0)
    good = webhook_to(home, webhook)
    with dripping(b"HTTP/1.1 200 OK\r\nX: ", authority) as port:
        url = f"https://127.0.0.1:{port}/"
        configure(home, webhook={"drips": {**good, "url": url}, "good": good})
        began = time.monotonic()
        found = delivered(home)
    assert time.monotonic() - began < 8
    problems = {one.destination: one.problem.partition(":")[0] for one in found}
    assert problems == {"drips": "timeout", "good": ""}


def test_what_is_for_this_machine_alone_goes_through_no_proxy(
    home: Home, webhook: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_limits, "WEBHOOK_ANSWER_SECONDS", 0.3)
    given = webhook_to(home, webhook)
    with _slow() as silent:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, silent.replace("https", "http"))
        plain = {**given, "url": "http://127.0.0.1:9/"}  # where nothing listens
        configure(home, webhook={"plain": plain, "tls": given})
        found = delivered(home)
    problems = {one.destination: one.problem.partition(":")[0] for one in found}
    assert problems == {"plain": "unreachable", "tls": ""}


def test_no_secret_is_in_the_log_in_errors_or_in_what_libraries_log(
    home: Home, webhook: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    configure(home, webhook={"crm": webhook_to(home, webhook)})
    webhook.answers = [500]
    found = [*delivered(home), *delivered(home, at_once=True)]
    said = log_text(home) + caplog.text + repr(found)
    for secret in (webhook.secret, webhook.secret.removeprefix("whsec_"), "canary-path-77"):
        assert secret not in said
    assert '"target":"127.0.0.1"' in log_text(home)


def test_a_secret_that_others_can_read_or_that_is_short_sends_nothing(
    home: Home, webhook: WebhookReceiver
) -> None:
    given = webhook_to(home, webhook)
    configure(home, webhook={"crm": given, "other": {**given, "secret": {"file": "short"}}})
    (home.root / "hook.secret").chmod(0o644)
    private_file(home.root / "short", "geheim")
    one, two = delivered(home)
    assert "hook.secret can be read by others" in one.problem
    assert "fewer than 16 bytes" in two.problem
    assert "geheim" not in log_text(home)
    assert not webhook.paths


def test_a_url_from_a_private_file_is_encrypted_too(home: Home, webhook: WebhookReceiver) -> None:
    configure(home, webhook={"crm": webhook_to(home, webhook)})
    private_file(home.root / "hook.url", "http://crm.example/canary")
    (failed,) = delivered(home)
    assert failed.problem == "url: use https://; http:// is for this machine alone"
    assert "canary" not in log_text(home)


def test_a_file_that_was_edited_is_not_announced_and_others_are(
    home: Home, webhook: WebhookReceiver
) -> None:
    configure(home, webhook={"crm": webhook_to(home, webhook)})
    path = home.exports / "maju" / FIRST / "spring-sale_day-2026-11-22.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    found = delivered(home)
    assert [one.outcome for one in found] == ["failed", "delivered"]
    assert "not as the ledger recorded it" in found[0].problem
    assert [one["release"] for one in webhook.notices] == [NEXT_DAY]


def test_what_is_for_every_advertiser_comes_with_its_series(
    longer: Home, home: Home, webhook: WebhookReceiver
) -> None:
    become(home, longer)
    given = webhook_to(home, webhook, series=["interest-week", "audience-month"])
    configure(home, webhook={"crm": given})
    delivered(home)
    assert [(one["advertiser"], one["release"]) for one in webhook.notices] == [
        (None, "interest-week-2026-W47"),
        (None, "audience-month-2026-11"),
    ]
    names = {one["name"] for one in webhook.notices[0]["subjects"]}
    assert names == {"electronics", "sports"}


def test_periods_before_the_first_wanted_day_are_left_out(
    home: Home, webhook: WebhookReceiver
) -> None:
    given = webhook_to(home, webhook, **{**MAJU, "since": "2026-11-23"})
    configure(home, webhook={"crm": given})
    delivered(home)
    assert [one["release"] for one in webhook.notices] == [NEXT_DAY]


@contextmanager
def _slow() -> Iterator[str]:
    """A receiver that takes a connection and says nothing: the system completes it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/"
