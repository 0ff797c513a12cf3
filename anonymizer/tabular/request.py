"""A table to be protected, read from files and checked as a whole before anything is computed."""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anonymizer.model.errors import ConfigurationError, Fault, gathered_into
from anonymizer.model.hierarchies import Hierarchy, full_cross, read_hierarchy
from anonymizer.model.segments import Catalogue
from anonymizer.storage.secret import KEY_BYTES, Secret
from anonymizer.storage.text_columns import PARQUET
from anonymizer.tabular.requested_tables import read_tables
from anonymizer.tabular.rules import ProtectionRules, RuleSettings, make_rules
from anonymizer.tabular.table import Cells, read_cells

CSV = ".csv"


@dataclass(frozen=True)
class Files:
    """The files that are read and those that are written.

    `count` is the column of the cells that counts people; hierarchies stand by dimension.
    """

    cells: Path
    count: str
    hierarchies: Mapping[str, Path]
    tables: Path | None
    secret: Path | None
    published: Path
    internal: Path | None
    report: Path | None

    @property
    def read(self) -> tuple[Path, ...]:
        """What decides on the figures; the secret is not named."""
        return (self.cells, *self.hierarchies.values(), *([self.tables] if self.tables else []))

    @property
    def written(self) -> tuple[Path, ...]:
        """In the order of the options."""
        return tuple(path for path in (self.published, self.internal, self.report) if path)


@dataclass(frozen=True)
class Request:
    """A table, the segments wanted, and the rules that these have to keep."""

    cells: Cells
    catalogue: Catalogue
    rules: ProtectionRules
    secret: Secret


def read_request(files: Files, settings: RuleSettings, known: Sequence[Fault] = ()) -> Request:
    """Everything that the files and settings say.

    Raises ConfigurationError with the mistakes of all of them and those that are `known` already,
    SecretProblem for an unusable key.
    """
    faults = [*known, *_unusable(files)]
    hierarchies: dict[str, Hierarchy | None] = dict.fromkeys(files.hierarchies)
    for name, path in files.hierarchies.items():
        with gathered_into(faults):
            hierarchies[name] = read_hierarchy(path)
    with gathered_into(faults):
        rules = make_rules(settings)
    if settings.rounding > 1 and files.secret is None:
        problem = "a rounding above 1 is drawn with a secret key"
        faults.append(
            Fault("--secret-file", problem, "name a file that contains the key, mode 0600")
        )
    with gathered_into(faults):
        cells = read_cells(files.cells, files.count, hierarchies)
        if not faults:
            catalogue = _catalogue(cells, files.tables)
    if faults:
        raise ConfigurationError(faults)
    return Request(cells, catalogue, rules, _secret(files.secret))


def _catalogue(cells: Cells, tables: Path | None) -> Catalogue:
    return read_tables(tables, cells.dimensions) if tables else full_cross(cells.dimensions)


def _secret(path: Path | None) -> Secret:
    """The key; without a file one that is forgotten, as exact figures are not drawn."""
    return Secret.load(path) if path else Secret(secrets.token_bytes(KEY_BYTES))


def _unusable(files: Files) -> list[Fault]:
    """Files whose names say that they cannot be written, or would replace each other."""
    faults = [
        Fault(str(path), f"the name does not end in {CSV} or {PARQUET}")
        for path in (files.published, files.internal)
        if path and path.suffix not in {CSV, PARQUET}
    ]
    paths = [path.resolve() for path in (*files.read, *files.written)]
    uses = Counter([*paths, *([files.secret.resolve()] if files.secret else [])])
    return faults + [
        Fault(str(path), "this file would overwrite another file that the command names")
        for path in files.written
        if uses[path.resolve()] > 1
    ]
