"""Brings a home that an earlier version made to the present version.

What was released is never written again: the ledger, the releases and the exports stay as they are,
and are read in every form that they ever had. What changes is what people edit, `policy.yaml`, and
what is made from releases, the analysts' database. Each is replaced by a rename, the policy last:
until then the home counts as one that has to be migrated, and doing it again does the rest.
"""

import stat
from dataclasses import dataclass

from anonymizer.exports.database import RENAMED_COLUMNS, build_database, has_earlier_columns
from anonymizer.exports.withdrawing import in_circulation
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.policy import Policy
from anonymizer.model.renamed_settings import Migrated, migrated
from anonymizer.release.publishing import load_releases
from anonymizer.storage.files import write_bytes
from anonymizer.storage.home import Home
from anonymizer.storage.permissions import require_places
from pipelines.history import open_ledger


@dataclass(frozen=True)
class MigrationPlan:
    """What has to change in a home: the new policy, and whether the database is made anew."""

    policy: Migrated
    rebuilds_database: bool

    @property
    def changes(self) -> tuple[str, ...]:
        """Every change, in words; none for a home of the present version."""
        columns = ", ".join(f"{before} is now {now}" for now, before in RENAMED_COLUMNS.items())
        rebuilt = f"published/segments.duckdb, built again from the releases: {columns}"
        return (
            *(f"policy.yaml, {change}" for change in self.policy.changes),
            *((rebuilt,) if self.rebuilds_database else ()),
        )


def plan_migration(home: Home) -> MigrationPlan:
    """What has to change. Writes nothing.

    Raises ConfigurationError for a home that is newer than this program, and with all mistakes that
    the new policy would have.
    """
    name = home.policy.name
    try:
        before = home.policy.read_bytes().decode()
    except UnicodeDecodeError:
        raise ConfigurationError([Fault(name, "this is not valid YAML")]) from None
    policy = migrated(before, name)
    if policy.changes:
        Policy.parse(policy.numbered)
    return MigrationPlan(policy, home.database.is_file() and has_earlier_columns(home.database))


def carry_out(plan: MigrationPlan, home: Home) -> None:
    """Make the changes. Raises LedgerBroken, Held or NoSpace, and leaves each file whole."""
    policy = home.policy.resolve()  # a link stays one
    if plan.policy.changes:
        require_places([policy])
    if plan.rebuilds_database:
        ledger = open_ledger(home)
        build_database(in_circulation(load_releases(home, ledger), ledger), home)
    if plan.policy.changes:
        mode = stat.S_IMODE(policy.stat().st_mode)
        write_bytes(plan.policy.text.encode(), policy, mode=mode)
