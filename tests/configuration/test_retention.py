"""Working data goes after its time, whatever stage wrote it; nothing else does."""

from datetime import date
from pathlib import Path

from anonymizer.home import Home
from anonymizer.policy import Policy
from anonymizer.retention import prune


def test_partitions_older_than_the_policy_says_are_removed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    policy = Policy.model_validate({"retention": {"private_days": 10}})
    old = ["people/day=2026-11-09.parquet", "journal/intake/day=2026-10-01.json"]
    kept = ["people/day=2026-11-10.parquet", "people/notes.txt", "people/day=soon.parquet"]
    for name in old + kept:
        path = home.private / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    published = home.published / "day=2020-01-01.parquet"
    published.parent.mkdir()
    published.write_bytes(b"")
    spilled = home.private / "spill-abc" / "duckdb_temp_storage"
    spilled.parent.mkdir()
    spilled.write_bytes(b"")
    removed = prune(home, policy, newest=date(2026, 11, 20))
    assert {str(path.relative_to(home.private)) for path in removed} == set(old)
    assert all((home.private / name).exists() for name in kept)
    assert not any((home.private / name).exists() for name in old)
    assert published.exists()
    assert not spilled.parent.exists()
