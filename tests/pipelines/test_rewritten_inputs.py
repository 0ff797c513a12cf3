"""Running a released day again: other raw files are reported, and the figures stay."""

import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from anonymizer.storage.home import Home
from pipelines.stages import journal
from pipelines.stages.rewritten_inputs import Rewritten, rewritten

Audience = Callable[..., subprocess.CompletedProcess[str]]
DAY = "2026-11-01"
RUN = ("run", "--from", DAY, "--to", DAY)
OLD = {"a": "1", "b": "2", "c": "3"}


@pytest.mark.parametrize(
    ("taken", "found"),
    [
        (OLD, Rewritten()),
        ({**OLD, "d": "4"}, Rewritten(new=("d",))),
        ({"a": "1", "b": "2"}, Rewritten(gone=("c",))),
        ({**OLD, "a": "9"}, Rewritten(changed=("a",))),
        ({"a": "9", "b": "2", "d": "3"}, Rewritten(("d",), ("c",), ("a",))),
    ],
)
def test_files_are_compared_by_name_and_digest(taken: dict[str, str], found: Rewritten) -> None:
    assert rewritten(OLD, taken) == found
    assert bool(found) == (taken != OLD)


def published(home: Home) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in home.published.rglob("*")
        if path.is_file() and path != home.database
    }


@pytest.mark.slow
def test_a_released_day_with_other_files_says_which(
    released_home: Home, audience: Audience
) -> None:
    before = published(released_home)
    same = audience(*RUN)
    assert same.returncode == 0
    assert "raw files that have changed since" not in same.stdout
    folder = released_home.raw / "visits" / f"day={DAY}"
    gone = next(path for path in sorted(folder.iterdir()) if not path.name.startswith("_"))
    gone.rename(folder / "renamed.tmp")
    (folder / "new.csv").write_text("visit_id,user_id,occurred_at,url\n")
    consents = next((released_home.raw / "consents").glob("*.csv"))
    consents.write_bytes(consents.read_bytes() + consents.read_bytes().splitlines(True)[-1])
    done = audience(*RUN)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert f"new: visits/day={DAY}/new.csv" in said
    assert f"gone: visits/day={DAY}/{gone.name}" in said
    assert f"changed: consents/{consents.name}" in said
    assert "The released figures stay as they are." in said
    assert f"audience correct-release campaign-day-{DAY}" in said
    entry = journal.read(released_home, "publication", date.fromisoformat(DAY))
    assert entry
    assert "raw_files_differ" in entry.facts
    assert published(released_home) == before


@pytest.mark.alternate("corrections")
def test_new_requests_are_no_reason_for_a_correction(
    released_home: Home, audience: Audience
) -> None:
    assert audience("rights", "withdraw", "--user", "u0000001").returncode == 0
    done = audience(*RUN)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert f"Requests have arrived since campaign-day-{DAY} was released (requests/" in said
    assert "They count in the next release; the released figures stay as they are." in said
    assert "correct-release" not in said


@pytest.mark.parametrize(
    "found",
    [
        Rewritten(gone=("requests/r.csv",)),
        Rewritten(new=("requests/r.csv", "visits/day=2026-11-01/a.csv")),
        Rewritten(new=("requests/r.csv",), changed=("consents/c.csv",)),
    ],
)
def test_other_files_and_lost_requests_are_a_reason(found: Rewritten) -> None:
    assert "audience correct-release campaign-day-1" in found.explain("campaign-day-1")


@pytest.mark.alternate("corrections")
def test_a_released_day_whose_files_are_broken_now_stays(
    released_home: Home, audience: Audience
) -> None:
    before = published(released_home)
    (released_home.raw / "visits" / f"day={DAY}" / "new.csv").write_text("")
    done = audience(*RUN)
    assert done.returncode == 3
    assert f"{DAY} is already released, and its figures stay as they are." in done.stderr
    assert published(released_home) == before
