"""Rows: what is quarantined, excluded, a duplicate, mapped; and that all are accounted for."""

import hashlib
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_world import (
    DAY,
    LINK,
    Row,
    World,
    as_csv,
    as_json_lines,
    as_parquet,
    campaign,
    consent,
    profile,
    request_of,
    visit,
)

from anonymizer.model.errors import Held


def put_profiles(world: World, rows: list[Row]) -> None:
    world.put(f"profiles/day={world.day}/p.csv", as_csv(rows))


def pointers(world: World, table: str = "visits") -> dict[int, tuple[str, str]]:
    """Column and reason by row number."""
    return {
        row["row_number"]: (row["column"], row["reason"])
        for row in world.rows("quarantine")
        if row["raw_table"] == table
    }


def key_of(world: World, canonical: str) -> bytes:
    """The person key as the architecture page defines it."""
    return hashlib.sha256(world.secret.derive("person") + canonical.encode()).digest()[:16]


JUDGED: list[tuple[dict[str, Any], str, str]] = [
    ({"visit_id": None}, "visit_id", "no_visit_id"),
    ({"visit_id": "  "}, "visit_id", "no_visit_id"),
    ({"user_id": " \t "}, "user_id", "no_user"),
    *(
        ({"user_id": text}, "user_id", "placeholder_user")
        for text in ("0", "-1", "unknown", "NULL", " None", "nan", "undefined", "Anonymous", "n/a")
    ),
    ({"user_id": "000"}, "user_id", "placeholder_user"),
    ({"user_id": "00000000-0000-0000-0000-000000000000"}, "user_id", "placeholder_user"),
    ({"url": None}, "url", "no_url"),
    ({"url": " "}, "url", "no_url"),
    ({"url": "/promo"}, "url", "bad_url"),
    ({"url": "https:///promo"}, "url", "bad_url"),
    ({"occurred_at": None}, "occurred_at", "no_time"),
    ({"occurred_at": "2026-01-01T10:00:00"}, "occurred_at", "naive_time"),
    ({"occurred_at": "2026-01-01"}, "occurred_at", "naive_time"),
    ({"occurred_at": "yesterday"}, "occurred_at", "bad_time"),
    ({"occurred_at": "infinity"}, "occurred_at", "bad_time"),
    ({"occurred_at": "2026-02-30T10:00:00Z"}, "occurred_at", "bad_time"),
    ({"occurred_at": "2026-01-01T10:00:00 Asia/Jakarta"}, "occurred_at", "bad_time"),
    *(
        ({"occurred_at": text}, "occurred_at", "time_range")
        for text in (
            *("1767240000", "1767240000000", "1767240000000000", "1767240000000000000"),
            *("9223372036854775807", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            *("9999-12-31T23:59:59Z", "1999-12-31T23:59:59Z", "2026-01-02T00:00:00+07:00"),
        )
    ),
]


def test_each_bad_visit_is_quarantined_with_its_column_and_reason(world: World) -> None:
    intake = world.judged(*(visit(f"b{n}") | bad for n, (bad, _, _) in enumerate(JUDGED)))
    expected = {n: (column, reason) for n, (_, column, reason) in enumerate(JUDGED, start=1)}
    assert pointers(world) == expected
    assert intake.accounts["visits"].quarantined == Counter(reason for _, _, reason in JUDGED)
    assert intake.accounts["visits"].counted == len(world.rows("visits")) == 5 * len(JUDGED)
    digest = hashlib.sha256((world.folder() / "v.csv").read_bytes()).hexdigest()
    assert {row["file_sha256"] for row in world.rows("quarantine")} == {digest}


@pytest.mark.parametrize("null", [None, "", r"\N"])
def test_a_null_user_is_a_guest_in_every_format(world: World, null: str | None) -> None:
    world.visits(as_csv([visit("v1", user_id=null)]))
    world.visits(as_json_lines([visit("v2", user_id=null)]), "x.jsonl")
    world.visits(as_parquet([visit("v3", user_id=null)]), "x.parquet")
    world.take_in()
    assert [row["person_key"] for row in world.rows("visits")] == [None] * 3


@pytest.mark.parametrize("null", ["", r"\N"])
def test_a_null_user_is_nobody_in_the_other_tables(world: World, null: str) -> None:
    put_profiles(world, [profile(null), *(profile(f"u{n}") for n in range(20))])
    world.put("consents/c.csv", as_csv([consent(null), *(consent(f"u{n}") for n in range(20))]))
    world.put("requests/r.csv", as_csv([request_of(null)]))
    with pytest.raises(Held, match="objection_unreadable"):
        world.take_in()
    for table in ("profiles", "consents", "requests"):
        assert pointers(world, table) == {1: ("user_id", "no_user")}


@pytest.mark.parametrize("write", [as_csv, as_json_lines, as_parquet])
def test_a_visit_id_that_people_share_loses_nobody(world: World, write: Any) -> None:
    """Ids of sessions, which begin in the same second, used as ids of visits."""
    (world.folder() / "v.csv").unlink()
    people = [visit("1793500000", user_id=f"u{n}") for n in range(30)]
    guests = [visit("1793500000", user_id=None)] * 2
    form = {as_csv: "csv", as_json_lines: "jsonl", as_parquet: "parquet"}[write]
    world.visits(write([*people, *guests, people[0]]), f"v.{form}")
    account = world.take_in().accounts["visits"]
    assert (account.read, account.counted, account.duplicates) == (33, 31, 2)
    assert {row["person_key"] for row in world.rows("visits")} == {
        None,
        *(key_of(world, f"u{n}") for n in range(30)),
    }
    assert len({row["visit_key"] for row in world.rows("visits")}) == 31


@pytest.mark.alternate("rows and their faults")
def test_exact_duplicates_change_nothing_but_their_count(world: World) -> None:
    rows = [visit("v1"), visit("v2", user_id="u2")]
    world.visits(as_csv(rows))
    world.take_in()
    before = world.written()[f"visits/day={DAY}.parquet"]
    world.visits(as_csv([rows[0], *rows, rows[1], rows[0]]))
    intake = world.take_in()
    assert intake.accounts["visits"].duplicates == 3
    assert world.written()[f"visits/day={DAY}.parquet"] == before


@pytest.mark.alternate("rows and their faults")
def test_of_visits_that_share_an_id_the_earliest_stands(world: World) -> None:
    early = visit("v1", url=LINK, occurred_at="2026-01-01T09:00:00+07:00")
    late = visit("v1", url="https://else.example/", occurred_at="2026-01-01T11:00:00+07:00")
    fill = [visit(f"f{n}", url="https://else.example/") for n in range(20)]
    written = []
    for rows in ([early, late, early], [late, early, early]):
        world.visits(as_csv([*rows, *fill]))
        account = world.take_in().accounts["visits"]
        assert (account.duplicates, account.quarantined) == (1, {"conflicting_id": 1})
        assert [row["campaign_ids"] for row in world.rows("visits")].count(["C1"]) == 1
        written.append(world.written()[f"visits/day={DAY}.parquet"])
    assert written[0] == written[1]


@pytest.mark.alternate("rows and their faults")
def test_at_the_same_time_the_winner_does_not_depend_on_order(world: World) -> None:
    rows = [visit("v1", url=f"{LINK}/{n}") for n in range(3)]
    fill = [visit(f"f{n}") for n in range(20)]
    outcomes = []
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        world.visits(as_csv([*fill, *(rows[n] for n in order)]))
        assert world.take_in().accounts["visits"].quarantined == {"conflicting_id": 2}
        outcomes.append(world.written()[f"visits/day={DAY}.parquet"])
    assert len(set(outcomes)) == 1


@pytest.mark.alternate("rows and their faults")
def test_of_profiles_of_one_person_the_latest_registered_stands(world: World) -> None:
    fill = [profile(f"f{n}") for n in range(20)]
    twice = [
        profile("u1", gender="female", registered_at="2025-06-01T00:00:00Z"),
        profile("U1 ", gender="male", registered_at="2025-03-01T00:00:00Z"),
    ]
    for rows in (twice, twice[::-1]):
        put_profiles(world, [*rows, *fill])
        account = world.take_in().accounts["profiles"]
        assert account.quarantined == {"conflicting_id": 1}
        kept = [r for r in world.rows("profiles") if r["person_key"] == key_of(world, "u1")]
        assert [row["gender"] for row in kept] == ["female"]


def test_a_campaign_id_that_two_claim_belongs_to_nobody(world: World) -> None:
    rival = campaign(advertiser_id="A2", advertiser_name="Other")
    world.put("campaigns/c.csv", as_csv([campaign(), rival, campaign(campaign_id="C2")]))
    account = world.take_in().accounts["campaigns"]
    assert account.quarantined == {"conflicting_id": 2}
    assert [row["campaign_id"] for row in world.rows("campaigns")] == ["C2"]


@pytest.mark.alternate("rows and their faults")
def test_requests_and_consents_that_stand_twice(world: World) -> None:
    later = request_of(requested_at="2026-01-01T00:00:00Z")
    world.put("requests/r.csv", as_csv([request_of(), later, request_of()]))
    world.put(
        "consents/c.csv", as_csv([consent("u2"), consent("u2"), consent("u2", granted="false")])
    )
    accounts = world.take_in().accounts
    # No request is lost because another one has the same id.
    assert (accounts["requests"].counted, accounts["requests"].duplicates) == (2, 1)
    # Two decisions at one instant: both are kept, eligibility takes the stricter.
    assert (accounts["consents"].counted, accounts["consents"].duplicates) == (2, 1)


@pytest.mark.alternate("rows and their faults")
def test_of_who_asked_to_be_erased_only_the_request_goes_on(world: World) -> None:
    world.put("profiles/day=2026-01-01/p.csv", as_csv([profile(), profile("u2"), profile("u3")]))
    world.put("consents/c.csv", as_csv([consent(user) for user in ("u1", "u1", "u2", "u3")]))
    visits = [visit(), visit("v2"), visit("v3", user_id="u2"), visit("v4", user_id=None)]
    world.visits(as_json_lines(visits), "v.jsonl")
    world.put("requests/r.csv", as_csv([request_of(" U1"), request_of("u3", kind="withdraw")]))
    accounts = world.take_in().accounts
    left = {name: (a.counted, a.excluded.get("erased", 0)) for name, a in accounts.items()}
    assert left["profiles"] == (2, 1)
    assert left["consents"] == (2, 1)
    assert left["visits"] == (2, 2)
    assert left["requests"] == (2, 0)
    (erased,) = {row["person_key"] for row in world.rows("requests") if row["kind"] == "erase"}
    for name in ("profiles", "consents", "visits"):
        assert erased not in {row["person_key"] for row in world.rows(name)}


@pytest.mark.parametrize("kind", ["withdraw", "erase"])
@pytest.mark.parametrize(
    "fault",
    [
        {"requested_at": "soon"},
        {"requested_at": ""},
        {"requested_at": "1970-01-01T00:00:00Z"},
        {"requested_at": "2026-01-01T00:00:00"},
        {"request_id": " "},
    ],
)
def test_a_withdrawal_or_erasure_is_not_lost_to_a_bad_id_or_time(
    world: World, kind: str, fault: dict[str, str]
) -> None:
    world.put("requests/r.csv", as_csv([request_of(kind=kind, **fault)]))
    intake = world.take_in()
    assert intake.accounts["requests"].counted == 1
    (row,) = world.rows("requests")
    if "requested_at" in fault:
        assert row["requested_at"] == datetime(2100, 1, 1, tzinfo=UTC)
        assert "requests: request_undated (1)" in [str(warning) for warning in intake.warnings]


@pytest.mark.alternate("rows and their faults")
def test_bad_consents_and_requests(world: World) -> None:
    world.put(
        "consents/c.csv",
        as_csv(
            [
                consent(""),
                consent("unknown"),
                consent(purpose="sale"),
                consent(granted="maybe"),
                consent(decided_at="1970-01-01T00:00:00Z"),
                *(consent(f"u{n}") for n in range(30)),
            ]
        ),
    )
    bad_requests = [
        request_of("", request_id="a"),
        request_of(request_id=" ", kind="access"),
        request_of(request_id="c", kind="complain"),
        request_of(request_id="d", kind="correct", requested_at="soon"),
    ]
    world.put("requests/r.csv", as_csv(bad_requests))
    with pytest.raises(Held, match="objection_unreadable"):
        world.take_in()
    assert pointers(world, "consents") == {
        1: ("user_id", "no_user"),
        2: ("user_id", "placeholder_user"),
        3: ("purpose", "not_in_domain"),
        4: ("granted", "not_in_domain"),
        5: ("decided_at", "time_range"),
    }
    assert pointers(world, "requests") == {
        1: ("user_id", "no_user"),
        3: ("kind", "not_in_domain"),
        4: ("requested_at", "bad_time"),
    }


BAD_CAMPAIGNS: list[tuple[dict[str, Any], str, str]] = [
    ({"campaign_id": "../x"}, "campaign_id", "not_in_domain"),
    ({"campaign_id": "x" * 65}, "campaign_id", "not_in_domain"),
    ({"campaign_id": None}, "campaign_id", "not_in_domain"),
    ({"advertiser_id": "a b"}, "advertiser_id", "not_in_domain"),
    ({"advertiser_id": ".."}, "advertiser_id", "not_in_domain"),
    ({"campaign_name": "mail budi@mail.example now"}, "campaign_name", "not_in_domain"),
    ({"campaign_name": "call +62 812-3456-7890"}, "campaign_name", "not_in_domain"),
    ({"campaign_name": "call 0812 3456 789"}, "campaign_name", "not_in_domain"),
    ({"advertiser_name": "3171 2345 6789 0123"}, "advertiser_name", "not_in_domain"),
    ({"advertiser_name": "x" * 201}, "advertiser_name", "not_in_domain"),
    ({"advertiser_name": "tab\there"}, "advertiser_name", "not_in_domain"),
    ({"advertiser_name": ""}, "advertiser_name", "not_in_domain"),
    ({"link_url": "shop.example"}, "link_url", "bad_url"),
    ({"starts_on": "01/12/2025"}, "starts_on", "bad_date"),
    ({"ends_on": "2025-02-30"}, "ends_on", "bad_date"),
    ({"ends_on": "2025-11-30"}, "ends_on", "date_range"),
    ({"target_regions": "31;Jakarta"}, "target_regions", "not_in_domain"),
]


@pytest.mark.alternate("rows and their faults")
def test_each_bad_campaign_is_quarantined(world: World) -> None:
    rows = [campaign(campaign_id=f"B{n}") | bad for n, (bad, _, _) in enumerate(BAD_CAMPAIGNS)]
    world.put("campaigns/c.csv", as_csv([*rows, campaign()]))
    world.take_in()
    expected = {n: (c, reason) for n, (_, c, reason) in enumerate(BAD_CAMPAIGNS, start=1)}
    assert pointers(world, "campaigns") == expected


@pytest.mark.alternate("rows and their faults")
def test_names_that_look_like_formulas_or_ranges_are_kept_as_they_are(world: World) -> None:
    names = ["=cmd|'/C calc'!A0", "+1", "-1", "@SUM(A1)", "<script>", "{{7*7}}", "Promo 2026-2027"]
    names += ["2026-11-22 - 2026-12-01", "Diskon 50% %0d%0a", "Rp 1.000.000"]
    rows = [campaign(campaign_id=f"N{n}", campaign_name=name) for n, name in enumerate(names)]
    world.put("campaigns/c.csv", as_csv(rows))
    world.take_in()
    assert {row["campaign_name"] for row in world.rows("campaigns")} == set(names)


@pytest.mark.alternate("rows and their faults")
def test_target_regions_as_text_or_list(world: World) -> None:
    world.put("campaigns/c.csv", as_csv([campaign(target_regions=" 32.71; 31")]))
    world.put("campaigns/c.jsonl", as_json_lines([campaign(target_regions=["31", "32.71"])]))
    types = {"target_regions": pa.list_(pa.string())}
    listed = as_parquet([campaign(target_regions=["32.71", "31", "31"])], types)
    world.put("campaigns/c.parquet", listed)
    account = world.take_in().accounts["campaigns"]
    assert (account.counted, account.duplicates) == (1, 2)
    assert world.rows("campaigns")[0]["target_regions"] == ["31", "32.71"]


GENDERS = {
    "male": ["male", "M", "L", "pria", "Laki-Laki", "laki laki", " MALE "],
    "female": ["female", "f", "P", "Wanita", "Perempuan"],
    "not_stated": [None, "", "X", "divers", "unknown"],
}


def test_genders_regions_and_ages_are_mapped_or_not_stated(world: World) -> None:
    stated = [(word, gender) for gender, words in GENDERS.items() for word in words]
    rows = [profile(f"g{n}", gender=word) for n, (word, _) in enumerate(stated)]
    regions = {"31.71": "31.71", " 31.71 ": "31.71", "31": "not_stated", "99.99": "not_stated",
               "Jakarta Pusat": "not_stated", None: "not_stated"}  # fmt: skip
    rows += [profile(f"r{n}", region_code=code) for n, code in enumerate(regions)]
    births = ["2027-01-01", "1800-01-01", "soon", "12.7", "-5", "131", "NaN", None]
    rows += [profile(f"b{n}", birth_date=text) for n, text in enumerate(births)]
    put_profiles(world, rows)
    intake = world.take_in()
    found = {row["person_key"]: row for row in world.rows("profiles")}
    for n, (_, gender) in enumerate(stated):
        assert found[key_of(world, f"g{n}")]["gender"] == gender
    for n, region in enumerate(regions.values()):
        assert found[key_of(world, f"r{n}")]["region"] == region
    for n in range(len(births)):
        assert found[key_of(world, f"b{n}")]["age"] is None
    assert {(w.code, w.count) for w in intake.warnings} == {
        ("gender_not_mapped", 2),
        ("region_not_mapped", 3),
        ("age_not_known", 7),
    }


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        ("2004-02-29", date(2026, 2, 28), 21),
        ("2004-02-29", date(2026, 3, 1), 22),
        ("2004-02-29", date(2028, 2, 28), 23),
        ("2004-02-29", date(2028, 2, 29), 24),
        ("2008-01-01", date(2026, 1, 1), 18),
        ("2008-01-02", date(2026, 1, 1), 17),
        ("1895-01-01", date(2026, 1, 1), None),
        ("1896-01-01", date(2026, 1, 1), 130),
        ("2025-12-31", date(2026, 1, 1), 0),
    ],
)
def test_age_in_completed_years(tmp_path: Path, born: str, day: date, age: int | None) -> None:
    world = World(tmp_path, day=day)
    put_profiles(world, [profile(birth_date=born)])
    at_ten = datetime.combine(day, datetime.min.time(), ZoneInfo("Asia/Jakarta"))
    world.visits(as_csv([visit(occurred_at=(at_ten + timedelta(hours=10)).isoformat())]))
    world.take_in()
    assert world.rows("profiles")[0]["age"] == age


def test_accounts_open_and_close_on_local_days(world: World) -> None:
    put_profiles(
        world,
        [
            profile("a", registered_at="2025-12-31T17:30:00Z"),  # 1 January in Jakarta
            profile("b", registered_at="2026-01-02T00:00:00+07:00"),
            profile("c", closed_at="2026-01-01T23:59:59+07:00"),
            profile("d", closed_at="2026-01-02T00:00:00+07:00"),
            profile("e", closed_at="2021-01-01T12:00:00+07:00"),
            profile("f", closed_at="2020-12-31T12:00:00+07:00"),
            *(profile(f"z{n}", closed_at="never") for n in range(1)),
        ],
    )
    account = world.take_in().accounts["profiles"]
    found = {row["person_key"]: row for row in world.rows("profiles")}
    assert found[key_of(world, "a")]["account_days"] == 0
    assert found[key_of(world, "b")]["account_days"] == -1
    assert [found[key_of(world, user)]["closed"] for user in "cde"] == [True, False, True]
    assert account.excluded == {"closed_long_ago": 1}
    assert account.quarantined == {"bad_time": 1}


class TestTimes:
    def test_one_instant_is_one_local_day_whatever_its_offset(self, world: World) -> None:
        forms = ["2026-01-01T00:30:00+07:00", "2025-12-31T17:30:00Z", "2026-01-01T01:30+08:00",
                 "2026-01-01 02:30:00.000000+0900", "2025-12-31T17:30:00.000Z"]  # fmt: skip
        rows = [visit("v1", occurred_at=form) for form in forms]
        world.visits(as_csv(rows))
        account = world.take_in().accounts["visits"]
        assert (account.counted, account.duplicates) == (1, len(forms) - 1)

    @pytest.mark.alternate("rows and their faults")
    def test_days_end_at_local_midnight(self, world: World) -> None:
        world.visits(
            as_csv(
                [
                    visit("v1", occurred_at="2025-12-31T23:59:59.999999+07:00"),
                    visit("v2", occurred_at="2026-01-01T00:00:00+07:00"),
                    visit("v3", occurred_at="2026-01-01T23:59:59.999999+07:00"),
                    visit("v4", occurred_at="2025-12-30T23:59:59+07:00"),
                ]
            )
        )
        world.visits(
            as_csv(
                [
                    visit("v5", occurred_at="2026-01-02T00:00:00+07:00"),
                    visit("v6", occurred_at="2026-01-01T12:00:00+07:00"),
                    visit("v7", occurred_at="2025-12-30T12:00:00+07:00"),
                ]
            ),
            "late.csv",
            offset=1,
        )
        account = world.take_in().accounts["visits"]
        assert account.counted == 3
        # v4 is older than what may still arrive in the day's own folder; v7 is another run's.
        assert account.excluded == {"other_day": 3, "late": 1}

    def test_a_naive_time_means_the_policy_zone_if_the_policy_says_so(self, world: World) -> None:
        world.with_policy("intake", naive_times="policy_zone")
        rows = [visit(occurred_at="2026-01-01T00:30:00"),
                visit(occurred_at="2025-12-31T17:30:00Z")]  # fmt: skip
        world.visits(as_csv(rows))
        account = world.take_in().accounts["visits"]
        assert (account.counted, account.duplicates) == (1, 1)

    @pytest.mark.alternate("rows and their faults")
    def test_parquet_timestamps_with_zone_in_every_unit(self, world: World) -> None:
        seconds = int(datetime(2025, 12, 31, 17, 30, tzinfo=UTC).timestamp())
        for unit, scale in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
            rows = [visit(occurred_at=seconds * scale)]
            for zone in ("UTC", "Asia/Jayapura"):
                types = {"occurred_at": pa.timestamp(unit, zone)}
                world.visits(as_parquet(rows, types), f"{unit}-{zone[:3]}.parquet")
        world.visits(as_csv([visit(occurred_at="2026-01-01T00:30:00+07:00")]))
        account = world.take_in().accounts["visits"]
        assert (account.counted, account.quarantined) == (1, {})

    @pytest.mark.alternate("rows and their faults")
    def test_parquet_timestamps_that_overflow_or_lack_a_zone(self, world: World) -> None:
        world.visits(as_csv([visit(f"v{n}") for n in range(40)]))
        # The last one, in milliseconds, would wrap around to 10:00 of the day.
        wrapping = (1_767_236_400_000_000 + 2**64 * 125) // 1_000
        extremes = [2**63 - 1, -(2**63) + 1, 0, 2**62, wrapping]
        for unit in ("ms", "us", "ns"):
            rows = [visit(f"{unit}{n}", occurred_at=value) for n, value in enumerate(extremes)]
            types = {"occurred_at": pa.timestamp(unit, "UTC")}
            world.visits(as_parquet(rows, types), f"{unit}.parquet")
        rows = [visit("naive", occurred_at=datetime(2026, 1, 1, 10))]  # noqa: DTZ001
        world.visits(as_parquet(rows, {"occurred_at": pa.timestamp("us")}), "naive.parquet")
        world.with_policy("intake", max_quarantined_share=0.5)
        account = world.take_in().accounts["visits"]
        assert account.quarantined == {"time_range": 15, "naive_time": 1}


@pytest.mark.alternate("rows and their faults")
def test_user_agents_of_programs_are_marked(world: World) -> None:
    agents = {"GoogleBot/2": True, "CURL/8": True, "Mozilla/5.0": False, "": False}
    rows = [visit(f"v{n}", user_id=f"u{n}", user_agent=text) for n, text in enumerate(agents)]
    world.visits(as_csv([*rows, visit("v9", user_id="u9", user_agent=None)]))
    world.take_in()
    found = {row["person_key"]: row["program"] for row in world.rows("visits")}
    for n, expected in enumerate([*agents.values()]):
        assert found[key_of(world, f"u{n}")] is expected
    assert found[key_of(world, "u9")] is False


ROWS = st.lists(
    st.builds(
        visit,
        visit_id=st.sampled_from(["a", "b", "c", "", None]),
        user_id=st.sampled_from(["u1", "u2", "", "0", None]),
        occurred_at=st.sampled_from(
            [
                "2026-01-01T10:00:00+07:00",
                "2026-01-01T11:00:00+07:00",
                "2025-12-31T10:00:00+07:00",
                "2025-12-29T10:00:00+07:00",
                "2026-01-05T10:00:00+07:00",
                "x",
            ]
        ),
        url=st.sampled_from([LINK, LINK + "?utm_id=zz", "", "https://else.example/"]),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.slow
@given(ROWS, st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None)
def test_every_row_is_accounted_for_and_order_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], random: Any
) -> None:
    outcomes = []
    for _ in range(2):
        world = World(tmp_path_factory.mktemp("home"))
        world.with_policy("intake", max_quarantined_share=1.0)
        cut = random.randint(0, len(rows))
        (world.folder() / "v.csv").unlink()
        for name, part in (("b", rows[:cut]), ("a", rows[cut:])):
            if part:
                world.visits(as_csv(part), f"{name}.csv")
        account = world.take_in().accounts["visits"]
        # RowAccount itself refuses sums that do not hold; a file given twice is read once.
        assert account.read == len(rows) or rows[:cut] == rows[cut:]
        assert account.counted == len(world.rows("visits"))
        if rows[:cut] != rows[cut:]:
            outcomes.append((account, world.written()[f"visits/day={DAY}.parquet"]))
        rows = random.sample(rows, len(rows))
    assert outcomes[1:] == outcomes[:1] or len(outcomes) < 2
