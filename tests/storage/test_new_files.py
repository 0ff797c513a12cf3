"""New files of one command: whole and their owner's alone, or not there."""

import os
import resource
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anonymizer.model.errors import NoSpace
from anonymizer.storage.files import write_new
from cli.trial_page import write_page
from portal.share_profile import write_profile

Write = Callable[[Path], None]
WRITES: dict[str, Write] = {
    "bytes": lambda path: write_new(b"x" * 100, path),
    "profile": lambda path: write_profile(path, "http://localhost", "t", datetime.now(UTC)),
    "page": lambda path: write_page(path, ["a"], []),
}


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """No file of this process can have more bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_file_that_is_not_whole_is_removed(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "new"
    with full_after(16), pytest.raises(NoSpace):
        write(path)
    assert list(tmp_path.iterdir()) == []
    write(path)
    assert path.stat().st_size > 16


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_what_is_there_stays(tmp_path: Path, write: Write) -> None:
    path, link = tmp_path / "old", tmp_path / "link"
    path.write_text("old")
    link.symlink_to(tmp_path / "nowhere")
    for there in (path, link):
        with pytest.raises(NoSpace):
            write(there)
    assert (path.read_text(), link.is_symlink()) == ("old", True)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_new_file_is_its_owners_alone(tmp_path: Path, write: Write) -> None:
    before = os.umask(0)
    try:
        write(tmp_path / "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
