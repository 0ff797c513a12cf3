"""Other accounts of the machine see what is published and nothing else, whatever the umask."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from interrupted_run import run
from release_world import DAY, release

from anonymizer.model.errors import NoSpace
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive

pytestmark = pytest.mark.alternate("rights of files")

NOBODY = 65_534


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_working_data_and_the_ledger_are_their_owners_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    (home.raw / "requests").mkdir(parents=True)
    home.dagster.mkdir()
    release(home)
    assert mode(home.private) == mode(home.dagster) == mode(home.raw / "requests") == 0o700
    assert mode(home.ledger) == 0o600
    assert mode(home.releases) & 0o055 == 0o055


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder that every account can look into, which pytest's own are not."""
    position = Path(tempfile.mkdtemp())
    position.chmod(0o755)
    yield position
    shutil.rmtree(position)


def as_nobody(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python under another account: what stands before `become_nobody()` is run as root."""
    if os.getuid():
        pytest.skip("becoming another account needs the right to do so")
    return subprocess.run(
        [sys.executable, "-c", _BECOME + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd="/",
    )


# Python itself may lie where another account cannot read it, so that it has to be loaded before.
_BECOME = f"""
import os
def become_nobody():
    os.setgroups([])
    os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
    os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
"""


def public_and_private(home: Home) -> tuple[set[int], set[int], set[int], set[int]]:
    """Modes of published files and folders, and of private ones."""
    published = [home.published, *home.published.rglob("*")]
    private = [home.private, *home.private.rglob("*"), home.ledger, home.lock]
    return (
        {mode(path) for path in published if path.is_file()},
        {mode(path) for path in published if path.is_dir()},
        {mode(path) for path in private if path.is_file()},
        {mode(path) for path in private if path.is_dir()},
    )


@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o777])
def test_modes_do_not_depend_on_the_umask(umask: int, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    before = os.umask(umask)
    try:
        run(home, DAY)
        found = public_and_private(home)
        assert os.umask(umask) == umask, "the lock gives the umask back"
    finally:
        os.umask(before)
    assert found == ({0o644}, {0o755}, {0o600}, {0o700})
    assert mode(home.root) == 0o755


_RUN = """
import os, sys
from datetime import date
from pathlib import Path
from anonymizer.storage.home import Home
from interrupted_run import run
run(Home(Path(sys.argv[3])), date(2026, 11, 22))  # loads everything
become_nobody()
os.umask(int(sys.argv[2], 8))
home = Home(Path(sys.argv[1]) / "home")
run(home, date(2026, 11, 22))
run(home, date(2026, 11, 23))
"""


@pytest.mark.parametrize("umask", ["0", "777"])
def test_an_account_without_privileges_works_under_any_umask(
    umask: str, open_place: Path, tmp_path: Path
) -> None:
    """Root can read its files whatever their mode; others could not go on with mode 000."""
    open_place.chmod(0o777)
    done = as_nobody(_RUN, open_place, umask, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    expected = ({0o644}, {0o755}, {0o600}, {0o700})
    assert public_and_private(Home(open_place / "home")) == expected


_HOLD = """
import fcntl, os, sys
become_nobody()
for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
    try:
        fcntl.flock(os.open(sys.argv[1], flags), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except PermissionError:
        print("refused")
    else:
        print("held")
"""


def test_another_account_cannot_hold_the_lock(open_place: Path) -> None:
    """Nor one that was left by an earlier version, which everybody could read."""
    home = Home(open_place / "home")
    home.root.mkdir()
    home.root.chmod(0o755)  # whatever the umask
    home.lock.touch()
    home.lock.chmod(0o644)
    assert as_nobody(_HOLD, home.lock).stdout.split() == ["held", "refused", "refused"]
    with exclusive(home):
        pass
    assert as_nobody(_HOLD, home.lock).stdout.split() == ["refused"] * 3


def test_the_lock_is_not_taken_through_a_link(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    home.lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NoSpace), exclusive(home):
        pass
    assert not (tmp_path / "elsewhere").exists()


# --- asked before anything is computed

_TAKE = """
import os, sys
from pathlib import Path
from anonymizer.model.errors import AudienceError
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
become_nobody()
try:
    with exclusive(Home(Path(sys.argv[1]))):
        print("taken")
except AudienceError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def unwritable(home: Home, *positions: str) -> subprocess.CompletedProcess[str]:
    """What another account is told that may write everything but these."""
    for path in [home.root, *home.root.rglob("*")]:
        owner = 0 if str(path.relative_to(home.root)) in positions else NOBODY
        os.chown(path, owner, owner)
        path.chmod(0o755 if path.is_dir() else 0o644)
    return as_nobody(_TAKE, home.root)


@pytest.mark.parametrize(
    "positions",
    [
        (".",),
        ("published",),
        ("private",),
        ("private/near",),
        ("published/releases", "published/exports"),
        ("published/exports/maju",),
        ("ledger.sqlite",),
        (".", "published", "private", "ledger.sqlite"),
    ],
)
def test_everything_that_cannot_be_written_is_told_at_once(
    positions: tuple[str, ...], open_place: Path
) -> None:
    home = Home(open_place / "home")
    run(home, DAY)
    assert unwritable(home).stdout == "taken\n"
    told = unwritable(home, *positions)
    assert told.returncode == 6
    assert told.stdout.startswith("no_space: cannot write in ")
    named = told.stdout.removeprefix("no_space: cannot write in ").split(" (")[0].split(", ")
    assert named == [str(home.root) if position == "." else position for position in positions]


def test_a_home_that_cannot_be_made_is_told_too(open_place: Path) -> None:
    told = as_nobody(_TAKE, open_place / "new")
    assert told.returncode == 6
    assert str(open_place / "new") in told.stdout
