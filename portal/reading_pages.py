"""The pages that show figures: campaigns, one subject in a period, its certificate, an outlook."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import get_args

from starlette.responses import Response

from anonymizer.exports.certificate import CERTIFICATE
from anonymizer.exports.circulation import RecordedExport
from anonymizer.exports.export_folders import FOR_ALL
from anonymizer.exports.language import Language, capitalised, grouped, worded
from anonymizer.model.periods import Period, PeriodKind
from anonymizer.storage.signature import opened
from portal import portal_limits
from portal.charts import ChartPoint, column_chart, trend_chart
from portal.portal_words import WORDS
from portal.province_map import MappedProvince, ProvinceMap, province_map
from portal.published_tables import (
    Bounded,
    FoundCampaign,
    KnownGroup,
    KnownGroups,
    PeriodFigure,
    PortalSubject,
    newest_of,
)
from portal.segment_outlook import WantedSegment, outlook
from portal.site import NotFound, PageRequest, Site
from portal.subject_view import SubjectView, view_of

KINDS: tuple[PeriodKind, ...] = get_args(PeriodKind)


@dataclass(frozen=True)
class News:
    """What happened to the exports of a release since the last visit."""

    what: str  # released, corrected, withdrawn
    period: Period
    number: int
    recipients: tuple[str, ...]
    reason: str = ""


def campaigns_page(site: Site, asked: PageRequest) -> Response:
    """The campaigns of who asks, with a search, and what is new."""
    scope = asked.signed_in.account.scope
    name, page = asked.asked("name").strip(), _page_number(asked)
    found: Sequence[FoundCampaign] = ()
    total = 0
    if site.tables.exist:
        found, total = site.tables.campaigns(
            scope,
            name,
            portal_limits.CAMPAIGNS_OF_A_PAGE,
            portal_limits.CAMPAIGNS_OF_A_PAGE * (page - 1),
        )
    news = _news(site, asked)
    return site.page(
        "campaigns.html",
        asked,
        name=name,
        found=found,
        total=total,
        next_page=page + 1 if total > portal_limits.CAMPAIGNS_OF_A_PAGE * page else None,
        several=scope is None or len(scope) > 1,
        news=news[: portal_limits.NEWS_OF_A_PAGE],
        more_news=len(news) > portal_limits.NEWS_OF_A_PAGE,
        exist=site.tables.exist,
    )


def open_subjects_page(site: Site, asked: PageRequest) -> Response:
    """The audience and the interests, which are about no advertiser's campaign."""
    subjects = site.tables.open_subjects() if site.tables.exist else ()
    return site.page("open_subjects.html", asked, subjects=subjects)


def subject_page(site: Site, asked: PageRequest) -> Response:
    """One campaign, interest or audience in a period."""
    subject = found_subject(site, asked)
    periods = site.tables.periods(subject)
    if not periods:
        raise NotFound
    chosen = _chosen(periods, asked)
    other = _other(site, asked, subject)
    view = view_of(subject, chosen, periods, site.tables, other)
    same = [one for one in periods if one.period.kind == chosen.period.kind]
    calendar = _calendar(same)
    recipient = chosen.advertiser_id or FOR_ALL
    export = site.files.circulation().exports.get((chosen.release, recipient))
    names = site.files.names_of(export, subject.id) if export and export.has_files else ()
    return site.page(
        "subject.html",
        asked,
        view=view,
        subject=subject,
        chosen=chosen,
        recipient=recipient,
        periods=same,
        kinds=[kind for kind in KINDS if newest_of(periods, kind)],
        trend=_trend(view, calendar, asked),
        trend_periods=[one for _, one in calendar if one],
        columns=_columns(view, asked),
        provinces=_provinces(view, asked),
        others=_others(site, asked, subject),
        other_id=other.id if other else "",
        export=export,
        names=_named(names, asked.language),
        withdrawn=_withdrawn(site, recipient, chosen.period),
        some_retired=any(one.retired for one in site.files.circulation().of(recipient)),
    )


def certificate_page(site: Site, asked: PageRequest) -> Response:
    """What an export promises, and how to check it."""
    export = found_export(site, asked)
    if not export.has_files:
        return gone(site, asked, export)
    statement, key = opened(site.files.certificate(export), "")
    example = next((name for name in sorted(export.files) if name.endswith(".xlsx")), CERTIFICATE)
    return site.page(
        "certificate.html", asked, export=export, certificate=statement, key=key, example=example
    )


def segment_page(site: Site, asked: PageRequest) -> Response:
    """Whether a composed segment is likely to be published."""
    query = asked.request.query_params
    wanted = WantedSegment(
        asked.asked("gender") or "all",
        frozenset(query.getlist("age")),
        frozenset(query.getlist("region")),
    )
    every = _kind(asked.asked("every")) or "week"
    chosen = asked.asked("subject")
    if not site.tables.exist:
        return site.page("segment.html", asked, answer=None, subjects=(), exist=False)
    groups = site.tables.groups()
    subject, answer = None, None
    if chosen:
        kind, _, id_ = chosen.partition(":")
        subject = site.tables.subject(kind, id_, asked.signed_in.account.scope)
        if subject is None:
            raise NotFound
        answer = outlook(wanted, subject, every, site.tables)
    return site.page(
        "segment.html",
        asked,
        exist=True,
        answer=answer,
        subject=subject,
        wanted=wanted,
        every=every,
        kinds=KINDS,
        name=groups.name(answer.codes) if answer and answer.codes else None,
        chosen=chosen,
        subjects=_subject_choices(site, asked),
        genders=list(groups.dimensions[0].values()),
        ages=[one for one in groups.dimensions[1].values() if one.level == "band"],
        regions={level: _regions(groups, level) for level in ("area", "province", "regency")},
    )


def _subject_choices(site: Site, asked: PageRequest) -> list[tuple[str, str]]:
    """Campaigns of who asks, and subjects that everyone may read, each with its name."""
    campaigns, _ = site.tables.campaigns(asked.signed_in.account.scope, most=portal_limits.CHOICES)
    return [
        *((f"campaign:{one.id}", one.name) for one in campaigns),
        *(
            (f"{one.kind}:{one.id}", worded(one.name, asked.language))
            for one in site.tables.open_subjects()
        ),
    ]


def _regions(groups: KnownGroups, level: str) -> list[KnownGroup]:
    regions = (one for one in groups.dimensions[2].values() if one.level == level)
    return sorted(regions, key=lambda one: one.name.english)


# --- what several pages and downloads ask


def found_subject(site: Site, asked: PageRequest) -> PortalSubject:
    """The subject that the path names. Raises NotFound for one that is not for who asks."""
    parts = asked.request.path_params
    subject = None
    if site.tables.exist:
        scope = asked.signed_in.account.scope
        subject = site.tables.subject(parts["kind"], parts["subject"], scope)
    if subject is None:
        raise NotFound
    return subject


def found_export(site: Site, asked: PageRequest) -> RecordedExport:
    """The export that the path names. Raises NotFound for one that is not for who asks."""
    parts = asked.request.path_params
    export = site.files.circulation().exports.get((parts["release"], parts["recipient"]))
    if export is None or not asked.signed_in.account.may_read(export.recipient):
        raise NotFound
    return export


def gone(site: Site, asked: PageRequest, export: RecordedExport) -> Response:
    """The answer for an export without files: why, and what to use instead.

    Of a corrected one that is the last correction, unless it was withdrawn.
    """
    if export.is_in_force:
        return retired(site, asked, export.retired)
    known = site.files.circulation()
    instead = known.last_correction(export.release)
    reason = export.withdrawn or export.correction
    if instead in known.withdrawn:
        instead, reason = "", known.withdrawn[instead]
    elif instead == export.release:
        instead = ""
    return site.message(asked, "gone", 410, reason=reason, instead=instead)


def retired(site: Site, asked: PageRequest, reason: str) -> Response:
    """The answer for files that were retired, whose figures stay in force."""
    return site.message(asked, "retired", 410, reason=reason)


def _chosen(periods: Sequence[PeriodFigure], asked: PageRequest) -> PeriodFigure:
    """The period that the address names; the newest week, month or day without one."""
    if wanted := asked.asked("period"):
        found = next((one for one in periods if one.period.id == wanted), None)
        if found is None:
            raise NotFound
        return found
    order: Sequence[PeriodKind] = ("week", "month", "day")
    if kind := _kind(asked.asked("every")):
        order = (kind,)
    newest = next((one for kind in order if (one := newest_of(periods, kind))), None)
    if newest is None:
        raise NotFound
    return newest


def _kind(text: str) -> PeriodKind | None:
    return next((kind for kind in KINDS if kind == text), None)


def _page_number(asked: PageRequest) -> int:
    text = asked.asked("page")
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text[:6]) == int(text) else 1


def _other(site: Site, asked: PageRequest, subject: PortalSubject) -> PortalSubject | None:
    """The campaign to compare with."""
    wanted = asked.asked("compare")
    if not wanted or subject.kind != "campaign":
        return None
    other = site.tables.subject("campaign", wanted, asked.signed_in.account.scope)
    if other is None:
        raise NotFound
    return other


def _others(site: Site, asked: PageRequest, subject: PortalSubject) -> Sequence[tuple[str, str]]:
    """The campaigns to compare with, by name."""
    if subject.kind != "campaign":
        return ()
    found, _ = site.tables.campaigns(asked.signed_in.account.scope, most=portal_limits.CHOICES)
    return sorted(
        ((one.id, one.name) for one in found if one.id != subject.id), key=lambda one: one[1]
    )


def _calendar(periods: Sequence[PeriodFigure]) -> list[tuple[Period, PeriodFigure | None]]:
    """The last periods of a kind as the calendar has them; None for one that is not released."""
    released = {one.period: one for one in periods}
    first, period = min(released), max(released)
    found = [(period, released.get(period))]
    while period > first and len(found) < portal_limits.TREND_PERIODS:
        period = Period.of(period.kind, period.start - timedelta(days=1))
        found.insert(0, (period, released.get(period)))
    return found


def _trend(
    view: SubjectView,
    calendar: Sequence[tuple[Period, PeriodFigure | None]],
    asked: PageRequest,
) -> object:
    """The drawing of everyone over the last periods; None where one is too few."""
    if len(calendar) <= 1 or not any(one and one.figure for _, one in calendar):
        return None
    points = [
        ChartPoint(_short(period), (one.figure if one else None,)) for period, one in calendar
    ]
    name = f"{worded(WORDS['trend'], asked.language)}: {worded(view.subject.name, asked.language)}"
    return trend_chart(points, name, lambda people: grouped(people, asked.language))


def _columns(view: SubjectView, asked: PageRequest) -> object:
    """The drawing of people by age and gender."""
    if not view.ages:
        return None
    by_gender = any(age.men or age.women for age in view.ages)
    points = [
        ChartPoint(
            age.code if age.code[:1].isdigit() else worded(age.name, asked.language),
            (age.men, age.women) if by_gender else (age.everyone,),
        )
        for age in view.ages
    ]
    name = worded(WORDS["ages"], asked.language)
    return column_chart(points, name, lambda people: grouped(people, asked.language))


def _provinces(view: SubjectView, asked: PageRequest) -> ProvinceMap | None:
    """The map of provinces; None where no province has a published figure."""
    language = asked.language

    def stated(figure: Bounded | None) -> str:
        if figure is None:
            return worded(WORDS["suppressed"], language)
        people, least, most = (
            grouped(number, language) for number in (figure.people, figure.least, figure.most)
        )
        return f"{people} ({least}\N{EN DASH}{most})"

    mapped = [
        MappedProvince(one.code, capitalised(worded(one.name, language)), one.figure)
        for one in view.provinces
    ]
    mapped.sort(key=lambda one: one.name)
    return province_map(mapped, worded(WORDS["province_map"], language), stated)


def _short(period: Period) -> str:
    """A period on an axis."""
    if period.kind == "day":
        return f"{period.start.day}/{period.start.month}"
    return period.id.partition("-")[2] if period.kind == "week" else period.id


def _named(names: Sequence[str], language: Language) -> dict[str, str]:
    """Files by what they are, the workbook in the language of the reader first."""
    found = {}
    for name in names:
        if name.endswith("_id.xlsx"):
            found["xlsx_indonesian"] = name
        elif name.endswith(".xlsx"):
            found["xlsx_english"] = name
        elif name.endswith(".csv"):
            found["csv"] = name
        elif name.endswith(".parquet"):
            found["parquet"] = name
    own = f"xlsx_{language}"
    order = dict.fromkeys((own, "xlsx_english", "xlsx_indonesian", "csv", "parquet"))
    return {kind: found[kind] for kind in order if kind in found}


def _withdrawn(site: Site, recipient: str, period: Period) -> list[RecordedExport]:
    """Withdrawn editions of a period."""
    return [
        one
        for one in site.files.circulation().of(recipient)
        if one.withdrawn and one.period == period
    ]


def _news(site: Site, asked: PageRequest) -> list[News]:
    """What happened since the visit before, newest first; of a release in one line."""
    session = asked.signed_in
    known = site.files.circulation().exports.values()
    mine = [one for one in known if session.account.may_read(one.recipient)]
    found: dict[tuple[str, str], News] = {}
    for one in mine:
        for what, number, reason in _happened(one):
            if number > session.news_after:
                line = found.get((what, one.release), News(what, one.period, number, (), reason))
                recipients = (*line.recipients, one.recipient)
                found[what, one.release] = replace(line, recipients=recipients)
    return sorted(found.values(), key=lambda line: -line.number)


def _happened(export: RecordedExport) -> Iterator[tuple[str, int, str]]:
    """What happened to an export, the number of the entry, and the public reason."""
    if export.is_in_force:
        yield "released", export.number, ""
    if export.withdrawn:
        yield "withdrawn", export.withdrawn_number, export.withdrawn
    if export.corrected_by:
        yield "corrected", export.corrected_number, export.correction
