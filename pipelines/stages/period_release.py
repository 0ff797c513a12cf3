"""One period of a series: suppressed, checked, released once, exported.

A period for which a correction is ordered is released once more, in its next edition. What was
published before stays as it is. Groups are judged against those of all earlier releases
(promise 8), figures are compared with the earlier releases that are linked to them; evidence of
what had to be suppressed for that stays in `private/`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer.counting.reach import load_counted_series, load_overlaps
from anonymizer.counting.working_rows import day_of
from anonymizer.exports.export_folders import write_exports
from anonymizer.model.accounting import RowAccount
from anonymizer.model.errors import Held
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy, Timing
from anonymizer.model.segments import Catalogue
from anonymizer.model.series import CAMPAIGN_DAY, Series, edition_of
from anonymizer.model.subjects import EVERYONE, Campaign, Subject, Topic
from anonymizer.model.tables import Counted
from anonymizer.model.version import code_version
from anonymizer.model.windows import inputs_of
from anonymizer.release.acceptances import accepted_of
from anonymizer.release.corrections import editions, newest, open_order
from anonymizer.release.earlier_releases import earlier_releases
from anonymizer.release.gate import Checked, ReleaseHistory, check
from anonymizer.release.ledger import Ledger
from anonymizer.release.near_state import lost_state, near_history
from anonymizer.release.publication import (
    Facts,
    Publication,
    load_release,
    publish,
    released,
    restore_state,
)
from anonymizer.release.release import PUBLISHED
from anonymizer.storage.home import Home
from anonymizer.suppression.release_suppression import ReleaseTerms as SuppressionTerms
from anonymizer.suppression.release_suppression import Suppressed, suppress_release
from pipelines.resources.resources import Installation, PeriodTerms
from pipelines.resources.workers import heedful_workers
from pipelines.stages import journal
from pipelines.stages.accounts import final_accounts, read_account
from pipelines.stages.evidence import evidence_kept, keep_evidence
from pipelines.stages.figures import write_protected
from pipelines.stages.plausibility_gate import require_plausible
from pipelines.stages.rewritten_inputs import rewritten

NOTHING: Mapping[str, Any] = {
    "already_released": False,
    "tables": 0,
    "published": 0,
    "suppressed": 0,
    "recipients": 0,
}


@dataclass(frozen=True)
class _ReleaseContext:
    """Where releases are, and where the working data of the period are: `scratch` in a dry run."""

    home: Home
    ledger: Ledger
    series: Series
    period: Period
    edition: int = 1
    scratch: Home | None = None

    @property
    def data(self) -> Home:
        """The home of the period's working files."""
        return self.scratch or self.home


def release_period(
    installation: Installation, ledger: Ledger, series: Series, period: Period
) -> Mapping[str, Any]:
    """Counts of the release that the period has now, `NOTHING` where there is no table.

    Raises Disclosure or Held when it is not published.
    """
    approved = installation.require_approved_settings()  # may have changed since intake
    terms = installation.terms(period)
    edition = expected_edition(ledger, series, period)
    place = _ReleaseContext(installation.home, ledger, series, period, edition)
    before = released(place.home, ledger, terms.secret, series.kind, period)
    if before and before.release.edition == edition:  # final, whatever the data say now
        _restore_lost_state(place, terms)
        return {**_export(before, place, terms), **_rewritten(place, terms.policy.timing)}
    counted = _counted(place, terms)
    if not counted:
        _refuse_empty_correction(place)
        return NOTHING
    accepted = ""
    if series == CAMPAIGN_DAY:
        accepted = require_plausible(place.home, ledger, period.end, approved)
    else:
        _require_plausible_days(place, terms.policy.timing, approved)
    subjects = _subjects(place, terms.catalogue)
    checked = _check(place, terms, counted, subjects)
    facts = replace(_facts(place, terms.policy, subjects), acceptance=accepted)
    published = publish(checked, facts, place.home, ledger, terms.secret)
    return _export(published, place, terms)


def _require_plausible_days(place: _ReleaseContext, timing: Timing, approved: Policy) -> None:
    """Hold a longer period of a day whose files did not pass the gate of the day itself.

    That are files of a released day that was taken in anew, which is not released again, and those
    of a day without a release: no campaign ran, or it is held.
    """
    taken = _taken(place.home, place.series, place.period, timing)
    for day, inputs in taken.items():
        entry = newest(place.ledger, CAMPAIGN_DAY, Period("day", day))
        if entry is None or entry.body["inputs"] != dict(inputs):
            require_plausible(place.home, place.ledger, day, approved)


def foresee(
    home: Home,
    scratch: Home,
    ledger: Ledger,
    terms: PeriodTerms,
    day: date,
    counted: Sequence[Counted],
) -> "ForeseenRelease":
    """What a run would publish of a day whose working data are in `scratch`. Writes nothing.

    Raises Disclosure or Held as `release_period` does.
    """
    period = Period("day", day)
    edition = expected_edition(ledger, CAMPAIGN_DAY, period)
    place = _ReleaseContext(home, ledger, CAMPAIGN_DAY, period, edition, scratch)
    tables = tuple(replace(one, key=replace(one.key, edition=edition)) for one in counted)
    return ForeseenRelease(tables, *_judge(place, terms, tables, _subjects(place, terms.catalogue)))


@dataclass(frozen=True)
class ForeseenRelease:
    """What a run would publish of a period under given terms, with the private counts behind it."""

    counted: tuple[Counted, ...]
    tables: tuple[Suppressed, ...]
    checked: Checked


def foresee_period(
    home: Home, ledger: Ledger, series: Series, period: Period, terms: PeriodTerms
) -> ForeseenRelease:
    """A period suppressed and checked from its counts in `private/`. Writes nothing.

    It is judged against the releases that came before it in the ledger, whatever terms these had.
    Raises Disclosure or Held as `release_period` does, Held `no_counts` where nothing was counted.
    """
    edition = expected_edition(ledger, series, period)
    place = _ReleaseContext(home, ledger, series, period, edition)
    counted = _counted(place, terms)
    if not counted:
        raise Held("no_counts", f"no table was counted for {series.release_id(period)}")
    return ForeseenRelease(
        counted, *_judge(place, terms, counted, _subjects(place, terms.catalogue))
    )


def expected_edition(ledger: Ledger, series: Series, period: Period) -> int:
    """The edition that is ordered, else the one in force: 1 where nothing is released."""
    if order := open_order(ledger, series, period):
        return edition_of(order.release)
    release = newest(ledger, series, period)
    return edition_of(release.subject) if release else 1


def objections_as_of(home: Home, ledger: Ledger, series: Series, period: Period) -> date | None:
    """The day whose consents and requests act on a correction of a week or month.

    They are the newest that any run has taken in. A release that was corrected keeps the day that
    the ledger recorded. None where the closing day decides, as for all first releases; a day is
    always taken in anew.
    """
    if series == CAMPAIGN_DAY:
        return None
    if open_order(ledger, series, period):
        return newest_objections(home)
    entry = newest(ledger, series, period)
    recorded = entry.body.get("objections") if entry else None
    return date.fromisoformat(recorded) if recorded else None


def newest_objections(home: Home) -> date | None:
    """The newest day whose consents and requests are taken in."""
    taken = [
        {day_of(path) for path in (home.private / stage).glob("day=*.parquet")}
        for stage in ("consents", "requests")
    ]
    return max(taken[0] & taken[1], default=None)


def _counted(place: _ReleaseContext, terms: PeriodTerms) -> tuple[Counted, ...]:
    """The counts of the period, as tables of the edition."""
    counted = load_counted_series(place.home, place.series, place.period, terms.catalogue)
    return tuple(replace(table, key=replace(table.key, edition=place.edition)) for table in counted)


def _refuse_empty_correction(place: _ReleaseContext) -> None:
    if place.edition > 1:
        raise Held(
            "nothing_to_correct_with",
            f"no campaign has a table in {place.period.id} now, so a correction would have no "
            "figures; check raw/campaigns, or remove the release from the exports with: audience "
            "withdraw-release",
        )


def _check(
    place: _ReleaseContext,
    terms: PeriodTerms,
    counted: Sequence[Counted],
    subjects: Sequence[Subject],
) -> Checked:
    home, series, period = place.home, place.series, place.period
    with evidence_kept(home, series, period.end):
        tables, checked = _judge(place, terms, counted, subjects)
    keep_evidence(home, series, period.end, checked.comparison.evidence)
    write_protected(home, period.end, tables, checked.figures, terms.catalogue, series)
    return checked


def _judge(
    place: _ReleaseContext,
    terms: PeriodTerms,
    counted: Sequence[Counted],
    subjects: Sequence[Subject],
) -> tuple[tuple[Suppressed, ...], Checked]:
    home, series, period = place.home, place.series, place.period
    promise, effort = terms.policy.promise, terms.policy.effort
    own = SuppressionTerms(terms.catalogue, promise, terms.secret, effort)
    workers = heedful_workers(effort)
    near = near_history(
        home, place.ledger, series, period, promise.near_days, edition=place.edition
    )
    linked = earlier_releases(home, place.ledger, series, period, place.edition)
    overlaps = load_overlaps(place.data, series, period) if series.kind == "campaign" else {}
    tables = suppress_release(counted, near.releases(), own, workers)
    return tables, check(
        tables, counted, own, ReleaseHistory(near, linked, subjects, overlaps), workers
    )


def _restore_lost_state(place: _ReleaseContext, terms: PeriodTerms) -> None:
    """Judge a released period again where the file of its judged groups is lost."""
    entry = newest(place.ledger, place.series, place.period)
    if entry is None or not lost_state(place.home, entry):
        return
    checked = _check(place, terms, _counted(place, terms), _subjects(place, terms.catalogue))
    restore_state(checked, place.home, place.ledger)


def _export(
    published: Publication, place: _ReleaseContext, terms: PeriodTerms
) -> Mapping[str, Any]:
    release = published.release
    folders = write_exports(release, place.home, place.ledger, terms.secret)
    for corrected in editions(place.ledger.entries(), place.series, place.period)[:-1]:
        earlier = load_release(place.home, place.ledger, corrected.subject)
        write_exports(earlier, place.home, place.ledger, terms.secret)
    figures = pc.sum(pc.equal(release.figures["status"], PUBLISHED)).as_py() or 0
    tables = len(release.subjects)
    return {
        "release": release.id,
        "number": release.number,
        "already_released": published.already_released,
        "tables": tables,
        "published": figures,
        "suppressed": len(terms.catalogue) * tables - figures,
        "recipients": len(folders),
    }


def inputs_taken(home: Home, series: Series, period: Period, timing: Timing) -> dict[str, str]:
    """Name and digest of the raw files that were taken in for a period, by the journal."""
    inputs: dict[str, str] = {}
    for of_day in _taken(home, series, period, timing).values():
        inputs |= of_day
    return dict(sorted(inputs.items()))


def _taken(
    home: Home, series: Series, period: Period, timing: Timing
) -> dict[date, Mapping[str, str]]:
    """The raw files that each day of the period was taken in from, by the journal."""
    days = inputs_of(series, period, timing).days
    entries = ((day, journal.read(home, "intake", day)) for day in days)
    return {day: entry.facts.get("inputs", {}) for day, entry in entries if entry}


def _rewritten(place: _ReleaseContext, timing: Timing) -> Mapping[str, Any]:
    """The raw files that differ from those of the release, in words; nothing where none does."""
    name = place.series.release_id(place.period)
    entry = place.ledger.find_release(name)
    taken = inputs_taken(place.home, place.series, place.period, timing)
    if entry is None or not taken:
        return {}
    found = rewritten(entry.body["inputs"], taken)
    return {"raw_files_differ": found.explain(name)} if found else {}


def _facts(place: _ReleaseContext, policy: Policy, subjects: Sequence[Subject]) -> Facts:
    """What the ledger records beside the figures, from what the stages wrote down."""
    taken = _taken(place.home, place.series, place.period, policy.timing)
    longer = place.series != CAMPAIGN_DAY
    return Facts(
        policy=policy,
        subjects=subjects,
        inputs=inputs_taken(place.home, place.series, place.period, policy.timing),
        accounts=_accounts(place),
        code_version=code_version(),
        accepted_days=accepted_of(place.ledger, taken) if longer else (),
        objections=objections_as_of(place.home, place.ledger, place.series, place.period),
    )


def _accounts(place: _ReleaseContext) -> dict[str, RowAccount]:
    """Of a day that of every raw table; of a longer period that of its people and visits."""
    day, series = place.period.end, place.series
    if series == CAMPAIGN_DAY:
        return final_accounts(place.home, day)
    found = {}
    for name, stage in (("people", "eligibility"), ("visits", "reach")):
        entry = journal.read(place.home, series.stage(stage), day)
        if entry and "account" in entry.facts:
            found[name] = read_account(entry.facts["account"])
    return found


def _subjects(place: _ReleaseContext, catalogue: Catalogue) -> tuple[Subject, ...]:
    if place.series.kind == "audience":
        return (EVERYONE,)
    if place.series.kind == "interest":
        return tuple(Topic(interest.code, interest.name) for interest in catalogue.interests)
    path = place.data.working_file("campaigns", place.period.end)
    return tuple(_campaign(row) for row in pq.read_table(path, partitioning=None).to_pylist())


def _campaign(row: Mapping[str, Any]) -> Campaign:
    regions = row["target_regions"]
    return Campaign(
        id=row["campaign_id"],
        name=row["campaign_name"],
        advertiser_id=row["advertiser_id"],
        advertiser_name=row["advertiser_name"],
        starts_on=row["starts_on"],
        ends_on=row["ends_on"],
        target_regions=None if regions is None else tuple(regions),
    )
