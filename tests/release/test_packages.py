"""`audience package`: one ZIP file of what an advertiser gets, and never more than that."""

import json
import random
import shutil
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from release_world import DAY, SECRET, release
from typer.testing import CliRunner

from anonymizer.exports.export_folders import write_exports
from anonymizer.exports.package import Package, check_package, package
from anonymizer.exports.previous_release import (
    outdated_comparison,
    repeated_in,
    sentence_on_repeats,
)
from anonymizer.exports.withdrawal import withdraw
from anonymizer.model.errors import ConfigurationError, Held
from anonymizer.model.periods import Period
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from cli.main import app

NAME = f"campaign-day-{DAY.isoformat()}"
PERIOD = Period("day", DAY)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("packages") / "home")
    for day in (DAY - timedelta(days=1), DAY):
        released = release(home, day).release
        write_exports(released, home, Ledger.open(home.ledger), SECRET)
    return home


@pytest.fixture
def home(made: Home, tmp_path: Path) -> Home:
    return Home(Path(shutil.copytree(made.root, tmp_path / "home")))


def packed(home: Home, recipient: str = "maju", period: Period = PERIOD) -> Package:
    entries = Ledger.open(home.ledger).entries()
    records = [(entry.kind, entry.subject, entry.body) for entry in entries]
    return package(recipient, period, home, records)


def test_it_has_every_file_of_the_advertiser_and_period(home: Home, tmp_path: Path) -> None:
    result = packed(home)
    assert result.name == "maju_2026-11-22.zip"
    path = tmp_path / result.name
    path.write_bytes(result.content)
    with zipfile.ZipFile(path) as file:
        contents = {name: file.read(name) for name in file.namelist()}
    folder = home.exports / "maju" / NAME
    assert contents == {f"{NAME}/{one.name}": one.read_bytes() for one in folder.iterdir()}
    (checked,) = check_package(path)
    assert checked.certificate["release"] == NAME


def test_equal_files_give_equal_bytes(home: Home, made: Home) -> None:
    for path in (home.exports / "maju" / NAME).iterdir():
        path.touch()
        path.chmod(0o600)
    assert packed(home).content == packed(made).content


def test_what_was_withdrawn_is_never_packed(home: Home) -> None:
    withdraw(NAME, "It was a test.", home, Ledger.open(home.ledger), SECRET)
    with pytest.raises(Held, match="withdrawn"):
        packed(home)


def test_a_correction_without_figures_for_the_advertiser_is_never_replaced_by_what_it_corrects(
    home: Home,
) -> None:
    """The correction has no table for it, so the folder of the first release is the newest one."""
    entries = Ledger.open(home.ledger).entries()
    records = [(entry.kind, entry.subject, entry.body) for entry in entries]
    records.append(("release", f"{NAME}~2", {"corrects": NAME}))
    with pytest.raises(
        Held, match="no figures of the period are valid for this recipient"
    ) as refused:
        package("maju", PERIOD, home, records)
    assert refused.value.exit_code == 4
    package("maju", Period("day", DAY - timedelta(days=1)), home, records)


def test_a_workbook_that_repeats_withdrawn_figures_is_told(home: Home, tmp_path: Path) -> None:
    """Its first page has the main figures of the day before."""
    before = f"campaign-day-{DAY - timedelta(days=1)}"
    assert packed(home).outdated == ()
    withdraw(before, "It was a test.", home, Ledger.open(home.ledger), SECRET)
    (line,) = packed(home).outdated
    assert f"Workbooks of {NAME} " in line
    assert f"main figures of {before}, which was later withdrawn" in line
    words = ["package", "maju", DAY.isoformat(), "--out", str(tmp_path)]
    done = CliRunner().invoke(app, [*words, "--home", str(home.published)])
    assert done.exit_code == 0, done.output
    assert line in done.output
    done = CliRunner().invoke(app, [*words, "--home", str(home.published), "--json"])
    made = json.loads(done.stdout)
    assert Path(made["path"]).is_file()
    assert made["releases"] == [NAME]
    assert made["warnings"] == [line]


def test_the_exports_that_repeat_figures_of_a_release_are_named(home: Home) -> None:
    before = f"campaign-day-{DAY - timedelta(days=1)}"
    entries = Ledger.open(home.ledger).entries()
    records = [(entry.kind, entry.subject, entry.body) for entry in entries]
    assert repeated_in(before, records) == (NAME,)
    assert NAME in sentence_on_repeats(before, records)
    assert sentence_on_repeats(NAME, records) == ""
    assert outdated_comparison(NAME, records) == ""
    later = [*records, ("release", f"{before}~2", {"corrects": before})]
    assert f"later corrected by {before}~2" in outdated_comparison(NAME, later)
    # Released after the correction: compared with that one, or with nothing if it was withdrawn.
    place = next(i for i, one in enumerate(records) if one[:2] == ("release", NAME))
    facts = {"corrects": before, "catalogue": records[place][2]["catalogue"]}
    between = [*records[:place], ("release", f"{before}~2", facts), *records[place:]]
    assert repeated_in(before, between) == ()
    assert repeated_in(f"{before}~2", between) == (NAME,)
    between = [*records[:place], ("withdrawal", before, {}), *records[place:]]
    assert repeated_in(before, between) == ()


def test_a_withdrawal_names_the_exports_that_repeat_its_figures(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Secret, "of", lambda _: SECRET)
    home.policy.write_text("", "utf-8")
    before = f"campaign-day-{DAY - timedelta(days=1)}"
    words = ["withdraw-release", before, "--reason", "It was a test.", "--home", str(home.root)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert f"Workbooks of {NAME} that compare with the previous period" in done.output
    stated = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert stated["release"] == before
    assert "maju" in stated["recipients"]
    assert f"Workbooks of {NAME} that compare" in stated["repeats"]


def test_what_is_not_as_recorded_is_refused(home: Home) -> None:
    """Another export with a seal that fits stands in the folder."""
    folder = home.exports / "maju" / NAME
    shutil.rmtree(folder)
    shutil.copytree(home.exports / "jaya" / NAME, folder)
    with pytest.raises(Held, match="differs from what the ledger recorded"):
        packed(home)


@pytest.mark.parametrize(("recipient", "period"), [
    ("nobody", PERIOD), ("..", PERIOD), ("maju", Period.of("week", DAY)),
])  # fmt: skip
def test_where_there_is_nothing_that_is_told(recipient: str, period: Period, home: Home) -> None:
    with pytest.raises(ConfigurationError, match="there are exports for jaya, maju"):
        packed(home, recipient, period)


def test_a_changed_package_is_found(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(packed(home).content)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(f"{NAME}/more.csv", "x")
    with pytest.raises(Held, match="does not belong to it"):
        check_package(path)


@pytest.mark.parametrize("member", ["../x", "x", "a/../x", "/a/x", "a/b/c", "a\\b/..\\x"])
def test_a_zip_file_that_is_no_package_is_refused(member: str, tmp_path: Path) -> None:
    path = tmp_path / "inner" / "x.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(member, "x")
    with pytest.raises(Held, match="is not a package of exports"):
        check_package(path)
    assert {one.name for one in tmp_path.rglob("*")} == {"inner", "x.zip"}


def test_a_flipped_bit_is_found_or_changes_nothing(home: Home, tmp_path: Path) -> None:
    path, content, chance = tmp_path / "X.ZIP", packed(home).content, random.Random(7)
    found = 0
    for _ in range(150):
        place = chance.randrange(len(content))
        flipped = content[place] ^ (1 << chance.randrange(8))
        path.write_bytes(content[:place] + bytes([flipped]) + content[place + 1 :])
        try:
            check_package(path)
        except Held as error:
            assert error.exit_code == 4  # noqa: PT017  counted below
            found += 1
    assert found > 100


def test_an_ending_in_capitals_is_a_package(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "X.ZIP"
    path.write_bytes(packed(home).content)
    done = CliRunner().invoke(app, ["check", str(path)])
    assert done.exit_code == 0, done.output
    assert "for maju are as" in done.output


def test_the_commands_write_and_check_it(home: Home, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    words = ["package", "maju", DAY.isoformat(), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*words, "--home", str(home.published)])
    assert done.exit_code == 0, done.output
    assert "5 files of campaign-day-2026-11-22" in done.output
    done = CliRunner().invoke(app, ["check", str(tmp_path / "out" / "maju_2026-11-22.zip")])
    assert done.exit_code == 0, done.output
    assert "5 files of campaign-day-2026-11-22 for maju are as" in done.output
