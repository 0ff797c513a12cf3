"""Whether a day looks like the days before it, so that a wrong delivery does not become final.

    row accounts of a day -> measures -> compared with earlier days and with limits -> deviations

A measure is a number of rows or people, or a share of rows that met one fate. It is compared with
the median of the same weekdays before; with too few of these, with the median of all earlier days,
more loosely; without earlier days, with a fixed limit. Counts only; nothing here sees a row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from statistics import median

from anonymizer.model.accounting import RowAccount
from anonymizer.model.policy import Plausibility

# Shares that follow from which campaigns run, more than from whether a delivery is right.
_OF_CAMPAIGNS = frozenset({"no_campaign", "outside_target", "contribution_bound"})
# Shares of rows that a right delivery hardly has, whatever the days before.
_RARE = frozenset({"age_not_known", "no_profile", "gender_not_mapped", "region_not_mapped", "late"})
# Shares of which less than expected is no fault: a source that was repaired, and the last day that
# has arrived, whose visits of the next day are not there yet.
_UNSTATED = frozenset({"gender_not_stated", "region_not_stated"})
_ONLY_MORE = _RARE | _UNSTATED | {"other_day", "quarantined", "erased"}
# Counts that are compared with other days, and where to look. Not all rows of visits: the folder of
# the next day, which is read too, is hardly begun when the last day is run.
_VISITS = "raw/visits: only a part of it, visits of another day, or of two days"
_COUNTS = {
    "visits of the day": _VISITS,
    "visits counted": _VISITS,
    "profiles": "raw/profiles: only a part of it, or two snapshots at once",
    "consents": "raw/consents: only a part of it, or one file twice with different bytes",
    "requests": "raw/requests: only a part of it, or one file twice with different bytes",
    "campaigns": "raw/campaigns: only a part of it, or campaigns of another year",
    "people": "user_id in raw/profiles and in raw/visits",
    "people of visits": "user_id in raw/visits",
    "people of consents": "user_id in raw/consents",
    "people of requests": "user_id in raw/requests",
    "people counted": "raw/profiles, raw/consents and raw/requests",
}
# What was passed over, and what is then missing from the figures.
_IGNORED = {
    "ignored columns": "columns in the files of the day that are not in the contract",
    "ignored files and folders": "names in raw/ that no run reads",
}
_LOOK_AT = {
    "age_not_known": "birth_date in raw/profiles",
    "minor": "birth_date in raw/profiles",
    "gender_not_mapped": "gender in raw/profiles, and codings.gender in policy.yaml",
    "region_not_mapped": "region_code in raw/profiles, and codings.region in policy.yaml",
    "gender_not_stated": "gender in raw/profiles",
    "region_not_stated": "region_code in raw/profiles",
    "closed": "closed_at in raw/profiles",
    "new_account": "registered_at in raw/profiles",
    "not_yet_registered": "registered_at in raw/profiles",
    "no_profile": "user_id in raw/profiles and in raw/visits",
    "guest": "user_id in raw/visits",
    "no_campaign": "url in raw/visits and link_url in raw/campaigns",
    "outside_target": "target_regions in raw/campaigns and region_code in raw/profiles",
    "program": "user_agent in raw/visits",
    "late": "occurred_at in raw/visits, and the day of the folder",
    "other_day": "occurred_at in raw/visits, and the day of the folder",
    "withdrawn": "raw/requests",
    "erased": "raw/requests",
}
_CONSENTS = "raw/consents"


@dataclass(frozen=True)
class Measures:
    """What a day came to. `counts` are rows by name; `shares` are (rows, of how many) by name.

    A name is `table` or `table reason`, as in the row accounts. On a day without `campaigns` how
    visits are counted says nothing of the delivery, so it is neither measured nor compared with.
    """

    day: date
    counts: Mapping[str, int] = field(default_factory=dict)
    shares: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    campaigns: bool = True

    def share(self, name: str) -> float:
        """A share as a fraction; 0 of nothing and for what did not occur."""
        part, whole = self.shares.get(name, (0, 0))
        return part / whole if whole else 0.0


@dataclass(frozen=True)
class Deviation:
    """A measure that is out of its limits: what was found, expected and allowed, as text."""

    measure: str
    found: str
    expected: str
    limit: str
    look_at: str

    def __str__(self) -> str:
        return (
            f"{self.measure}: found {self.found}, expected {self.expected}, "
            f"limit {self.limit}; look at {self.look_at}"
        )


@dataclass(frozen=True)
class Remarks:
    """What intake says of a day besides its accounts.

    `unmapped`: of how many profiles a value could not be used or is not stated, by reason.
    `people`: how many a table is about. `ignored`: how many `columns` and `files` were passed over.
    """

    unmapped: Mapping[str, int] = field(default_factory=dict)
    people: Mapping[str, int] = field(default_factory=dict)
    ignored: Mapping[str, int] = field(default_factory=dict)


def measures_of(
    day: date,
    raw: Mapping[str, RowAccount],
    people: RowAccount,
    visits: RowAccount | None,
    remarks: Remarks,
) -> Measures:
    """The measures of a day from its accounts.

    `raw` are the accounts of intake by table, `people` that of eligibility, `visits` that of
    counting; None on a day on which no campaign ran.
    """
    counts = {table: account.read for table, account in raw.items()}
    counts |= {"visits of the day": raw["visits"].counted}
    counts |= {"people": people.read, "people counted": people.counted}
    counts |= {f"people of {table}": number for table, number in remarks.people.items()}
    for name, passed_over in zip(_IGNORED, ("columns", "files"), strict=True):
        if passed_over in remarks.ignored:
            counts[name] = remarks.ignored[passed_over]
    shares: dict[str, tuple[int, int]] = {}
    for table, account in raw.items():
        shares[f"{table} quarantined"] = (sum(account.quarantined.values()), account.read)
        shares |= _by_reason(table, account.excluded, account.read)
    shares |= _by_reason("people", people.excluded, people.read)
    if visits:
        counts["visits counted"] = visits.counted
        shares |= _by_reason("visits", visits.excluded, visits.read)
    shares |= _by_reason("profiles", remarks.unmapped, raw["profiles"].counted)
    return Measures(day, counts, shares, campaigns=visits is not None)


def _by_reason(table: str, reasons: Mapping[str, int], whole: int) -> dict[str, tuple[int, int]]:
    return {f"{table} {reason}": (rows, whole) for reason, rows in reasons.items()}


def deviations(
    today: Measures, before: Sequence[Measures], limits: Plausibility
) -> tuple[Deviation, ...]:
    """Every measure of a day that is out of its limits, given the earlier days that were right."""
    weekday = today.day.weekday()
    alike = [day for day in before if day.day.weekday() == weekday]
    same = len(alike) >= limits.min_days
    compared = alike if same else before
    if len(compared) < limits.min_days:
        compared = ()
    return (
        *_smaller_snapshots(today, before, limits),
        *_odd_counts(today, compared, limits, same=same),
        *_more_ignored(today, before),
        *_odd_shares(today, compared, limits, same=same),
    )


def _smaller_snapshots(
    today: Measures, before: Sequence[Measures], limits: Plausibility
) -> Iterable[Deviation]:
    """Tables that are full snapshots or histories do not shrink from one day to the next."""
    last = max((day for day in before if day.day < today.day), key=lambda of: of.day, default=None)
    for table in ("profiles", "consents", "requests"):
        expected = last.counts.get(table, 0) if last else 0
        found, least = today.counts.get(table, 0), limits.min_snapshot_ratio
        if expected >= limits.min_rows and found < least * expected:
            yield Deviation(
                f"rows of {table}",
                f"{found:,}",
                f"{expected:,} as on the day before",
                f"at least {least:.0%} of that",
                f"raw/{table}: only a part of a file, or an old file",
            )


def _odd_counts(
    today: Measures, compared: Sequence[Measures], limits: Plausibility, *, same: bool
) -> Iterable[Deviation]:
    for name, look_at in _COUNTS.items():
        if name == "visits counted" and not today.campaigns:
            continue
        known = [day.counts[name] for day in compared if name in day.counts]
        expected = median(known) if known else 0
        found, wider = today.counts.get(name, 0), 1.0 if same else limits.other_weekdays_factor
        lowest, highest = limits.min_visits_ratio / wider, limits.max_visits_ratio * wider
        if name == "visits counted":  # which campaigns run changes it, too
            lowest, highest = lowest / 2, highest * 2
        if expected < limits.min_rows or lowest * expected <= found <= highest * expected:
            continue
        yield Deviation(
            name,
            f"{found:,}",
            f"{expected:,.0f} as on {_days(same=same)}",
            f"{lowest:.0%} to {highest:.0%} of that",
            look_at,
        )


def _more_ignored(today: Measures, before: Sequence[Measures]) -> Iterable[Deviation]:
    """A source that changes its columns or folders: what is passed over is in no figure."""
    for name, look_at in _IGNORED.items():
        known = [day.counts[name] for day in before if name in day.counts]
        found = today.counts.get(name, 0)
        if known and found > max(known):
            most = f"{max(known):,}"
            yield Deviation(name, f"{found:,}", f"at most {most} as before", most, look_at)


def _odd_shares(
    today: Measures, compared: Sequence[Measures], limits: Plausibility, *, same: bool
) -> Iterable[Deviation]:
    for name in _names_of_shares(today, compared):
        table, reason = name.split(" ", 1)
        whole = today.shares[name][1] if name in today.shares else limits.min_rows
        if whole < limits.min_rows:
            continue
        found, own = today.share(name), _own_limit(reason, limits)
        if compared:
            known = [day for day in compared if _was_measured(day, table, reason)]
            if not known:
                continue
            expected = median([day.share(name) for day in known])
            change = _share_change(reason, limits, same=same)
            off = found - expected if reason in _ONLY_MORE else abs(found - expected)
            if off > change:
                yield _odd_share(table, reason, found, (expected, change), _days(same=same))
        elif own or reason in _RARE:
            most = own or limits.max_share_without_history
            if found > most:
                yield _odd_share(table, reason, found, (0.0, most), "any day")


def _names_of_shares(today: Measures, compared: Sequence[Measures]) -> list[str]:
    """The shares that today has or should have."""
    names = {*today.shares, *(name for day in compared for name in day.shares)}
    if not today.campaigns:
        names = {name for name in names if name in today.shares or not name.startswith("visits ")}
    return sorted(names)


def _was_measured(day: Measures, table: str, reason: str) -> bool:
    """Whether a share that a day does not state was 0 there."""
    if f"{table} {reason}" in day.shares:
        return True
    return reason not in _UNSTATED and (day.campaigns or table != "visits")


def _own_limit(reason: str, limits: Plausibility) -> float | None:
    """The limit that the policy sets for the shares of one reason."""
    return next(
        (most for name, most in limits.max_share_change_by_reason.items() if name == reason), None
    )


def _share_change(reason: str, limits: Plausibility, *, same: bool) -> float:
    wider = 1.0 if same else limits.other_weekdays_factor
    own = _own_limit(reason, limits)
    if own is None and reason in _OF_CAMPAIGNS:
        return limits.max_campaign_share_change
    return (own or limits.max_share_change) * wider


def _odd_share(
    table: str, reason: str, found: float, allowed: tuple[float, float], days: str
) -> Deviation:
    expected, change = allowed
    fallback = _CONSENTS if reason.startswith("no_consent") else f"raw/{table}"
    return Deviation(
        f"{table}: {reason}",
        f"{found:.1%}",
        f"{expected:.1%} as on {days}",
        f"{change * 100:.0f} percentage points from that",
        _LOOK_AT.get(reason, fallback),
    )


def _days(*, same: bool) -> str:
    return "the same weekdays before" if same else "the days before"
