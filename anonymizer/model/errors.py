"""Every error that this product raises on purpose.

    AudienceError
    ├── ConfigurationError   policy.yaml, segments.yaml or a command is wrong      exit 2
    ├── InputRejected        a raw file is refused whole                          exit 3
    │   └── InputsRejected   all files that a run refused, in one error
    ├── Held                 computed or computable, but not published            exit 4
    │   ├── Disclosure       the auditor broke the release
    │   ├── LedgerBroken     the history cannot be trusted
    │   ├── RawZoneUnreachable   the bucket with the raw files does not answer
    │   ├── SecretProblem    the key is missing, changed or readable by others
    │   ├── FileChanged      an exported file is not as it was released           exit 8
    │   ├── FileRenamed      it is, under another name                            exit 9
    │   ├── FileMisplaced    it is of another release or recipient                exit 10
    │   └── FileUnsealed     there is nothing to check it by                      exit 11
    ├── Busy                 another run holds the lock                           exit 5
    └── NoSpace              a write failed for want of room or permission        exit 6

Messages say what was wrong, where, the limit and what to do. They carry file
names, row numbers, columns, reason codes and digests; never a value from a
person's row. No character of a name in them is obeyed by a terminal.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from anonymizer.model.escaping import visible, visible_lines


@dataclass(frozen=True)
class Fault:
    """One mistake in a configuration: where it stands, what is wrong, what would be right."""

    place: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.place}: {self.problem}" + (f" ({self.remedy})" if self.remedy else "")
        return visible(text)


_LISTED = 10


def first_few(things: Sequence[object]) -> str:
    """All of a few, the first of many and how many more: `3, 5 and 12 more`."""
    listed = ", ".join(map(str, things[:_LISTED]))
    return f"{listed} and {len(things) - _LISTED} more" if len(things) > _LISTED else listed


_WHY_UNREADABLE: Sequence[tuple[type[Exception], str]] = (
    (FileNotFoundError, "there is no such file"),
    (IsADirectoryError, "it is a folder"),
    (PermissionError, "this account may not read it"),
    (UnicodeDecodeError, "it is not text in UTF-8"),
)


def why_unreadable(error: Exception) -> str:
    """Why a file could not be read, in words; its content is not repeated."""
    found = next((words for kind, words in _WHY_UNREADABLE if isinstance(error, kind)), None)
    return found or f"it cannot be read ({type(error).__name__})"


class AudienceError(Exception):
    """Base of all; `exit_code` is what the command line returns."""

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(visible_lines(message))


class ConfigurationError(AudienceError):
    """A configuration holds mistakes; all of them are in `faults`.

    `block` is lines for a file, shown as they are to be pasted.
    """

    exit_code = 2

    def __init__(self, faults: Sequence[Fault], block: str = "") -> None:
        self.faults = tuple(faults)
        lines = "\n".join(f"  - {fault}" for fault in self.faults)
        one = len(self.faults) == 1
        below = f"\n\n{block}" if block else ""
        listed = str(self.faults[0]) if one else f"{len(self.faults)} mistakes:\n{lines}"
        super().__init__(listed + below)


@contextmanager
def gathered_into(faults: list[Fault]) -> Iterator[None]:
    """Put the mistakes of a ConfigurationError with the others and go on."""
    try:
        yield
    except ConfigurationError as error:
        faults += error.faults


class InputRejected(AudienceError):
    """A raw file is refused whole: nothing of it is used. `reason` is a code."""

    exit_code = 3

    def __init__(self, file: str, reason: str, digest: str = "", detail: str = "") -> None:
        self.file, self.reason, self.digest, self.detail = file, reason, digest, detail
        known = f" (sha256 {digest[:16]})" if digest else ""
        text = f"{file}{known} rejected: {reason}" + (f"; {detail}" if detail else "")
        super().__init__(visible(text))


class InputsRejected(InputRejected):
    """All raw files that a run refused; `files` holds one InputRejected for each.

    `waiting` says what the day would wait for if they were sound.
    """

    def __init__(self, files: Sequence[InputRejected], waiting: str = "") -> None:
        self.files = tuple(files)
        first = self.files[0]
        self.file, self.reason, self.digest = first.file, first.reason, first.digest
        self.detail = first.detail
        lines = "\n".join(f"  - {rejected}" for rejected in self.files)
        AudienceError.__init__(
            self,
            f"{len(self.files)} raw file(s) rejected, so nothing from this run is used; correct "
            "or remove them and run again:\n"
            f"{lines}" + (f"\nThe day is also waiting: {waiting}" if waiting else ""),
        )


class Held(AudienceError):
    """Nothing was published and what was published before stands. `reason` is a code."""

    exit_code = 4

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"held, {reason}: {detail}")


class Disclosure(Held):
    """The auditor found what a release would disclose; `findings` says which and how.

    The message names tables, kinds and segments only: figures that were not published have no
    business in a log.
    """

    def __init__(self, findings: Sequence[object]) -> None:
        self.findings = tuple(findings)
        listed = "; ".join(str(finding) for finding in self.findings[:5])
        more = f"; and {len(self.findings) - 5} more" if len(self.findings) > 5 else ""  # noqa: PLR2004
        super().__init__("disclosure", f"{len(self.findings)} finding(s): {listed}{more}")


class LedgerBroken(Held):
    """The ledger is missing, edited, truncated or does not match what is published."""

    def __init__(self, detail: str) -> None:
        super().__init__("ledger", detail)


class RawZoneUnreachable(Held):
    """The object store with the raw files does not answer, or refuses to list them."""

    def __init__(self, detail: str) -> None:
        super().__init__("raw_zone", detail)


class SecretProblem(Held):
    """The secret is missing, changed or not private while figures depend on it."""

    def __init__(self, detail: str) -> None:
        super().__init__("secret", detail)


class FileChanged(Held):
    """An exported file is not as it was released."""

    exit_code = 8

    def __init__(self, detail: str) -> None:
        super().__init__("file_changed", detail)


class FileRenamed(Held):
    """An exported file is as it was released, and has another name."""

    exit_code = 9

    def __init__(self, detail: str) -> None:
        super().__init__("file_renamed", detail)


class FileMisplaced(Held):
    """An exported file is of another release or recipient than the certificate that it is with."""

    exit_code = 10

    def __init__(self, detail: str) -> None:
        super().__init__("other_release", detail)


class FileUnsealed(Held):
    """A file has no seal in it and no certificate with it."""

    exit_code = 11

    def __init__(self, detail: str) -> None:
        super().__init__("no_seal", detail)


class Busy(AudienceError):
    """Another run is at work; `holder` says which process."""

    exit_code = 5

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(f"busy: {holder}; wait for it to end and run again")


class NoSpace(AudienceError):
    """A write failed; nothing that was published has changed."""

    exit_code = 6

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(
            f"no_space: cannot write in {place} ({problem}); free disk space or correct the "
            "permissions, then run again"
        )
