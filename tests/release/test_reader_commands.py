"""Commands that read need the published folder and nothing else: no ledger, no key, no home."""

import json
import re
import shutil
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from pandas import read_csv
from release_world import SECRET, content
from running import Done, call

from anonymizer.exports.withdrawal import withdraw
from anonymizer.model.errors import LedgerBroken
from anonymizer.release.ledger import Ledger
from anonymizer.release.public_ledger import PublicLedger, write_public_ledger
from anonymizer.storage.home import Home
from anonymizer.storage.permissions import account_name

NEXT = date(2026, 11, 23)
BAD = "campaign-day-2026-11-22"
REASON = "Visits were delivered twice"


@pytest.fixture(scope="module")
def home(two_days: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two days, of which the first is withdrawn, and an entry that is not public."""
    position = tmp_path_factory.mktemp("readers") / "home"
    home = Home(shutil.copytree(two_days.root, position))
    ledger = Ledger.open(home.ledger)
    withdraw(BAD, REASON, home, ledger, SECRET)
    ledger.append("request_done", "secret subject", None, {"reason": "by post", "salt": "x"})
    write_public_ledger(ledger, home)
    return home


@pytest.fixture
def copy(home: Home, tmp_path: Path) -> Path:
    """What a reader has received, elsewhere."""
    return shutil.copytree(home.published, tmp_path / "received")


def audience(folder: Path, *words: str) -> Done:
    """The command in another folder, with nothing in the environment that names a home."""
    return call(*words, folder=folder, without=("AUDIENCE", "DAGSTER"))


def test_every_reader_command_works_from_a_copy_and_leaves_it_as_it_is(
    copy: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    before = content(copy)
    at = ("--home", str(copy))
    period = ("--day", "2026-11-23")
    statements = audience(elsewhere, "statements", *period, "--limit", "100", *at)
    exports = audience(elsewhere, "exports", *at)
    figures = audience(elsewhere, "figures", "--campaign", "Spring", "--limit", "1000", *at)
    csv = audience(elsewhere, "figures", "--csv", "--from", "2026-11-23", *at)
    withheld = audience(elsewhere, "suppressed", "--campaign", "spring", *period, *at)
    one = ("--campaign", "spring", *period, "--segment", "women_makassar")
    verified = audience(elsewhere, "verify", *at)
    shown = audience(elsewhere, "ledger", "show", BAD, *at)
    for done in (
        *(statements, exports, figures, csv, withheld, verified, shown),
        audience(elsewhere, "suppressed", *one, *at),
    ):
        assert done.returncode == 0, done.stderr
    assert re.search(r"men under 40 accessed .* Spring Sale on 23 November 2026", statements.stdout)
    assert exports.stdout.count("campaign-day-2026-11-23") >= 2
    assert re.search(r"2026-11-23 .*Spring Sale .*everyone .*1,240 .*1,217 .*1,263", figures.stdout)
    assert "Autumn" not in figures.stdout
    rows = read_csv(StringIO(csv.stdout))
    assert rows["people"].notna().sum() == (rows["status"] == "published").sum() > 10
    assert "[women_makassar] is suppressed; the nearest coarser segment published is women [" in (
        withheld.stdout
    )
    assert "everyone" not in withheld.stdout.split("[women_makassar]")[0]
    assert f"{BAD} was withdrawn: {REASON}" in verified.stdout
    assert '"files"' in shown.stdout
    assert content(copy) == before
    assert list(elsewhere.iterdir()) == []


def test_the_list_says_when_by_whom_about_what_with_what_outcome(
    home: Home, tmp_path: Path
) -> None:
    (home.root / "policy.yaml").write_text("")
    try:
        done = audience(tmp_path, "ledger", "list", "--home", str(home.root))
    finally:
        (home.root / "policy.yaml").unlink()
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if BAD in line]
    today = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.search(
        rf"1 .*{today} .*{account_name()} .*release .*{BAD} .*released, 4 files", lines[0]
    )
    assert re.search(rf"{BAD} .*exported, \d+ files for 2 recipients", lines[1])
    assert re.search(rf"{BAD} .*withdrawn: {REASON}", lines[2])
    assert "done: by post" in done.stdout


def test_the_list_of_a_copy_has_what_is_public(copy: Path, tmp_path: Path) -> None:
    done = audience(tmp_path, "ledger", "list", "--home", str(copy))
    assert done.returncode == 0, done.stderr
    assert f"withdrawn: {REASON}" in done.stdout
    assert "only its digest is public" in done.stdout
    for kept in ("secret subject", "by post", account_name()):
        assert kept not in done.stdout


def test_what_only_a_home_has_is_said(copy: Path, tmp_path: Path) -> None:
    at = ("--home", str(copy))
    reasons = ("suppressed", "--campaign", "spring", "--day", "2026-11-23", "--reasons")
    assert audience(tmp_path, *reasons, *at).returncode == 4
    for words in (("run", "--from", "2026-11-01", "--to", "2026-11-01"), ("rights", "list")):
        done = audience(tmp_path, *words, *at)
        assert done.returncode == 2
        assert "no policy.yaml" in done.stderr
    assert "no policy.yaml" in audience(tmp_path, "ledger", "list").stderr


def test_unknown_names_end_with_those_that_exist(copy: Path, tmp_path: Path) -> None:
    done = audience(tmp_path, "figures", "--campaign", "winter", "--home", str(copy))
    assert done.returncode == 2
    assert "no campaign is called 'winter' (there are autumn (Autumn Sale), spring" in done.stderr


def test_a_name_that_is_nearly_right_ends_with_the_closest(copy: Path, tmp_path: Path) -> None:
    done = audience(tmp_path, "exports", "--campaign", "Sprung-sale", "--home", str(copy))
    assert done.returncode == 2
    assert "no campaign is called 'Sprung-sale' (the closest is spring (" in done.stderr
    done = audience(tmp_path, "exports", "--advertiser", "winter", "--home", str(copy))
    assert "_all ()" not in done.stderr


@pytest.mark.parametrize(("language", "ending"), [("en", "23.xlsx"), ("id", "23_id.xlsx")])
def test_exports_are_listed_by_language(
    language: str, ending: str, copy: Path, tmp_path: Path
) -> None:
    words = ("exports", "--language", language, "--day", "2026-11-23", "--home", str(copy))
    rows = json.loads(audience(tmp_path, *words, "--json").stdout)
    assert {row["advertiser"] for row in rows} == {"jaya", "maju"}
    for row in rows:
        assert row["workbook"].endswith(ending)
        assert Path(row["path"]).is_file()
    text = audience(tmp_path, *words).stdout
    assert all(row["workbook"] in text for row in rows)
    one = json.loads(audience(tmp_path, *words, "--campaign", "Spring Sale", "--json").stdout)
    assert one == [row for row in rows if row["workbook"].startswith("spring-sale")]
    assert audience(tmp_path, "exports", "--language", "fr", "--home", str(copy)).returncode == 2


def test_no_exports_are_said_to_be_none(copy: Path, tmp_path: Path) -> None:
    words = ("exports", "--day", "2026-12-24", "--home", str(copy))
    done = audience(tmp_path, *words)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("There are no exports to list")
    assert json.loads(audience(tmp_path, *words, "--json").stdout) == []


def test_what_was_verified_as_json(copy: Path, tmp_path: Path) -> None:
    at = ("verify", "--json", "--home", str(copy))
    proved = json.loads(audience(tmp_path, *at).stdout)
    assert proved["valid"] is True
    assert proved["releases"] == 2
    assert proved["withdrawn"] == {BAD: REASON}
    next(copy.rglob("*.xlsx")).write_bytes(b"")
    done = audience(tmp_path, *at)
    found = json.loads(done.stdout)
    assert (done.returncode, found["valid"], found["exit_code"]) == (4, False, 4)
    assert ".xlsx" in found["message"]


def test_a_copy_that_was_changed_is_refused(copy: Path, tmp_path: Path) -> None:
    path = copy / "ledger.jsonl"
    path.write_text(path.read_text("utf-8").replace("2026-11-23", "2026-11-24"), "utf-8")
    for words in (("statements",), ("ledger", "list"), ("verify",)):
        assert audience(tmp_path, *words, "--home", str(copy)).returncode == 4


def test_the_public_part_takes_no_entry(copy: Path) -> None:
    ledger = PublicLedger(copy / "ledger.jsonl")
    assert ledger.verify() == 6
    with pytest.raises(LedgerBroken, match="public part"):
        ledger.append("release", "x", {})
    assert len(ledger.releases()) == 2
