"""Nothing that a visitor can write stops a day, loses a row or changes another row's figure."""

import pytest
from hostile_days import WRITERS, make_day, reached
from hypothesis import example, given, settings
from hypothesis import strategies as st
from raw_world import LINK, Row, World, as_csv, campaign, visit

READ = ("visit_id", "user_id", "url", "user_agent", "product_category")
UNREAD = ("cookie_id", "referrer", "ip", "interactions", "exit_method")
# What a row may become; never a refused file, a held day or an unforeseen error.
REASONS = {
    *("bad_encoding", "control_character", "too_long", "bad_url", "no_url", "no_visit_id"),
    *("no_user", "placeholder_user", "hidden_character", "not_an_id"),
    *("bad_quoting", "field_count", "bad_json"),
}
FORMATS = ["csv", "jsonl", "parquet"]

ESCAPES = st.sampled_from(
    ["%FF", "%E9", "%E0%A4", "%C3%28", "%ED%A0%80", "%00", "%0d%0a", "%", "%zz", "%F4%90%80%80"]
)
PIECES = (
    st.binary(max_size=8)
    | st.text(max_size=8).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | ESCAPES.map(str.encode)
    | st.sampled_from([b'"', b'""', b",", b"\n", b"\r", b"\x00", b"\xed\xa0\x80", b"\\", b"&amp;"])
    | st.integers(1, 9_000).map(lambda size: b"x" * size)
)
TEXTS = st.lists(PIECES, max_size=5).map(b"".join)
URLS = st.builds(
    lambda start, text: start.encode() + text,
    st.sampled_from([LINK, LINK + "?utm_id=", LINK + "?utm_campaign=", "https://", "//", ""]),
    TEXTS,
)
HOSTILE = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys((*READ, *UNREAD), TEXTS),
        "url": URLS,
    },
)


SOUND = [visit(f"sound-{n}", user_id=f"sound-{n}") for n in range(3)]


def take_in(world: World, form: str, rows: list[Row]) -> None:
    """Every row is settled, and the sound ones count as ever."""
    world.with_policy("intake", max_quarantined_share=1.0)
    (world.folder() / "v.csv").unlink()
    world.visits(WRITERS[form]([SOUND[0], *rows[:1], SOUND[1], *rows[1:], SOUND[2]]), f"v.{form}")
    account = world.take_in().accounts["visits"]
    lines = form == "careless.csv" and any(
        line_end in value for row in rows for value in row.values()
        if isinstance(value, bytes) for line_end in (b"\n", b"\r")
    )  # fmt: skip
    assert account.read == len(rows) + 3 or (lines and account.read > len(rows) + 3)
    assert set(account.quarantined) <= REASONS
    assert sum(row["campaign_ids"] == ["C1"] for row in world.rows("visits")) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("form", WRITERS)
@given(changes=st.lists(HOSTILE, min_size=1, max_size=6))
@settings(max_examples=12, deadline=None)
@example(
    changes=[{"url": LINK.encode() + b"?utm_id=%FF"}, {"url": b"https://e/?utm_campaign=caf%E9"}]
)
@example(changes=[{"user_agent": b'"'}, {"user_agent": b'"'}, {"referrer": b'"x'}])
@example(changes=[{"user_agent": b"\x00"}, {"url": b"\xed\xa0\x80"}, {"interactions": b"\xff"}])
def test_nothing_that_a_visitor_writes_stops_a_day(
    tmp_path_factory: pytest.TempPathFactory, form: str, changes: list[dict[str, bytes]]
) -> None:
    world = World(tmp_path_factory.mktemp("home"))
    rows = [visit(f"v{n}", user_id=f"u{n}") | change for n, change in enumerate(changes)]
    take_in(world, form, rows)


@pytest.mark.parametrize("seed", [*range(9), 17])  # 17: a row that is broken before its mark
def test_hostile_days_complete_with_the_figures_of_their_sound_rows(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """A sample; `benchmarks/hostile_days.py` has the 500 days."""
    day = make_day(tmp_path_factory.mktemp("home"), seed)
    assert reached(day.world) == day.expected


TAGS = [
    *("%FF", "%E9", "%E0%A4", "caf%E9", "%C3%28", "%ED%A0%80", "%00", "%F4%90%80%80", "%", "%z"),
    *(
        "C1%00",
        "C1%FF",
        "%C1",
        "%25",
        "'",
        "{}",
        "%0d%0aC1x",
        "\u202eC1",
        "é",
        "C1;C2",
        "x" * 8_000,
    ),
]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("tag", ["utm_id", "utm_campaign", "UTM_ID", "utm_source"])
def test_an_undecodable_tag_names_no_campaign_and_the_link_counts(
    world: World, form: str, tag: str
) -> None:
    campaigns = [campaign(), campaign(campaign_id="C2", link_url="https://two.example/")]
    world.put("campaigns/c.csv", as_csv(campaigns))
    (world.folder() / "v.csv").unlink()
    urls = [f"{start}?{tag}={text}" for text in TAGS for start in (LINK, "https://else.example/")]
    rows = [visit(f"{n:04d}", user_id=f"u{n}", url=url) for n, url in enumerate(urls)]
    world.visits(WRITERS[form](rows), f"v.{form}")
    account = world.with_policy("intake", max_quarantined_share=0.0).take_in().accounts["visits"]
    assert (account.read, account.counted) == (len(urls), len(urls))
    found = sorted(row["campaign_ids"] for row in world.rows("visits"))
    assert found == [[]] * len(TAGS) + [["C1"]] * len(TAGS)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_each_byte_of_a_tag_alone(world: World, form: str) -> None:
    (world.folder() / "v.csv").unlink()
    urls = [LINK.encode() + b"?utm_id=" + bytes([byte]) for byte in range(256)]
    urls += [f"{LINK}?utm_id=%{byte:02x}".encode() for byte in range(256)]
    rows = [visit(f"v{n}", user_id=f"u{n}", url=url) for n, url in enumerate(urls)]
    world.visits(WRITERS[form](rows), f"v.{form}")
    account = world.with_policy("intake", max_quarantined_share=1.0).take_in().accounts["visits"]
    controls = len([b for b in range(32) if b not in (9, 10, 11, 12, 13)]) + 1
    assert account.quarantined == {"bad_encoding": 128, "control_character": controls}
    assert account.read == 512
    assert {tuple(row["campaign_ids"]) for row in world.rows("visits")} == {("C1",)}
