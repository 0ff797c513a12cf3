"""The threat model answers for every attack, by tests that exist and by the history's attacks."""

import ast
import re
from pathlib import Path

import pytest
from demonstration import ROOT

PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
CATALOGUE = ROOT / "tests" / "history" / "attacks" / "catalogue.py"
_LETTERS = {"A": 6, "B": 5, "C": 4, "D": 2, "E": 4}
ATTACKS = (
    *(f"{letter}{number + 1}" for letter, many in _LETTERS.items() for number in range(many)),
    *("F2", "F5", "F6"),
)
ACROSS_TABLES = tuple(f"G{number}" for number in range(1, 12))
ATTACK_BY_ATTACK, TESTS = "## Attack by attack", "## The tests"


def rows(heading: str) -> dict[str, list[str]]:
    """The cells of each row of the tables below a heading, by the first; a row stands once."""
    section = re.split(r"^(?=## )", PAGE, flags=re.MULTILINE)
    text = next(part for part in section if part.startswith(f"{heading}\n"))
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and name:
            assert name not in found, name
            found[name] = cells
    return found


def names_in_the_history() -> set[str]:
    """Keys of the dictionaries in the catalogue of the attack code."""
    tree = ast.parse(CATALOGUE.read_text(encoding="utf-8"))
    keys = [key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys]
    return {key.value for key in keys if isinstance(key, ast.Constant)}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_told_held_off_and_limited(attack: str) -> None:
    told = rows(ATTACK_BY_ATTACK)[attack]
    assert len(told) == 3
    assert all(len(cell) > 2 for cell in told), told


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_has_a_test_and_runs_over_the_history(attack: str) -> None:
    """That the tests exist is asked of every page (`test_documents.py`)."""
    history, shown = rows(TESTS)[attack]
    assert re.search(r"`tests/[\w/]+\.py::test_\w+`", shown), shown
    names = set(re.findall(r"`([^`]+)`", history))
    assert names
    assert names <= names_in_the_history()
    assert all(attack in name.split() for name in names), names


def test_the_page_knows_every_attack_of_the_history() -> None:
    named = {name for cells in rows(TESTS).values() for name in re.findall(r"`([^`]+)`", cells[0])}
    assert named == names_in_the_history()


def test_the_page_has_no_attack_that_is_not_known_here() -> None:
    for heading, known in ((ATTACK_BY_ATTACK, {*ATTACKS, *ACROSS_TABLES}), (TESTS, {*ATTACKS})):
        assert {name for name in rows(heading) if re.fullmatch(r"[A-Z]\d+", name)} == known


@pytest.mark.parametrize("attack", ACROSS_TABLES)
def test_an_attack_across_tables_is_run_and_measured(attack: str) -> None:
    told = rows(ATTACK_BY_ATTACK)[attack]
    assert len(told) == 3
    assert all(re.search(r"\d\.\d\d", cell) for cell in told[1:]), told
    listed = (ROOT / "tests" / "attacks" / "attack_list.py").read_text(encoding="utf-8")
    assert re.search(rf'"{attack}\b', listed), f"no attacker of tests/attacks is called {attack}"


# More than the page promises: figures are about people, and much can be guessed from them.
OVERCLAIMS = re.compile(
    r"nothing about (?:any|an?|one)\b|(?:not|never|cannot) reveal (?:one|an?|any|who)\b"
    r"|(?:completely|fully|totally) anonymous|no one can (?:ever )?(?:learn|know|guess)"
    r"|tidak ada data orang",
    re.IGNORECASE,
)
_SAYING = (
    "anonymizer",
    "audience",
    "cli",
    "docs",
    "officer",
    "pipelines",
    "portal",
    "sql",
    "website",
)


def texts_of_the_project() -> list[Path]:
    """What readers see: pages, texts of the program, comments of the database."""
    kinds = {".py", ".md", ".yaml", ".sql", ".html", ".toml"}
    found = [path for name in _SAYING for path in (ROOT / name).rglob("*") if path.suffix in kinds]
    return [*found, ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "pyproject.toml"]


def test_no_text_promises_more_than_this_page() -> None:
    files = texts_of_the_project()
    assert len(files) > 500
    read = {path: re.sub(r'["\s]+', " ", path.read_text(encoding="utf-8")) for path in files}
    said = [(str(path), found) for path, text in read.items() for found in OVERCLAIMS.findall(text)]
    assert not said
    assert OVERCLAIMS.search("figures that say nothing about any person")


def test_the_readme_states_what_is_not_promised_with_the_numbers_of_this_page() -> None:
    readme, page = (
        " ".join((ROOT / name).read_text(encoding="utf-8").split())
        for name in ("README.md", "docs/threat-model.md")
    )
    told = readme.split("Two things are *not* promised")[1].split("## ")[0]
    guessed = re.search(r"right in (\d+ of \d+) cases, certain in (\d+) of them", told)
    assert guessed
    right, certain = guessed.groups()
    assert re.search(rf"inferred correctly in {right} cases .{{1,60}}certain in {certain};", page)
    by_halves = re.search(r"(\d+) percentage points", told)
    assert by_halves
    (measured,) = (row for row in rows(ATTACK_BY_ATTACK)["G9"][2:])
    assert measured.startswith(f"0.{by_halves[1]}")
