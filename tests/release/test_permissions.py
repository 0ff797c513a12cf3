"""Other accounts of the machine see what is published and nothing else."""

from pathlib import Path

from release_world import release

from anonymizer.home import Home


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_working_data_and_the_ledger_are_their_owners_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    (home.raw / "requests").mkdir(parents=True)
    home.dagster.mkdir()
    release(home)
    assert mode(home.private) == mode(home.dagster) == mode(home.raw / "requests") == 0o700
    assert mode(home.ledger) == 0o600
    assert mode(home.releases) & 0o055 == 0o055
