"""The commands of the page on sources run in order on a log like its own."""

import csv
import io
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from access_log import write_log
from demonstration import ROOT
from quoted_pages import quoted_commands
from running import call

ROUNDING = 10  # of the default policy
PAGE = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_newcomer_gets_figures_from_an_unknown_log(tmp_path: Path) -> None:
    write_log(tmp_path)
    assert len(quoted_commands(PAGE)) > 10
    for command, quoted in quoted_commands(PAGE):
        if command.startswith("audience ") and ">" not in command:
            words = shlex.split(command)[1:]
            done = call(*words, folder=tmp_path, without=("AUDIENCE", "DAGSTER"))
        else:
            name = f"'{ROOT}/.venv/bin/python' -m cli.main "
            shell = ["bash", "-c", command.replace("audience ", name)]
            done = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, check=False)
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode == 0, (command, said)
        for line in quoted:
            assert " ".join(line.split()) in said, (command, line, said)
    home = ("--home", "home")
    done = call("figures", "--every", "day", "--csv", *home, folder=tmp_path, without=("AUDIENCE",))
    figures = {row["segment_id"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    counted = visitors(tmp_path / "log/akses-2026-11-02.csv")
    assert abs(int(figures["everyone"]["people"]) - counted) < ROUNDING
    words = ("source", "check", "web", "--day", "2026-11-02", "--json", *home)
    found = json.loads(call(*words, folder=tmp_path, without=("AUDIENCE",)).stdout)
    assert (found["rows"], found["filtered"]) == (1_501, 150)
    assert found["unmapped"] == ["nama", "ip"]
    (tmp_path / "home/sources.yaml").write_text("visits: {web: {location: log}}\n")
    refused = call("policy", "check", *home, folder=tmp_path, without=("AUDIENCE",))
    assert refused.returncode == 2
    assert "sources.yaml:1 visits.web: format is missing" in refused.stderr


def visitors(file: Path) -> int:
    """Different people who viewed the page of the campaign, counted from the log alone."""
    with file.open(encoding="utf-8", newline="") as rows:
        return len(
            {
                row["id_pengguna"]
                for row in csv.DictReader(rows, delimiter=";")
                if row["jenis"] == "lihat" and row["halaman"] == "/promo"
            }
        )


def test_the_page_shows_rows_of_the_log(tmp_path: Path) -> None:
    write_log(tmp_path)
    table = re.findall(r"^\| (?:`([\w./-]+)`)? ?\| `(.*;.*)` \|$", PAGE, re.MULTILINE)
    assert len(table) == 2
    text = (tmp_path / table[0][0]).read_text(encoding="utf-8").splitlines()
    assert text[:2] == [row for _, row in table]
