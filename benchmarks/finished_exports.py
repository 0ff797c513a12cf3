"""The exports and the database of one large day: CPU seconds and peak memory of whole processes.

python benchmarks/finished_exports.py [--campaigns 20] [--figures 1700] [--history 20]

Makes releases of so many campaigns with so many figures each. One is exported in every format and
language; so many others are put into an analysts' database, into which the next one is inserted.
`partition` is its file of `published/figures`.
"""

import argparse
import dataclasses
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
from process_usage import run

from anonymizer.exports import database_growth, export_folders
from anonymizer.exports.database import build_database
from anonymizer.exports.file_seal import Sealer
from anonymizer.exports.partitioned_figures import partition_rows
from anonymizer.exports.segment_definitions import Definitions
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.model.segments import Catalogue, load_catalogue
from anonymizer.model.subjects import Campaign
from anonymizer.release import folder as release_folder
from anonymizer.release import release as releases
from anonymizer.release.release import Release
from anonymizer.storage.files import write_parquet
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

FIRST = date(2026, 1, 1)
WORK = ("nothing", "exports", "insertion", "partition")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=20)
    parser.add_argument("--figures", type=int, default=1_700)
    parser.add_argument("--history", type=int, default=20)
    parser.add_argument("--only", choices=WORK)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.folder:
        work(given, Home(given.folder))
        return
    print("| work | figures | CPU s beyond start | microseconds a figure | peak MB |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        build_history(given, home)
        options = ["--campaigns", str(given.campaigns), "--figures", str(given.figures)]
        command = [sys.executable, __file__, *options, "--history", str(given.history)]
        started = 0.0
        for name in WORK if given.only is None else ("nothing", given.only):
            done = run([*command, "--folder", folder, "--only", name], 900)
            assert done.exit_code == 0, done.said
            seconds, figures = done.cpu_seconds - started, given.campaigns * given.figures
            started = started or done.cpu_seconds
            each = 1e6 * seconds / figures
            peak = f"{done.peak_megabytes:.0f}"
            print(f"| {name} | {figures:,} | {seconds:.2f} | {each:.1f} | {peak} |", flush=True)


def build_history(given: argparse.Namespace, home: Home) -> None:
    """A database of earlier releases, and what it was made of."""
    known = catalogue()
    before = [large_release(known, given, number) for number in range(1, given.history + 1)]
    begin = time.process_time()
    path = build_database(before, home)
    rows = sum(release.figures.num_rows for release in before)
    seconds = time.process_time() - begin
    print(f"| build at once | {rows:,} | {seconds:.2f} | {1e6 * seconds / max(rows, 1):.1f} | |")
    names = tuple(release.id for release in before)
    digest = database_growth.sha256(path)
    state = database_growth.DatabaseState(digest, database_growth.layout(), names, rows)
    home.private.mkdir(parents=True, exist_ok=True)
    (home.private / "database.json").write_text(json.dumps(dataclasses.asdict(state)))


def work(given: argparse.Namespace, home: Home) -> None:
    """What is measured: start and the release alone, or what is made of it."""
    release = large_release(catalogue(), given, given.history + 1)
    if given.only == "exports":
        sealer = Sealer(release, "adv", Secret(bytes(range(32))))
        export_folders._fill(home.root / "exports", release.subjects, sealer, None)
    if given.only == "partition":
        rows = partition_rows(release, Definitions({release.number: {}}))
        write_parquet(rows, home.root / "figures.parquet")
    if given.only == "insertion":
        known = database_growth._read_state(home)
        assert known is not None
        vars(database_growth)["load_release"] = lambda *_: release
        database_growth._grow(home, None, known, [release.id])  # type: ignore[arg-type]


def catalogue() -> Catalogue:
    return load_catalogue(Path(str(files("anonymizer") / "defaults/segments.yaml")))


def large_release(known: Catalogue, given: argparse.Namespace, number: int) -> Release:
    """Every campaign has the most preferred segments of the catalogue."""
    rows = np.arange(given.figures, dtype=np.int32)
    day, policy = FIRST + timedelta(days=number), Policy()
    subjects = tuple(
        Campaign(f"cmp-{n:04d}", f"Campaign {n}", "adv", "PT Adv", FIRST, date(2026, 12, 31))
        for n in range(given.campaigns)
    )
    ids = [known.id(row) for row in rows.tolist()]
    return Release(
        id=f"campaign-day-{day}",
        number=number,
        kind="campaign",
        period=Period("day", day),
        provider=policy.provider,
        timezone=policy.timing.timezone,
        promise=policy.promise,
        base=10,
        error=23,
        policy_digest=hashlib.sha256(b"policy").hexdigest(),
        catalogue_digest=known.digest,
        subjects=subjects,
        segments=segments_of(known, rows),
        groups=release_folder._rows(release_folder._groups(known, rows), release_folder._GROUPS),
        figures=pa.table(
            {
                "subject_id": np.repeat([subject.id for subject in subjects], len(ids)),
                "segment_id": ids * len(subjects),
                "status": ["published"] * len(ids) * len(subjects),
                "people": 50 + 10 * np.arange(len(ids) * len(subjects)) % 5_000,
            },
            schema=release_folder._FIGURES,
        ),
        seal=releases._SEAL,
    )


def segments_of(known: Catalogue, rows: "np.ndarray") -> Mapping[str, releases.Segment]:
    names, made = release_folder._SEGMENTS.names, release_folder._segments(known, rows)
    described = (dict(zip(names, one, strict=True)) for one in made)
    return {one["id"]: releases._segment(one) for one in described}


if __name__ == "__main__":
    main()
