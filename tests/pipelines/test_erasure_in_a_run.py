"""An erasure through the whole of it: command, next run, working files, ledger, report."""

import hashlib
import json
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from anonymizer.intake.person_search import canonical_user
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

FIRST = date(2026, 11, 1)
WITH_KEYS = ("profiles", "people", "excluded", "visits", "consents")


def key_of(home: Home, user: str) -> bytes:
    person = Secret.load(home.secret).derive("person") + canonical_user(user).encode()
    return hashlib.sha256(person).digest()[:16]


def keys_in(path: Path) -> list[bytes]:
    found: list[bytes] = pq.read_table(path, partitioning=None)["person_key"].to_pylist()
    return found


def visitor(home: Home) -> str:
    """Somebody who counts on the first day and visited."""
    wanted = set(keys_in(home.working_file("visits", FIRST)))
    wanted &= set(keys_in(home.working_file("people", FIRST)))
    lines = (home.raw / "consents" / "consents-01.csv").read_text("utf-8").splitlines()[1:]
    users = (line.split(",")[0] for line in lines)
    return next(user for user in users if user.strip() and key_of(home, user) in wanted)


def rows_of(home: Home, stage: str, user: str) -> int:
    paths = (home.private / stage).glob("day=*.parquet")
    return sum(keys_in(path).count(key_of(home, user)) for path in paths)


def published(home: Home) -> dict[str, bytes]:
    return {
        str(path.relative_to(home.published)): path.read_bytes()
        for place in (home.releases, home.exports)
        for path in sorted(place.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
def test_an_erased_person_leaves_the_working_data_within_the_next_run(
    fresh_home: Home, audience: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    assert audience("run", "--from", "2026-11-01", "--to", "2026-11-02").returncode == 0
    before = published(fresh_home)
    user = visitor(fresh_home)
    held = {stage: rows_of(fresh_home, stage, user) for stage in WITH_KEYS}
    assert held["profiles"] == 2
    assert held["people"] + held["excluded"] == 2
    assert held["visits"] > 0
    filed = audience("rights", "erase", "--user", user)
    assert "within the next run" in filed.stdout

    ran = audience("run", "--from", "2026-11-03", "--to", "2026-11-03")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert {stage: rows_of(fresh_home, stage, user) for stage in WITH_KEYS} == dict.fromkeys(
        WITH_KEYS, 0
    )
    proof = Ledger.open(fresh_home.ledger).entries()[-1]
    assert proof.kind == "erasure"
    assert proof.body["rows"] == {stage: n for stage, n in sorted(held.items()) if n}
    assert proof.body["released_before"] == "campaign-day-2026-11-03"
    assert before.items() <= published(fresh_home).items()
    assert user not in json.dumps(dict(proof.body))

    shown = audience("retention")
    assert shown.returncode == 0, shown.stderr
    assert "row of an erased person" in shown.stdout
    assert "Rows of erased people in working files: 0." in shown.stdout

    # What is left of a day is what intake gives it now.
    path = fresh_home.working_file("visits", FIRST)
    swept = pq.read_table(path, partitioning=None)
    assert audience("run", "--from", "2026-11-01", "--to", "2026-11-01").returncode == 0
    assert pq.read_table(path, partitioning=None) == swept
    assert audience("verify").returncode == 0
