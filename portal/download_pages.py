"""Files to download: each is proved against the published ledger before its first byte is sent."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from datetime import date
from typing import IO

from starlette.responses import Response, StreamingResponse

from anonymizer.exports import export_limits
from anonymizer.exports.circulation import RecordedExport
from anonymizer.exports.export_files import PackageTooLarge
from anonymizer.model.errors import Held
from anonymizer.model.periods import PeriodKind
from portal import portal_limits
from portal.access_log import Fact
from portal.file_sendings import SentFile, TooManySendings
from portal.reading_pages import KINDS, found_export, gone, retired
from portal.site import NotFound, PageRequest, Site

MEDIA_TYPES = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
}


def file(site: Site, asked: PageRequest) -> Response:
    """One file of an export, as the ledger recorded it."""
    parts = asked.request.path_params
    name = parts["name"]
    stated: dict[str, Fact] = {
        "release": parts["release"],
        "recipient": parts["recipient"],
        "file": name,
    }
    try:
        export = found_export(site, asked)
        if name not in export.files:
            raise NotFound
    except NotFound:
        known = site.files.known_parts(parts["recipient"], parts["release"], name)
        site.note("download_not_found", asked, **known)
        raise
    if not export.has_files:
        site.note("download_gone", asked, **stated)
        return gone(site, asked, export)
    try:
        content = site.files.proved(export, name)
    except Held:
        site.note("download_held", asked, **stated)
        raise
    stated["sha256"] = export.files[name]
    return _sent(site, asked, content, name, media_type_of(name), stated)


def package(site: Site, asked: PageRequest) -> Response:
    """A ZIP file with the exports of a range of periods: of a recipient, or of one subject.

    Periods whose files were retired are left out; with no other one in the range it is gone.
    """
    recipient = asked.request.path_params["recipient"]
    every = next((kind for kind in KINDS if kind == asked.asked("every")), None)
    first, last = _day(asked.asked("from")), _day(asked.asked("to"))
    subject = asked.asked("subject")
    stated: dict[str, Fact] = {"recipient": recipient, "subject": subject}
    known = site.files.circulation()
    # Another advertiser's exports are not gone through: how long that takes would tell of them.
    own = known.of(recipient) if asked.signed_in.account.may_read(recipient) else ()
    exports = [one for one in own if one.is_in_force and _is_in(one, every, first, last)]
    gone_reasons = [one.retired for one in exports if one.retired]
    exports = [one for one in exports if one.has_files]
    if subject:
        exports = [one for one in exports if site.files.names_of(one, subject)]
    if not exports and gone_reasons:
        site.note("download_gone", asked, recipient=recipient)
        return retired(site, asked, gone_reasons[-1])
    if not exports:
        site.note("download_not_found", asked, **site.files.known_parts(recipient))
        raise NotFound
    begin = min(one.period.start for one in exports)
    end = max(one.period.end for one in exports)
    name = f"{subject or recipient}_{begin}_{end}.zip"
    stated["releases"] = [one.release for one in exports]
    try:
        if asked.request.method == "HEAD":  # nothing is built, so its length is not known
            site.files.require_packable(exports, subject)
            return StreamingResponse(
                iter(()), media_type="application/zip", headers=name_header(name)
            )
        content = site.files.package(exports, subject)
    except PackageTooLarge:
        return site.message(asked, "too_large", 413)
    digest = hashlib.sha256()
    for part in parts_of(content):
        digest.update(part)
    stated["sha256"] = digest.hexdigest()
    return _sent(site, asked, content, name, "application/zip", stated)


def _is_in(
    export: RecordedExport, every: PeriodKind | None, first: date | None, last: date | None
) -> bool:
    period = export.period
    return (
        (every is None or period.kind == every)
        and (first is None or period.start >= first)
        and (last is None or period.end <= last)
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise NotFound from None


def _sent(
    site: Site,
    asked: PageRequest,
    content: IO[bytes],
    name: str,
    media_type: str,
    stated: Mapping[str, Fact],
) -> Response:
    """Record the download, then send it. What cannot be recorded is not sent.

    429 while the account is sent as many files as it may be at the same time.
    """
    length = content.seek(0, os.SEEK_END)
    try:
        sending = site.sendings.begin(asked.session.account.login if asked.session else "", content)
    except TooManySendings:
        response = site.message(asked, "too_many_requests", 429)
        response.headers["Retry-After"] = str(portal_limits.RETRY_SECONDS)
        return response
    try:
        site.note("download", asked, **stated, bytes=length)
    except BaseException:
        sending.close()
        raise
    headers = {**name_header(name), "Content-Length": str(length)}
    return SentFile(sending, site.sendings.seconds_for(length), headers, media_type)


def parts_of(content: IO[bytes]) -> Iterator[bytes]:
    """The content from its beginning, part by part."""
    content.seek(0)
    while part := content.read(export_limits.PART_BYTES):
        yield part


def media_type_of(name: str) -> str:
    """The media type of an exported file."""
    return MEDIA_TYPES.get(name[name.rfind(".") :], "application/octet-stream")


def name_header(name: str) -> dict[str, str]:
    """Of a download; its name has nothing that could end the header."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "._~-") else "_" for c in name)
    return {"Content-Disposition": f'attachment; filename="{safe}"', "Accept-Ranges": "none"}
