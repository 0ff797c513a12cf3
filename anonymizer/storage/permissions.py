"""Keeps what is not for others out of the reach of other accounts of the machine.

Nothing depends on the umask: while a run has the lock, what libraries create is its owner's alone;
what is published gets its mode where it is written (`files.py`). Before a run computes anything, it
checks that it can write all that it is going to write.
"""

import os
import pwd
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from anonymizer.model.errors import NoSpace
from anonymizer.storage.home import Home

OWNER_ONLY = 0o077  # as a umask
_FOLDER, _FILE = 0o700, 0o600


def restrict(home: Home) -> None:
    """Let nobody but the owner into working data, run history, alerts, requests and the ledger.

    What is not there yet is left out, but for `private/`, which is made.
    """
    with suppress(OSError):  # without room or permission: what is written next says so
        home.private.mkdir(parents=True, exist_ok=True)
    for folder in (
        *(home.private, home.dagster, home.raw / "requests", home.delivery),
        *(home.root / "alerts", home.root / "logs"),
    ):
        with suppress(OSError):  # somebody else's mount: its owner decides
            folder.chmod(_FOLDER)
    for file in (home.ledger, home.lock):
        with suppress(OSError):
            file.chmod(_FILE)


def require_writable(home: Home) -> None:
    """Raise NoSpace with every folder and file of a home that a run writes and this account cannot.

    What is missing can be made if the nearest folder above it can be written.
    """
    _refuse(_described(path, home) for path in _written(home) if not _is_writable(path))


def require_paths(files: Iterable[Path]) -> None:
    """Raise NoSpace with every folder in which these files cannot be written."""
    folders = dict.fromkeys(path.absolute().parent for path in files)
    _refuse(str(folder) for folder in folders if not _is_writable(folder))


def _refuse(paths: Iterable[str]) -> None:
    if unwritable := list(paths):
        raise NoSpace(", ".join(unwritable), "no permission, or the disk is read-only")


def _written(home: Home) -> Iterator[Path]:
    """Folders in which a run replaces files, and files that it writes in place."""
    yield from (home.root, home.published, home.private)
    for folder in (home.releases, home.exports, home.figures, home.published / ".staging"):
        yield from _with_folders(folder)
    yield from (path for path in _with_folders(home.private) if path != home.private)
    for folder in (home.dagster, home.root / "alerts"):
        yield from (folder for _ in range(folder.is_dir()))
    yield from (path for path in (home.ledger, home.lock) if path.exists())


def _with_folders(folder: Path) -> Iterator[Path]:
    """A folder that is there and those directly in it, released ones aside: they do not change."""
    if folder.is_dir():
        yield folder
        if folder.name != "releases" and os.access(folder, os.R_OK | os.X_OK):
            yield from sorted(path for path in folder.iterdir() if path.is_dir())


def _is_writable(path: Path) -> bool:
    """Whether it, or else the nearest folder above it, can be written by this account."""
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    wanted = os.W_OK | os.X_OK if path.is_dir() else os.W_OK
    return os.access(path, wanted, effective_ids=os.access in os.supports_effective_ids)


def _described(path: Path, home: Home) -> str:
    return str(path) if path == home.root else str(path.relative_to(home.root))


def account_name() -> str:
    """The account of this machine that runs the program; its number where it has no name.

    The system says so, not the environment, which anybody can set.
    """
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
