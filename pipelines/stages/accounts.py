"""Row accounts in the journal: what became of the rows of a day."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from anonymizer.model.accounting import RowAccount
from anonymizer.storage.home import Home
from pipelines.stages import journal


def account_facts(account: RowAccount) -> dict[str, Any]:
    """The account as JSON."""
    return asdict(account)


def read_account(facts: Mapping[str, Any]) -> RowAccount:
    """The account again; refuses one that does not add up."""
    return RowAccount(**facts)


def final_accounts(home: Home, day: date) -> dict[str, RowAccount]:
    """The account of each raw table for a day, as far as it has come.

    Visits are settled in two steps: intake passes rows on, counting excludes among these.
    """
    intake, reach = (journal.read(home, stage, day) for stage in ("intake", "reach"))
    accounts = {}
    if intake and not intake.trouble:
        accounts = {name: read_account(facts) for name, facts in intake.facts["accounts"].items()}
    if reach and not reach.trouble and "visits" in accounts:
        accounts["visits"] = _combined(accounts["visits"], read_account(reach.facts["account"]))
    return accounts


def _combined(accepted: RowAccount, counted: RowAccount) -> RowAccount:
    """One account of the rows: what counting excluded was counted as accepted before."""
    return RowAccount(
        accepted.table,
        accepted.read,
        counted.counted,
        accepted.duplicates + counted.duplicates,
        dict(Counter(accepted.excluded) + Counter(counted.excluded)),
        dict(Counter(accepted.quarantined) + Counter(counted.quarantined)),
    )
