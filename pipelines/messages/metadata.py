"""Metadata that an engineer reads in Dagster: tables of counts, never of rows."""

from collections.abc import Mapping, Sequence

import dagster as dg

from anonymizer.model.accounting import RowAccount


def rows_table(accounts: Mapping[str, RowAccount]) -> dg.TableMetadataValue:
    """What became of the rows of each table, one line a reason."""
    lines = [
        (account.table, fate, reason, rows)
        for account in accounts.values()
        for fate, reason, rows in _fates(account)
    ]
    return counts_table(("table", "fate", "reason", "rows"), lines)


def counts_table(
    columns: Sequence[str], lines: Sequence[Sequence[str | int]]
) -> dg.TableMetadataValue:
    """A table; a column of numbers is one of integers."""
    sample: Sequence[str | int] = lines[0] if lines else columns
    kinds = ["integer" if isinstance(value, int) else "string" for value in sample]
    return dg.MetadataValue.table(
        [dg.TableRecord(dict(zip(columns, line, strict=True))) for line in lines],
        dg.TableSchema(
            [dg.TableColumn(name, kind) for name, kind in zip(columns, kinds, strict=True)]
        ),
    )


def _fates(account: RowAccount) -> list[tuple[str, str, int]]:
    return [
        ("read", "", account.read),
        ("counted", "", account.counted),
        ("duplicates", "", account.duplicates),
        *(("excluded", reason, rows) for reason, rows in sorted(account.excluded.items())),
        *(("quarantined", reason, rows) for reason, rows in sorted(account.quarantined.items())),
    ]
