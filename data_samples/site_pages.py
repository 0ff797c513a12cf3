"""The web addresses that visits go to: the service's own pages and those of campaigns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_samples.campaigns import SERVICE, SampleCampaign
from data_samples.chance import stream

CATEGORIES = (
    *("electronics", "phones", "fashion", "beauty", "groceries", "home-living", "sports"),
    *("toys", "books", "automotive", "travel", "health", "baby", "food-delivery"),
)
_PRODUCTS = 24
_PLAIN_PATHS = ("/", "/cari?q=promo", "/akun", "/keranjang", "/bantuan", "/tentang-kami")
# {link} the campaign's link, {id} its id, {page} a page of the service, {other} the link of
# another campaign: a tag with the id comes before any link.
_WAYS_IN = (
    "{link}",
    "{link}?utm_source=instagram&utm_medium=cpc&utm_id={id}",
    "{link}?utm_source=google&utm_medium=cpc",
    "{link}/produk?utm_source=facebook&utm_medium=social",
    "{link}#promo",
    "{page}?utm_source=newsletter&utm_medium=email&utm_id={id}",
    "{page}?utm_source=whatsapp&utm_campaign={id}",
    "{other}?utm_source=affiliate&utm_id={id}",
)


@dataclass(frozen=True)
class SitePages:
    """All addresses with their categories: those of the service first, then by campaign."""

    urls: pa.Array
    categories: pa.Array
    has_query: NDArray[np.bool_]
    of_service: int

    def of_campaigns(
        self, draw: np.random.Generator, campaign: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """A page of each of these campaigns (by position)."""
        way = draw.integers(0, len(_WAYS_IN), len(campaign))
        return self.of_service + campaign * len(_WAYS_IN) + way

    def of_the_service(self, draw: np.random.Generator, size: int) -> NDArray[np.int64]:
        """Pages of the service, the first ones more often."""
        return (self.of_service * draw.random(size) ** 1.5).astype(np.int64)


def list_pages(campaigns: Sequence[SampleCampaign], seed: int) -> SitePages:
    """Every page that can be visited."""
    draw = stream(seed, "pages")
    pages: list[tuple[str, str | None]] = [(SERVICE + path, None) for path in _PLAIN_PATHS]
    pages += [
        (f"{SERVICE}/produk/{category}/{number:03d}", category)
        for number in range(1, _PRODUCTS + 1)
        for category in CATEGORIES
    ]
    of_service = len(pages)
    for campaign, following in zip(campaigns, (*campaigns[1:], campaigns[0]), strict=True):
        category = CATEGORIES[draw.integers(len(CATEGORIES))]
        page = f"{SERVICE}/produk/{category}/{draw.integers(1, _PRODUCTS + 1):03d}"
        pages += [
            (
                way.format(link=campaign.link, id=campaign.id, page=page, other=following.link),
                category,
            )
            for way in _WAYS_IN
        ]
    urls, categories = zip(*pages, strict=True)
    has_query = np.array(["?" in url for url in urls])
    return SitePages(pa.array(urls), pa.array(categories, pa.string()), has_query, of_service)
