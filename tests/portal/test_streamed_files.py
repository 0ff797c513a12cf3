"""Files and packages are sent from a proved copy, in parts: a large one takes no memory."""

import hashlib
import os
import tracemalloc
import zipfile
from datetime import date
from pathlib import Path

import pytest

from anonymizer.exports.circulation import RecordedExport
from anonymizer.exports.export_files import ExportFiles
from anonymizer.model.errors import Held
from anonymizer.model.periods import Period
from anonymizer.storage.home import Home, PublishedCopy

pytestmark = pytest.mark.xdist_group("portal")
NAME, SIZE, ALLOWED = "spring.parquet", 12 * 2**20, 3 * 2**20


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return PublishedCopy(tmp_path)


@pytest.fixture
def export(home: Home) -> RecordedExport:
    """A release with one large file, as the ledger would record it."""
    folder = home.exports / "maju/r"
    folder.mkdir(parents=True)
    content = os.urandom(SIZE)
    (folder / NAME).write_bytes(content)
    digests = {NAME: hashlib.sha256(content).hexdigest()}
    return RecordedExport("r", "maju", Period("day", date(2026, 11, 22)), 1, digests)


def test_a_large_file_is_proved_and_read_without_being_held_in_memory(
    home: Home, export: RecordedExport
) -> None:
    tracemalloc.start()
    try:
        with ExportFiles(home).proved(export, NAME) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert digest == export.files[NAME]
    assert peak < ALLOWED


def test_a_package_with_it_is_neither(home: Home, export: RecordedExport) -> None:
    tracemalloc.start()
    try:
        with ExportFiles(home).package([export]) as file:
            peak = tracemalloc.get_traced_memory()[1]
            with zipfile.ZipFile(file) as package:
                assert package.testzip() is None
                assert package.infolist()[0].file_size == SIZE
    finally:
        tracemalloc.stop()
    assert peak < ALLOWED


def test_what_is_sent_is_what_was_compared(home: Home, export: RecordedExport) -> None:
    """Changing the file while it is sent changes nothing."""
    with ExportFiles(home).proved(export, NAME) as file:
        (home.exports / "maju/r" / NAME).write_bytes(b"changed")
        assert hashlib.sha256(file.read()).hexdigest() == export.files[NAME]


@pytest.mark.parametrize("change", ["byte", "missing", "longer"])
def test_a_file_that_differs_is_not_sent(home: Home, export: RecordedExport, change: str) -> None:
    path = home.exports / "maju/r" / NAME
    if change == "missing":
        path.unlink()
    else:
        with path.open("r+b") as file:
            file.seek(SIZE if change == "longer" else SIZE - 1)
            file.write(bytes([path.read_bytes()[-1] ^ 1]))
    files = ExportFiles(home)
    for asked in (lambda: files.proved(export, NAME), lambda: files.package([export])):
        with pytest.raises(Held) as raised:
            asked()
        assert raised.value.reason == "export_edited"
