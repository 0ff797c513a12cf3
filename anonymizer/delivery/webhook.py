"""A webhook: a small JSON notice by HTTPS, signed as Standard Webhooks says.

    webhook-id: <id of the delivery>
    webhook-timestamp: <seconds since 1970>
    webhook-signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">

The id is the same each time that a delivery is tried, so that a receiver can leave out what it has;
the timestamp is that of the attempt, so that an old notice cannot be sent again by others. A
redirect is a failure: the notice goes to the address that was configured, or nowhere. Of the answer
only the status is read.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import logging
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from anonymizer.delivery import delivery_limits
from anonymizer.delivery.delivery_changes import Change
from anonymizer.delivery.delivery_settings import is_this_machine
from anonymizer.delivery.released_facts import ReleasedFacts
from anonymizer.delivery.undelivered import Undelivered
from anonymizer.exports.export_folders import FOR_ALL

FORMAT = 1
_PREFIX = "whsec_"
_SHORTEST_KEY = 16  # bytes
_REDIRECTS, _CLIENT_ERRORS, _SERVER_ERRORS = 300, 400, 500
_REFUSED = {
    401: "correct the credentials of the URL",
    403: "correct the credentials of the URL",
    404: "correct `url`",
    410: "the receiver does not want notices any more; remove the destination",
    413: "let the receiver accept larger requests",
    429: "the receiver limits requests; it is tried again later",
}


def notice_bytes(
    change: Change, facts: ReleasedFacts | None, delivery: str, fetch_from: str
) -> bytes:
    """The body: what became of a release, for one advertiser. It has no figure.

    Equal changes give equal bytes.
    """
    export = change.export
    current = export if change.event == "released" else change.instead
    content: dict[str, Any] = {
        "format": FORMAT,
        "id": delivery,
        "event": change.event,
        "advertiser": None if export.recipient == FOR_ALL else export.recipient,
        "release": export.release,
        "series": change.series.id,
        "period": export.period.id,
        "period_start": export.period.start.isoformat(),
        "period_end": export.period.end.isoformat(),
        "corrects": export.corrects or None,
        "use_instead": current.release if current and current != export else None,
        "reason": change.reason or None,
        "subjects": _subjects(facts),
        "files": _files(change),
        "fetch_from": f"{fetch_from.rstrip('/')}/api/v1/releases/{export.release}"
        if fetch_from
        else None,
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()


def signed_headers(body: bytes, delivery: str, key: bytes, moment: int) -> Mapping[str, str]:
    """The headers by which a receiver verifies a body; `moment` in seconds since 1970."""
    message = b".".join((delivery.encode(), str(moment).encode(), body))
    signature = base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()
    return {
        "content-type": "application/json",
        "webhook-id": delivery,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{signature}",
    }


def signing_key(secret: str) -> bytes:
    """The key in a secret: the bytes behind `whsec_` in base64, or those of any other text.

    Raises Undelivered for a short or damaged one.
    """
    try:
        encoded = secret.removeprefix(_PREFIX)
        key = (
            base64.b64decode(encoded, validate=True)
            if secret.startswith(_PREFIX)
            else secret.encode()
        )
    except binascii.Error:
        key = b""
    if len(key) < _SHORTEST_KEY:
        raise Undelivered(
            f"secret: the key has fewer than {_SHORTEST_KEY} bytes or is damaged; make one with: "
            "openssl rand -hex 32"
        )
    return key


def post(url: str, body: bytes, headers: Mapping[str, str], context: ssl.SSLContext) -> None:
    """Post a notice. Raises Undelivered unless the receiver answers with a status of 200 to 299."""
    import httpx  # noqa: PLC0415  an extra

    for library in ("httpx", "httpcore"):  # they log URLs
        logging.getLogger(library).setLevel(logging.WARNING)
    try:
        status = asyncio.run(
            asyncio.wait_for(
                _status(url, body, headers, context), delivery_limits.WEBHOOK_WHOLE_SECONDS
            )
        )
    except (httpx.TimeoutException, TimeoutError):
        problem = "timeout: the receiver does not answer in time"
    except httpx.TransportError as error:
        problem = _explained(error)
    except (httpx.InvalidURL, ValueError):
        problem = "url: the URL cannot be used; correct it"
    else:
        problem = _judged(status)
    if problem:
        raise Undelivered(problem)


async def _status(
    url: str, body: bytes, headers: Mapping[str, str], context: ssl.SSLContext
) -> int:
    """The status of the answer. Limits of the library are for each read, so they end no attempt."""
    import httpx  # noqa: PLC0415  an extra

    limits = httpx.Timeout(
        delivery_limits.WEBHOOK_ANSWER_SECONDS, connect=delivery_limits.WEBHOOK_CONNECT_SECONDS
    )
    # A proxy of the environment would take what is for this machine alone to another one.
    is_local = is_this_machine(urlsplit(url).hostname or "")
    async with (
        httpx.AsyncClient(
            verify=context, timeout=limits, follow_redirects=False, trust_env=not is_local
        ) as client,
        client.stream("POST", url, content=body, headers=dict(headers)) as answer,
    ):
        return answer.status_code


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())


def _judged(status: int) -> str:
    """What is wrong with a status; nothing for success."""
    if status >= _SERVER_ERRORS:
        return f"status_{status}: the receiver failed; see its own log"
    if status >= _CLIENT_ERRORS:
        return f"status_{status}: {_REFUSED.get(status, 'the receiver refused the notice')}"
    if status >= _REDIRECTS:
        return f"status_{status}: redirects are not followed; configure the final URL"
    return ""


def _explained(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "certificate: the certificate of the receiver cannot be verified; see `ca_file`"
        cause = cause.__cause__ or cause.__context__
    return f"unreachable: the receiver cannot be reached ({type(error).__name__})"


def _subjects(facts: ReleasedFacts | None) -> list[dict[str, Any]]:
    if facts is None:
        return []
    return [
        {"id": subject, "name": name, "published_figures": facts.figures[subject]}
        for subject, name in sorted(facts.subjects.items())
    ]


def _files(change: Change) -> list[dict[str, str]]:
    """The files that can be fetched now, by the ledger."""
    export = change.export
    if change.event != "released":
        return []
    return [{"name": name, "sha256": digest} for name, digest in sorted(export.files.items())]
