"""Brings a home that an earlier version made to the present version.

What was released is never written again: the ledger, the releases and the exports stay as they are,
and are read in every form that they ever had. What changes is what people edit: `policy.yaml`.
"""

import stat

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.policy import Policy
from anonymizer.model.renamed_settings import Migrated, migrated
from anonymizer.storage.files import write_bytes
from anonymizer.storage.home import Home
from anonymizer.storage.permissions import require_paths


def plan_migration(home: Home) -> Migrated:
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
        Policy.parse(policy.same_lines)
    return policy


def carry_out(plan: Migrated, home: Home) -> None:
    """Make the changes: the file is replaced by a rename. Raises NoSpace."""
    if not plan.changes:
        return
    policy = home.policy.resolve()  # a link stays one
    require_paths([policy])
    mode = stat.S_IMODE(policy.stat().st_mode)
    write_bytes(plan.text.encode(), policy, mode=mode)
