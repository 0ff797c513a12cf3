"""A wrong release and its correction: safe together, the first one untouched, both linked."""

import json
import os
import shutil
import signal
from pathlib import Path

import duckdb
import numpy as np
import pytest
from correction_world import (
    FIRST,
    NOBODY,
    REASON,
    RIGHT,
    SECOND,
    THIRD,
    People,
    correct,
    finish,
    moved,
    order,
    release_wrong,
    sets_of,
    tables,
)
from release_world import (
    CAMPAIGNS,
    DAY,
    SECRET,
    catalogue,
    content,
    count,
    facts,
    figures_of,
    only,
    recheck,
    suppressed,
    terms,
)

from anonymizer.exports import database, export_folders, pointer
from anonymizer.exports.export_check import check_export
from anonymizer.exports.export_folders import faulty_exports
from anonymizer.exports.notice import NOTICE
from anonymizer.exports.pointer import CORRECTED
from anonymizer.exports.verification import verify_folder
from anonymizer.exports.withdrawal import withdraw
from anonymizer.model.errors import ConfigurationError, Held
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy, PolicyPromise
from anonymizer.model.roles import Roles
from anonymizer.model.series import CAMPAIGN_DAY
from anonymizer.release import corrections, publication
from anonymizer.release.corrections import (
    CorrectionOrder,
    Who,
    approve,
    cancel,
    find_order,
    open_order,
    open_orders,
)
from anonymizer.release.earlier_releases import earlier_releases
from anonymizer.release.gate import ReleaseHistory, check
from anonymizer.release.ledger import Ledger
from anonymizer.release.near_state import near_history, state_file
from anonymizer.release.publication import load_release, load_releases, publish
from anonymizer.release.release import PUBLISHED
from anonymizer.storage.home import Home
from anonymizer.storage.processes import ALONE
from anonymizer.suppression.representatives import read_representatives
from cli.outcomes import entry_line
from cli.release_summary import verify_published

STEP = 10
OFFICER = Who(Roles({"privacy_officer": ("officer",)}), "officer")
ENGINEER = Who(OFFICER.roles, "engineer")


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("wrong") / "home")
    release_wrong(home)
    return home


@pytest.fixture(scope="module")
def right(wrong: Home) -> Home:
    home = copy(wrong, wrong.root.parent / "right")
    correct(home)
    return home


@pytest.fixture
def sent(wrong: Home, tmp_path: Path) -> Home:
    """The wrong release, sent out."""
    return copy(wrong, tmp_path / "home")


@pytest.fixture
def fixed(right: Home, tmp_path: Path) -> Home:
    """The wrong release and its correction."""
    return copy(right, tmp_path / "home")


def copy(home: Home, position: Path) -> Home:
    return Home(shutil.copytree(home.root, position))


def figures(home: Home, release_id: str) -> dict[tuple[str, str], int | None]:
    """The figure of each segment in a release, None where it is suppressed."""
    release = load_release(home, Ledger.open(home.ledger), release_id)
    return {
        (row["subject_id"], row["segment_id"]): row["people"]
        if row["status"] == PUBLISHED
        else None
        for row in release.figures.to_pylist()
    }


# --- what a correction changes


@pytest.mark.alternate("corrections")
def test_the_first_release_stays_byte_for_byte_but_for_its_notices(
    wrong: Home, right: Home
) -> None:
    before, after = content(wrong.releases), content(right.releases)
    assert before.items() <= after.items()
    assert {name.split("/")[0] for name in after} == {FIRST, SECOND}
    before, after = content(wrong.exports), content(right.exports)
    assert before.items() <= after.items()
    added = {name for name in after.keys() - before.keys() if f"/{FIRST}/" in name}
    assert added == {f"{name}/{FIRST}/{CORRECTED}" for name in ("jaya", "maju")}


def test_it_brings_the_right_figures(right: Home) -> None:
    shown = figures(right, SECOND)
    assert abs((shown["spring", "everyone"] or 0) - 1_235) < STEP
    assert abs((figures(right, FIRST)["spring", "everyone"] or 0) - 825) < STEP
    assert shown.items() >= {
        (name, figure) for name, figure in figures(right, FIRST).items() if name[0] == "autumn"
    }


CHANGES = [
    *(("spring", changes) for changes in ((-3, 0, 0, 0), (0, 9, 0, 0), (0, 10, 0, 0))),
    *(("spring", changes) for changes in ((4, 3, 2, 0), (0, 0, -60, 30), (-200, 50, 0, 17))),
    *(("autumn", changes) for changes in ((0, 0, 0, 0), (1, 1, 1, 1), (0, -30, 30, 0))),
]


@pytest.mark.parametrize(("subject", "changes"), CHANGES)
def test_a_figure_changes_only_where_a_step_of_people_differs(
    subject: str, changes: tuple[int, ...], tmp_path: Path
) -> None:
    """Against the very sets of people, segment by segment."""
    home, other = Home(tmp_path / "home"), moved(RIGHT, subject, changes)
    release_wrong(home, RIGHT)
    correct(home, other)
    first, second = figures(home, FIRST), figures(home, SECOND)
    changed = 0
    for name, segment in first.keys() | second.keys():
        differing = len(people_in(RIGHT, name, segment) ^ people_in(other, name, segment))
        if differing < STEP:
            assert first.get((name, segment)) == second.get((name, segment)), (name, segment)
        changed += first.get((name, segment)) != second.get((name, segment))
    assert bool(changed) == (sum(map(abs, changes)) >= 2 * STEP)


def people_in(people: People, subject: str, segment: str) -> frozenset[object]:
    groups = catalogue().groups(catalogue().positions[segment])
    leaves = [
        {dimension.leaves[leaf] for leaf in group.leaves}
        for dimension, group in zip(catalogue().dimensions, groups, strict=True)
    ]
    own = sets_of(people, subject)
    return frozenset(
        person
        for kind, members in own.items()
        if all(code in known for code, known in zip(kind, leaves, strict=True))
        for person in members
    )


def test_near_states_link_the_editions(right: Home) -> None:
    entry = Ledger.open(right.ledger).find_release(SECOND)
    assert entry is not None
    assert entry.body["audit"]["linked_releases"] == 1
    of_second = state_file(right, SECOND)
    assert of_second.is_file()
    # Groups of autumn follow those of the first release: only groups of spring are on their own.
    assert any("autumn" in table for table in judged_alone(right, FIRST))
    assert not any("autumn" in table for table in judged_alone(right, SECOND))


def judged_alone(home: Home, release_id: str) -> list[str]:
    """The table of each group judged on its own."""
    state = read_representatives(state_file(home, release_id))
    return [state.tables[table] for table in np.asarray(state.table).tolist()]


# --- links, database, proofs


@pytest.mark.alternate("corrections")
def test_the_ledger_links_both_publicly(right: Home) -> None:
    by_kind = {
        (entry.kind, entry.subject): entry.link.shown["body"]
        for entry in Ledger.open(right.ledger).entries()
        if entry.link.shown
    }
    assert by_kind["correction", SECOND] == {"corrects": FIRST, "reason": REASON}
    assert by_kind["release", SECOND]["corrects"] == FIRST
    assert by_kind["release", SECOND]["reason"] == REASON
    assert by_kind["pointer", FIRST]["corrected_by"] == SECOND
    (entry,) = [e for e in Ledger.open(right.ledger).entries() if e.kind == "correction"]
    assert entry.body["by"] == NOBODY.login
    assert entry.body["salt"]


def test_the_database_shows_the_correction_and_keeps_the_first(right: Home) -> None:
    with duckdb.connect(str(right.database), read_only=True) as shown:
        rows = shown.sql("SELECT release_id, corrects, corrected_by FROM releases ORDER BY number")
        assert rows.fetchall() == [(FIRST, None, SECOND), (SECOND, FIRST, None)]
        assert shown.sql("SELECT DISTINCT release_id FROM figures").fetchall() == [(SECOND,)]
        kept = shown.sql("SELECT DISTINCT release_id, corrected_by FROM corrected_figures")
        assert kept.fetchall() == [(FIRST, SECOND)]
        once = "SELECT count(*) FROM segment('everyone') WHERE subject_id = 'spring'"
        assert shown.sql(once).fetchall() == [(1,)]
    assert database.count_figures(right, FIRST) == len(figures(right, FIRST))


def test_the_published_folder_proves_itself_and_names_the_correction(right: Home) -> None:
    proved = verify_folder(right.published)
    assert proved.corrected == {FIRST: f"{SECOND}: {REASON}"}
    assert proved.releases == 2
    assert faulty_exports(right, Ledger.open(right.ledger)) == []


def test_an_export_of_the_first_release_can_be_checked_and_says_that_it_was_corrected(
    fixed: Home,
) -> None:
    folder = fixed.exports / "maju" / FIRST
    checked = check_export(folder)
    assert SECOND in checked.correction
    assert REASON in checked.correction
    assert check_export(fixed.exports / "maju" / SECOND).correction == ""
    assert check_export(fixed.exports / "maju" / SECOND).certificate["corrects"] == FIRST
    path = folder / CORRECTED
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"reason": "none"}), "utf-8")
    with pytest.raises(Held, match="seal is not valid"):
        check_export(folder)
    with pytest.raises(
        Held, match=f"maju/{FIRST}/{CORRECTED} differs from what the ledger recorded"
    ):
        verify_folder(fixed.published)


def test_a_notice_that_is_lost_is_written_again(fixed: Home) -> None:
    before = content(fixed.exports)
    (fixed.exports / "maju" / FIRST / CORRECTED).unlink()
    shutil.rmtree(fixed.exports / "jaya" / FIRST)
    assert faulty_exports(fixed, Ledger.open(fixed.ledger))
    finish(fixed)
    assert content(fixed.exports) == before


# --- after a withdrawal, and withdrawn itself


@pytest.mark.alternate("corrections")
def test_a_withdrawn_release_is_corrected(sent: Home) -> None:
    ledger = Ledger.open(sent.ledger)
    withdraw(FIRST, "It is wrong", sent, ledger, SECRET)
    correct(sent)
    folder = sent.exports / "maju" / FIRST
    assert {path.name for path in folder.iterdir()} == {NOTICE, CORRECTED}
    with pytest.raises(Held, match=f"was corrected by {SECOND}"):
        check_export(folder)
    assert verify_folder(sent.published).withdrawn == {FIRST: "It is wrong"}
    with duckdb.connect(str(sent.database), read_only=True) as shown:
        assert shown.sql("SELECT DISTINCT release_id FROM figures").fetchall() == [(SECOND,)]
    # Its figures are known, so the correction shares them wherever it can.
    assert figures(sent, SECOND).items() >= {
        (name, figure) for name, figure in figures(sent, FIRST).items() if name[0] == "autumn"
    }


@pytest.mark.alternate("corrections")
def test_a_withdrawn_correction_does_not_bring_the_wrong_figures_back(fixed: Home) -> None:
    withdraw(SECOND, "It is wrong too", fixed, Ledger.open(fixed.ledger), SECRET)
    with duckdb.connect(str(fixed.database), read_only=True) as shown:
        assert shown.sql("SELECT count(*) FROM figures").fetchall() == [(0,)]
        assert shown.sql("SELECT count(*) FROM corrected_figures").fetchall() == [(0,)]
    assert verify_folder(fixed.published).corrected
    finish(fixed)
    assert {p.name for p in (fixed.exports / "maju" / SECOND).iterdir()} == {NOTICE}


# --- who may, and how often


@pytest.mark.alternate("corrections")
def test_a_second_correction_needs_the_approval_of_somebody_else(fixed: Home) -> None:
    ledger = Ledger.open(fixed.ledger)
    with pytest.raises(ConfigurationError, match=r"roles: privacy_officer of policy\.yaml"):
        order(fixed, SECOND)
    with pytest.raises(ConfigurationError, match="is not approved") as told:
        order(fixed, SECOND, ENGINEER)
    assert f"correct-release --approve {SECOND}" in str(told.value)
    with pytest.raises(ConfigurationError, match="does not have the role privacy_officer"):
        approve(SECOND, "Births again", fixed, ledger, SECRET, ENGINEER)
    assert open_order(ledger, CAMPAIGN_DAY, Period("day", DAY)) is None

    assert approve(SECOND, "Births again", fixed, ledger, SECRET, OFFICER) == THIRD
    with pytest.raises(ConfigurationError, match="this login approved the correction"):
        order(fixed, SECOND, OFFICER)
    ordered = order(fixed, SECOND, ENGINEER)
    recorded = ledger.find("approval", THIRD)
    assert recorded is not None
    assert (ordered.release, ordered.corrects) == (THIRD, SECOND)
    found = ledger.find("correction", THIRD)
    assert found is not None
    assert found.body["approval"] == recorded.sequence
    correct(fixed, moved(RIGHT, "spring", (40, 0, 0, 0)), ordered)
    assert verify_folder(fixed.published).corrected.keys() == {FIRST, SECOND}
    with duckdb.connect(str(fixed.database), read_only=True) as shown:
        assert shown.sql("SELECT DISTINCT release_id FROM figures").fetchall() == [(THIRD,)]


@pytest.mark.parametrize(
    ("release_id", "problem"),
    [
        ("campaign-day-2020-01-01", "never released"),
        ("campaign-day-2026-11-22~9", "never released"),
        ("campaign-day-22.11.2026", "not the id of a release"),
        ("nonsense", "not the id of a release"),
        ("campaign-day-2026-11-22~x", "not the id of a release"),
    ],
)
def test_what_was_never_released_cannot_be_corrected(
    release_id: str, problem: str, sent: Home
) -> None:
    before = content(sent.root)
    with pytest.raises(ConfigurationError, match=problem):
        order(sent, release_id)
    assert content(sent.root) == before


def test_a_corrected_release_is_not_corrected_by_mistake_again(fixed: Home) -> None:
    with pytest.raises(ConfigurationError, match=f"already corrected by {SECOND}"):
        order(fixed)


def test_a_first_correction_needs_no_approval(sent: Home) -> None:
    with pytest.raises(ConfigurationError, match="first correction needs no approval"):
        approve(FIRST, REASON, sent, ledger_of(sent), SECRET, OFFICER)


def ledger_of(home: Home) -> Ledger:
    return Ledger.open(home.ledger)


def test_an_order_stands_until_it_is_released(sent: Home) -> None:
    assert order(sent) == order(sent)
    with pytest.raises(ConfigurationError, match="already ordered, for another reason"):
        order(sent, reason="Something else")
    correct(sent)
    assert open_order(ledger_of(sent), CAMPAIGN_DAY, Period("day", DAY)) is None


def test_nothing_is_released_twice_without_an_order(sent: Home) -> None:
    before = content(sent.published)
    ledger = ledger_of(sent)
    passed = recheck(sent, ledger, tables(RIGHT, edition=2))
    with pytest.raises(Held, match="history_changed"):
        publish(passed, facts(), sent, ledger, SECRET)
    again = publish(recheck(sent, ledger, tables(RIGHT)), facts(), sent, ledger, SECRET)
    assert again.already_released
    assert content(sent.published) == before


def test_a_release_whose_groups_are_forgotten_cannot_be_corrected(
    sent: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corrections, "is_forgotten", lambda *_: True)
    with pytest.raises(Held, match="too_old"):
        order(sent)


# --- taken back


def cancelled(
    home: Home, release_id: str = FIRST, reason: str = "The files were right"
) -> CorrectionOrder:
    return cancel(release_id, reason, home, ledger_of(home), SECRET, "engineer")


@pytest.mark.alternate("corrections")
@pytest.mark.parametrize("named", [FIRST, SECOND])
def test_an_order_that_is_cancelled_is_not_made(named: str, sent: Home) -> None:
    before = content(sent.releases)
    order(sent)
    state_file(sent, SECOND).write_bytes(b"left by a run that was killed")
    assert cancelled(sent, named).release == SECOND
    assert not state_file(sent, SECOND).exists()
    ledger = ledger_of(sent)
    assert open_order(ledger, CAMPAIGN_DAY, Period("day", DAY)) is None
    assert open_orders(ledger) == ()
    passed = recheck(sent, ledger, tables(RIGHT, edition=2))
    with pytest.raises(Held, match="history_changed"):
        publish(passed, facts(), sent, ledger, SECRET)
    finish(sent)
    assert content(sent.releases) == before
    assert verify_folder(sent.published).unfinished == ()
    (entry,) = [e for e in ledger.entries() if e.kind == "cancellation"]
    assert entry.link.shown is not None
    assert entry.link.shown["body"] == {"corrects": FIRST, "reason": "The files were right"}
    assert entry.body["by"] == "engineer"
    assert "engineer" not in sent.public_ledger.read_text("utf-8")
    (line,) = [entry_line(e) for e in ledger.entries() if e.kind == "cancellation"]
    assert f"correction of {FIRST} cancelled: The files were right" in line


@pytest.mark.alternate("corrections")
def test_after_a_cancellation_it_is_ordered_again_under_another_number(sent: Home) -> None:
    """It is still the first correction: it needs no approval, and corrects the first release."""
    order(sent)
    cancelled(sent)
    ordered = order(sent, reason="The files are right now")
    assert (ordered.release, ordered.corrects) == (THIRD, FIRST)
    correct(sent, ordered=ordered)
    release = load_release(sent, ledger_of(sent), THIRD)
    assert release.corrects == FIRST
    assert verify_folder(sent.published).corrected.keys() == {FIRST}
    assert check_export(sent.exports / "maju" / THIRD).certificate["corrects"] == FIRST
    with duckdb.connect(str(sent.database), read_only=True) as shown:
        rows = shown.sql("SELECT release_id, corrects, corrected_by FROM releases ORDER BY number")
        assert rows.fetchall() == [(FIRST, None, THIRD), (THIRD, FIRST, None)]
    with pytest.raises(ConfigurationError, match=r"roles: privacy_officer of policy\.yaml"):
        order(sent, THIRD)


def test_an_approval_is_used_up_by_the_order_that_was_cancelled(fixed: Home) -> None:
    approve(SECOND, "Births again", fixed, ledger_of(fixed), SECRET, OFFICER)
    order(fixed, SECOND, ENGINEER)
    cancelled(fixed, SECOND)
    with pytest.raises(ConfigurationError, match="~4 is not the first correction"):
        order(fixed, SECOND, ENGINEER)
    approve(SECOND, "Births again", fixed, ledger_of(fixed), SECRET, OFFICER)
    assert order(fixed, SECOND, ENGINEER).release == f"{FIRST}~4"


@pytest.mark.parametrize("named", [FIRST, SECOND, "campaign-day-2020-01-01"])
def test_only_what_is_ordered_and_not_released_can_be_cancelled(named: str, fixed: Home) -> None:
    before = content(fixed.root)
    with pytest.raises(
        ConfigurationError, match="has no ordered correction that is not released yet"
    ):
        cancelled(fixed, named)
    with pytest.raises(ConfigurationError, match="--reason"):
        cancelled(fixed, named, "ask anna@example.com")
    assert content(fixed.root) == before


# --- lost


@pytest.mark.alternate("corrections")
def test_a_lost_edition_is_named_with_what_to_do(fixed: Home) -> None:
    kept = fixed.root.parent / "kept"
    for lost, what in (
        (FIRST, f"edition 1, corrected by {SECOND}"),
        (SECOND, f"edition 2, corrects {FIRST}"),
    ):
        shutil.move(fixed.releases / lost, kept)
        for check_it in (load_releases, verify_published):
            with pytest.raises(Held, match="release_lost") as told:
                check_it(fixed, ledger_of(fixed))  # type: ignore[operator]
            said = " ".join(str(told.value).split())
            assert f"{lost} ({what}): restore published/releases/{lost} from its backup" in said
            assert ("run its period again" in said) == (lost == SECOND)
        shutil.move(kept, fixed.releases / lost)
    shutil.rmtree(fixed.releases / SECOND)
    correct(fixed, ordered=find_order(ledger_of(fixed), SECOND))  # what the message says helps
    assert verify_published(fixed, ledger_of(fixed)).unfinished == ()


# --- killed


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


PLACES = {
    "after the order": (corrections, "write_public_ledger"),
    "before the release entry": (publication, "keep_state"),
    "before the rename": (publication, "move_into_place"),
    "before the exports": (export_folders, "manifest_bytes"),
    "before the pointer entry": (export_folders, "point_to"),
    "before the first notice": (pointer, "write_bytes"),
    "before the first notice has its place": (pointer, "move_into_place"),
    "before the database": (database, "move_into_place"),
}


@pytest.mark.slow
@pytest.mark.parametrize("position", PLACES)
def test_killed_anywhere_the_next_run_ends_as_if_undisturbed(
    position: str, sent: Home, right: Home
) -> None:
    child = os.fork()
    if not child:
        owner, name = PLACES[position]
        setattr(owner, name, die)
        correct(sent)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    first = {name: bytes_ for name, bytes_ in content(sent.exports).items() if FIRST + "/" in name}
    assert {n: b for n, b in first.items() if CORRECTED not in n}.items() <= content(
        right.exports
    ).items()
    correct(sent, ordered=find_order(ledger_of(sent), SECOND))
    ignored = {"segments.duckdb"}
    assert {n: b for n, b in content(sent.published).items() if n not in ignored} == {
        n: b for n, b in content(right.published).items() if n not in ignored
    }
    assert verify_folder(sent.published) == verify_folder(right.published)


# --- judged together


@pytest.mark.parametrize("says_women", [True, False])
def test_what_only_both_editions_together_reveal_is_suppressed(
    says_women: bool, home: Home, ledger: Ledger
) -> None:
    """The first edition counts 20 women of Makassar by mistake, the second the 8 there are.

    Figures are exact. All less men less the women of Java are these women. The first edition says
    how many women of Java there are, so the second may not say all three others.
    """
    policy = Policy(promise=PolicyPromise(rounding=1, near_jitter=0, k_jitter=0))
    exact, women = terms(policy.promise), "female:all:java"
    for edition, people in ((1, 20), (2, 8)):
        kinds = {
            ("male", "25-29", "31.71"): 503,
            ("male", "45-49", "73.71"): 200,
            ("female", "30-34", "31.71"): 301,
            ("female", "50-54", "73.71"): people,
        }
        counted = [count("spring", kinds, edition=edition)]
        if edition > 1:
            order(home)
        near = near_history(home, ledger, CAMPAIGN_DAY, Period("day", DAY), 400, edition=edition)
        linked = earlier_releases(home, ledger, CAMPAIGN_DAY, Period("day", DAY), edition)
        (table,) = suppressed(counted, near, exact)
        assert {"everyone", "men"} <= figures_of(table).keys()
        said = {"everyone", "men"} | ({women} if edition == 1 and says_women else set())
        history = ReleaseHistory(near, linked, CAMPAIGNS, {})
        passed = check([only(table, said)], counted, exact, history, ALONE)
        publish(passed, facts(policy=policy), home, ledger, SECRET)
    shown = {name for (_, name), figure in figures(home, SECOND).items() if figure}
    assert "men" in shown
    assert ("everyone" in shown) != says_women
