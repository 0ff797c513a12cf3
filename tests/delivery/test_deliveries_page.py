"""The page on deliveries: its settings are sound, its receiver accepts genuine notices alone."""

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from anonymizer.delivery.delivery_settings import (
    MailSettings,
    S3Settings,
    SftpSettings,
    WebhookSettings,
)
from anonymizer.delivery.destination_catalogue import parse_destinations
from anonymizer.delivery.webhook import signed_headers, signing_key

PAGE = (Path(__file__).parents[2] / "docs" / "deliveries.md").read_text(encoding="utf-8")
BODY = '{"event": "released", "name": "Promo Gajian é"}'.encode()
SECRETS = ("whsec_" + "QUJD" * 8, "0123456789abcdef0123456789abcdef")
Receiver = Callable[[bytes, Mapping[str, str], str], bool]


@pytest.fixture(scope="module")
def is_genuine() -> Receiver:
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)
    receiver: Receiver = names["is_genuine"]
    return receiver


def headers(secret: str, moment: float = 0.0) -> dict[str, str]:
    return dict(signed_headers(BODY, "d" * 32, signing_key(secret), int(moment or time.time())))


@pytest.mark.parametrize("secret", SECRETS, ids=["base64", "text"])
def test_the_receiver_of_the_page_accepts_a_genuine_notice(
    is_genuine: Receiver, secret: str
) -> None:
    assert is_genuine(BODY, headers(secret), secret)


@pytest.mark.parametrize("secret", SECRETS, ids=["base64", "text"])
def test_it_refuses_every_other(is_genuine: Receiver, secret: str) -> None:
    own = headers(secret)
    assert not is_genuine(BODY + b" ", own, secret)
    assert not is_genuine(BODY, {**own, "webhook-id": "e" * 32}, secret)
    assert not is_genuine(BODY, own, SECRETS[secret == SECRETS[0]])
    assert not is_genuine(BODY, headers(secret, time.time() - 301), secret)
    assert not is_genuine(BODY, {**own, "webhook-timestamp": str(int(time.time()) + 1)}, secret)


def test_the_settings_of_the_page_are_sound() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    found = parse_destinations(text)
    assert [one.kind for one in found.all] == ["webhook", "mail", "sftp", "s3"]


def test_the_page_describes_every_key() -> None:
    section = PAGE.split("## The settings\n")[1].split("\n## ")[0]
    table = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    described = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]*)\|", table, re.M))))
    kinds = (WebhookSettings, MailSettings, SftpSettings, S3Settings)
    assert {name for kind in kinds for name in kind.model_fields} | {"fetch_from"} == described
