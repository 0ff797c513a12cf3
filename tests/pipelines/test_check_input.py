"""A dry run tells everything that a run would complain about, and leaves no trace."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from intake.deliveries import FIRST, WRONG, make_world
from running import Done, call

from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_release
from anonymizer.release.release import PUBLISHED
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from cli.dry_run import DryRun, check_input
from pipelines.runs import run_days

DEFAULTS = Path(__file__).parents[2] / "anonymizer" / "defaults"
DAYS = [FIRST + timedelta(days=number) for number in range(6)]
DAY = DAYS[4]
Tree = dict[str, tuple[int, int, int, str]]
pytestmark = pytest.mark.xdist_group("dry run")


@pytest.fixture(scope="module")
def home_before(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A plain world in which four days are released. Not to be changed: copy it."""
    home = Home(tmp_path_factory.mktemp("dry") / "home")
    make_world(home.raw, DAYS)
    for path in (home.policy, home.segments):
        shutil.copy(DEFAULTS / path.name, path)
    Secret.create(home.secret)
    with pytest.MonkeyPatch.context() as patch:
        named(home, patch)
        assert run_days(home, DAYS[0], DAYS[3], lambda _: None).exit_code == 0
    return home


@pytest.fixture
def home(home_before: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A copy of it, and an empty folder for temporary files."""
    copy = Home(tmp_path / "home")
    shutil.copytree(home_before.root, copy.root, symlinks=True)
    named(copy, monkeypatch)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    return copy


def named(home: Home, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("AUDIENCE_HOME", str(home.root))


def tree(root: Path) -> Tree:
    """Every file, folder and link below: mode, size, time of change, digest."""
    found = {}
    for path in [root, *root.rglob("*")]:
        status = path.lstat()
        plain = path.is_file() and not path.is_symlink()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if plain else ""
        found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, digest)
    return found


def checked(home: Home, day: date = DAY, *, privileged: bool = False) -> DryRun:
    """What a dry run says; nothing in the home or in the folder of temporary files may change."""
    temporary = home.root.parent / "temporary"
    before = tree(home.root)
    found = check_input(home, day, privileged=privileged)
    assert tree(home.root) == before
    assert not list(temporary.iterdir())
    return found


def visits(home: Home, day: date = DAY) -> Path:
    return home.raw / "visits" / f"day={day}" / "visits.csv"


@pytest.mark.slow
def test_a_sound_day_would_be_released_as_a_run_releases_it(home: Home) -> None:
    found = checked(home, privileged=True)
    assert found.problems == ()
    assert found.exit_code == 0
    assert run_days(home, DAY, DAY, lambda _: None).exit_code == 0
    release = load_release(home, Ledger.open(home.ledger), f"campaign-day-{DAY}")
    named = [name for name, segment in release.segments.items() if segment.named]
    rows = release.figures.to_pylist()
    shown = sum(row["status"] == PUBLISHED and row["segment_id"] in named for row in rows)
    possible = len(named) * len(release.subjects)
    assert 0 < shown < possible
    assert f"{shown:,} of {possible:,} named segments would be published" in found.notes[-1]


@pytest.mark.alternate("words of commands")
def test_single_segments_and_figures_are_not_told(home: Home) -> None:
    assert not any("segment" in note for note in checked(home).notes)
    (note,) = [note for note in checked(home, privileged=True).notes if "named" in note]
    assert "men" not in note.replace("segments", "")


def test_a_released_day_is_said_to_stand(home: Home) -> None:
    WRONG["births lost"](home.raw, DAYS[2])
    found = checked(home, DAYS[2], privileged=True)
    assert found.exit_code == 0
    assert "already released" in found.notes[-1]


@pytest.mark.alternate("words of commands")
def test_a_home_that_nothing_has_run_on_stays_as_it_was(home: Home) -> None:
    for name in ("ledger.sqlite", "run.lock"):
        (home.root / name).unlink()
    for folder in ("private", "published", "dagster"):
        shutil.rmtree(home.root / folder)
    assert checked(home, DAYS[0], privileged=True).exit_code == 0


def test_everything_that_holds_the_day_is_told_at_once(home: Home) -> None:
    """A run stops at the first of these; its exit code is that of the first."""
    shutil.rmtree(home.raw / "consents")
    (home.raw / "requests" / "broken.parquet").write_bytes(b"PAR1 no footer")
    visits(home).with_name("also.csv").write_bytes(b"user_id,url\n")
    shutil.rmtree(visits(home, DAYS[5]).parent)
    (home.raw / "campaigns" / "old").mkdir()
    (home.raw / "campaigns" / "old" / "campaigns.csv").write_text("campaign_id\n")
    found = checked(home)
    codes = [problem.code for problem in found.problems]
    assert codes[:4] == ["corrupt", "unread_folder", "missing_consents", "not_yet_arrived"]
    said = " ".join(problem.message for problem in found.problems)
    assert "requests/broken.parquet" in said
    assert "also.csv" in said
    assert "schema_missing:visit_id" in said
    assert "no one was counted" in found.notes[0]
    assert found.exit_code == run_days(home, DAY, DAY, lambda _: None).exit_code == 3


@pytest.mark.alternate("words of commands")
def test_bad_rows_do_not_hide_what_is_implausible(home: Home) -> None:
    WRONG["births as day/month/year"](home.raw, DAY)
    path = visits(home)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, *["v,u,too,few"] * len(lines)]) + "\n")
    with (home.raw / "requests" / "requests.csv").open("a") as file:
        file.write("r-new,,erase,2025-05-01T08:00:00+07:00\n")
    found = checked(home)
    codes = [problem.code for problem in found.problems]
    assert codes == ["too_many_bad_rows", "objection_unreadable", "implausible"]
    assert "people: age_not_known" in found.problems[-1].message
    bad = f"visits/day={DAY}/visits.csv: {len(lines):,} row(s) quarantined, field_count"
    assert any(warning.startswith(bad) for warning in found.warnings)


@pytest.mark.alternate("nothing wrong becomes final")
def test_a_held_day_ends_with_the_code_of_a_run_and_an_accepted_one_does_not(home: Home) -> None:
    WRONG["births lost"](home.raw, DAY)
    found = checked(home)
    assert [problem.code for problem in found.problems] == ["implausible"]
    assert found.exit_code == run_days(home, DAY, DAY, lambda _: None).exit_code == 4
    accept = ("accept", "--day", str(DAY), "--reason", "Births are no longer collected.")
    assert command(home, *accept).returncode == 0
    again = checked(home)
    assert again.exit_code == 0
    assert any("implausible but accepted: people: age_not_known" in one for one in again.warnings)


@pytest.mark.alternate("words of commands")
def test_warnings_say_file_column_and_rows_and_no_value(home: Home) -> None:
    path = next((home.raw / "profiles").glob(f"day={DAYS[4]}/*.csv"))
    lines = path.read_text().splitlines()
    lines[0] += ",surprise"
    spoilt = [f"{line},x" for line in lines[1:]]
    for number in (2, 5, 9):
        spoilt[number] = spoilt[number].replace(",male,", ",Walikota,")
        spoilt[number] = spoilt[number].replace(",female,", ",Walikota,")
    spoilt[3] = spoilt[3].replace(",3", ",Cibubur3")
    path.write_text("\n".join([lines[0], *spoilt]) + "\n")
    (home.raw / "visit").mkdir()
    (home.raw / "visits" / "2026-03-06").mkdir()
    (visits(home).parent / "half.csv.part").write_text("")
    said = "\n".join(checked(home).warnings)
    name = f"profiles/day={DAYS[4]}/profiles.csv"
    assert f"{name}, gender: 3 row(s) with an unknown word for gender" in said
    assert "; row 3, 6, 10\n" in said
    assert f"{name}, region_code: 1 row(s) with a code that is not a regency" in said
    assert f"{name}, surprise: 1 column(s) that are not in the contract" in said
    assert "visit: ignored: no table of the contract" in said
    assert "visits/2026-03-06: ignored: not a folder day=" in said
    assert f"visits/day={DAY}: 1 working file(s) ignored" in said
    assert f"visits/day={DAY}/visits.csv, url: " in said
    assert "that match no campaign" in said
    assert "Walikota" not in said
    assert "Cibubur" not in said


def test_what_nobody_foresaw_leaves_no_trace_in_the_home(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.policy.write_text("promise: {k: 3}\n")
    before = tree(home.root)
    done = command(home, "check-input", "--day", str(DAY))
    assert done.returncode == 2
    assert "k" in done.stdout + done.stderr
    home.policy.write_text((DEFAULTS / "policy.yaml").read_text())
    home.ledger.write_bytes(b"no database")
    before = tree(home.root)
    done = command(home, "check-input", "--day", str(DAY))
    assert done.returncode == 4
    assert tree(home.root) == before


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_killed_in_the_middle_nothing_is_left(home: Home, number: signal.Signals) -> None:
    temporary, before = home.root.parent / "temporary", tree(home.root)
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "check-input", "--day", str(DAY), "--privileged"],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    private = within(120, lambda: next(temporary.glob("audience-check-*/private/*"), None))
    assert private, "the dry run has not begun to write working data"
    process.send_signal(number)
    assert process.wait(timeout=120) != 0
    assert within(60, lambda: not list(temporary.iterdir()))
    assert tree(home.root) == before


@pytest.mark.alternate("words of commands")
def test_the_warnings_are_on_the_screen_after_a_run(home: Home) -> None:
    (home.raw / "visit").mkdir()
    day = str(DAY)
    done = command(home, "run", "--from", day, "--to", day)
    assert done.returncode == 4  # a folder that no run reads, where there was none before
    assert "visit: ignored: no table of the contract has this name" in done.stdout
    assert "ignored files and folders: found 1" in " ".join(done.stderr.split())


# Shells let what they start in the background ignore the interrupt. The run waits in its middle.
INTERRUPTIBLE = (
    "import signal, sys, time; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "import cli.main, cli.dry_run; "
    "cli.dry_run.implausible = lambda *_: time.sleep(120); "
    "sys.exit(cli.main.command())"
)


def environment(home: Home) -> dict[str, str]:
    return {**os.environ, "AUDIENCE_HOME": str(home.root)}


def command(home: Home, *arguments: str) -> Done:
    return call(*arguments, environment={"AUDIENCE_HOME": str(home.root)})


def within(seconds: float, happens: Callable[[], object]) -> object:
    """What `happens` returns once that is true; its last answer after so many seconds."""
    for _ in ticks(seconds):
        if answer := happens():
            return answer
    return happens()


def ticks(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.002)
