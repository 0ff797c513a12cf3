"""The pictures of the documentation are those of the program as it is."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from demonstration import ROOT, Demo

sys.path.insert(0, str(ROOT / "website"))
from pictures import ALL, CONTENTS, PICTURES, digest, text_digest, to_pdf
from studio import Studio, held_home, studio

_SHOWN = re.compile(r"!\[[^]]+\]\((?:docs/|\.\./)?pictures/([\w-]+)\.png\)")


def test_every_picture_is_recorded_and_stands_on_a_page() -> None:
    contents = json.loads(CONTENTS.read_text())
    files = {path.stem: path for path in PICTURES.glob("*.png")}
    assert files.keys() == contents.keys() == ALL.keys()
    changed = [n for n, path in files.items() if digest(path.read_bytes()) != contents[n]["file"]]
    assert not changed, f"taken otherwise; run: make pictures ({', '.join(changed)})"
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    shown = {name for page in pages for name in _SHOWN.findall(page.read_text(encoding="utf-8"))}
    assert shown == files.keys()


@pytest.mark.slow
@pytest.mark.needs("soffice", "pdftotext")
@pytest.mark.parametrize(("language", "shown"), [("en", "2,720"), ("id", "2.720")])
def test_numbers_are_printed_as_readers_of_the_language_write_them(
    language: str, shown: str, tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    cell = book.worksheets[0].cell(1, 1, 2720)
    cell.number_format = "#,##0"
    book.save(tmp_path / "book.xlsx")
    pdf = to_pdf(tmp_path / "book.xlsx", tmp_path, language)
    done = subprocess.run(["pdftotext", pdf, "-"], capture_output=True, text=True, check=True)
    assert shown in done.stdout.split()


@pytest.fixture(scope="module")
def ready(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder: Path = tmp_path_factory.mktemp("pictures")
    with studio(demo.home, held_home(folder / "held"), folder) as made:
        yield made


@pytest.mark.slow
@pytest.mark.needs("chromium")
@pytest.mark.xdist_group("demo")
@pytest.mark.parametrize("name", sorted(ALL))
def test_a_picture_shows_what_a_new_demo_shows(ready: Studio, name: str) -> None:
    recorded = json.loads(CONTENTS.read_text())[name]["text"]
    assert text_digest(name, ready) == recorded, f"run: make pictures (or --only {name})"
