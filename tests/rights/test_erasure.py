"""An erasure leaves nothing of the person in working files, and a proof in the ledger."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from anonymizer.release.ledger import Ledger
from anonymizer.rights.erasure import ERASURE, carry_out_erasures, leftover_rows
from anonymizer.storage.files import write_parquet
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

SECRET = Secret(bytes(range(32)))
FIRST, SECOND, THIRD = (date(2026, 11, number) for number in (20, 21, 22))
ANN, BEN, EVE = (bytes([number]) * 16 for number in (1, 2, 3))


def write(home: Home, stage: str, day: date, **columns: pa.Array | list[object]) -> None:
    keys = {"person_key", "request_key"}
    arrays = {
        name: pa.array(values, pa.binary()) if name in keys else values
        for name, values in columns.items()
    }
    write_parquet(pa.table(arrays), home.working_file(stage, day))


def write_days(home: Home, *people: bytes) -> None:
    """Three days of working files; Ann visits on the first two, Eve on the third."""
    for day in (FIRST, SECOND, THIRD):
        write(home, "profiles", day, person_key=list(people), age=[30] * len(people))
        write(home, "people", day, person_key=[p for p in people if p != EVE])
        write(home, "excluded", day, person_key=[p for p in people if p == EVE])
        visitors = [p for p in people if p != (EVE if day != THIRD else ANN)]
        write(home, "visits", day, person_key=[*visitors, None, *visitors])
        write(home, "reach", day, campaign_id=["c1"], people=[3])
        write(home, "overlaps", day, subject_id=["c1"], other_id=["c2"], people=[2])


def ask(home: Home, day: date, **requests: bytes) -> None:
    """All requests so far, as intake of the day took them in; `w...` are withdrawals."""
    write(
        home,
        "requests",
        day,
        request_key=[name.encode() for name in requests],
        person_key=list(requests.values()),
        kind=["withdraw" if name.startswith("w") else "erase" for name in requests],
    )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    write_days(home, ANN, BEN, EVE)
    ask(home, THIRD, r1=ANN, w2=BEN)
    return home


@pytest.fixture
def ledger(home: Home) -> Ledger:
    ledger = Ledger.open(home.ledger)
    ledger.append("release", "campaign-day-2026-11-21", {"files": {}})
    return ledger


def files(home: Home) -> Mapping[str, bytes]:
    return {
        str(path.relative_to(home.private)): path.read_bytes()
        for path in sorted(home.private.rglob("*.parquet"))
        if path.parent.name != "requests"
    }


def test_nothing_of_the_person_is_left_and_nothing_else_has_changed(
    home: Home, ledger: Ledger, tmp_path: Path
) -> None:
    without = Home(tmp_path / "without")
    write_days(without, BEN, EVE)
    for day in (FIRST, SECOND):  # her visits were counted there
        for stage in ("reach", "overlaps"):
            without.working_file(stage, day).unlink()
    assert sum(leftover_rows(home, THIRD).values()) == 10
    erasure = carry_out_erasures(home, THIRD, ledger, SECRET)
    assert erasure is not None
    assert (erasure.requests, erasure.reach_days) == (1, 2)
    assert erasure.rows == {"people": 3, "profiles": 3, "visits": 4}
    assert files(home) == files(without)
    assert leftover_rows(home, THIRD) == {}
    assert not (home.private / "erasures").exists()


def test_weeks_months_and_late_visits_are_covered_too(home: Home, ledger: Ledger) -> None:
    """Ann is in the week and in the audience; the week before and the interest are of others."""
    sunday, before = date(2026, 11, 22), date(2026, 11, 15)
    month = date(2026, 11, 30)
    write(home, "late", THIRD, person_key=[ANN, BEN, None, ANN])
    for stage, day, people in (
        ("campaign_week", sunday, [ANN, BEN]),
        ("campaign_week", before, [BEN]),
        ("interest_week", sunday, [BEN]),
        ("audience_month", month, [ANN, BEN]),
    ):
        write(home, f"{stage}_people", day, person_key=people)
        write(home, f"{stage}_reach", day, subject_id=["x"], people=[len(people)])
        if stage == "campaign_week":
            write(home, f"{stage}_overlaps", day, subject_id=["x"], other_id=["y"], people=[1])
    erasure = carry_out_erasures(home, THIRD, ledger, SECRET)
    assert erasure is not None
    assert erasure.reach_periods == 2
    assert erasure.rows["late"] == 2
    assert ledger.entries()[-1].body["reach_periods"] == [
        *("campaign-week-2026-W47", "audience-month-2026-11")
    ]
    assert leftover_rows(home, THIRD) == {}
    left = {path.parent.name: path for path in home.private.glob("*_reach/*")}
    assert sorted(left) == ["campaign_week_reach", "interest_week_reach"]
    assert left["campaign_week_reach"] == home.working_file("campaign_week_reach", before)
    overlaps = list((home.private / "campaign_week_overlaps").iterdir())
    assert overlaps == [home.working_file("campaign_week_overlaps", before)]


def test_the_request_itself_stays_so_that_the_person_does_not_come_back(
    home: Home, ledger: Ledger
) -> None:
    before = home.working_file("requests", THIRD).read_bytes()
    carry_out_erasures(home, THIRD, ledger, SECRET)
    assert home.working_file("requests", THIRD).read_bytes() == before


def test_the_ledger_keeps_a_proof_that_says_how_much_and_not_whose(
    home: Home, ledger: Ledger
) -> None:
    carry_out_erasures(home, THIRD, ledger, SECRET)
    entry = ledger.entries()[-1]
    assert entry.kind == ERASURE
    assert entry.body["rows"] == {"people": 3, "profiles": 3, "visits": 4}
    assert entry.body["reach_days"] == ["2026-11-20", "2026-11-21"]
    assert entry.body["released_before"] == "campaign-day-2026-11-21"
    assert "final" in entry.body["why_released_figures_stay"]
    assert ANN.hex() not in json.dumps(dict(entry.body))
    public = home.public_ledger.read_text("utf-8").splitlines()[-1]
    assert json.loads(public)["shown"] is None
    assert ERASURE not in public
    assert entry.subject not in public


def test_what_was_done_is_not_done_again_and_what_is_new_is(home: Home, ledger: Ledger) -> None:
    carry_out_erasures(home, THIRD, ledger, SECRET)
    assert carry_out_erasures(home, THIRD, ledger, SECRET) is None
    ask(home, THIRD, r1=ANN, r3=EVE, r4=EVE)
    erasure = carry_out_erasures(home, THIRD, ledger, SECRET)
    assert erasure is not None
    assert erasure.requests == 2
    assert erasure.rows == {"excluded": 3, "profiles": 3, "visits": 2}
    assert ledger.verify() == 3


def test_a_withdrawal_is_no_erasure(home: Home, ledger: Ledger) -> None:
    ask(home, THIRD, w1=ANN)
    before = files(home)
    assert carry_out_erasures(home, THIRD, ledger, SECRET) is None
    assert files(home) == before
    assert ledger.verify() == 1


_KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
from anonymizer.rights import erasure
from anonymizer.storage import files
from anonymizer.counting import working_rows
from anonymizer.storage.home import Home
from anonymizer.release.ledger import Ledger
from anonymizer.storage.secret import Secret
home, allowed = Home(Path(sys.argv[1])), int(sys.argv[2])
def counted(name, owner):
    whole = getattr(owner, name)
    def step(*arguments):
        global allowed
        if not allowed:
            os.kill(os.getpid(), signal.SIGKILL)
        allowed -= 1
        return whole(*arguments)
    setattr(owner, name, step)
counted("write_parquet", working_rows)
counted("write_bytes", erasure)
counted("append", Ledger)
erasure.carry_out_erasures(home, date(2026, 11, 22), Ledger.open(home.ledger),
                           Secret(bytes(range(32))))
"""


@pytest.mark.slow
def test_killed_at_any_step_the_next_run_ends_with_the_same_files_and_the_same_proof(
    home: Home, ledger: Ledger, tmp_path: Path
) -> None:
    undisturbed = copy(home, tmp_path / "undisturbed")
    carry_out_erasures(undisturbed, THIRD, Ledger.open(undisturbed.ledger), SECRET)
    for steps in range(10):  # the plan, eight files, the ledger
        killed = copy(home, tmp_path / f"killed-{steps}")
        done = subprocess.run(
            [sys.executable, "-c", _KILLED, str(killed.root), str(steps)], check=False
        )
        assert done.returncode == -signal.SIGKILL, steps
        carry_out_erasures(killed, THIRD, Ledger.open(killed.ledger), SECRET)
        assert files(killed) == files(undisturbed)
        assert Ledger.open(killed.ledger).entries() == Ledger.open(undisturbed.ledger).entries()


def copy(home: Home, place: Path) -> Home:
    subprocess.run(["cp", "-a", os.fspath(home.root), os.fspath(place)], check=True)
    return Home(place)


def test_without_a_ledger_that_can_be_trusted_nothing_is_removed_unproved(
    home: Home, ledger: Ledger
) -> None:
    before = files(home)
    home.ledger.write_bytes(b"damage" * 1000)
    with pytest.raises(Exception, match="backup"):
        carry_out_erasures(home, THIRD, ledger, SECRET)
    assert files(home) == before
