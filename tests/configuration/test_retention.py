"""Working data goes after its time, whatever stage wrote it; nothing else does."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.model.policy import Policy
from anonymizer.rights.retention import Report, outlook, prune, purge_closed, record, reports
from anonymizer.storage.files import write_parquet
from anonymizer.storage.home import Home


def test_partitions_older_than_the_policy_says_are_removed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    policy = Policy.model_validate({"retention": {"private_days": 34}})
    old = ["people/day=2026-10-16.parquet", "journal/intake/day=2026-09-01.json"]
    kept = ["people/day=2026-10-17.parquet", "people/notes.txt", "people/day=soon.parquet"]
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
    half_written = home.private / "people" / ".day=2026-11-19.parquet.1a2b.tmp"
    half_written.write_bytes(b"")
    removed = prune(home, policy, newest=date(2026, 11, 20))
    assert {str(path.relative_to(home.private)) for path in removed} == set(old)
    assert all((home.private / name).exists() for name in kept)
    assert not any((home.private / name).exists() for name in old)
    assert published.exists()
    assert not spilled.parent.exists()
    assert not half_written.exists()


def test_what_would_go_is_foreseen_and_what_went_is_counted_over_runs(tmp_path: Path) -> None:
    home, policy = Home(tmp_path), Policy.model_validate({"retention": {"private_days": 34}})
    newest = date(2026, 11, 20)
    for name in ("people/day=2026-10-16.parquet", "people/day=2026-10-15.parquet",
                 "journal/reach/day=2026-10-15.json", "people/day=2026-11-20.parquet"):  # fmt: skip
        path = home.private / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    foreseen = {"journal/reach": 1, "people": 2}
    assert outlook(home, policy, newest) == foreseen
    prune(home, policy, newest)
    prune(home, policy, newest)
    record(home, Report(newest, closed_rows={"profiles": 3}))
    record(home, Report(newest, closed_rows={"profiles": 1}, erased_rows={"visits": 2}))
    assert reports(home) == [Report(newest, foreseen, {"profiles": 4}, {"visits": 2})]
    assert outlook(home, policy, newest) == {}
    assert outlook(home, policy, date(2027, 1, 1)) == {"people": 1, "retention": 1}


def test_a_run_in_which_nothing_went_leaves_no_report(tmp_path: Path) -> None:
    home = Home(tmp_path)
    prune(home, Policy(), date(2026, 11, 20))
    assert reports(home) == []
    assert not home.private.exists()


def profiles(home: Home, day: date, **closed: bool) -> None:
    keys = pa.array([name.encode() * 16 for name in closed], pa.binary())
    rows = pa.table({"person_key": keys, "closed": pa.array(list(closed.values()), pa.bool_())})
    write_parquet(rows, home.working_file("profiles", day))
    write_parquet(rows.select(["person_key"]), home.working_file("consents", day))


def keys_of(home: Home, stage: str, day: date) -> str:
    rows = pq.read_table(home.working_file(stage, day), partitioning=None)["person_key"].to_pylist()
    return "".join(sorted(key[:1].decode() for key in rows))


def test_who_was_closed_too_long_ago_to_be_taken_in_goes_from_older_days_too(
    tmp_path: Path,
) -> None:
    """c was closed and is not taken in on the third day; o was open and left the raw zone."""
    home, days = Home(tmp_path), [date(2026, 11, number) for number in (18, 19, 20)]
    for day in days[:2]:
        profiles(home, day, c=True, k=True, o=False, p=False)
    profiles(home, days[2], k=True, p=False)
    assert purge_closed(home, days[:2]) == {}
    assert purge_closed(home, days[2:]) == {"consents": 2, "profiles": 2}
    for day in days[:2]:
        assert keys_of(home, "profiles", day) == keys_of(home, "consents", day) == "kop"
    assert purge_closed(home, days) == {}
