"""Which spellings of a link are the same link, and which are not, from the raw file on."""

import hashlib
from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_world import Row, World, as_csv, as_json_lines, campaign, typed_parquet, visit
from rotation import examples

from anonymizer.intake.addresses import canonical_url, canonical_urls

FORMATS: dict[str, Callable[[Sequence[Row]], bytes]] = {
    "csv": as_csv,
    "jsonl": as_json_lines,
    "parquet": lambda rows: typed_parquet("visits", rows),
}

# Link as typed, URL as visited. `{}` is a host of its own for each pair.
EQUAL = [
    # IDN and punycode, either way round; capitals; full-width letters and dots
    ("https://{}.bücher.example/promo", "https://{}.xn--bcher-kva.example/promo"),
    ("https://{}.xn--bcher-kva.example/promo", "https://{}.bücher.example/promo"),
    ("https://{}.BÜCHER.example/promo", "https://{}.XN--BCHER-KVA.example/promo"),
    ("https://{}.b%C3%BCcher.example/promo", "https://{}.bu\u0308cher.example/promo"),
    ("https://{}.書店.example/", "https://{}.xn--hxt89p.example/"),
    ("https://{}.💩.example/", "https://{}.xn--ls8h.example/"),
    ("https://{}\uff0etoko。example/promo", "https://{}.toko.example/promo"),
    # host: final dot, capitals, port, user, scheme
    ("https://{}.toko.example/promo", "https://{}.toko.example./promo"),
    ("https://{}.toko.example./promo", "https://{}.toko.example/promo"),
    ("https://{}.Toko.Example/promo", "https://{}.tOKO.eXAMPLE/promo"),
    ("https://{}.toko.example/promo", "https://{}.toko.example:443/promo"),
    ("http://{}.toko.example:80/promo", "https://{}.toko.example/promo"),
    ("https://{}.toko.example/promo", "http://{}.toko.example:0080/promo"),
    ("https://{}.toko.example:/promo", "https://{}.toko.example/promo"),
    ("https://{}.toko.example/promo", "HTTP://siti:x@{}.toko.example/promo"),
    ("https://{}.toko.example:8443/promo", "http://{}.toko.example:8443/promo"),
    ("https://{}.toko.example", "https://{}.toko.example/"),
    # escapes: a space, letters beyond ASCII, capitals, characters that need none, a stray percent
    ("https://{}.toko.example/a b", "https://{}.toko.example/a%20b"),
    (" https://{}.toko.example/a%20b ", "https://{}.toko.example/a b"),
    ("https://{}.toko.example/é", "https://{}.toko.example/%C3%A9"),
    ("https://{}.toko.example/e\u0301", "https://{}.toko.example/%c3%a9"),
    ("https://{}.toko.example/%c3%a9", "https://{}.toko.example/%C3%A9"),
    ("https://{}.toko.example/~siti", "https://{}.toko.example/%7Esiti"),
    ("https://{}.toko.example/%70%72%6f%6D%6f", "https://{}.toko.example/promo"),
    ("https://{}.toko.example/50%", "https://{}.toko.example/50%25"),
    ('https://{}.toko.example/a"b|c', "https://{}.toko.example/a%22b%7Cc"),
    ("https://{}.toko.example/a%2fb", "https://{}.toko.example/a%2Fb"),
    # dot segments, `//`, slashes
    ("https://{}.toko.example/a", "https://{}.toko.example/b/../a"),
    ("https://{}.toko.example/a", "https://{}.toko.example/./b/%2e%2E/a/."),
    ("https://{}.toko.example/../a", "https://{}.toko.example/a"),
    ("https://{}.toko.example/a", "https://{}.toko.example//a"),
    ("https://{}.toko.example/a//b/", "https://{}.toko.example/a/b"),
    ("https://{}.toko.example/a", "https:\\\\{}.toko.example\\a"),
    ("https://{}.toko.example/a", "https://{}.toko.example/a/?#top"),
    # sessions in the path
    ("https://{}.toko.example/a", "https://{}.toko.example/a;jsessionid=1A2B.node1"),
    ("https://{}.toko.example/a", "https://{}.toko.example/a;JSESSIONID=1A2B/b?x=1"),
    # parameters
    ("https://{}.toko.example/?q=a b", "https://{}.toko.example/?q=a%20b&gclid=x"),
    ("https://{}.toko.example/?q=é", "https://{}.toko.example/?gclid=x&q=%c3%a9"),
    ("https://{}.toko.example/?a=1&b=2", "https://{}.toko.example/?b=2&amp;a=1"),
    ("https://{}.toko.example/?a=1&amp;b=2", "https://{}.toko.example/?a=1&b=2"),
    ("https://{}.toko.example/?a=1&b=2", "https://{}.toko.example/?b=2&#38;a=1"),
    ("https://{}.toko.example/?a=1&b=2", "https://{}.toko.example/?b=2&amp;amp;a=1"),
    ("https://{}.toko.example/?UTM_Source=x", "https://{}.toko.example/?utm_source=y"),
    # what others append to a campaign's own link
    ("https://{}.toko.example/a", "https://{}.toko.example/a?utm_id=21034567890"),
    ("https://{}.toko.example/a", "https://{}.toko.example/a?utm_id=newsletter-44"),
    ("https://{}.toko.example/a", "https://{}.toko.example/a?utm_id=%FF&utm_campaign=%E0%A4"),
    ("https://{}.toko.example/a", "https://{}.toko.example/a?utm_campaign=caf%E9&utm_term=%"),
]

DIFFERENT = [
    ("https://{}.bücher.example/promo", "https://{}.bucher.example/promo"),
    ("https://{}.toko.example/promo", "https://{}.toko.example.evil.example/promo"),
    ("https://{}.toko.example/promo", "https://evil.example/@{}.toko.example/promo"),
    ("https://{}.toko.example/promo", "https://evil.example\\@{}.toko.example/promo"),
    ("https://{}.toko.example/promo", "https://{}.toko.example@evil.example/promo"),
    ("https://{}.toko.example/promo", "https://{}.toko.example%2Fpromo/"),
    ("https://{}.toko.example/promo", "https://{}.toko.example..example/promo"),
    ("https://{}.toko.example/promo", "https://{}.toko.example:8443/promo"),
    ("https://{}.toko.example/promo", "http://{}.toko.example:443/promo"),
    ("https://{}.toko.example/promo", "https://{}.toko.example/Promo"),
    ("https://{}.toko.example/promo", "https://{}.toko.example/promotion"),
    ("https://{}.toko.example/promo", "https://{}.toko.example/promo/../x"),
    ("https://{}.toko.example/promo", "https://{}.toko.example/?/promo"),
    ("https://{}.toko.example/promo", "https://{}.toko.example/#/promo"),
    ("https://{}.toko.example/a/b", "https://{}.toko.example/a%2Fb"),
    ("https://{}.toko.example/a/b", "https://{}.toko.example/a%252Fb"),
    ("https://{}.toko.example/a;v=1", "https://{}.toko.example/a"),
    ("https://{}.toko.example/%C3%A9", "https://{}.toko.example/%E9"),
    ("https://{}.toko.example/é", "https://{}.toko.example/e"),
    ("https://{}.toko.example/%20a", "https://{}.toko.example/a"),
    ("https://{}.toko.example/?q=a+b", "https://{}.toko.example/?q=a%2Bb"),
    ("https://{}.toko.example/?q=a b", "https://{}.toko.example/?q=a%2520b"),
    ("https://{}.toko.example/?q=a", "https://{}.toko.example/?q=A"),
    ("https://{}.toko.example/?q=a", "https://{}.toko.example/?Q=a"),
    ("https://{}.toko.example/?q=a", "https://{}.toko.example/?x=q=a"),
    ("https://{}.toko.example/?q=a%26b=1", "https://{}.toko.example/?q=a&b=1"),
]


def accessed(world: World, pairs: Sequence[tuple[str, str]], form: str) -> list[bool]:
    """Whether each visit is one of the link beside it; no row may be quarantined."""
    links = [link.format(f"t{n}") for n, (link, _) in enumerate(pairs)]
    campaigns = [campaign(campaign_id=f"L{n}", link_url=link) for n, link in enumerate(links)]
    world.put("campaigns/c.csv", as_csv(campaigns))
    (world.folder() / "v.csv").unlink()
    urls = [url.format(f"t{n}") for n, (_, url) in enumerate(pairs)]
    rows = [visit("v", user_id=f"u{n}", url=url) for n, url in enumerate(urls)]
    world.visits(FORMATS[form](rows), f"v.{form}")
    accounts = world.with_policy("intake", max_quarantined_share=0.0).take_in().accounts
    assert accounts["campaigns"].quarantined == {}
    assert accounts["visits"].counted == len(pairs)
    found = {row["person_key"]: row["campaign_ids"] for row in world.rows("visits")}
    secret = world.secret.derive("person")
    keys = [hashlib.sha256(secret + f"u{n}".encode()).digest()[:16] for n in range(len(pairs))]
    return [found[key] == [f"L{n}"] for n, key in enumerate(keys)]


@pytest.mark.parametrize("form", FORMATS)
def test_equal_links_match_and_no_others(world: World, form: str) -> None:
    matched = accessed(world, EQUAL + DIFFERENT, form)
    pairs = dict(zip(EQUAL + DIFFERENT, matched, strict=True))
    assert [pair for pair in EQUAL if not pairs[pair]] == []
    assert [pair for pair in DIFFERENT if pairs[pair]] == []


ELSEWHERE = "https://else.example/"
TAGGED = {
    "?UTM_CAMPAIGN=promo-7": ["Promo-7"],
    "?Utm_Id=PROMO-7": ["Promo-7"],
    "?utm%5Fcampaign=Promo-7": ["Promo-7"],
    "?x=1&amp;utm_campaign=Promo-7": ["Promo-7"],
    "?x=1&#38;utm_id=promo%2D7": ["Promo-7"],
    "?utm_campaign=spring&utm_campaign=Promo-7": ["Promo-7"],
    "?utm_campaign=Promo-7&utm_campaign=spring": ["Promo-7"],
    "?utm_campaign=%FF&utm_campaign=Promo-7": ["Promo-7"],
    "?utm_id=&utm_id=Promo-7": ["Promo-7"],
    "?utm_campaign=%20Promo-7+": ["Promo-7"],
    "?utm_campaign=%EF%BC%B0romo-7": ["Promo-7"],  # a full-width P
    "?utm_campaign=\uff30romo-7": ["Promo-7"],
    # the first of two that are campaigns; the id's own capitals before others
    "?utm_campaign=B&utm_campaign=Promo-7": ["B"],
    "?utm_campaign=Promo-7&utm_campaign=B": ["Promo-7"],
    "?utm_campaign=b": ["b"],
    "?utm_campaign=B": ["B"],
    # not a campaign's
    "?utm_campaign=Promo": [],
    "?utm_campaign=Promo-7x": [],
    "?utm_campaign=Promo%007": [],
    "?utm_campaign=Promo-7%2C": [],
    "?utm_campaign=Promo%257": [],
    "?xutm_campaign=Promo-7": [],
    "?utm_campaigns=Promo-7": [],
    "?q=utm_campaign=Promo-7": [],
    "#utm_campaign=Promo-7": [],
}


@pytest.mark.parametrize("form", FORMATS)
def test_tags_name_campaigns_however_they_are_spelled(world: World, form: str) -> None:
    names = ("Promo-7", "B", "b")
    campaigns = [campaign(campaign_id=n, link_url=f"https://{n}-1.example/{n}") for n in names]
    world.put("campaigns/c.csv", as_csv(campaigns))
    (world.folder() / "v.csv").unlink()
    rows = [visit("v", user_id=f"u{n}", url=ELSEWHERE + tag) for n, tag in enumerate(TAGGED)]
    world.visits(FORMATS[form](rows), f"v.{form}")
    world.take_in()
    secret = world.secret.derive("person")
    found = {row["person_key"]: row["campaign_ids"] for row in world.rows("visits")}
    for n, (tag, expected) in enumerate(TAGGED.items()):
        key = hashlib.sha256(secret + f"u{n}".encode()).digest()[:16]
        assert found[key] == expected, tag


def test_a_tag_in_other_capitals_of_two_campaigns_is_a_tie(world: World) -> None:
    campaigns = [campaign(campaign_id=n, link_url=f"https://{n}1.example/") for n in ("Ab", "aB")]
    world.put("campaigns/c.csv", as_csv(campaigns))
    world.visits(as_csv([visit(url=ELSEWHERE + "?utm_id=AB")]))
    world.take_in()
    assert [row["campaign_ids"] for row in world.rows("visits")] == [["Ab", "aB"]]


ODD = st.text("aB.:/%2eF;=&?#é。[]@\\ ", max_size=20)
HOSTS = ["a.example", "A.Example.", "u@é.example:80", "書店.example", "[::1]:443", "xn--bcher-kva"]


@given(st.builds("https://{}/{}{}".format, st.sampled_from(HOSTS), ODD, st.text(max_size=9)))
@settings(max_examples=examples(1_200), deadline=None)
def test_the_one_form_of_a_url_is_its_own_one_form(url: str) -> None:
    once = canonical_url(url)
    assert canonical_url(once) == once


@given(ODD | st.text(max_size=30), st.sampled_from(["https://", "HTTP://a@", "//", "", "x:"]))
@settings(max_examples=examples(1_200), deadline=None)
def test_no_text_fails(text: str, start: str) -> None:
    canonical_url(start + text).encode()


@given(
    st.from_regex(
        r"https?://[a-z0-9_-]+(\.[a-z0-9_-]+){0,2}(/[A-Za-z0-9_~:@-][a-z.]{0,3}){0,3}"
        r"(\?[A-Za-z_=&/.-]{0,20})?",
        fullmatch=True,
        alphabet=st.characters(max_codepoint=127),
    )
)
@settings(max_examples=examples(800), deadline=None)
def test_what_takes_the_short_way_is_compared_as_if_it_took_the_long_one(url: str) -> None:
    """The short way leaves to SQL what it needs not: empty parameters, capitals of utm_ keys."""
    (short,) = canonical_urls(pa.array([url])).to_pylist()

    def compared(text: str) -> tuple[str, list[str]]:
        place, _, query = text.partition("?")
        split = [p.partition("=") for p in query.split("&") if p]
        keys = [(k.lower() if k.lower().startswith("utm_") else k, e, v) for k, e, v in split]
        return place.rstrip("/"), ["".join(parts) for parts in keys]

    assert compared(short) == compared(canonical_url(url))


@pytest.mark.parametrize("size", [64, 8_000])
@pytest.mark.parametrize("filling", ["ü", "xn--", "%C3%BC", "..", "%2e/", ";jsessionid=", "&amp;"])
def test_a_url_of_any_length_has_one_form(filling: str, size: int) -> None:
    for url in (
        f"https://{filling * size}/",
        f"https://a.example/{filling * size}?{filling * size}",
    ):
        form = canonical_url(url)
        assert canonical_url(form) == form
