"""Which campaign a visit accesses, against a plain reading of the contract."""

import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_world import DAY, LINK, Row, World, as_csv, campaign, consent, visit
from rotation import examples

from anonymizer.counting.eligibility import find_eligible
from anonymizer.counting.reach import count_reach, load_counted
from anonymizer.model.segments import SegmentSettings, build_catalogue
from anonymizer.storage.engines.duckdb import DuckDB


def accessed(world: World, urls: list[str], campaigns: list[Row]) -> list[list[str]]:
    """Campaign ids of each URL; no URL may be quarantined."""
    world.put("campaigns/c.csv", as_csv(campaigns))
    world.visits(as_csv([visit(str(n), url=url) for n, url in enumerate(urls)]))
    world.with_policy("intake", max_quarantined_share=0.0).take_in()
    by_key = {row["visit_key"]: row["campaign_ids"] for row in world.rows("visits")}
    person = hashlib.sha256(world.secret.derive("person") + b"u1").digest()[:16]
    keys = [world.secret.derive("visit") + person + str(n).encode() for n in range(len(urls))]
    return [by_key[hashlib.sha256(key).digest()[:16]] for key in keys]


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
        "https://else.example/?utm_id=c1": ["C1"],
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


def test_of_nested_links_the_longest_counts_alone(world: World) -> None:
    campaigns = [
        campaign(campaign_id="host", link_url="https://shop.example"),
        campaign(campaign_id="deep", link_url="https://shop.example/a/b/"),
        campaign(campaign_id="strict", link_url="https://shop.example/a/b?x=1"),
        campaign(campaign_id="stricter", link_url="https://shop.example/a/b?x=1&y=2"),
        campaign(campaign_id="shallow", link_url="https://shop.example/a?x=1&y=2&z=3"),
    ]
    expected = {
        "https://shop.example": ["host"],
        "https://shop.example/a": ["host"],
        "https://shop.example/a?x=1&y=2&z=3": ["shallow"],
        "https://shop.example/a/b/c": ["deep"],
        "https://shop.example/a/b/c?x=1": ["strict"],
        "https://shop.example/a/b/c?y=2": ["deep"],
        "https://shop.example/a/b/c?y=2&z=3&x=1": ["stricter"],
    }
    assert accessed(world, list(expected), campaigns) == list(expected.values())


def test_a_parameter_that_a_link_repeats_makes_it_no_longer(world: World) -> None:
    campaigns = [
        campaign(campaign_id="twice", link_url=LINK + "?x=1&x=1"),
        campaign(campaign_id="once", link_url=LINK + "?x=1"),
        campaign(campaign_id="two", link_url=LINK + "?x=1&y=1"),
    ]
    expected = {LINK + "?x=1": ["once", "twice"], LINK + "?x=1&y=1": ["two"]}
    assert accessed(world, list(expected), campaigns) == list(expected.values())


def test_a_tag_comes_before_a_link_and_utm_id_before_utm_campaign(world: World) -> None:
    campaigns = [
        campaign(),
        campaign(campaign_id="C2", link_url="https://two.example/"),
        campaign(campaign_id="R1", advertiser_id="R", link_url="https://rival.example/"),
        campaign(campaign_id="over", ends_on="2025-12-31", link_url="https://over.example/"),
    ]
    expected = {
        LINK + "?utm_id=C2": ["C2"],
        LINK + "?utm_campaign=C2": ["C2"],
        LINK + "?utm_id=C1&utm_campaign=C2": ["C1"],
        LINK + "?utm_campaign=C1&utm_id=C2": ["C2"],
        "https://two.example/?utm_id=C1": ["C1"],
        # Another advertiser's page does not make the visit that advertiser's.
        "https://rival.example/x?utm_campaign=C1": ["C1"],
        LINK + "?utm_id=R1": ["R1"],
        "https://else.example/?utm_id=C1&utm_campaign=R1": ["C1"],
        # A tag that names nothing that runs says nothing.
        LINK + "?utm_id=over": ["C1"],
        LINK + "?utm_id=over&utm_campaign=C2": ["C2"],
        LINK + "?utm_id=C9": ["C1"],
        LINK + "?utm_id=C9&utm_campaign=R1": ["R1"],
        "https://else.example/?utm_id=C9": [],
        "https://else.example/?utm_id=over": [],
    }
    assert accessed(world, list(expected), campaigns) == list(expected.values())


def test_equal_links_are_a_tie_ordered_by_first_day_and_id(world: World) -> None:
    campaigns = [
        campaign(campaign_id="a", starts_on="2025-12-20", link_url=LINK),
        campaign(campaign_id="b", starts_on="2025-12-10", link_url=LINK + "/?utm_source=mail"),
        campaign(
            campaign_id="c", starts_on="2025-12-20", link_url="http://SHOP.example:80/promo#x"
        ),
        campaign(campaign_id="d", starts_on="2025-12-01", ends_on="2025-12-31", link_url=LINK),
        campaign(campaign_id="all", link_url=LINK + "/p?all=1"),
        campaign(campaign_id="pub", link_url=LINK + "/p?pub=1"),
    ]
    expected = {
        LINK: ["b", "a", "c"],
        LINK + "?utm_id=c": ["c"],
        LINK + "/p?all=1": ["all"],
        LINK + "/p?all=1&pub=1": ["all", "pub"],
    }
    assert accessed(world, list(expected), campaigns) == list(expected.values())


def test_nothing_that_a_visitor_writes_into_a_tag_stops_a_day(world: World) -> None:
    """Not one row may be quarantined here, and no text may fail to be decoded."""
    tags = ["%ff", "%E4%B8", "%C3%28", "%zz", "%", "a%00b", "C1%0A", "'", "%C3%A9", "C1;C2", "{}"]
    urls = [LINK + f"?utm_id={tag}&utm_campaign={tag}" for tag in tags]
    assert accessed(world, urls, [campaign()]) == [["C1"]] * len(tags)


def test_tags_of_no_campaign_are_told_as_a_number(world: World) -> None:
    urls = [LINK + "?utm_id=C9", "https://else.example/?utm_id=%ff", LINK + "?utm_id=C1", LINK]
    world.visits(as_csv([visit(str(n), url=url) for n, url in enumerate(urls)]))
    assert [str(warning) for warning in world.take_in().warnings] == [
        "visits: no_campaign (1)",
        "visits: tag_unknown (2)",
    ]


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


@pytest.mark.parametrize(
    "url",
    [
        LINK + "?utm_id=deep",
        LINK + "/deep?utm_id=C1",
        LINK + "/deep?utm_id=C1&utm_campaign=deep",
        LINK + "/deep",
        LINK + "/tie",
    ],
)
def test_a_tag_and_a_link_make_one_count(world: World, url: str) -> None:
    """From the raw row to the counted people: one visit, one campaign, whatever leads to it."""
    links = {"deep": LINK + "/deep", "tie-1": LINK + "/tie", "tie-2": LINK + "/tie/"}
    rows = [campaign(campaign_id=name, link_url=link) for name, link in links.items()]
    rows = [row | {"advertiser_id": f"of-{row['campaign_id']}"} for row in rows]
    world.put("campaigns/c.csv", as_csv([campaign(), *rows]))
    world.put("consents/c.csv", as_csv([consent(), consent(purpose="disclosure")]))
    world.visits(as_csv([visit(url=url)]))
    world.take_in()
    with DuckDB(memory_megabytes=500, threads=1, spill=None) as engine:
        find_eligible(engine, world.home, DAY, world.policy, world.secret)
        reach = count_reach(engine, world.home, DAY, world.policy, world.secret)
    assert (reach.account.read, reach.account.counted) == (1, 1)
    tables = load_counted(world.home, DAY, build_catalogue(SegmentSettings()))
    assert [int(table.people.sum()) for table in tables].count(1) == 1
    assert sum(int(table.people.sum()) for table in tables) == 1


HOSTS = st.sampled_from(["a.example", "b.example"])
PATHS = st.lists(st.sampled_from(["x", "xy", "y"]), max_size=3).map("/".join)
PARAMETERS = st.lists(st.sampled_from(["p=1", "q=1", "r=1"]), max_size=2).map("&".join)
URLS = st.builds("https://{}/{}?{}".format, HOSTS, PATHS, PARAMETERS)
CAMPAIGNS = st.lists(
    st.builds(
        campaign,
        link_url=URLS,
        advertiser_id=st.sampled_from(["A1", "A2"]),
        starts_on=st.sampled_from(["2025-12-30", "2025-12-31", "2026-01-01", "2026-01-02"]),
        ends_on=st.just("2026-02-01"),
    ),
    min_size=1,
    max_size=5,
)
QUERIES = st.sampled_from(
    [
        "",
        "&utm_id=C0",
        "&utm_campaign=C1",
        "&utm_id=C9&utm_campaign=C0",
        "&utm_id=C1&utm_campaign=C2",
    ]
)
VISITED = st.lists(st.builds("{}{}".format, URLS, QUERIES), min_size=1, max_size=20)


def plainly(url: str, campaigns: list[Row]) -> list[str]:
    """The contract, one URL and one campaign at a time."""
    parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
    running = {r["campaign_id"]: r for r in campaigns if str(r["starts_on"]) <= DAY.isoformat()}
    for tag in ("utm_id", "utm_campaign"):
        if query.get(tag, [""])[0] in running:
            return query[tag]
    fitting: dict[tuple[int, int], list[tuple[str, str]]] = {}
    for name, row in running.items():
        link = urlsplit(row["link_url"])
        below = (parts.path.rstrip("/") + "/").startswith(link.path.rstrip("/") + "/")
        wanted = set(parse_qs(link.query))
        if link.netloc == parts.netloc and below and wanted <= set(query):
            length = (len(link.path.rstrip("/").split("/")), len(wanted))
            fitting.setdefault(length, []).append((row["starts_on"], name))
    return [name for _, name in sorted(fitting[max(fitting)])] if fitting else []


@given(CAMPAIGNS, VISITED)
@settings(max_examples=examples(25), deadline=None)
def test_matching_agrees_with_a_plain_reading(
    tmp_path_factory: pytest.TempPathFactory, campaigns: list[Row], urls: list[str]
) -> None:
    campaigns = [row | {"campaign_id": f"C{n}"} for n, row in enumerate(campaigns)]
    world = World(tmp_path_factory.mktemp("home"))
    assert accessed(world, urls, campaigns) == [plainly(url, campaigns) for url in urls]
