"""The notebook of the examples runs as a script, and plots what was released."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from anonymizer.storage.home import Home

pytest.importorskip("marimo", reason="the extra `notebook` is not installed")
NOTEBOOK = Path(__file__).parents[2] / "examples/notebook.py"


@pytest.mark.alternate("pages")
def test_it_runs_as_a_script_and_says_when_there_is_no_database(
    two_days: Home, tmp_path: Path
) -> None:
    for home, code in ((two_days.root, 0), (tmp_path, 1)):
        done = subprocess.run(
            [sys.executable, NOTEBOOK],
            cwd=tmp_path,
            env={**os.environ, "AUDIENCE_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
    assert "segments.duckdb" in done.stderr


@pytest.mark.filterwarnings("default")  # those of other packages are not ours
def test_it_plots_the_released_figures(
    two_days: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(shutil.copytree(two_days.root, tmp_path / "home"))
    monkeypatch.setenv("AUDIENCE_HOME", str(home.root))
    _, made = runpy.run_path(str(NOTEBOOK))["app"].run()
    for name in ("trend_chart", "split_chart", "share_chart"):
        plotted = made[name].to_dict()
        assert len(plotted["layer"]) == 2, name
        assert plotted["datasets"], name
    trend, parts, shares = (made[name] for name in ("trend", "parts", "shares"))
    assert sorted(trend[trend["segment_id"] == "men"]["people"]) == [900, 900]
    assert trend[trend["segment_id"] == "women_makassar"]["people"].isna().all()
    assert parts["status"].tolist() == ["published", "published", "rest"]
    assert len(shares) == 2
    made["database"].close()
