"""A day and its week are released from wrong input and corrected, each by its own command."""

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pyarrow.parquet as pq
import pytest
import typer

from anonymizer.exports.verification import verify_folder
from anonymizer.intake.person_search import canonical_user
from anonymizer.release.ledger import Ledger
from anonymizer.rights.rights import file_request
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from cli.commands import correct_release as module
from cli.commands.correct_release import correct_release
from cli.commands.init import create_home
from cli.period_runs import release_days, release_periods
from data_samples.options import WorldOptions
from data_samples.world import generate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("correcting weeks")]
TUESDAY, SUNDAY, LAST = (date(2026, 11, number) for number in (3, 8, 9))
DAY, WEEK = "campaign-day-2026-11-03", "campaign-week-2026-W45"
REASON = "Half of the visits of Tuesday were missing."
WORLD = WorldOptions(
    people=1_500,
    days=8,
    visits=20_000,
    campaigns=2,
    advertisers=1,
    start=date(2026, 11, 2),
    layout="csv",
)
CHANGED = {
    "late_days: 1": "late_days: 0",
    "open_days: 2": "open_days: 0",
    "enabled: true": "enabled: false",  # plausibility: the wrong day is to be released
}


@dataclass(frozen=True)
class Corrected:
    """The home after both commands, and what they said."""

    home: Home
    said: str
    withdrawn: bytes


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corrected]:
    home = create_home(Home(tmp_path_factory.mktemp("week") / "home"))
    text = home.policy.read_text("utf-8")
    for old, new in CHANGED.items():
        assert old in text
        text = text.replace(old, new)
    home.policy.write_text(text, "utf-8")
    generate(WORLD, home, lambda *_: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDIENCE_HOME", str(home.root))
        visits = {p: p.read_bytes() for p in (home.raw / "visits" / f"day={TUESDAY}").iterdir()}
        for path, content in visits.items():
            lines = content.splitlines(keepends=True)
            path.write_bytes(b"".join(lines[: len(lines) // 2]))
        days = release_days(home, WORLD.start, LAST)
        assert [days, *release_periods(home, WORLD.start, LAST)] == [0, 0]
        for path, content in visits.items():
            path.write_bytes(content)
        user, key = somebody(home)
        file_request(home, "withdraw", user, datetime.now(UTC))
        said: list[str] = []
        for release in (DAY, WEEK):
            patch.setattr(module, "say", said.append)
            with pytest.raises(typer.Exit) as end:
                correct_release(release, REASON, yes=True)
            assert end.value.exit_code == 0
        yield Corrected(home, "\n".join(said), key)


def somebody(home: Home) -> tuple[str, bytes]:
    """Somebody who counts in the week, by user id and key."""
    counted = people_of_week(home)
    (path,) = (home.raw / "consents").glob("*.csv")
    rows = csv.DictReader(path.read_text("utf-8", errors="replace").splitlines())
    for user in (row["user_id"] or "" for row in rows):
        if re.fullmatch(r"u\d+", user) and (key := key_of(home, user)) in counted:
            return user, key
    raise AssertionError("nobody counts in the week")


def key_of(home: Home, user: str) -> bytes:
    person = Secret.load(home.secret).derive("person") + canonical_user(user).encode()
    return hashlib.sha256(person).digest()[:16]


def people_of_week(home: Home) -> set[bytes]:
    path = home.working_file("campaign_week_people", SUNDAY)
    return set(pq.read_table(path, partitioning=None)["person_key"].to_pylist())


def test_the_command_of_the_day_names_the_week_that_is_wrong_too(corrected: Corrected) -> None:
    of_day, of_week = corrected.said.split(f"{WEEK}~2 corrects")
    assert f"{DAY}~2 corrects {DAY}" in of_day
    assert f"  {WEEK}" in of_day
    assert "not corrected by this command" in of_day
    # Its workbooks have the wrong figures as those of the day before.
    assert f"Workbooks of campaign-day-{TUESDAY + timedelta(days=1)} " in of_day
    assert "not corrected by this command" not in of_week


def test_both_are_judged_with_all_editions_and_proved(corrected: Corrected) -> None:
    ledger = Ledger.open(corrected.home.ledger)
    day, week = (ledger.find_release(f"{name}~2") for name in (DAY, WEEK))
    assert day is not None
    assert week is not None
    assert day.body["audit"]["linked_releases"] == 2  # itself and the week
    assert week.body["audit"]["linked_releases"] == 9  # seven days, the corrected one, itself
    proved = verify_folder(corrected.home.published)
    assert set(proved.corrected) == {DAY, WEEK}


def test_a_week_is_corrected_under_the_objections_of_today(corrected: Corrected) -> None:
    """The withdrawal came after the closing day was taken in; only a later day knows of it."""
    assert corrected.withdrawn not in people_of_week(corrected.home)
    week = Ledger.open(corrected.home.ledger).find_release(f"{WEEK}~2")
    assert week is not None
    assert week.body["objections"] == LAST.isoformat()
