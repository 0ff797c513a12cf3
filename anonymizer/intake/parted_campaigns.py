"""Campaigns in parts, at intake: what is read for them, and what stands for a divided campaign.

What a visit counts for is decided here, on its own local day, and never again: a week or month
counts its days' visits as the days did. Of a column that divides campaigns nothing but the part
goes on, and where no rule names it, it is not read.
"""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from anonymizer.intake.contract import RawTable, visits_with
from anonymizer.model.campaign_parts import (
    CampaignStretch,
    PartRule,
    rules_in_force,
    stretches,
)
from anonymizer.model.policy import Policy
from anonymizer.model.windows import oldest_needed
from anonymizer.storage.engine import Engine

_STRETCH = {
    "campaign_id": "id",
    "campaign_name": "name",
    "starts_on": "starts_on",
    "ends_on": "ends_on",
}


def visits_read(policy: Policy, day: date) -> RawTable:
    """The visits of a day with the columns that rules need for it and for late visits.

    No file may lack such a column: all its visits would be `other` unnoticed, late ones of a rule
    that has ended too.
    """
    oldest = oldest_needed(day, policy.timing)
    rules = rules_in_force(policy.campaign_parts, day)
    return visits_with({each.rule.column for each in rules if each.last_day >= oldest})


def load_parts(engine: Engine, rules: Sequence[PartRule], day: date) -> None:
    """Load `part_rules` and `part_words`: the rules that have begun by the day."""
    begun = rules_in_force(rules, day)
    listed = pa.list_(pa.string())
    engine.load(
        "part_rules",
        pa.table(
            {
                "rule": pa.array(range(len(begun)), pa.int32()),
                "first_day": pa.array([each.rule.from_day for each in begun], pa.date32()),
                "last_day": pa.array([each.last_day for each in begun], pa.date32()),
                "part_column": pa.array([each.rule.column for each in begun], pa.string()),
                "campaigns": pa.array([each.rule.campaigns or None for each in begun], listed),
            }
        ),
    )
    words = [
        (number, word, code)
        for number, each in enumerate(begun)
        for word, code in each.rule.words.items()
    ]
    engine.load(
        "part_words",
        pa.table(
            {
                "rule": pa.array([number for number, _, _ in words], pa.int32()),
                "word": pa.array([word for _, word, _ in words], pa.string()),
                "part": pa.array([code for _, _, code in words], pa.string()),
            }
        ),
    )


def parted_campaigns(campaigns: pa.Table, rules: Sequence[PartRule], day: date) -> pa.Table:
    """The accepted campaigns as they are known on a day, each part in a row, sorted by id."""
    rows = [
        {**row, **{column: getattr(stretch, name) for column, name in _STRETCH.items()}}
        for row in campaigns.to_pylist()
        for stretch in stretches(CampaignStretch(*(row[column] for column in _STRETCH)), rules, day)
    ]
    return pa.Table.from_pylist(rows, schema=campaigns.schema).sort_by("campaign_id")


def unknown_campaigns(campaigns: pa.Table, rules: Sequence[PartRule], day: date) -> int:
    """How many campaign ids the rule of a day names that no accepted campaign has."""
    ruling = [each for each in rules_in_force(rules, day) if each.last_day >= day]
    named = {campaign for each in ruling for campaign in each.rule.campaigns}
    return len(named - set(campaigns["campaign_id"].to_pylist()))
