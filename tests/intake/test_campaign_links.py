"""Which campaigns a visit accesses, against a plain reading of the contract."""

import hashlib
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_world import DAY, Row, World, as_csv, campaign, visit


def accessed(world: World, urls: list[str], campaigns: list[Row]) -> list[list[str] | str]:
    """Campaign ids of each URL, or the reason why it is in quarantine."""
    world.put("campaigns/c.csv", as_csv(campaigns))
    world.visits(as_csv([visit(str(n), url=url) for n, url in enumerate(urls)]))
    world.with_policy("intake", max_quarantined_share=1.0).take_in()
    found: dict[int, list[str] | str] = {}
    for row in world.rows("quarantine"):
        found[row["row_number"] - 1] = row["reason"]
    by_key = {row["visit_key"]: row["campaign_ids"] for row in world.rows("visits")}
    for n in range(len(urls)):
        if n not in found:
            key = world.secret.derive("visit") + str(n).encode()
            found[n] = by_key[hashlib.sha256(key).digest()[:16]]
    return [found[n] for n in range(len(urls))]


def test_a_link_is_a_prefix_up_to_a_slash(world: World) -> None:
    expected = {
        "https://shop.example/promo": ["C1"],
        "https://shop.example/promo/": ["C1"],
        "https://shop.example/promo/item/7": ["C1"],
        "https://shop.example/promo?x=1&utm_source=mail#top": ["C1"],
        "http://Shop.Example:80/promo": ["C1"],
        "HTTPS://user:pass@shop.example:443/promo": ["C1"],
        "https://shop.example/promotion": [],
        "https://shop.example/Promo": [],
        "https://shop.example/": [],
        "https://shop.example:8443/promo": [],
        "https://shop.example.evil.example/promo": [],
        "https://evil.example/shop.example/promo": [],
        "https://evil.example/?u=https://shop.example/promo": [],
        "https://else.example/?utm_id=C1": ["C1"],
        "https://else.example/?utm_campaign=C1": ["C1"],
        "https://else.example/?a=b&utm_id=C%31": ["C1"],
        "https://else.example/?utm_campaign=spring": [],
        "https://else.example/?utm_id=": [],
        "https://else.example/?xutm_id=C1": [],
        "https://else.example/?utm_id=c1": "unknown_campaign",
    }
    assert accessed(world, list(expected), [campaign()]) == list(expected.values())


def test_parameters_of_a_link_must_all_be_there(world: World) -> None:
    link = "https://shop.example/promo/?b=2&a=1&utm_source=x#y"
    expected = {
        "https://shop.example/promo?a=1&b=2": ["C1"],
        "https://shop.example/promo/more?c=3&b=2&a=1": ["C1"],
        "https://shop.example/promo?a=1": [],
        "https://shop.example/promo?a=1&b=22": [],
        "https://shop.example/promo": [],
    }
    campaigns = [campaign(link_url=link)]
    assert accessed(world, list(expected), campaigns) == list(expected.values())


def test_nested_links_and_links_of_a_whole_host(world: World) -> None:
    campaigns = [
        campaign(campaign_id="host", link_url="https://shop.example"),
        campaign(campaign_id="deep", link_url="https://shop.example/a/b/"),
        campaign(campaign_id="A"),
    ]
    expected = {
        "https://shop.example": ["host"],
        "https://shop.example/a": ["host"],
        "https://shop.example/a/b/c": ["deep", "host"],
        "https://shop.example/promo?utm_id=deep": ["A", "deep", "host"],
    }
    assert accessed(world, list(expected), campaigns) == list(expected.values())


def test_a_link_and_an_id_of_different_advertisers_contradict(world: World) -> None:
    campaigns = [
        campaign(),
        campaign(campaign_id="C2", link_url="https://two.example/"),
        campaign(campaign_id="R1", advertiser_id="R", link_url="https://rival.example/"),
    ]
    expected = {
        "https://shop.example/promo?utm_id=R1": "campaign_conflict",
        "https://rival.example/x?utm_campaign=C1": "campaign_conflict",
        "https://else.example/?utm_id=C1&utm_campaign=R1": "campaign_conflict",
        "https://shop.example/promo?utm_id=C2": ["C1", "C2"],
    }
    assert accessed(world, list(expected), campaigns) == list(expected.values())


@pytest.mark.parametrize(
    ("starts", "ends", "expected"),
    [
        ("2026-01-01", "2026-01-01", ["C1"]),
        ("2025-12-01", "2025-12-31", []),
        ("2026-01-02", "2026-02-01", []),
    ],
)
def test_only_within_the_dates_of_the_campaign_on_the_local_day(
    world: World, starts: str, ends: str, expected: list[str]
) -> None:
    campaigns = [campaign(starts_on=starts, ends_on=ends)]
    urls = ["https://shop.example/promo", "https://else.example/?utm_id=C1"]
    assert accessed(world, urls, campaigns) == [expected] * 2


HOSTS = st.sampled_from(["a.example", "b.example"])
PATHS = st.lists(st.sampled_from(["x", "xy", "y"]), max_size=3).map("/".join)
URLS = st.builds("https://{}/{}".format, HOSTS, PATHS)
CAMPAIGNS = st.lists(
    st.builds(
        campaign,
        link_url=URLS,
        advertiser_id=st.sampled_from(["A1", "A2"]),
        starts_on=st.sampled_from(["2025-12-31", "2026-01-01", "2026-01-02"]),
        ends_on=st.just("2026-02-01"),
    ),
    min_size=1,
    max_size=5,
)
QUERIES = st.sampled_from(["", "?utm_id=C0", "?utm_campaign=C1", "?utm_id=C9&utm_campaign=C0"])
VISITED = st.lists(st.builds("{}{}".format, URLS, QUERIES), min_size=1, max_size=20)


def plainly(url: str, campaigns: list[Row]) -> list[str] | str:
    """The contract, one URL and one campaign at a time."""
    parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
    known = {row["campaign_id"]: row["advertiser_id"] for row in campaigns}
    if "utm_id" in query and query["utm_id"][0] not in known:
        return "unknown_campaign"
    by_id = {value for key in ("utm_id", "utm_campaign") for value in query.get(key, [])}
    by_id &= known.keys()
    by_link = set()
    for row in campaigns:
        link = urlsplit(row["link_url"])
        below = (parts.path.rstrip("/") + "/").startswith(link.path.rstrip("/") + "/")
        if link.netloc == parts.netloc and below:
            by_link.add(row["campaign_id"])
    owners, named = {known[c] for c in by_link}, {known[c] for c in by_id}
    if len(named) > 1 or (owners and not named <= owners):
        return "campaign_conflict"
    running = {r["campaign_id"] for r in campaigns if date.fromisoformat(r["starts_on"]) <= DAY}
    return sorted((by_id | by_link) & running)


@given(CAMPAIGNS, VISITED)
@settings(max_examples=12, deadline=None)
def test_matching_agrees_with_a_plain_reading(
    tmp_path_factory: pytest.TempPathFactory, campaigns: list[Row], urls: list[str]
) -> None:
    campaigns = [row | {"campaign_id": f"C{n}"} for n, row in enumerate(campaigns)]
    world = World(tmp_path_factory.mktemp("home"))
    assert accessed(world, urls, campaigns) == [plainly(url, campaigns) for url in urls]
