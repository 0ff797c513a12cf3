"""What was read of all files but those of visits, for the other days of the same run.

These are whole snapshots or whole histories, so the days of a run read the same bytes again and
again. What became of a file is kept in memory under the digest of its bytes and the settings that
it was read with, and ends with the process: nothing of it is written, so there is nothing that an
erasure or the retention would have to find. It is what reading the file again would give. Whom an
objection concerns is decided afterwards, for each day anew, from the requests of that day.
"""

from dataclasses import dataclass, field

import pyarrow as pa

from anonymizer.intake import intake_limits
from anonymizer.intake.batches import RowFault
from anonymizer.intake.contract import Header
from anonymizer.intake.deduplication import FileRows

_KEPT = ("campaigns", "requests", "consents", "profiles")
AssessedAs = tuple[str, ...]
_UNREAD = Header((), (), ())


@dataclass
class AssessedFile:
    """A file as it is read: sound rows for whatever day (`claims`), pointers to the others.

    `room` is left for claims, in bytes: those of a file that needs more are forgotten. `filtered`
    is how many rows are not meant for the table.
    """

    room: int
    claims: list[pa.Table] = field(default_factory=list)
    rows: int = 0
    faults: tuple[RowFault, ...] = ()
    unread: tuple[pa.Table, ...] = ()
    header: Header = _UNREAD
    filtered: int = 0

    def add(self, claims: pa.Table) -> None:
        """Keep the sound rows of a batch, while there is room."""
        self.room -= claims.nbytes
        if self.room < 0:
            self.claims.clear()
        else:
            self.claims.append(claims)

    def end(self, gathered: FileRows, header: Header, filtered: int) -> None:
        """Note what is known when the file is read to its end."""
        self.rows, self.header, self.filtered = gathered.rows, header, filtered
        self.faults, self.unread = tuple(gathered.faults), tuple(gathered.unread)

    def outcome(self) -> tuple[int, list[RowFault], list[pa.Table]]:
        """Rows read, pointers to bad ones, and those of them whose person is known: as copies."""
        return self.rows, list(self.faults), list(self.unread)


@dataclass
class AssessedFiles:
    """Files by what they were read as: table, name, digest and settings.

    Holds at most `most_bytes` of claims; what was used longest ago goes first.
    """

    most_bytes: int = intake_limits.ASSESSED_BYTES
    _files: dict[AssessedAs, AssessedFile] = field(default_factory=dict)

    def find(self, key: AssessedAs) -> AssessedFile | None:
        """The file, if it was read in this run."""
        return self._files.get(key)

    def room_for(self, table: str) -> int:
        """How many bytes a file of a table may have, to be kept."""
        return self.most_bytes if table in _KEPT else -1

    def keep(self, key: AssessedAs, file: AssessedFile) -> None:
        """Keep a file for the other days, if its claims were."""
        if file.room < 0:
            return
        self._files.pop(key, None)
        self._files[key] = file
        while sum(self.most_bytes - kept.room for kept in self._files.values()) > self.most_bytes:
            del self._files[next(iter(self._files))]
