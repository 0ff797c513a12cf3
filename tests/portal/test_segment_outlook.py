"""The outlook on a segment: from what became of it in released periods, and from nothing else."""

import pytest
from published_world import published

from anonymizer.model.periods import PeriodKind
from anonymizer.storage.home import Home
from portal.published_tables import PortalSubject, PublishedTables
from portal.segment_outlook import Outlook, WantedSegment, outlook


@pytest.fixture(scope="module")
def tables(portal_world: Home) -> PublishedTables:
    return PublishedTables(published(portal_world))


def spring(tables: PublishedTables) -> PortalSubject:
    found = tables.subject("campaign", "spring", None)
    assert found
    return found


def ask(tables: PublishedTables, every: PeriodKind = "day", **wanted: object) -> Outlook:
    sets = {
        name: frozenset(value) if isinstance(value, set) else value
        for name, value in wanted.items()
    }
    return outlook(WantedSegment(**sets), spring(tables), every, tables)  # type: ignore[arg-type]


def test_what_was_always_published_is_likely(tables: PublishedTables) -> None:
    found = ask(tables, gender="male")
    assert (found.verdict, found.codes) == ("likely", ("male", "all", "all"))
    assert (found.published, found.looked_at) == (2, 2), "the withdrawn day does not count"


def test_what_was_never_published_is_unlikely_and_the_nearest_figure_is_named(
    tables: PublishedTables,
) -> None:
    found = ask(tables, gender="female", regions={"73.71"})
    assert (found.verdict, found.published) == ("unlikely", 0)
    assert found.nearest
    assert found.nearest.codes == ("female", "all", "all")


def test_regions_together_are_the_area_that_has_them(tables: PublishedTables) -> None:
    provinces = ("31", "32", "33", "34", "35", "36")
    assert ask(tables, regions=set(provinces)).codes == ("all", "all", "java")
    some = ask(tables, regions=set(provinces[:3]))
    assert (some.verdict, some.codes) == ("no_segment", None)
    assert some.nearest
    assert some.nearest.codes == ("all", "all", "java")


def test_ages_together_are_the_group_that_has_them(tables: PublishedTables) -> None:
    bands = ("18-20", "21-24", "25-29", "30-34", "35-39")
    found = ask(tables, gender="male", ages=set(bands))
    assert found.codes == ("male", "under_40", "all")
    assert ask(tables, gender="male", ages=set(bands[2:])).verdict == "no_segment"


def test_what_is_published_now_and_then_is_uncertain(
    tables: PublishedTables, portal_world: Home, tmp_path: object
) -> None:
    import shutil  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    import duckdb  # noqa: PLC0415

    home = Home(Path(str(tmp_path)))
    home.published.mkdir()
    shutil.copy(portal_world.database, home.database)
    with duckdb.connect(str(home.database)) as database:
        database.execute(
            "UPDATE figures SET people = NULL, status = 'suppressed' "
            "WHERE segment_id = 'men' AND period = '2026-11-23'"
        )
    found = ask(PublishedTables(published(home)), gender="male")
    assert (found.verdict, found.published, found.looked_at) == ("uncertain", 1, 2)
    assert found.nearest
    assert found.nearest.codes == ("all", "all", "all")


def test_without_a_period_there_is_no_answer(tables: PublishedTables) -> None:
    audience = tables.subject("audience", "everyone", ["nowhere"])
    assert audience
    assert outlook(WantedSegment(), audience, "week", tables).verdict == "no_history"
    assert outlook(WantedSegment(), audience, "month", tables).verdict == "likely"


@pytest.mark.parametrize(
    "wanted", [{"gender": "x"}, {"ages": {"25-29", "y"}}, {"regions": {"31", "z"}}]
)
def test_with_an_unknown_code_there_is_no_such_segment(
    tables: PublishedTables, wanted: dict[str, object]
) -> None:
    found = ask(tables, **wanted)  # type: ignore[arg-type]
    assert (found.verdict, found.codes, found.nearest) == ("no_segment", None, None)
