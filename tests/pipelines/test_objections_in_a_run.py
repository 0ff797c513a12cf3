"""Unread objections through the command line: a run is held, somebody decides, the next goes on."""

import subprocess
from collections.abc import Callable
from datetime import date

import pyarrow.parquet as pq
import pytest

from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home

pytestmark = pytest.mark.slow
Audience = Callable[..., subprocess.CompletedProcess[str]]
DAY = "2026-11-01"
RUN = ("run", "--from", DAY, "--to", DAY)
BAD = """request_id,user_id,kind,requested_at
r1,,erase,2026-10-01T10:00:00+07:00
r2,canary-9f1,canary-9f2,2026-10-01T10:00:00+07:00
"""


def excluded(home: Home) -> list[str]:
    path = home.working_file("excluded", date.fromisoformat(DAY))
    reasons: list[str] = pq.read_table(path, partitioning=None)["reason"].to_pylist()
    return reasons


def visitor(home: Home) -> str:
    """The id of somebody with a profile, as it is written there."""
    path = next((home.raw / "profiles").glob("day=*/*.parquet"))
    user: str = pq.read_table(path, partitioning=None)["user_id"].to_pylist()[0]
    return user


def test_a_run_is_held_until_somebody_decides(fresh_home: Home, audience: Audience) -> None:
    bad = BAD.replace("canary-9f1", visitor(fresh_home))
    (fresh_home.raw / "requests" / "bad.csv").write_text(bad, "utf-8")
    held = audience(*RUN)
    assert held.returncode == 4
    assert "objection_unreadable" in held.stderr
    assert "requests/bad.csv row 1, user_id: no_user" in held.stderr

    listed = audience("rights", "review")
    assert listed.returncode == 0, listed.stderr
    lines = [line for line in listed.stdout.splitlines() if "requests/bad.csv" in line]
    assert ["holds every release" in line for line in lines] == [True, False]
    assert "its person counts in no release" in lines[1]

    half = audience("rights", "review", "--decide", "requests/bad.csv:1", "--as", "erase")
    assert (half.returncode, "give all three" in half.stderr) == (2, True)
    reason = ("--reason", "The sender was asked and has no request.")
    unknown = ("--decide", "requests/bad.csv:9", "--decide", "requests/bad.csv:1")
    refused = audience("rights", "review", *unknown, "--as", "ignored", *reason)
    assert refused.returncode == 2
    assert "'requests/bad.csv:9' is not among the rows that cannot be read" in refused.stderr
    place = ("--decide", "requests/bad.csv:1", "--as", "ignored")
    decided = audience("rights", "review", *place, *reason)
    assert decided.returncode == 0, decided.stderr
    assert "requests/bad.csv:1 counts as ignored" in decided.stdout

    ran = audience(*RUN)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    # One of this test, and those of the sample world.
    assert excluded(fresh_home).count("unread_objection") >= 1
    assert "cannot be read" in ran.stdout
    before = excluded(fresh_home).count("unread_objection")
    place = ("--decide", "requests/bad.csv:2", "--as", "access")
    assert audience("rights", "review", *place, *reason).returncode == 0
    assert audience(*RUN).returncode == 0
    assert excluded(fresh_home).count("unread_objection") == before - 1

    assert "requests/bad.csv" not in audience("rights", "review").stdout
    everything = audience("rights", "review", "--all").stdout
    assert "decided: ignored" in everything
    assert "decided: access" in everything
    kinds = [entry.kind for entry in Ledger.open(fresh_home.ledger).entries()]
    assert kinds.count("objection") == 2
    assert audience("verify").returncode == 0
    said = "".join((held.stdout, held.stderr, listed.stdout, ran.stdout, ran.stderr, everything))
    assert "canary" not in said


LOST = """request_id,user_id,kind,requested_at
r1,canary-8a1,erase,2026-10-01T10:00:00+07:00
r2,canary-8a2,opt-out,2026-10-01T10:00:00+07:00
"""


def listed(audience: Audience, row: int, *options: str) -> str:
    done = audience("rights", "list", *options)
    assert done.returncode == 0, done.stderr
    return next((x for x in done.stdout.splitlines() if f"requests/lost.csv:{row} " in x), "")


def test_an_objection_that_matches_no_one_is_told_and_stays_open(
    fresh_home: Home, audience: Audience
) -> None:
    text = LOST.replace("canary-8a2", visitor(fresh_home))
    (fresh_home.raw / "requests" / "lost.csv").write_text(text, "utf-8")
    ran = audience(*RUN)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 objection(s) match no one" in ran.stdout
    (alert,) = (fresh_home.root / "alerts").glob("objections-*.json")
    assert '"objections": 1' in alert.read_text("utf-8")

    assert "overdue, matches no one" in listed(audience, 1)
    withdrawn = listed(audience, 2)
    assert "done" in withdrawn
    assert f"campaign-day-{DAY}" in withdrawn
    assert listed(audience, 2, "--open") == ""

    reason = ("--reason", "The sender was asked: the id is of another service.")
    settled = audience("rights", "done", "requests/lost.csv:1", *reason)
    assert settled.returncode == 0, settled.stderr
    assert "overdue" not in listed(audience, 1)
    again = audience(*RUN)
    assert again.returncode == 0, again.stderr
    assert "match no one" not in again.stdout
    assert len(list((fresh_home.root / "alerts").glob("objections-*.json"))) == 1
    assert audience("rights", "done", "requests/lost.csv:7", *reason).returncode == 2
    said = ran.stdout + ran.stderr + withdrawn + settled.stdout + alert.read_text("utf-8")
    assert "canary" not in said
