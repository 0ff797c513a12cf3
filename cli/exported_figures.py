"""Published figures as they stand in exports, with the sentences that ad-ops pass on."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from anonymizer.exports.export_folders import FOR_ALL, MANIFEST
from anonymizer.exports.file_names import workbook_name
from anonymizer.exports.notice import withdrawn
from anonymizer.model.alternatives import Known
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.periods import Period
from anonymizer.model.series import SERIES, first_edition
from anonymizer.release.corrections import corrected
from anonymizer.release.ledger import Ledger
from anonymizer.release.release import PUBLISHED
from anonymizer.storage.home import Home
from cli.selection import Language, Selection, matching, refuse_unknown

_COLUMNS = [
    *("advertiser_id", "subject_id", "subject", "period", "segment_id", "segment", "status"),
    *("people", "statement_english", "statement_indonesian"),
]


@dataclass(frozen=True)
class ExportedFigure:
    """A published figure in the words of its export."""

    release: str
    period: str
    advertiser_id: str
    campaign_id: str
    campaign: str
    segment_id: str
    segment: str
    people: int
    english: str
    indonesian: str

    def sentence(self, language: Language) -> str:
        """The statement in English or Indonesian."""
        return self.indonesian if language == "id" else self.english


@dataclass(frozen=True)
class _Folder:
    """An export folder, with the advertiser whose it is."""

    path: Path
    period: Period
    advertiser: str

    @property
    def release(self) -> str:
        return self.path.name

    @property
    def advertiser_id(self) -> str:
        return self.path.parent.name


@dataclass(frozen=True)
class _Known:
    """The campaigns and segments that were come across."""

    campaigns: set[tuple[str, str]]
    segments: set[tuple[str, str]]

    def noting(self, figures: Iterable[ExportedFigure]) -> list[ExportedFigure]:
        """The same figures, whose names are known from now on."""
        noted = list(figures)
        self.campaigns.update((figure.campaign_id, figure.campaign) for figure in noted)
        self.segments.update((figure.segment_id, figure.segment) for figure in noted)
        return noted

    def refuse(self, selection: Selection) -> None:
        """Raise ConfigurationError with the names that fit nothing, if there is anything."""
        if self.campaigns:
            refuse_unknown("campaign", selection.campaigns, self.campaigns)
            refuse_unknown("segment", selection.segments, self.segments)


def exported_figures(home: Home, ledger: Ledger, selection: Selection) -> list[ExportedFigure]:
    """The published figures that a selection asks for, of corrected periods the correction's.

    Without a period, those of the newest release that has any. Raises ConfigurationError with the
    names that fit nothing, and where nothing is published that fits them all.
    """
    folders = [folder for folder in _folders(home, ledger) if selection.fits(folder.period)]
    if folders:
        refuse_unknown("advertiser", selection.advertisers, _advertisers(folders))
    wanted = matching(selection.advertisers, _advertisers(folders))
    if selection.advertisers:
        folders = [folder for folder in folders if folder.advertiser_id in wanted]
    known = _Known(set(), set())
    for group in _groups(folders, selection):
        figures = known.noting(figure for folder in group for figure in _read(folder))
        if found := _chosen(figures, selection):
            return found
    known.refuse(selection)
    problem = (
        f"no figures are published for {selection}"
        if str(selection)
        else "nothing is published yet"
    )
    raise ConfigurationError([Fault("statements", problem, "see: audience ledger list")])


def period_of(release: str) -> Period:
    """The period of the release that has this id, whatever its edition."""
    first = first_edition(release)
    series = next(one for one in SERIES if first.startswith(f"{one.id}-"))
    return Period.from_id(first.removeprefix(f"{series.id}-"))


def chosen_folders(paths: Sequence[Path], selection: Selection) -> list[Path]:
    """The export folders that a selection asks for, withdrawn and corrected ones too.

    With campaigns or segments, those with a published figure of them. Raises ConfigurationError
    with the names that fit nothing.
    """
    folders = [_Folder(path, period_of(path.name), _advertiser(path)) for path in paths]
    owners = {*_advertisers(folders)}
    refuse_unknown("advertiser", selection.advertisers, owners)
    wanted = matching(selection.advertisers, owners)
    folders = [
        folder
        for folder in folders
        if selection.fits(folder.period)
        and (not selection.advertisers or folder.advertiser_id in wanted)
    ]
    if selection.campaigns or selection.segments:
        folders = _with_figures(folders, selection)
    newest = max((folder.period.start for folder in folders), default=None)
    return [f.path for f in folders if not selection.last or f.period.start == newest]


def chosen_workbooks(folder: Path, selection: Selection, language: Language) -> list[str]:
    """The workbooks of an export folder in a language, of the campaigns and segments asked for."""
    whole = not (selection.campaigns or selection.segments)
    export = _Folder(folder, period_of(folder.name), "")
    tables = sorted(folder.glob("*.parquet"))
    names = [
        workbook_name(path.stem, "indonesian" if language == "id" else "english")
        for path in tables
        if whole or _chosen(list(_read_file(export, path)), selection)
    ]
    return [name for name in names if (folder / name).exists()]


def _with_figures(folders: Sequence[_Folder], selection: Selection) -> list[_Folder]:
    known = _Known(set(), set())
    found = []
    for folder in folders:
        figures = known.noting(_read(folder))
        found += [folder] if _chosen(figures, selection) else []
    known.refuse(selection)
    return found


def known_advertisers(home: Home) -> Known:
    """Ids and names of those who have an export folder."""
    paths = sorted(home.exports.glob("*/*"))
    return {(path.parent.name, _advertiser(path)) for path in paths if path.parent.name != FOR_ALL}


def _folders(home: Home, ledger: Ledger) -> list[_Folder]:
    """Export folders in the order of the ledger, without those withdrawn or corrected."""
    entries = ledger.entries()
    gone = withdrawn(entries).keys() | corrected(entries).keys()
    return [
        _Folder(path, Period.from_id(entry.body["period"]), _advertiser(path))
        for entry in ledger.releases()
        if entry.subject not in gone
        for path in sorted(home.exports.glob(f"*/{entry.subject}"))
    ]


def _groups(folders: Sequence[_Folder], selection: Selection) -> Iterator[Sequence[_Folder]]:
    """What is looked through together: all of a period, or release after release, newest first."""
    if selection.last:
        for start in sorted({folder.period.start for folder in folders}, reverse=True):
            yield [folder for folder in folders if folder.period.start == start]
    elif selection.period or selection.every or selection.start or selection.end:
        yield folders
    else:
        for release in reversed(dict.fromkeys(folder.release for folder in folders)):
            yield [folder for folder in folders if folder.release == release]


def _chosen(figures: Sequence[ExportedFigure], selection: Selection) -> list[ExportedFigure]:
    campaigns = matching(selection.campaigns, {(one.campaign_id, one.campaign) for one in figures})
    segments = matching(selection.segments, {(one.segment_id, one.segment) for one in figures})
    return [
        one
        for one in figures
        if (not selection.campaigns or one.campaign_id in campaigns)
        and (not selection.segments or one.segment_id in segments)
    ]


def _read(folder: _Folder) -> Iterator[ExportedFigure]:
    for path in sorted(folder.path.glob("*.parquet")):
        yield from _read_file(folder, path)


def _read_file(folder: _Folder, path: Path) -> Iterator[ExportedFigure]:
    for row in pq.read_table(path, columns=_COLUMNS, partitioning=None).to_pylist():
        if row.pop("status") == PUBLISHED:
            yield ExportedFigure(
                release=folder.release,
                period=row["period"],
                advertiser_id=row["advertiser_id"],
                campaign_id=row["subject_id"],
                campaign=row["subject"],
                segment_id=row["segment_id"],
                segment=row["segment"],
                people=row["people"],
                english=row["statement_english"],
                indonesian=row["statement_indonesian"],
            )


def _advertisers(folders: Sequence[_Folder]) -> Known:
    return {(folder.advertiser_id, folder.advertiser) for folder in folders}


def _advertiser(folder: Path) -> str:
    """The advertiser's name as the manifest has it; empty where there is none."""
    try:
        advertiser = json.loads((folder / MANIFEST).read_bytes()).get("advertiser")
    except (OSError, ValueError):
        return ""
    return str(advertiser["name"]) if advertiser else ""
