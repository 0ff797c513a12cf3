"""What the pages say is what the published files say, and depends on nothing else."""

import html
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from browsing import Browsing, signed_in
from correction_world import order
from published_world import (
    CORRECTION,
    GOOD,
    PASSWORD,
    WHY_WITHDRAWN,
    WITHDRAWN,
    Server,
    add_accounts,
    published,
    serving,
)
from release_world import AUTUMN, SECRET, SPRING

from anonymizer.exports.withdrawal import withdraw
from anonymizer.release.ledger import Ledger
from anonymizer.release.public_ledger import write_public_ledger
from anonymizer.storage.home import Home
from portal.account_store import AccountStore
from portal.published_tables import Bounded, PublishedTables
from portal.subject_view import direction_of, view_of

pytestmark = pytest.mark.xdist_group("portal")
LAST_DAY = "2026-11-23"  # of those in force
DASH = "\N{EN DASH}"  # of ranges
PAGES = (
    *("/", "/?name=spring", "/audience", "/segment", "/segment-requests", "/nowhere"),
    *(f"/figures/campaign/spring?every={kind}" for kind in ("day", "week", "month")),
    *(f"/figures/campaign/spring?period=2026-11-{day}" for day in (22, 23, 24)),
    *("/figures/audience/everyone", "/figures/interest/sports", "/figures/campaign/autumn"),
    *("/certificates/maju/campaign-day-2026-11-22%7E2", f"/certificates/maju/{WITHDRAWN}"),
    *(f"/segment?subject=campaign:spring&every={kind}&gender=female&region=73.71"
      for kind in ("day", "week", "month")),
    "/segment?subject=campaign:spring&every=day&gender=female&age=40-44&age=50-54&region=73.71",
    "/files/maju/campaign-day-2026-11-23/spring-sale_day-2026-11-23.csv",
    "/packages/maju?every=day",
)  # fmt: skip


@pytest.fixture(scope="module")
def nina(server: Server) -> Browsing:
    return signed_in(server, "nina")


def words(text: str) -> str:
    """What a reader sees of a page."""
    plain = html.unescape(re.sub(r"<[^>]+>", " ", text.partition("<main")[2]))
    return re.sub(r"\s+", " ", plain)


def test_the_figures_are_those_of_the_database(portal_world: Home) -> None:
    tables = PublishedTables(published(portal_world))
    with duckdb.connect(str(portal_world.database), read_only=True) as database:
        for name, every in (("spring", "day"), ("spring", "week"), ("autumn", "month")):
            subject = tables.subject("campaign", name, None)
            assert subject is not None
            periods = tables.periods(subject)
            for chosen in (one for one in periods if one.period.kind == every):
                view = view_of(subject, chosen, periods, tables)
                rows = database.execute(
                    "SELECT segment_id, people, people_least, people_most, change, direction "
                    "FROM trend(?, every := ?) WHERE period = ?",
                    [name, every, chosen.period.id],
                ).fetchall()
                expected = {row[0]: row[1:] for row in rows}
                found = {}
                for line in view.segments:
                    segment = next(key for key in expected if named(tables, key) == line.name)
                    figure, before = line.figure, line.before
                    numbers = (figure.people, figure.least, figure.most) if figure else (None,) * 3
                    change = figure.people - before.people if figure and before else None
                    found[segment] = (*numbers, change, line.direction)
                assert found == expected


def named(tables: PublishedTables, segment: str) -> object:
    """The name of a segment on the page."""
    from anonymizer.model.dimensions import Text  # noqa: PLC0415

    known = {
        "everyone": Text("everyone", "semua orang"),
        "men": Text("men", "pria"),
        "women": Text("women", "wanita"),
        "men_under_40": Text("men under 40", "pria di bawah 40 tahun"),
        "women_makassar": Text("women in Makassar City", "wanita di Kota Makassar"),
    }
    return known[segment]


@pytest.mark.alternate("pages of the portal")
def test_the_index_is_that_of_the_database(portal_world: Home) -> None:
    tables = PublishedTables(published(portal_world))
    subject = tables.subject("campaign", "spring", None)
    assert subject is not None
    periods = tables.periods(subject)
    compared = 0
    with duckdb.connect(str(portal_world.database), read_only=True) as database:
        for chosen in periods:
            view = view_of(subject, chosen, periods, tables)
            assert view.audience is not None
            for segment in ("men", "women", "men_under_40", "women_makassar"):
                expected = database.execute(
                    "SELECT index, index_least, index_most "
                    "FROM index_of('spring', ?, every := ?) WHERE period = ?",
                    [segment, chosen.period.kind, chosen.period.id],
                ).fetchone()
                line = next(one for one in view.segments if one.name == named(tables, segment))
                index = line.index
                assert ((index.people, index.least, index.most) if index else (None,) * 3) == (
                    expected
                )
                compared += index is not None
    assert compared >= 6


@pytest.mark.parametrize(
    ("now", "before", "direction"),
    [
        ((100, 90, 110), (70, 60, 80), "more"),
        ((100, 90, 110), (79, 69, 89), "more"),
        ((100, 90, 110), (80, 70, 90), "not known"),
        ((100, 90, 110), (100, 90, 110), "not known"),
        ((100, 90, 110), (120, 110, 130), "not known"),
        ((100, 90, 110), (121, 111, 131), "fewer"),
        (None, (70, 60, 80), None),
        ((100, 90, 110), None, None),
    ],
)
def test_a_change_is_named_only_where_it_is_certain(
    now: tuple[int, int, int] | None, before: tuple[int, int, int] | None, direction: str | None
) -> None:
    figures = [Bounded(*figure) if figure else None for figure in (now, before)]
    assert direction_of(figures[0], figures[1]) == direction


def test_a_suppressed_segment_is_stated_with_the_nearest_figure(nina: Browsing) -> None:
    text = words(nina.get("/figures/campaign/spring?every=week").text)
    assert re.search(r"Women in Makassar City Nearest published: women, \d+ not published", text)
    assert "The number of women in Makassar City who accessed the advertising link" in text
    assert "Not published means that there is no figure; it does not mean" in text


def test_every_figure_has_its_range(nina: Browsing, portal_world: Home) -> None:
    text = words(nina.get("/figures/campaign/spring?every=week").text)
    with duckdb.connect(str(portal_world.database), read_only=True) as database:
        rows = database.execute(
            "SELECT f.people, f.people_least, f.people_most FROM figures AS f JOIN segments AS s "
            "USING (segment_id) WHERE subject_id = 'spring' AND period_kind = 'week' "
            "AND people > 0 AND (named OR (s.gender = 'all' AND s.age = 'all'))"
        ).fetchall()
    assert len(rows) >= 5
    for people, least, most in rows:
        assert f"{people:,} {least:,}{DASH}{most:,}" in text


def test_the_trend_has_a_point_for_each_period_in_force(nina: Browsing) -> None:
    page = nina.get("/figures/campaign/spring?every=day").text
    assert page.count('class="line"') == 1
    assert page.count('class="dot"') == 2, "the day that was withdrawn is left out"
    assert ">22/11<" in page
    assert ">24/11<" not in page


def test_the_trend_has_a_gap_where_a_period_is_missing(portal_home: Home) -> None:
    """The second day of three, as if it was never released."""
    from test_portal_downloads import client  # noqa: PLC0415

    with duckdb.connect(str(portal_home.database)) as database:
        for table in ("released_tables", "figures"):
            database.execute(
                f"UPDATE {table} SET period = '2026-11-25', period_start = DATE '2026-11-25', "
                "period_end = DATE '2026-11-25' WHERE period = '2026-11-23'"
            )
    page = client(portal_home).get("/figures/campaign/spring?every=day").text
    assert page.count('class="dot"') == 2
    assert 'class="line"' not in page
    assert 'class="band"' not in page
    assert [f">{day}/11<" in page for day in (22, 23, 24, 25)] == [True] * 4
    assert page.count("?period=2026-11-") == 2, "the table has the released ones"


def test_periods_that_are_all_suppressed_are_not_told_as_one(portal_home: Home) -> None:
    from test_portal_downloads import client  # noqa: PLC0415

    with duckdb.connect(str(portal_home.database)) as database:
        database.execute(
            "UPDATE figures SET people = NULL, people_least = NULL, people_most = NULL, "
            "status = 'suppressed' WHERE subject_id = 'spring'"
        )
    nina = client(portal_home)
    page = nina.get("/figures/campaign/spring?every=day").text
    assert "There is one period so far" not in page
    assert "None of the last periods has a published figure of everyone." in words(page)
    assert page.count("?period=2026-11-") == 2
    assert "There is one period so far" in nina.get("/figures/campaign/spring?every=week").text


def test_corrections_and_withdrawals_are_stated_where_they_matter(nina: Browsing) -> None:
    front = words(nina.get("/").text)
    corrected = words(nina.get("/figures/campaign/spring?period=2026-11-22").text)
    assert "Births of a third of the profiles could not be read" in corrected
    assert WHY_WITHDRAWN not in corrected
    assert nina.get("/figures/campaign/spring?period=2026-11-24").status == 404
    assert CORRECTION not in front


@pytest.mark.parametrize("change", ["withdrawn", "corrected"])
def test_figures_out_of_force_are_not_shown_though_the_database_has_them(
    portal_home: Home, change: str
) -> None:
    """The database is built last: until then it is behind the ledger, as after a kill."""
    from test_portal_downloads import client  # noqa: PLC0415

    nina = client(portal_home)

    def asked() -> str:
        return words(nina.get("/segment?subject=campaign:spring&every=day&gender=male").text)

    assert nina.get(f"/figures/campaign/spring?period={LAST_DAY}").status_code == 200
    assert "in 2 of the last 2 periods" in asked()
    behind = portal_home.root / "behind.duckdb"
    shutil.copy(portal_home.database, behind)
    ledger = Ledger.open(portal_home.ledger)
    if change == "withdrawn":
        withdraw(GOOD, WHY_WITHDRAWN, portal_home, ledger, SECRET)
    else:  # released, and neither its exports nor a pointer to it are there yet
        ordered = order(portal_home, GOOD)
        ledger.append("release", ordered.release, {**release_body(ledger), "corrects": GOOD})
        write_public_ledger(ledger, portal_home)
    behind.replace(portal_home.database)
    assert nina.get(f"/figures/campaign/spring?period={LAST_DAY}").status_code == 404
    page = nina.get("/figures/campaign/spring?every=day").text
    assert LAST_DAY not in page
    assert "There is one period so far" in page
    assert "in 1 of the last 1 periods" in asked()
    both = client(portal_home, "both")
    compared = both.get("/figures/campaign/autumn?every=day&compare=spring")
    assert "23/11" not in compared.text
    assert nina.get(f"/files/maju/{GOOD}/manifest.json").status_code == 410


def release_body(ledger: Ledger) -> dict[str, Any]:
    """What the ledger says of a release, for one that takes its place."""
    entry = ledger.find("release", GOOD)
    assert entry
    return {name: value for name, value in entry.body.items() if name != "corrects"}


def test_no_choice_of_a_segment_is_left_out(nina: Browsing, portal_world: Home) -> None:
    """The regencies of Java together are the area Java, however many there are."""
    groups = PublishedTables(published(portal_world)).groups().dimensions[2]
    chosen = sorted(groups["java"].atoms)
    assert len(chosen) > 100
    address = "/segment?subject=campaign:spring&every=day"
    every = "".join(f"&region={code}" for code in chosen)
    assert "Likely to be published" in nina.get(address + every).text
    assert "Tables have no such segment" in nina.get(address + every + "&region=zz").text


@pytest.mark.alternate("pages of the portal")
def test_news_are_what_happened_since_the_last_visit(portal_home: Home) -> None:
    from test_portal_downloads import client  # noqa: PLC0415

    first = words(client(portal_home).get("/").text)
    assert f"withdrawn 24 November 2026: {WHY_WITHDRAWN}" in first
    assert re.search(r"corrected 22 November 2026: Births of a third", first)
    assert "new figures 16 to 22 November 2026" in first
    both = words(client(portal_home, "both").get("/").text)
    assert "new figures 16 to 22 November 2026 · jaya, maju" in both
    assert "Nothing new since your last visit." in words(client(portal_home).get("/").text)


def test_campaigns_are_found_by_a_part_of_their_name(server: Server) -> None:
    both = signed_in(server, "both")
    assert {"Spring Sale", "Autumn Sale"} <= set(re.findall(r"\w+ Sale", both.get("/").text))
    found = both.get("/?name=SPRI").text
    assert "Spring Sale" in found
    assert "Autumn Sale" not in found
    for name in ("%25", "_", "'", "%22%3E%3Cscript%3E", "zzz"):
        answer = both.get(f"/?name={name}")
        assert answer.status == 200
        assert "No campaign has this in its name." in answer.text
        assert "<script" not in answer.text


def test_two_campaigns_are_compared(server: Server) -> None:
    both = signed_in(server, "both")
    text = words(both.get("/figures/campaign/spring?every=week&compare=autumn").text)
    assert re.search(rf"Everyone 1,\d+ [\d,{DASH}]+ .*?Men", text)
    assert "fewer than here" in text
    assert "more than here" not in text


def test_a_page_in_indonesian(server: Server) -> None:
    wira = signed_in(server, "wira")
    answer = wira.post("/language", {"form_token": wira.token(), "language": "id"})
    assert answer.status == 303
    page = wira.get("/figures/campaign/spring?every=week").text
    assert '<html lang="id">' in page
    text = words(page)
    assert "tidak ditampilkan" in text
    assert "mengakses tautan iklan Spring Sale pada 16-22 November 2026" in text
    assert not re.search(r"not published|people|Download ", text)


@pytest.fixture(scope="module")
def without_private_state(portal_world: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same published files, and nothing of what they were made from."""
    home = Home(tmp_path_factory.mktemp("bare") / "home")
    shutil.copytree(portal_world.published, home.published)
    shutil.copy(portal_world.policy, home.policy)
    add_accounts(AccountStore(home.portal_accounts))
    return home


def test_pages_are_made_of_published_files_alone(
    server: Server, without_private_state: Home
) -> None:
    """Byte for byte, with the home of the runs and without private state, ledger and key."""
    assert (server.home.root / "private").is_dir()
    with serving(without_private_state) as other:
        here, there = signed_in(server, "nina"), signed_in(other, "nina")
        for path in PAGES:
            first, second = here.get(path), there.get(path)
            assert first.status == second.status, path
            assert stable(first.text if is_page(path) else first.body) == stable(
                second.text if is_page(path) else second.body
            ), path


def is_page(path: str) -> bool:
    return not path.startswith(("/files/", "/packages/"))


def stable(content: str | bytes) -> str | bytes:
    """Without the token of the session, and what is new since the visit before."""
    if isinstance(content, bytes):
        return content
    content = re.sub(r'name="form_token" value="[^"]+"', "", content)
    return re.sub(r'<section class="news".*?</section>', "", content, flags=re.DOTALL)


def hidden_counts() -> Iterator[int]:
    """True counts that no released figure states."""
    yield SPRING["female", "50-54", "73.71"]
    yield AUTUMN["female", "50-54", "73.71"]
    yield from (SPRING["male", "25-29", "31.71"], SPRING["male", "45-49", "32.73"])


DATES = re.compile(r"\b\d{1,2} (to \d{1,2} )?(October|November) 2026")


def test_no_page_header_or_error_states_a_true_count(server: Server, tmp_path: Path) -> None:
    wira, everything = signed_in(server, "wira"), []
    for path in (*PAGES, "/figures/campaign/spring?every=week&compare=autumn"):
        answer = wira.get(path)
        if is_page(path):
            everything.append(DATES.sub("", words(answer.text)))
            everything += [value for name, value in answer.headers if name != "content-length"]
    for number in hidden_counts():
        for text in everything:
            assert not re.search(rf"(?<![\w,.:-]){number}(?![\w,.:-])", text), number


def test_a_fault_says_nothing_of_what_it_met(portal_home: Home) -> None:
    from test_portal_downloads import client  # noqa: PLC0415

    nina = client(portal_home)
    portal_home.database.write_bytes(b"no database: secret-canary")
    answer = nina.get("/figures/campaign/spring")
    assert answer.status_code == 503
    for text in (answer.text, portal_home.portal_log.read_text()):
        assert "secret-canary" not in text
        assert str(portal_home.root) not in text
        assert PASSWORD not in text
    assert '"event": "fault", "kind": "ConfigurationError"' in portal_home.portal_log.read_text()


@pytest.mark.alternate("pages of the portal")
def test_a_new_database_is_seen_at_once(portal_home: Home) -> None:
    from test_portal_downloads import client  # noqa: PLC0415

    nina = client(portal_home)
    assert nina.get("/figures/campaign/spring").status_code == 200
    bare = portal_home.root / "new.duckdb"
    shutil.copy(portal_home.database, bare)
    with duckdb.connect(str(bare)) as database:
        database.execute("UPDATE figures SET people = 4440 WHERE people IS NOT NULL")
    bare.replace(portal_home.database)
    assert "4,440" in nina.get("/figures/campaign/spring").text


@pytest.mark.alternate("pages of the portal")
def test_before_anything_is_released(tmp_path: Path) -> None:
    from test_portal_downloads import client  # noqa: PLC0415

    home = Home(tmp_path / "home")
    home.published.mkdir(parents=True)
    add_accounts(AccountStore(home.portal_accounts))
    nina = client(home)
    for path in ("/", "/audience", "/segment"):
        answer = nina.get(path)
        assert answer.status_code == 200
        assert "No figures are published yet." in answer.text
    assert nina.get("/figures/campaign/spring").status_code == 404
