"""The analysts' database: released figures only, explained, swapped under readers."""

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
import release_world
from correction_world import correct, finish, order, release_wrong
from release_world import (
    DAY,
    POLICY,
    catalogue,
    content,
    release,
    true_count,
    world,
)
from worked_answers import ANSWERS, assert_answered, read_released, worked_queries

from anonymizer.exports.database import CREATED, TABLES, build_database
from anonymizer.model.segments import Catalogue, SegmentSettings, build_catalogue
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_releases
from anonymizer.storage.home import Home

MACROS = tuple(one.removeprefix("macro_") for one in CREATED if one.startswith("macro_"))
VIEWS = tuple(one.removeprefix("view_") for one in CREATED if one.startswith("view_"))
NEXT = date(2026, 11, 23)
# The page speaks of the demo's campaigns and days, this small world of its own.
SMALL_WORLD = {
    "cmp-0003": "spring",
    "cmp-0001": "autumn",
    "2026-10-31": "2026-11-22",
    "2026-10-24": "2026-11-22",
}

QUERIES = worked_queries(SMALL_WORLD)
# Used by the others, which are worked.
INTERNAL = {
    *("level_of", "is_disjoint", "direction_of", "totals_of", "table_on"),
    *(
        "known_kind",
        "known_period_kind",
        "known_subject",
        "known_period",
        "known_series",
        "known_segment",
    ),
}


def build(home: Home, *days: date) -> Path:
    for day in days:
        release(home, day)
    return build_database(load_releases(home, Ledger.open(home.ledger)), home)


@pytest.fixture
def everything(all_series: Home) -> Home:
    """Two days, and the longer periods that hold them."""
    return all_series


@pytest.fixture
def database(two_days: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(two_days.database), read_only=True) as connection:
        yield connection


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_every_worked_query_has_the_answer_of_a_second_computation(
    number: int, everything: Home
) -> None:
    query, answer = QUERIES[number], ANSWERS[number]
    # The demo has provinces (`tests/docs/test_queries_in_the_demo.py`), the world here has none.
    refusal = query.refusal or ("no figures by 'province'" if "'province'" in query.text else "")
    with duckdb.connect(str(everything.database), read_only=True) as database:
        if refusal:
            with pytest.raises(duckdb.InvalidInputException, match=re.escape(refusal)):
                database.sql(query.text).fetchall()
            return
        rows = database.sql(query.text).fetchall()
    assert rows or "complete USING" in query.text  # no week is complete here
    if answer is not None:
        assert_answered(answer, rows, read_released(everything.published, SMALL_WORLD))


def test_every_worked_query_has_a_second_computation() -> None:
    assert len(QUERIES) == len(ANSWERS)
    assert [number for number, answer in enumerate(ANSWERS) if answer is None] == [
        *(2, 3, 4, 5),  # two refusals, and the database's own catalogue
        *(16, 17),  # refusals
        25,  # areas of a regency: the reference, not a release
    ]


def test_every_macro_is_worked() -> None:
    for macro in set(MACROS) - INTERNAL:
        assert any(f"{macro}(" in query.text for query in QUERIES) or macro == "figures_of", macro
    for view in VIEWS:
        assert any(f" {view}" in query.text for query in QUERIES) or view == "catalogue", view


def test_macros_answer_with_released_figures(database: duckdb.DuckDBPyConnection) -> None:
    assert database.sql("SELECT subject_id, people FROM segment('men_under_40')").fetchall() == [
        ("autumn", 250), ("spring", 510), ("autumn", 250), ("spring", 510),
    ]  # fmt: skip
    assert database.sql("FROM compare('everyone', 'spring', 'autumn')").fetchall() == [
        (DAY, 1240, 620, "published", "published", "first"),
        (NEXT, 1240, 620, "published", "published", "first"),
    ]
    trend = database.sql("SELECT segment_id, status, people FROM trend('spring')").fetchall()
    assert ("women_makassar", "suppressed", None) in trend
    assert len(trend) == 10
    day = database.sql("SELECT segment_id FROM campaign_day('spring', '2026-11-22')").fetchall()
    assert ("male:all:java",) in day
    assert len(day) == 8


@pytest.mark.alternate("analysts' database")
def test_the_true_number_lies_between_the_bounds_of_each_figure(home: Home) -> None:
    """Whichever of two near days was released first, and in both campaigns."""
    truth = {}
    for day, fewer in ((DAY, 9), (NEXT, 0), (date(2026, 11, 24), 4)):
        counted = world(day, spring=fewer, autumn=fewer)
        release(home, day, counted=counted)
        for table in counted:
            for segment in catalogue().positions:
                truth[day, table.key.subject_id, segment] = true_count(table, segment)
    with duckdb.connect(str(build(home)), read_only=True) as database:
        rows = database.sql(
            "SELECT period_start, subject_id, segment_id, people, people_least, people_most "
            "FROM figures"
        ).fetchall()
    away = set()
    for day, subject, segment, people, least, most in rows:
        if people is None:
            assert (least, most) == (None, None)
            continue
        assert (least, most) == (max(people - 23, 50), people + 23)
        assert least <= truth[day, subject, segment] <= most
        away.add(abs(people - truth[day, subject, segment]))
    assert max(away) > 9  # so bounds of one rounding step would be wrong


def test_a_release_says_how_exact_its_figures_are(home: Home) -> None:
    promise = POLICY.promise.model_copy(update={"rounding": 1, "k": 60, "inference_k": 5})
    release(home, DAY, policy=POLICY.model_copy(update={"promise": promise}))
    with duckdb.connect(str(build(home)), read_only=True) as database:
        stated = database.sql("SELECT threshold, protection_level, rounding, error FROM releases")
        assert stated.fetchall() == [(60, 5, 1, 9)]
        bounds = database.sql(
            "SELECT people_least - people, people_most - people FROM figures "
            "WHERE segment_id = 'everyone' AND subject_id = 'spring'"
        )
        assert bounds.fetchall() == [(-9, 9)]


def test_a_macro_takes_its_argument_as_a_value(database: duckdb.DuckDBPyConnection) -> None:
    hostile = "men' OR '1'='1"
    with pytest.raises(duckdb.InvalidInputException, match="no segment 'men' OR '1'='1'"):
        database.execute("FROM segment(?)", [hostile]).fetchall()
    assert len(database.execute("FROM segment(?)", ["men"]).fetchall()) == 4


CAMPAIGN, SEGMENT = "no campaign 'x': FROM subjects", "no segment 'x': FROM catalogue"
EVERY, KIND = "no kind of period 'x': every is day", "no kind of subject 'x': kind is campaign"
PERIOD = "no day with 2030-01-01 is released of campaign 'spring': FROM released_tables"
WEEK, MONTH = PERIOD.replace("day", "week", 1), PERIOD.replace("day", "month", 1)
DATE = "'22-11-2026' is not a date"
REFUSALS = [
    ("segment('x')", SEGMENT),
    ("segment(NULL)", "no segment '': FROM catalogue"),
    ("segment('male:all:x')", "no segment 'male:all:x'"),
    ("segment('male:x:all')", "no segment 'male:x:all'"),
    ("segment('x:all:all')", "no segment 'x:all:all'"),
    ("trend('x')", CAMPAIGN),
    ("trend(NULL)", "no campaign ''"),
    ("trend('spring', every := 'x')", EVERY),
    ("compare('x', 'spring', 'autumn')", SEGMENT),
    ("compare('men', 'x', 'autumn')", CAMPAIGN),
    ("compare('men', 'spring', 'x')", CAMPAIGN),
    ("compare('men', 'spring', 'autumn', every := 'x')", EVERY),
    ("table_on('x', 'spring', 'day', '2026-11-22')", KIND),
    ("table_on('campaign', 'x', 'day', '2026-11-22')", CAMPAIGN),
    ("table_on('campaign', 'spring', 'x', '2026-11-22')", EVERY),
    ("table_on('campaign', 'spring', 'day', '2030-01-01')", PERIOD),
    ("table_on('campaign', 'spring', 'day', '22-11-2026')", DATE),
    ("campaign_day('x', '2026-11-22')", CAMPAIGN),
    ("campaign_day('spring', '2030-01-01')", PERIOD),
    ("campaign_day('spring', DATE '2030-01-01')", PERIOD),
    ("campaign_week('x', '2026-11-22')", CAMPAIGN),
    ("campaign_week('spring', '2030-01-01')", WEEK),
    ("campaign_month('x', '2026-11-22')", CAMPAIGN),
    ("campaign_month('spring', '2030-01-01')", MONTH),
    ("interest_week('x', '2026-11-22')", "no interest 'x': FROM subjects"),
    ("interest_week('sports', '2030-01-01')", "no week with 2030-01-01 is released of interest"),
    ("audience_month('2030-01-01')", "no month with 2030-01-01 is released of audience"),
    ("figures_of('x', 'men')", CAMPAIGN),
    ("figures_of('spring', 'x')", SEGMENT),
    ("figures_of('spring', 'men', every := 'x')", EVERY),
    ("figures_of('spring', 'men', kind := 'x')", KIND),
    ("figures_of('spring', 'men', kind := 'audience')", "no audience 'spring': FROM subjects"),
    ("figure_of('x', 'men', '2026-11-22')", CAMPAIGN),
    ("figure_of('spring', 'x', '2026-11-22')", SEGMENT),
    ("figure_of('spring', 'men', '2030-01-01')", PERIOD),
    ("figure_of('spring', 'men', '22-11-2026')", DATE),
    ("figure_of('spring', 'men', NULL)", "'' is not a date"),
    ("figure_of('spring', 'men', '2026-11-22', every := 'x')", EVERY),
    ("figure_of('spring', 'men', '2026-11-22', kind := 'x')", KIND),
    ("all_segments('x', '2026-11-22')", CAMPAIGN),
    ("all_segments('spring', '2030-01-01')", PERIOD),
    ("all_segments('spring', '2026-11-22', every := 'x')", EVERY),
    ("all_segments('spring', '2026-11-22', kind := 'x')", KIND),
    ("split('x', '2026-11-22')", CAMPAIGN),
    ("split('spring', '2030-01-01')", PERIOD),
    ("split('spring', '2026-11-22', dimension := 'x')", "no split by 'x'"),
    ("split('spring', '2026-11-22', dimension := 'area')", "age groups and areas overlap"),
    ("split('spring', '2026-11-22', every := 'x')", EVERY),
    ("split('spring', '2026-11-22', kind := 'x')", KIND),
    ("figures_by('x')", "no figures by 'x'"),
    ("figures_by('area')", "age groups and areas overlap"),
    ("figures_by('gender', every := 'x')", EVERY),
    ("figures_by('gender', kind := 'x')", KIND),
    ("share('x', 'men')", CAMPAIGN),
    ("share('spring', 'x')", SEGMENT),
    ("share('spring', 'men', every := 'x')", EVERY),
    ("share('spring', 'men', kind := 'x')", KIND),
    ("index_of('x', 'men')", CAMPAIGN),
    ("index_of('spring', 'x')", SEGMENT),
    ("index_of('spring', 'men', every := 'x')", EVERY),
    ("index_of('spring', 'men', kind := 'x')", KIND),
    ("compare_periods('x', '2026-11-22', '2026-11-23')", CAMPAIGN),
    ("compare_periods('spring', '2030-01-01', '2026-11-23')", PERIOD),
    ("compare_periods('spring', '2026-11-22', '2030-01-01')", PERIOD),
    ("compare_periods('spring', '2026-11-22', '2026-11-23', every := 'x')", EVERY),
    ("compare_periods('spring', '2026-11-22', '2026-11-23', kind := 'x')", KIND),
    ("repeat_visitors('x', 'men')", CAMPAIGN),
    ("repeat_visitors('spring', 'x')", SEGMENT),
    ("repeat_visitors('spring', 'men', every := 'x')", EVERY),
    ("repeat_visitors('spring', 'men', every := 'day')", "a day has no repeat visitors"),
    ("overlap('spring', 'autumn')", "share cannot be known"),
    ("figure_of('spring', union_of(['men', 'x']), '2026-11-22')", SEGMENT),
    ("figure_of('spring', union_of(['men', 'women_makassar']), '2026-11-22')",
     "no segment of the catalogue is the union of men, women_makassar"),
    ("figure_of('spring', union_of([]), '2026-11-22')", "no segment of the catalogue"),
]  # fmt: skip
_CALL = re.compile(r"\w+(?=\()")


@pytest.mark.parametrize(("call", "message"), REFUSALS, ids=[call for call, _ in REFUSALS])
def test_unknown_names_are_refused_with_what_lists_them(
    call: str, message: str, everything: Home
) -> None:
    with duckdb.connect(str(everything.database), read_only=True) as database:
        for query in (f"FROM {call}", f"SELECT count(*) FROM {call}"):
            with pytest.raises(duckdb.InvalidInputException, match=re.escape(message)):
                database.execute(query).fetchall()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("trend('spring', every := 'week')", "no week is released of campaign 'spring'"),
        ("figures_of('spring', 'men', every := 'week')", "no week is released of campaign"),
        (
            "compare('men', 'spring', 'autumn', every := 'month')",
            "no month is released of campaign",
        ),
        ("share('spring', 'men', every := 'week')", "no week is released of campaign 'spring'"),
        ("index_of('spring', 'men')", "no month is released of campaign|no audience 'everyone'"),
        ("index_of('spring', 'men', every := 'day')", "no audience 'everyone': FROM subjects"),
        ("repeat_visitors('spring', 'men')", "no week is released of campaign 'spring'"),
    ],
)
def test_what_is_not_released_yet_is_refused(
    call: str, message: str, database: duckdb.DuckDBPyConnection
) -> None:
    for query in (f"FROM {call}", f"SELECT count(*) FROM {call}"):
        with pytest.raises(duckdb.InvalidInputException, match=message):
            database.sql(query).fetchall()


def test_every_macro_refuses_unknown_names() -> None:
    called = {name for call, _ in REFUSALS for name in _CALL.findall(call)}
    assert called >= set(MACROS) - (INTERNAL - {"table_on"}) - {"total_people"}


def test_every_segment_of_the_catalogue_has_an_answer(everything: Home) -> None:
    known = catalogue()
    made = read_released(everything.published, SMALL_WORLD)
    with duckdb.connect(str(everything.database), read_only=True) as database:
        listed = [name for (name,) in database.sql("SELECT segment_id FROM catalogue").fetchall()]
        assert set(known.positions) <= set(listed)
        assert len(listed) == len(set(listed))
        answers = {
            name: (status, people)
            for name, status, people in database.sql(
                "SELECT segment_id, status, people FROM all_segments('spring', '2026-11-22')"
            ).fetchall()
        }
        rows = made.of("campaign", "day", "spring")
        rows = rows[rows["period"] == "2026-11-22"].set_index("segment_id")
        for name in listed:
            there = name in rows.index
            expected = (
                tuple(rows.loc[name, ["status", "people"]]) if there else ("suppressed", None)
            )
            assert answers[name] == expected
            alone = database.execute(
                "SELECT status, people FROM figure_of('spring', ?, '2026-11-22')", [name]
            )
            assert alone.fetchall() == [expected]
    assert sum(status == "suppressed" for status, _ in answers.values()) >= 3


def test_a_segment_goes_by_its_codes_too(everything: Home) -> None:
    with duckdb.connect(str(everything.database), read_only=True) as database:
        by_name, by_codes = (
            database.execute("SELECT people FROM figures_of('spring', ?)", [name]).fetchall()
            for name in ("men", "male:all:all")
        )
        finest = database.sql(
            "SELECT status FROM figure_of('spring', 'male:25-29:31.71', '2026-11-22')"
        )
        assert finest.fetchall() == [("suppressed",)]
    assert by_name == by_codes == [(900,), (900,)]


def test_only_figures_of_one_partition_are_added_up(everything: Home) -> None:
    with duckdb.connect(str(everything.database), read_only=True) as database:
        sums = database.sql(
            "SELECT partition, total_people(people, partition) FROM figures_by('gender') "
            "WHERE subject_id = 'spring' GROUP BY partition ORDER BY partition"
        )
        assert sums.fetchall() == [
            ("spring 2026-11-22 gender", 1230), ("spring 2026-11-23 gender", 1230),
        ]  # fmt: skip
        for mixed in (
            "TRUE",
            "segment_id = 'men' AND subject_id = 'spring'",  # on two days
            "segment_id = 'men' AND period = '2026-11-22'",  # of two campaigns
        ):
            with pytest.raises(duckdb.InvalidInputException, match="count some people twice"):
                database.sql(
                    "SELECT total_people(people, partition) FROM figures_by('gender') "
                    f"WHERE {mixed}"
                ).fetchall()


def test_no_view_has_rows_of_overlapping_segments(everything: Home) -> None:
    """A row of a view is everyone of a subject in a period, so that sums are of such rows alone."""
    kinds = {
        "campaign_days": ("campaign", "day"),
        "campaign_weeks": ("campaign", "week"),
        "campaign_months": ("campaign", "month"),
        "interest_weeks": ("interest", "week"),
        "audience_months": ("audience", "month"),
    }
    assert kinds.keys() == set(VIEWS) - {"catalogue"}
    rows = read_released(everything.published, {}).rows
    for view, (kind, every) in kinds.items():
        of = rows[(rows["subject_kind"] == kind) & (rows["period_kind"] == every)]
        of = of[(of["gender"] == "all") & (of["age"] == "all") & (of["region"] == "all")]
        expected = sorted(zip(of["subject_id"], of["period"], of["people"], strict=True))
        assert expected, view
        with duckdb.connect(str(everything.database), read_only=True) as database:
            assert (
                database.sql(
                    f"SELECT subject_id, period, people FROM {view} ORDER BY ALL"
                ).fetchall()
                == expected
            )
            assert "segment_id" not in database.table(view).columns


def test_figures_by_a_level_count_nobody_twice(everything: Home) -> None:
    """People of each level are counted anew from the released rows: never more than everyone."""
    with duckdb.connect(str(everything.database), read_only=True) as database:
        levels = database.sql("SELECT DISTINCT level FROM catalogue WHERE disjoint").fetchall()
        overlapping = database.sql(
            "SELECT DISTINCT level FROM catalogue WHERE NOT disjoint"
        ).fetchall()
        most = dict(
            database.sql(
                "SELECT subject_id || ' ' || period, people_most FROM campaign_days"
            ).fetchall()
        )
        for (level,) in levels:
            sums = database.execute(
                "SELECT subject_id || ' ' || period, sum(people_least) FROM figures_by(?) "
                "GROUP BY ALL HAVING sum(people_least) > 0",
                [level],
            ).fetchall()
            assert all(people <= most[table] for table, people in sums), level
        assert overlapping
        for (level,) in overlapping:
            with pytest.raises(duckdb.InvalidInputException, match=f"no figures by '{level}'"):
                database.execute("FROM figures_by(?)", [level]).fetchall()


def test_every_released_table_has_a_row_in_a_view(everything: Home) -> None:
    with duckdb.connect(str(everything.database), read_only=True) as database:
        for view, kind, every in (
            ("campaign_days", "campaign", "day"),
            ("audience_months", "audience", "month"),
        ):
            listed = database.execute(
                "SELECT subject_id, period FROM released_tables "
                "WHERE subject_kind = ? AND period_kind = ? ORDER BY ALL",
                [kind, every],
            ).fetchall()
            found = database.sql(f"SELECT subject_id, period FROM {view} ORDER BY ALL").fetchall()
            assert found == listed


def test_polars_keeps_suppressed_people_as_null_in_whole_numbers(everything: Home) -> None:
    """As docs/queries.md says."""
    with duckdb.connect(str(everything.database), read_only=True) as database:
        query = "SELECT segment_id, status, people FROM figures ORDER BY ALL"
        rows, frame = database.sql(query).fetchall(), database.sql(query).pl()
    assert frame.schema["people"] == pl.Int64
    assert frame.rows() == rows
    suppressed = frame.filter(pl.col("status") == "suppressed")
    assert suppressed.height > 0
    assert suppressed["people"].null_count() == suppressed.height
    assert frame.filter(pl.col("status") == "published")["people"].null_count() == 0


def test_the_page_says_which_macros_are_about_longer_periods(
    database: duckdb.DuckDBPyConnection,
) -> None:
    page = (Path(__file__).parents[2] / "docs/queries.md").read_text(encoding="utf-8")
    sentence = page.split("Two are about longer periods: ")[1].split(". ")[0].replace("\n", " ")
    said = set(re.findall(r"`(\w+)` about (\w+)s", sentence))
    sources = Path(__file__).parents[2] / "sql"
    by_default = {
        name: found[1]
        for name in MACROS
        for text in [(sources / f"create_macro_{name}.sql").read_text(encoding="utf-8")]
        if (found := re.search(r"CREATE MACRO[^)]*every := '(\w+)'", text))
    }
    assert said == {(name, period) for name, period in by_default.items() if period != "day"}


def test_views_have_one_kind_of_subject_and_period_and_the_columns_of_figures(
    everything: Home,
) -> None:
    with duckdb.connect(str(everything.database), read_only=True) as database:
        columns = [name for name in database.table("figures").columns if name != "segment_id"]
        total = 0
        for view in set(VIEWS) - {"catalogue"}:
            found = database.view(view)
            assert found.columns == columns
            kinds = found.select("subject_kind", "period_kind").distinct().fetchall()
            kind, every = view.removesuffix("s").split("_")
            assert kinds == [(kind, every)]
            total += len(found)
        assert total == len(database.table("released_tables"))


@pytest.mark.alternate("analysts' database")
def test_corrected_periods_answer_with_the_correction(home: Home) -> None:
    release_wrong(home)
    with duckdb.connect(str(home.database), read_only=True) as database:
        wrong = database.sql("FROM figures_of('spring', 'everyone')").fetchall()
    order(home)
    correct(home)
    finish(home)
    with duckdb.connect(str(home.database), read_only=True) as database:
        right = database.sql("FROM figures_of('spring', 'everyone')").fetchall()
        assert len(database.sql("FROM corrected_figures").fetchall()) > 0
    assert len(wrong) == len(right) == 1
    assert wrong != right


def redefined() -> Catalogue:
    """`men` are women now and `women` men, and Java has a province less."""
    known = release_world.settings()
    named = {**known["named"]}
    named["men"], named["women"] = (
        {**known["named"][name], "gender": gender}
        for name, gender in (("men", "female"), ("women", "male"))
    )
    java = {**known["areas"]["java"], "regions": ["31", "33", "34", "35", "36"]}
    changed = {**known, "named": named, "areas": {"java": java}}
    return build_catalogue(SegmentSettings.model_validate(changed))


def test_what_was_defined_anew_is_never_told_as_the_newest(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(home, DAY)
    new = redefined()
    monkeypatch.setattr(release_world, "catalogue", lambda: new)
    with duckdb.connect(str(build(home, NEXT)), read_only=True) as database:

        def told(query: str) -> list[tuple[object, ...]]:
            return database.sql(query).fetchall()

        # By codes: the people who have them, whatever they were called.
        people = "SELECT people FROM figures_of('spring', '{}')"
        assert told(people.format("male:all:all")) == [(900,), (900,)]
        assert told(people.format("women")) == [(900,), (900,)]
        assert told(people.format("men")) == told(people.format("female:all:all"))
        # An earlier definition has an id of its own, and nothing is compared with the newest.
        assert told("SELECT people FROM figure_of('spring', 'men@1', '2026-11-22')") == [(900,)]
        assert told("SELECT status, people FROM figures_of('spring', 'all:all:java@1')") == [
            ("published", 1200), ("suppressed", None),
        ]  # fmt: skip
        assert told("SELECT status, people FROM figures_of('spring', 'all:all:java')") == [
            ("suppressed", None), ("published", 800),
        ]  # fmt: skip
        assert told(
            "SELECT change, direction FROM compare_periods('spring', '2026-11-22', '2026-11-23') "
            "WHERE segment_id LIKE 'all:all:java%'"
        ) == [(None, None), (None, None)]
        assert told("SELECT len(regencies) > 0 FROM regions WHERE region_code = 'java@1'")
        # Others are compared as before.
        changes = told("SELECT change FROM trend('spring') WHERE segment_id = 'everyone'")
        assert changes == [(None,), (0,)]
        days = "SELECT segment_id, segment FROM figures_by('gender') WHERE period = '2026-11-22'"
        assert ("men@1", "men") in told(days)
        assert "men" not in {name for name, _ in told(days)}


def test_everything_is_commented(database: duckdb.DuckDBPyConnection) -> None:
    tables = database.sql("SELECT table_name FROM duckdb_tables() WHERE comment <> ''").fetchall()
    assert {name for (name,) in tables} == set(TABLES)
    views = database.sql(
        "SELECT view_name FROM duckdb_views() WHERE NOT internal AND comment <> ''"
    ).fetchall()
    assert {name for (name,) in views} == set(VIEWS)
    assert not database.sql(
        "SELECT table_name, column_name FROM duckdb_columns() "
        "WHERE NOT internal AND coalesce(comment, '') = ''"
    ).fetchall()
    macros = database.sql(
        "SELECT function_name FROM duckdb_functions() WHERE NOT internal AND comment <> ''"
    ).fetchall()
    assert {name for (name,) in macros} == set(MACROS)


def examples_of(comment: str) -> Iterator[str]:
    """The queries in a comment, each up to the bracket that ends its call."""
    for start in re.finditer(r"FROM \w+\(", comment):
        depth, end = 1, start.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(comment[end], 0)
            end += 1
        yield comment[start.start() : end]


def test_the_examples_in_comments_can_be_run(everything: Home) -> None:
    names = {"camp01": "spring", "camp02": "autumn", "2026-11-15": "2026-11-23"}
    run = set()
    with duckdb.connect(str(everything.database), read_only=True) as database:
        comments = database.sql(
            "SELECT function_name, comment FROM duckdb_functions() WHERE NOT internal"
        ).fetchall()
        for macro, comment in comments:
            text = re.sub("|".join(names), lambda found: names[found[0]], comment)
            for query in examples_of(text):
                run.add(macro)
                assert database.sql(query).fetchall(), query
    assert run >= set(MACROS) - INTERNAL - {"total_people", "overlap"}


def test_it_holds_the_figures_of_the_releases_and_nothing_else(
    two_days: Home, database: duckdb.DuckDBPyConnection
) -> None:
    released = [
        (one.id, row["subject_id"], row["segment_id"], row["status"], row["people"])
        for one in load_releases(two_days, Ledger.open(two_days.ledger))
        for row in one.figures.to_pylist()
    ]
    figures = database.sql("SELECT release_id, subject_id, segment_id, status, people FROM figures")
    assert sorted(released, key=str) == sorted(figures.fetchall(), key=str)
    occurring = {segment for (_, _, segment, _, _) in released}
    assert {row[0] for row in database.sql("FROM segments").fetchall()} == occurring
    assert len(database.sql("FROM duckdb_tables()").fetchall()) == len(TABLES)


def test_regions_are_the_official_ones_and_the_released_areas(
    database: duckdb.DuckDBPyConnection,
) -> None:
    levels = dict(database.sql("SELECT level, count(*) FROM regions GROUP BY level").fetchall())
    assert levels == {"country": 1, "province": 38, "regency": 514, "area": 1}
    assert database.sql(
        "SELECT r.region, p.region FROM regions r JOIN regions p ON p.region_code = r.parent_code "
        "WHERE r.region_code = '31.71'"
    ).fetchall() == [("Central Jakarta", "Jakarta")]


@pytest.mark.alternate("equal bytes")
def test_equal_releases_give_equal_content(home: Home, two_days: Home) -> None:
    build(home, DAY, NEXT)
    for table in TABLES:
        rows = []
        for position in (home, two_days):
            with duckdb.connect(str(position.database), read_only=True) as connection:
                rows.append(connection.sql(f"FROM {table} ORDER BY ALL").fetchall())
        assert rows[0] == rows[1], table  # one was built at once, the other has grown


@pytest.mark.alternate("analysts' database")
def test_a_database_of_no_release_can_be_opened(home: Home) -> None:
    lists = re.compile(r": (FROM|SELECT DISTINCT level FROM) \w+ (WHERE disjoint )?lists? ")
    with duckdb.connect(str(build(home)), read_only=True) as connection:
        for query in QUERIES:
            refused = ""
            try:
                connection.sql(query.text).fetchall()
            except duckdb.InvalidInputException as error:
                refused = str(error)
            assert not refused or query.refusal or lists.search(refused)


def test_it_is_made_of_releases_alone(home: Home) -> None:
    with pytest.raises(TypeError):
        build_database([home.releases], home)  # type: ignore[list-item]
    assert content(home.root) == {}


_READER = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    for command in sys.stdin:
        print(connection.sql("SELECT count(DISTINCT release_id) FROM figures").fetchall()[0][0],
              flush=True)
"""


@pytest.mark.alternate("analysts' database")
def test_a_reader_keeps_the_version_that_it_opened(home: Home) -> None:
    build(home, DAY)

    def open_reader() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", _READER, str(home.database)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(reader: subprocess.Popen[str]) -> str:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdin.write("count\n")
        reader.stdin.flush()
        return reader.stdout.readline()

    early = open_reader()
    assert ask(early) == "1\n"
    with home.database.open("rb") as opened:
        version = opened.read()
        build(home, NEXT)
        for swap in range(3):
            build(home)
            assert ask(early) == "1\n", swap
        opened.seek(0)
        assert opened.read() == version
    late = open_reader()
    assert ask(late) == "2\n"
    for reader in (early, late):
        reader.communicate()
        assert reader.returncode == 0
