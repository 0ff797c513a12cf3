"""Every command that the documents show is run, and every link leads somewhere."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from demonstration import ROOT, Demo
from running import call

from cli.main import app

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
_FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"^export (\w+)=([^$]+)$")
_EXIT = re.compile(r"  # exit (\d+)$")
_INDENTED = re.compile(r"^ {4,}(?:\$ )?(audience .*)$", re.MULTILINE)
_PLAIN_COMMAND = re.compile(r"""audience [\w ./:,='"-]+""")  # nothing that only a shell understands
_LINK = re.compile(r"\[[^\]]*\]\(([^)#]+?)(?:#[^)]*)?\)")


@dataclass(frozen=True)
class Shown:
    """A command of a page; `  # exit 4` behind it says that it ends with another code than 0."""

    text: str
    code: int


def commands(page: Path) -> list[Shown]:
    text = page.read_text(encoding="utf-8")
    return [
        Shown(line.split("  #")[0].strip(), int(found[1]) if (found := _EXIT.search(line)) else 0)
        for block in _FENCE.findall(text)
        for line in block.splitlines()
        if line.strip() and not line.startswith("#")
    ]


def not_run(page: Path) -> list[str]:
    """Commands that are only shown, because they need another machine or what a demo lacks."""
    return _INDENTED.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("page", "line"),
    [(page, line) for page in PAGES for line in not_run(page)],
    ids=lambda value: str(value.relative_to(ROOT)) if isinstance(value, Path) else "",
)
def test_a_command_that_is_only_shown_exists_with_its_options(page: Path, line: str) -> None:
    assert page in PAGES
    command: Any = typer.main.get_command(app)
    words = shlex.split(line.partition("  #")[0])[1:]
    while inner := getattr(command, "commands", None):
        command = inner[words.pop(0)]
    command.make_context("audience", words)


def test_few_commands_are_only_shown() -> None:
    """Those that need an id, a question or a fault of their own; everything else is run."""
    shown = [line for page in PAGES for line in not_run(page)]
    run = [one for page in PAGES for one in commands(page) if one.text.startswith("audience ")]
    assert len(shown) <= 30
    assert len(run) > 120


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), target


@pytest.mark.slow
@pytest.mark.xdist_group("demo")
@pytest.mark.parametrize(
    "page", [p for p in PAGES if commands(p)], ids=lambda page: str(page.relative_to(ROOT))
)
def test_commands_do_what_the_page_says(page: Path, demo: Demo, tmp_path: Path) -> None:
    shutil.copytree(demo.home, tmp_path / "demo")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    plain = {name: value for name, value in os.environ.items() if name != "AUDIENCE_HOME"}
    prelude, exported, by_itself = "set -e\n", dict[str, str](), False
    for shown in commands(page):
        command = shown.text
        if command in {"make demo", "make test", "make install"}:
            # `make demo` made the fixture; `make test` is what runs this.
            target = command.split()[1]
            assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
        elif command.startswith((". ", "export ")):
            prelude += command + "\n"
            exported |= dict(_EXPORT.findall(command.replace("$PWD", str(tmp_path))))
        elif command.startswith("audience ui"):
            answers(prelude + "exec " + command, plain, tmp_path, "/server_info")
        elif command.startswith("audience portal"):
            answers(prelude + "exec " + command, plain, tmp_path, "/sign-in")
        elif by_itself and _PLAIN_COMMAND.fullmatch(command):
            done = call(
                *shlex.split(command)[1:],
                environment=exported,
                without=("AUDIENCE_HOME",),
                folder=tmp_path,
            )
            assert done.returncode == shown.code, f"{command}\n{done.stdout}{done.stderr}"
        else:  # the first command of a page, and what needs a shell
            by_itself = True
            done = subprocess.run(
                ["bash", "-c", prelude + command],
                cwd=tmp_path,
                env=plain,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == shown.code, f"{command}\n{done.stdout}{done.stderr}"


_PATH = re.compile(
    r"`((?:tests|anonymizer|cli|pipelines|data_samples|sql|docs|benchmarks)/[^`*<>{} ]*)`"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_and_tests_that_a_page_names_exist(page: Path) -> None:
    for name in _PATH.findall(page.read_text(encoding="utf-8")):
        path, _, test = name.partition("::")
        assert (ROOT / path).exists(), name
        assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), name


def test_where_a_rule_lives_leads_to_a_section_and_a_function() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.split("## Where a rule lives\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= 10
    assert len({row[0] for row in rows}) == len(rows)
    for question, pages, decided, tests in rows:
        links = re.findall(r"\]\(([^)#]+)(?:#([^)]+))?\)", pages)
        assert links, question
        for name, anchor in links:
            assert not anchor or anchor in anchors(ROOT / name), (question, anchor)
        functions = re.findall(r"`([^`]+\.py)::(\w+)`", decided)
        assert functions, question
        for path, function in functions:
            assert re.search(rf"^ *def {function}\(", read(path), re.MULTILINE), (path, function)
        assert re.search(r"`tests/[^`]+\.py`", tests), question


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """What a link can name of a page: its headings, in small letters with hyphens."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def answers(command: str, environment: dict[str, str], folder: Path, path: str) -> None:
    """The pages come up on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        ["bash", "-c", f"{command} --port {port}"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as page:
                    assert page.status == 200
                    return
            except OSError:
                time.sleep(0.5)
        pytest.fail("the pages did not come up within 60 seconds")
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


@pytest.mark.slow
@pytest.mark.xdist_group("demo")
def test_the_readme_states_what_a_plain_having_gives_away(demo: Demo) -> None:
    command = [ROOT / ".venv/bin/audience", "compare-naive", "--json", "--home", demo.home]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    naive, released = found["naive"], found["released"]
    measured = {
        "figures published": (naive["figures"], released["figures"]),
        "zero included": (naive["small"], released["small"]),
        "exact number is shown": (naive["exact"], released["exact"]),
        "tables with any of these": (naive["tables"], released["tables"]),
    }
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"| {found['tables']} tables of the demo |" in text
    for words, numbers in measured.items():
        stated = re.search(rf"{words} \| ([\d,]+) \| ([\d,]+) \|", text)
        assert stated, words
        # Each demo has a key of its own, so that other people count and other figures are drawn.
        for number, said in zip(numbers, stated.groups(), strict=True):
            assert number == pytest.approx(int(said.replace(",", "")), rel=0.15), words
