"""A release of an accepted day: its certificates say so, and anyone can compare with the ledger."""

import json
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from unittest import mock

import pytest
from release_world import SECRET

from anonymizer.exports.certificate import ACCEPTED, CONTAINED, certificate_bytes
from anonymizer.exports.verification import _unfit_certificates, verify_links
from anonymizer.model.errors import ConfigurationError, Held, LedgerBroken
from anonymizer.model.roles import Roles
from anonymizer.release import acceptances
from anonymizer.release.acceptances import (
    ACCEPTANCE,
    ACCEPTED_DAYS,
    FIRST_ACCEPTANCE,
    RELEASED_UNDER,
    Acceptance,
    AcceptanceState,
    acceptance_state,
    acceptance_subject,
    acceptances_of,
    accepted_of,
    record_acceptance,
    role_that_accepts,
    statement_of,
)
from anonymizer.release.corrections import Who
from anonymizer.release.ledger import RELEASE, Ledger
from anonymizer.release.public_ledger import PublicLedger, write_public_ledger
from anonymizer.release.release import Release
from anonymizer.storage.files import canonical_json
from anonymizer.storage.home import Home

DAY = date(2026, 11, 1)
INPUTS = {"visits/a.csv": "0" * 64, "visits/b.csv": "1" * 64}
ACCEPTED_DAY = Acceptance(("visits of the day",), "A holiday.", "privacy_officer", DAY)
ALONE = Who(Roles(), "canary-login")  # in a home without roles
ROLES = Roles({"privacy_officer": ("ratna", "sari"), "data_engineer": ("budi",), "ad_ops": ("x",)})


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
    record_acceptance(home, ledger, SECRET, subject, ACCEPTED_DAY, ALONE)
    again = replace(ACCEPTED_DAY, reason="Another reason.")
    record_acceptance(home, ledger, SECRET, subject, again, ALONE)
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


def by(
    home: Home, login: str, role: str, *, roles: Roles = ROLES, accepted: Acceptance = ACCEPTED_DAY
) -> AcceptanceState:
    """A login accepts the day; how far it is accepted then."""
    who, subject = Who(roles, login), acceptance_subject(DAY, INPUTS)
    one = replace(accepted, role=role, reason=f"Said by a {role}.")
    return record_acceptance(home, Ledger.open(home.ledger), SECRET, subject, one, who)


def kinds(home: Home) -> list[str]:
    return [entry.kind for entry in Ledger.open(home.ledger).entries()]


def test_with_roles_two_logins_accept_a_day_and_the_first_releases_nothing(home: Home) -> None:
    first = by(home, "budi", "data_engineer")
    assert (first.is_complete, first.given, first.needed) == (False, 1, 2)
    ledger, subject = Ledger.open(home.ledger), acceptance_subject(DAY, INPUTS)
    assert ledger.find(ACCEPTANCE, subject) is None
    assert accepted_of(ledger, {DAY: INPUTS}) == ()
    second = by(home, "ratna", "privacy_officer")
    assert (second.is_complete, second.given) == (True, 2)
    assert kinds(home) == [FIRST_ACCEPTANCE, ACCEPTANCE]
    entries = Ledger.open(home.ledger).entries()
    assert entries[1].body["first"] == 1
    assert [one["role"] for one in acceptances_of(entries[1], entries)] == [
        "data_engineer",
        "privacy_officer",
    ]
    assert [entry.body["by"] for entry in entries] == ["budi", "ratna"]
    public = home.public_ledger.read_text()
    assert "ratna" not in public
    assert "budi" not in public
    assert entries[0].body["salt"] != entries[1].body["salt"]
    by(home, "sari", "privacy_officer")
    assert len(kinds(home)) == 2, "what is complete stands"
    stated = statement_of({RELEASED_UNDER: subject}, [entry.link for entry in entries])
    assert stated == {
        "measures": ["visits of the day"],
        "role": "privacy_officer",
        "accepted_on": "2026-11-01",
        "reason": "Said by a privacy_officer.",
        "first": {
            "role": "data_engineer",
            "accepted_on": "2026-11-01",
            "reason": "Said by a data_engineer.",
        },
        "in_words": "Released although implausible: visits of the day; accepted by role "
        "data_engineer on 2026-11-01, reason: Said by a data_engineer.; and accepted by role "
        "privacy_officer on 2026-11-01, reason: Said by a privacy_officer.",
    }
    with pytest.raises(KeyError):
        statement_of({RELEASED_UNDER: subject}, [entries[1].link])


def test_the_same_login_does_not_accept_twice_in_whatever_role(home: Home) -> None:
    by(home, "budi", "data_engineer")
    with pytest.raises(ConfigurationError, match="this login has accepted the day"):
        by(home, "budi", "privacy_officer")
    assert kinds(home) == [FIRST_ACCEPTANCE]


def test_the_first_one_counts_for_the_same_files_and_measures_alone(home: Home) -> None:
    by(home, "budi", "data_engineer")
    entries = Ledger.open(home.ledger).entries()
    other = acceptance_subject(DAY, {**INPUTS, "visits/b.csv": "2" * 64})
    assert acceptance_state(entries, ROLES, other, ACCEPTED_DAY.measures).given == 0
    next_day = acceptance_subject(date(2026, 11, 2), INPUTS)
    assert acceptance_state(entries, ROLES, next_day, ACCEPTED_DAY.measures).given == 0
    more = replace(ACCEPTED_DAY, measures=("people", *ACCEPTED_DAY.measures))
    assert by(home, "ratna", "privacy_officer", accepted=more).given == 1
    assert kinds(home) == [FIRST_ACCEPTANCE] * 2
    assert by(home, "budi", "data_engineer", accepted=more).is_complete


def test_a_first_one_counts_while_its_login_has_a_role_that_may(home: Home) -> None:
    by(home, "budi", "data_engineer")
    without = Roles({"privacy_officer": ("ratna", "sari"), "ad_ops": ("budi",)})
    assert not by(home, "ratna", "privacy_officer", roles=without).is_complete
    # The role is given back: each of both has accepted, and either completes it.
    assert by(home, "budi", "data_engineer").is_complete
    assert Ledger.open(home.ledger).entries()[-1].body["first"] == 2


@pytest.mark.parametrize("killed", ["first", "second"])
def test_a_process_that_is_killed_after_it_recorded_loses_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch, killed: str
) -> None:
    """The entry is in the ledger, the public part is one behind."""
    if killed == "second":
        by(home, "budi", "data_engineer")
    with monkeypatch.context() as patched:
        patched.setattr(acceptances, "write_public_ledger", mock.Mock(side_effect=SystemExit))
        with pytest.raises(SystemExit):
            by(home, *(("budi", "data_engineer") if killed == "first" else ("sari", "ad_ops")))
    if killed == "first":
        with pytest.raises(ConfigurationError, match="this login has accepted the day"):
            by(home, "budi", "data_engineer")
    assert by(home, "ratna", "privacy_officer").is_complete
    assert kinds(home) == [FIRST_ACCEPTANCE, ACCEPTANCE]
    write_public_ledger(Ledger.open(home.ledger), home)  # as the next run does
    assert len(PublicLedger(home.public_ledger).entries()) == 2


def test_what_one_login_accepted_before_there_were_roles_stands(home: Home) -> None:
    """Also what earlier versions recorded: their entries name no first one."""
    home.root.mkdir()
    subject, ledger = acceptance_subject(DAY, INPUTS), Ledger.open(home.ledger)
    short = subject[: len("2026-11-01 ") + 16]
    public = {"reason": "A holiday.", "measures": ["visits"]}
    ledger.append(ACCEPTANCE, short, public, {"by": "budi"})
    (entry,) = ledger.entries()
    assert acceptance_state([entry], ROLES, subject, ["visits"]).subject == short
    assert not acceptance_state([entry], ROLES, subject, ["visits", "people"]).is_complete
    other = acceptance_subject(date(2026, 11, 2), INPUTS)
    assert not acceptance_state([entry], ROLES, other, ["visits"]).is_complete
    assert accepted_of(ledger, {DAY: INPUTS}) == (short,)
    stated = statement_of({RELEASED_UNDER: short}, [entry.link])
    assert stated is not None
    assert stated["in_words"].endswith("; accepted, reason: A holiday.")
    assert set(stated) == {"measures", "role", "accepted_on", "reason", "in_words"}


def test_a_complete_one_counts_for_its_measures_and_there_can_be_another(home: Home) -> None:
    """Where more is odd later, by other limits or another history, both accept once more."""
    subject = acceptance_subject(DAY, INPUTS)
    assert subject.split()[1] == sha256(canonical_json(INPUTS).encode()).hexdigest()
    more = replace(ACCEPTED_DAY, measures=("people", *ACCEPTED_DAY.measures))
    by(home, "budi", "data_engineer")
    assert by(home, "ratna", "privacy_officer").subject == subject
    assert not acceptance_state(
        Ledger.open(home.ledger).entries(), ROLES, subject, more.measures
    ).is_complete
    assert not by(home, "ratna", "privacy_officer", accepted=more).is_complete
    second = by(home, "budi", "data_engineer", accepted=more)
    assert second.subject == f"{subject} 4"
    assert kinds(home) == [FIRST_ACCEPTANCE, ACCEPTANCE] * 2
    ledger = Ledger.open(home.ledger)
    for fewer in (["people"], ["visits of the day"], list(more.measures)):
        assert acceptance_state(ledger.entries(), ROLES, subject, fewer).is_complete
    assert accepted_of(ledger, {DAY: INPUTS}) == (second.subject,)
    links = [entry.link for entry in ledger.entries()]
    for name, measures in ((subject, ACCEPTED_DAY.measures), (second.subject, more.measures)):
        stated = statement_of({RELEASED_UNDER: name}, links)
        assert stated is not None
        assert stated["measures"] == list(measures)


@pytest.mark.parametrize("fault", ["", "day", "files", "later", "login", "measures", "nobody"])
def test_a_pair_that_is_none_breaks_the_ledger(home: Home, tmp_path: Path, fault: str) -> None:
    """For `verify` by what is public; for who reads the ledger the logins differ, too."""
    home.root.mkdir()
    subject, ledger = acceptance_subject(DAY, INPUTS), Ledger.open(home.ledger)
    about = {
        "day": acceptance_subject(date(2026, 11, 2), INPUTS),
        "files": acceptance_subject(DAY, {}),
    }.get(fault, subject)
    body = {"reason": "A holiday.", "role": "data_engineer", "accepted_on": "2026-11-01"}
    odd, others = {**body, "measures": ["visits"]}, {**body, "measures": ["people"]}
    number = {"later": 2, "nobody": 7}.get(fault, 1)
    last = (ACCEPTANCE, subject, {**odd, "first": number}, {"by": "ratna"})
    first = (
        FIRST_ACCEPTANCE,
        f"{about} 1",
        others if fault == "measures" else odd,
        {"by": "ratna" if fault == "login" else "budi"},
    )
    for one in (last, first) if fault == "later" else (first, last):
        ledger.append(*one)
    release = {"files": {"figures.parquet": "0" * 64}, RELEASED_UNDER: subject}
    ledger.append(RELEASE, "campaign-day-2026-11-01", release)
    entries = ledger.entries()
    accepted = next(entry for entry in entries if entry.kind == ACCEPTANCE)
    if not fault:
        assert len(acceptances_of(accepted, entries)) == 2
        assert acceptance_state(entries, ROLES, subject, ["visits"]).is_complete
        with pytest.raises(Held):  # the file is missing, the chain holds
            verify_links(tmp_path, [entry.link for entry in entries])
        return
    with pytest.raises(LedgerBroken, match="that two logins did not give"):
        acceptances_of(accepted, entries)
    with pytest.raises(LedgerBroken):
        acceptance_state(entries, ROLES, subject, ["visits"])
    if fault != "login":
        with pytest.raises(LedgerBroken):
            verify_links(tmp_path, [entry.link for entry in entries])


@pytest.mark.parametrize("reason", ["", "x" * 301, "a\nb", "a\x07b", "ask anna@example.com"])
def test_an_unfit_reason_is_not_recorded(home: Home, reason: str) -> None:
    ledger = Ledger.open(home.ledger)
    with pytest.raises(ConfigurationError, match="--reason"):
        record_acceptance(home, ledger, SECRET, "x", replace(ACCEPTED_DAY, reason=reason), ALONE)
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
        record_acceptance(home, ledger, SECRET, subject, ACCEPTED_DAY, ALONE)
    record_acceptance(
        home, ledger, SECRET, acceptance_subject(date(2026, 11, 2), INPUTS), ACCEPTED_DAY, ALONE
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
