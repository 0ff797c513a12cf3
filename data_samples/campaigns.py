"""Advertisers and their campaigns: links, dates, target regions, popularity."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from data_samples.chance import stream
from data_samples.options import WorldOptions
from data_samples.raw_schemas import SCHEMAS

SERVICE = "https://www.pasarkita.example"

_TRADES = (
    *("Kopi", "Batik", "Warung", "Apotek", "Griya", "Sepatu"),
    *("Tani", "Wisata", "Motor", "Buku", "Gawai", "Dapur"),
)
_NAMES = (
    *("Nusantara", "Laras", "Sejahtera", "Merdeka", "Melati"),
    *("Garuda", "Cendana", "Bahari", "Rinjani", "Mahakam"),
)
_THEMES = (
    *("Promo Gajian", "Year-End Sale", "Gratis Ongkir", "Harbolnas 11.11", "Weekend Deals"),
    *("Koleksi Baru", "New Member Bonus", "Cashback Merdeka", "Flash Sale Malam"),
    *("Undian Liburan", "Back to Campus", "Diskon Keluarga", "Belanja Hemat", "Free Trial"),
    *("Tukar Tambah", "Loyalty Week"),
)
# Place in the order of popularity, as a share of all campaigns, and where it is aimed at.
_JAVA = ("31", "32", "33", "34", "35", "36")
_TARGETS = (
    (0.35, _JAVA),
    (0.8, ("31", "32.71", "32.75", "32.76", "36.71")),
    (1.0, ("31",)),
)
# Advertiser and turn of the campaign whose link begins with the link of that advertiser's first
# one, and of the campaign that has the same link as the first.
_NESTED, _TIED = (0, 1), (1, 1)
_ZIPF = 1.5
_ENDS_EARLY, _STARTS_LATE = 3, 5


@dataclass(frozen=True)
class SampleCampaign:
    """One campaign; `targets` are region codes, none for everywhere."""

    id: str
    advertiser_id: str
    advertiser_name: str
    name: str
    link: str
    starts_on: date
    ends_on: date
    targets: tuple[str, ...]
    popularity: float

    def runs(self, day: date) -> bool:
        """Whether `day` is one of its days."""
        return self.starts_on <= day <= self.ends_on

    def targets_region(self, regency: str) -> bool:
        """Whether people of this regency are wanted."""
        return not self.targets or regency in self.targets or regency[:2] in self.targets


def draw_campaigns(options: WorldOptions) -> tuple[SampleCampaign, ...]:
    """All campaigns, by id; advertisers take turns. No two have the same name.

    The link of the first advertiser's second campaign begins with that of its first one: a visit
    to it is a visit to the second alone. The first two campaigns of the second advertiser share
    one link and begin together, the first aimed at Java, the second at everybody: a visit to the
    link counts for the first if its person lives there, otherwise for the second.
    """
    draw = stream(options.seed, "campaigns")
    names = draw.permutation([f"{trade} {name}" for trade in _TRADES for name in _NAMES])
    ranks = draw.permutation(options.campaigns)
    targets_by_number = {
        round(share * (options.campaigns - 1)): targets
        for share, targets in _TARGETS[max(4 - options.campaigns, 0) :]
    }
    campaigns: list[SampleCampaign] = []
    taken: set[str] = set()
    for number in range(options.campaigns):
        advertiser, turn = number % options.advertisers, number // options.advertisers
        name = _campaign_name(advertiser, turn)
        if name in taken:  # by another advertiser
            name = f"{name} {names[advertiser]}"
        taken.add(name)
        base = _base(advertiser, str(names[advertiser]))
        if (advertiser, turn) == _NESTED:
            base = campaigns[advertiser].link
        starts_on, ends_on = _dates(options, int(ranks[number]), draw)
        campaigns.append(
            SampleCampaign(
                id=f"cmp-{number + 1:04d}",
                advertiser_id=f"adv-{advertiser + 1:02d}",
                advertiser_name=f"PT {names[advertiser]}",
                name=name,
                link=f"{base}/{_slug(name)}",
                starts_on=starts_on,
                ends_on=ends_on,
                targets=targets_by_number.get(int(ranks[number]), ()),
                popularity=float((ranks[number] + 1) ** -_ZIPF),
            )
        )
    return tuple(_tied(campaigns, options.advertisers))


def _tied(campaigns: list[SampleCampaign], advertisers: int) -> list[SampleCampaign]:
    """The same with a tie: two campaigns of one link with different targets."""
    advertiser, turn = _TIED
    second = turn * advertisers + advertiser
    if advertiser >= advertisers or second >= len(campaigns):
        return campaigns
    first = replace(campaigns[advertiser], targets=_JAVA)
    other = replace(
        campaigns[second],
        link=first.link,
        starts_on=first.starts_on,
        ends_on=max(first.ends_on, campaigns[second].ends_on),
        targets=(),
    )
    tied = {first.id: first, other.id: other}
    return [tied.get(campaign.id, campaign) for campaign in campaigns]


def campaigns_table(campaigns: Sequence[SampleCampaign]) -> pa.Table:
    """The campaigns as the raw contract has them."""
    rows = [
        {
            "campaign_id": campaign.id,
            "advertiser_id": campaign.advertiser_id,
            "advertiser_name": campaign.advertiser_name,
            "campaign_name": campaign.name,
            "link_url": campaign.link,
            "starts_on": campaign.starts_on,
            "ends_on": campaign.ends_on,
            "target_regions": list(campaign.targets) or None,
        }
        for campaign in campaigns
    ]
    return pa.Table.from_pylist(rows, SCHEMAS["campaigns"])


def _campaign_name(advertiser: int, turn: int) -> str:
    """A theme; from the second round on with its number in front, so that links differ early."""
    round_, theme = divmod(turn, len(_THEMES))
    name = _THEMES[(advertiser * 5 + theme) % len(_THEMES)]
    return f"{round_ + 1}. {name}" if round_ else name


def _base(advertiser: int, name: str) -> str:
    """A host of its own, or a path of the service's host for every third advertiser."""
    if advertiser % 3 == 1:
        return f"{SERVICE}/mitra/{_slug(name)}"
    return f"https://{_slug(name)}.example"


def _dates(options: WorldOptions, rank: int, draw: np.random.Generator) -> tuple[date, date]:
    """Most campaigns run all the time; one of medium size ends early and one starts late."""
    starts_on = options.start - timedelta(days=int(draw.integers(0, 21)))
    ends_on = options.day(options.days - 1) + timedelta(days=int(draw.integers(0, 31)))
    if rank == _ENDS_EARLY:
        ends_on = options.day(options.days * 2 // 3)
    if rank == _STARTS_LATE:
        starts_on = options.day(options.days // 3)
    return starts_on, ends_on


def _slug(name: str) -> str:
    return "-".join(name.lower().replace(".", " ").split())
