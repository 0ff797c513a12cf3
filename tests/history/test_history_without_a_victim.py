"""Two weeks released day by day, with every accident, and the same weeks without a victim."""

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from attacks.catalogue import ABOUT_SOMEBODY
from attacks.published import Seen
from findings import Findings, attack_everything
from raw_quarter import Options
from simulation import Accidents, History, Simulation, pseudonym, touches

OPTIONS = Options(
    people=4_000,
    first=date(2026, 2, 9),
    days=17,
    visits_a_day=4_000,
    erasures=30,
    withdrawals=50,
    corrections=20,
    victims=3,
    campaigns=6,
)
ACCIDENTS = Accidents(
    policy_changes_on=7, catalogue_changes_on=14, restored_on=10, run_again_every=9
)
EVERYBODY = range(OPTIONS.victims)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("history")]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AUDIENCE_HOME", "")
        environment.setenv("DAGSTER_HOME", "")
        folder = tmp_path_factory.mktemp("history")
        return Simulation(folder, OPTIONS, ACCIDENTS, EVERYBODY, EVERYBODY).run()


@pytest.fixture(scope="module")
def findings(history: History, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    return attack_everything(history, tmp_path_factory.mktemp("game"))


def test_everything_was_released(history: History) -> None:
    assert history.held == ()
    days = {path.name for path in history.home.releases.glob("campaign-day-*")}
    assert len(days) == OPTIONS.days - 1


def test_what_a_victim_does_not_touch_is_the_same_without(history: History) -> None:
    """The oracle of all that follows: the two worlds differ by the victim alone."""
    assert sum(other.same for other in history.without.values()) > 0
    for number, other in history.without.items():
        assert other.different == []
        changed = {name.split("/")[1] for name in other.files if name.startswith("releases/")}
        assert all(touches(history.quarter.victims[number], release) for release in changed)


def test_no_figure_is_ever_said_twice(history: History) -> None:
    """Late visits, erasures, new settings and a restored backup change nothing that was seen."""
    versions = history.archive.versions()
    assert [name for name, seen in versions.items() if len(seen) > 1] == []
    assert len(versions) > OPTIONS.days


def test_nobody_proves_a_small_group(findings: Findings) -> None:
    assert findings.figures > 500
    assert findings.proofs() == []


def test_nobody_tells_the_worlds_apart(findings: Findings) -> None:
    """Answers are right as often as coins are: exact binomial test over victims and attacks."""
    assert {one.attack for one in findings.rounds} == set(ABOUT_SOMEBODY)
    assert findings.score(seed=OPTIONS.seed).chance > 0.05
    apart = [one for one in findings.rounds if one.tells_apart]
    assert len(apart) <= len(findings.rounds) // 20, apart


def test_the_worlds_are_two(history: History, findings: Findings) -> None:
    """A game with the same world twice would be won by nobody and show nothing."""
    assert any(one.differing for one in findings.all_knowing)
    assert all(one.figures_with_victim for one in findings.all_knowing)


def test_the_folder_has_no_surface_for_questions(history: History) -> None:
    """B2, B5: beside releases, exports, database and public ledger there is nothing."""
    seen = Seen(history.home.published, history.archive)
    files = [path for path in seen.published.rglob("*") if path.is_file()]
    roots = {path.relative_to(seen.published).parts[0] for path in files}
    assert roots <= {"releases", "exports", "segments.duckdb", "ledger.jsonl"}


def test_nothing_is_left_of_who_was_erased(history: History) -> None:
    """Every figure of theirs stays as it was; their pseudonyms stand in the requests alone."""
    erased = [victim for victim in history.quarter.victims if victim.asks == "erase"]
    assert erased
    keys = pa.array([pseudonym(history.home, victim) for victim in erased], pa.binary())
    found = set()
    for path in history.home.private.rglob("*.parquet"):
        if "person_key" in pq.read_schema(path).names:
            people = pq.read_table(path, columns=["person_key"], partitioning=None)["person_key"]
            if pc.any(pc.is_in(people.cast(pa.binary()), value_set=keys)).as_py():
                found.add(path.parent.name)
    assert found == {"requests"}
