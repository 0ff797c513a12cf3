"""Failed runs told to people: a file under `alerts/`, and a webhook if there is one."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from anonymizer.model.errors import AudienceError
from anonymizer.storage.files import write_bytes
from anonymizer.storage.home import Home
from pipelines import run_limits


class NotDelivered(AudienceError):
    """The webhook took no alert; the alert file is there all the same."""


def raise_alert(home: Home, name: str, alert: Mapping[str, Any]) -> None:
    """Write `alerts/<name>.json`, then post it to `$AUDIENCE_ALERT_WEBHOOK` if that is set.

    Raises NotDelivered when the webhook does not take it.
    """
    content = json.dumps(alert, indent=1, sort_keys=True).encode()
    write_bytes(content + b"\n", home.root / "alerts" / f"{name}.json")
    if address := os.environ.get("AUDIENCE_ALERT_WEBHOOK"):
        _post(address, content)


def _post(address: str, content: bytes) -> None:
    if not address.startswith(("http://", "https://")):
        raise NotDelivered("AUDIENCE_ALERT_WEBHOOK is not an http or https address; correct it")
    request = urllib.request.Request(  # noqa: S310  http and https only, checked above
        address, data=content, headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=run_limits.ALERT_SECONDS):  # noqa: S310
            return
    except (urllib.error.URLError, OSError) as error:
        problem = (
            f"status {error.code}"
            if isinstance(error, urllib.error.HTTPError)
            else type(error).__name__
        )
    raise NotDelivered(
        f"the webhook did not accept the alert ({problem}); the alert file is in alerts/"
    )
