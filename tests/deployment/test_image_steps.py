"""The steps of deploy/Dockerfile in a clean folder: what they make runs a day, without Docker.

Copies, commands, variables and the account are those of the file. Left out: the download of the
locked packages, which `make install` does in the same way (here they are lent by the environment of
the tests), and accounts and folders of the image's system.
"""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from demonstration import ROOT
from running import call
from services import DEPLOY, environment_of_the_image, in_dockerfile

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="takes the account that the image names"),
]
COMMIT = "0123456789ab"
_PLACES = ("/opt/audience", "/build", "/srv/audience", "/etc/audience")


@dataclass(frozen=True)
class Image:
    """A folder that stands for the file system of the image, and the account of its processes.

    `python` is an interpreter that the account may run.
    """

    root: Path
    account: int
    python: str

    def here(self, text: str) -> str:
        pattern = "|".join(rf"(?<![\w./-]){place}(?![\w-])" for place in _PLACES)
        return re.sub(pattern, lambda place: f"{self.root}{place[0]}", text)

    def run(self, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """A command in a container of the image: its variables, account and working folder."""
        found = {name: self.here(value) for name, value in environment_of_the_image().items()}
        path = found["PATH"].replace("$PATH", "/usr/bin:/bin")
        return subprocess.run(
            words,
            env={**found, **variables, "PATH": path},
            cwd=self.here(in_dockerfile("WORKDIR")),
            user=self.account,
            group=self.account,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
        )


def instructions() -> list[tuple[str, str]]:
    """Word and rest of each, in order, without comments."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, " ".join(rest.split())) for word, _, rest in (x.partition(" ") for x in lines)]


def context() -> Iterator[Path]:
    """What `docker build` sends: every file that .dockerignore does not name."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    for folder, names, files in os.walk(ROOT):
        here = Path(folder).relative_to(ROOT)
        names[:] = [
            name for name in names
            if not any(fnmatch.fnmatch(str(here / name), pattern) for pattern in ignored)
            and name != "__pycache__"
        ]  # fmt: skip
        yield from (here / name for name in files if name not in ignored)


def interpreter(account: int) -> str:
    """That of the tests, or the system's of the same version where the account may not run it."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for program in (sys.executable, shutil.which(version, path="/usr/bin:/usr/local/bin")):
        try:
            if program:
                subprocess.run([program, "-c", ""], check=True, user=account, group=account)
                return program
        except (PermissionError, subprocess.CalledProcessError):
            continue
    pytest.skip(f"no {version} that account {account} may run")


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """Made by the steps of the file. Not in pytest's folder, which the account may not enter."""
    account = re.search(r"useradd --uid (\d+)", (DEPLOY / "Dockerfile").read_text())
    assert account
    root = Path(tempfile.mkdtemp(prefix="image-", dir="/tmp"))
    root.chmod(0o755)
    made = Image(root, int(account[1]), interpreter(int(account[1])))
    try:
        for word, rest in instructions():
            if word == "COPY":
                _copy(made, rest)
            elif word == "RUN":
                for command in rest.split(" && "):
                    _execute(made, command)
        yield made
    finally:
        shutil.rmtree(root)


def _copy(image: Image, rest: str) -> None:
    if rest.startswith("--from=build"):
        source, target = rest.split()[1:]
        assert source == target  # the folder is there already, under the same name
        return
    source, target = rest.split()
    if source == ".":
        for path in context():
            (place := Path(image.here(target)) / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, place)
        return
    place = Path(image.here(target)) / (Path(source).name if target.endswith("/") else "")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / source, place)


def _execute(image: Image, command: str) -> None:
    words = command.split()
    if words[0] in ("groupadd", "useradd"):
        return  # of the image's own system: the number alone counts here
    if "--require-hashes" in words:
        lock = Path(image.here(words[words.index("--requirement") + 1]))
        assert lock.read_bytes() == (ROOT / "requirements.lock").read_bytes()
        _lend_packages(image)
        return
    command = image.here(re.sub(r"^python ", f"{image.python} ", command))
    command = re.sub(r"(--owner|--group) audience", rf"\1 {image.account}", command)
    done = subprocess.run(
        ["sh", "-c", command],
        env={"PATH": "/usr/bin:/bin", "COMMIT": COMMIT, "HOME": str(image.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def _lend_packages(image: Image) -> None:
    """The packages of the tests' environment, but for an editable installation of the sources."""
    (lent,) = (path for path in sys.path if path.endswith("site-packages"))
    (own,) = Path(image.here("/opt/audience")).glob("lib/python*/site-packages")
    (own / "lent.pth").write_text(f"{lent}\n")


def test_the_package_is_that_of_the_commit_and_runs_as_the_account(image: Image) -> None:
    done = image.run("audience", "--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(f"+g{COMMIT}")
    done = image.run(
        "python", "-c", "import anonymizer, os; print(anonymizer.__file__, os.getuid())"
    )
    place, account = done.stdout.split()
    assert place.startswith(image.here("/opt/audience"))
    assert int(account) == image.account
    words = in_dockerfile("CMD")
    assert re.findall(r'"([^"]+)"', words) == ["audience", "--help"]
    assert image.run("audience", "--help").returncode == 0


def test_the_files_of_the_service_are_in_the_image(image: Image) -> None:
    workspace = Path(image.here("/etc/audience/workspace.yaml"))
    assert workspace.read_bytes() == (DEPLOY / "workspace.yaml").read_bytes()
    for name in ("/srv/audience", "/srv/audience/dagster"):
        status = Path(image.here(name)).stat()
        assert (status.st_uid, status.st_mode & 0o777) == (image.account, 0o700)


def test_a_day_is_released_from_raw_files_that_the_account_cannot_write(image: Image) -> None:
    home = Path(image.here("/srv/audience"))
    made = image.run("audience", "init", "--first-day", "2026-11-01")
    assert made.returncode == 0, made.stderr
    world = image.root / "world"
    done = call(
        "sample", "--home", world, "--people", "3000", "--days", "1", "--visits", "10000",
        "--campaigns", "2", "--advertisers", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shutil.rmtree(home / "raw")
    (world / "raw").rename(home / "raw")  # of root, readable by everybody: as a mount with `ro`
    programs = Path(image.here("/opt/audience"))
    before = {path: path.stat().st_mtime_ns for path in (home / "raw").rglob("*")}
    run = image.run("audience", "run", "--from", "2026-11-01", "--to", "2026-11-01")
    assert run.returncode == 0, run.stdout + run.stderr
    assert image.run("audience", "verify").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in (home / "raw").rglob("*")} == before
    assert [path for path in programs.rglob("*") if path.lstat().st_uid == image.account] == []
