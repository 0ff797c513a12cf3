"""`audience correct-release` through the whole of it: a day whose births could not be read."""

import csv
import gzip
import hashlib
import io
import shutil
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from checking import outcome
from running import COMMAND, call

from anonymizer.exports.verification import verify_folder
from anonymizer.intake.person_search import canonical_user
from anonymizer.model.segments import load_catalogue
from anonymizer.release.corrections import open_orders
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_release
from anonymizer.storage.home import Home
from anonymizer.storage.permissions import account_name
from anonymizer.storage.secret import Secret

DAY = "2026-11-01"
FIRST, SECOND = f"campaign-day-{DAY}", f"campaign-day-{DAY}~2"
REASON = "Births of a third of the profiles could not be read."
Sets = dict[tuple[str, tuple[str, str, str]], set[bytes]]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("correcting")]


def copy_home(home: Home, place: Path) -> Home:
    return Home(shutil.copytree(home.root, place, symlinks=True))


def without_some_births(folder: Path) -> None:
    """Profiles as they are when the births of every third person cannot be read."""
    for path in folder.glob("profiles*.parquet"):
        rows = pq.read_table(path, partitioning=None)
        place, column = rows.column_names.index("birth_date"), rows["birth_date"].to_pylist()
        wrong = [None if number % 3 == 0 else born for number, born in enumerate(column)]
        kind = rows.schema.field("birth_date").type
        pq.write_table(rows.set_column(place, "birth_date", pa.array(wrong, kind)), path)
    for path in folder.glob("profiles*.csv.gz"):
        header, *rows = csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode()))
        place, out = header.index("birth_date"), io.StringIO()
        for number, row in enumerate(rows):
            row[place] = "" if number % 3 == 0 else row[place]
        csv.writer(out).writerows([header, *rows])
        path.write_bytes(gzip.compress(out.getvalue().encode()))


@pytest.fixture(scope="module")
def wrong_world(sample_world: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The first day released from broken profiles, the second from right ones."""
    place = tmp_path_factory.mktemp("wrong") / "home"
    home = Home(shutil.copytree(sample_world.root, place, symlinks=True))
    folder = home.raw / "profiles" / f"day={DAY}"
    shutil.copytree(folder, place.parent / "right")
    without_some_births(folder)
    return home


@pytest.fixture(scope="module")
def sent(wrong_world: Home) -> Home:
    """The wrong day accepted and released. Not to be changed: copy it."""
    run = ("run", "--from", DAY, "--to", DAY, "--home", wrong_world.root)
    assert call(*run).returncode == 4
    accepted = call(
        "accept", "--day", DAY, "--reason", "They look right.", "--home", wrong_world.root
    )
    assert accepted.returncode == 0, accepted.stderr
    assert call(*run).returncode == 0
    folder = wrong_world.raw / "profiles" / f"day={DAY}"
    shutil.rmtree(folder)
    shutil.copytree(wrong_world.root.parent / "right", folder)
    return wrong_world


@dataclass(frozen=True)
class Corrected:
    """The corrected home, who was counted before and after, and what the command said."""

    home: Home
    before: Sets
    after: Sets
    erased: str
    said: str


@pytest.fixture(scope="module")
def corrected(sent: Home, tmp_path_factory: pytest.TempPathFactory) -> Corrected:
    home = copy_home(sent, tmp_path_factory.mktemp("corrected") / "home")
    before = sets_of(home)
    erased = visitor(home)
    filed = call("rights", "erase", "--user", erased, "--home", home.root)
    assert filed.returncode == 0, filed.stderr
    command = ("correct-release", FIRST, "--reason", REASON, "--home", home.root)
    refused = call(*command)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    done = call(*command, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    return Corrected(home, before, sets_of(home), erased, done.stdout)


def key_of(home: Home, user: str) -> bytes:
    person = Secret.load(home.secret).derive("person") + canonical_user(user).encode()
    return hashlib.sha256(person).digest()[:16]


def visitor(home: Home) -> str:
    """Somebody who counts in a campaign of the day."""
    counted = set().union(*sets_of(home).values())
    lines = (home.raw / "consents" / "consents-01.csv").read_text("utf-8").splitlines()[1:]
    users = (line.split(",")[0] for line in lines)
    return next(user for user in users if user.strip() and key_of(home, user) in counted)


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def sets_of(home: Home) -> Sets:
    """The people of each campaign and cell, counted plainly from the working files of the day."""
    day = date.fromisoformat(DAY)
    people, visits, campaigns = (
        pq.read_table(home.working_file(stage, day), partitioning=None).to_pylist()
        for stage in ("people", "visits", "campaigns")
    )
    cells = {row["person_key"]: (row["gender"], row["age_band"], row["region"]) for row in people}
    targets = {row["campaign_id"]: row["target_regions"] for row in campaigns}
    found: Sets = {}
    for visit in visits:
        cell = cells.get(visit["person_key"])
        if cell is None or visit["program"]:
            continue
        for campaign in visit["campaign_ids"]:
            if is_targeted(cell[2], targets[campaign]):
                found.setdefault((campaign, cell), set()).add(visit["person_key"])
                break
    return found


def is_targeted(region: str, targets: list[str] | None) -> bool:
    return not targets or any(region == code or region.startswith(f"{code}.") for code in targets)


def segments_of(sets: Sets, campaign: str) -> dict[str, set[bytes]]:
    """The people of each segment of the catalogue."""
    catalogue = load_catalogue(Path(str(files("anonymizer") / "defaults/segments.yaml")))
    found: dict[str, set[bytes]] = {catalogue.id(row): set() for row in range(len(catalogue))}
    for (name, cell), members in sets.items():
        if name == campaign:
            inside = np.ones(len(catalogue), dtype=bool)
            for axis, (dimension, code) in enumerate(zip(catalogue.dimensions, cell, strict=True)):
                leaf = dimension.leaves.index(code)
                inside &= dimension.membership[catalogue.cells[:, axis], leaf].astype(bool)
            for row in np.flatnonzero(inside).tolist():
                found[catalogue.id(row)] |= members
    return found


def figures(home: Home, release_id: str) -> dict[tuple[str, str], int]:
    release = load_release(home, Ledger.open(home.ledger), release_id)
    return {
        (row["subject_id"], row["segment_id"]): row["people"]
        for row in release.figures.to_pylist()
        if row["people"] is not None
    }


def test_the_plain_count_is_that_of_the_pipeline(corrected: Corrected) -> None:
    """Otherwise the sets below would say nothing about the figures."""
    day = date.fromisoformat(DAY)
    reach = pq.read_table(corrected.home.working_file("reach", day), partitioning=None)
    counted: Counter[tuple[str, tuple[str, str, str]]] = Counter()
    for row in reach.to_pylist():
        counted[row["subject_id"], (row["gender"], row["age_band"], row["region"])] += row["people"]
    assert counted == {place: len(members) for place, members in corrected.after.items()}


def test_a_figure_changes_only_where_a_step_of_people_differs(corrected: Corrected) -> None:
    first, second = (figures(corrected.home, name) for name in (FIRST, SECOND))
    changed = 0
    for campaign in {name for name, _ in first} | {name for name, _ in second}:
        before, after = (segments_of(s, campaign) for s in (corrected.before, corrected.after))
        for segment in before:
            place = (campaign, segment)
            if len(before[segment] ^ after[segment]) < 10:
                assert first.get(place) == second.get(place), place
            else:
                changed += first.get(place) != second.get(place)
    assert changed > 50


def test_the_first_release_stays_and_points_to_the_correction(
    sent: Home, corrected: Corrected
) -> None:
    home = corrected.home
    for place in ("releases", "exports"):
        before, after = (content(one.published / place) for one in (sent, home))
        assert before.items() <= after.items()
        added = [name for name in after.keys() - before.keys() if SECOND not in name]
        assert all(name.endswith("/CORRECTED.json") for name in added)
    assert f"{SECOND} corrects {FIRST}" in corrected.said
    proved = call("verify", "--home", home.root)
    assert proved.returncode == 0, proved.stdout + proved.stderr
    assert f"{FIRST} was corrected by {SECOND}: {REASON}" in " ".join(proved.stdout.split())
    checked = call("check", next(home.exports.glob(f"*/{FIRST}")))
    assert checked.returncode == 0, checked.stderr
    assert f"{FIRST} was corrected by {SECOND}" in checked.stdout
    listed = call("exports", "--home", home.root)
    assert "corrected" in listed.stdout


def test_readers_see_the_correction(corrected: Corrected) -> None:
    home = corrected.home
    said = call("statements", "--day", DAY, "--limit", "100000", "--home", home.root)
    assert len(said.stdout.splitlines()) == len(figures(home, SECOND))
    campaign = sorted({name for name, _ in figures(home, SECOND)})[0]
    options = ("--day", DAY, "--subject", campaign, "--home", home.root)
    assert call("suppressed", *options, "--reasons").returncode == 0


def test_the_erased_person_is_in_no_working_file_and_in_no_difference(
    corrected: Corrected,
) -> None:
    """Figures differ for other reasons only: where they differ, ten others differ as well."""
    key = key_of(corrected.home, corrected.erased)
    assert any(key in members for members in corrected.before.values())
    assert not any(key in members for members in corrected.after.values())


def test_the_checks_of_the_day_pass_and_running_again_changes_nothing(
    corrected: Corrected, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = corrected.home
    monkeypatch.setenv("AUDIENCE_HOME", str(home.root))
    day = date.fromisoformat(DAY)
    for asset, name in (
        ("protected_tables", "threshold_reached"),
        ("protected_tables", "near_sets"),
        ("campaign_release", "figures_in_range"),
        ("campaign_release", "ledger_verified"),
        ("exports", "exports_as_recorded"),
        ("segments_database", "database_is_complete"),
    ):
        assert outcome(asset, name, day)[0], name
    before = content(home.published)
    assert call("backfill", "--to", DAY, "--home", home.root).returncode == 0
    again = call("run", "--from", DAY, "--to", DAY, "--home", home.root)
    assert again.returncode == 0, again.stdout + again.stderr
    after = content(home.published)
    assert {n: b for n, b in after.items() if n != "segments.duckdb"} == {
        n: b for n, b in before.items() if n != "segments.duckdb"
    }


def test_one_more_correction_needs_a_role_and_an_approval(corrected: Corrected) -> None:
    home = copy_home(corrected.home, corrected.home.root.parent / "again")
    named = ("--reason", "Visits were missing.", "--home", home.root)
    refused = call("correct-release", SECOND, *named, "--yes")
    assert refused.returncode == 2
    assert "roles: privacy_officer" in " ".join(refused.stderr.split())
    assert call("correct-release", SECOND, "--approve", *named).returncode == 2
    policy = home.policy.read_text("utf-8")
    assert "roles: {}" in policy
    named_roles = f"roles: {{privacy_officer: [{account_name()}]}}"
    home.policy.write_text(policy.replace("roles: {}", named_roles), "utf-8")
    approved = call("correct-release", SECOND, "--approve", *named)
    assert approved.returncode == 0, approved.stderr
    own = call("correct-release", SECOND, *named, "--yes")
    assert own.returncode == 2
    assert "this login approved the correction" in own.stderr
    assert Ledger.open(home.ledger).find("correction", f"{FIRST}~3") is None
    wrong_name = call("correct-release", FIRST, *named, "--yes")
    assert f"already corrected by {SECOND}" in " ".join(wrong_name.stderr.split())


def test_a_correction_that_is_held_stays_ordered_and_backfill_finishes_it(
    sent: Home, tmp_path: Path
) -> None:
    home = copy_home(sent, tmp_path / "home")
    folder = home.raw / "profiles" / f"day={DAY}"
    kept = home.root.parent / "kept"
    shutil.copytree(folder, kept)
    for path in folder.glob("profiles*"):
        path.write_bytes(path.read_bytes()[:-20])
    command = ("correct-release", FIRST, "--reason", REASON, "--yes", "--home", home.root)
    held = call(*command)
    assert held.returncode != 0
    assert f"{SECOND} is ordered and not released yet" in held.stdout
    assert not (home.releases / SECOND).exists()
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)
    assert call("backfill", "--to", DAY, "--home", home.root).returncode == 0
    assert verify_folder(home.published).corrected == {FIRST: f"{SECOND}: {REASON}"}
    assert call(*command).returncode == 2


def test_a_correction_that_is_held_can_be_cancelled_and_runs_go_on_without_it(
    sent: Home, tmp_path: Path
) -> None:
    home = copy_home(sent, tmp_path / "home")
    (profiles, *_) = (home.raw / "profiles" / f"day={DAY}").glob("profiles*.parquet")
    right = profiles.read_bytes()
    profiles.write_bytes(right[:-20])
    place = ("--home", home.root)
    held = call("correct-release", FIRST, "--reason", REASON, "--yes", *place)
    assert held.returncode != 0
    assert f"correct-release {FIRST} --cancel" in " ".join(held.stdout.split())
    reason = "The first figures were right after all."
    both = call("correct-release", FIRST, "--cancel", "--approve", "--reason", "x", *place)
    assert both.returncode == 2
    done = call("correct-release", FIRST, "--cancel", "--reason", reason, *place)
    assert done.returncode == 0, done.stderr
    assert f"{SECOND} is cancelled" in done.stdout
    profiles.write_bytes(right)
    run = call("run", "--from", DAY, "--to", DAY, *place)
    assert run.returncode == 0, run.stdout + run.stderr
    assert [entry.subject for entry in Ledger.open(home.ledger).releases()] == [FIRST]
    listed = " ".join(call("ledger", "list", *place).stdout.split())
    assert "cancellation" in listed
    assert verify_folder(home.published).unfinished == ()


def test_killed_while_it_is_computed_a_correction_is_no_alarm_and_backfill_makes_it(
    sent: Home, tmp_path: Path
) -> None:
    """What is killed later, step by step: `test_killed_anywhere.py`."""
    home = copy_home(sent, tmp_path / "home")
    reached = home.private / "journal" / "reach" / f"day={DAY}.json"
    reached.unlink()
    command = [COMMAND, "correct-release", FIRST]
    options = ["--reason", REASON, "--yes", "--home", str(home.root)]
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL) as killed:
        deadline = time.monotonic() + 240
        while not reached.exists() and killed.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        killed.kill()
    assert killed.returncode == -signal.SIGKILL
    assert [order.release for order in open_orders(Ledger.open(home.ledger))] == [SECOND]
    for words in (("ledger", "verify"), ("verify",)):
        told = call(*words, "--home", home.root)
        assert told.returncode == 0, told.stdout + told.stderr
    assert call("backfill", "--to", DAY, "--home", home.root).returncode == 0
    assert verify_folder(home.published).corrected == {FIRST: f"{SECOND}: {REASON}"}


def test_a_day_whose_files_are_gone_is_refused(sent: Home, tmp_path: Path) -> None:
    home = copy_home(sent, tmp_path / "home")
    shutil.rmtree(home.raw / "visits" / f"day={DAY}")
    refused = call("correct-release", FIRST, "--reason", REASON, "--yes", "--home", home.root)
    assert refused.returncode == 4
    assert "deliver the correct files again" in " ".join(refused.stderr.split())
    assert Ledger.open(home.ledger).find("correction", SECOND) is None
