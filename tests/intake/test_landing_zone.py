"""What lies in the landing zone: complete, incomplete, missing, or not a file at all."""

import hashlib
import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from raw_world import DAY, NOW, World, as_csv, as_json_lines, as_parquet, profile, visit

from anonymizer.intake import day_intake
from anonymizer.intake.landing_zone import survey
from anonymizer.model.errors import Held, InputsRejected


def held(world: World, now: float = NOW) -> str:
    with pytest.raises(Held) as caught:
        world.take_in(now)
    assert not world.written()
    return caught.value.reason


def test_a_missing_day_is_held_and_named_not_counted_as_zero_visits(world: World) -> None:
    (world.folder() / "v.csv").unlink()
    with pytest.raises(Held, match=str(DAY)) as caught:
        world.take_in()
    assert caught.value.reason == "missing_day"


def test_a_day_without_rows_is_held(world: World) -> None:
    world.visits(as_csv([visit()]).splitlines()[0] + b"\n")
    assert held(world) == "no_rows"


@pytest.mark.alternate("a day that has landed")
def test_a_file_without_rows_beside_others_is_a_warning(world: World) -> None:
    world.visits(as_csv([visit()]).splitlines()[0] + b"\n", "empty.csv")
    intake = world.take_in()
    assert [(w.table, w.code) for w in intake.warnings] == [("visits", "no_rows")]
    assert intake.accounts["visits"].counted == 1


def test_the_window_of_late_arrivals_must_be_there(world: World) -> None:
    (world.folder(1) / "_SUCCESS").unlink()
    assert held(world) == "not_yet_arrived"
    world.folder(1).rmdir()
    assert held(world) == "not_yet_arrived"


@pytest.mark.parametrize("table", ["profiles", "campaigns", "consents"])
def test_a_table_that_lacks_is_held(world: World, table: str) -> None:
    for path in (world.home.raw / table).rglob("*.csv"):
        path.unlink()
    assert held(world) == f"missing_{table}"


def test_no_requests_at_all_is_a_warning(world: World) -> None:
    (world.home.raw / "requests" / "r.csv").unlink()
    assert [str(w) for w in world.take_in().warnings] == ["requests: no_files (1)"]


def test_the_latest_snapshot_up_to_the_day_is_used_and_none_after(world: World) -> None:
    for offset, user in ((-3, "old"), (1, "new")):
        day = DAY + timedelta(days=offset)
        world.put(f"profiles/day={day}/p.csv", as_csv([profile(user)]))
    taken = [file.name for file in world.take_in().files if file.name.startswith("profiles")]
    assert taken == [f"profiles/day={DAY}/p.csv"]


def test_a_file_still_being_written_is_left_for_the_next_run(world: World) -> None:
    changed = (world.folder() / "v.csv").stat().st_mtime
    assert held(world, changed + 59) == "incomplete"
    assert world.take_in(changed + 3_600).accounts["visits"].counted == 1


def test_a_success_marker_says_that_the_folder_is_complete(world: World) -> None:
    changed = (world.folder() / "v.csv").stat().st_mtime
    for path in list(world.home.raw.rglob("*.csv")):
        (path.parent / "_SUCCESS").touch()
    assert world.take_in(changed).accounts["visits"].counted == 1


@pytest.mark.alternate("a day that has landed")
def test_a_manifest_that_lists_more_than_there_is_is_incomplete(world: World) -> None:
    files = [{"name": f"v{n}.csv"} for n in range(10)]
    (world.folder() / "_manifest.json").write_text(json.dumps({"files": files}))
    for n in range(9):
        world.visits(as_csv([visit(f"v{n}")]), f"v{n}.csv")
    assert held(world) == "incomplete"
    world.visits(as_csv([visit("v9")]), "v9.csv")
    assert world.take_in().accounts["visits"].counted == 10


def test_a_file_that_is_not_what_the_manifest_says_is_rejected(world: World) -> None:
    entry = {"name": "v.csv", "sha256": hashlib.sha256(b"other").hexdigest()}
    (world.folder() / "_manifest.json").write_text(json.dumps({"files": [entry]}))
    with pytest.raises(InputsRejected, match="manifest_digest"):
        world.take_in()


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"files": [1]}', b"\xff"])
def test_a_manifest_that_cannot_be_read_holds(world: World, content: bytes) -> None:
    (world.folder() / "_manifest.json").write_bytes(content)
    assert held(world) == "incomplete"


def test_links_pipes_folders_and_working_files_are_ignored_with_a_reason(
    world: World, tmp_path: Path
) -> None:
    folder = world.folder()
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_bytes(as_csv([visit("from-elsewhere")]))
    (folder / "link.csv").symlink_to(elsewhere)
    os.mkfifo(folder / "pipe.csv")  # opening it would wait forever
    (folder / "folder.csv").mkdir()
    for name in (".hidden.csv", "_draft.csv", "v9.csv.tmp", "v9.csv.part"):
        world.visits(as_csv([visit("draft")]), name)
    intake = world.take_in()
    ignored = {Path(f.name).name: f.reason for f in intake.files if f.status == "ignored"}
    assert ignored == {
        "link.csv": "symbolic_link",
        "pipe.csv": "pipe",
        "folder.csv": "folder",
        ".hidden.csv": "working_file",
        "_draft.csv": "working_file",
        "v9.csv.tmp": "working_file",
        "v9.csv.part": "working_file",
    }
    assert intake.accounts["visits"].read == 1


def test_names_that_no_run_reads_are_told(world: World) -> None:
    for name in (
        "visit",
        "Requests",
        "visits/2026-01-01",
        "visits/day=2026-1-1",
        "profiles/latest",
    ):
        (world.home.raw / name).mkdir()
    world.put("visits/v.csv", b"x")
    world.put("README.txt", b"x")
    world.put(".DS_Store", b"x")
    intake = world.take_in()
    ignored = {f.name: f.reason for f in intake.files if f.status == "ignored"}
    assert ignored == {
        **dict.fromkeys(["visit", "Requests", "README.txt"], "not_in_contract"),
        **dict.fromkeys(["visits/2026-01-01", "visits/day=2026-1-1", "visits/v.csv"], "not_a_day"),
        "profiles/latest": "not_a_day",
        ".DS_Store": "working_file",
    }
    assert intake.ignored == {"columns": 0, "files": 7}
    told = {w.file: w.code for w in intake.warnings}
    assert told["Requests"] == "ignored:not_in_contract"
    assert told[""] == "ignored:working_file"


@pytest.mark.parametrize("table", ["requests", "consents", "visits", "profiles", "campaigns"])
def test_a_table_that_is_a_link_or_a_file_holds_the_day(
    world: World, table: str, tmp_path: Path
) -> None:
    """Requests above all: without them, everybody who objected would count."""
    folder = world.home.raw / table
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert held(world) == "unread_folder"
    folder.unlink()
    folder.write_text("")
    assert held(world) == "unread_folder"


def test_everything_that_holds_a_day_is_found_at_once(world: World) -> None:
    (world.home.raw / "consents" / "c.csv").unlink()
    (world.folder() / "v.csv").unlink()
    (world.folder(1) / "_SUCCESS").unlink()
    found = survey(world.home.raw, DAY, world.policy.timing, NOW)
    assert [hold.reason for hold in found.waits] == [
        "missing_consents",
        "missing_day",
        "not_yet_arrived",
    ]
    assert [file.table for file in found.files] == ["campaigns", "requests", "profiles"]


def test_a_folder_that_is_a_link_is_not_followed(world: World, tmp_path: Path) -> None:
    folder = world.folder()
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert held(world) == "missing_day"


def test_a_file_that_becomes_a_link_after_the_survey_is_not_followed(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = day_intake.survey

    def survey_and_swap(*arguments: object) -> object:
        landing = honest(*arguments)  # type: ignore[arg-type]
        path = world.folder() / "v.csv"
        path.rename(tmp_path / "kept.csv")
        path.symlink_to(tmp_path / "kept.csv")
        return landing

    monkeypatch.setattr(day_intake, "survey", survey_and_swap)
    with pytest.raises(InputsRejected, match="unreadable"):
        world.take_in()


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_folders_by_the_hour_are_read_with_their_day(world: World, form: str) -> None:
    write = {"csv": as_csv, "jsonl": as_json_lines, "parquet": as_parquet}[form]
    for hour in ("00", "14", "9", "23"):
        (world.folder() / f"hour={hour}").mkdir()
        world.visits(write([visit(f"at-{hour}")]), f"hour={hour}/v.{form}")
    (world.folder(1) / "hour=01").mkdir()
    world.visits(write([visit("late")]), f"hour=01/v.{form}", offset=1)
    intake = world.take_in()
    assert intake.accounts["visits"].counted == 6
    names = {file.name for file in intake.files if "hour=" in file.name}
    assert f"visits/day={DAY}/hour=14/v.{form}" in names
    assert len(names) == 5


def test_a_day_of_folders_by_the_hour_alone_is_not_missing(world: World) -> None:
    (world.folder() / "v.csv").unlink()
    (world.folder() / "hour=14").mkdir()
    world.visits(as_csv([visit()]), "hour=14/v.csv")
    assert world.take_in().accounts["visits"].counted == 1


@pytest.mark.alternate("a day that has landed")
def test_an_hour_still_being_written_holds_the_day(world: World) -> None:
    (world.folder() / "hour=14").mkdir()
    path = world.visits(as_csv([visit("v2")]), "hour=14/v.csv")
    changed = (world.folder() / "v.csv").stat().st_mtime
    os.utime(path, (changed + 1_000, changed + 1_000))
    assert held(world, changed + 1_030) == "incomplete"
    (path.parent / "_SUCCESS").touch()
    assert world.take_in(changed + 1_030).accounts["visits"].counted == 2
    (path.parent / "_SUCCESS").rename(world.folder() / "_SUCCESS")
    assert world.take_in(changed + 1_030).accounts["visits"].counted == 2


@pytest.mark.parametrize(
    "place",
    [
        f"visits/day={DAY}/hour=24",
        f"visits/day={DAY}/hour=x",
        f"visits/day={DAY}/part=1",
        f"visits/day={DAY}/hour=14/minute=30",
        f"visits/day={DAY}/a/b/c",
        f"profiles/day={DAY}/region=31",
        f"consents/day={DAY}",
        f"requests/day={DAY}",
        "requests/hour=14",
        "campaigns/2026",
    ],
)
def test_files_in_a_folder_that_nobody_reads_hold_the_day(world: World, place: str) -> None:
    world.put(f"{place}/_draft.csv", b"")
    world.take_in()
    for path in world.home.private.rglob("*.parquet"):
        path.unlink()
    world.put(f"{place}/v.csv", as_csv([visit("v2")]))
    assert held(world) == "unread_folder"


def test_an_hour_that_is_a_link_is_neither_followed_nor_passed_over(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (world.folder() / "hour=14").symlink_to(tmp_path / "elsewhere")
    assert held(world) == "unread_folder"


def test_all_that_a_day_waits_for_is_told_at_once(world: World) -> None:
    for name in ("consents", "campaigns"):
        for path in (world.home.raw / name).rglob("*.csv"):
            path.unlink()
    (world.folder(1) / "_SUCCESS").unlink()
    with pytest.raises(Held) as caught:
        world.take_in()
    assert caught.value.reason == "missing_campaigns"
    for part in ("raw/campaigns", "raw/consents", f"raw/visits/day={DAY + timedelta(days=1)}"):
        assert part in str(caught.value)


def _no_late_folder(world: World) -> None:
    (world.folder(1) / "_SUCCESS").unlink()
    world.folder(1).rmdir()


def _no_consents(world: World) -> None:
    for path in (world.home.raw / "consents").rglob("*.csv"):
        path.unlink()


def _a_file_to_come(world: World) -> None:
    files = {"files": [{"name": "v.csv"}, {"name": "to-come.csv"}]}
    (world.folder() / "_manifest.json").write_text(json.dumps(files))


def _an_unread_folder(world: World) -> None:
    world.put(f"visits/day={DAY}/part=1/v.csv", as_csv([visit("v9")]))


@pytest.mark.parametrize(
    ("wait", "reason"),
    [
        (_no_late_folder, "may contain visits"),
        (_no_consents, "no files in raw/consents"),
        (_a_file_to_come, "1 of 2 files of the manifest are missing"),
        (_an_unread_folder, "part=1 has files"),
    ],
)
@pytest.mark.parametrize("content", [b"", b"visit_id,user_id\nv,canary\n", b"PAR1canary"])
def test_a_broken_file_is_told_while_the_day_waits(
    world: World, wait: Callable[[World], None], reason: str, content: bytes
) -> None:
    wait(world)
    world.visits(content, "broken.csv")
    with pytest.raises(InputsRejected, match=r"broken\.csv") as caught:
        world.take_in()
    assert [refused.file for refused in caught.value.files] == [f"visits/day={DAY}/broken.csv"]
    assert reason in str(caught.value).split("The day is also waiting: ")[1]
    assert "canary" not in str(caught.value)
    assert not world.written()
    (world.folder() / "broken.csv").unlink()
    with pytest.raises(Held) as waiting:
        world.take_in()
    assert reason in str(waiting.value)


def test_a_file_that_is_still_written_is_not_broken_yet(world: World) -> None:
    path = world.visits(b"visit_id,us", "half.csv")
    os.utime(path, (NOW - 1, NOW - 1))
    assert held(world) == "incomplete"


def _by_hour(world: World, *hours: str) -> None:
    for hour in hours:
        (world.folder() / f"hour={hour}").mkdir()
        world.visits(as_csv([visit(f"at-{hour}")]), f"hour={hour}/v.csv")


def _manifest(folder: Path, **files: str) -> None:
    entries = [{"name": name, "sha256": digest} for name, digest in files.items()]
    (folder / "_manifest.json").write_text(json.dumps({"files": entries}))


@pytest.mark.alternate("a day that has landed")
def test_the_manifest_of_a_day_can_name_files_of_its_hours(world: World) -> None:
    _by_hour(world, "00", "14")
    names = {"v.csv": "", "hour=00/v.csv": "", "hour=14/v.csv": ""}
    _manifest(world.folder(), **names)
    changed = (world.folder() / "hour=14" / "v.csv").stat().st_mtime
    for path in world.home.raw.rglob("*.csv"):
        if "visits" not in path.parts:
            (path.parent / "_SUCCESS").touch()
    assert world.take_in(changed).accounts["visits"].counted == 3
    _manifest(world.folder(), **names, **{"hour=15/v.csv": "", "hour=14/w.csv": ""})
    with pytest.raises(Held, match="2 of 5 files of the manifest are missing"):
        world.take_in()


@pytest.mark.alternate("a day that has landed")
def test_the_manifest_of_a_day_vouches_for_the_bytes_of_its_hours(world: World) -> None:
    _by_hour(world, "14")
    digest = hashlib.sha256((world.folder() / "hour=14" / "v.csv").read_bytes()).hexdigest()
    _manifest(world.folder(), **{"hour=14/v.csv": digest})
    assert world.take_in().accounts["visits"].counted == 2
    _manifest(world.folder(), **{"hour=14/v.csv": "0" * 64})
    with pytest.raises(InputsRejected, match="manifest_digest"):
        world.take_in()
    _manifest(world.folder() / "hour=14", **{"v.csv": digest})
    with pytest.raises(InputsRejected, match="state different digests"):
        world.take_in()
    _manifest(world.folder(), **{"hour=14/v.csv": ""})
    assert world.take_in().accounts["visits"].counted == 2
    _manifest(world.folder() / "hour=14", **{"v.csv": "0" * 64})
    with pytest.raises(InputsRejected, match="manifest_digest"):
        world.take_in()
