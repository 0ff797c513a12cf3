"""What an interrupted run leaves is told without an alarm; tampering alarms all the same."""

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from interrupted_run import run_and_die
from typer.testing import CliRunner

from anonymizer.exports.verification import verify_folder
from anonymizer.model.errors import Held
from anonymizer.release.ledger import Ledger
from anonymizer.release.public_ledger import write_public_ledger
from anonymizer.storage.home import Home
from cli.main import app

NEXT = "campaign-day-2026-11-23"
STAGED = Path(".staging") / "releases" / NEXT
STAGED_EXPORT = Path(".staging") / "exports" / "maju" / NEXT


# One worker makes the fixture.
pytestmark = pytest.mark.xdist_group("killed runs")


@pytest.fixture(scope="module")
def killed(
    one_day: Home, two_days: Home, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Home]:
    """Homes whose second run died at a point. Not to be changed: copy them."""
    homes, folder = {"never": two_days}, tmp_path_factory.mktemp("killed")
    for point in ("between ledger and rename", "between two advertisers", "after the rename"):
        homes[point] = Home(shutil.copytree(one_day.root, folder / point))
        run_and_die(homes[point], point)
    return homes


@pytest.fixture
def state(killed: dict[str, Home], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of what is published in such a home."""
    return lambda point: shutil.copytree(killed[point].published, tmp_path / "received")


def publish_the_ledger(published: Path, home: Home) -> None:
    """The public part as it is written next, before the folder gets its place."""
    copy = Home(shutil.copytree(home.root, published.with_name("copy")))
    write_public_ledger(Ledger.open(copy.ledger), copy)
    shutil.copy(copy.public_ledger, published / "ledger.jsonl")


@pytest.mark.alternate("interrupted runs")
def test_the_command_tells_what_the_next_run_completes_and_ends_with_0(
    state: Callable[[str], Path],
) -> None:
    done = CliRunner().invoke(app, ["verify", str(state("after the rename"))])
    assert done.exit_code == 0
    assert "the next run, or audience backfill, completes this" in done.output
    assert f"the exports of {NEXT} are not written yet" in done.output
    assert "segments.duckdb is not up to date" in done.output


def test_nothing_is_told_of_what_is_finished(state: Callable[[str], Path]) -> None:
    done = CliRunner().invoke(app, ["verify", str(state("never"))])
    assert (done.exit_code, "interrupted" in done.output) == (0, False)


def test_a_database_that_is_missing_is_to_be_built(state: Callable[[str], Path]) -> None:
    published = state("never")
    (published / "segments.duckdb").unlink()
    assert verify_folder(published).unfinished == ("segments.duckdb is not built yet",)


def edit(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def execute(path: Path, statement: str) -> None:
    with duckdb.connect(str(path / "segments.duckdb")) as connection:
        connection.execute(statement)


TAMPERED: dict[str, tuple[str, Callable[[Path], object]]] = {
    "staged release edited": (
        "between ledger and rename",
        lambda p: edit(p / STAGED / "figures.parquet"),
    ),
    "staged release lacks a file": (
        "between ledger and rename",
        lambda p: (p / STAGED / "figures.parquet").unlink(),
    ),
    "staged release gone": ("between ledger and rename", lambda p: shutil.rmtree(p / STAGED)),
    "half of a release in its place": (
        "between ledger and rename",
        lambda p: shutil.copytree(
            p / STAGED, p / "releases" / NEXT, ignore=shutil.ignore_patterns("figures*")
        ),
    ),
    "staged export edited": (
        "between two advertisers",
        lambda p: edit(p / STAGED_EXPORT / "spring-sale_day-2026-11-23.csv"),
    ),
    "staged exports gone": ("between two advertisers", lambda p: shutil.rmtree(p / ".staging")),
    "an export without an entry": (
        "after the rename",
        lambda p: shutil.copytree(
            p / "exports" / "maju" / "campaign-day-2026-11-22", p / "exports" / "maju" / NEXT
        ),
    ),
    "a folder removed": ("never", lambda p: shutil.rmtree(p / "exports" / "maju" / NEXT)),
    "a release removed": ("never", lambda p: shutil.rmtree(p / "releases" / NEXT)),
    "an older database that is edited": (
        "after the rename",
        lambda p: execute(p, "UPDATE figures SET people = 60 WHERE segment_id = 'everyone'"),
    ),
    "a database without an old release": (
        "never",
        lambda p: [
            execute(p, f"DELETE FROM {table} WHERE {column} = {value}")
            for table, column, value in (
                ("releases", "number", "1"),
                ("figures", "release_id", "'campaign-day-2026-11-22'"),
            )
        ],
    ),
    "a database that is none": (
        "after the rename",
        lambda p: (p / "segments.duckdb").write_bytes(b"none"),
    ),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_tampering_alarms_whatever_was_interrupted(
    case: str, state: Callable[[str], Path], killed: dict[str, Home]
) -> None:
    point, harm = TAMPERED[case]
    published = state(point)
    if point == "between ledger and rename":
        assert verify_folder(published).unfinished == ()  # nothing speaks of it yet
        publish_the_ledger(published, killed[point])
    whole = verify_folder(published)
    assert bool(whole.unfinished) == (point != "never")
    harm(published)
    with pytest.raises(Held) as refused:
        verify_folder(published)
    assert refused.value.exit_code == 4
