"""What is built and installed: everything that runs, under which terms, in which versions."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.needs("git")
ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PACKAGES = ("anonymizer", "audience", "cli", "officer", "pipelines", "portal", "data_samples")
# Versions of these decide about bytes of releases and exports, or of the sample world.
DECIDING = {
    *("duckdb", "pyarrow", "numpy", "scipy", "highspy", "idna", "tzdata", "xlsxwriter"),
    *("faker", "dagster", "dagster-webserver", "pyspark", "sqlglot"),
}
_LOCKED = re.compile(
    r"^([A-Za-z0-9_.-]+)(?:\[\w+\])?==([^ ;]+)(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL
)
LOCKED = {name: (exact, rest) for name, exact, rest in _LOCKED.findall(LOCK)}


def wanted(group: list[str]) -> dict[str, str]:
    """Requirements by name, with the rest of each."""
    found = (re.fullmatch(r"([A-Za-z0-9-]+)(\[[\w,]+\])?(.*)", text) for text in group)
    return {match[1].lower(): match[3] for match in found if match}


# As pip builds: neither the package nor its folder is on the path.
BUILD = (
    "import sys; from hatchling.build import build_{0}\n"
    "sys.path = [path for path in sys.path if path != sys.argv[2]]\n"
    "build_{0}(sys.argv[1])"
)


def build(kind: str, source: Path, folder: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-I", "-c", BUILD.format(kind), str(folder), str(ROOT)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return next(folder.iterdir())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source archive, as whoever installs that builds it."""
    archive = build("sdist", ROOT, tmp_path_factory.mktemp("archive"))
    source = tmp_path_factory.mktemp("source")
    with tarfile.open(archive) as packed:
        packed.extractall(source, filter="data")
    return build("wheel", next(source.iterdir()), tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def tracked(*folders: str) -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "--", *folders], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_the_wheel_has_every_file_of_the_packages_and_the_terms(unpacked: Path) -> None:
    for name in tracked(*PACKAGES, "sql"):
        assert (unpacked / name).is_file(), name
    for package in PACKAGES:
        assert (unpacked / package / "py.typed").is_file()
    terms = next(unpacked.glob("audience-*.dist-info/licenses"))
    assert "Apache License" in (terms / "LICENSE").read_text("utf-8")
    assert "Cahya DSN" in (terms / "NOTICE").read_text("utf-8")
    assert re.fullmatch(
        r"[0-9a-f]{12}(\.changed)?\n", (unpacked / "anonymizer/commit.txt").read_text()
    )


@pytest.fixture(params=["checkout", "wheel"])
def packages(request: pytest.FixtureRequest) -> Path:
    """The folder of the packages."""
    return ROOT if request.param == "checkout" else Path(request.getfixturevalue("unpacked"))


SAY_SO = "import pathlib; pathlib.Path(__file__).with_name('was_loaded').touch()\n"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A working directory whose packages have the names of ours; none of them is loaded."""
    for package in (*PACKAGES, "sql"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(SAY_SO, "utf-8")
    for path in (ROOT / "sql").glob("*.sql"):
        (tmp_path / "sql" / path.name).write_text("-- evil", "utf-8")
    (tmp_path / "data_samples/reference").mkdir()
    (tmp_path / "data_samples/reference/regions.csv").write_text("code\n", "utf-8")
    yield tmp_path
    assert not list(tmp_path.rglob("was_loaded"))


def call_in(folder: Path, packages: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={"PYTHONPATH": str(packages), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_files_of_the_packages_are_not_found_by_a_name_on_the_path(
    packages: Path, elsewhere: Path
) -> None:
    """Not even with the working directory first on the path, as `python -c` has it."""
    program = (
        "import sys; here = sys.path.pop(0)\n"
        "from anonymizer.storage.engines.duckdb import read\n"
        "from anonymizer.model.dimensions import reference_regions\n"
        "sys.path.insert(0, here)\n"
        "assert read('select_figures') != '-- evil' and len(reference_regions()) == 553\n"
        "print(sys.modules['anonymizer'].__file__)"
    )
    done = call_in(elsewhere, packages, "-c", program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(packages))


def test_a_package_opens_files_of_its_own_alone_by_name() -> None:
    """`files("x")` imports x: outside x that is whatever comes first on the path. The library is
    imported before its files are opened."""
    for name in tracked(*PACKAGES):
        if name.endswith(".py"):
            text = (ROOT / name).read_text("utf-8")
            found = re.findall(r"""\b(?:files|PackageLoader)\(["'](\w+)""", text)
            assert set(found) <= {name.split("/")[0], "anonymizer"}, name


@pytest.mark.slow
def test_the_code_location_is_that_of_the_packages(packages: Path, elsewhere: Path) -> None:
    validate(packages / "pipelines/workspace.yaml", packages, elsewhere)


@pytest.mark.slow
def test_the_code_location_of_the_units_is_that_of_the_checkout(elsewhere: Path) -> None:
    validate(ROOT / "workspace.yaml", ROOT, elsewhere)


def validate(workspace: Path, packages: Path, elsewhere: Path) -> None:
    words = ("definitions", "validate", "--load-with-grpc", "--workspace", str(workspace))
    done = call_in(elsewhere, packages, "-m", "dagster", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Validation successful for code location audience" in done.stdout + done.stderr


@pytest.mark.slow
def test_the_wheel_runs_outside_the_checkout(unpacked: Path, tmp_path: Path) -> None:
    program = (
        "import sys, audience, cli.main, pipelines.definitions\n"
        "from anonymizer.storage.engines.duckdb import read\n"
        "from anonymizer.model.version import code_version\n"
        "assert audience.__file__.startswith(sys.argv[1])\n"
        "assert sys.modules[read.__module__].__file__.startswith(sys.argv[1])\n"
        "assert read('select_figures') and code_version().partition('+g')[2]"
    )
    environment = {"PYTHONPATH": str(unpacked), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", program, str(unpacked)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_notices_name_every_file_of_others() -> None:
    notice = (ROOT / "NOTICE").read_text("utf-8")
    named = set(re.findall(r"^(\w\S+\.\w+)$", notice, re.MULTILINE))
    shipped = {Path(name).name for name in tracked("data_samples/reference")}
    drawn = {name for name in tracked("portal") if name.endswith(".json")}
    assert named == shipped - {"README.md"} | drawn


def test_every_dependency_is_locked_with_hashes_as_wanted() -> None:
    extras = PROJECT["project"]["optional-dependencies"].values()
    groups = [PROJECT["project"]["dependencies"], *extras]
    for name, limits in wanted([text for group in groups for text in group]).items():
        if name == "audience":
            continue
        exact, _ = LOCKED[name.replace("_", "-")]
        if limits.startswith("=="):
            assert limits.removeprefix("==").partition(";")[0].strip() == exact, name
    for name, (_, rest) in LOCKED.items():
        assert "--hash=sha256:" in rest, name
    assert "://" not in LOCK
    assert not re.search(r"^ *-(?!-hash=)", LOCK, re.MULTILINE)


def test_what_decides_about_bytes_is_pinned_in_the_package_itself() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    groups = [PROJECT["project"]["dependencies"]]
    groups += [group for extra, group in extras.items() if extra != "dev"]
    pinned = {
        name
        for name, limits in wanted([text for group in groups for text in group]).items()
        if limits.startswith("==")
    }
    assert pinned == DECIDING


def test_the_installed_versions_are_those_of_the_lock() -> None:
    for name, (exact, rest) in LOCKED.items():
        if "sys_platform == 'win32'" in rest.split("\\")[0]:
            continue
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue  # a tool that this test run does not need
        assert installed == exact, name


def test_the_lock_is_installed_with_its_hashes() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    installs = [
        line for line in makefile.splitlines() if "requirements.lock" in line and " pip " in line
    ]
    assert installs
    assert all("--require-hashes" in line for line in installs if "uv" not in line)


def test_the_changelog_speaks_of_this_version_first() -> None:
    versions = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    released = [one for one in versions if not one.lower().endswith("unreleased")]
    assert released[0] == PROJECT["project"]["version"]
    assert versions[-len(released) :] == released, "what is not released stands first"


def test_hooks_need_nothing_but_the_tools_of_make_check() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert [repository["repo"] for repository in hooks] == ["local"]
    entries = {hook["entry"].split()[0] for hook in hooks[0]["hooks"]}
    assert entries == {f".venv/bin/{tool}" for tool in ("ruff", "mypy", "lint-imports", "python")}
    checks = (ROOT / "Makefile").read_text("utf-8").partition("\ncheck:")[2].partition("\n\n")[0]
    tools = set(re.findall(r"\$\(BIN\)/([a-z-]+)", checks)) - {"dg"}  # too slow for every commit
    assert {f".venv/bin/{tool}" for tool in tools} | {".venv/bin/python"} == entries


@pytest.mark.parametrize(
    ("module", "extra", "words"),
    [
        ("dagster_webserver", "ui", ("ui",)),
        ("jwt", "deletions", ("source", "deletions", "inbox.jwt")),
    ],
)
def test_a_command_without_its_optional_package_says_what_to_install(
    module: str, extra: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    program = (
        "import importlib.util as u, sys; found, lacking = u.find_spec, sys.argv[1]\n"
        "u.find_spec = lambda name, *more: None if name == lacking else found(name, *more)\n"
        "sys.argv[:2] = ['audience']\n"
        "from cli.main import main; main()"
    )
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-c", program, module, *words, "--home", str(home)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert f"pip install 'audience[{extra}]'" in done.stderr
    assert not home.exists()


def test_a_missing_driver_is_named_with_the_command_that_installs_it(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from anonymizer.release.ledger import Ledger\n"
        "from anonymizer.model.errors import ConfigurationError\n"
        "try: Ledger.open('postgresql://keeper@localhost/ledger')\n"
        "except ConfigurationError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "pip install 'audience[postgres]'" in done.stdout
