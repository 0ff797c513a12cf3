"""Campaigns page by page, as programs read them, so that a release between two pages moves none.

The newest period of a campaign is that of the releases which there were at the first page. What is
withdrawn meanwhile moves a campaign to a later page, where it comes again; none is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.published_tables import FoundCampaign, PublishedTables, Scope, found_campaign


@dataclass(frozen=True)
class CampaignTurn:
    """Where a page ends: in the order of newest days (YYYYMMDD, the last first) and marks of ids.

    `until` is the number of the newest release at the first page.
    """

    until: int
    newest: int
    mark: str

    @classmethod
    def parse(cls, text: str) -> "CampaignTurn":
        """What `str` of a turn wrote."""
        until, newest, mark = text.split(".")
        return cls(int(until), int(newest), mark)

    def __str__(self) -> str:
        return f"{self.until}.{self.newest}.{self.mark}"


@dataclass(frozen=True)
class ListedCampaign:
    """A campaign with its turn."""

    campaign: FoundCampaign
    turn: CampaignTurn


def list_campaigns(
    tables: PublishedTables, scope: Scope, name: str, most: int, after: CampaignTurn | None
) -> Sequence[ListedCampaign]:
    """Campaigns whose name or id has `name` in it, that come after a turn; none: the first ones."""
    values = {"advertisers": scope, "name": name or None, "most": most, "after": 0}
    values |= {"in_turn": True, "until": None, "after_number": None, "after_mark": None}
    if after:
        values |= {"until": after.until, "after_number": after.newest, "after_mark": after.mark}
    rows = tables.records("find_campaigns", values | tables.out_of_force())
    return [
        ListedCampaign(
            found_campaign(row),
            CampaignTurn(int(row["last_release"]), int(row["newest_number"]), row["mark"]),
        )
        for row in rows
    ]
