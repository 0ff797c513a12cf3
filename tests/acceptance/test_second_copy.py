"""The same raw data in other clothes gives the same exports, byte for byte."""

import shutil
from pathlib import Path

import pytest
from rewriting import rewrite
from running import call, start

from anonymizer.storage.home import Home

DAYS = ("--from", "2026-11-01", "--to", "2026-11-03")


def release_all(home: Path, **environment: str) -> None:
    """In a process of its own, which alone has a hash seed and a time zone of its own."""
    done = start("run", *DAYS, "--home", home, environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("copies") / "first"
    for words in (("init",), ("sample", "--people", "3000", "--days", "3", "--visits", "30000")):
        assert call(*words, "--home", home).returncode == 0
    release_all(home, PYTHONHASHSEED="1", TZ="UTC")
    return home


@pytest.mark.slow
@pytest.mark.xdist_group("copies")
@pytest.mark.parametrize(
    ("file_format", "zone"),
    [("csv", "America/New_York"), ("jsonl", "Asia/Jakarta"), ("parquet", "UTC")],
)
def test_order_format_threads_and_hash_seed_change_nothing(
    first: Path, tmp_path: Path, file_format: str, zone: str
) -> None:
    second = tmp_path / "second"
    second.mkdir()
    for name in ("policy.yaml", "segments.yaml", "secret.key"):
        shutil.copy2(first / name, second / name)
    policy = second / "policy.yaml"
    text = policy.read_text(encoding="utf-8")
    policy.write_text(text.replace("threads: 2", "threads: 1"), encoding="utf-8")
    rewrite(Home(first), Home(second), file_format=file_format, seed=7)
    release_all(second, PYTHONHASHSEED="12345", TZ=zone)
    expected = tree(first / "published" / "exports")
    assert len(expected) > 30
    assert tree(second / "published" / "exports") == expected
