"""A2, A4, A5, D1, D2, E3, E4: the same people asked about twice.

Readers keep what they received. Whatever is said about one group in one period more than once can
be subtracted, or averaged.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean, stdev

from attacks.published import Archive, Group, Seen, Table
from attacks.verdicts import Proof, Suspicion, Verdict

_FEW = 10
_CERTAIN = 3.0  # standard errors


@dataclass(frozen=True)
class Statement:
    """A figure as it stood at some look, None where nothing was said."""

    release: str
    subject: str
    start: date
    group: Group
    people: int | None


def rerun(seen: Seen, suspicion: Suspicion) -> Verdict:
    """A2: a period released again after its data changed; new less old."""
    return _changes("A2", seen, suspicion, more_is_present=True)


def erased(seen: Seen, suspicion: Suspicion) -> Verdict:
    """A4: a period released again after somebody was erased; old less new."""
    return _changes("A4", seen, suspicion, more_is_present=None)


def late(seen: Seen, suspicion: Suspicion) -> Verdict:
    """A5: the file that changes when late visits arrive names the day of the late visitor."""
    at_home = f"campaign-day-{suspicion.day}"
    changed = [name for name in _changed_files(seen.archive) if at_home in name]
    proofs = tuple(Proof("A5", name, "who came late", 1, 1) for name in changed)
    return Verdict(proofs, True if changed else None)


def new_settings(seen: Seen, suspicion: Suspicion) -> Verdict:
    """E3: a period under a second name, policy or advertiser, or again after a restore."""
    changes = _changes("E3", seen, suspicion, more_is_present=True)
    named: dict[tuple[str, str, date], set[str]] = {}
    for table in seen.tables:
        named.setdefault((table.series, table.subject, table.start), set()).add(table.release)
    twice = {key: releases for key, releases in named.items() if len(releases) > 1}
    proofs = [
        Proof("E3", f"{subject} {start}", f"{len(releases)} releases of one period", 0, 0)
        for (_, subject, start), releases in twice.items()
    ]
    return Verdict((*changes.proofs, *proofs), changes.present)


def repeats(seen: Seen, suspicion: Suspicion) -> Verdict:
    """D1: the mean of all draws of one figure, over versions of the files."""
    return _average("D1", _by_group(seen.archive), suspicion)


def variants(seen: Seen, suspicion: Suspicion) -> Verdict:
    """D2: the mean over names of one group, in one table and in copies of one campaign.

    Campaigns that send everybody on to each other are copies. Two groups are one if the same of
    their people can be counted, wherever their campaigns aim.
    """
    said: dict[tuple[str, str, date, Group], list[int]] = {}
    for table in seen.tables:
        sent_on = seen.sent_on.get(table.subject, ())
        alike = [other for other in sent_on if table.subject in seen.sent_on.get(other, ())]
        for group, people in table.names.values():
            if people is not None:
                subject = min([table.subject, *alike])
                counted = group.within(table.whole)
                said.setdefault((table.series, subject, table.start, counted), []).append(people)
    return _average("D2", said, suspicion)


def leftovers(seen: Seen, suspicion: Suspicion) -> Verdict:
    """E4: what a killed or a debugging run left behind beside the releases."""
    releases = {table.release for table in seen.tables}
    proofs = []
    for moment, files in seen.archive.moments.items():
        for name in files:
            kind, *rest = name.split("/")
            if kind == "releases" and rest[0] not in releases:
                proofs.append(Proof("E4", name, f"left behind, {moment}", 0, 0))
            if any(part.startswith((".", "tmp")) or "debug" in part for part in name.split("/")):
                proofs.append(Proof("E4", name, f"left behind, {moment}", 0, 0))
    present = _leftover_figure(seen, suspicion) if proofs else None
    return Verdict(tuple(proofs), present)


def _leftover_figure(seen: Seen, suspicion: Suspicion) -> bool | None:
    """Whether the victim's own group stands in what was left behind."""
    for moment in seen.archive.moments:
        for table in _debugged(seen.archive, moment):
            at_home = (table.subject, table.start) == (suspicion.campaign, suspicion.day)
            if at_home and suspicion.atom in table.figures:
                return table.figures[suspicion.atom] > suspicion.others
    return None


def _debugged(archive: Archive, moment: str) -> Sequence[Table]:
    return [t for t in archive.tables(moment) if t.release.startswith((".", "tmp", "debug"))]


def _changes(
    attack: str, seen: Seen, suspicion: Suspicion, *, more_is_present: bool | None
) -> Verdict:
    """Figures that changed by few people; a victim who left is known to have been there."""
    proofs, present = [], None
    for before, after in _changed_figures(seen.archive):
        change = (after.people or 0) - (before.people or 0)
        where = f"{after.release}/{after.subject}"
        proofs.append(Proof(attack, where, str(after.group), abs(change), abs(change)))
        at_home = (after.subject, after.start) == (suspicion.campaign, suspicion.day)
        if at_home and after.group.contains(suspicion.atom):
            present = change > 0 if more_is_present else change < 0
    return Verdict(tuple(proofs), present)


def _changed_files(archive: Archive) -> Sequence[str]:
    return [name for name, versions in archive.versions().items() if len(versions) > 1]


def _changed_figures(archive: Archive) -> Iterator[tuple[Statement, Statement]]:
    newest: dict[tuple[str, str, Group], Statement] = {}
    for statement in _restatements(archive):
        key = (statement.release, statement.subject, statement.group)
        before = newest.get(key)
        if before is not None and before.people != statement.people:
            yield before, statement
        newest[key] = statement


def _restatements(archive: Archive) -> Iterator[Statement]:
    """What was said at each look, of releases whose files were not always the same."""
    restated = {
        name.split("/")[1] for name in _changed_files(archive) if name.startswith("releases/")
    }
    known: set[tuple[str, str]] = set()
    for moment, files in archive.moments.items():
        fresh = {
            name.split("/")[1]
            for name, digest in files.items()
            if name.startswith("releases/") and (name, digest) not in known
        }
        known |= set(files.items())
        for table in archive.tables(moment, fresh & restated):
            for group, people in table.names.values():
                yield Statement(table.release, table.subject, table.start, group, people)


def _by_group(archive: Archive) -> Mapping[tuple[str, str, date, Group], Sequence[int]]:
    found: dict[tuple[str, str, date, Group], list[int]] = {}
    for said in _restatements(archive):
        if said.people is not None:
            key = (said.release, said.subject, said.start, said.group)
            found.setdefault(key, []).append(said.people)
    return found


def _average(
    attack: str,
    said: Mapping[tuple[str, str, date, Group], Sequence[int]],
    suspicion: Suspicion,
) -> Verdict:
    """Groups of which several values are known: the mean tells what no single one does."""
    proofs, present = [], None
    for (_, subject, start, group), values in said.items():
        if len(set(values)) < 2:
            continue
        proofs.append(Proof(attack, f"{subject} {start}", str(group), 1, _FEW - 1))
        if (subject, start, group) == (suspicion.campaign, suspicion.day, suspicion.atom):
            error = stdev(values) / len(values) ** 0.5
            near = fmean(values) - suspicion.others
            present = near > 0.5 if error * _CERTAIN < 1 else None
    return Verdict(tuple(proofs), present)
