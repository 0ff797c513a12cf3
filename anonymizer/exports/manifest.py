"""The manifest beside the files of an export: digests, and the data label.

The label's fields follow the IAB Tech Lab Data Transparency Standard 1.1; what differs from
row to row (segment, geography, count) stands in the columns that it names.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anonymizer.files import sha256
from anonymizer.release import Campaign, Release, Segment

_FORMAT = 1
_CADENCE = {"day": "daily", "week": "weekly", "month": "monthly"}
_LOOKBACK = {"day": "1 day", "week": "7 days", "month": "1 calendar month"}
# Which columns of the files hold the label's fields that differ from row to row.
_COLUMNS = {
    "segment_id": "segment_id",
    "name": "segment",
    "taxonomy_ids": "iab_ids, joined with ;",
    "geography": "region_code, region",
    "count": "people, empty where withheld",
    "count_rounding": "rounding",
}


def manifest_bytes(release: Release, campaigns: Sequence[Campaign], folder: Path) -> bytes:
    """The manifest of the files in `folder`, all of one advertiser."""
    first = campaigns[0]
    content = {
        "format": _FORMAT,
        "release": release.id,
        "release_number": release.number,
        "policy_digest": release.policy_digest,
        "catalogue_digest": release.catalogue_digest,
        "advertiser": {"id": first.advertiser_id, "name": first.advertiser_name},
        "campaigns": {campaign.id: campaign.name for campaign in campaigns},
        "files": {
            path.name: {"sha256": sha256(path), "bytes": path.stat().st_size}
            for path in sorted(folder.iterdir())
        },
        "data_label": _data_label(release),
    }
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _data_label(release: Release) -> dict[str, Any]:
    period = release.period
    return {
        "standard": "IAB Tech Lab Data Transparency Standard 1.1",
        "provider_name": release.provider,
        "taxonomy": {"name": "IAB Audience Taxonomy 1.1", "segtax": 4},
        "segments": [_named(segment) for segment in release.segments.values() if segment.named],
        "further_segments": "one a row in the files",
        "columns": _COLUMNS,
        "geography": "Indonesia",
        "audience_criteria": "people who accessed the campaign's advertising link",
        "source_events": "visits to the campaign's advertising link",
        "data_sources": ["web usage", "registered profiles"],
        "inclusion_methodology": {"visits": "observed", "gender, age, region": "declared"},
        "precision_level": "individuals, disclosed as aggregates only",
        "id_types": [],
        "count": {
            "unit": "people, each once a period",
            "at_least": release.promise.k,
            "rounded_to_multiples_of": release.promise.rounding,
        },
        "audience_expansion": False,
        "device_expansion": False,
        "period": {
            "id": period.id,
            "start": period.start.isoformat(),
            "end": period.end.isoformat(),
            "timezone": release.timezone,
        },
        "lookback": _LOOKBACK[period.kind],
        "refresh_cadence": _CADENCE[period.kind],
    }


def _named(segment: Segment) -> dict[str, Any]:
    return {
        "segment_id": segment.id,
        "name": segment.name.english,
        "name_indonesian": segment.name.indonesian,
        "taxonomy_ids": list(segment.iab_ids),
        "geography": segment.region_name.english,
    }
