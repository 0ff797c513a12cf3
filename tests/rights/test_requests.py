"""How far requests have come: open, due, overdue or done, as of a clock that is passed in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anonymizer.intake.objection_review import ReadRequest
from anonymizer.intake.objections import RowPlace, Treatment
from anonymizer.model.errors import ConfigurationError
from anonymizer.release.ledger import RELEASE, Ledger
from anonymizer.release.public_ledger import read_public_ledger
from anonymizer.rights.erasure import ERASURE
from anonymizer.rights.requests import (
    Answer,
    RequestState,
    record_done,
    record_taken,
    states,
    unmatched,
)
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

SECRET = Secret(bytes(range(32)))
MADE = datetime(2026, 11, 20, 3, tzinfo=UTC)
RUN = MADE + timedelta(hours=30)
NO_TREATMENTS: dict[RowPlace, Treatment] = {}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def request(kind: str, row: int = 1, made: datetime | None = MADE) -> ReadRequest:
    place = RowPlace("a" * 64, row)
    return ReadRequest("requests/r.csv", place, kind, made, kind.encode() + bytes([row]))


def ledger_of(home: Home) -> Ledger:
    return Ledger.open(home.ledger)


def take(home: Home, *matched: ReadRequest, lost: tuple[ReadRequest, ...] = ()) -> None:
    taken = {one.request_key: True for one in matched} | {one.request_key: False for one in lost}
    record_taken(home, ledger_of(home), SECRET, taken)


def erase(home: Home, *requests: ReadRequest) -> None:
    marks = [one.request_key.hex() for one in requests]
    ledger_of(home).append(ERASURE, f"proof {marks[0]}", None, {"requests": marks})


def state_of(
    home: Home, one: ReadRequest, treatments: dict[RowPlace, Treatment] = NO_TREATMENTS
) -> RequestState:
    (state,) = states([one], ledger_of(home), treatments)
    return state


@pytest.mark.parametrize("kind", ["access", "correct", "erase", "withdraw", "unread"])
@pytest.mark.parametrize(
    ("hours", "status"),
    [(0, "open"), (47.9, "open"), (48, "due soon"), (71.9, "due soon"), (72, "overdue")],
)
def test_a_request_has_three_days_and_a_warning_comes_one_before(
    kind: str, hours: float, status: str, home: Home
) -> None:
    state = state_of(home, request(kind))
    assert state.answer_by == datetime(2026, 11, 23, 3, tzinfo=UTC)
    assert state.status(MADE + timedelta(hours=hours)) == status
    assert state.name == "requests/r.csv:1"


def test_a_request_without_a_time_is_due_at_once(home: Home) -> None:
    assert state_of(home, request("erase", made=None)).status(MADE) == "overdue"


def test_a_withdrawal_is_done_when_a_run_has_taken_it_in(home: Home) -> None:
    take(home, request("withdraw"), request("erase"), request("unread"))
    state = state_of(home, request("withdraw"))
    assert (state.status(RUN), state.matched) == ("done", True)
    for kind in ("erase", "unread"):
        assert state_of(home, request(kind)).done is None


def test_an_erasure_is_done_with_its_proof(home: Home) -> None:
    take(home, request("erase"))
    erase(home, request("erase"))
    state = state_of(home, request("erase"))
    assert state.done is not None
    assert state.matched is True


def test_an_objection_that_matches_no_one_stays_open(home: Home) -> None:
    lost = (request("erase"), request("withdraw", 2))
    take(home, lost=lost)
    erase(home, lost[0])
    late = MADE + timedelta(days=9)
    assert [state_of(home, one).status(late) for one in lost] == ["overdue", "overdue"]
    assert [state_of(home, one).matched for one in lost] == [False, False]
    taken = {one.request_key: False for one in lost}
    assert unmatched(taken, ledger_of(home)) == 2
    take(home, lost[0])  # the profile has come
    assert state_of(home, lost[0]).status(late) == "done"
    answer = Answer(lost[1], "The sender was asked; the id was of another service.", "dewi", RUN)
    record_done(home, ledger_of(home), SECRET, answer)
    assert state_of(home, lost[1]).done == RUN
    assert unmatched(taken, ledger_of(home)) == 0


def test_an_erasure_of_before_the_record_is_done_although_its_profile_is_gone(home: Home) -> None:
    erase(home, request("erase"))
    take(home, lost=(request("erase"),))
    assert state_of(home, request("erase")).done is not None
    assert unmatched({request("erase").request_key: False}, ledger_of(home)) == 0


@pytest.mark.parametrize("kind", ["access", "correct", "unread"])
def test_others_are_done_when_somebody_says_so(kind: str, home: Home) -> None:
    answer = Answer(request(kind), "Answered by letter.", "dewi", RUN)
    record_done(home, ledger_of(home), SECRET, answer)
    assert state_of(home, request(kind)).done == RUN
    (entry,) = ledger_of(home).entries()
    assert (entry.body["by"], entry.body["reason"]) == ("dewi", "Answered by letter.")
    with pytest.raises(ConfigurationError, match="--reason"):
        record_done(home, ledger_of(home), SECRET, replace(answer, reason="ann@mail.example"))


def test_the_first_release_is_the_one_after_the_request_was_taken_in(home: Home) -> None:
    ledger_of(home).append(RELEASE, "campaign-day-2026-11-19", {"figures": 1})
    take(home, request("withdraw"))
    assert state_of(home, request("withdraw")).first_release == ""
    for day in ("2026-11-20", "2026-11-21"):
        ledger_of(home).append(RELEASE, f"campaign-day-{day}", {"figures": 1})
    assert state_of(home, request("withdraw")).first_release == "campaign-day-2026-11-20"


def test_what_is_known_is_not_recorded_again_and_nothing_of_it_is_public(home: Home) -> None:
    for _ in range(2):
        take(home, request("withdraw"), lost=(request("erase"),))
    assert len(ledger_of(home).entries()) == 1
    take(home, request("withdraw"), request("erase"))
    assert len(ledger_of(home).entries()) == 2
    shown = home.public_ledger.read_text("utf-8")
    assert len(read_public_ledger(home.public_ledger)) == 2
    assert request("withdraw").request_key.hex() not in shown
    assert "requests_taken" not in shown


def test_the_same_runs_give_the_same_chain(home: Home, tmp_path: Path) -> None:
    homes = (home, Home(tmp_path / "other"))
    for place in homes:
        take(place, request("withdraw"), lost=(request("erase"),))
    assert len({ledger_of(place).entries()[-1].hash for place in homes}) == 1


def test_an_unread_request_is_what_was_decided(home: Home) -> None:
    take(home, request("unread"))
    place = request("unread").place
    assert state_of(home, request("unread"), {place: "withdraw"}).done is not None
    assert state_of(home, request("unread"), {place: "access"}).kind == "access"
    assert states([request("unread")], ledger_of(home), {place: "ignored"}) == ()


def test_a_request_in_two_files_is_one_and_the_earliest_due_comes_first(home: Home) -> None:
    again = replace(request("access", 2), file="requests/s.csv")
    later = request("correct", 3, MADE + timedelta(days=1))
    undated = request("access", 4, None)
    found = states([undated, later, request("access", 2), again], ledger_of(home), NO_TREATMENTS)
    assert [state.name for state in found] == [
        "requests/r.csv:4",
        "requests/r.csv:2",
        "requests/r.csv:3",
    ]
