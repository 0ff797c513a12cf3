"""Lays the exports of a release into the folders of its advertisers."""

import json
import shutil
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from anonymizer.errors import Held, NoSpace
from anonymizer.exports.csv_file import csv_bytes
from anonymizer.exports.manifest import manifest_bytes
from anonymizer.exports.parquet_file import parquet_table
from anonymizer.exports.rows import export_rows
from anonymizer.exports.xlsx_file import xlsx_bytes
from anonymizer.files import move_into_place, sha256, write_bytes, write_parquet
from anonymizer.home import Home
from anonymizer.locking import exclusive
from anonymizer.release import Campaign, Release

MANIFEST = "manifest.json"


def write_exports(release: Release, home: Home) -> tuple[Path, ...]:
    """Write `exports/<advertiser_id>/<release_id>/`; returns these folders.

    Each folder appears as a whole. Equal folders that stand there already are left alone; one
    that differs was edited after publication and is refused (Held) before anything is written.
    """
    if not isinstance(release, Release):
        raise TypeError("exports are made of a release and of nothing else")
    staging = home.published / ".staging" / "exports"
    with exclusive(home):
        shutil.rmtree(staging, ignore_errors=True)
        try:
            moves = []
            for campaigns in _by_advertiser(release):
                target = home.exports / campaigns[0].advertiser_id / release.id
                staged = staging / campaigns[0].advertiser_id / release.id
                _fill(staged, release, campaigns)
                moves.append((staged, target))
            _refuse_edited(moves)
            for staged, target in moves:
                if not target.exists():
                    move_into_place(staged, target)
        except OSError as error:
            raise NoSpace("published/exports", type(error).__name__) from None
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return tuple(target for _, target in moves)


def unlike_manifest(folder: Path) -> list[str]:
    """Names of exported files that differ from the manifest, are missing or do not belong."""
    stated = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    present = {path.name for path in folder.iterdir()} - {MANIFEST}
    edited = {
        name for name in present & set(stated) if sha256(folder / name) != stated[name]["sha256"]
    }
    return sorted(edited | (present ^ set(stated)))


def _by_advertiser(release: Release) -> Iterator[list[Campaign]]:
    ordered = sorted(release.campaigns, key=lambda campaign: (campaign.advertiser_id, campaign.id))
    for _, campaigns in groupby(ordered, key=lambda campaign: campaign.advertiser_id):
        yield list(campaigns)


def _fill(folder: Path, release: Release, campaigns: Sequence[Campaign]) -> None:
    for campaign in campaigns:
        rows = list(export_rows(release, campaign))
        write_bytes(csv_bytes(rows), folder / f"{campaign.id}.csv")
        write_bytes(xlsx_bytes(rows, release), folder / f"{campaign.id}.xlsx")
        write_parquet(parquet_table(rows), folder / f"{campaign.id}.parquet")
    write_bytes(manifest_bytes(release, campaigns, folder), folder / MANIFEST)


def _refuse_edited(moves: Sequence[tuple[Path, Path]]) -> None:
    for staged, target in moves:
        if target.exists() and (name := _first_difference(staged, target)):
            raise Held(
                "export_edited",
                f"exports/{target.parent.name}/{target.name}/{name} is not what was published; "
                "restore it from its backup, or remove the folder and run the export again",
            )


def _first_difference(staged: Path, target: Path) -> str | None:
    """The name of a file that differs, is missing or does not belong there."""
    here, there = ({path.name: path for path in folder.iterdir()} for folder in (staged, target))
    for name in sorted({*here, *(name for name in there if not name.startswith("."))}):
        if name not in here or name not in there or sha256(here[name]) != sha256(there[name]):
            return name
    return None
