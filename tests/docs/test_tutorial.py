"""The commands of the tutorial run in order on files like its own, and say what it quotes."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from demonstration import ROOT
from own_data import write_files
from quoted_pages import quoted_commands
from running import call

PAGE = (ROOT / "docs" / "tutorial-own-data.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_command_says_what_the_page_quotes(tmp_path: Path) -> None:
    write_files(tmp_path)
    assert len(quoted_commands(PAGE)) > 20
    for command, quoted in quoted_commands(PAGE):
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
