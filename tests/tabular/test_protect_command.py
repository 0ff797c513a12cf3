"""`audience protect` as a process: files, exit codes, messages, and what it does not load."""

import hashlib
import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cells_world import KEY, ROWS, write_csv, write_world
from running import Done, call

HEAVY = ("dagster", "duckdb", "pandas", "pyarrow", "sqlalchemy", "rich", "faker", "xlsxwriter")


def audience(folder: Path, *arguments: str | Path) -> Done:
    """The command in a folder, without any home."""
    return call(*arguments, folder=folder, without=("AUDIENCE_HOME",))


def protect(folder: Path, *more: str | Path) -> Done:
    return audience(
        *(folder, "protect", "cells.csv", "--count", "people_counted"),
        *("--hierarchy", "region=regions.csv", "--out", "published.csv", *more),
    )


def test_all_files_are_written_and_nothing_else(tmp_path: Path) -> None:
    write_world(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    done = protect(
        tmp_path, "--rounding", "5", "--secret-file", "key", "--internal", "why.csv",
        "--report", "report.json",
    )  # fmt: skip
    report = json.loads((tmp_path / "report.json").read_text())

    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} - before == {
        "published.csv",
        "why.csv",
        "report.json",
    }
    assert stat.S_IMODE((tmp_path / "why.csv").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "report.json").stat().st_mode) == 0o600
    assert f"of {report['segments']['all']} segments are published in published.csv" in done.stdout
    assert report["settings"]["rounding"] == 5
    for name in ("published.csv", "why.csv"):
        digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        assert report["written"][name] == digest
    assert set(report["read"]) == {"cells.csv", "regions.csv"}
    assert KEY not in json.dumps(report)
    segments = report["segments"]
    assert segments["threshold"] + segments["inference"] + segments["kept"] == segments["all"]
    assert len(report["promise"]) == 3


@pytest.mark.parametrize(
    ("inference_k", "rounding", "zeros"),
    [("10", "1", "protect"), ("0", "1", "public"), ("10", "1", "public"), ("10", "10", "protect")],
)
def test_what_is_published_withstands_the_audit(
    tmp_path: Path, inference_k: str, rounding: str, zeros: str
) -> None:
    write_world(tmp_path)
    promise = ("--inference-k", inference_k, "--rounding", rounding, "--zeros", zeros)
    assert protect(tmp_path, *promise, "--secret-file", "key").returncode == 0
    hierarchy = ("--hierarchy", "region=regions.csv")
    done = audience(tmp_path, "audit", "published.csv", *hierarchy, *promise, "--k", "10")

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_second_run_gives_the_same_bytes(tmp_path: Path) -> None:
    write_world(tmp_path)
    contents = []
    for _ in range(2):
        assert protect(tmp_path, "--internal", "why.csv").returncode == 0
        contents.append([(tmp_path / n).read_bytes() for n in ("published.csv", "why.csv")])

    assert contents[0] == contents[1]


def test_what_is_printed_says_no_more_than_the_published_file(tmp_path: Path) -> None:
    write_world(tmp_path)
    done = protect(tmp_path, "--internal", "why.csv")

    assert "threshold" not in done.stdout + done.stderr
    assert "inference" not in done.stdout + done.stderr


def test_bad_input_ends_with_2_and_every_mistake_and_writes_nothing(tmp_path: Path) -> None:
    write_world(tmp_path, [*ROWS, ("w1", "f", 4), ("atlantis", "f", "many")])
    done = protect(tmp_path, "--k", "1", "--rounding", "5", "--hierarchy", "sex")

    assert done.returncode == 2
    for part in ("row 9", "'atlantis'", "row 10", "--k", "--secret-file", "not COLUMN=FILE"):
        assert part in done.stderr
    assert "many" not in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "published.csv").exists()


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("nofile.csv", None, "there is no such file"),
        ("folder.csv", "", "it is a folder"),
    ],
)
def test_why_a_file_cannot_be_read_is_said_in_words(
    name: str, content: str | None, problem: str, tmp_path: Path
) -> None:
    write_world(tmp_path)
    if content is not None:
        (tmp_path / name).mkdir()
    words = ("--count", "people_counted", "--out", "published.csv")
    for done in (
        audience(tmp_path, "protect", name, *words),
        audience(tmp_path, "protect", "cells.csv", *words, "--hierarchy", f"sex={name}"),
        audience(tmp_path, "audit", name, "--inference-k", "10"),
    ):
        assert done.returncode == 2
        assert problem in done.stderr
        assert "Error" not in done.stderr


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    write_world(tmp_path)
    (tmp_path / "key").chmod(0o644)
    done = protect(tmp_path, "--rounding", "5", "--secret-file", "key")

    assert done.returncode == 4
    assert "chmod 600" in done.stderr
    assert KEY not in done.stderr


def test_a_place_that_cannot_be_written_ends_with_6(tmp_path: Path) -> None:
    write_world(tmp_path)
    done = audience(
        *(tmp_path, "protect", "cells.csv", "--count", "people_counted"),
        *("--hierarchy", "region=regions.csv", "--out", "key/published.csv"),
    )
    assert done.returncode == 6


def test_unknown_words_of_the_command_end_with_2(tmp_path: Path) -> None:
    write_world(tmp_path)

    assert protect(tmp_path, "--zeros", "sometimes").returncode == 2
    assert audience(tmp_path, "protect").returncode == 2


def test_a_constant_column_is_named(tmp_path: Path) -> None:
    write_world(tmp_path)
    header = ("day", "region", "sex", "people_counted")
    write_csv(tmp_path / "cells.csv", header, [("d1", *row) for row in ROWS])

    assert "The column day has the same value in every row" in protect(tmp_path).stdout


@pytest.mark.alternate("start-up")
@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("protect", "--help"),
        ("protect", "cells.csv", "--count", "people_counted", "--out", "published.csv"),
    ],
)
def test_it_loads_nothing_that_it_does_not_need(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    write_world(tmp_path)
    program = (
        "import sys\nfrom cli.main import main\n"
        "try:\n    main()\nfinally:\n    print('loaded', *sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    loaded = set(done.stderr.split())

    assert "loaded" in loaded, done.stderr
    assert "anonymizer.model.errors" in loaded
    wanted = {"rich"} if "--help" in arguments else set()
    assert {name for name in HEAVY if name in loaded} == wanted


def test_the_page_shows_what_comes_out(tmp_path: Path) -> None:
    write_world(tmp_path)
    assert protect(tmp_path).returncode == 0
    page = (Path(__file__).parents[2] / "docs" / "protect.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| (\w+) \| (\w+) \| (\w+) \| (\d*) ?\|$", page, re.MULTILINE)

    assert len(shown) == 5
    assert {",".join(row) for row in shown} <= set(
        (tmp_path / "published.csv").read_text().splitlines()
    )


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that not even root can write in."""
    position = tmp_path / "read-only"
    position.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "none", position], capture_output=True, check=False
    ).returncode:
        pytest.skip("mounting needs the right to do so")
    yield position
    subprocess.run(["umount", "-l", position], check=True)


def test_folders_that_cannot_be_written_are_told_before_anything_is_computed(
    tmp_path: Path, read_only: Path
) -> None:
    write_world(tmp_path)
    others = ("--internal", "read-only/more/why.csv", "--report", "read-only/report.json")
    done = protect(tmp_path, *others)
    assert done.returncode == 6
    assert f"cannot write in {read_only}/more, {read_only} (" in unwrapped(done)
    assert not (tmp_path / "published.csv").exists()


def test_an_audit_asks_first_whether_it_can_write(tmp_path: Path, read_only: Path) -> None:
    write_world(tmp_path)
    assert protect(tmp_path).returncode == 0
    report = ("--hierarchy", "region=regions.csv", "--report", "read-only/audit.json")
    done = audience(tmp_path, "audit", "published.csv", "--inference-k", "10", *report)
    assert (done.returncode, done.stdout) == (6, "")
    assert f"cannot write in {read_only} (" in unwrapped(done)


def unwrapped(done: subprocess.CompletedProcess[str]) -> str:
    """What stands in the error output, however its lines are broken."""
    return " ".join(done.stderr.split())
