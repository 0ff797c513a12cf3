"""Benchmarks that are run from lists exist, take their options, and leave a file each."""

import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _own_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_every_benchmark_of_a_list_has_its_options() -> None:
    import recorded_runs  # noqa: PLC0415  a benchmark, found by its folder

    for named in recorded_runs.LISTS.values():
        for name, options in named.items():
            source = (BENCHMARKS / f"{name}.py").read_text(encoding="utf-8")
            for option in options:
                assert not option.startswith("--") or f'"{option}"' in source, (name, option)


def test_a_file_has_what_was_said_and_taken_and_a_failure_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import recorded_runs  # noqa: PLC0415  likewise

    for name, text in {"protection": "print('| 1 |')", "day": "raise SystemExit(3)"}.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(recorded_runs, "HERE", tmp_path)
    results = tmp_path / "results"
    monkeypatch.setattr(
        sys, "argv", ["x", "minutes", "--only", "day", "protection", "--folder", str(results)]
    )
    assert recorded_runs.main() == 1
    assert capsys.readouterr().out.endswith("failed: day\n")
    day, protection = (json.loads(path.read_text("utf-8")) for path in sorted(results.iterdir()))
    assert (day["exit_code"], protection["exit_code"]) == (3, 0)
    assert protection["output"] == ["| 1 |"]
    assert protection["cpu_seconds"] > 0
    assert protection["peak_megabytes"] > 1
    assert {"cores", "processor", "python", "packages", "commit"} <= protection["machine"].keys()


def test_kept_results_are_small_and_name_no_place() -> None:
    kept = sorted((BENCHMARKS / "results").glob("*.json"))
    assert kept
    for path in kept:
        text = path.read_text(encoding="utf-8")
        assert len(text) < 50_000
        assert "/home/" not in text
        assert str(BENCHMARKS.parent) not in text
        assert {"date", "command", "cpu_seconds", "output"} <= json.loads(text).keys()
