"""The commands of the tutorial run in order on files like its own, and say what it quotes."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from demonstration import ROOT
from own_data import write_files
from running import call

PAGE = (ROOT / "docs" / "tutorial-own-data.md").read_text(encoding="utf-8")


def steps() -> list[tuple[str, list[str]]]:
    """Every command of the page with the lines that are quoted of what it says."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line.removeprefix("$ "), []))
            else:
                found[-1][1].append(line)
    return found


@pytest.mark.slow
def test_every_command_says_what_the_page_quotes(tmp_path: Path) -> None:
    write_files(tmp_path)
    assert len(steps()) > 20
    for command, quoted in steps():
        if command.startswith("audience "):
            words = shlex.split(command)[1:]
            done = call(*words, folder=tmp_path, without=("AUDIENCE", "DAGSTER"))
        else:
            shell = ["bash", "-c", command]
            done = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, check=False)
        said = " ".join((done.stdout + done.stderr).split())
        stated = re.search(r"exit (\d)\.", " ".join(quoted))
        code = int(stated[1]) if stated else 0
        assert done.returncode == code, (command, said)
        for line in quoted:
            assert " ".join(line.split()) in said, (command, line, said)


def test_the_page_shows_the_files_that_are_tried(tmp_path: Path) -> None:
    write_files(tmp_path)
    table = re.findall(r"^\| (?:`([\w.-]+)`)? ?\| `(.*)` \|$", PAGE, re.MULTILINE)
    assert len(table) >= 9
    name = ""
    for file, row in table:
        name = file or name
        assert row in (tmp_path / name).read_text(encoding="utf-8").splitlines(), (name, row)
