"""What was delivered: kills, full disks and torn lines repeat a delivery and lose none."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from destinations import (
    FIRST,
    NEXT_DAY,
    configure,
    delivered,
    exported,
    log_text,
    sftp_to,
    steps,
    webhook_to,
)
from receivers import SftpReceiver, WebhookReceiver
from release_world import SECRET
from running import call

from anonymizer.delivery import senders
from anonymizer.delivery.delivery_log import DeliveryHistory, DeliveryLog, Failures, LogLine
from anonymizer.exports.withdrawal import withdraw
from anonymizer.model.errors import Busy, NoSpace
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from pipelines.automation.deliveries import deliveries, deliveries_sensor
from pipelines.resources.resources import Installation

ROOT = Path(__file__).parents[2]


def killed_when(home: Home, set_hook: Callable[[Callable[[], None]], None]) -> None:
    """Run the command as a process of its own, which is killed when the hook is called."""
    process: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        process[0].send_signal(signal.SIGKILL)
        process[0].wait()

    set_hook(kill)
    words = [sys.executable, "-m", "cli.main", "deliver", "--home", str(home.root)]
    process.append(subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, env=os.environ))
    _, said = process[0].communicate(timeout=120)
    assert process[0].returncode == -signal.SIGKILL, said
    set_hook(lambda: None)


@pytest.mark.alternate("interrupted runs")
def test_killed_between_sending_and_recording_the_same_notice_comes_again(
    home: Home, webhook: WebhookReceiver
) -> None:
    configure(home, webhook={"crm": webhook_to(home, webhook)})
    killed_when(home, lambda hook: setattr(webhook, "before_answer", hook))
    assert steps(home) == ["sending"]
    assert [one.outcome for one in delivered(home)] == ["delivered"] * 2
    first, again, second = webhook.ids
    assert first == again != second
    assert [one["release"] for one in webhook.notices] == [FIRST, FIRST, NEXT_DAY]


@pytest.mark.alternate("interrupted runs")
def test_killed_in_an_upload_the_next_run_brings_all_of_it(home: Home, sftp: SftpReceiver) -> None:
    configure(home, sftp={"inbox": sftp_to(home, sftp)})
    killed_when(home, lambda hook: setattr(sftp, "on_write", hook))
    assert steps(home) == ["sending"]
    delivered(home)
    folder = sftp.folder / "incoming" / "maju" / FIRST
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == exported(
        home, "maju", FIRST
    )


def test_a_line_that_a_kill_left_half_repeats_that_delivery_alone(
    home: Home, webhook: WebhookReceiver
) -> None:
    configure(home, webhook={"crm": webhook_to(home, webhook)})
    delivered(home)
    whole = home.delivery_log.read_bytes()
    home.delivery_log.write_bytes(whole[:-30])
    assert DeliveryLog(home).read().unreadable == 1
    (again,) = delivered(home)
    assert again.changes == (f"released {NEXT_DAY}",)
    assert steps(home)[-2:] == ["sending", "delivered"]
    assert delivered(home) == []


def test_nothing_is_sent_that_cannot_be_recorded(
    home: Home, webhook: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(home, webhook={"crm": webhook_to(home, webhook)})

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(NoSpace):
            delivered(home)
    assert not webhook.notices
    assert [one.outcome for one in delivered(home)] == ["delivered"] * 2


def test_one_process_delivers_at_a_time_and_a_run_of_a_period_does_not_wait(
    home: Home, webhook: WebhookReceiver
) -> None:
    configure(home, webhook={"crm": webhook_to(home, webhook)})
    with DeliveryLog(home).delivering(), pytest.raises(Busy):
        delivered(home)
    assert not webhook.notices
    assert [one.outcome for one in delivered(home, dry=True)] == ["to be sent"] * 2
    assert not webhook.notices
    assert not home.delivery_log.exists()


def test_an_unforeseen_fault_of_one_destination_keeps_no_other_waiting(
    home: Home, webhook: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, url = webhook_to(home, webhook), f"https://127.0.0.1:{webhook.port}"
    configure(home, webhook={"a": {**given, "url": f"{url}/a"}, "b": {**given, "url": f"{url}/b"}})
    whole = senders.post

    def broken(address: str, *more: Any) -> None:
        if address.endswith("/a"):
            raise ZeroDivisionError("canary")
        whole(address, *more)

    monkeypatch.setattr(senders, "post", broken)
    found = {one.destination: one.problem for one in delivered(home)}
    assert found == {"a": "fault: unexpected ZeroDivisionError", "b": ""}
    assert webhook.paths == ["/b", "/b"]
    assert "canary" not in log_text(home)


@pytest.mark.parametrize(
    ("number", "pause"),
    [(1, timedelta(minutes=5)), (2, timedelta(minutes=10)), (9, timedelta(hours=6))],
)
def test_a_pause_doubles_up_to_six_hours(number: int, pause: timedelta) -> None:
    now = datetime.now(UTC)
    assert Failures(number, now, "").paused_until == now + pause


def test_what_the_log_says_is_read_back_and_what_is_no_line_is_counted(home: Home) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    line = LogLine(
        now, "delivered", "a", "sftp", "1" * 32, "maju", (("released", FIRST),), "h", "root",
        {"x.csv": "0" * 64}, "",
    )  # fmt: skip
    log = DeliveryLog(home)
    log.write(line)
    with home.delivery_log.open("ab") as file:
        file.write(b'{"event": "delivered"}\n[]\n\xff\n{"time": 1}\n')
    log.write(line)
    assert log.read() == DeliveryHistory((line, line), 4)
    assert home.delivery_log.stat().st_mode & 0o777 == 0o600
    assert home.delivery.stat().st_mode & 0o777 == 0o700


def test_a_log_that_was_replaced_is_read_anew(home: Home) -> None:
    log = DeliveryLog(home)
    lines = [
        LogLine(datetime.now(UTC).replace(microsecond=0), "sending", name, "s3", "1" * 32, "maju",
                (("released", FIRST),), "h", "root")
        for name in ("a", "b", "c", "d")
    ]  # fmt: skip
    for line in lines[:3]:
        log.write(line)
    assert log.read().lines == tuple(lines[:3])
    assert log.read() is log.read()
    home.delivery_log.write_text(lines[3].text(), "utf-8")  # of a backup: shorter
    assert log.read().lines == (lines[3],)
    home.delivery_log.write_text("".join(one.text() for one in reversed(lines)), "utf-8")
    assert log.read().lines == tuple(reversed(lines))  # and longer
    whole = home.delivery_log.read_bytes()
    home.delivery_log.write_bytes(whole[:-9])
    assert (len(log.read().lines), log.read().unreadable) == (3, 1)
    home.delivery_log.write_bytes(whole)
    assert (log.read().lines, log.read().unreadable) == (tuple(reversed(lines)), 0)


@pytest.mark.alternate("called off")
def test_with_the_log_what_destinations_have_is_lost(home: Home, sftp: SftpReceiver) -> None:
    """As docs/deliveries.md warns: what was withdrawn since then is removed by hand."""
    configure(home, sftp={"inbox": sftp_to(home, sftp)})
    delivered(home)
    before = sftp.names()
    home.delivery_log.unlink()
    withdraw(FIRST, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    assert [one.changes for one in delivered(home)] == [(f"released {NEXT_DAY}",)]
    assert sftp.names() == before
    page = (ROOT / "docs" / "deliveries.md").read_text("utf-8").split()
    assert "its files have to be removed by hand" in " ".join(page)


# --- the commands


def test_the_command_says_what_it_would_send_sends_it_and_lists_it(
    home: Home, webhook: WebhookReceiver
) -> None:
    given = webhook_to(home, webhook)
    configure(home, webhook={"crm": given, "down": {**given, "url": "https://127.0.0.1:9/"}})
    where = ("--home", home.root)
    dry = json.loads(call("deliver", "--dry-run", "--json", *where).stdout)
    assert {one["outcome"] for one in dry} == {"to be sent"}
    assert not webhook.notices

    done = call("deliver", "--json", *where)
    assert done.returncode == 4
    assert "1 of 2 destination(s) failed: down" in done.stderr
    outcomes = {(one["destination"], one["outcome"]) for one in json.loads(done.stdout)}
    assert outcomes == {("crm", "delivered"), ("down", "failed")}
    assert call("deliver", "--destination", "crm", *where).stderr.startswith("Nothing is waiting")
    assert "the destinations: crm, down" in call("deliver", "--destination", "x", *where).stderr

    crm, down = json.loads(call("deliveries", "--json", *where).stdout)
    assert (crm["delivered"], crm["waiting"], crm["failures"]) == (2, 0, 0)
    assert (down["delivered"], down["waiting"], down["failures"]) == (0, 2, 1)
    assert down["problem"].startswith("unreachable")
    log = json.loads(call("deliveries", "--log", "--json", *where).stdout)
    assert [(one["destination"], one["event"]) for one in log] == [
        *[("crm", step) for step in ("sending", "delivered") * 2],
        *[("down", "sending"), ("down", "failed")],
    ]
    assert all(one["login"] and one["target"] == "127.0.0.1" for one in log)
    assert webhook.secret not in done.stdout + done.stderr + json.dumps(log)


def test_an_advertiser_that_has_no_export_may_be_misspelled(
    home: Home, webhook: WebhookReceiver
) -> None:
    configure(home, webhook={"crm": webhook_to(home, webhook, advertisers=["maju", "juma"])})
    said = call("deliver", "--dry-run", "--home", home.root).stderr
    assert "webhook.crm: nothing is exported yet for juma; check the ids." in said


def test_without_a_destination_nothing_happens(home: Home) -> None:
    done = call("deliver", "--home", home.root)
    assert done.returncode == 0
    assert "deliveries.yaml has no destination" in done.stderr
    assert not home.delivery_log.exists()


# --- Dagster


def look(home: Home, instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
    context = dg.build_sensor_context(
        instance=instance, resources={"installation": Installation.of(home)}
    )
    found = deliveries_sensor()(context)
    assert isinstance(found, dg.RunRequest | dg.SkipReason)
    return found


def run_job(home: Home, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return deliveries.execute_in_process(
        resources={"installation": Installation.of(home)}, instance=instance, raise_on_error=False
    )


def test_the_sensor_asks_for_a_run_while_something_waits(
    home: Home, webhook: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUDIENCE_ALERT_WEBHOOK", raising=False)
    with dg.DagsterInstance.ephemeral() as instance:
        assert isinstance(look(home, instance), dg.SkipReason)
        given = webhook_to(home, webhook)
        configure(home, webhook={"crm": given, "down": {**given, "url": "https://127.0.0.1:9/"}})
        asked = look(home, instance)
        assert isinstance(asked, dg.RunRequest)
        assert run_job(home, instance).success
        assert len(webhook.notices) == 2
        assert isinstance(look(home, instance), dg.SkipReason)  # `down` is paused
    (alert,) = (home.root / "alerts").iterdir()
    told = json.loads(alert.read_text("utf-8"))
    assert (told["kind"], told["destination"]) == ("delivery_failed", "down")
    assert webhook.secret not in alert.read_text("utf-8")


def test_a_mistake_in_the_settings_fails_one_run_and_sends_nothing(
    home: Home, webhook: WebhookReceiver
) -> None:
    home.deliveries.write_text("webhook: {crm: {url: 'https://a:geheim@b.example'}}")
    with dg.DagsterInstance.ephemeral() as instance:
        first, again = look(home, instance), look(home, instance)
        assert isinstance(first, dg.RunRequest)
        assert isinstance(again, dg.RunRequest)
        assert first.run_key == again.run_key  # Dagster starts one
        done = run_job(home, instance)
        (failure,) = done.get_step_failure_events()
    assert not done.success
    assert "deliveries.yaml:1 webhook.crm.url" in str(failure)
    assert "geheim" not in str(failure)


def test_what_the_log_has_is_for_officers_and_names_no_figure(
    home: Home, sftp: SftpReceiver
) -> None:
    configure(home, sftp={"inbox": sftp_to(home, sftp)})
    delivered(home)
    for text in log_text(home).splitlines():
        line = json.loads(text)
        assert set(line) == {
            "time", "event", "destination", "kind", "id", "advertiser", "changes", "target",
            "login", "files", "problem", "folder", "place",
        }  # fmt: skip
        assert all(len(digest) == 64 for digest in line["files"].values())
        assert line["folder"] == "incoming"
        assert "audience" not in line["place"]
