"""The asset check of a longer period fails where its exports are not as recorded."""

from release_world import AUTUMN, DAY, SECRET, SPRING, count, facts, recheck

from anonymizer.exports.export_folders import write_exports
from anonymizer.model.periods import Period
from anonymizer.model.series import CAMPAIGN_WEEK
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import publish
from anonymizer.storage.home import Home
from pipelines.checks.verdicts import release_as_recorded
from pipelines.resources.resources import Installation


def test_a_week_whose_exports_are_edited_is_not_as_recorded(home: Home, ledger: Ledger) -> None:
    people = {"autumn": AUTUMN, "spring": SPRING}
    week = [count(name, people[name], series=CAMPAIGN_WEEK) for name in people]
    passed = recheck(home, ledger, week)
    release = publish(passed, facts(), home, ledger, SECRET).release
    write_exports(release, home, ledger, SECRET)
    installation, period = Installation.of(home), Period.of("week", DAY)
    assert release_as_recorded(installation, CAMPAIGN_WEEK, period).passed
    path = next(home.exports.glob(f"*/{release.id}/*.csv"))
    path.write_bytes(path.read_bytes() + b"\n")
    found = release_as_recorded(installation, CAMPAIGN_WEEK, period)
    assert not found.passed
    assert [path.name in file for file in found.metadata["faulty"]] == [True]
