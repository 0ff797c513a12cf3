"""What there is to say about a day that was taken in: files, rows, warnings; never a value."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from anonymizer.intake.landing_zone import WORKING_FILE
from anonymizer.intake.objections import UnreadRow
from anonymizer.model.accounting import RowAccount
from anonymizer.model.errors import AudienceError


@dataclass(frozen=True)
class TakenFile:
    """What became of one file; `reason` is set when it was rejected or ignored."""

    name: str
    sha256: str
    rows: int
    status: str  # accepted | already_read | ignored | mapping
    reason: str = ""


@dataclass(frozen=True)
class Warned:
    """Something to look at that holds nothing back: a code, where and how often. Never a value.

    `rows` are the numbers of the first rows in `file`. `columns` are of the contract, or, where the
    code is `unknown_columns`, names that the contract does not know.
    """

    table: str
    code: str
    count: int = 1
    file: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.table}: {self.code} ({self.count})"


@dataclass(frozen=True)
class Intake:
    """The outcome of taking in one day. Accounts are by raw table.

    `unread` are the rows of requests and consents that cannot be read and are not decided about;
    `objections` says of each by its request key whether anybody has its user id. `unstated` says
    of how many profiles gender and region are not stated, for whatever reason; `people` of how many
    people a table has rows.
    """

    accounts: Mapping[str, RowAccount]
    files: tuple[TakenFile, ...]
    dropped_columns: Mapping[str, tuple[str, ...]]
    warnings: tuple[Warned, ...]
    unread: tuple[UnreadRow, ...] = ()
    objections: Mapping[bytes, bool] = field(default_factory=dict)
    unstated: Mapping[str, int] = field(default_factory=dict)
    people: Mapping[str, int] = field(default_factory=dict)

    @property
    def unmapped(self) -> Mapping[str, int]:
        """Of how many profiles a gender or region could not be mapped."""
        found: Counter[str] = Counter()
        for warned in self.warnings:
            if warned.table == "profiles" and warned.code.endswith("_not_mapped"):
                found[warned.code] += warned.count
        return dict(sorted(found.items()))

    @property
    def ignored(self) -> Mapping[str, int]:
        """How many columns, and files and folders, were passed over; working files aside."""
        files = [file for file in self.files if file.status == "ignored"]
        return {
            "columns": sum(len(columns) for columns in self.dropped_columns.values()),
            "files": sum(file.reason != WORKING_FILE for file in files),
        }


@dataclass(frozen=True)
class Inspected:
    """A day as a run would find it, and everything that would hold it, the first first.

    `intake` is missing, and the working files are not complete, when something could not be read
    as a whole; `warnings` and `files` are of what could be read.
    """

    problems: tuple[AudienceError, ...]
    warnings: tuple[Warned, ...]
    files: tuple[TakenFile, ...]
    unread: tuple[UnreadRow, ...]
    accounts: Mapping[str, RowAccount]
    intake: Intake | None
