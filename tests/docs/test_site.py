"""The documentation as a site: every page has its place, every link a target."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from demonstration import ROOT
from yaml import safe_load

CONFIGURATION = ROOT / "website/mkdocs.yml"
_LOADED = re.compile(
    r"""<(?:script|img|iframe|link[^>]*stylesheet)[^>]*(?:src|href)=["']?https?:"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site; a link that leads nowhere fails the build."""
    folder = tmp_path_factory.mktemp("site")
    command = [Path(sys.executable).with_name("mkdocs"), "build", "--strict", "--quiet"]
    done = subprocess.run(
        [*command, "--config-file", CONFIGURATION, "--site-dir", folder],
        env={"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_of_the_documentation_has_its_place() -> None:
    text = CONFIGURATION.read_text(encoding="utf-8")
    named = set(re.findall(r"[\w./-]+\.md", str(safe_load(text)["nav"])))
    pages = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert pages <= named
    assert all((ROOT / page).is_file() for page in named)


def test_a_page_loads_nothing_from_another_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    loaded = [page.name for page in pages if _LOADED.search(page.read_text(encoding="utf-8"))]
    assert not loaded
    assert _LOADED.search('<script src="https://else.example/x.js">')
