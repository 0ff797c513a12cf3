"""`audience evidence` on a released home whose raw files try to get into the pack."""

import csv
import json
from pathlib import Path

import pytest
from running import call

from anonymizer.storage.home import Home

USER = "u-hostile-7781@evil.example"
PLANTED = (
    *(USER, "Budi <b>Santoso</b>", "| 08123456789 |", "[click](http://evil.example)"),
    *("budi.santoso@example.com", "Jalan Melati 7", "budi-request", "rq-of-budi-santoso"),
)


@pytest.fixture
def hostile(released_home: Home) -> Home:
    """Profiles, a consent and requests with everything that must not be repeated."""
    folder = released_home.raw / "profiles" / "day=2026-11-03"
    person = {
        "user_id": USER, "full_name": PLANTED[1], "email": PLANTED[4], "phone": PLANTED[2],
        "address": PLANTED[5], "gender": PLANTED[3], "birth_date": "1990-01-01",
        "region_code": PLANTED[3], "registered_at": "2020-01-01T00:00:00Z",
    }  # fmt: skip
    with (folder / "hostile.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(person))
        writer.writeheader()
        writer.writerow(person)
    requests = released_home.raw / "requests"
    requests.mkdir(exist_ok=True)
    for number, kind in enumerate(("erase", "access", "no | kind")):
        row = {
            "request_id": f"{PLANTED[7]}-{number}",
            "user_id": USER,
            "kind": kind,
            "requested_at": "2026-11-03T04:05:06Z",
        }
        path = requests / f"{PLANTED[6]}-{number}-{PLANTED[4]}.jsonl"
        path.write_text(json.dumps(row) + "\n")
    return released_home


def text_of(folder: Path) -> str:
    return "".join(f"{path.name}\n{path.read_text('utf-8')}" for path in sorted(folder.iterdir()))


@pytest.mark.parametrize("language", ["en", "id"])
def test_no_value_of_a_person_is_in_the_pack(hostile: Home, language: str, tmp_path: Path) -> None:
    done = call("evidence", "--language", language, "--output", tmp_path / "pack")
    assert done.returncode == 0, done.stderr
    written = text_of(tmp_path / "pack") + done.stdout + done.stderr
    for planted in (*PLANTED, "evil", "Budi", "Santoso", "Melati"):
        assert planted.lower() not in written.lower(), planted
    page = (tmp_path / "pack" / "requests.md").read_text("utf-8")
    assert page.count("2026-11-06 04:05") == 3


def test_it_describes_the_releases_and_comes_out_the_same_twice(released_home: Home) -> None:
    for _ in range(2):
        done = call("evidence")
        assert done.returncode == 0, done.stderr
        assert "7 pages" in done.stdout
        folder = released_home.root / "evidence" / "en"
        first = text_of(folder)
    assert text_of(folder) == first
    page = (folder / "impact-assessment.md").read_text("utf-8")
    assert "* campaign-day: 3 releases, 2026-11-01 to 2026-11-03" in page
    assert "exports have been written for 2 advertisers" in text_of(folder)


def test_the_home_of_a_pack_goes_on_verifying(released_home: Home) -> None:
    before = set(released_home.published.rglob("*"))
    assert call("evidence", "--language", "id").returncode == 0
    assert set(released_home.published.rglob("*")) == before
    assert call("ledger", "verify").returncode == 0
    refused = call("evidence", "--output", released_home.published / "pack")
    assert refused.returncode == 2
    assert "must not be in published/" in refused.stderr
