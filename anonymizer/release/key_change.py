"""Another key for a home whose key has leaked, and which key is the right one.

The new key draws and seals from the next release on. People, rows and requests keep their names, so
that a new release is judged against the groups of those before: a group that is near to one of
them shares its outcome, with whatever key that was drawn (promise 8). What is released does not
change.

The ledger decides what a kill leaves behind. The new key is written first, as `secret.key.next`;
then the change is recorded; then the file takes its place. Between the last two every run is held,
and the same command ends it.
"""

from collections.abc import Sequence
from pathlib import Path

from anonymizer.model.errors import ConfigurationError, Fault, SecretProblem
from anonymizer.model.reasons import require_fit
from anonymizer.release.ledger import RELEASE, Entry, Ledger
from anonymizer.release.public_ledger import check_public_ledger, write_public_ledger
from anonymizer.storage.files import take_over
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.secret import Secret, is_kept_elsewhere

KEY_CHANGE = "key_change"


def check_secret(entries: Sequence[Entry], secret: Secret) -> None:
    """Raise SecretProblem when the key is not that of the releases and changes so far."""
    first = _first(entries)
    in_force = first
    for entry in entries:
        before = _made_with(entry)
        if before and before != in_force:
            raise SecretProblem(
                f"sequence {entry.sequence} of the ledger was made with another key than the "
                "entries before it, and no change of the key is recorded; restore the ledger"
            )
        in_force = entry.subject if entry.kind == KEY_CHANGE else in_force
    if in_force and secret.fingerprint != in_force:
        changed = in_force != first
        raise SecretProblem(
            "secret.key is not the newest key in the ledger: a key change was not finished, or an "
            "older key was restored. Put the new key in place: audience change-key"
            if changed
            else "secret.key is not the key of the existing releases; restore it from its backup: "
            "another key would draw new figures for people already counted"
        )
    if first and secret.naming_fingerprint != first:
        raise SecretProblem(
            "secret.key lacks its second line, the key of the pseudonyms since the first release; "
            "restore it from its backup: groups could not be compared with earlier ones"
        )


def is_key_of(entries: Sequence[Entry], secret: Secret) -> bool:
    """Whether `check_secret` passes; releases that do not say their key are left out."""
    said = [entry for entry in entries if entry.kind != RELEASE or "secret" in entry.body]
    try:
        check_secret(said, secret)
    except SecretProblem:
        return False
    return True


def _first(entries: Sequence[Entry]) -> str:
    return next((made for made in map(_made_with, entries) if made), "")


def _made_with(entry: Entry) -> str:
    """The fingerprint of the key that an entry is the work of; empty where it does not say."""
    if entry.kind == KEY_CHANGE:
        return str(entry.body["replaces"])
    return str(entry.body["secret"]) if entry.kind == RELEASE else ""


def change_key(home: Home, ledger: Ledger, reason: str, target: Path | None) -> Secret:
    """Record a new key and put it in place; returns it.

    With `target` the key is written there and nowhere else: for a key that the environment names,
    which the operator exchanges. Called again after a kill, it ends what was begun. Raises
    ConfigurationError for a reason that cannot stand in public, for a target that is missing or
    not needed, and for a file with a key that is in use already or was replaced; SecretProblem,
    LedgerBroken, Busy, NoSpace.
    """
    require_fit(reason, "everybody can read it: leave it out")
    _check_target(target)
    written = target or home.secret.with_name(f"{home.secret.name}.next")
    with exclusive(home):
        entries = ledger.entries()
        check_public_ledger(home, [entry.link for entry in entries])
        new = _load_begun(entries, home, written, target)
        if new and _is_recorded(entries, new):
            _require_begun(entries, new, home, written, target)
        else:
            present = Secret.of(home)
            check_secret(entries, present)
            new = new or present.replace(written)
            _require_successor(new, present, written)
            body = {"replaces": present.fingerprint, "reason": reason}
            ledger.append(KEY_CHANGE, new.fingerprint, body)
        check_secret(ledger.entries(), new)
        write_public_ledger(ledger, home)
        if target is None:
            take_over(written, home.secret)
    return new


def _load_begun(
    entries: Sequence[Entry], home: Home, path: Path, target: Path | None
) -> Secret | None:
    """The new key that is there already. A damaged one of the home that was never recorded goes."""
    if not path.exists():
        return None
    try:
        return Secret.load(path)
    except SecretProblem:
        # While the key of the home is the one in force, the ledger knows of no other.
        if target or not is_key_of(entries, Secret.of(home)):
            raise
    path.unlink()
    return None


def _is_recorded(entries: Sequence[Entry], new: Secret) -> bool:
    return any((one.kind, one.subject) == (KEY_CHANGE, new.fingerprint) for one in entries)


def _require_begun(
    entries: Sequence[Entry], new: Secret, home: Home, path: Path, target: Path | None
) -> None:
    """Raise unless the last change is that to `new` and has still to be put in place."""
    last = [entry for entry in entries if entry.kind == KEY_CHANGE][-1]
    remedy = "name a new file" if target else "move it away"
    if new.fingerprint != last.subject:
        raise ConfigurationError([Fault(str(path), "has a key that was replaced", remedy)])
    if target is None and not home.secret.exists():
        return
    present = Secret.of(home)
    if present.fingerprint == new.fingerprint:
        raise ConfigurationError([Fault(str(path), "has the key in force", remedy)])
    if target and present.fingerprint != last.body["replaces"]:
        check_secret(entries, present)


def _check_target(target: Path | None) -> None:
    if is_kept_elsewhere() and target is None:
        remedy = "name a file for the new key, and put it where the environment reads it afterwards"
        raise ConfigurationError([Fault("--to", "the key is not in the home", remedy)])
    if target and not is_kept_elsewhere():
        remedy = "leave --to out: the file is exchanged"
        raise ConfigurationError([Fault("--to", "the key is secret.key of the home", remedy)])


def _require_successor(new: Secret, present: Secret, path: Path) -> None:
    """A file that is there already has to be what a killed change has left."""
    if new.naming_fingerprint != present.naming_fingerprint or new.fingerprint in (
        present.fingerprint,
        present.naming_fingerprint,
    ):
        remedy = "move it away"
        raise ConfigurationError([Fault(str(path), "is no new key of this home", remedy)])
