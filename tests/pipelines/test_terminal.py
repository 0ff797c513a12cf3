"""No character that comes from outside is obeyed by a terminal, on any way to the screen."""

import ast
import json
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from anonymizer.audit.published_file import read_published
from anonymizer.exports.export_check import check_export
from anonymizer.exports.verification import verify_folder
from anonymizer.intake.landing_zone import survey
from anonymizer.model.configuration import parse
from anonymizer.model.errors import (
    AudienceError,
    Busy,
    ConfigurationError,
    Fault,
    Held,
    InputRejected,
    InputsRejected,
    LedgerBroken,
    NoSpace,
)
from anonymizer.model.escaping import visible, visible_lines
from anonymizer.model.hierarchies import read_hierarchy
from anonymizer.model.policy import Policy, Timing
from anonymizer.storage.text_columns import read_columns
from cli.main import app
from pipelines.messages.screen import out, table

ROOT = Path(__file__).parents[2]
# Escape sequences, their eight-bit forms, other controls, directions, invisible, ends of lines.
EVIL = (
    "\x1b[31m\x1b]0;title\x07\x9b2J\x08\x7f\r\x0b\x00\u202e\u2066\u200b\u2028\u2029\ufeff\U000e0041"
)
NAME = EVIL.replace("\x00", "")  # no file has that in its name
names = st.text(st.characters(exclude_categories=()), max_size=40)


def harmless(text: str) -> bool:
    """Nothing but what is seen, spaces, and the ends of lines that the program made."""
    return all(
        character == "\n" or character.isprintable() or unicodedata.category(character) == "Zs"
        for character in text
    )


@given(names)
def test_what_is_shown_can_be_seen_and_says_what_it_was(text: str) -> None:
    shown = visible(text)
    assert harmless(shown)
    assert "\n" not in shown
    assert visible(shown) == shown
    if "\\" not in text:
        decoded = json.loads(f'"{shown}"') if '"' not in text and "\\U" not in shown else text
        assert decoded == text


def test_letters_of_all_languages_stay() -> None:
    for text in (
        "Kota Makassar",
        "\u65e5\u672c\u8a9e",
        "\u0645\u0631\u062d\u0628\u0627",
        "e\u0301",
        "a\u00a0b",
        "\U0001f600",
    ):
        assert visible(text) == text


ERRORS: list[Callable[[str], AudienceError]] = [
    lambda name: ConfigurationError([Fault(name, name, name)]),
    lambda name: InputRejected(name, name, name, name),
    lambda name: InputsRejected([InputRejected(name, "corrupt"), InputRejected(name, "x")]),
    lambda name: Held(name, name),
    LedgerBroken,
    Busy,
    lambda name: NoSpace(name, name),
    AudienceError,
]


@given(names)
def test_no_error_carries_it(name: str) -> None:
    for error in ERRORS:
        assert harmless(str(error(name)))


@given(names)
def test_a_name_in_a_list_of_faults_makes_no_line_of_its_own(name: str) -> None:
    error = ConfigurationError([Fault(name, "is wrong"), Fault("there", "too")])
    assert len(str(error).split("\n")) == 3
    assert "\n" not in str(InputRejected(name, "corrupt"))


@given(names)
def test_no_table_and_no_line_carries_it(name: str) -> None:
    console = out()
    with console.capture() as captured:
        console.print(name)
        console.print(table(name, (name,), [(name,)]))
    assert harmless(captured.get())


def told(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    said = done.output + done.stderr
    return said + (str(done.exception) if isinstance(done.exception, AudienceError) else "")


@pytest.mark.parametrize(
    "words",
    [
        [NAME],
        ["ledger", NAME],
        ["run", f"--{NAME}"],
        ["run", "--from", NAME, "--to", "2026-11-01"],
        ["statements", "--day", NAME],
        ["statements", "--period", NAME],
        ["statements", "--limit", NAME],
        ["statements", "--day", "2026-11-01", NAME],
        ["suppressed", "--campaign", NAME, "--period", NAME],
        ["ledger", "show", NAME],
        ["verify", NAME],
        ["check", NAME],
        ["verify", "--home", NAME],
        ["withdraw-release", NAME, "--reason", NAME],
        ["protect", NAME, "--count", NAME, "--out", NAME],
        ["protect", NAME, "--count", NAME, "--out", NAME, "--zeros", NAME],
        ["audit", NAME, "--inference-k", "10", "--hierarchy", NAME],
        ["audit", NAME, "--inference-k", NAME],
    ],
    ids=lambda words: " ".join(words)[:30].encode("unicode_escape").decode(),
)
def test_no_wrong_argument_is_repeated_as_it_is(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIENCE_HOME", str(tmp_path / NAME))
    said = told(*words)
    assert said.strip()
    assert harmless(said), said.encode("unicode_escape")


def test_names_in_files_are_not_repeated_as_they_are(tmp_path: Path) -> None:
    """Columns and codes of tables, keys of settings, names of files in folders that are read."""
    odd = tmp_path / f"odd{NAME}.csv"
    odd.write_text(f'a,"{NAME}","{NAME}"\n1,2,3\n', encoding="utf-8", newline="")
    tree = tmp_path / "tree.csv"
    tree.write_text(f'parent,child\nx,"{NAME}y"\n"{NAME}y",x\n', encoding="utf-8", newline="")
    parquet = tmp_path / f"{NAME}.parquet"
    pq.write_table(pa.table({NAME: [1.5]}), parquet)
    folder = tmp_path / NAME
    (folder / NAME).mkdir(parents=True)
    (folder / NAME / NAME).touch()
    readers: list[Callable[[], object]] = [
        lambda: read_columns(odd),
        lambda: read_published(odd, {}),
        lambda: read_published(parquet, {NAME: tree}),
        lambda: read_hierarchy(tree),
        lambda: parse(f'"{NAME.encode("unicode_escape").decode()}": 1', NAME, Policy),
        lambda: parse(f"a: {NAME}", NAME, Policy),
        lambda: verify_folder(folder),
        lambda: check_export(folder),
        lambda: survey(folder, *_run()).require_all(),
    ]
    for number, read in enumerate(readers):
        with pytest.raises(AudienceError) as refused:
            read()
        assert harmless(str(refused.value)), (number, str(refused.value).encode("unicode_escape"))


def _run() -> tuple[date, Timing, float]:
    return date(2026, 11, 22), Timing(), 0.0


def test_a_fault_of_the_program_says_where_without_it(tmp_path: Path) -> None:
    """The home's own name is part of the message."""
    home = tmp_path / NAME
    home.mkdir()
    code = (
        "import cli.main as cli\n"
        "def fail(): raise RuntimeError('\\x1b[31m')\n"
        "cli.app = fail\ncli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"AUDIENCE_HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "fault of the program" in done.stderr
    assert harmless(done.stderr.replace("\r", ""))


def test_nothing_is_printed_by_another_way() -> None:
    """Every print of the command line goes through `cli.output` or `pipelines.messages.screen`."""
    doors = {ROOT / "cli/output.py", ROOT / "pipelines/messages/screen.py"}
    for path in sorted(
        {*(ROOT / "cli").rglob("*.py"), *(ROOT / "pipelines").rglob("*.py")} - doors
    ):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {"print", "typer.echo", "typer.secho"}, path
                assert not called.endswith(("stdout.write", "stderr.write")), path
                assert called != "Console", path


def test_lines_stay_lines() -> None:
    assert visible_lines("one\ntwo\x1b\n") == "one\ntwo\\u001b\n"
