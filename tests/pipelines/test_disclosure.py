"""Figures that break a promise: held by the gate, or found by the intruder where there is no gate.

Evidence is kept private either way: it is in no message, no event and no published file.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checking import outcome
from scipy import sparse

from anonymizer.model.proofs import SUPPRESSED, Representatives, Witnesses
from anonymizer.release import gate, release
from anonymizer.release.near_state import state_file
from anonymizer.release.publication import load_release
from anonymizer.storage.home import Home
from anonymizer.storage.processes import ALONE
from anonymizer.suppression import release_suppression as suppression
from anonymizer.suppression.release_suppression import Suppressed
from anonymizer.suppression.suppression import ProvedTable
from cli.period_runs import release_days
from pipelines import run_limits
from pipelines.checks import verdicts
from pipelines.stages import period_release
from pipelines.stages.evidence import findings_file

DAY, NEXT = date(2026, 11, 1), date(2026, 11, 2)
RELEASE = f"campaign-day-{DAY}"


def all_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def below_the_threshold(tables: Sequence[Suppressed]) -> tuple[Suppressed, ...]:
    """One judged group that is below the threshold is published with the others of its table."""
    worst = max(range(len(tables)), key=lambda number: len(tables[number].figures.segments))
    table = tables[worst]
    groups, outcomes = table.judged.groups, table.outcomes.copy()
    low = np.flatnonzero((outcomes == SUPPRESSED) & (groups.people < 50) & table.judged.alone)[0]
    outcomes[low] = 50
    shown = outcomes != SUPPRESSED
    figures = replace(table.figures, segments=groups.segments[shown], people=outcomes[shown])
    return (
        *tables[:worst],
        replace(table, figures=figures, outcomes=outcomes),
        *tables[worst + 1 :],
    )


def sizes_are_wrong(state: Representatives) -> Representatives:
    people = state.sketches.people + 1
    return replace(state, sketches=replace(state.sketches, people=people))


def everything_is_published(ground: Any, candidates: Any, *_: Any) -> ProvedTable:
    """In place of secondary suppression: all candidates, and no witness of anything."""
    nothing = np.zeros((0, 0), dtype=np.int64)
    of_no_class = np.full(ground.catalogue.shape, -1, dtype=np.int32).ravel()
    none = Witnesses(
        of_no_class, nothing, np.zeros(0, np.int32), sparse.csr_array((0, 0), dtype=int)
    )
    return ProvedTable(np.ones(len(candidates), dtype=bool), none)


def without_processes(counted: Any, history: Any, terms: Any, _: Any) -> tuple[Suppressed, ...]:
    """What is patched in this process would not be in others."""
    return suppression.suppress_release(counted, history, terms, ALONE)


def broken(
    monkeypatch: pytest.MonkeyPatch, place: Any, name: str, fault: Callable[..., Any]
) -> None:
    """What `place.name` returns goes through the fault."""
    sound = getattr(place, name)
    monkeypatch.setattr(place, name, lambda *given: fault(sound(*given)))


@pytest.mark.alternate("no proof, no figure")
@pytest.mark.parametrize(
    ("place", "name", "fault", "kind"),
    [
        (period_release, "suppress_release", below_the_threshold, "floor"),
        (gate, "state_of", sizes_are_wrong, "structure"),
    ],
)
def test_what_the_checker_refuses_is_held_and_its_evidence_kept_private(
    place: Any,
    name: str,
    fault: Callable[..., Any],
    kind: str,
    fresh_home: Home,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with monkeypatch.context() as patch:
        broken(patch, place, name, fault)
        assert release_days(fresh_home, DAY, DAY) == 4
    said = "".join(capfd.readouterr())

    assert "held: disclosure" in said
    assert not (fresh_home.releases / RELEASE).exists()
    assert list(fresh_home.exports.glob(f"*/{RELEASE}")) == []
    assert not state_file(fresh_home, RELEASE).exists()
    found = json.loads(findings_file(fresh_home, DAY).read_text(encoding="utf-8"))
    assert kind in {finding["kind"] for finding in found}
    for finding in found:
        assert finding["explanation"] not in said
        for path in all_files(fresh_home.dagster):
            assert finding["explanation"].encode() not in path.read_bytes(), path

    # Nothing is left over from it once the fault is gone.
    assert release_days(fresh_home, DAY, DAY) == 0
    assert not findings_file(fresh_home, DAY).exists()


@pytest.mark.alternate("no proof, no figure")
def test_without_proofs_nothing_is_published(
    fresh_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppression, "suppress", everything_is_published)
    assert release_days(fresh_home, DAY, DAY) == 4
    found = json.loads(findings_file(fresh_home, DAY).read_text(encoding="utf-8"))

    assert {finding["kind"] for finding in found} == {"unproved"}
    assert not fresh_home.releases.exists() or not list(fresh_home.releases.iterdir())


@pytest.mark.alternate("no proof, no figure")
def test_the_intruder_finds_what_a_release_without_suppression_discloses(
    fresh_home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Suppressor, linked tables and checker replaced: the asset check has the last opinion."""
    text = fresh_home.policy.read_text()
    exact = text.replace("rounding: 10", "rounding: 1")
    fresh_home.policy.write_text(exact.replace("near_jitter: 5", "near_jitter: 0"))
    with monkeypatch.context() as patch:
        patch.setattr(suppression, "suppress", everything_is_published)
        patch.setattr(period_release, "suppress_release", without_processes)
        patch.setattr(gate, "joins_of", lambda *_: ())
        for name in ("check_release", "check_state", "check_linked"):
            patch.setattr(gate, name, lambda *_: ())
        assert release_days(fresh_home, DAY, DAY) == 0
    passed, said = outcome("campaign_release", "intruder_attack", DAY)
    shown = "".join(capfd.readouterr())

    assert not passed, said
    evidence = findings_file(fresh_home, DAY, stage="intruder_findings")
    assert said["evidence"] == evidence.relative_to(fresh_home.root).as_posix()
    found = json.loads(evidence.read_text(encoding="utf-8"))
    assert said["findings"] == len(found) > 0
    for finding in found:
        assert finding["explanation"] not in shown + json.dumps(said)
        for path in all_files(fresh_home.dagster):
            assert finding["explanation"].encode() not in path.read_bytes(), path


def test_the_intruder_finds_a_figure_that_gives_a_small_group_away(
    released_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """50 people of whom 50 are men: 9 women at most."""

    def men_alone(*given: Any) -> release.Release:
        whole = load_release(*given)
        rows = [
            row | {"people": 50, "status": "published"}
            for row in whole.figures.to_pylist()
            if row["segment_id"] in {"everyone", "men"}
        ]
        figures = whole.figures.from_pylist(rows, schema=whole.figures.schema)
        return replace(whole, figures=figures, seal=release._SEAL)

    monkeypatch.setattr(verdicts, "load_release", men_alone)
    passed, said = outcome("campaign_release", "intruder_attack", DAY)

    assert not passed
    assert said["findings"] >= 1


def test_what_the_intruder_cannot_decide_within_the_budget_is_no_failure(
    released_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_limits, "BUDGET", 1)
    passed, said = outcome("campaign_release", "intruder_attack", DAY)

    assert passed
    assert said["undecided_groups"] > 0
    assert said["note"] == f"{said['undecided_groups']} groups are not decided within the budget"
