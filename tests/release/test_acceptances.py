"""A release of an accepted day: its certificates say so, and anyone can compare with the ledger."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from release_world import SECRET

from anonymizer.exports.certificate import ACCEPTED, CONTAINED, certificate_bytes
from anonymizer.exports.verification import _unfit_certificates
from anonymizer.model.errors import ConfigurationError
from anonymizer.model.roles import Roles
from anonymizer.release.acceptances import (
    ACCEPTANCE,
    ACCEPTED_DAYS,
    RELEASED_UNDER,
    Acceptance,
    acceptance_subject,
    accepted_of,
    record_acceptance,
    role_that_accepts,
    statement_of,
)
from anonymizer.release.ledger import Ledger
from anonymizer.release.release import Release
from anonymizer.storage.home import Home

DAY = date(2026, 11, 1)
INPUTS = {"visits/a.csv": "0" * 64, "visits/b.csv": "1" * 64}
ACCEPTED_DAY = Acceptance(("visits of the day",), "A holiday.", "privacy_officer", DAY)


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        ({}, ""),
        ({"ad_ops": ()}, ""),
        ({"data_engineer": ("budi",)}, "data_engineer"),
        ({"privacy_officer": ("budi",), "data_engineer": ("budi",)}, "privacy_officer"),
    ],
)
def test_the_role_in_which_a_login_accepts(roles: dict[str, tuple[str, ...]], role: str) -> None:
    assert role_that_accepts(Roles(roles), "budi") == role  # type: ignore[arg-type]


@pytest.mark.parametrize("roles", [{"ad_ops": ("budi",)}, {"privacy_officer": ("ratna",)}])
def test_a_login_without_such_a_role_is_refused(roles: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ConfigurationError, match=r"roles\.privacy_officer or roles\.data_engin"):
        role_that_accepts(Roles(roles), "budi")  # type: ignore[arg-type]


def test_an_acceptance_is_of_a_day_and_its_files() -> None:
    subject = acceptance_subject(DAY, INPUTS)
    assert subject == acceptance_subject(DAY, dict(reversed(INPUTS.items())))
    assert subject.startswith("2026-11-01 ")
    assert subject != acceptance_subject(DAY, {**INPUTS, "visits/b.csv": "2" * 64})


def test_what_a_certificate_states_is_public_and_the_login_is_not(home: Home) -> None:
    ledger, subject = Ledger.open(home.ledger), acceptance_subject(DAY, INPUTS)
    record_acceptance(home, ledger, SECRET, subject, ACCEPTED_DAY, "canary-login")
    again = replace(ACCEPTED_DAY, reason="Another reason.")
    record_acceptance(home, ledger, SECRET, subject, again, "canary-login")
    (entry,) = [entry for entry in ledger.entries() if entry.kind == ACCEPTANCE]
    stated = statement_of({RELEASED_UNDER: subject}, [entry.link])
    assert stated == {
        "measures": ["visits of the day"],
        "role": "privacy_officer",
        "accepted_on": "2026-11-01",
        "reason": "A holiday.",
        "in_words": "Released although implausible: visits of the day; accepted by role "
        "privacy_officer on 2026-11-01, reason: A holiday.",
    }
    assert "canary-login" not in home.public_ledger.read_text()
    assert entry.body["by"] == "canary-login"
    assert statement_of({}, [entry.link]) is None
    with pytest.raises(KeyError):
        statement_of({RELEASED_UNDER: "2026-11-02 0"}, [entry.link])


@pytest.mark.parametrize("reason", ["", "x" * 301, "a\nb", "a\x07b", "ask anna@example.com"])
def test_an_unfit_reason_is_not_recorded(home: Home, reason: str) -> None:
    ledger = Ledger.open(home.ledger)
    with pytest.raises(ConfigurationError, match="--reason"):
        record_acceptance(home, ledger, SECRET, "x", replace(ACCEPTED_DAY, reason=reason), "budi")
    assert not [entry for entry in ledger.entries() if entry.kind == ACCEPTANCE]


@pytest.mark.parametrize("stated", [None, {"reason": "A holiday."}, {"reason": "Another."}])
def test_a_certificate_that_states_something_else_is_a_fault(
    released: Release, home: Home, tmp_path: Path, stated: dict[str, str] | None
) -> None:
    entry = Ledger.open(home.ledger).releases()[0]
    folder = tmp_path / "exports" / "adv" / released.id
    folder.mkdir(parents=True)
    content = certificate_bytes(released, entry, "adv", folder, SECRET, accepted=stated)
    (folder / "certificate.json").write_bytes(content)
    assert json.loads(content).get(ACCEPTED) == stated
    for expected in (None, {"reason": "A holiday."}):
        faults = list(_unfit_certificates(tmp_path, {released.id: expected}))
        assert bool(faults) == (stated != expected)


def test_a_longer_period_states_each_accepted_day_that_it_contains(
    released: Release, home: Home, tmp_path: Path
) -> None:
    """By the files that the days were taken in from; from public parts alone."""
    ledger, other = Ledger.open(home.ledger), date(2026, 11, 3)
    taken = {day: {f"visits/day={day}/a.csv": "0" * 64} for day in (DAY, date(2026, 11, 2), other)}
    for day in (other, DAY):
        subject = acceptance_subject(day, taken[day])
        record_acceptance(home, ledger, SECRET, subject, ACCEPTED_DAY, "canary-login")
    record_acceptance(
        home, ledger, SECRET, acceptance_subject(date(2026, 11, 2), INPUTS), ACCEPTED_DAY, "x"
    )
    subjects = accepted_of(ledger, taken)
    assert subjects == tuple(acceptance_subject(day, taken[day]) for day in (DAY, other))
    links = [entry.link for entry in ledger.entries()]
    stated = statement_of({ACCEPTED_DAYS: list(subjects)}, links)
    assert stated is not None
    assert list(stated["days"]) == ["2026-11-01", "2026-11-03"]
    assert stated["days"]["2026-11-03"]["role"] == "privacy_officer"
    said = "which was released although implausible: visits of the day; accepted by role"
    assert stated["in_words"].count(said) == 2
    assert "canary-login" not in str(stated)

    entry = ledger.releases()[0]
    folder = tmp_path / "exports" / "adv" / released.id
    folder.mkdir(parents=True)
    content = certificate_bytes(released, entry, "adv", folder, SECRET, accepted=stated)
    (folder / "certificate.json").write_bytes(content)
    assert json.loads(content)[CONTAINED] == stated
    assert ACCEPTED not in json.loads(content)
    one_less = statement_of({ACCEPTED_DAYS: list(subjects[:1])}, links)
    for expected in (stated, one_less, None, stated["days"]["2026-11-01"]):
        faults = list(_unfit_certificates(tmp_path, {released.id: expected}))
        assert bool(faults) == (expected != stated)
