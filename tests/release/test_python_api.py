"""DataFrames of released figures: right values, right types, and errors that say what exists."""

import ast
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from release_world import DAY, SECRET

import audience
from anonymizer.exports.withdrawal import withdraw
from anonymizer.model.errors import ConfigurationError
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_releases
from anonymizer.storage.home import Home

ROOT = Path(__file__).parents[2]
NEXT = date(2026, 11, 23)
# The page speaks of the demo's campaigns and days, this small world of its own.
SMALL_WORLD = {"cmp-0003": "spring", "2026-10-31": "2026-11-23", "2026-10-24": "2026-11-22"}
SNIPPETS = re.findall(
    r"```python\n(.*?)```", (ROOT / "docs/python-api.md").read_text("utf-8"), re.S
)


@pytest.fixture(scope="module")
def home(all_series: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two days, and the longer periods around them, under the name that the page has."""
    return Home(shutil.copytree(all_series.root, tmp_path_factory.mktemp("python") / "demo"))


def mistakes(error: pytest.ExceptionInfo[ConfigurationError]) -> list[str]:
    return [str(fault) for fault in error.value.faults]


@pytest.mark.alternate("pages")
def test_every_snippet_of_the_page_has_an_answer(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home.root.parent)
    assert len(SNIPPETS) >= 5
    names: dict[str, object] = {}
    for snippet in SNIPPETS:
        text = snippet
        for name, here in SMALL_WORLD.items():
            text = text.replace(name, here)
        for statement in ast.parse(text).body:
            source = ast.unparse(statement)
            if isinstance(statement, ast.Expr):
                answer = eval(source, names)
                assert isinstance(answer, pd.DataFrame)
                assert len(answer), source
            else:
                exec(source, names)


def test_figures_are_what_was_released(home: Home) -> None:
    found = audience.figures(home.root)
    released = [
        (one.id, row["subject_id"], row["segment_id"], row["status"], row["people"])
        for one in load_releases(home, Ledger.open(home.ledger))
        for row in one.figures.to_pylist()
    ]
    columns = ["release_id", "subject_id", "segment_id", "status", "people"]
    rows = [
        (*words, None if pd.isna(people) else people)
        for *words, people in found[columns].itertuples(index=False)
    ]
    assert sorted(rows, key=str) == sorted(released, key=str)
    assert any(status == "suppressed" for *_, status, _ in rows)


def test_columns_have_the_types_that_the_page_says(home: Home) -> None:
    figures = audience.figures(home.root)
    for column in ("people", "people_least", "people_most", "rounding"):
        assert figures[column].dtype == "Int64", column
    for column in ("period_start", "period_end"):
        assert figures[column].dtype == "datetime64[s]", column
    for column in ("subject_id", "segment", "period_kind", "status", "advertiser", "release_id"):
        assert figures[column].dtype == "category", column
    assert figures.loc[figures["status"] == "suppressed", "people"].isna().all()

    campaigns = audience.campaigns(home.root).set_index("campaign_id")
    assert campaigns["campaign"].dtype == "string"
    assert campaigns["starts_on"].dtype == "datetime64[s]"
    assert campaigns.loc["spring", "target_regions"] is None
    assert list(campaigns.loc["autumn", "target_regions"]) == ["31", "32", "73"]
    assert campaigns["releases"].tolist() == [4, 4]
    assert audience.segments(home.root)["named"].dtype == "boolean"
    assert audience.releases(home.root)["number"].dtype == "Int64"


def test_no_rows_have_the_same_types(home: Home) -> None:
    none = audience.figures(home.root, start="2030-01-01")
    assert none.empty
    types = audience.figures(home.root).dtypes.astype(str)
    assert none.dtypes.astype(str).tolist() == types.tolist()
    empty = audience.campaign("spring", home.root, start="2030-01-01")
    assert empty.empty
    assert (empty.dtypes == "Int64").all()
    assert isinstance(empty.index, pd.DatetimeIndex)


def test_a_campaign_is_a_grid_of_periods_and_segments(home: Home) -> None:
    grid = audience.campaign("spring", home.root)
    assert grid.index.tolist() == [pd.Timestamp(DAY), pd.Timestamp(NEXT)]
    assert grid["men_under_40"].tolist() == [510, 510]
    assert grid["women_makassar"].isna().all()
    assert (grid.dtypes == "Int64").all()
    week = audience.campaign("Spring", home.root, period_kind="week", segment=["women", "men"])
    assert week.columns.tolist() == ["women", "men"]
    assert week.index.tolist() == [pd.Timestamp(2026, 11, 16)]


@pytest.mark.parametrize(
    ("filters", "subjects", "periods"),
    [
        ({"campaign": "aut"}, {"autumn"}, {"2026-11-22", "2026-11-23", "2026-W47", "2026-11"}),
        (
            {"campaign": ["spring", "autumn"], "period_kind": "week"},
            {"spring", "autumn"},
            {"2026-W47"},
        ),
        ({"advertiser": "jaya", "period_kind": "day"}, {"autumn"}, {"2026-11-22", "2026-11-23"}),
        ({"advertiser": "pt MAJU", "period_kind": "month"}, {"spring"}, {"2026-11"}),
        ({"subject_kind": "audience"}, {"everyone"}, {"2026-11"}),
        ({"start": NEXT, "end": "2026-11-23"}, {"spring", "autumn"}, {"2026-11-23"}),
        (
            {"start": "2026-11-01", "end": "2026-11-22", "campaign": "spring"},
            {"spring"},
            {"2026-11-22", "2026-W47"},
        ),
    ],
)
def test_filters_select_what_they_name(
    home: Home, filters: dict[str, object], subjects: set[str], periods: set[str]
) -> None:
    found = audience.figures(home.root, **filters)  # type: ignore[arg-type]
    assert set(found["subject_id"]) == subjects
    assert set(found["period"]) == periods


def test_segments_go_by_id_or_a_part_of_the_name(home: Home) -> None:
    def chosen(name: str) -> set[str]:
        return set(audience.figures(home.root, segment=name)["segment_id"])

    assert chosen("men") == {"men"}  # an id, although it is a part of other names
    assert chosen("MEN UNDER 40") == {"men_under_40"}
    assert chosen("People") == {"everyone"}  # a name, although it is a part of another
    assert chosen("Makassar") == {"women_makassar"}
    assert chosen("in Java") == {"all:all:java", "male:all:java", "female:all:java"}
    assert set(audience.figures(home.root, status="suppressed")["status"]) == {"suppressed"}


def test_names_that_fit_nothing_are_refused_all_at_once_with_those_that_exist(home: Home) -> None:
    with pytest.raises(ConfigurationError) as error:
        audience.figures(
            home.root,
            campaign=["spring", "winter"],
            advertiser="",
            segment="robots",
            subject_kind="person",
            period_kind="year",
            status="hidden",
            start="22-11-2026",
            end="tomorrow",
        )
    told = "\n".join(mistakes(error))
    assert len(mistakes(error)) == 8
    assert "no campaign is called 'winter' (there are autumn (Autumn Sale), spring" in told
    assert "jaya (PT Jaya)" in told
    assert "men_under_40 (men under 40)" in told
    assert "'year' is not one of day, week, month" in told


def test_a_name_of_several_campaigns_is_refused(home: Home) -> None:
    with pytest.raises(ConfigurationError, match=r"several campaigns .*autumn, spring"):
        audience.campaign("Sale", home.root)
    with pytest.raises(ConfigurationError, match="no advertiser is called 'nobody'"):
        audience.campaigns(home.root, advertiser="nobody")
    with pytest.raises(ConfigurationError, match="2 mistake"):
        audience.campaign("winter", home.root, period_kind="year")  # type: ignore[arg-type]


def test_a_name_is_a_value_and_no_pattern(home: Home) -> None:
    for hostile in ("' OR '1'='1", ".*", "%"):
        with pytest.raises(ConfigurationError, match="no campaign is called"):
            audience.figures(home.root, campaign=hostile)


def test_shares_indices_and_changes_have_bounds(home: Home) -> None:
    shares = audience.share("spring", "women", home.root)
    assert shares["percent"].tolist() == [26.6, 26.6]
    assert (shares["percent_least"] < 26.6).all()
    assert (shares["percent_most"] > 26.6).all()
    (row,) = audience.index("Spring", "women", home.root).itertuples()
    assert (row.period, row.audience_period) == ("2026-11", "2026-11")
    assert row.index_least < 100 < row.index_most
    assert audience.index("spring", "women_makassar", home.root)["index"].isna().all()
    trend = audience.trend("spring", home.root).astype({"segment_id": "string"})
    men = trend[trend["segment_id"] == "men"]
    assert men["change"].tolist() == [pd.NA, 0]
    assert men["direction"].dropna().tolist() == ["not known"]
    assert men["change"].dtype == men["change_least"].dtype == "Int64"


def test_shares_and_indices_of_names_that_fit_nothing_are_refused(
    home: Home, two_days: Home
) -> None:
    with pytest.raises(ConfigurationError, match="3 mistake"):
        audience.share("winter", "robots", home.root, period_kind="year")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"several campaigns .*autumn, spring"):
        audience.trend("Sale", home.root)
    with pytest.raises(ConfigurationError, match=r"no month is released|no audience 'everyone'"):
        audience.index("spring", "women", two_days.root)


def test_exports_say_what_became_of_them(home: Home, tmp_path: Path) -> None:
    position = Home(shutil.copytree(home.root, tmp_path / "copy"))
    ledger = Ledger.open(position.ledger)
    withdraw("campaign-day-2026-11-22", "Visits were delivered twice", position, ledger, SECRET)
    (position.exports / "_all" / "audience-month-2026-10").mkdir(parents=True)
    (position.exports / "_all" / "audience-month-2026-10" / "audience.csv").touch()
    exports = audience.exports(position.root).set_index(["advertiser", "release"])
    assert exports.loc[("_all", "audience-month-2026-10"), "campaigns"] is pd.NA
    assert exports.loc[("maju", "campaign-day-2026-11-23"), "campaigns"] >= 1
    assert exports["campaigns"].dtype == "Int64"
    assert exports.loc[("jaya", "campaign-day-2026-11-22"), "notice"] == "withdrawn"
    assert exports.loc[("jaya", "campaign-day-2026-11-23"), "notice"] == ""
    assert Path(exports.loc[("maju", "campaign-day-2026-11-23"), "folder"]).is_dir()


def test_a_place_is_a_home_a_published_folder_or_the_file(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = audience.figures(home.root)
    for position in (str(home.root), home.published, home.database):
        pd.testing.assert_frame_equal(audience.figures(position), expected)
    monkeypatch.setenv("AUDIENCE_HOME", str(home.root))
    pd.testing.assert_frame_equal(audience.figures(), expected)
    assert len(audience.exports(home.published)) == len(audience.exports(home.root)) > 0


def test_a_place_without_a_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"segments\.duckdb: there is no such file"):
        audience.figures(tmp_path)
    wrong = tmp_path / "segments.duckdb"
    wrong.write_text("this is no database")
    with pytest.raises(ConfigurationError, match="cannot be read as an analysts' database"):
        audience.releases(tmp_path)
    wrong.unlink()
    duckdb.connect(str(wrong)).close()
    with pytest.raises(ConfigurationError, match="does not have the tables of this version"):
        audience.releases(wrong)


@pytest.mark.alternate("start-up")
def test_the_package_loads_neither_dagster_nor_pipelines() -> None:
    program = (
        "import audience, sys; print([m for m in ('dagster', 'pipelines') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
