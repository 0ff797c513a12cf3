"""The pictures of the documentation, taken of the demo with a key that everyone knows.

make pictures                                   makes that demo in build/pictures, then takes them
python website/pictures.py --folder FOLDER      the same elsewhere; a demo that is there is used

`docs/pictures/contents.json` keeps, for each picture, digests of its file and of the text that it
shows (cells, words of a page, names of assets). A test reads the text again from a new demo with
the same key: a picture that is no longer current fails it. Needs Chromium, LibreOffice and
pdftoppm of poppler.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import openpyxl
from playwright.sync_api import Page
from studio import (
    AUDIENCE,
    LOGIN,
    PASSWORD,
    ROOT,
    Scheme,
    Studio,
    demo_home,
    held_home,
    run_held,
    serving,
    studio,
)

PICTURES = ROOT / "docs/pictures"
CONTENTS = PICTURES / "contents.json"
CAMPAIGN = "Year-End Sale"
_INDONESIAN = "_id"
_LOCALES = {"en": "en-GB", "id": "id-ID"}
# What LibreOffice shows numbers with; the file itself leaves this to the reader's machine.
_SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse">
<value>{locale}</value></prop></item></oor:items>
"""
_SETTLING_MILLISECONDS = 6_000  # of pages that draw with scripts
# What differs between two demos of the same key: times of runs and numbers of ports.
_TIMES = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?\S*")


@dataclass(frozen=True)
class Picture:
    """What a picture shows as text, and how it is taken."""

    text: Callable[[Studio], str]
    take: Callable[[Studio, Path], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "build/pictures")
    parser.add_argument("--only", nargs="+", choices=sorted(ALL), default=sorted(ALL))
    given = parser.parse_args()
    if not all(map(shutil.which, ("chromium", "soffice", "pdftoppm"))):
        packages = "chromium libreoffice-calc poppler-utils"
        sys.exit(f"a program is missing; apt-get install --no-install-recommends {packages}")
    given.folder.mkdir(parents=True, exist_ok=True)
    homes = demo_home(given.folder / "home"), held_home(given.folder / "held")
    contents = json.loads(CONTENTS.read_text()) if CONTENTS.exists() else {}
    with studio(*homes, given.folder) as ready:
        for name in given.only:
            path = PICTURES / f"{name}.png"
            ALL[name].take(ready, path)
            contents[name] = {"file": digest(path.read_bytes()), "text": text_digest(name, ready)}
            CONTENTS.write_text(json.dumps(contents, indent=2, sort_keys=True) + "\n")
            print(path.relative_to(ROOT))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def text_digest(name: str, ready: Studio) -> str:
    """Of the text that the picture has to show now."""
    return digest(_TIMES.sub("", ALL[name].text(ready)).encode())


# ----- workbooks


def workbook(language: str, *, down_to: int = 0) -> Picture:
    """The first page on paper of the newest week; `down_to` cuts it after so many pixels."""
    return Picture(
        lambda ready: _cells(_newest_week(ready.home, language)),
        lambda ready, path: _photograph(
            to_pdf(_newest_week(ready.home, language), ready.folder, language), path, down_to
        ),
    )


def _newest_week(home: Path, language: str) -> Path:
    name = CAMPAIGN.lower().replace(" ", "-")
    books = (home / "published/exports").glob(f"*/*/{name}_week-*.xlsx")
    indonesian = language == "id"
    return max(
        (path for path in books if path.stem.endswith(_INDONESIAN) == indonesian),
        key=lambda path: path.name,
    )


def _cells(book: Path) -> str:
    rows = openpyxl.load_workbook(book).worksheets[0].iter_rows(values_only=True)
    return "\n".join(str(value) for row in rows for value in row if value is not None)


def to_pdf(book: Path, folder: Path, language: str) -> Path:
    """A workbook on paper, with numbers as readers of the language write them."""
    office = folder.resolve() / f"office-{language}"
    settings = office / "user/registrymodifications.xcu"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(_SETTINGS.format(locale=_LOCALES[language]), encoding="utf-8")
    convert = ["soffice", f"-env:UserInstallation=file://{office}", "--headless"]
    command = [*convert, "--convert-to", "pdf", "--outdir", str(folder), str(book)]
    subprocess.run(command, check=True, capture_output=True)
    return folder / f"{book.stem}.pdf"


def _photograph(pdf: Path, path: Path, down_to: int) -> None:
    cut = ["-x", "0", "-y", "0", "-H", str(down_to)] if down_to else []
    to_png = ["pdftoppm", "-png", "-singlefile", "-r", "90", "-l", "1", *cut]
    subprocess.run([*to_png, str(pdf), str(path.with_suffix(""))], check=True)


# ----- portal


def portal(scheme: Scheme) -> Picture:
    """The page of a campaign."""

    def text(ready: Studio) -> str:
        with _campaign_page(ready, scheme) as page:
            return page.locator("main").inner_text()

    def take(ready: Studio, path: Path) -> None:
        with _campaign_page(ready, scheme) as page:
            page.screenshot(path=path)

    return Picture(text, take)


@contextmanager
def _campaign_page(ready: Studio, scheme: Scheme) -> Iterator[Page]:
    command = (*AUDIENCE, "portal", "--port")
    with (
        serving(ready.home, command, "/sign-in") as address,
        ready.page(1280, 1500, scheme) as page,
    ):
        page.goto(f"{address}/sign-in")
        page.fill("#login", LOGIN)
        page.fill("#password", PASSWORD)
        page.click("main button")
        page.click(f"text={CAMPAIGN}")
        yield page


# ----- Dagster


def _graph(_: Studio) -> str:
    """Which group of assets reads which: the graph as it opens."""
    from pipelines.definitions import defs  # noqa: PLC0415  Dagster is slow to import

    specs = {spec.key: spec for spec in defs.resolve_all_asset_specs()}
    arrows = {
        f"{specs[dependency.asset_key].group_name} -> {spec.group_name}"
        for spec in specs.values()
        for dependency in spec.deps
        if dependency.asset_key in specs
    }
    return "\n".join(sorted(arrows))


def _take_graph(ready: Studio, path: Path) -> None:
    with _dagster(ready.home) as address, ready.page(1700, 1000) as page:
        page.goto(f"{address}/asset-groups/")
        page.get_by_text("audience_months").first.wait_for(state="attached")
        page.wait_for_timeout(_SETTLING_MILLISECONDS)
        page.screenshot(path=path)


def _take_held(ready: Studio, path: Path) -> None:
    with _dagster(ready.held) as address, ready.page(1400, 900) as page:
        page.goto(f"{address}/assets/campaign_reach?view=checks&checkDetail=plausible")
        page.get_by_text("measures").first.wait_for(state="attached")
        page.wait_for_timeout(_SETTLING_MILLISECONDS)
        page.screenshot(path=path)


@contextmanager
def _dagster(home: Path) -> Iterator[str]:
    with serving(home, (*AUDIENCE, "ui", "--port"), "/server_info") as address:
        yield address


# ----- notebook and site


def _notebook(_: Studio) -> str:
    return (ROOT / "examples/notebook.py").read_text(encoding="utf-8")


def _take_notebook(ready: Studio, path: Path) -> None:
    options = ("--headless", "--no-token", "--host", "127.0.0.1", "--port")
    notebook = str(ROOT / "examples/notebook.py")
    command = (sys.executable, "-m", "marimo", "run", notebook, *options)
    with serving(ready.home, command, "/health") as address, ready.page(1100, 1250) as page:
        page.goto(address)
        page.locator("canvas").first.wait_for(state="attached")
        page.wait_for_timeout(_SETTLING_MILLISECONDS)
        page.screenshot(path=path)


def _site(_: Studio) -> str:
    """Its places, and the first sentences of its first page."""
    places = (ROOT / "website/mkdocs.yml").read_text(encoding="utf-8")
    first, _, _ = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## ")
    return places + first


def _take_site(ready: Studio, path: Path) -> None:
    folder = ready.folder / "site"
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    subprocess.run(
        [*build, "--config-file", str(ROOT / "website/mkdocs.yml")],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )
    with ready.page(1280, 800) as page:
        page.goto((folder / "index.html").resolve().as_uri())
        page.screenshot(path=path)


ALL: Mapping[str, Picture] = {
    "export": workbook("en", down_to=560),
    "workbook": workbook("en"),
    "workbook-id": workbook("id"),
    "portal": portal("light"),
    "portal-dark": portal("dark"),
    "graph": Picture(_graph, _take_graph),
    "held": Picture(lambda ready: run_held(ready.held), _take_held),
    "notebook": Picture(_notebook, _take_notebook),
    "site": Picture(_site, _take_site),
}


if __name__ == "__main__":
    main()
