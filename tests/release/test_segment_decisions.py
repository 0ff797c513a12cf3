"""Requested segments: two logins approve, one rejects; segments.yaml changes once both have."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from two_logins import ENGINEER, OFFICER, OTHER, ROLES

from anonymizer.exports.segment_states import published_states
from anonymizer.model.composed_segments import ComposedSegment
from anonymizer.model.configuration import parse
from anonymizer.model.errors import ConfigurationError, Held, NoSpace
from anonymizer.model.named_texts import with_named_segments
from anonymizer.model.policy import Policy
from anonymizer.model.request_state import SegmentState
from anonymizer.model.segments import Catalogue, SegmentSettings, load_catalogue
from anonymizer.release.corrections import Who
from anonymizer.release.ledger import RELEASE, Entry, Ledger
from anonymizer.release.segment_decisions import (
    approve_segment,
    reject_segment,
    requested_texts,
    segment_states,
    segments_added,
)
from anonymizer.release.settings import revisions
from anonymizer.release.settings_change import (
    RequestedSettings,
    approve_settings,
    record_settings,
    settings_change,
)
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from cli.commands.init import create_home

pytestmark = pytest.mark.alternate("requested segments")

SEGMENT = ComposedSegment.parse("female:25-29+45-49:31.71+32.73", "here")
CODE = "women_25_29_or_45_49_in_2_region"  # and a mark
REQUEST, WHY = "0123456789ab", "Several advertisers need it."
SECOND = ComposedSegment.parse("male:60-64+70-74:all", "here")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The default settings with an officer and an engineer, recorded, and a day released."""
    home = create_home(Home(tmp_path / "home"))
    text = home.policy.read_text(encoding="utf-8").replace("roles: {}", ROLES)
    home.policy.write_text(text, encoding="utf-8")
    run(home)
    ledger_of(home).append(
        RELEASE, "campaign-day-2026-11-17", {"period": "2026-11-17", "files": {}}
    )
    return home


def ledger_of(home: Home) -> Ledger:
    return Ledger.open(home.ledger)


def secret_of(home: Home) -> Secret:
    return Secret.load(home.secret)


def run(home: Home) -> None:
    """What every run begins with."""
    record_settings(home, ledger_of(home), secret_of(home))


def who(home: Home, login: str) -> Who:
    return Who(Policy.load(home.policy).roles, login)


def approve(
    home: Home,
    login: str,
    request: str = REQUEST,
    segment: ComposedSegment = SEGMENT,
    reason: str = WHY,
) -> bool:
    change = approve_segment(
        home, ledger_of(home), secret_of(home), who(home, login), request, segment, reason
    )
    return change.takes_effect


def reject(home: Home, login: str = OFFICER, reason: str = WHY) -> None:
    reject_segment(home, ledger_of(home), secret_of(home), who(home, login), REQUEST, reason)


def state(home: Home, request: str = REQUEST) -> SegmentState:
    """The same by the whole ledger as by its public part."""
    found = segment_states(ledger_of(home).entries()).get(request, SegmentState())
    assert published_states(home).get(request, SegmentState()) == found
    return found


def named(home: Home) -> list[str]:
    return [segment.id for segment in load_catalogue(home.segments).named.values()]


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(ConfigurationError) as error:
        act()
    return str(error.value)


def entries(home: Home, kind: str) -> list[Entry]:
    return [entry for entry in ledger_of(home).entries() if entry.kind == kind]


def test_two_approvals_put_it_into_the_catalogue_of_the_next_period(home: Home) -> None:
    before = home.segments.read_text(encoding="utf-8")
    assert not approve(home, ENGINEER)
    assert state(home) == SegmentState("approved_once", (WHY,))
    assert home.segments.read_text(encoding="utf-8") == before
    run(home)  # no run is held, and none uses the approval up
    assert approve(home, OFFICER)
    assert state(home) == SegmentState("approved", (WHY, WHY), date(2026, 11, 18), is_recorded=True)
    after = home.segments.read_text(encoding="utf-8")
    comments = [line for line in before.splitlines() if "#" in line]
    assert [line for line in after.splitlines() if "#" in line] == comments
    (code,) = [one for one in named(home) if one.startswith(CODE)]
    assert named(home)[-1] == code
    first, second = revisions(ledger_of(home))
    assert len(second.meaning().catalogue) == len(first.meaning().catalogue) + 1
    settings = entries(home, "settings")[-1]
    approvals = entries(home, "settings_approval")
    assert settings.body["approvals"] == [entry.sequence for entry in approvals]
    assert [entry.body["by"] for entry in approvals] == [ENGINEER, OFFICER]
    run(home)
    assert len(revisions(ledger_of(home))) == 2


def test_the_public_ledger_names_neither_segment_nor_login(home: Home) -> None:
    approve(home, ENGINEER)
    approve(home, OFFICER)
    text = home.public_ledger.read_text(encoding="utf-8")
    assert REQUEST in text
    for hidden in (ENGINEER, OFFICER, str(SEGMENT), CODE):
        assert f'"{hidden}' not in text


def test_who_may_not_approve_settings_decides_nothing(home: Home) -> None:
    for act in (lambda: approve(home, OTHER), lambda: reject(home, OTHER)):
        assert "has no role that may approve" in refused(act)
    approve(home, OFFICER)
    assert "has approved these settings" in refused(lambda: approve(home, OFFICER))
    assert state(home).standing == "approved_once"


def test_a_rejection_is_for_good_and_voids_the_approval(home: Home) -> None:
    approve(home, ENGINEER)
    texts = requested_texts(home, ledger_of(home).entries(), SEGMENT)
    reject(home, reason="A larger segment serves as well.")
    assert state(home) == SegmentState("rejected", ("A larger segment serves as well.",))
    for act in (lambda: approve(home, OFFICER), lambda: reject(home)):
        assert f"the request {REQUEST} is rejected already" in refused(act)
    home.segments.write_text(texts.segments, encoding="utf-8")
    assert settings_change(home, ledger_of(home).entries()).approvers == ()
    with pytest.raises(Held, match="0 of 2 approvals"):
        run(home)


def test_what_a_run_records_in_between_voids_the_approval(home: Home) -> None:
    approve(home, ENGINEER)
    text = home.policy.read_text(encoding="utf-8")
    assert "\n  k: 50" in text
    home.policy.write_text(text.replace("\n  k: 50", "\n  k: 60"), encoding="utf-8")
    assert "has changes that the ledger has not recorded" in refused(lambda: approve(home, OFFICER))
    run(home)
    assert state(home) == SegmentState()
    assert not approve(home, OFFICER)
    assert state(home).standing == "approved_once"
    assert approve(home, ENGINEER)


def test_one_request_after_the_other(home: Home) -> None:
    approve(home, ENGINEER)
    approve(home, ENGINEER, "other", SECOND)
    assert approve(home, OFFICER)
    assert state(home, "other") == SegmentState()
    approve(home, OFFICER, "other", SECOND)
    assert approve(home, ENGINEER, "other", SECOND)
    assert named(home)[-1] == "men_60_64_or_70_74"
    assert "the catalogue has this segment already" in refused(
        lambda: approve(home, ENGINEER, "third", SECOND)
    )


def test_the_catalogue_says_since_when_it_has_a_segment(home: Home) -> None:
    before = home.segments.read_text(encoding="utf-8")
    known = ComposedSegment.parse("male:under_40:all", "here")
    unknown = ComposedSegment.parse("male:all:99.99", "here")
    for login in (ENGINEER, OFFICER):
        approve(home, login)
    asked = [SEGMENT, SECOND, known, unknown]
    found = segments_added(ledger_of(home).entries(), asked)
    assert found == {SEGMENT: date(2026, 11, 18), known: None}
    home.segments.write_text(before, encoding="utf-8")
    run(home)
    assert segments_added(ledger_of(home).entries(), asked) == {known: None}


def test_a_segment_that_was_removed_needs_two_approvals_again(home: Home) -> None:
    before = home.segments.read_text(encoding="utf-8")
    approve(home, ENGINEER)
    approve(home, OFFICER)
    after = home.segments.read_text(encoding="utf-8")
    home.segments.write_text(before, encoding="utf-8")
    run(home)
    home.segments.write_text(after, encoding="utf-8")
    with pytest.raises(Held, match="0 of 2 approvals"):
        run(home)


def approved_by_both(home: Home) -> RequestedSettings:
    """What a process leaves that is killed between the second approval and the file."""
    wanted = RequestedSettings(REQUEST, requested_texts(home, ledger_of(home).entries(), SEGMENT))
    for login in (ENGINEER, OFFICER):
        approve_settings(
            home, ledger_of(home), secret_of(home), who(home, login), WHY, requested=wanted
        )
    assert state(home).standing == "approved"
    assert state(home).public_standing == "approved_once", "readers see what cannot be taken back"
    return wanted


def is_completed(home: Home) -> bool:
    assert len(entries(home, "settings_approval")) == 2
    assert not entries(home, "safeguards")
    assert state(home).is_recorded
    assert state(home).public_standing == "approved"
    return named(home)[-1].startswith(CODE)


@pytest.mark.parametrize("is_in_the_file", [False, True])
@pytest.mark.parametrize("login", [OFFICER, ENGINEER, ""])
def test_a_killed_process_is_completed_by_the_next_approval_or_run(
    home: Home, login: str, is_in_the_file: bool
) -> None:
    wanted = approved_by_both(home)
    if is_in_the_file:
        home.segments.write_text(wanted.texts.segments, encoding="utf-8")
    else:
        comment = "# edited since\n"
        home.segments.write_text(comment + home.segments.read_text("utf-8"), encoding="utf-8")
    if login:
        assert approve(home, login)
    else:
        run(home)
    assert is_completed(home)
    assert is_in_the_file or home.segments.read_text("utf-8").startswith("# edited since\n")


def test_a_disk_that_is_full_at_the_second_approval_loses_neither(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(home, ENGINEER)
    with monkeypatch.context() as full:
        full.setattr("anonymizer.release.settings_change.write_bytes", no_space)
        with pytest.raises(NoSpace):
            approve(home, OFFICER)
    assert state(home).public_standing == "approved_once"
    run(home)
    assert is_completed(home)


def no_space(content: bytes, path: Path, **_: object) -> None:
    raise NoSpace(path.name, f"no room for {len(content)} bytes")


def test_another_request_waits_for_no_completion(home: Home) -> None:
    approved_by_both(home)
    assert not approve(home, ENGINEER, "other", SECOND)
    assert state(home).is_recorded
    assert state(home, "other").standing == "approved_once"
    assert approve(home, OFFICER, "other", SECOND)
    assert named(home)[-1] == "men_60_64_or_70_74"


@pytest.mark.parametrize("is_in_the_file", [False, True])
def test_what_both_have_approved_is_rejected_by_no_one(home: Home, is_in_the_file: bool) -> None:
    wanted = approved_by_both(home)
    if is_in_the_file:
        home.segments.write_text(wanted.texts.segments, encoding="utf-8")
    assert "is approved already (the next run adds the segment)" in refused(lambda: reject(home))
    run(home)
    assert is_completed(home)


def test_nothing_is_rejected_while_files_are_not_recorded(home: Home) -> None:
    approve(home, ENGINEER)
    before = home.segments.read_text(encoding="utf-8")
    texts = requested_texts(home, ledger_of(home).entries(), SEGMENT)
    home.segments.write_text(texts.segments, encoding="utf-8")
    assert "has changes that the ledger has not recorded" in refused(lambda: reject(home))
    home.segments.write_text(before, encoding="utf-8")
    reject(home)
    assert state(home).standing == "rejected"


def test_files_that_were_changed_otherwise_are_not_overwritten(home: Home) -> None:
    approved_by_both(home)
    text = home.policy.read_text(encoding="utf-8")
    home.policy.write_text(text.replace("\n  k: 50", "\n  k: 60"), encoding="utf-8")
    run(home)
    assert state(home) == SegmentState()
    assert not named(home)[-1].startswith(CODE)


def test_a_link_to_the_settings_stays_a_link(home: Home, tmp_path: Path) -> None:
    kept = tmp_path / "kept.yaml"
    home.segments.rename(kept)
    kept.chmod(0o640)
    home.segments.symlink_to(kept)
    approve(home, ENGINEER)
    approve(home, OFFICER)
    assert home.segments.is_symlink()
    assert CODE in kept.read_text(encoding="utf-8")
    assert kept.stat().st_mode & 0o777 == 0o640


def test_void_approvals_give_no_reason(home: Home) -> None:
    approve(home, ENGINEER, reason="It was wanted once.")
    text = home.policy.read_text(encoding="utf-8")
    home.policy.write_text(text.replace("\n  k: 50", "\n  k: 60"), encoding="utf-8")
    run(home)
    approve(home, OFFICER)
    assert state(home).reasons == (WHY,)
    approve(home, ENGINEER, reason="It is still wanted.")
    assert state(home).reasons == (WHY, "It is still wanted.")


@pytest.mark.parametrize("reason", ["It has 7 people.", "", "Ask a@b.co about it."])
def test_a_reason_states_no_number_and_names_no_person(home: Home, reason: str) -> None:
    for act in (lambda: approve(home, OFFICER, reason=reason), lambda: reject(home, reason=reason)):
        assert "--reason" in refused(act)
    assert state(home) == SegmentState()


NAMED = "  men:\n    gender: male\n    english: men\n    indonesian: pria\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "named:\n  {code}:"),
        ("# nothing named\nareas: {{}}\n", "# nothing named\nareas: {{}}\n\nnamed:\n  {code}:"),
        (f"named:\n{NAMED}", "indonesian: pria\n  {code}:"),
        (f"named:\n{NAMED}".rstrip("\n"), "indonesian: pria\n  {code}:"),
        (f"named:\n{NAMED}  # the end\n\n# areas\nareas: {{}}\n", "pria\n  {code}:"),
        (f"named:\n{NAMED}".replace("  ", "      "), "indonesian: pria\n      {code}:"),
        (f"named:\n{NAMED}".replace("pria", "pria  # words"), "pria  # words\n  {code}:"),
    ],
)
def test_the_text_of_the_file_stays(text: str, expected: str) -> None:
    text = text.replace("{{}}", "{}")
    before = read_meaning_of(text)
    wanted = SEGMENT.added_to(before, catalogue())
    code = list(wanted.named)[-1]
    changed = with_named_segments(text, wanted, [code])
    assert expected.replace("{code}", code).replace("{{}}", "{}") in changed
    for line in text.splitlines():
        assert line in changed
    assert read_meaning_of(changed) == wanted


def test_a_text_that_cannot_be_added_to_is_left_to_people() -> None:
    text = "named: {men: {gender: male, english: men, indonesian: pria}}\n"
    wanted = SEGMENT.added_to(read_meaning_of(text), catalogue())
    message = refused(lambda: with_named_segments(text, wanted, [list(wanted.named)[-1]]))
    assert "add the lines below to named: by hand" in message
    assert "- 25-29" in message


def read_meaning_of(text: str) -> SegmentSettings:
    return parse(text, "segments.yaml", SegmentSettings)


def catalogue() -> Catalogue:
    return load_catalogue(Path(__file__).parents[2] / "anonymizer/defaults/segments.yaml")
