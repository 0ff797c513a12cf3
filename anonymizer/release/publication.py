"""Publishes what the gate has checked, once, and recovers from any interruption.

The order is: write into `published/.staging/<release>`, fsync, keep the state that later releases
are judged against, append to the ledger, write its public part, rename.
The ledger alone decides what a crash leaves behind: what it holds is finished, what it does
not hold is removed. While the history cannot be trusted (ledger missing, edited or at odds with
the folders, secret changed) everything is held.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from anonymizer.model.accounting import RowAccount
from anonymizer.model.errors import (
    AudienceError,
    Held,
    LedgerBroken,
    NoSpace,
    first_few,
)
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.model.series import Series, edition_of
from anonymizer.model.subjects import Subject
from anonymizer.model.tables import SubjectKind
from anonymizer.release.acceptances import ACCEPTED_DAYS, RELEASED_UNDER
from anonymizer.release.corrections import corrected, find_order, newest, open_order
from anonymizer.release.earlier_releases import bearing
from anonymizer.release.folder import write_contents
from anonymizer.release.gate import Checked
from anonymizer.release.key_change import check_secret
from anonymizer.release.ledger import RELEASE, Entry, Ledger
from anonymizer.release.near_state import (
    keep_state,
    lost_state,
    near_history,
    recorded_state,
    state_file,
)
from anonymizer.release.public_ledger import check_public_ledger, write_public_ledger
from anonymizer.release.release import Release, check_folder, read_release
from anonymizer.storage.files import PUBLIC, make_folder, move_into_place
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.secret import Secret


@dataclass(frozen=True)
class Facts:
    """What the ledger records of a release beside its figures.

    `inputs` maps the name of each raw file to its SHA-256, `accounts` the raw tables to what
    became of their rows. `acceptance` is the subject of the acceptance that an implausible day is
    released under, `accepted_days` are those of the days of a longer period. `objections` is the
    day whose consents and requests acted on it, where that is not its closing day.
    """

    policy: Policy
    subjects: Sequence[Subject]
    inputs: Mapping[str, str]
    accounts: Mapping[str, RowAccount]
    code_version: str
    acceptance: str = ""
    accepted_days: tuple[str, ...] = ()
    objections: date | None = None


@dataclass(frozen=True)
class Publication:
    """A release, and whether it had been released before this call, which then changed nothing."""

    release: Release
    already_released: bool


def publish(
    checked: Checked, facts: Facts, home: Home, ledger: Ledger, secret: Secret
) -> Publication:
    """Release the figures, or return the release of that period if there is one.

    A released period never changes: it is returned as it stands, whatever the figures are now.
    A correction is a release of its own; the ledger has to hold its order.
    Raises LedgerBroken or SecretProblem when the history cannot be trusted, Held when the figures
    were not checked together with what bears on them, NoSpace when a write failed; what was
    published before is untouched in every case.
    """
    if not isinstance(checked, Checked):
        raise TypeError("only figures that the gate has checked are published")
    wanted = checked.release_id
    with exclusive(home):
        lost = _finish(home, ledger)
        check_secret(ledger.entries(), secret)
        entry = ledger.find_release(wanted)
        if entry is None:
            _hold_if_lost(lost, ledger)
            _refuse_unordered(checked, ledger)
        elif entry not in lost:
            write_public_ledger(ledger, home)
            return Publication(_read(home, ledger, entry), already_released=True)
        _refuse_other_history(checked, home, ledger)
        with _staging(home, wanted) as staged:
            corrects = order.corrects if (order := find_order(ledger, wanted)) else ""
            digests = write_contents(checked, facts.policy, facts.subjects, staged, corrects)
            if entry is None:
                state = keep_state(home, wanted, checked.state)
                public = _public(checked, facts, digests, ledger)
                private = _private(checked, facts, secret, state)
                entry = ledger.append(RELEASE, wanted, public, private)
            elif entry.body["files"] != digests:
                raise _not_the_same(wanted)
        # First what says so, then what it says: a folder that nothing vouches for is an alarm.
        write_public_ledger(ledger, home)
        move_into_place(staged, home.releases / wanted)
        return Publication(_read(home, ledger, entry), already_released=False)


def released(
    home: Home, ledger: Ledger, secret: Secret, kind: SubjectKind, period: Period
) -> Publication | None:
    """The release of a period that is in force, every byte checked.

    None where the period has none, or has lost it.

    Raises LedgerBroken or SecretProblem as `publish` does.
    """
    entry = newest(ledger, Series(kind, period.kind), period)
    if entry is None or not (home.releases / entry.subject).is_dir():
        return None
    check_secret(ledger.entries(), secret)
    return Publication(_read(home, ledger, entry), already_released=True)


def load_release(home: Home, ledger: Ledger, wanted: str) -> Release:
    """One release, every byte checked. Raises LedgerBroken, naming the file that differs."""
    entry = ledger.find_release(wanted)
    if entry is None:
        raise LedgerBroken(f"{wanted} is not in the ledger; it was never released")
    return _read(home, ledger, entry)


def load_releases(home: Home, ledger: Ledger) -> list[Release]:
    """All releases in the order of the ledger, every byte checked. Raises LedgerBroken."""
    entries = ledger.releases()
    _check_folders(home, entries)
    return [_read_as(home, ledger, number, entry) for number, entry in enumerate(entries, start=1)]


def _finish(home: Home, ledger: Ledger) -> list[Entry]:
    """Let the ledger decide on all staged folders; returns entries whose folder is lost."""
    history = ledger.entries()
    check_public_ledger(home, [entry.link for entry in history])
    entries = [entry for entry in history if entry.kind == RELEASE]
    _check_folders(home, entries)
    recorded = {entry.subject: entry for entry in entries}
    write_public_ledger(ledger, home)
    for name in sorted(_folders(_staging_area(home))):
        staged, target = _staging_area(home) / name, home.releases / name
        if name in recorded and not target.exists() and _is_whole(staged, recorded[name]):
            move_into_place(staged, target)
        else:
            _remove(staged)
    return [entry for entry in entries if not (home.releases / entry.subject).is_dir()]


def restore_state(checked: Checked, home: Home, ledger: Ledger) -> None:
    """Write the lost state file of a release again.

    Raises Held `near_state_lost` when the working data no longer give what was judged then.
    """
    entry = ledger.find_release(checked.release_id)
    if entry is None:
        return
    with exclusive(home):
        keep_state(home, entry.subject, checked.state)
        if lost_state(home, entry):
            state_file(home, entry.subject).unlink()
            raise Held(
                "near_state_lost",
                f"the working data of {entry.subject} no longer give the groups that were judged "
                "for it; restore its file in private/near from a backup",
            )


def _refuse_other_history(checked: Checked, home: Home, ledger: Ledger) -> None:
    series, period, compared = checked.series, checked.period, checked.comparison
    before = bearing(ledger, series, period, checked.edition)
    linked = tuple(entry.subject for entry in before.values())
    near = near_history(
        home, ledger, series, period, checked.promise.near_days, edition=checked.edition
    )
    if compared.linked != linked or compared.near != near.digest:
        raise Held(
            "history_changed",
            f"{checked.release_id} was not compared with exactly the releases that now come "
            "before it; run its period again",
        )


def _refuse_unordered(checked: Checked, ledger: Ledger) -> None:
    """Let a correction pass only as the ledger has it in order."""
    order = open_order(ledger, checked.series, checked.period)
    expected = order.release if order else checked.series.release_id(checked.period)
    if checked.release_id != expected:
        raise Held(
            "history_changed",
            f"{checked.release_id} is not the release that the ledger expects for this period; "
            "run its period again",
        )


def _check_folders(home: Home, entries: Sequence[Entry]) -> None:
    unknown = sorted(_folders(home.releases) - {entry.subject for entry in entries})
    if unknown:
        missing = "the ledger is missing" if not entries else f"the ledger lacks {unknown[0]}"
        raise LedgerBroken(
            f"{missing} while {len(unknown)} release(s) that it should contain are published; "
            "restore the ledger from its backup. Nothing is published until then"
        )


def _hold_if_lost(lost: Sequence[Entry], ledger: Ledger) -> None:
    """Say of each lost release what to do. The newest edition of a period can be made again."""
    if lost:
        superseded = corrected(ledger.entries())
        lost_states = [_lost_state(entry, superseded.get(entry.subject)) for entry in lost]
        raise Held(
            "release_lost",
            f"{len(lost)} release(s) are in the ledger but not in published/releases: "
            f"{first_few(lost_states)}",
        )


def _lost_state(entry: Entry, corrected_by: str | None) -> str:
    name, number = entry.subject, edition_of(entry.subject)
    restore = f"restore published/releases/{name} from its backup"
    if corrected_by:
        return (
            f"{name} (edition {number}, corrected by {corrected_by}): {restore}; a run makes only "
            "the newest edition of a period"
        )
    what = f" (edition {number}, corrects {entry.body['corrects']})" if number > 1 else ""
    return f"{name}{what}: {restore}, or run its period again with: audience run"


def require_releases(home: Home, ledger: Ledger) -> None:
    """Refuse a home that lacks a release, or has one that the ledger does not know.

    A release that is staged as recorded is not lost: the next run puts it into its place. Raises
    LedgerBroken, Held `release_lost`.
    """
    entries = ledger.releases()
    _check_folders(home, entries)
    lost = [
        entry
        for entry in entries
        if not (home.releases / entry.subject).is_dir()
        and not _is_whole(_staging_area(home) / entry.subject, entry)
    ]
    _hold_if_lost(lost, ledger)


def _not_the_same(name: str) -> LedgerBroken:
    return LedgerBroken(
        f"{name} was released with other figures than its data give now, and its folder is "
        "lost; restore the folder from its backup. A released period never changes"
    )


def _public(
    checked: Checked, facts: Facts, digests: Mapping[str, str], ledger: Ledger
) -> dict[str, Any]:
    """What anyone may see of the entry: digests of what is published, and of its terms."""
    under: dict[str, Any] = {RELEASED_UNDER: facts.acceptance} if facts.acceptance else {}
    if facts.accepted_days:
        under[ACCEPTED_DAYS] = list(facts.accepted_days)
    order = find_order(ledger, checked.release_id)
    return {
        **under,
        **({"corrects": order.corrects, "reason": order.reason} if order else {}),
        "period": checked.period.id,
        "files": dict(digests),
        "policy": facts.policy.digest,
        "catalogue": checked.catalogue.digest,
        "code": facts.code_version,
    }


def _private(checked: Checked, facts: Facts, secret: Secret, state: str) -> dict[str, Any]:
    rows = {table: asdict(account) for table, account in facts.accounts.items()}
    return {
        "inputs": dict(facts.inputs),
        "rows": rows,
        "audit": dict(checked.summary),
        "near": recorded_state(state, checked.comparison.near, checked.promise),
        "secret": secret.fingerprint,
        "salt": secret.salt(checked.release_id),
        **({"objections": facts.objections.isoformat()} if facts.objections else {}),
    }


def _read(home: Home, ledger: Ledger, entry: Entry) -> Release:
    return _read_as(home, ledger, ledger.number(entry), entry)


def _read_as(home: Home, ledger: Ledger, number: int, entry: Entry) -> Release:
    folder = home.releases / entry.subject
    if not folder.is_dir():
        _hold_if_lost([entry], ledger)
    return read_release(folder, number, entry.body["files"])


def _staging_area(home: Home) -> Path:
    return home.published / ".staging" / "releases"


@contextmanager
def _staging(home: Home, name: str) -> Iterator[Path]:
    """A folder to fill and record; removed when a refusal or a full disk comes in between."""
    folder = _staging_area(home) / name
    try:
        make_folder(folder, PUBLIC)
        yield folder
    except OSError as error:
        _remove(folder)
        raise NoSpace("published", type(error).__name__) from None
    except AudienceError:
        _remove(folder)
        raise


def _is_whole(folder: Path, entry: Entry) -> bool:
    if not folder.is_dir():
        return False
    try:
        check_folder(folder, entry.body["files"])
    except LedgerBroken:
        return False
    return True


def _folders(place: Path) -> set[str]:
    if not place.is_dir():
        return set()
    return {path.name for path in place.iterdir() if not path.name.startswith(".")}


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
