"""An implausible day is held until it is accepted by somebody or delivered again."""

import csv
import gzip
import io
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from checking import outcome
from running import call
from two_logins import ENGINEER, OFFICER, OTHER, ROLES, login

from anonymizer.intake.plausibility import Deviation
from anonymizer.model.periods import Period
from anonymizer.release.acceptances import AcceptanceState
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from anonymizer.storage.permissions import account_name
from pipelines.stages import journal, period_release
from pipelines.stages.plausibility_gate import causes, explained, next_step

DAY = "2026-11-01"
Audience = Callable[..., subprocess.CompletedProcess[str]]
MEASURES = ["people: age_not_known", "visits: age_not_known"]


def without_births(folder: Path) -> None:
    """Profiles as they are when the source no longer fills `birth_date`."""
    for path in folder.glob("profiles*.parquet"):
        rows = pq.read_table(path, partitioning=None)
        place, column = rows.column_names.index("birth_date"), rows["birth_date"]
        rows = rows.set_column(place, "birth_date", pa.nulls(len(rows), column.type))
        pq.write_table(rows, path)
    for path in folder.glob("profiles*.csv.gz"):
        header, *rows = csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode()))
        place, out = header.index("birth_date"), io.StringIO()
        blank = [[*row[:place], "", *row[place + 1 :]] for row in rows]
        csv.writer(out).writerows([header, *blank])
        path.write_bytes(gzip.compress(out.getvalue().encode()))


@pytest.fixture
def profiles(fresh_home: Home) -> Path:
    """The folder of the snapshot of the day, broken; the right one is kept beside the home."""
    folder = fresh_home.raw / "profiles" / f"day={DAY}"
    shutil.copytree(folder, fresh_home.root.parent / "right")
    without_births(folder)
    return folder


@pytest.mark.alternate("nothing wrong becomes final")
def test_an_implausible_day_is_held_until_it_is_accepted(
    fresh_home: Home, profiles: Path, audience: Audience
) -> None:
    run = ("run", "--from", DAY, "--to", DAY)
    held = audience(*run)
    assert held.returncode == 4, held.stdout
    said = " ".join((held.stdout + held.stderr).split())
    assert "held: implausible" in said
    assert "people: age_not_known" in said
    assert "birth_date in raw/profiles" in said
    assert f"audience accept --day {DAY}" in said
    assert not list(fresh_home.releases.glob("*"))
    passed, shown = outcome("campaign_reach", "plausible", Period.from_id(DAY).end)
    assert not passed
    assert [row.data["measure"] for row in shown["measures"].records] == MEASURES

    unfit = audience("accept", "--day", DAY, "--reason", "ask anna@example.com")
    assert unfit.returncode == 2
    accepted = audience("accept", "--day", DAY, "--reason", "Births are no longer collected.")
    assert accepted.returncode == 0, accepted.stderr
    (entry,) = [e for e in Ledger.open(fresh_home.ledger).entries() if e.kind == "acceptance"]
    assert entry.body["reason"] == "Births are no longer collected."
    assert entry.body["measures"] == MEASURES
    assert entry.body["by"]
    assert entry.body["salt"]
    assert len(fresh_home.public_ledger.read_text().splitlines()) == entry.sequence
    assert "by" not in (entry.link.shown or {})["body"]
    assert entry.body["role"] == ""
    assert audience(*run).returncode == 0
    assert outcome("campaign_reach", "plausible", Period.from_id(DAY).end)[0]
    states_the_acceptance(fresh_home, audience, "accepted on ")


@pytest.mark.slow
def test_who_may_accept_reads_the_days_and_names_whole_digests(
    fresh_home: Home, profiles: Path, audience: Audience
) -> None:
    """The measures are counts of rows; a few digits do not tell two deliveries apart."""
    fresh_home.policy.write_text(fresh_home.policy.read_text().replace("roles: {}", ROLES))
    assert audience("run", "--from", DAY, "--to", DAY).returncode == 4
    for options in ((), ("--json",), ("--day", DAY)):
        with login(OTHER):
            unread = call("accept", *options)
        assert unread.returncode == 2
        assert "has no role that may accept a day" in " ".join(unread.stderr.split())
        assert "age_not_known" not in unread.stdout + unread.stderr
    with login(ENGINEER):
        (waiting,) = json.loads(call("accept", "--json").stdout)
        accept = ("accept", "--day", DAY, "--reason", "It is right.", "--digest")
        short = call(*accept, waiting["digest"][:15])
        assert short.returncode == 2
        assert "has 15 digits, at least 16 are needed" in " ".join(short.stderr.split())
        assert call(*accept, waiting["digest"][:16]).returncode == 0


@pytest.mark.slow
def test_a_policy_that_changes_during_a_release_decides_nothing(
    fresh_home: Home, profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write the file edits it after the settings of the release were approved."""
    counted = period_release._counted
    monkeypatch.setenv("AUDIENCE_HOME", str(fresh_home.root))

    def edit(*given: Any) -> Any:
        text = fresh_home.policy.read_text("utf-8")
        assert "enabled: true" in text
        fresh_home.policy.write_text(text.replace("enabled: true", "enabled: false"), "utf-8")
        return counted(*given)

    monkeypatch.setattr(period_release, "_counted", edit)
    held = call("run", "--from", DAY, "--to", DAY)
    assert "enabled: false" in fresh_home.policy.read_text("utf-8")
    assert held.returncode == 4, held.stdout
    assert not list(fresh_home.releases.glob("*"))


def states_the_acceptance(home: Home, audience: Audience, words: str) -> None:
    """In every certificate of the day, in `check` of each export and in `verify`."""
    folders = sorted(home.exports.glob(f"*/campaign-day-{DAY}"))
    assert folders
    for folder in folders:
        certificate = json.loads((folder / "certificate.json").read_text())
        stated = certificate["released_although_implausible"]
        assert stated["measures"] == MEASURES
        assert stated["reason"] == "Births are no longer collected."
        checked = audience("check", folder)
        assert checked.returncode == 0, checked.stderr
        assert stated["in_words"] in checked.stdout
    verified = audience("verify", home.published)
    assert verified.returncode == 0, verified.stderr
    assert f"campaign-day-{DAY}: {stated['in_words']}" in verified.stdout
    assert words in stated["in_words"]


@pytest.mark.slow
def test_who_may_accept_is_a_role_of_the_policy(
    fresh_home: Home, profiles: Path, audience: Audience
) -> None:
    run = ("run", "--from", DAY, "--to", DAY)
    accept = ("accept", "--day", DAY, "--reason", "Births are no longer collected.")
    assert audience(*run).returncode == 4
    text = fresh_home.policy.read_text()
    own = account_name()
    for roles in ("privacy_officer: [somebody-else]", f"ad_ops: [{own}]"):
        fresh_home.policy.write_text(text.replace("roles: {}", f"roles: {{{roles}}}"))
        refused = audience(*accept)
        said = " ".join(refused.stderr.split())
        assert refused.returncode == 2
        assert f"your login, {own}, has no role that may accept a day" in said
        assert "roles.privacy_officer or roles.data_engineer in policy.yaml" in said
    assert not [e for e in Ledger.open(fresh_home.ledger).entries() if e.kind == "acceptance"]


@pytest.mark.alternate("nothing wrong becomes final")
def test_with_roles_two_logins_accept_the_same_files(
    fresh_home: Home, profiles: Path, audience: Audience
) -> None:
    """The first releases nothing, whatever runs; lists and messages name the next step."""
    run, why = ("run", "--from", DAY, "--to", DAY), "Births are no longer collected."
    accept = ("accept", "--day", DAY, "--reason", why)
    fresh_home.policy.write_text(fresh_home.policy.read_text().replace("roles: {}", ROLES))
    held = audience(*run)
    assert held.returncode == 4
    assert "two logins with the role privacy_officer or data_engineer accept it" in " ".join(
        (held.stdout + held.stderr).split()
    )
    with login(ENGINEER):
        first = call(*accept)
    said = " ".join(first.stdout.split())
    assert first.returncode == 0, first.stderr
    assert f"{DAY} is accepted by one of two, and is held until another login" in said
    with login(ENGINEER):
        again = call(*accept)
    assert again.returncode == 2
    assert "this login has accepted the day" in " ".join(again.stderr.split())
    assert audience(*run).returncode == 4
    assert not list(fresh_home.releases.glob("*"))
    verdict = outcome("campaign_reach", "plausible", Period.from_id(DAY).end)
    assert not verdict[0]
    with login(OFFICER):
        (waiting,) = json.loads(call("accept", "--json").stdout)
    assert (waiting["day"], waiting["acceptances"], waiting["needed"]) == (DAY, 1, 2)
    assert [one["measure"] for one in waiting["measures"]] == MEASURES
    assert waiting["accepted_by_one"][0]["role"] == "data_engineer"
    assert ENGINEER not in json.dumps(waiting)
    with login(OFFICER):
        shown = " ".join(call("accept").stdout.split())
    assert "1 of 2 acceptances exist" in shown
    assert f"--digest {waiting['digest'][:16]} " in shown
    assert len(waiting["digest"]) == 64
    with login(OFFICER):
        wrong = call(*accept, "--digest", "0000000000000000")
        assert wrong.returncode == 2
        assert "not the ones with this digest" in " ".join(wrong.stderr.split())
        second = call(*accept, "--digest", waiting["digest"])
    assert second.returncode == 0, second.stderr
    assert "audience run --from" in second.stdout
    with login(OFFICER):
        assert "No day waits" in call("accept").stdout
    assert audience(*run).returncode == 0
    states_the_acceptance(fresh_home, audience, "accepted by role data_engineer on 20")
    states_the_acceptance(fresh_home, audience, "; and accepted by role privacy_officer on 20")
    public = fresh_home.public_ledger.read_text()
    assert ENGINEER not in public
    assert OFFICER not in public


@pytest.mark.slow
def test_files_that_changed_between_need_both_again(
    fresh_home: Home, profiles: Path, audience: Audience
) -> None:
    run, accept = (
        ("run", "--from", DAY, "--to", DAY),
        ("accept", "--day", DAY, "--reason", "Right."),
    )
    fresh_home.policy.write_text(fresh_home.policy.read_text().replace("roles: {}", ROLES))
    assert audience(*run).returncode == 4
    with login(ENGINEER):
        assert call(*accept).returncode == 0
    extra = profiles / "profiles-02.csv"
    extra.write_text("user_id,registered_at\nu-new,2024-01-01T00:00:00+07:00\n")
    assert audience(*run).returncode == 4
    with login(OFFICER):
        assert call(*accept).returncode == 0
    assert audience(*run).returncode == 4
    with login(OFFICER):
        (waiting,) = json.loads(call("accept", "--json").stdout)
    assert [one["role"] for one in waiting["accepted_by_one"]] == ["privacy_officer"]
    with login(ENGINEER):
        assert call(*accept).returncode == 0
    assert audience(*run).returncode == 0


@pytest.mark.parametrize(
    "reason",
    ["", "  ", "x" * 301, "two\nlines", "\x1b[31mred", "hidden\u202eword", "ask anna@example.com"],
)
def test_a_reason_is_one_short_line_that_names_nobody(
    fresh_home: Home, audience: Audience, reason: str
) -> None:
    (fresh_home.root / "ledger.sqlite").unlink(missing_ok=True)
    refused = audience("accept", "--day", DAY, "--reason", reason)
    assert refused.returncode == 2
    assert not fresh_home.ledger.exists()


def test_a_plausible_day_states_nothing(released_home: Home) -> None:
    for path in released_home.exports.glob("*/*/certificate.json"):
        assert "released_although_implausible" not in json.loads(path.read_text())
    for entry in Ledger.open(released_home.ledger).releases():
        assert "acceptance" not in entry.body


@pytest.mark.slow
def test_an_acceptance_is_about_one_delivery(
    fresh_home: Home, profiles: Path, audience: Audience
) -> None:
    """The same mistake in other files is held again; right files need no acceptance."""
    run = ("run", "--from", DAY, "--to", DAY)
    assert audience(*run).returncode == 4
    assert audience("accept", "--day", DAY, "--reason", "It is right.").returncode == 0
    extra = profiles / "profiles-02.csv"
    extra.write_text("user_id,registered_at\nu-new,2024-01-01T00:00:00+07:00\n")
    assert audience(*run).returncode == 4
    shutil.rmtree(profiles)
    shutil.copytree(fresh_home.root.parent / "right", profiles)
    assert audience(*run).returncode == 0


def test_only_a_held_day_can_be_accepted(released_home: Home, audience: Audience) -> None:
    refused = audience("accept", "--day", DAY, "--reason", "It is right.")
    assert refused.returncode == 2
    assert "plausible" in refused.stderr


@pytest.mark.parametrize("of", ["profiles", "people"])
def test_rows_are_named_where_they_are_known(released_home: Home, of: str) -> None:
    """Five of each file at most, by the warnings of intake, whatever the measure counts."""
    day = Period.from_id(DAY).end
    entry = journal.read(released_home, "intake", day)
    assert entry is not None
    known = [one for one in entry.facts["warnings"] if one["code"] == "gender_not_mapped"]
    assert known
    deviation = Deviation(f"{of}: gender_not_mapped", "9%", "0%", "5", "gender in raw/profiles")
    found = causes(released_home, day, deviation)
    assert [(one.file, one.column) for one in found] == [(one["file"], "gender") for one in known]
    assert [one.rows for one in found] == [tuple(one["rows"][:5]) for one in known]
    said = explained(released_home, day, [deviation])
    assert f"{known[0]['file']}, column gender: for example row {known[0]['rows'][0]}" in said


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (AcceptanceState(1), "release it with: audience accept"),
        (AcceptanceState(2, logins=1), "the roles in force name 1: name another login under roles"),
        (AcceptanceState(2, logins=2), "two logins with the role"),
    ],
)
def test_the_next_step_is_one_that_can_be_taken(
    released_home: Home, state: AcceptanceState, words: str
) -> None:
    assert words in next_step(released_home, Period.from_id(DAY).end, state)
