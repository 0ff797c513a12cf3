"""Destinations of the tests, as they are written into `deliveries.yaml`."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from receivers import PASSWORD, MailReceiver, SftpReceiver, WebhookReceiver

from anonymizer.delivery.delivery_log import DeliveryLog
from anonymizer.delivery.destination_catalogue import load_destinations
from anonymizer.delivery.dispatch import DeliveryOutcome, DeliveryTerms, deliver
from anonymizer.storage.home import Home

FIRST, SECOND, NEXT_DAY = (
    "campaign-day-2026-11-22",
    "campaign-day-2026-11-22~2",
    "campaign-day-2026-11-23",
)
MAJU = {"advertisers": ["maju"], "since": "2026-11-01"}


def private_file(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def configure(home: Home, **kinds: dict[str, Any]) -> None:
    """`configure(home, webhook={"crm": {...}})`; JSON is YAML."""
    fetch_from = "https://audience.example"
    text = json.dumps({"fetch_from": fetch_from, **kinds})
    home.deliveries.write_text(text, encoding="utf-8")


def webhook_to(home: Home, receiver: WebhookReceiver, **more: Any) -> dict[str, Any]:
    private_file(home.root / "hook.secret", receiver.secret)
    private_file(home.root / "hook.url", receiver.url)
    return {
        **MAJU,
        "url": {"file": "hook.url"},
        "secret": {"file": "hook.secret"},
        "ca_file": "ca.pem",
        **more,
    }


def mail_to(home: Home, receiver: MailReceiver, **more: Any) -> dict[str, Any]:
    private_file(home.root / "mail.password", PASSWORD)
    return {
        **MAJU,
        "host": "127.0.0.1",
        "port": receiver.port,
        "user": "audience",
        "password": {"file": "mail.password"},
        "sender": "audience@provider.example",
        "to": ["reports@maju.example"],
        "ca_file": "ca.pem",
        **more,
    }


def sftp_to(home: Home, receiver: SftpReceiver, **more: Any) -> dict[str, Any]:
    private_file(home.root / "sftp.key", receiver.client_key)
    return {
        **MAJU,
        "host": "127.0.0.1",
        "port": receiver.port,
        "user": "audience",
        "host_keys": [receiver.host_key],
        "key": {"file": "sftp.key"},
        "folder": "incoming",
        **more,
    }


def delivered(
    home: Home, *, after: timedelta = timedelta(0), **terms: bool
) -> list[DeliveryOutcome]:
    """One run, so long after now."""
    now = datetime.now(UTC) + after
    return deliver(home, load_destinations(home), DeliveryTerms(now, **terms))


def outcomes(found: list[DeliveryOutcome]) -> list[tuple[str, str, str]]:
    return [(one.advertiser, " / ".join(one.changes), one.outcome) for one in found]


def log_text(home: Home) -> str:
    return home.delivery_log.read_text(encoding="utf-8")


def steps(home: Home) -> list[str]:
    return [line.step for line in DeliveryLog(home).read().lines]


def exported(home: Home, recipient: str, release: str) -> dict[str, bytes]:
    folder = home.exports / recipient / release
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def become(home: Home, other: Home) -> None:
    """The published folder and ledger of another home; what was delivered stays."""
    shutil.rmtree(home.published)
    for name in ("published", "private"):
        shutil.copytree(other.root / name, home.root / name, dirs_exist_ok=True)
    shutil.copy2(other.ledger, home.ledger)
