"""Decisions about rows that cannot be read: who, when, why; in the ledger, and what they refuse."""

import json
import os
import pwd
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from anonymizer.intake.objections import RowPlace, UnreadRow
from anonymizer.model.errors import ConfigurationError
from anonymizer.release.ledger import Ledger
from anonymizer.release.public_ledger import read_public_ledger
from anonymizer.rights.decisions import DECISION, Decision, decisions, treatments
from anonymizer.rights.rights import decide_unread
from anonymizer.storage.home import Home
from anonymizer.storage.permissions import account_name
from anonymizer.storage.secret import Secret

SECRET = Secret(bytes(range(32)))
NOW = datetime(2026, 11, 22, 10, tzinfo=timezone(timedelta(hours=7)))
KNOWN = UnreadRow(
    "requests", "requests/r.csv", RowPlace("a" * 64, 3), "kind", "not_in_domain", person_known=True
)
NOBODY = replace(KNOWN, place=RowPlace("a" * 64, 4), column="user_id", person_known=False)
CONSENT = replace(KNOWN, table="consents", file="consents/c.csv")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def decision(row: UnreadRow, **changes: object) -> Decision:
    made = Decision(row.place, "erase", "The letter says delete.", "dewi", NOW)
    return replace(made, **changes)  # type: ignore[arg-type]


def ledger_of(home: Home) -> Ledger:
    return Ledger.open(home.ledger)


def test_the_ledger_says_who_decided_what_when_and_why(home: Home) -> None:
    decide_unread(home, ledger_of(home), SECRET, KNOWN, decision(KNOWN))
    (entry,) = ledger_of(home).entries()
    assert entry.kind == DECISION
    told = {name: entry.body[name] for name in entry.body if name != "salt"}
    assert told == {
        "table": "requests",
        "file": "requests/r.csv",
        "file_sha256": "a" * 64,
        "row_number": 3,
        "column": "kind",
        "fault": "not_in_domain",
        "treated_as": "erase",
        "reason": "The letter says delete.",
        "decided_by": "dewi",
        "decided_at": "2026-11-22T03:00:00+00:00",
        "request_id": "",
    }
    assert treatments(ledger_of(home)) == {KNOWN.place: "erase"}


def test_nothing_of_a_decision_is_public(home: Home) -> None:
    decide_unread(home, ledger_of(home), SECRET, KNOWN, decision(KNOWN))
    (link,) = read_public_ledger(home.public_ledger)
    shown = home.public_ledger.read_text("utf-8")
    assert link.sequence == 1
    for private in ("requests", "letter", "dewi", "erase", "a" * 64):
        assert private not in shown


def test_the_last_decision_applies_and_all_of_them_stay(home: Home) -> None:
    for treatment in ("erase", "ignored", "withdraw"):
        decide_unread(home, ledger_of(home), SECRET, KNOWN, decision(KNOWN, treatment=treatment))
    assert treatments(ledger_of(home)) == {KNOWN.place: "withdraw"}
    history = [entry.body["treated_as"] for entry in ledger_of(home).entries()]
    assert history == ["erase", "ignored", "withdraw"]


def test_for_a_person_who_is_named_a_request_is_filed_and_the_ledger_names_it(home: Home) -> None:
    kept = decide_unread(home, ledger_of(home), SECRET, NOBODY, decision(NOBODY), user="u0007")
    (path,) = (home.raw / "requests").iterdir()
    row = json.loads(path.read_text("utf-8"))
    assert (row["user_id"], row["kind"], row["request_id"]) == ("u0007", "erase", kept.request_id)
    (entry,) = ledger_of(home).entries()
    assert entry.body["request_id"] == kept.request_id
    assert "u0007" not in json.dumps(dict(entry.body))


@pytest.mark.parametrize(
    ("row", "treatment", "user", "problem"),
    [
        (NOBODY, "erase", None, "the user id cannot be read"),
        (NOBODY, "access", None, "name the person with --user, or decide `ignored`"),
        (KNOWN, "erase", "u7", "--user: the row has one"),
        (NOBODY, "ignored", "u7", "--user: nothing is filed for an ignored row"),
        (CONSENT, "withdraw", None, "already counts as a refusal"),
        (CONSENT, "erase", None, "audience rights withdraw"),
        (NOBODY, "erase", " unknown", "--user: this is a blank or a placeholder"),
    ],
)
def test_what_a_row_cannot_count_as_is_refused_and_nothing_is_written(
    row: UnreadRow, treatment: str, user: str | None, problem: str, home: Home
) -> None:
    with pytest.raises(ConfigurationError, match=problem) as caught:
        decide_unread(home, ledger_of(home), SECRET, row, decision(row, treatment=treatment), user)
    assert "u7" not in str(caught.value)
    assert list(home.root.rglob("*.jsonl")) == []
    assert ledger_of(home).entries() == ()


@pytest.mark.parametrize("reason", ["", "  ", "x" * 301, "two\nlines", "ann@mail.example said so",
                                    "call 0812 3456 7890"])  # fmt: skip
def test_a_reason_is_a_sentence_that_names_nobody(reason: str, home: Home) -> None:
    with pytest.raises(ConfigurationError, match="--reason"):
        decide_unread(home, ledger_of(home), SECRET, NOBODY, decision(NOBODY, reason=reason), "u7")
    assert not (home.raw / "requests").exists()


def test_a_consent_can_be_ignored(home: Home) -> None:
    decide_unread(home, ledger_of(home), SECRET, CONSENT, decision(CONSENT, treatment="ignored"))
    found = decisions(ledger_of(home))[CONSENT.place]
    assert (found.treatment, found.at) == ("ignored", NOW.astimezone(UTC))


def test_the_login_is_what_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert account_name() == pwd.getpwuid(os.getuid()).pw_name
