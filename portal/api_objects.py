"""What programs read through the API: advertisers, campaigns, releases, figures and files."""

import os
from collections.abc import Mapping, Sequence
from datetime import date
from typing import IO, Any

from starlette.responses import Response

from anonymizer.exports.circulation import RecordedExport
from anonymizer.exports.export_files import closed_on_failure
from anonymizer.model.errors import Held
from anonymizer.model.periods import Period
from anonymizer.model.series import SERIES
from portal import portal_limits
from portal.access_log import Event, Fact
from portal.api_answers import (
    ApiProblem,
    ApiRequest,
    Parameter,
    conditional_answer,
    json_answer,
    not_found,
    part_answer,
    tagged,
)
from portal.download_pages import media_type_of, name_header
from portal.file_sendings import Sending, SentFile, TooManySendings
from portal.listed_campaigns import CampaignTurn, list_campaigns
from portal.listed_figures import FigureQuery, ListedFigure, list_figures
from portal.published_tables import Bounded, FoundCampaign, PeriodFigure, PortalSubject, TableRow
from portal.site import Site

BASE = "/api/v1"
LIMIT = Parameter("limit", "How many items an answer has.", least=1, most=500, standard=100)
OFFSET = Parameter("offset", "How many items come before.", most=999_999_999)
AFTER = Parameter(
    "after", "Only what changed after the ledger entry with this number.", most=999_999_999
)
ADVERTISER = Parameter("advertiser", "Id of an advertiser that the token reads.")
_NEXT = "The `next` of the page before."
CURSOR = Parameter("cursor", _NEXT, pattern=r"^[0-9]{1,9}\.[0-9A-Za-z~-]{1,100}$")
FIGURE_CURSOR = Parameter("cursor", _NEXT, pattern=r"^[0-9]{1,9}\.[0-9]{1,9}$")
CAMPAIGN_CURSOR = Parameter("cursor", _NEXT, pattern=r"^[0-9]{1,9}\.[0-9]{1,8}\.[0-9a-f]{32}$")
NAME = Parameter("name", "A part of the name or of the id, in any capitals.")
CAMPAIGN = Parameter("campaign", "Id of a campaign.")
INTEREST = Parameter("interest", "Code of an interest.")
SERIES_NAME = Parameter(
    "series", "Kind of subject and length of period.", words=tuple(one.id for one in SERIES)
)
PERIOD = Parameter(
    "period",
    "A day, ISO week or month.",
    pattern=r"^[0-9]{4}-([0-9]{2}|[0-9]{2}-[0-9]{2}|W[0-9]{2})$",
)
SEGMENT = Parameter("segment", "Id of a named segment, or codes: male:25-29:31.71, all:all:31.")


def advertisers(site: Site, asked: ApiRequest) -> Response:
    """The advertisers that the token reads."""
    rows = _rows(site, asked, "list_advertisers", {"advertisers": asked.reader.scope})
    found = [{"id": row["advertiser_id"], "name": row["advertiser"]} for row in rows]
    return _page(asked, found)


def campaigns(site: Site, asked: ApiRequest) -> Response:
    """The campaigns that the token reads, those of the newest period first.

    A page begins after the last campaign of the page before, by what was released at the first one.
    """
    scope = asked.reader.scope
    if one := asked.parameters.get(ADVERTISER.name):
        if scope is not None and one not in scope:
            raise not_found()
        scope = [one]
    name, limit = asked.parameters.get(NAME.name, ""), asked.number(LIMIT)
    if OFFSET.name in asked.parameters:  # as programs of 0.5.0 read it
        found = (
            site.tables.campaigns(scope, name, limit + 1, asked.number(OFFSET))[0]
            if (site.tables.exist)
            else ()
        )
        return _page(asked, [_listed(one) for one in found])
    given = asked.parameters.get(CAMPAIGN_CURSOR.name)
    after = CampaignTurn.parse(given) if given else None
    listed = list_campaigns(site.tables, scope, name, limit + 1, after) if site.tables.exist else ()
    following = str(listed[limit - 1].turn) if len(listed) > limit else None
    items = [_listed(one.campaign) for one in listed[:limit]]
    return json_answer(asked, {"items": items, "next": following})


def campaign(site: Site, asked: ApiRequest) -> Response:
    """One campaign."""
    return json_answer(asked, _campaign(_found_campaign(site, asked)))


def campaign_periods(site: Site, asked: ApiRequest) -> Response:
    """The released periods of a campaign that are in force, with the figure of everyone."""
    wanted = asked.parameters.get(SERIES_NAME.name, "")
    found = [
        _campaign_period(one)
        for one in site.tables.periods(_found_campaign(site, asked))
        if not wanted or f"campaign-{one.period.kind}" == wanted
    ]
    begin = asked.number(OFFSET)
    return _page(asked, found[begin : begin + asked.number(LIMIT) + 1])


def figures(site: Site, asked: ApiRequest) -> Response:
    """Figures, and suppressed segments with the nearest published segment that contains them.

    A page begins after the last row of the page before in its release: one that is withdrawn
    meanwhile moves no others over a border between pages.
    """
    given = asked.parameters
    if CAMPAIGN.name in given and INTEREST.name in given:
        raise ApiProblem(404, "No table is about a campaign and an interest.")
    kind = next((one for one in (CAMPAIGN.name, INTEREST.name) if one in given), "")
    series = next((one for one in SERIES if one.id == given.get(SERIES_NAME.name)), None)
    number, place = map(int, given.get(FIGURE_CURSOR.name, "0.0").split("."))
    query = FigureQuery(
        asked.reader.scope,
        series,
        kind,
        given.get(kind, ""),
        given.get(PERIOD.name, ""),
        given.get(SEGMENT.name, ""),
        asked.number(LIMIT) + 1,
        number,
        place,
    )
    if series and kind and series.kind != kind:
        raise ApiProblem(404, f"The series {series.id} has no tables about a {kind}.")
    found = list_figures(site.tables, query)
    page = found[: asked.number(LIMIT)]
    following = f"{page[-1].number}.{page[-1].place}" if len(found) > len(page) else None
    return json_answer(asked, {"items": [_figure(one) for one in page], "next": following})


def releases(site: Site, asked: ApiRequest) -> Response:
    """Releases with exports for the token, in the order of their last ledger entry.

    A page begins after the last release of the page before, wherever that is: what changes
    meanwhile goes to the end, and nothing moves over a border between pages.
    """
    wanted, period = (asked.parameters.get(one.name, "") for one in (SERIES_NAME, PERIOD))
    found = sorted(
        (
            _release(exports)
            for exports in _exports(site, asked).values()
            if not wanted or _series(exports[0]) == wanted
            if not period or exports[0].period.id == period
        ),
        key=lambda one: (one["changed"], one["id"]),
    )
    number, _, id_ = asked.parameters.get(CURSOR.name, "0.").partition(".")
    later = [
        one
        for one in found
        if one["changed"] > asked.number(AFTER) and (one["changed"], one["id"]) > (int(number), id_)
    ]
    page = later[: asked.number(LIMIT)]
    following = f"{page[-1]['changed']}.{page[-1]['id']}" if len(later) > len(page) else None
    return json_answer(asked, {"items": page, "next": following})


def release(site: Site, asked: ApiRequest) -> Response:
    """One release with its files."""
    exports = _exports(site, asked).get(asked.part("release"))
    if not exports:
        raise not_found()
    files = [
        {
            "recipient": one.recipient,
            "name": name,
            "sha256": one.files[name],
            "subject_id": subjects.get(name),
            "media_type": media_type_of(name),
        }
        for one in exports
        if one.has_files
        for subjects in [site.files.subjects_of(one)]
        for name in sorted(one.files)
    ]
    return json_answer(asked, _release(exports) | {"files": files})


def release_file(site: Site, asked: ApiRequest) -> Response:
    """One file, compared with the ledger before it is sent."""
    parts = [asked.part(name) for name in ("recipient", "release", "name")]
    recipient, release_id, name = parts
    export = site.files.circulation().exports.get((release_id, recipient))
    if export is None or not asked.reader.may_read(recipient) or name not in export.files:
        _note_file(site, asked, "download_not_found", site.files.known_parts(*parts))
        raise not_found()
    return sent_file(site, asked, export, name)


def sent_file(
    site: Site, asked: ApiRequest, export: RecordedExport, name: str, *, ranges: bool = False
) -> Response:
    """A file that the reader may have: proved, recorded, sent. Raises ApiProblem, Held.

    With `ranges` parts of it can be asked for; the whole file is proved each time.
    """
    stated = {"recipient": export.recipient, "release": export.release, "file": name}
    if not export.has_files:
        _note_file(site, asked, "download_gone", stated)
        raise _gone(site, export)
    try:
        content = site.files.proved(export, name)
    except Held:
        _note_file(site, asked, "download_held", stated)
        raise
    with closed_on_failure(content):
        tag = f'"{export.files[name]}"'
        if shortened := conditional_answer(asked.request, tag):
            content.close()
            return shortened
        response: Response
        sending: Sending | None = None
        if ranges:  # files of shared tables, which have one campaign in one period
            response = part_answer(asked.request, content.read(), media_type_of(name), tag)
            size = len(response.body)
            content.close()
        else:
            size = content.seek(0, os.SEEK_END)
            headers = {**tagged(tag), **name_header(name), "Content-Length": str(size)}
            sending = _begun(site, asked, content)
            response = SentFile(
                sending, site.sendings.seconds_for(size), headers, media_type_of(name)
            )
        sent: dict[str, Fact] = {"bytes": size, "sha256": export.files[name]}
        try:
            _note_file(site, asked, "download", stated | sent)
        except BaseException:
            if sending:
                sending.close()
            raise
    return response


def _begun(site: Site, asked: ApiRequest, content: IO[bytes]) -> Sending:
    try:
        return site.sendings.begin(asked.reader.login, content)
    except TooManySendings:
        problem = ApiProblem(429, "Too many files at once. Wait as long as Retry-After says.")
        problem.headers["Retry-After"] = str(portal_limits.RETRY_SECONDS)
        raise problem from None


def _note_file(site: Site, asked: ApiRequest, event: Event, stated: Mapping[str, Fact]) -> None:
    who = {"login": asked.reader.login, "address": asked.address, "token": asked.token.id}
    site.log.write(event, **who, **stated)


def _gone(site: Site, export: RecordedExport) -> ApiProblem:
    """Why an export has no files, and which release to use instead, as the pages say it."""
    if export.is_in_force:
        return ApiProblem(410, "These files were retired.", reason=export.retired, instead=None)
    known = site.files.circulation()
    instead = known.last_correction(export.release)
    reason = export.withdrawn or export.correction
    if instead in known.withdrawn:
        instead, reason = "", known.withdrawn[instead]
    elif instead == export.release:
        instead = ""
    detail = "These figures are not in force."
    return ApiProblem(410, detail, reason=reason, instead=instead or None)


def _exports(site: Site, asked: ApiRequest) -> dict[str, list[RecordedExport]]:
    """The exports for the reader, by release."""
    found: dict[str, list[RecordedExport]] = {}
    for export in site.files.circulation().exports.values():
        if asked.reader.may_read(export.recipient):
            found.setdefault(export.release, []).append(export)
    return found


def _found_campaign(site: Site, asked: ApiRequest) -> PortalSubject:
    subject = None
    if site.tables.exist:
        subject = site.tables.subject("campaign", asked.part("campaign"), asked.reader.scope)
    if subject is None:
        raise not_found()
    return subject


def _rows(
    site: Site, asked: ApiRequest, statement: str, values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The rows of a page, and one more where there is another page."""
    if not site.tables.exist:
        return []
    limits = {"most": asked.number(LIMIT) + 1, "after": asked.number(OFFSET)}
    return site.tables.records(statement, {**values, **limits})


def _page(asked: ApiRequest, found: Sequence[Mapping[str, Any]]) -> Response:
    """A page of a list; `next` is the offset of the page that follows, null on the last one."""
    limit = asked.number(LIMIT)
    following = asked.number(OFFSET) + limit if len(found) > limit else None
    return json_answer(asked, {"items": list(found[:limit]), "next": following})


# --- objects as JSON


def _listed(one: FoundCampaign) -> dict[str, Any]:
    return _campaign(one) | {"newest": _day(one.newest)}


def _campaign(one: FoundCampaign | PortalSubject) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name if isinstance(one.name, str) else one.name.english,
        "advertiser": {"id": one.advertiser_id, "name": one.advertiser},
        "starts_on": _day(one.starts_on),
        "ends_on": _day(one.ends_on),
    }


def _campaign_period(one: PeriodFigure) -> dict[str, Any]:
    return {
        "release": one.release,
        "advertiser_id": one.advertiser_id,
        "period": _period(one.period),
        **_people(one.figure),
        "corrects": one.corrects or None,
    }


def _figure(one: ListedFigure) -> dict[str, Any]:
    codes = dict(zip(("gender", "age", "region"), one.segment.codes, strict=True))
    return {
        "release": one.release,
        "subject": {
            "kind": one.kind,
            "id": one.subject,
            "name": one.name,
            "advertiser_id": one.advertiser_id,
        },
        "period": _period(Period.from_id(one.period)),
        "segment": {"id": one.segment.id, "name": one.segment.name, **codes},
        **_people(one.figure),
        "rounding": one.rounding,
        "nearest": _nearest(one.nearest),
    }


def _nearest(row: TableRow | None) -> dict[str, Any] | None:
    if row is None:
        return None
    codes = dict(zip(("gender", "age", "region"), row.codes, strict=True))
    return {"segment": {"id": row.id, "name": row.name.english, **codes}, **_people(row.figure)}


def _people(figure: Bounded | None) -> dict[str, Any]:
    return {
        "status": "published" if figure else "suppressed",
        "people": figure.people if figure else None,
        "people_least": figure.least if figure else None,
        "people_most": figure.most if figure else None,
    }


def _release(exports: Sequence[RecordedExport]) -> dict[str, Any]:
    """A release as its exports for the reader state it."""
    one = exports[0]
    state = "withdrawn" if one.withdrawn else "corrected" if one.corrected_by else "in force"
    retired = next((export.retired for export in exports if export.retired), "")
    return {
        "id": one.release,
        "series": _series(one),
        "period": _period(one.period),
        "number": one.number,
        "changed": max(export.changed for export in exports),
        "state": state,
        "reason": one.withdrawn or one.correction or None,
        "corrects": one.corrects or None,
        "corrected_by": one.corrected_by or None,
        "retired": retired or None,
        "recipients": sorted(export.recipient for export in exports),
    }


def _series(export: RecordedExport) -> str:
    return f"{export.subject_kind}-{export.period.kind}"


def _period(period: Period) -> dict[str, Any]:
    return {
        "id": period.id,
        "kind": period.kind,
        "start": _day(period.start),
        "end": _day(period.end),
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
