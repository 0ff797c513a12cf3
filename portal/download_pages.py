"""Files to download: each is proved against the published ledger before its first byte is sent."""

import hashlib
from collections.abc import Mapping
from datetime import date

from starlette.responses import Response

from anonymizer.exports.circulation import RecordedExport
from anonymizer.model.errors import Held
from anonymizer.model.periods import PeriodKind
from portal.access_log import Fact
from portal.export_files import PackageTooLarge
from portal.reading_pages import KINDS, found_export, gone, retired
from portal.site import NotFound, PageRequest, Site

_TYPES = {
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
        site.note("download_not_found", asked, **stated)
        raise
    if not export.has_files:
        site.note("download_gone", asked, **stated)
        return gone(site, asked, export)
    try:
        content = site.files.content(export, name)
    except Held:
        site.note("download_held", asked, **stated)
        raise
    ending = name[name.rfind(".") :]
    return _sent(site, asked, content, name, _TYPES.get(ending, "application/octet-stream"), stated)


def package(site: Site, asked: PageRequest) -> Response:
    """A ZIP file with the exports of a range of periods: of a recipient, or of one subject.

    Periods whose files were retired are left out; with no other one in the range it is gone.
    """
    recipient = asked.request.path_params["recipient"]
    every = next((kind for kind in KINDS if kind == asked.asked("every")), None)
    first, last = _day(asked.asked("from")), _day(asked.asked("to"))
    subject = asked.asked("subject")
    stated: dict[str, Fact] = {"recipient": recipient, "subject": subject}
    exports = [
        one
        for one in site.files.circulation().of(recipient)
        if asked.signed_in.account.may_read(recipient) and one.is_in_force
        if _is_in(one, every, first, last)
    ]
    gone_reasons = [one.retired for one in exports if one.retired]
    exports = [one for one in exports if one.has_files]
    if subject:
        exports = [one for one in exports if site.files.names_of(one, subject)]
    if not exports and gone_reasons:
        site.note("download_gone", asked, **stated)
        return retired(site, asked, gone_reasons[-1])
    if not exports:
        site.note("download_not_found", asked, **stated)
        raise NotFound
    try:
        content = site.files.package(exports, subject)
    except PackageTooLarge:
        return site.message(asked, "too_large", 413)
    begin = min(one.period.start for one in exports)
    end = max(one.period.end for one in exports)
    name = f"{subject or recipient}_{begin}_{end}.zip"
    stated["releases"] = [one.release for one in exports]
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
    content: bytes,
    name: str,
    media_type: str,
    stated: Mapping[str, Fact],
) -> Response:
    """Record the download, then send it. What cannot be recorded is not sent."""
    digest = hashlib.sha256(content).hexdigest()
    site.note("download", asked, **stated, bytes=len(content), sha256=digest)
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "._~-") else "_" for c in name)
    headers = {"Content-Disposition": f'attachment; filename="{safe}"', "Accept-Ranges": "none"}
    return Response(content, media_type=media_type, headers=headers)
