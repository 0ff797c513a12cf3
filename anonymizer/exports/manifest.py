"""The manifest beside the files of an export: digests, and the data label.

The label's fields follow the IAB Tech Lab Data Transparency Standard 1.1; what differs from
row to row (segment, geography, count) stands in the columns that it names.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from anonymizer.model.dimensions import REGION_REFERENCE
from anonymizer.model.subjects import Campaign, Subject, name_of
from anonymizer.model.tables import SubjectKind
from anonymizer.model.windows import INTEREST_DAYS
from anonymizer.release.release import Release, Segment
from anonymizer.storage.files import sha256

_FORMAT = 2
_CADENCE = {"day": "daily", "week": "weekly", "month": "monthly"}
_LOOKBACK = {"day": "1 day", "week": "7 days", "month": "1 calendar month"}
_REGISTERED = {"gender, age, region": "declared"}


@dataclass(frozen=True)
class _Kind:
    """What the label says of one kind of tables."""

    criteria: str
    events: str
    sources: tuple[str, ...] = ("web usage", "registered profiles")
    methodology: Mapping[str, str] = field(
        default_factory=lambda: {"visits": "observed", **_REGISTERED}
    )


_KINDS: Mapping[SubjectKind, _Kind] = {
    "campaign": _Kind(
        "people who accessed the campaign's advertising link",
        "visits to the campaign's advertising link",
    ),
    "audience": _Kind(
        "everybody who may be counted on the last day of the month: registered, of age, with an "
        "open account and the consents",
        "none: everybody with a profile counts",
        ("registered profiles",),
        _REGISTERED,
    ),
    "interest": _Kind(
        f"people who viewed products of the interest's categories in the {INTEREST_DAYS} days to "
        "the last day of the week, and allowed cookies for advertising",
        "visits to pages of products of these categories",
    ),
}
# Which columns of the files hold the label's fields that differ from row to row.
_COLUMNS = {
    "segment_id": "segment_id",
    "name": "segment",
    "taxonomy_ids": "iab_ids, joined with ;",
    "geography": "region_code, region",
    "count": "people, empty where suppressed",
    "count_rounding": "rounding",
}


def manifest_bytes(release: Release, subjects: Sequence[Subject], folder: Path) -> bytes:
    """The manifest of the files in `folder`: all of one advertiser, or for every one."""
    content = {
        "format": _FORMAT,
        "release": release.id,
        "release_number": release.number,
        **({"corrects": release.corrects} if release.corrects else {}),
        "policy_digest": release.policy_digest,
        "catalogue_digest": release.catalogue_digest,
        "advertiser": _advertiser(subjects[0]),
        "subject_kind": release.kind,
        "subjects": {subject.id: name_of(subject).english for subject in subjects},
        "files": {
            path.name: {"sha256": sha256(path), "bytes": path.stat().st_size}
            for path in sorted(folder.iterdir())
        },
        "data_label": _data_label(release),
    }
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _advertiser(subject: Subject) -> dict[str, str] | None:
    """Whose campaigns they are; None where the files are for every advertiser."""
    if not isinstance(subject, Campaign):
        return None
    return {"id": subject.advertiser_id, "name": subject.advertiser_name}


def _data_label(release: Release) -> dict[str, Any]:
    period, kind = release.period, _KINDS[release.kind]
    return {
        "standard": "IAB Tech Lab Data Transparency Standard 1.1",
        "provider_name": release.provider,
        "taxonomy": {"name": "IAB Audience Taxonomy 1.1", "segtax": 4},
        "segments": [_named(segment) for segment in release.segments.values() if segment.named],
        "further_segments": "one a row in the files",
        "columns": _COLUMNS,
        "geography": "Indonesia",
        "geography_codes": asdict(REGION_REFERENCE),
        "audience_criteria": _criteria(release),
        "source_events": kind.events,
        "data_sources": list(kind.sources),
        "inclusion_methodology": dict(kind.methodology),
        "precision_level": "individuals, disclosed as aggregates only",
        "id_types": [],
        "count": {
            "unit": "people, each once a period",
            "at_least": release.promise.k,
            "rounded_to_multiples_of": release.base,
            "differs_from_true_number_by_at_most": release.error,
        },
        "audience_expansion": False,
        "device_expansion": False,
        "period": {
            "id": period.id,
            "start": period.start.isoformat(),
            "end": period.end.isoformat(),
            "timezone": release.timezone,
        },
        "lookback": _lookback(release),
        "refresh_cadence": _CADENCE[period.kind],
    }


def _criteria(release: Release) -> str:
    """Who is counted, and the bounds on how often."""
    promise, words = release.promise, _KINDS[release.kind].criteria
    if promise.min_account_days:
        words += f"; accounts are at least {promise.min_account_days} days old"
    if release.kind == "campaign":
        words += (
            "; a visit counts for one campaign, a person in at most "
            f"{promise.campaigns_per_person} of one advertiser and period"
        )
    return words


def _lookback(release: Release) -> str:
    if release.kind == "audience":
        return "none, as of the last day of the month"
    if release.kind == "interest":
        return f"{INTEREST_DAYS} days, to the last day of the week"
    return _LOOKBACK[release.period.kind]


def _named(segment: Segment) -> dict[str, Any]:
    return {
        "segment_id": segment.id,
        "name": segment.name.english,
        "name_indonesian": segment.name.indonesian,
        "taxonomy_ids": list(segment.iab_ids),
        "geography": segment.region_name.english,
    }
